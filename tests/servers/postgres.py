"""A real PostgreSQL of the test's own, on a free loopback port, with a password, in a temporary folder.

`postgres_server()` starts it; it ends with the context, by its own process id. Each test takes a database of its
own from it. Where no PostgreSQL is installed `Missing` says so.
"""

from __future__ import annotations

import getpass
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

_PLACES = ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt")
_UNPRIVILEGED = ("postgres", "nobody")
_READY_WITHIN = 30.0
_USER = "andon"


class Missing(Exception):
    """Why there can be no server here."""


def _programs() -> Path:
    """The folder of `initdb` and `postgres`, the newest version's."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = [folder for place in _PLACES for folder in Path(place).glob("*/bin") if (folder / "initdb").is_file()]
    if not found:
        raise Missing("PostgreSQL is not installed (Debian: the package postgresql)")
    return max(found, key=lambda folder: [int(part) for part in folder.parent.name.split(".") if part.isdigit()])


def _account() -> str | None:
    """Whom to run the server as: PostgreSQL refuses to run as root. None: as ourselves."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _UNPRIVILEGED:
        if name in known:
            return name
    raise Missing("PostgreSQL does not run as root, and there is no other account to run it as")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresServer:
    """One server; it can be stopped, killed and started again on the same data and port."""

    def __init__(self, folder: Path, *, settings: Sequence[str] = ()) -> None:
        self._programs = _programs()
        self._account = _account()
        self._folder = folder
        self._settings = tuple(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._shared: str | None = None
        self.data = folder / "data"
        self.port = free_port()
        self.password = secrets.token_hex(16)
        if self._account is not None:
            shutil.chown(folder, self._account)
        self._initialise()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _initialise(self) -> None:
        password = self._folder / "password"
        password.write_text(self.password)
        password.chmod(0o600)
        if self._account is not None:
            shutil.chown(password, self._account)
        made = subprocess.run(
            [
                self._programs / "initdb", "--pgdata", self.data, "--username", _USER, "--pwfile", password,
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync",
            ],
            user=self._account, cwd=self._folder, capture_output=True, text=True, check=False,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        )  # fmt: skip
        if made.returncode:
            raise Missing(f"initdb failed: {made.stderr.strip()[-500:]}")

    def start(self) -> None:
        assert self._process is None, "the server is running already"
        options = [
            f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100",
            "shared_buffers=64MB", *self._settings,
        ]  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.data, *(it for option in options for it in ("-c", option))],
                user=self._account, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + _READY_WITHIN
        while True:
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = (self._folder / "log").read_text(errors="replace")[-2000:]
                    self.kill()
                    raise Missing(f"PostgreSQL did not start:\n{log}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        """An orderly end that does not wait for clients to leave."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """An end without a checkpoint: the next start recovers from its log."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{_USER}:{quote(self.password)}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        import psycopg

        self._made += 1
        name = f"test_{self._made}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def new_schema(self) -> tuple[str, str]:
        """The URL of a database that others use too, and a name that no schema has there: cheaper than a database."""
        import psycopg

        if self._shared is None:
            self._shared = self.new_database()
            with suppress(psycopg.Error), psycopg.connect(self._shared, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION pg_trgm SCHEMA public")  # a database has it once, for all
        self._made += 1
        return self._shared, f"test_{self._made}"

    def files_of(self, url: str) -> bytes:
        """All that a database keeps in its files, once everything is written to them."""
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
        assert row is not None
        found = bytearray()
        for path in sorted((self.data / "base" / str(row[0])).iterdir()):
            with suppress(FileNotFoundError):  # of a table that is being dropped
                found += path.read_bytes()
        return bytes(found)


@contextmanager
def postgres_server(*, durable: bool = False, settings: Sequence[str] = ()) -> Iterator[PostgresServer]:
    """A server while the context lasts; `durable`: it waits for the disk, as it must outside tests.

    Raises `Missing`.
    """
    quick = () if durable else ("fsync=off", "full_page_writes=off")
    folder = Path(tempfile.mkdtemp(prefix=f"andon-postgres-{getpass.getuser()}-"))
    folder.chmod(0o755)
    try:
        server = PostgresServer(folder, settings=(*quick, *settings))
        try:
            server.start()
            yield server
        finally:
            server.kill()  # nothing of it is kept, so it need not write down anything
    finally:
        shutil.rmtree(folder, ignore_errors=True)

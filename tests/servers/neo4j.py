"""A real Neo4j of the tests' own, on free loopback ports, with a password, in a folder of the caller's.

`Neo4jServer(folder)` starts and stops it, by its own process id; its data stay in the folder between. It is of the
long-term line, or of the one that NEO4J_VERSION or the caller names (`LINES`). The jars come from `scripts/neo4j`;
where they or a Java are missing, `Missing` says so. To look around in one by hand:

    python -m tests.servers.neo4j FOLDER
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

USER = "neo4j"
_SCRIPT = Path(__file__).parents[2] / "scripts" / "neo4j"
_READY_WITHIN = 120.0
LONG_TERM, NEWEST = "5.26", "2026"


@dataclass(frozen=True)
class _Line:
    main: str
    java: tuple[int, int]
    """The first and the last version of Java that it runs on."""


LINES = {
    LONG_TERM: _Line("org.neo4j.server.CommunityEntryPoint", (17, 21)),
    NEWEST: _Line("org.neo4j.server.Neo4jCommunity", (21, 25)),
}
_JVMS = ("/usr/lib/jvm/*", "/usr/java/*", "/opt/java/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home")
_OPENED = ("java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch")  # to all: what its network layer asks for
_SETTINGS = """\
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{bolt}
server.bolt.advertised_address=127.0.0.1:{bolt}
server.http.listen_address=127.0.0.1:{http}
server.http.advertised_address=127.0.0.1:{http}
server.https.enabled=false
dbms.usage_report.enabled=false
"""
_MEMORY = {"server.memory.pagecache.size": "128m"}


class Missing(Exception):
    """Why there can be no server here."""


def _java(line: str) -> str:
    """A Java that the line runs on: JAVA_HOME's, the one on the path, or one that stands where they are kept."""
    first, last = LINES[line].java
    found: dict[int, str] = {}
    for java in _javas():
        if version := _version_of(java):
            found.setdefault(version, java)
    suitable = [java for version, java in found.items() if first <= version <= last]
    if not suitable:
        others = f", found {', '.join(map(str, sorted(found)))}" if found else ""
        raise Missing(f"no Java for the {line} line: it runs on {first} to {last}{others}")
    return suitable[0]


def _javas() -> Iterator[str]:
    if home := os.environ.get("JAVA_HOME"):
        yield str(Path(home) / "bin" / "java")
    if on_path := shutil.which("java"):
        yield on_path
    for pattern in _JVMS:
        yield from (str(it / "bin" / "java") for it in sorted(Path("/").glob(pattern.lstrip("/"))))


def _version_of(java: str) -> int | None:
    """17 for `openjdk version "17.0.15"`; None where it is no Java that starts."""
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30).stderr
    except OSError:
        return None
    version = re.search(r'version "(\d+)', told)
    return int(version[1]) if version else None


def _jars(line: str) -> Path:
    found = subprocess.run([_SCRIPT, line], capture_output=True, text=True, check=False)
    if found.returncode:
        raise Missing(f"the {line} line cannot be had: {found.stderr.strip()[-500:]}")
    return Path(found.stdout.strip())


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Neo4jServer:
    """One server; it can be stopped and started again on the same data and ports."""

    def __init__(
        self, folder: Path, *, heap: str = "512m", settings: Mapping[str, str] | None = None, line: str = ""
    ) -> None:
        line = line or os.environ.get("NEO4J_VERSION", LONG_TERM)
        self._main = LINES[line].main
        self._java = _java(line)
        self._jars = _jars(line)
        self._home = folder
        self._heap = heap
        self._settings = _MEMORY | dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.bolt_port, self.http_port = _free_ports(2)
        self.user = USER
        self.password = secrets.token_hex(16)
        self._initialise()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.bolt_port}"

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "NEO4J_HOME": str(self._home), "NEO4J_CONF": str(self._conf)}

    @property
    def _conf(self) -> Path:
        return self._home / "conf"

    @property
    def store(self) -> Path:
        """The files of its one database, without its transaction log."""
        return self._home / "data" / "databases" / "neo4j"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server does not run"
        return self._process.pid

    @property
    def log(self) -> Path:
        return self._home / "logs" / "console.log"

    @property
    def debug_log(self) -> Path:
        return self._home / "logs" / "debug.log"

    def _initialise(self) -> None:
        for name in ("conf", "data", "logs", "run", "plugins", "import", "licenses"):
            (self._home / name).mkdir(parents=True, exist_ok=True)
        settings = _SETTINGS.format(bolt=self.bolt_port, http=self.http_port)
        settings += "".join(f"{name}={value}\n" for name, value in self._settings.items())
        (self._conf / "neo4j.conf").write_text(settings)
        made = subprocess.run(
            [self._java, "-cp", f"{self._jars}/*", "org.neo4j.cli.AdminTool",
             "dbms", "set-initial-password", self.password],
            capture_output=True, text=True, check=False, env=self._environment(),
        )  # fmt: skip
        if made.returncode:
            raise Missing(f"Neo4j takes no password: {(made.stderr or made.stdout).strip()[-500:]}")

    def start(self) -> None:
        assert self._process is None, "the server is running already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._java, f"-Xms{self._heap}", f"-Xmx{self._heap}", "-XX:+UseG1GC",
                    *(f"--add-opens={it}=ALL-UNNAMED" for it in _OPENED),
                    "-Dfile.encoding=UTF-8", "-Dio.netty.tryReflectionSetAccessible=true", "-cp", f"{self._jars}/*",
                    self._main, f"--home-dir={self._home}", f"--config-dir={self._conf}",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment(), start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + _READY_WITHIN
        while not (self._answers(self.bolt_port) and self._answers(self.http_port)):  # HTTP opens last
            if self._process.poll() is not None or time.monotonic() > until:
                tail = self.log.read_text(errors="replace")[-2_000:]
                self.stop()
                raise AssertionError(f"Neo4j did not start:\n{tail}")
            time.sleep(0.1)

    def _answers(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def stop(self) -> None:
        """As an operator would; takes some seconds."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        self._end(subprocess.Popen.kill)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            how(process)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Neo4jServer(Path(sys.argv[1]).resolve()) as server:
        sys.stdout.write(
            f"ANDON_NEO4J_URI={server.uri} ANDON_NEO4J_USER={server.user} ANDON_NEO4J_PASSWORD={server.password}\n"
            f"Neo4j Browser: http://127.0.0.1:{server.http_port} (Ctrl-C stops it)\n"
        )
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()

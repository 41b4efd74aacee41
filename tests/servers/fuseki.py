"""A real Apache Jena Fuseki of the tests' own, on a free loopback port, with a user and a password.

The jars come from `scripts/fuseki`; where they or Java are missing, `Missing` says so.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from graph.rdf.remote import Server
from tests.servers.oxigraph import await_port, free_port

_SCRIPT = Path(__file__).parents[2] / "scripts" / "fuseki"
_MAIN = "org.apache.jena.fuseki.main.cmds.FusekiMainCmd"
_READY_WITHIN = 60.0
_USER = "andon"


class Missing(Exception):
    """Why there can be no server here."""


class FusekiServer:
    """One server with one dataset; killed, it can be started again: empty, or with what it had if it `keeps` that."""

    def __init__(self, folder: Path, *, keeps: bool = False) -> None:
        home = os.environ.get("JAVA_HOME")
        java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
        if java is None:
            raise Missing("Java 17 is not installed (Debian: the package openjdk-17-jre-headless)")
        found = subprocess.run([_SCRIPT], capture_output=True, text=True, check=False)
        if found.returncode:
            raise Missing(f"Fuseki cannot be had: {found.stderr.strip()[-500:]}")
        self._java = java
        self._jars = found.stdout.strip()
        self._folder = folder
        self._dataset = ["--tdb2", f"--loc={folder / 'tdb2'}"] if keeps else ["--mem"]
        self._log = folder / "fuseki.log"
        self._port = free_port()
        self._password = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def server(self) -> Server:
        url = f"http://127.0.0.1:{self._port}/ds"
        return Server(f"{url}/query", f"{url}/update", f"{url}/data", _USER, self._password)

    def start(self) -> None:
        assert self._process is None, "the server is running already"
        (self._folder / "tdb2").mkdir(exist_ok=True)
        passwords = self._folder / "passwords"
        passwords.write_text(f"{_USER}: {self._password}\n")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._java, "-Xmx512m", "-cp", f"{self._jars}/*", _MAIN, "--localhost", f"--port={self._port}",
                    f"--passwd={passwords}", "--auth=basic", "--update", *self._dataset, "/ds",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder,
            )  # fmt: skip
        await_port(self._port, self._process, self._log, _READY_WITHIN)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

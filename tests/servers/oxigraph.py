"""A real Oxigraph server of the tests' own, on a free loopback port."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from graph.rdf.remote import Server

_READY_WITHIN = 30.0


class Missing(Exception):
    """Why there can be no server here."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes], log: Path, within: float) -> None:
    """Wait until the server answers; raises `AssertionError` with what it printed where it does not."""
    until = time.monotonic() + within
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"the server did not start:\n{log.read_text(errors='replace')[-2_000:]}")
        time.sleep(0.05)


class OxigraphServer:
    """One server; it can be killed and started again: empty, or with what it had if it `keeps` that on disk."""

    def __init__(self, folder: Path, *, keeps: bool = False) -> None:
        self._binary = Path(sys.executable).with_name("oxigraph")
        if not self._binary.is_file():
            raise Missing("the package oxigraph is not installed")
        self._location = ["--location", str(folder / "oxigraph")] if keeps else []
        self._log = folder / "oxigraph.log"
        self._port = free_port()
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
        url = f"http://127.0.0.1:{self._port}"
        return Server(f"{url}/query", f"{url}/update", f"{url}/store")

    def start(self) -> None:
        assert self._process is None, "the server is running already"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "serve", *self._location, "--bind", f"127.0.0.1:{self._port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        await_port(self._port, self._process, self._log, _READY_WITHIN)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

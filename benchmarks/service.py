"""The processes that are measured: Andon's own, and the bare server it is held against."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.http import Connection, RequestFailed, graphql_request

_ANNOUNCEMENT = "listening on "
_STATUS = graphql_request("{ status { positionReceived positionProjected } }")
_REPOSITORY = Path(__file__).resolve().parent.parent


class DidNotStart(Exception):
    """A process ended, or said nothing, where it should have listened."""


class Process:
    """A child process that prints `listening on URL`; its log is kept in `log` until it ends well.

    It gets none of the caller's ANDON_* settings, but those of `environment`.
    """

    def __init__(
        self, arguments: list[str], log: Path, within: float = 60, environment: Mapping[str, str] | None = None
    ) -> None:
        self.started_at = time.perf_counter()
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=_REPOSITORY,
                env=_environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._log = log
        self._measured = psutil.Process(self._process.pid)
        self.url = self._announced(within)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.stop() if kind is None else self.kill()

    def _announced(self, within: float) -> str:
        assert self._process.stdout is not None
        deadline = time.perf_counter() + within
        os.set_blocking(self._process.stdout.fileno(), False)
        text = ""
        while time.perf_counter() < deadline:
            text += (self._process.stdout.read() or b"").decode()
            for line in text.splitlines(keepends=True):
                if _ANNOUNCEMENT in line and line.endswith("\n"):
                    return line.split(_ANNOUNCEMENT, 1)[1].split()[0]
            if self._process.poll() is not None:
                break
            time.sleep(0.005)
        self.kill()
        raise DidNotStart(f"{' '.join(self._process.args)}\n{self._log.read_text()[-2000:]}")  # type: ignore[arg-type]

    def cpu_seconds(self) -> float:
        """User and system time of the process so far."""
        times = self._measured.cpu_times()
        return float(times.user + times.system)

    def resident_mib(self) -> float:
        return float(self._measured.memory_info().rss) / 2**20

    def stop(self, within: float = 30) -> None:
        """Ask it to end; kill it if it does not within so many seconds."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
        self._close()

    def kill(self) -> None:
        """SIGKILL: no last words, as a power cut."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        self._close()

    def _close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()


class Andon(Process):
    """The service on a data folder, or on the servers that `environment` names."""

    def __init__(self, data: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        log = data.with_name(f"{data.name}.log")
        command = ["-m", "api.cli", "serve", "--data", str(data), "--port", "0", *arguments]
        super().__init__(command, log, environment=environment)

    async def positions(self, connection: Connection) -> tuple[int, int]:
        """(received, projected)."""
        status = (await connection.graphql(_STATUS))["status"]
        return status["positionReceived"], status["positionProjected"]

    def wait_projected(self, within: float) -> tuple[int, float]:
        """Wait until all that is received can be queried, at most `within` seconds.

        Answers (position projected, seconds waited).
        """
        return asyncio.run(self._wait_projected(within))

    async def _wait_projected(self, within: float) -> tuple[int, float]:
        connection = await Connection.open(self.url)
        start = time.perf_counter()
        try:
            while True:
                received, projected = await self.positions(connection)
                waited = time.perf_counter() - start
                if projected >= received or waited > within:
                    return projected, waited
                await asyncio.sleep(0.02)
        finally:
            connection.close()

    def wait_ready(self, within: float = 60) -> float:
        """Seconds from the start of the process until /readyz says so."""
        return asyncio.run(self._wait_ready(within))

    async def _wait_ready(self, within: float) -> float:
        deadline = time.perf_counter() + within
        while time.perf_counter() < deadline:
            try:
                connection = await Connection.open(self.url)
                answer = await connection.get(b"/readyz")
                connection.close()
            except (OSError, RequestFailed):
                answer = None
            if answer is not None and answer.status == 200:
                return time.perf_counter() - self.started_at
            await asyncio.sleep(0.005)
        raise DidNotStart(f"not ready within {within} s")


def run_andon(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """An `andon` command, to its end. Raises `RuntimeError` with what it said where it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        cwd=_REPOSITORY, env=_environment(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"andon {' '.join(arguments)}: {done.stderr.strip()[-2000:]}")


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("ANDON_")} | dict(more or {})


def bytes_in(folder: Path) -> int:
    """Bytes of all files in a data folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

"""Servers of several processes, each the first of a process group of its own, by which it is ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Missing(Exception):
    """Why there can be no server here."""


def python_of(script: Path, what: str) -> str:
    """The Python that a script in `scripts/` prints, having fetched what it is for."""
    found = subprocess.run([script], capture_output=True, text=True, check=False)
    if found.returncode:
        raise Missing(f"{what} cannot be had: {found.stderr.strip()[-500:]}")
    return found.stdout.strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Groups:
    """What was started, ended last first; `<name>.log` in `folder` has what each printed."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = {**environment}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, *command: str) -> None:
        """To its end; raises `Missing` where that is not a good one."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=180, check=False
        )
        if done.returncode:
            raise Missing(f"{' '.join(command[1:4])} failed: {(done.stdout + done.stderr)[-2000:]}")

    def start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def await_ready(self, ready: Callable[[], bool], within: float) -> None:
        """Raises `Missing`, with all ended, where that takes too long or one ends before."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and all(it.poll() is None for it in self._processes.values()):
            if ready():
                return
            time.sleep(0.2)
        self.end()
        raise Missing(f"it did not start: {self.printed()}")

    def printed(self) -> str:
        logs = (f"{it.name}: {it.read_text(errors='replace')[-3000:]}" for it in sorted(self.folder.glob("*.log")))
        return "\n".join(logs)

    def end(self) -> None:
        for process in reversed(self._processes.values()):
            _signal(process.pid, signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                _signal(process.pid, signal.SIGKILL)
                process.wait(15)
            _signal(process.pid, signal.SIGKILL)  # children that outlived it
        self._processes.clear()


def _signal(group: int, how: signal.Signals) -> None:
    try:
        os.killpg(group, how)
    except ProcessLookupError:
        pass


def without(*prefixes: str, **extra: str) -> dict[str, str]:
    """This process's environment without what begins so, and with what is given."""
    kept: Sequence[tuple[str, str]] = [it for it in os.environ.items() if not it[0].startswith(("PYTHON", *prefixes))]
    return {**dict(kept), **extra}

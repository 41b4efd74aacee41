"""A real MLflow tracking server with its registry in SQLite, on a free loopback port, in a folder of the caller's.

`scripts/mlflow` fetches it. It runs in a process group of its own, since it starts workers, and that group is ended.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

_SCRIPT = Path(__file__).parents[2] / "scripts" / "mlflow"
_READY_WITHIN = 180.0


class Missing(Exception):
    """Why there can be no server here."""


class MlflowServer:
    def __init__(self, folder: Path) -> None:
        found = subprocess.run([_SCRIPT], capture_output=True, text=True, check=False)
        if found.returncode:
            raise Missing(f"MLflow cannot be had: {found.stderr.strip()[-500:]}")
        self._python = found.stdout.strip()
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
        with (self._folder / "mlflow.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port),
                    "--workers", "1", "--backend-store-uri", f"sqlite:///{self._folder / 'mlflow.db'}",
                    "--artifacts-destination", str(self._folder / "artifacts"),
                ],
                cwd=self._folder,
                env={**kept, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if requests.get(f"{self.url}/health", timeout=2).ok:
                    return self
            except requests.RequestException:
                pass
            time.sleep(0.2)
        self._end()
        raise Missing(f"MLflow did not start: {(self._folder / 'mlflow.log').read_text(errors='replace')[-2000:]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process is not None
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, how)
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                break
        self._process = None

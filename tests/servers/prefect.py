"""A real Prefect server on a free loopback port, over SQLite, and a process that serves flows to it.

`scripts/prefect` fetches it.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from tests.servers.groups import Groups, free_port, python_of, without

_SCRIPT = Path(__file__).parents[2] / "scripts" / "prefect"
_READY_WITHIN = 120.0


class PrefectServer:
    """`flows`: a program that serves them. Raises `tests.servers.groups.Missing`."""

    def __init__(self, folder: Path, flows: str) -> None:
        self._python = python_of(_SCRIPT, "Prefect")
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/api"
        (folder / "flows.py").write_text(flows)
        self._groups = Groups(folder, without(
            "PREFECT", PREFECT_HOME=str(folder / "home"), PREFECT_API_URL=self.url, PREFECT_RUNNER_POLL_FREQUENCY="1",
            PREFECT_SERVER_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1", PREFECT_SERVER_UI_ENABLED="false",
        ))  # fmt: skip

    def __enter__(self) -> Self:
        serve = ("server", "start", "--host", "127.0.0.1", "--port", str(self._port))
        self._groups.start("server", self._python, "-m", "prefect", *serve)
        self._groups.await_ready(self._is_ready, _READY_WITHIN)
        self._groups.start("flows", self._python, "flows.py")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._groups.end()

    def deployment(self, name: str) -> str:
        """The id of the deployment `flow/name`, once it is there."""
        found: list[str] = []

        def is_there() -> bool:
            answer = requests.get(f"{self.url}/deployments/name/{name}", timeout=10)
            found[:] = [answer.json()["id"]] if answer.ok else []
            return bool(found)

        self._groups.await_ready(is_there, _READY_WITHIN)
        return found[0]

    def runs(self) -> list[dict[str, Any]]:
        return list(requests.post(f"{self.url}/flow_runs/filter", json={}, timeout=30).json())

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=2).ok
        except requests.RequestException:
            return False

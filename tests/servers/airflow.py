"""A real Airflow on a free loopback port: API server and scheduler over SQLite, its DAGs read once.

`scripts/airflow` fetches it. Only what runs a DAG is started, since the servers of its logs would listen on all
interfaces. Its OpenLineage provider sends to `lineage`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from tests.servers.groups import Groups, free_port, python_of, without

_SCRIPT = Path(__file__).parents[2] / "scripts" / "airflow"
_READY_WITHIN = 180.0


class AirflowServer:
    """`dags`: the text of each file of DAGs, by its name. Raises `tests.servers.groups.Missing`."""

    user = "admin"

    def __init__(self, folder: Path, dags: Mapping[str, str]) -> None:
        self._python = python_of(_SCRIPT, "Airflow")
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.password = secrets.token_urlsafe(16)
        self._folder = folder
        (folder / "dags").mkdir()
        for name, text in dags.items():
            (folder / "dags" / name).write_text(text)
        (folder / "passwords.json").write_text(json.dumps({self.user: self.password}))

    def start(self, lineage: str) -> Self:
        """`lineage`: the URL of what receives OpenLineage events."""
        python = self._python
        self._groups = Groups(self._folder, self._environment(lineage))
        self._groups.run(python, "-m", "airflow", "db", "migrate")
        self._groups.run(python, "-m", "airflow", "dags", "reserialize")
        api = ("api-server", "--host", "127.0.0.1", "--port", str(self._port), "--workers", "1")
        self._groups.start("api", python, "-m", "airflow", *api)
        self._groups.start("scheduler", python, "-m", "airflow", "scheduler", "--skip-serve-logs")
        self._groups.await_ready(self._is_ready, _READY_WITHIN)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._groups.end()

    def printed(self) -> str:
        return self._groups.printed()

    def ask(self, path: str) -> Any:
        token = requests.post(
            f"{self.url}/auth/token", json={"username": self.user, "password": self.password}, timeout=30
        ).json()["access_token"]
        answer = requests.get(f"{self.url}/api/v2{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def _is_ready(self) -> bool:
        try:
            health = requests.get(f"{self.url}/api/v2/monitor/health", timeout=2)
            return health.ok and health.json()["scheduler"]["status"] == "healthy"
        except (requests.RequestException, ValueError, KeyError):
            return False

    def _environment(self, lineage: str) -> dict[str, str]:
        transport = {"type": "http", "url": lineage, "endpoint": "api/v1/lineage"}
        settings = {
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "1",
            "CORE__DAGS_FOLDER": str(self._folder / "dags"),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{self.user}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._folder / "passwords.json"),
            "API__BASE_URL": self.url,
            "API__SECRET_KEY": secrets.token_hex(16),
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            "OPENLINEAGE__NAMESPACE": "airflow",
            "OPENLINEAGE__TRANSPORT": json.dumps(transport),
        }
        named = {f"AIRFLOW__{key}": value for key, value in settings.items()}
        return without("AIRFLOW", "OPENLINEAGE", "ANDON_", AIRFLOW_HOME=str(self._folder), **named)

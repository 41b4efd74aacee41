"""An MLflow server, asked by its REST API 2.0 as any other target is: at a vetted address, within seconds.

Not by MLflow's client, which tries again for minutes on its own, follows what redirects and environment tell it, and
takes a hundred megabytes: the worker has an outbox for that.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from graph.errors import InvalidInput
from rules.actions.delivery import Outcome, Postponed
from rules.actions.outbound import Answer, Outbound, judged

KEY = "andon.key"
"""Tag of a run or a version that an action of this key had made; `FIRING` names the firing."""
FIRING = "andon.firing"

_API = "/api/2.0/mlflow/"
_LOOKED_AT = 20  # the newest versions of a model


class Declined(Exception):
    """The server answered with something else than success."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class MlflowServer:
    """At `url`; `secret` is a token, or `user:password`. Every method raises as `Outbound.request`, and `Declined`."""

    def __init__(self, outbound: Outbound, url: str, secret: str | None) -> None:
        self._outbound = outbound
        self._url = url.rstrip("/") + _API
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if secret is not None:
            basic = base64.b64encode(secret.encode()).decode()
            self._headers["Authorization"] = f"Basic {basic}" if ":" in secret else f"Bearer {secret}"

    def experiment(self, name: str) -> str:
        """The id of the experiment of a name, which is made if it is not there."""
        found = self._get("experiments/get-by-name", experiment_name=name)
        if found is None:
            return str(self._post("experiments/create", {"name": name})["experiment_id"])
        return str(found["experiment"]["experiment_id"])

    def run_of(self, experiment: str, key: str) -> str | None:
        """The run in an experiment that an action of this key began."""
        asked = {"experiment_ids": [experiment], "filter": f"tags.`{KEY}` = '{key}'", "max_results": 1}
        runs = self._post("runs/search", asked).get("runs", [])
        return str(runs[0]["info"]["run_id"]) if runs else None

    def begin_run(self, experiment: str, name: str, at: int, tags: Mapping[str, str]) -> str:
        """`at` in milliseconds."""
        said = {
            "experiment_id": experiment, "run_name": name, "start_time": at,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }  # fmt: skip
        return str(self._post("runs/create", said)["run"]["info"]["run_id"])

    def end_run(self, run: str, status: str, at: int) -> None:
        self._post("runs/update", {"run_id": run, "status": status, "end_time": at})

    def run(self, run: str) -> dict[str, Any] | None:
        """`info`, and `data` with `metrics` and `tags`; None where there is none."""
        found = self._get("runs/get", run_id=run)
        return None if found is None else dict(found["run"])

    def versions(self, model: str) -> list[dict[str, Any]]:
        """The newest twenty of a model, the newest first."""
        if "'" in model and '"' in model:
            raise InvalidInput("has both kinds of quotation marks in the model's name, which MLflow cannot look for")
        quoted = f'"{model}"' if "'" in model else f"'{model}'"
        found = self._get(
            "model-versions/search", filter=f"name={quoted}", order_by="version_number DESC", max_results=_LOOKED_AT
        )
        return list((found or {}).get("model_versions", []))

    def version(self, model: str, version: str) -> dict[str, Any] | None:
        found = self._get("model-versions/get", name=model, version=version)
        return None if found is None else dict(found["model_version"])

    def champion(self, model: str, alias: str) -> dict[str, Any] | None:
        """The version that an alias names."""
        found = self._get("registered-models/alias", name=model, alias=alias)
        return None if found is None else dict(found["model_version"])

    def promote(self, model: str, alias: str, version: str) -> None:
        self._post("registered-models/alias", {"name": model, "alias": alias, "version": version})

    def tag_version(self, model: str, version: str, key: str, value: str) -> None:
        said = {"name": model, "version": version, "key": key, "value": value}
        self._post("model-versions/set-tag", said)

    def _get(self, path: str, **query: object) -> dict[str, Any] | None:
        """None where the server says that it is not there."""
        answer = self._outbound.request("GET", f"{self._url}{path}?{urlencode(query)}", self._headers)
        if answer.status == 404 and _code(answer) == "RESOURCE_DOES_NOT_EXIST":
            return None
        return _read(answer)

    def _post(self, path: str, said: Mapping[str, object]) -> dict[str, Any]:
        return _read(self._outbound.request("POST", self._url + path, self._headers, json.dumps(said).encode()))


def tags_of(said: Mapping[str, Any]) -> dict[str, str]:
    """Tags as MLflow lists them in `tags`."""
    return {it["key"]: it.get("value", "") for it in said.get("tags", ())}


def metrics_of(run: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a run that are numbers."""
    told = {it["key"]: float(it["value"]) for it in run.get("data", {}).get("metrics", ())}
    return {key: value for key, value in told.items() if math.isfinite(value)}


def _read(answer: Answer) -> dict[str, Any]:
    if not 200 <= answer.status < 300:
        raise Declined(judged(answer))
    try:
        found = json.loads(answer.body or b"{}") if answer.complete else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Declined(Postponed("the target's answer is not MLflow's, or too long"))
    return found


def _code(answer: Answer) -> object:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return None
    return found.get("error_code") if isinstance(found, dict) else None

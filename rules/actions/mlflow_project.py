"""Run an MLflow project: `mlflow run` (extra `mlflow`) in a process of its own, on this machine.

Only projects in the folder that `--mlflow-projects` names can be run: a rule says which and with what parameters,
never what code. The run is made first, tagged with the action's key and firing; the process goes on with it. A lock
that the process holds for as long as it lives tells, after a crash too, whether it is still there, so one run never
has two. A worker on another machine, which cannot see the lock, waits for the run to end.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from yaml.nodes import MappingNode, Node, ScalarNode

from graph.model import Instant
from graph.reader import Owner
from rules.action import SEEN, Occasion, Order
from rules.actions.delivery import Delivered, Outcome, Refused, Underway
from rules.actions.mlflow_server import FIRING, KEY, Declined, MlflowServer, tags_of
from rules.actions.outbound import Outbound, check_url, outcome_of
from rules.document import Document
from rules.impact import Hit
from rules.outbox import Intended, firing_urn
from rules.rule import Template
from rules.text import Text

POLL = timedelta(seconds=10)
MAX_PARAMETERS = 50
MAX_PARAMETER = 1_000  # characters

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_HOST = "andon.host"
_ENDED = {"FAILED": "failed", "KILLED": "was killed"}


class _Plan(msgspec.Struct, frozen=True):
    project: str
    entry_point: str
    experiment: str
    parameters: dict[str, str]


_read = msgspec.json.Decoder(_Plan).decode


@dataclass(frozen=True, slots=True)
class MlflowProject:
    """Run `entry_point` of a project, as a run of `experiment` at `server`; `token` is always a bare reference."""

    server: Template
    project: str
    entry_point: str = "main"
    experiment: str | None = None
    parameters: Mapping[str, Text] = field(default_factory=dict)
    token: Template | None = None
    within: timedelta | None = None
    kind = "mlflow_project"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order:
        """Raises `InvalidInput` where a parameter cannot be told."""
        values = occasion.seen(key, hit)
        said = {name: text.said(values, MAX_PARAMETER) for name, text in self.parameters.items()}
        plan = _Plan(self.project, self.entry_point, self.experiment or self.project, said)
        return Order(
            body=msgspec.json.encode(plan),
            address=self.server.text,
            credential=self.token.text if self.token is not None else None,
            within=self.within,
        )


def read(document: Document, node: Node, path: str) -> MlflowProject:
    if importlib.util.find_spec("mlflow") is None:
        raise document.fault(node, path, "needs MLflow: pip install 'andon[mlflow]'")
    optional = ("entry_point", "experiment", "parameters", "token", "within")
    fields = document.mapping(node, path, ("server", "project"), optional)
    expected = "letters, digits, - and _"
    return MlflowProject(
        server=document.template(fields["server"], f"{path}.server", check_url),
        project=document.matching(fields["project"], f"{path}.project", _NAME, f"the name of a folder: {expected}"),
        entry_point=document.matching(fields["entry_point"], f"{path}.entry_point", _NAME, expected)
        if "entry_point" in fields
        else "main",
        experiment=document.up_to(fields["experiment"], f"{path}.experiment", 200) if "experiment" in fields else None,
        parameters=_parameters(document, fields["parameters"], f"{path}.parameters") if "parameters" in fields else {},
        token=document.secret(fields["token"], f"{path}.token") if "token" in fields else None,
        within=document.duration(fields["within"], f"{path}.within") if "within" in fields else None,
    )


def _parameters(document: Document, node: Node, path: str) -> dict[str, Text]:
    keys = [it.value for it, _ in node.value if isinstance(it, ScalarNode)] if isinstance(node, MappingNode) else []
    if len(keys) > MAX_PARAMETERS or not all(_PARAMETER.fullmatch(it) for it in keys):
        raise document.fault(node, path, f"expected at most {MAX_PARAMETERS} names of letters, digits and _")
    fields = document.mapping(node, path, (), tuple(dict.fromkeys(keys)))
    return {name: document.words(it, f"{path}.{name}", MAX_PARAMETER, SEEN) for name, it in fields.items()}


class Projects:
    """Runs projects of `folder` (None: there are none); `locks` is a folder of its own."""

    def __init__(
        self,
        references: Mapping[str, str],
        outbound: Outbound,
        folder: Path | None,
        locks: Path,
        poll: timedelta = POLL,
    ) -> None:
        self._references = references
        self._outbound = outbound
        self._folder = folder
        self._locks = locks
        self._poll = poll
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def target(self, intended: Intended) -> str:
        return check_url(Template(intended.address).resolve(self._references)).target

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        def attempt() -> Outcome:
            try:
                return self._deliver(intended, at)
            except Declined as declined:
                return declined.outcome

        return outcome_of(attempt)

    def _deliver(self, intended: Intended, at: Instant) -> Outcome:
        plan = _read(intended.body)
        url = Template(intended.address).resolve(self._references)
        secret = Template(intended.credential).resolve(self._references) if intended.credential is not None else None
        server = MlflowServer(self._outbound, url, secret)
        if intended.progress is not None:
            return self._looked_at(server, json.loads(intended.progress)["run"], intended.key, at)
        project = self._folder / plan.project if self._folder is not None else None
        if project is None or not (project / "MLproject").is_file():
            return Refused(f"there is no MLflow project {plan.project!r} in the folder that --mlflow-projects names")
        experiment = server.experiment(plan.experiment)
        run = server.run_of(experiment, intended.key)
        if run is None:
            tags = {KEY: intended.key, FIRING: firing_urn(intended.firing), _HOST: socket.gethostname()}
            run = server.begin_run(experiment, f"andon-{intended.key[:8]}", at // 1_000, tags)
        elif not _is_ours(server.run(run)):
            return Underway(json.dumps({"run": run}), self._poll)
        with suppress(BlockingIOError):  # it runs already: Andon stopped before it could say so
            self._start(project, plan, run, intended.key, url, secret)
        return Underway(json.dumps({"run": run}), self._poll)

    def _looked_at(self, server: MlflowServer, run: str, key: str, at: Instant) -> Outcome:
        runs = not self._is_free(key)
        found = server.run(run)  # after the look at the process, so that what this wrote last is seen
        if found is None:
            return Refused("its run is no longer there")
        status = found["info"].get("status")
        if status == "FINISHED":
            return Delivered({"run": run})
        if status in _ENDED:
            return Refused(f"its run {_ENDED[status]}")
        if runs or not _is_ours(found):
            return Underway(json.dumps({"run": run}), self._poll)
        server.end_run(run, "FAILED", at // 1_000)
        return Refused("its process ended and said nothing")

    def _start(self, project: Path, plan: _Plan, run: str, key: str, url: str, secret: str | None) -> None:
        """Raises `BlockingIOError` where a process of this key is there."""
        self._reap()
        self._locks.mkdir(parents=True, exist_ok=True)
        parameters = [part for name, value in plan.parameters.items() for part in ("-P", f"{name}={value}")]
        command = [sys.executable, "-m", "mlflow", "run", str(project), "--run-id", run]
        with (self._locks / f"{key}.lock").open("wb") as lock, (self._locks / f"{key}.log").open("wb") as log:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._processes[key] = subprocess.Popen(
                [*command, "-e", plan.entry_point, "--env-manager", "local", *parameters],
                cwd=project,
                env=_environment(url, secret),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )

    def _is_free(self, key: str) -> bool:
        self._reap()
        try:
            with (self._locks / f"{key}.lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False
        return True

    def _reap(self) -> None:
        self._processes = {key: it for key, it in self._processes.items() if it.poll() is None}


def _is_ours(run: Mapping[str, Any] | None) -> bool:
    """Whether it was begun on this machine, the only one that can tell whether its process is there."""
    return run is None or tags_of(run.get("data", {})).get(_HOST, "") == socket.gethostname()


def _environment(url: str, secret: str | None) -> dict[str, str]:
    """Of a project's process: this one's without what rules may refer to, and where it logs."""
    kept = {key: it for key, it in os.environ.items() if not key.startswith(("ANDON_", "MLFLOW_"))}
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    user, found, password = (secret or "").partition(":")
    if found:
        kept |= {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": password}
    elif secret:
        kept["MLFLOW_TRACKING_TOKEN"] = secret
    return kept | {"MLFLOW_TRACKING_URI": url, "MLFLOW_DISABLE_TELEMETRY": "true"}

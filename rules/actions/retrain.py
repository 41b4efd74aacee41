"""Train a model anew and let it take the champion's place if it is better.

`retrain` starts a training by another action (an MLflow project, or a pipeline by HTTP), waits until the model has a
version of it, and judges that; `promote` judges a version that is there. Judging is comparing the version (the
challenger) with the one that the alias names (the champion), by the metrics that their runs logged, check by check.
Where all hold the alias moves; where one does not, or the rule leaves it to a person, it stays, and the outcome says
why. Without a champion there is nothing to be better than, and the challenger is it if it has the metrics.

**What is the training's.** A version belongs to it if the version, or the run that it is of, has the tag `andon.key`
with the action's key: a project's run has it, other pipelines are given `{{ action.key }}` and set it. So a version
that somebody else registers meanwhile is never taken for it.

**Once.** All that was reached stands in MLflow: a run of the key is found again, an alias that moved has moved.
Between reading the alias and moving it somebody else can move it: MLflow cannot do both at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
from yaml.nodes import Node, ScalarNode, SequenceNode

from graph.errors import InvalidInput
from graph.model import Instant
from graph.reader import Owner
from rules.action import SEEN, Action, Moot, Occasion, Order
from rules.actions.delivery import Delivered, Deliverer, Outcome, Refused, Underway
from rules.actions.mlflow_server import FIRING, KEY, Declined, MlflowServer, metrics_of, tags_of
from rules.actions.outbound import Outbound, check_url, outcome_of
from rules.document import Document
from rules.impact import Hit
from rules.outbox import Intended, firing_urn
from rules.rule import Template
from rules.text import Text

POLL = timedelta(seconds=10)
MAX_CHECKS = 20
MAX_NAME = 500
GUARD = "andon.guard"
"""Tag of a version that was judged: `passed`, or what did not hold."""

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_VERSION = re.compile(r"[0-9]{1,18}")

Read = Callable[[Document, Node, str], Action]


class Check(msgspec.Struct, frozen=True):
    """The challenger's metric is better than the champion's by at least `by`, in the metric's own unit."""

    metric: str
    higher: bool
    by: float = 0.0

    def fault(self, challenger: Mapping[str, float], champion: Mapping[str, float] | None) -> str | None:
        """Why it does not hold; None where it does. `champion` None: there is none."""
        found = challenger.get(self.metric)
        if found is None:
            return f"{self.metric}: the challenger has none"
        if champion is None:
            return None
        known = champion.get(self.metric)
        if known is None:
            return f"{self.metric}: the champion has none"
        gain = _exact(found) - _exact(known)
        if (gain if self.higher else -gain) >= _exact(self.by):
            return None
        wanted = f"expected it {'higher' if self.higher else 'lower'} by {self.by:g}"
        return f"{self.metric}: the challenger has {found:g}, the champion {known:g}, {wanted}"


class _Started(msgspec.Struct, frozen=True):
    """What another action was ordered to do."""

    kind: str
    body: bytes
    address: str
    credential: str | None


class _Plan(msgspec.Struct, frozen=True):
    model: str
    alias: str
    checks: list[Check]
    asks: bool
    version: str | None
    start: _Started | None


class _Progress(msgspec.Struct, frozen=True):
    """`trained`: the training is over, and its version is waited for; until then `start` is its own progress."""

    trained: bool = False
    start: str | None = None


_read_plan = msgspec.json.Decoder(_Plan).decode
_read_progress = msgspec.json.Decoder(_Progress).decode


@dataclass(frozen=True, slots=True)
class Judging:
    """At which registry, by what, and whether the alias is moved or that is left to a person."""

    server: Template
    model: Text
    checks: tuple[Check, ...]
    alias: str = "champion"
    asks: bool = False
    token: Template | None = None

    def order(
        self, occasion: Occasion, key: str, hit: Hit, version: Text | None, start: Order | None, kind: str
    ) -> Order:
        values = occasion.seen(key, hit)
        number = version.said(values, MAX_NAME) if version is not None else None
        if number is not None and not _VERSION.fullmatch(number):
            raise InvalidInput("does not come to the number of a version", field="version")
        model = self.model.said(values, MAX_NAME).strip()
        if not model:
            raise InvalidInput("comes to nothing", field="model")
        started = None if start is None else _Started(kind, start.body, start.address, start.credential)
        plan = _Plan(model, self.alias, [*self.checks], self.asks, number, started)
        return Order(
            body=msgspec.json.encode(plan),
            address=self.server.text,
            credential=self.token.text if self.token is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Retrain:
    """Train by `start`, then judge the version that comes of it; all of it within `within`."""

    judging: Judging
    start: Action
    within: timedelta | None = None
    kind = "retrain"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order | Moot:
        started = self.start.order(key, occasion, hit, None)
        if isinstance(started, Moot):
            return started
        order = self.judging.order(occasion, key, hit, None, started, self.start.kind)
        return Order(order.body, order.owner, order.address, order.credential, self.within)


@dataclass(frozen=True, slots=True)
class Promote:
    """Judge a version that is there."""

    judging: Judging
    version: Text
    kind = "promote"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order:
        return self.judging.order(occasion, key, hit, self.version, None, "")


def read_retrain(starters: Mapping[str, Read], document: Document, node: Node, path: str) -> Retrain:
    """`starters` read the actions that a training may be started by."""
    required, optional = ("server", "model", "start", "guard"), ("alias", "promote", "token", "within")
    fields = document.mapping(node, path, required, optional)
    start = document.mapping(fields["start"], f"{path}.start", (), tuple(starters))
    if len(start) != 1:
        raise document.fault(fields["start"], f"{path}.start", f"expected one of {', '.join(starters)}")
    ((kind, arguments),) = start.items()
    return Retrain(
        judging=_judging(document, fields, path),
        start=starters[kind](document, arguments, f"{path}.start.{kind}"),
        within=document.duration(fields["within"], f"{path}.within") if "within" in fields else None,
    )


def read_promote(document: Document, node: Node, path: str) -> Promote:
    fields = document.mapping(node, path, ("server", "model", "version", "guard"), ("alias", "promote", "token"))
    version = document.words(fields["version"], f"{path}.version", MAX_NAME, SEEN)
    return Promote(_judging(document, fields, path), version)


def _judging(document: Document, fields: Mapping[str, Node], path: str) -> Judging:
    promote = document.one_of(fields["promote"], f"{path}.promote", ("guarded", "ask")) if "promote" in fields else ""
    return Judging(
        server=document.template(fields["server"], f"{path}.server", check_url),
        model=document.words(fields["model"], f"{path}.model", MAX_NAME, SEEN),
        checks=_checks(document, fields["guard"], f"{path}.guard"),
        alias=document.matching(fields["alias"], f"{path}.alias", _ALIAS, "letters, digits, - and _")
        if "alias" in fields
        else "champion",
        asks=promote == "ask",
        token=document.secret(fields["token"], f"{path}.token") if "token" in fields else None,
    )


def _checks(document: Document, node: Node, path: str) -> tuple[Check, ...]:
    if not isinstance(node, SequenceNode) or not 1 <= len(node.value) <= MAX_CHECKS:
        raise document.fault(node, path, f"expected a list of 1 to {MAX_CHECKS} checks")
    return tuple(_check(document, it, f"{path}[{index}]") for index, it in enumerate(node.value))


def _check(document: Document, node: Node, path: str) -> Check:
    fields = document.mapping(node, path, ("metric", "better"), ("by",))
    better = document.one_of(fields["better"], f"{path}.better", ("higher", "lower"))
    by = fields.get("by")
    if by is not None and not (isinstance(by, ScalarNode) and _NUMBER.fullmatch(by.value)):
        raise document.fault(by, f"{path}.by", "expected a number, as 0.01")
    metric = document.up_to(fields["metric"], f"{path}.metric", MAX_NAME)
    return Check(metric, better == "higher", float(by.value) if isinstance(by, ScalarNode) else 0.0)


class Retraining:
    """Carries out both. `starters` are by kind, and those that a training may be started by."""

    def __init__(
        self,
        references: Mapping[str, str],
        outbound: Outbound,
        starters: Mapping[str, Deliverer],
        poll: timedelta = POLL,
    ) -> None:
        self._references = references
        self._outbound = outbound
        self._starters = starters
        self._poll = poll

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
        plan = _read_plan(intended.body)
        progress = _read_progress(intended.progress) if intended.progress is not None else _Progress()
        if plan.start is not None and not progress.trained:
            outcome = self._started(plan.start, intended, progress.start, at)
            if isinstance(outcome, Underway):
                return Underway(_told(_Progress(start=outcome.progress)), outcome.after)
            if not isinstance(outcome, Delivered):
                return outcome
        url = Template(intended.address).resolve(self._references)
        secret = Template(intended.credential).resolve(self._references) if intended.credential is not None else None
        server = MlflowServer(self._outbound, url, secret)
        if plan.version is None:
            version = _registered(server, plan.model, intended.key)
        else:
            version = server.version(plan.model, plan.version)
            if version is None:
                return Refused(f"the model {plan.model!r} has no version {plan.version}")
        if version is None or version.get("status") == "PENDING_REGISTRATION":
            return Underway(_told(_Progress(trained=True)), self._poll)
        if version.get("status") == "FAILED_REGISTRATION":
            return Refused(f"version {version['version']} could not be registered")
        return _judged(server, plan, version, intended)

    def _started(self, start: _Started, intended: Intended, progress: str | None, at: Instant) -> Outcome:
        starter = self._starters.get(start.kind)
        if starter is None:
            return Refused(f"there is no action {start.kind!r}")
        begun = Intended(
            key=intended.key, firing=intended.firing, kind=start.kind, target=intended.target, owner=intended.owner,
            address=start.address, credential=start.credential, body=start.body, evidence=intended.evidence,
            progress=progress,
        )  # fmt: skip
        return starter.deliver(begun, at)


def _registered(server: MlflowServer, model: str, key: str) -> dict[str, Any] | None:
    """The newest version that is of this training."""
    for version in server.versions(model):
        if tags_of(version).get(KEY) == key:
            return version
        run = server.run(version["run_id"]) if version.get("run_id") else None
        if run is not None and tags_of(run.get("data", {})).get(KEY) == key:
            return version
    return None


def _judged(server: MlflowServer, plan: _Plan, version: Mapping[str, Any], intended: Intended) -> Outcome:
    number = str(version["version"])
    champion = server.champion(plan.model, plan.alias)
    known = str(champion["version"]) if champion is not None else None
    told: dict[str, object] = {"model": plan.model, "version": number, "champion": known}
    if known == number:  # it was promoted, and Andon stopped before it could say so
        return Delivered({**told, "promoted": True})
    ours, theirs = _metrics(server, version), _metrics(server, champion) if champion is not None else None
    faults = [it for check in plan.checks if (it := check.fault(ours, theirs)) is not None]
    told["metrics"] = {it.metric: [ours.get(it.metric), (theirs or {}).get(it.metric)] for it in plan.checks}
    if plan.start is not None:
        server.tag_version(plan.model, number, KEY, intended.key)
        server.tag_version(plan.model, number, FIRING, firing_urn(intended.firing))
    server.tag_version(plan.model, number, GUARD, "; ".join(faults)[:MAX_NAME] or "passed")
    if faults:
        return Delivered({**told, "promoted": False, "why": "; ".join(faults)})
    if plan.asks:
        return Delivered({**told, "promoted": False, "why": "it passed, and the rule leaves it to a person"})
    server.promote(plan.model, plan.alias, number)
    return Delivered({**told, "promoted": True})


def _metrics(server: MlflowServer, version: Mapping[str, Any]) -> dict[str, float]:
    run = server.run(version["run_id"]) if version.get("run_id") else None
    return metrics_of(run) if run is not None else {}


def _exact(number: float) -> Decimal:
    """The number as people read it: by 0.1, 0.3 is enough above 0.2."""
    return Decimal(repr(number))


def _told(progress: _Progress) -> str:
    return msgspec.json.encode(progress).decode()

"""Rules as GraphQL shows them, and what one would have done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import strawberry

from api.graphql.shapes import about, read
from graph.model import Instant, isoformat
from rules.outbox import Firing, Intended
from rules.rule import Rule


@strawberry.type
class RuleDefinition:
    name: str
    version: str = read("version_id", "The number in its file, and a part of the digest of what it says.")
    description: str
    changes: list[str] = about("The changes that it is on.")
    type: str = read("on_type", "The class of entity that it is on, subclasses included.")
    when: str | None = about("Its condition, in CEL.")
    for_each: str | None = about("The class of entity downstream for which it acts; null for what changed itself.")
    actions: list[str] = about("Kinds of action, in order.")
    mode: str = about("live, shadow or off.")
    severity: str = about("info, warning or critical.")
    owner: str | None
    runbook: str | None
    controls: list[str]


@strawberry.type
class IntendedAction:
    kind: str
    target: str
    owner: str | None


@strawberry.type
class PastFiring:
    position: int
    at: Instant
    what: str
    subject: str
    verdict: str
    reason: str | None
    actions: list[IntendedAction]
    evidence: list[int]


@strawberry.type
class DayCount:
    day: str
    count: int


@strawberry.type
class Backtest:
    after: int
    upto: int
    firings: list[PastFiring]
    by_day: list[DayCount] = about("Firings a day of receipt, in UTC.")


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """A `rules.rule.Rule` with the fields of `RuleDefinition`."""

    name: str
    version_id: str
    description: str
    changes: Sequence[str]
    on_type: str
    when: str | None
    for_each: str | None
    actions: Sequence[str]
    mode: str
    severity: str
    owner: str | None
    runbook: str | None
    controls: Sequence[str]

    @classmethod
    def of(cls, rule: Rule) -> RuleAnswer:
        return cls(
            rule.name, rule.version_id, rule.description, sorted(rule.trigger.changes), rule.trigger.type,
            rule.when.text if rule.when is not None else None,
            rule.targets.type if rule.targets is not None else None,
            [it.kind for it in rule.actions], rule.mode, rule.severity, rule.owner, rule.runbook,
            rule.controls,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    kind: str
    target: str
    owner: str | None

    @classmethod
    def of(cls, action: Intended) -> ActionAnswer:
        return cls(action.kind, action.target, action.owner or None)


@dataclass(frozen=True, slots=True)
class FiringAnswer:
    position: int
    at: Instant
    what: str
    subject: str
    verdict: str
    reason: str | None
    actions: Sequence[ActionAnswer]
    evidence: Sequence[int]

    @classmethod
    def of(cls, firing: Firing) -> FiringAnswer:
        actions = [ActionAnswer.of(it) for it in firing.actions]
        return cls(
            firing.position, firing.fired_at, firing.what, firing.subject, firing.verdict, firing.reason, actions,
            firing.evidence,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DayAnswer:
    day: str
    count: int


@dataclass(frozen=True, slots=True)
class BacktestAnswer:
    after: int
    upto: int
    firings: Sequence[FiringAnswer]
    by_day: Sequence[DayAnswer]

    @classmethod
    def of(cls, after: int, upto: int, firings: Sequence[Firing]) -> BacktestAnswer:
        days = Counter(isoformat(it.fired_at)[:10] for it in firings)
        return cls(
            after, upto, [FiringAnswer.of(it) for it in firings], [DayAnswer(*it) for it in sorted(days.items())]
        )

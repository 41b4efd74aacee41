"""Rules as GraphQL shows them, and what one would have done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import strawberry

from api.graphql.shapes import about, read
from graph.model import Instant, isoformat
from rules.outbox import Firing, Intended
from rules.rule import Downstream, Each, Rule, Timer


@strawberry.type
class RuleDefinition:
    name: str
    version: str = read("version_id", "The number in its file, and a part of the digest of what it says.")
    description: str
    changes: list[str] = about("The changes that it is on.")
    type: str = read("on_type", "The class of entity that it is on, subclasses included.")
    when: str | None = about("Its condition, in CEL.")
    query: str | None = about("What it asks the graph as of a change, in GraphQL.")
    schedule: str | None = about("When its time comes: cron and time zone; null where it goes by changes.")
    for_each: str | None = about(
        "The class of entity downstream for which it acts, or the expression that names them; null for what changed."
    )
    actions: list[str] = about("Kinds of action, in order.")
    mode: str = about("live, shadow or off: what somebody switched this version to, else what its file says.")
    severity: str = about("info, warning or critical.")
    owner: str | None
    runbook: str | None
    controls: list[str]
    approval: list[str] | None = about("Who has to agree before it acts; null where nobody has to.")
    text: str = about("As it is written.")


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

    rule: Rule
    mode: str

    @property
    def name(self) -> str:
        return self.rule.name

    @property
    def version_id(self) -> str:
        return self.rule.version_id

    @property
    def description(self) -> str:
        return self.rule.description

    @property
    def changes(self) -> Sequence[str]:
        return sorted(self.rule.trigger.changes)

    @property
    def on_type(self) -> str:
        return self.rule.trigger.type

    @property
    def when(self) -> str | None:
        return self.rule.when.text if self.rule.when is not None else None

    @property
    def query(self) -> str | None:
        return self.rule.query.text if self.rule.query is not None else None

    @property
    def schedule(self) -> str | None:
        on = self.rule.trigger
        return f"{on.schedule.cron} {on.schedule.timezone}" if isinstance(on, Timer) else None

    @property
    def for_each(self) -> str | None:
        match self.rule.targets:
            case None:
                return None
            case Each(urns):
                return urns.text
            case Downstream(name):
                return name

    @property
    def actions(self) -> Sequence[str]:
        return [it.kind for it in self.rule.actions]

    @property
    def severity(self) -> str:
        return self.rule.severity

    @property
    def owner(self) -> str | None:
        return self.rule.owner

    @property
    def runbook(self) -> str | None:
        return self.rule.runbook

    @property
    def controls(self) -> Sequence[str]:
        return self.rule.controls

    @property
    def approval(self) -> Sequence[str] | None:
        asked = self.rule.approval
        return None if asked is None else [*(["owner"] if asked.owner else []), *asked.people]

    @property
    def text(self) -> str:
        return self.rule.text


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

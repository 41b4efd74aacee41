"""What a rule is: frozen values, complete and checked once they exist.

`reading` makes them from YAML; everything after that works with these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from graph.errors import InvalidInput
from graph.model import make_urn
from rules.conditions import Expression
from rules.schedule import Schedule

if TYPE_CHECKING:
    from rules.action import Action, Together

CHANGES = (
    "run.started", "run.completed", "run.failed", "run.aborted",
    "entity.opened", "entity.altered", "entity.closed",
    "schema.changed", "column.opened", "column.closed",
    "relation.opened", "relation.closed",
    "tag.given", "tag.taken", "tag.reached", "tag.left",
)  # fmt: skip
"""The changes (`graph.model.Change.what`) a rule can be `on`; `rules.triggers` tells others by them."""

LATE = "run.late"
TIMER = "schedule"

DEFAULT_MAX_AGE = timedelta(hours=24)
DEFAULT_WITHIN = timedelta(days=3)
DEFAULT_DEPTH = 20

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,127})\}")


class MissingReference(InvalidInput):
    """A `${NAME}` for which no value was handed in at start-up."""

    def __init__(self, name: str) -> None:
        super().__init__(f"${{{name}}} has no value; set {name} before Andon starts")
        self.name = name


@dataclass(frozen=True, slots=True)
class Template:
    """Text with `${NAME}` references to values that must never be stored or shown.

    Only this text is kept; `resolve` is called at the moment of use.
    """

    text: str

    def __post_init__(self) -> None:
        if "${" in _REFERENCE.sub("", self.text):
            raise InvalidInput("a reference is written ${NAME}: letters, digits and _, not starting with a digit")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(_REFERENCE.findall(self.text))

    @property
    def is_reference(self) -> bool:
        """True if all of the text is one reference, so that nothing of the value stands in the open."""
        return _REFERENCE.fullmatch(self.text) is not None

    def resolve(self, references: Mapping[str, str]) -> str:
        """The text with values in place (which are not searched again); raises `MissingReference`."""
        for name in self.names:
            if name not in references:
                raise MissingReference(name)
        return _REFERENCE.sub(lambda match: references[match.group(1)], self.text)


class Mode(StrEnum):
    LIVE = "live"
    SHADOW = "shadow"  # decides and records, and does nothing
    OFF = "off"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class SchemaChange(StrEnum):
    """How a dataset's schema changed; one change may be several."""

    ADDED = "added"
    REMOVED = "removed"
    WIDENED = "widened"  # a column's type takes all it took, and more
    NARROWED = "narrowed"  # it takes less
    RETYPED = "retyped"  # it takes something else
    RENAMED = "renamed"  # a column went and another of its type stands in its place


@dataclass(frozen=True, slots=True)
class Trigger:
    """The changes that a rule looks at: of entities of class `type`, which are of one of `kinds` and `types`.

    `changes` are as the rule names them, `committed` those of the graph by which they are told. `how`: only schema
    changes of one of these ways; `tag`: only of this key; empty for any.
    """

    changes: frozenset[str]
    committed: frozenset[str] = field(repr=False)
    type: str
    types: frozenset[str] = field(repr=False)
    kinds: frozenset[str] = field(repr=False)
    how: frozenset[SchemaChange] = frozenset()
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Resolve:
    """The changes by which a rule's cause is gone."""

    trigger: Trigger
    when: Expression | None = None


@dataclass(frozen=True, slots=True)
class Timer:
    """A rule's own time has come. What it is about is the rule itself, or each job that is late."""

    schedule: Schedule
    late: Late | None = None

    @property
    def changes(self) -> frozenset[str]:
        return frozenset({TIMER if self.late is None else LATE})

    @property
    def type(self) -> str:
        return "Rule" if self.late is None else "Job"


@dataclass(frozen=True, slots=True)
class Late:
    """Jobs of which no run has ended well since the day began, or within `within` before.

    `jobs` are `namespace/name` with `*` for any text; `tag` is a tag that they have. A job need only be of one.
    """

    jobs: tuple[str, ...] = ()
    tag: str | None = None
    within: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """GraphQL, asked of the graph as of the change; `variables` by name."""

    text: str
    variables: Mapping[str, Expression] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Downstream:
    """Everything of class `type` at most `depth` dataset hops below; `types` is it and its subclasses.

    With depth 0 it is the run's outputs alone.
    """

    type: str
    types: frozenset[str]
    depth: int = DEFAULT_DEPTH


@dataclass(frozen=True, slots=True)
class Each:
    """What a list of urns names."""

    urns: Expression


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a rule may do. `max_age`: what is older when it comes is not acted on. `cooldown`: the time within which
    it acts once for one subject. `rate`: at most so many firings within a time. `affected`: how many may be hit
    without somebody's approval.
    """

    max_age: timedelta = DEFAULT_MAX_AGE
    cooldown: timedelta | None = None
    rate: tuple[int, timedelta] | None = None
    affected: int | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """Who has to agree before a rule acts: the `owner` of the rule or of what is hit, or a caller of a name in
    `people`; within `within`, or it is refused.
    """

    owner: bool = True
    people: tuple[str, ...] = ()
    within: timedelta = DEFAULT_WITHIN
    ask: tuple[Action | Together, ...] = ()  # what tells them


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One version of one rule; `digest` (hex) is of its content, whatever its comments and layout."""

    name: str
    version: int
    description: str
    trigger: Trigger | Timer
    query: Query | None = None
    when: Expression | None = None
    targets: Downstream | Each | None  # None: what changed itself
    actions: tuple[Action | Together, ...]
    resolve: Resolve | None = None
    mode: Mode = Mode.LIVE
    severity: Severity = Severity.WARNING
    owner: str | None = None
    runbook: str | None = None
    controls: tuple[str, ...] = ()  # what of a framework it is evidence of, such as "SOC2:CC7.2"
    limits: Limits = Limits()
    approval: Approval | None = None
    text: str = field(default="", repr=False)
    digest: str

    @property
    def urn(self) -> str:
        """Of the entity that it is in the graph."""
        return rule_urn(self.name)

    @property
    def version_id(self) -> str:
        """`3+9f86d081884c7d65`: an edit without a new version number is another version all the same."""
        return f"{self.version}+{self.digest[:16]}"

    @property
    def takes_all(self) -> bool:
        """Whether it has something to say to every change that it is on."""
        on = self.trigger
        is_any = isinstance(on, Trigger) and on.type == "Entity" and on.changes == on.committed and not on.how
        return is_any and self.when is None and self.resolve is None


def rule_urn(name: str) -> str:
    return make_urn("rule", "andon", name)

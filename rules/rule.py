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
from rules.conditions import Expression

if TYPE_CHECKING:
    from rules.action import Action

CHANGES = (
    "run.started", "run.completed", "run.failed", "run.aborted",
    "entity.opened", "entity.altered", "entity.closed",
    "schema.changed", "column.opened", "column.closed",
    "relation.opened", "relation.closed",
    "tag.given", "tag.taken", "tag.reached", "tag.left",
)  # fmt: skip
"""The changes (`graph.model.Change.what`) a rule can be `on`."""

DEFAULT_MAX_AGE = timedelta(hours=24)
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

    `how`: only schema changes of one of these ways; empty for any.
    """

    changes: frozenset[str]
    type: str
    types: frozenset[str] = field(repr=False)
    kinds: frozenset[str] = field(repr=False)
    how: frozenset[SchemaChange] = frozenset()


@dataclass(frozen=True, slots=True)
class Downstream:
    """Everything of class `type` at most `depth` dataset hops below; `types` is it and its subclasses.

    With depth 0 it is the run's outputs alone.
    """

    type: str
    types: frozenset[str]
    depth: int = DEFAULT_DEPTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One version of one rule; `digest` (hex) is of its content, whatever its comments and layout."""

    name: str
    version: int
    description: str
    trigger: Trigger
    when: Expression | None = None
    targets: Downstream | None  # None: what changed itself
    actions: tuple[Action, ...]
    mode: Mode = Mode.LIVE
    severity: Severity = Severity.WARNING
    owner: str | None = None
    runbook: str | None = None
    controls: tuple[str, ...] = ()  # what of a framework it is evidence of, such as "SOC2:CC7.2"
    max_age: timedelta = DEFAULT_MAX_AGE
    digest: str

    @property
    def version_id(self) -> str:
        """`3+9f86d081884c7d65`: an edit without a new version number is another version all the same."""
        return f"{self.version}+{self.digest[:16]}"

    @property
    def takes_all(self) -> bool:
        """Whether it has something to say to every change that it is on."""
        return self.when is None and self.trigger.type == "Entity" and not self.trigger.how

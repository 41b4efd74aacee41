"""What a rule does, whatever its kind: read once from the rule, then ordered for all that is hit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from graph.model import Change, Instant
from graph.reader import EntityRecord, GraphSnapshot, Owner
from rules.conditions import Values
from rules.impact import Hit

if TYPE_CHECKING:
    from rules.rule import Rule


Raised = Callable[[str, str], Sequence[str]]
"""`rules.outbox.Decisions.raised`."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """The firing that an action is for.

    `values` are the variables of its expressions, `snapshot` the graph as of it, `raised` is the outbox's.
    """

    rule: Rule
    change: Change
    firing: str
    at: Instant
    job: EntityRecord | None
    values: Values = field(default_factory=dict, repr=False)
    snapshot: GraphSnapshot | None = field(default=None, repr=False)
    raised: Raised = field(default=lambda rule, target: (), repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """What the outbox keeps of an action until it is carried out; see `rules.outbox.Intended`."""

    body: bytes
    owner: str = ""
    address: str = ""
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class Moot:
    """There is nothing to do; where nothing else is either and there is no `reason` to tell, the rule did not fire."""

    reason: str | None = None


class Action(Protocol):
    """Frozen, and complete and checked once it exists."""

    @property
    def kind(self) -> str:
        """As the rule names it; who carries it out is found by this."""

    @property
    def for_owners(self) -> bool:
        """Whether each owner of what is hit gets one, rather than each that is hit."""

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order | Moot:
        """The same arguments give the same order. Raises `InvalidInput` where it cannot be told."""

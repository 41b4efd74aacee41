"""What a rule does, whatever its kind: read once from the rule, then ordered for all that is hit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from graph.model import Change, Instant
from graph.reader import EntityRecord, GraphSnapshot, Owner
from rules.conditions import Values
from rules.impact import Hit
from rules.occurrence import NAMES
from rules.outbox import firing_urn

if TYPE_CHECKING:
    from rules.rule import Rule


SEEN = NAMES | {"hit", "rule", "firing", "action", "approval"}
"""The variables of an action's expressions; `approval` is null but for what asks for one."""
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

    def seen(self, key: str, hit: Hit, owner: Owner | None = None) -> Values:
        """What the expressions of the action of `key` see: what the condition did, and for whom it is."""
        rule, entity = self.rule, hit.entity
        shown: Mapping[str, Mapping[str, object]] = {
            "hit": {
                "urn": entity.urn, "type": entity.type, "namespace": entity.namespace, "name": entity.name,
                "owners": [it.name for it in entity.owners], "path": hit.path,
            },
            "rule": {
                "name": rule.name, "version": rule.version_id, "severity": str(rule.severity),
                "runbook": rule.runbook, "owner": rule.owner,
            },
            "firing": {"id": self.firing, "urn": firing_urn(self.firing)},
            "action": {"key": key, "owner": owner.name if owner is not None else None},
        }  # fmt: skip
        return {"approval": _nothing, **self.values, **{name: partial(_same, it) for name, it in shown.items()}}


def _nothing() -> object:
    return None


def _same(shown: Mapping[str, object]) -> object:
    return shown


@dataclass(frozen=True, slots=True)
class Order:
    """What the outbox keeps of an action until it is carried out; see `rules.outbox.Intended`.

    `within`: how long it may be under way at its target, None for the worker's default.
    """

    body: bytes
    owner: str = ""
    address: str = ""
    credential: str | None = None
    within: timedelta | None = None


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


@runtime_checkable
class Together(Protocol):
    """An action that is ordered for several that are hit at once."""

    @property
    def kind(self) -> str: ...

    @property
    def for_owners(self) -> bool: ...

    def groups(self, hits: Sequence[Hit]) -> Iterator[tuple[str, Sequence[Hit]]]:
        """Those that are hit by what they are ordered for, which is to be the same for the same hits."""

    def order_for(self, key: str, occasion: Occasion, group: str, hits: Sequence[Hit]) -> Order:
        """As `Action.order`."""

"""The outbox: what rules decided and what is still to be done about it, durable before anything is done.

A firing and its intended actions are committed together with the engine's checkpoint, so that a crash loses
neither and decides nothing twice. An action then moves

    pending -> delivering -> delivered
                  |  ^----> failed (tried again when due) or dead (until somebody replays it)

under a lease: who holds the lease settles the action, and a lease that ran out is given again. Envelopes for
the journal wait here too until they are appended, so that a result that was reached is reported, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from graph.model import Instant, NewEnvelope, Position, make_urn
from rules.audit import Chained
from rules.grounds import Ground


class Verdict(StrEnum):
    """What a rule made of a change."""

    FIRED = "fired"
    NO_TARGETS = "no_targets"  # nobody to act for
    TOO_OLD = "too_old"  # past the rule's max_age: recorded, not acted on
    LOOP_CUT = "loop_cut"  # too many firings caused one another
    SHADOW = "shadow"  # it would have fired; the rule is only watched so far
    UNDECIDED = "undecided"  # the evaluation failed; the reason is kept


class ActionState(StrEnum):
    PENDING = "pending"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    FAILED = "failed"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """To be carried out. `key` makes it idempotent; `address` and `credential` are templates, not values."""

    key: str
    firing: str
    kind: str
    target: str  # urn of the entity it is done for
    owner: str  # "" for nobody in particular
    address: str
    credential: str | None
    body: bytes
    evidence: tuple[Position, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A rule version's decision about a change. `depth` is 1, or one more than that of the causing firing."""

    id: str
    rule: str
    rule_version: str
    position: Position
    what: str
    subject: str  # urn of the changed entity
    fired_at: Instant  # rule time: when the change's envelope was received
    verdict: Verdict
    reason: str | None = None
    depth: int = 1
    cause: str | None = None  # id of the firing that led to the change
    evidence: tuple[Position, ...] = ()  # the newest envelope of each ground
    actions: tuple[Intended, ...] = ()
    grounds: tuple[Ground, ...] = ()

    @property
    def urn(self) -> str:
        return firing_urn(self.id)


def firing_urn(firing: str) -> str:
    """The urn of the entity that a firing is in the graph."""
    return make_urn("firing", "andon", firing)


def raised_by(firings: Sequence[Firing], rule: str, target: str) -> list[str]:
    """Of these firings, the keys of the actions by which a rule opens incidents on a target, newest first."""
    actions = (it for firing in firings if firing.rule == rule for it in firing.actions)
    return [it.key for it in actions if it.kind == "incident" and it.target == target][::-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """An action in the hands of one worker; `attempt` counts from 1, and anew from each replay."""

    action: Intended
    rule: str
    rule_version: str
    subject: str
    lease: str
    attempt: int
    attempts: int  # over its whole life


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How an attempt ended. `due_at` only for FAILED; `report` goes to the journal, only for final states."""

    state: ActionState
    at: Instant
    error: str | None = None
    due_at: Instant | None = None
    report: NewEnvelope | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRecord:
    key: str
    kind: str
    target: str
    owner: str
    address: str  # the template, without what follows a question mark
    state: str
    attempts: int
    last_error: str | None
    settled_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringRecord:
    """A firing as it stands now, for showing; `evidence` is ascending journal positions."""

    urn: str
    rule: str
    rule_version: str
    position: Position
    what: str
    subject: str
    fired_at: Instant
    verdict: str
    reason: str | None
    depth: int
    cause: str | None  # urn of the firing that led to the change
    evidence: tuple[Position, ...]
    actions: tuple[ActionRecord, ...] = field(default=())
    grounds: tuple[Ground, ...] = ()  # none of a firing of an older Andon


class Decisions(Protocol):
    """What the engine needs to decide: where it is, and how deep the firing that caused a change was."""

    def checkpoint(self) -> Position | None:
        """The position up to which all changes are decided; None before the first `decide` or `begin`."""

    def decide(
        self, after: Position, upto: Position, firings: Sequence[Firing], reports: Sequence[NewEnvelope]
    ) -> bool:
        """Commit the firings of changes in (after, upto], their actions, `reports` and the checkpoint `upto`.

        All or nothing: False, and nothing is written, where the checkpoint is not `after` (somebody else was
        faster). Raises `ValueError` where a firing or an action of a known key is said to be new.
        """

    def depth(self, firing: str) -> int | None:
        """The depth of a firing, None where it is unknown."""

    def raised(self, rule: str, target: str) -> Sequence[str]:
        """Keys of the newest actions by which a rule opens incidents on a target, dead ones left out."""


class Outbox(Decisions, Chained, Protocol):
    """Safe to call from any thread. What a method wrote is durable when it returns.

    Reports of kind `action` are linked where they are put in (`rules.audit`), in the order in which they wait.
    """

    def begin(self, position: Position) -> None:
        """Set the first checkpoint; nothing happens if there is one."""

    def lease(self, now: Instant, until: Instant) -> Leased | None:
        """The action longest due, in the caller's hands until `until`; counts an attempt."""

    def settle(self, leased: Leased, settlement: Settlement) -> bool:
        """End an attempt; False, and nothing is written, where the lease has gone to somebody else."""

    def unreported(self, limit: int) -> list[tuple[int, NewEnvelope]]:
        """Envelopes that wait for the journal, oldest first, each with the number that `reported` takes."""

    def reported(self, number: int) -> None:
        """The journal has it."""

    def replay(self, key: str, now: Instant) -> None:
        """Have a dead action tried again from `now`. Raises `NotFound`, and `Conflict` if it is not dead."""

    def firings(self, first: int) -> list[FiringRecord]:
        """Newest first, by position."""

    def firing(self, id: str) -> FiringRecord | None: ...

    def close(self) -> None: ...

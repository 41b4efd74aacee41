"""The outbox: what rules decided and what is still to be done about it, durable before anything is done.

A firing and its intended actions are committed together with the engine's checkpoint, so that a crash loses
neither and decides nothing twice. An action then moves

    (waiting ->) pending -> delivering -> delivered
                               |  ^----> failed (tried again when due) or dead (until somebody replays it)
                               '-------> underway (started at its target, looked at again when due)

under a lease: who holds the lease settles the action, and a lease that ran out is given again. What waits for an
approval is pending once it is given, else refused. Envelopes for the journal wait here too until they are appended,
so that a result that was reached is reported, once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
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
    LIMITED = "limited"  # it fired too often; the reason says how often it may
    WAITING = "waiting"  # for somebody's approval
    LASTING = "lasting"  # it said so before, and what it said still stands
    RESOLVED = "resolved"  # what it said is over
    REFUSED = "refused"  # somebody said no, or nobody said yes in time


ACTED = (Verdict.FIRED, Verdict.SHADOW, Verdict.WAITING, Verdict.REFUSED)
"""Verdicts that count against a rule's limits."""


class ActionState(StrEnum):
    WAITING = "waiting"
    REFUSED = "refused"
    PENDING = "pending"
    DELIVERING = "delivering"
    UNDERWAY = "underway"
    DELIVERED = "delivered"
    FAILED = "failed"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """To be carried out. `key` makes it idempotent; `address` and `credential` are templates, not values.

    `within`: how long it may be under way, None for the worker's default; `progress`: what its deliverer said when it
    was last found under way, None before.
    """

    key: str
    firing: str
    kind: str
    target: str  # urn of the entity it is done for
    owner: str  # "" for nobody in particular
    address: str
    credential: str | None
    body: bytes
    evidence: tuple[Position, ...]
    within: timedelta | None = None
    progress: str | None = None
    at_once: bool = False  # though the firing waits


@dataclass(frozen=True, slots=True)
class Awaited:
    """Approval by one of `by`, whoever may write where nobody is named, before `until`."""

    by: tuple[str, ...]
    until: Instant
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What somebody said to a firing that waited; `by` is None where nobody did in time."""

    approved: bool
    by: str | None
    at: Instant
    note: str | None = None


SAYING = "notify"
"""The kind of action that says something once for as long as it lasts."""


@dataclass(frozen=True, slots=True)
class Said:
    """The newest firing of a rule that said something of a subject, or took it back, with the messages; `change` is the
    urn of what changed.
    """

    firing: str
    verdict: str
    change: str
    position: Position
    messages: tuple[Intended, ...]

    @property
    def stands(self) -> bool:
        return self.verdict != Verdict.RESOLVED


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
    answer: bytes | None = None  # to the rule's query, as JSON
    awaited: Awaited | None = None
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
    """An action in the hands of one worker; `attempt` counts from 1, and anew from each replay and from each time
    that it was found under way, first at `started_at`.
    """

    action: Intended
    rule: str
    rule_version: str
    subject: str
    lease: str
    attempt: int
    attempts: int  # over its whole life, without those that found it under way
    started_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How an attempt ended. `due_at` only for FAILED and UNDERWAY; `report` goes to the journal, only for final states.

    `progress` only for UNDERWAY, `result` (JSON) only for DELIVERED. `held`: it was not even tried, so that no attempt
    counts and the state is the one before.
    """

    state: ActionState
    at: Instant
    error: str | None = None
    due_at: Instant | None = None
    progress: str | None = None
    result: str | None = None
    held: bool = False
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
    result: Mapping[str, object] | None = None
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
    answer: bytes | None = None
    awaited: Awaited | None = None
    answered: Answered | None = None
    grounds: tuple[Ground, ...] = ()  # none of a firing of an older Andon

    @property
    def data(self) -> object:
        """What was answered, as JSON values."""
        return json.loads(self.answer) if self.answer is not None else None


class Decisions(Protocol):
    """What the engine needs to decide: where it is, and what has fired before."""

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

    def fired(self, rule: str, since: Instant, below: Position, subject: str | None) -> int:
        """How many firings of a rule, received after `since` at positions below `below`, acted, wait, or would have
        acted: for a subject, or for any.
        """

    def said(self, rule: str, subject: str, below: Position) -> Said | None:
        """What a rule has said last of a subject, at positions below `below`."""

    def raised(self, rule: str, target: str) -> Sequence[str]:
        """Keys of the newest actions by which a rule opens incidents on a target, dead ones left out."""


class Progress(Protocol):
    """How far what is worked out from changes, beside the rules, has come; each under a name of its own."""

    def progress(self, name: str) -> tuple[Position, str] | None:
        """The position that it has come to, and what it keeps with it; None before the first `advance`."""

    def advance(
        self, name: str, after: Position | None, upto: Position, kept: str, reports: Sequence[NewEnvelope]
    ) -> bool:
        """Commit `upto`, `kept` and `reports` together.

        False, and nothing is written, where the position is not `after` (somebody else was faster).
        """

    def unreported(self, limit: int) -> list[tuple[int, NewEnvelope]]:
        """As `Outbox.unreported`."""

    def reported(self, number: int) -> None:
        """The journal has it."""


class Outbox(Decisions, Chained, Progress, Protocol):
    """Safe to call from any thread. What a method wrote is durable when it returns.

    Reports of kind `action` are linked where they are put in (`rules.audit`), in the order in which they wait.
    """

    def begin(self, position: Position) -> None:
        """Set the first checkpoint; nothing happens if there is one."""

    def lease(self, now: Instant, until: Instant) -> Leased | None:
        """The action longest due, in the caller's hands until `until`; counts an attempt."""

    def state(self, key: str) -> ActionState | None:
        """That of an action, None where it is unknown."""

    def settle(self, leased: Leased, settlement: Settlement) -> bool:
        """End an attempt; False, and nothing is written, where the lease has gone to somebody else."""

    def unreported(self, limit: int) -> list[tuple[int, NewEnvelope]]:
        """Envelopes that wait for the journal, oldest first, each with the number that `reported` takes."""

    def reported(self, number: int) -> None:
        """The journal has it."""

    def replay(self, key: str, now: Instant) -> None:
        """Have a dead action tried again from `now`. Raises `NotFound`, and `Conflict` if it is not dead."""

    def answer(self, firing: str, answered: Answered, report: NewEnvelope) -> None:
        """Have a firing that waits go on, or be refused. Raises `NotFound`, and `Conflict` if it does not wait."""

    def waiting(self, first: int) -> list[FiringRecord]:
        """Those that wait for an approval, the most urgent first."""

    def firings(self, first: int) -> list[FiringRecord]:
        """Newest first, by position."""

    def firing(self, id: str) -> FiringRecord | None: ...

    def close(self) -> None: ...

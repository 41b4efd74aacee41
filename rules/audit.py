"""The log of what rules decided and did, as a chain: each record has its number and the digest of the one before it.

Records are linked where they are put into the outbox, in the transaction that decides or settles, and go to the journal
under the digest of what they say. So a change of one that was written shows: its bytes are not those of its digest, or
the next one names another. A redacted record has no bytes any more, and the digest by which the next one knows it.

What the chain cannot show is that its newest records were taken away, or others put behind them, by somebody who can
write journal and outbox both; a head (number and digest) that is kept elsewhere shows the first.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, Protocol

from graph.model import Envelope, Instant, NewEnvelope, Position

KIND = "action"
"""Of the envelopes that are records."""

SOURCE = "rules"

_BLOCK = 1_000

_log = logging.getLogger("andon.rules")


class Head(NamedTuple):
    """The newest record of a chain: numbers count from 1."""

    number: int
    digest: bytes


EMPTY = Head(0, b"")
"""Before the first record."""

OLDER = Head(0, b"\0")
"""Before the first record, where records of an Andon that linked none may stand before it."""


class Chained(Protocol):
    """What of an outbox is asked here."""

    def checkpoint(self) -> Position | None: ...

    def chain(self) -> tuple[Head, list[NewEnvelope]]:
        """The newest record, and those that wait for the journal, oldest first."""

    def go_on_from(self, head: Head) -> bool:
        """Have the next record follow `head`; False where the chain has come as far already."""


def digest_of(body: bytes) -> bytes:
    return blake2b(body, digest_size=32, person=b"andon audit").digest()


def linked(record: NewEnvelope, head: Head) -> tuple[NewEnvelope, Head]:
    """The record as the one that follows `head`, and the head that it is."""
    link = {"number": head.number + 1, "previous": head.digest.hex()}
    body = json.dumps(link | json.loads(record.body), separators=(",", ":")).encode()
    digest = digest_of(body)
    return NewEnvelope(record.kind, record.source, digest, body), Head(head.number + 1, digest)


def _link(body: bytes) -> Head | None:
    """(the record's number, the digest of the one before it); None for one that has no link."""
    try:
        said = json.loads(body)
        number, previous = said["number"], bytes.fromhex(said["previous"])
    except (ValueError, TypeError, KeyError):
        return None
    return Head(number, previous) if type(number) is int and number > 0 else None


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the log is first found to be otherwise than it was written; `position` None: of no one place."""

    number: int
    position: Position | None
    reason: str


class Broken(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


@dataclass(slots=True)
class Walk:
    """Follows a chain: `take` its records in order, then `end`. Both raise `Broken` at the first fault."""

    head: Head = EMPTY
    older: int = 0
    """Records that stand before the chain."""
    redacted: int = 0
    first_at: Instant | None = None
    last_at: Instant | None = None
    kept: Mapping[int, set[bytes]] = field(default_factory=dict)
    """Digests that are known from elsewhere, by number."""
    _blank: list[Envelope] = field(default_factory=list)  # redacted ones that no later one has confirmed yet
    _removed: dict[Position, int] = field(default_factory=dict)
    _begun: bool = False

    def take(self, record: Envelope) -> None:
        if record.source != SOURCE:
            raise Broken(Fault(self._next, record.position, f"is of {record.source!r}"))
        if record.body is None:
            self._blank.append(record)
            return
        link = _link(record.body)
        if link is None:
            if self._begun:
                raise Broken(Fault(self._next, record.position, "a record without a link stands among the others"))
            self.older += 1 + len(self._blank)
            self._blank.clear()
            return
        number, previous = link
        if not self._begun:
            self._begin(record.position, number, previous)
        wanted = self._next + len(self._blank)
        if number < wanted:
            reason = (
                "is there again" if number <= self.head.number else "stands behind more records than came before it"
            )
            raise Broken(Fault(number, record.position, reason))
        if number > wanted:
            gone = f"to {number - 1} are missing" if number > wanted + 1 else "is missing"
            raise Broken(Fault(self._next, record.position, gone))
        if digest_of(record.body) != record.digest:
            raise Broken(Fault(number, record.position, "does not say what it said"))
        if previous != (self._blank[-1].digest if self._blank else self.head.digest):
            raise Broken(Fault(number, record.position, "does not follow the one before it"))
        self._pass_blank()
        self._reach(record)

    def _begin(self, position: Position, number: int, previous: bytes) -> None:
        self._begun = True
        if number > 1 and self._blank and number - 1 <= len(self._blank):  # the first ones are redacted
            surplus = len(self._blank) - (number - 1)
            self.older += surplus
            del self._blank[:surplus]
            return
        self.older += len(self._blank)
        self._blank.clear()
        if number == 1:
            self.head = OLDER if previous == OLDER.digest else EMPTY
            if self.older and self.head == EMPTY:
                raise Broken(Fault(1, position, f"{self.older} records stand before it, and there were none"))

    def end(self) -> None:
        if not self._begun:  # nothing says where among the redacted ones the chain begins, but a head that is known
            known = (index + 1 - number for index, it in enumerate(self._blank)
                     for number, digests in self.kept.items() if it.digest in digests)  # fmt: skip
            surplus = max(next(known, len(self._blank)), 0)
            self.older += surplus
            del self._blank[:surplus]
        self._pass_blank()
        missing = [it for it in self.kept if it > self.head.number]
        if missing:
            raise Broken(Fault(self.head.number + 1, None, f"is missing; there was a number {max(missing)}"))

    def confirm_removed(self, said: Callable[[Position], bool]) -> None:
        """Raises `Broken` where bytes are gone and nobody said that they were redacted."""
        for position, number in self._removed.items():
            if not said(position):
                raise Broken(Fault(number, position, "has no bytes, and nobody said that they were redacted"))

    @property
    def _next(self) -> int:
        return self.head.number + 1

    def _pass_blank(self) -> None:
        for record in self._blank:
            self._removed[record.position] = self._next
            self.redacted += 1
            self._reach(record)
        self._blank.clear()

    def _reach(self, record: Envelope) -> None:
        head = Head(self._next, record.digest)
        if self.kept.get(head.number, {head.digest}) != {head.digest}:
            raise Broken(Fault(head.number, record.position, "is another than the one that was there"))
        self.head = head
        if record.position:
            self.first_at = record.received_at if self.first_at is None else self.first_at
            self.last_at = record.received_at


@dataclass(frozen=True, slots=True)
class Audit:
    """`head`: the newest sound record; `waiting` of them are not in the journal yet, `older` stand before the chain."""

    head: Head
    older: int
    redacted: int
    waiting: int
    first_at: Instant | None
    last_at: Instant | None
    fault: Fault | None


def verify(
    envelopes: Callable[[], Iterable[Envelope]],
    *,
    outbox: Chained | None = None,
    expected: Head | None = None,
    redacts: Callable[[Envelope], int | None] = lambda _: None,
) -> Audit:
    """Follow the chain through all of a journal.

    `outbox`: it knows what it has put last, and what is still on its way. `expected`: a head that was kept elsewhere.
    `redacts(envelope)`: the position of which it says that it was redacted.
    """
    before = outbox.chain() if outbox is not None else (EMPTY, [])
    kept: dict[int, set[bytes]] = {}
    for head in (before[0], expected):
        if head is not None and head.number:
            kept.setdefault(head.number, set()).add(head.digest)
    walk = Walk(kept=kept)
    waiting = {it.key: it for it in before[1] if _link(it.body) is not None}
    redacted: set[int] = set()
    fault: Fault | None = None
    try:
        for envelope in envelopes():
            if (position := redacts(envelope)) is not None:
                redacted.add(position)
            if envelope.kind == KIND:
                walk.take(envelope)
                waiting.pop(envelope.digest, None)
        for record in waiting.values():
            walk.take(Envelope(Position(0), record.kind, record.source, Instant(0), record.key, record.body))
        walk.end()
        walk.confirm_removed(redacted.__contains__)
        if outbox is not None:
            _not_beyond(walk.head, outbox.chain()[0])
    except Broken as broken:
        fault = broken.fault
    return Audit(walk.head, walk.older, walk.redacted, len(waiting), walk.first_at, walk.last_at, fault)


def _not_beyond(found: Head, put: Head) -> None:
    if found.number > put.number:
        raise Broken(Fault(put.number + 1, None, f"was not put there by the outbox, which has come to {put.number}"))
    if found.number == put.number and found.number and found.digest != put.digest:
        raise Broken(Fault(found.number, None, "is another than the one that the outbox put there"))


def resume(outbox: Chained, read: Callable[[int, int], list[Envelope]], after: int | None = None) -> None:
    """Have the chain go on where the journal's ends, should the outbox be an older or a new one.

    `read` is the journal's. Without `after` it is read from the outbox's checkpoint: whatever an older outbox does not
    know was decided after that.
    """
    known = outbox.chain()[0]
    found, older = known, False
    after = (outbox.checkpoint() or 0) if after is None else after
    while block := read(after, _BLOCK):
        after = block[-1].position
        for envelope in block:
            if envelope.kind != KIND:
                continue
            link = _link(envelope.body) if envelope.body is not None else None
            if link is not None and link.number > found.number:
                found = Head(link.number, envelope.digest)
            elif envelope.body is None and found.number > known.number:
                found = Head(found.number + 1, envelope.digest)
            older |= link is None
    if found == EMPTY and older:
        found = OLDER
    if found != known and outbox.go_on_from(found):
        _log.warning("the outbox's log stood at %d, the journal's at %d: it goes on there", known.number, found.number)

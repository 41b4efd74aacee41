"""The journal's port: envelopes in, durable and in order; the only source of truth.

An adapter promises: `append` returns after the bytes would survive a power cut; positions are 1, 2, 3, ... in
commit order; an envelope whose key is known answers the first one's position and is not stored again;
received times never go backwards along positions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .model import Envelope, Instant, NewEnvelope, Position


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an envelope stands in the journal; `duplicate` if it stood there before."""

    position: Position
    duplicate: bool


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Input that was refused or could not be decoded; `position` if it is in the journal."""

    id: int
    received_at: Instant
    source: str
    reason: str
    field: str
    body: bytes | None
    position: Position | None = None


class JournalReader(Protocol):
    """The journal to look at; safe beside the process that writes it."""

    def read(self, after: int, limit: int) -> list[Envelope]:
        """Up to `limit` envelopes with positions above `after`, in order."""

    def envelope(self, position: int) -> Envelope | None: ...

    def last_position(self) -> Position:
        """0 for an empty journal."""

    def position_at(self, instant: Instant) -> Position:
        """The last position received at or before `instant`, 0 if none."""

    def redaction(self, position: int) -> str | None:
        """Why the envelope there has no bytes any more; None where it was not redacted, or there is none."""

    def dead_letters(self, first: int, before: int | None = None) -> list[DeadLetter]:
        """Newest first; `before` is the id of the last one already seen."""

    def dead_letter(self, id: int) -> DeadLetter | None: ...

    def dead_letter_count(self) -> int: ...

    def close(self) -> None: ...


class Journal(JournalReader, Protocol):
    def append(self, envelopes: Sequence[NewEnvelope]) -> list[Appended]:
        """Store durably, in this order; blocks. Raises `Unavailable` (nothing stored) and `JournalBroken`."""

    def append_async(self, envelopes: Sequence[NewEnvelope]) -> asyncio.Future[list[Appended]]:
        """The same for the running event loop."""

    def redact(self, position: int, reason: str) -> None:
        """Remove the bytes for good; position, hash and reason stay. Raises `NotFound`."""

    def now(self) -> Instant:
        """By the clock that received times go by: one for all who share the journal. Raises `Unavailable`."""

    def wait_for(self, after: int, timeout: float) -> bool:
        """Block until there is a position above `after`, at most `timeout` seconds."""

    def add_dead_letter(
        self, source: str, reason: str, field: str, body: bytes | None, position: int | None = None
    ) -> None:
        """Keep what was refused, its texts as `storable`; a letter of the same position makes way for it."""

    def remove_dead_letter(self, id: int) -> None: ...

    def import_envelopes(self, envelopes: Sequence[Envelope], reasons: Mapping[int, str]) -> None:
        """Store what another journal held exactly as it stood there: position, received time, key, bytes.

        One durable transaction. The positions must go on from `last_position()` without a gap, the received times
        must not go backwards and no key may be known, here or twice in the batch; otherwise raises `Conflict`, a
        whole sentence that names the position, and stores nothing. A body of None is a redacted envelope, and
        `reasons` has why, by position. Afterwards `append` goes on behind them, and knows their keys.
        """

    def import_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Add another journal's dead letters as they stood there, in this order; those known already are passed over.

        Known is one with the same position or, without a position, with all the same but its id. Ids are kept where
        they are free; who finds his taken gets a new one.
        """

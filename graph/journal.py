"""The journal's port: envelopes in, durable and in order; the only source of truth.

An adapter promises: `append` returns after the bytes would survive a power cut; positions are 1, 2, 3, ... in
commit order; an envelope whose key is known answers the first one's position and is not stored again;
received times never go backwards along positions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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


class Journal(Protocol):
    def append(self, envelopes: Sequence[NewEnvelope]) -> list[Appended]:
        """Store durably, in this order; blocks. Raises `Unavailable` (nothing stored) and `JournalBroken`."""

    def append_async(self, envelopes: Sequence[NewEnvelope]) -> asyncio.Future[list[Appended]]:
        """The same for the running event loop."""

    def read(self, after: int, limit: int) -> list[Envelope]:
        """Up to `limit` envelopes with positions above `after`, in order."""

    def envelope(self, position: int) -> Envelope | None: ...

    def last_position(self) -> Position:
        """0 for an empty journal."""

    def position_at(self, instant: Instant) -> Position:
        """The last position received at or before `instant`, 0 if none."""

    def redact(self, position: int, reason: str) -> None:
        """Remove the bytes for good; position, hash and reason stay. Raises `NotFound`."""

    def wait_for(self, after: int, timeout: float) -> bool:
        """Block until there is a position above `after`, at most `timeout` seconds."""

    def add_dead_letter(
        self, source: str, reason: str, field: str, body: bytes | None, position: int | None = None
    ) -> None: ...

    def dead_letters(self, first: int, before: int | None = None) -> list[DeadLetter]:
        """Newest first; `before` is the id of the last one already seen."""

    def dead_letter(self, id: int) -> DeadLetter | None: ...

    def dead_letter_count(self) -> int: ...

    def remove_dead_letter(self, id: int) -> None: ...

    def close(self) -> None: ...

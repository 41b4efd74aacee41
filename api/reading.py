"""As of when a caller reads: the parameters `valid`, `known` and `position`, and the header `Andon-Min-Position`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from graph.errors import InvalidInput, Unavailable
from graph.journal import Journal
from graph.model import PRESENT, AsOf, Instant, Position, parse_instant

if TYPE_CHECKING:
    from api.graphql.services import Progress

MIN_POSITION = b"andon-min-position"
POSITION = b"andon-position"
PARAMETERS = ("valid", "known", "position")
_WAITERS = 64  # reads that may wait for a position at once


def as_of(parameters: Mapping[str, str], journal: Journal) -> AsOf:
    """The state that `valid` and `known` (ISO 8601) or `position` ask for. Raises `InvalidInput`."""
    if "known" in parameters and "position" in parameters:
        raise InvalidInput("give known or position, not both", field="known")
    valid = _instant(parameters, "valid")
    known = _instant(parameters, "known")
    if known is not None:
        return AsOf(valid, Position(journal.position_at(known)))
    if "position" in parameters:
        return AsOf(valid, Position(_whole(parameters["position"], "position")))
    return AsOf(valid) if valid is not None else PRESENT


def min_position(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """What the caller's `Andon-Min-Position` asks for, 0 without one."""
    text = next((value for name, value in headers if name == MIN_POSITION), None)
    return 0 if text is None else _whole(text.decode("latin-1"), "Andon-Min-Position")


class Patience:
    """Has requests wait for the graph, off the event loop and at most `seconds`."""

    def __init__(self, progress: Progress, seconds: float) -> None:
        self._progress = progress
        self._seconds = seconds
        self._limiter: anyio.CapacityLimiter | None = None

    async def await_position(self, position: int) -> None:
        """Raises `Unavailable` where the graph has not read up to there in time."""
        if self._progress.position >= position:
            return
        if self._limiter is None:  # made here because it belongs to the running event loop
            self._limiter = anyio.CapacityLimiter(_WAITERS)
        reached = await anyio.to_thread.run_sync(
            self._progress.await_position, position, self._seconds, limiter=self._limiter
        )
        if not reached:
            raise Unavailable(f"the graph has not read up to position {position} yet")


def _instant(parameters: Mapping[str, str], name: str) -> Instant | None:
    text = parameters.get(name)
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise InvalidInput(str(error), field=name) from None


def _whole(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidInput("expected a position, a whole number", field=field)
    return int(text)

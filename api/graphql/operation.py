"""The state of one GraphQL operation: who asks, until when, and a snapshot for each as-of."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import strawberry
from graphql.pyutils import Path

from api.auth import Caller
from api.graphql.inputs import AsOf
from api.graphql.services import Services
from api.problems import TimedOut
from graph.errors import InvalidInput, Unavailable
from graph.model import PRESENT, Position
from graph.model import AsOf as GraphAsOf
from graph.reader import GraphSnapshot

SnapshotAt = Callable[[list[str | int]], GraphSnapshot]


@dataclass(slots=True)
class Operation:
    """Used by one thread; leaving it closes its snapshots. `deadline` is of `time.monotonic`; `at` is what is asked of
    where the question does not say.
    """

    services: Services
    caller: Caller
    deadline: float
    at: GraphAsOf = PRESENT
    _stack: ExitStack = field(default_factory=ExitStack)
    _snapshots: dict[GraphAsOf, GraphSnapshot] = field(default_factory=dict)
    _by_root: dict[str | int, GraphSnapshot | SnapshotAt] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def check_time(self) -> None:
        """Raises `TimedOut` when the operation's time is over."""
        if time.monotonic() > self.deadline:
            raise TimedOut("the operation took too long; ask for less of it")

    def snapshot(self, as_of: AsOf | None, path: Path) -> GraphSnapshot:
        """The snapshot that the root field at `path`, and all that is asked below it, reads."""
        snapshot = self.open(self.resolve(as_of))
        self._by_root[path.key] = snapshot
        return snapshot

    def open(self, as_of: GraphAsOf) -> GraphSnapshot:
        snapshot = self._snapshots.get(as_of)
        if snapshot is None:
            snapshot = self._stack.enter_context(self.services.reader.snapshot(as_of))
            self._snapshots[as_of] = snapshot
        return snapshot

    def fresh_snapshot(self, path: Path) -> GraphSnapshot:
        """A snapshot of the present as it is now, for what is asked below the root field at `path`."""
        snapshot = self._stack.enter_context(self.services.reader.snapshot(PRESENT))
        self._by_root[path.key] = snapshot
        return snapshot

    def register(self, path: Path, choose: SnapshotAt) -> None:
        """Below the root field at `path`, what is asked at some path reads `choose(its keys)`."""
        self._by_root[path.key] = choose

    def snapshot_below(self, path: Path) -> GraphSnapshot:
        """The snapshot that the field at `path` reads: that of the root field above it."""
        keys = path.as_list()
        found = self._by_root[keys[0]]
        return found(keys) if callable(found) else found

    def resolve(self, as_of: AsOf | None) -> GraphAsOf:
        """The as-of in the graph's terms, waiting for its position to be projected.

        Raises `InvalidInput` for `known` beside `position`, `Unavailable` if the wait was in vain.
        """
        if as_of is None:
            return self.at
        if as_of.known is not None and as_of.position is not None:
            raise InvalidInput("give known or position, not both", field="asOf")
        position = as_of.position
        if as_of.known is not None:
            position = self.services.journal.position_at(as_of.known)
        if position is None:
            return GraphAsOf(as_of.valid)
        if position < 0:
            raise InvalidInput("expected a position of 0 or more", field="asOf.position")
        self.await_position(position)
        return GraphAsOf(as_of.valid, Position(position))

    def await_position(self, position: int) -> None:
        """Wait, within this operation's time, until the graph has read up to `position`."""
        progress = self.services.progress
        patience = min(self.services.position_wait, max(self.deadline - time.monotonic(), 0))
        if progress.position < position and not progress.await_position(position, patience):
            raise Unavailable(f"the graph has not read up to position {position} yet")


def operation(info: strawberry.Info) -> Operation:
    """The operation that a field is resolved in."""
    context: Operation = info.context
    return context

"""What rules read: committed changes, the graph as of each, and the journal's word on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from graph.errors import InvalidInput
from graph.model import AsOf, Change, Instant, Position
from graph.reader import GraphSnapshot


def _cannot_ask(query: str, variables: Mapping[str, object], position: Position) -> object:
    raise InvalidInput("there is nothing here that a query can be put to", field="query")


@dataclass(frozen=True, slots=True)
class Sources:
    """`changes(after, limit)`: committed changes above a position, in order, the same at every call and after a
    restart; it may cut a position's changes in two. `snapshot(as_of)` opens the graph, as of past positions too.
    `received_at(position)` is an envelope's, `cause(position)` the firing by which a rule had it said.
    `link(firing, by, until)` is where somebody may approve without a key, None for nowhere.
    `ask(query, variables, position)` answers GraphQL as of a position; it raises `InvalidInput` for what is wrong
    with the query, and `Unavailable`.
    """

    changes: Callable[[int, int], list[Change]]
    snapshot: Callable[[AsOf], AbstractContextManager[GraphSnapshot]]
    received_at: Callable[[Position], Instant]
    cause: Callable[[Position], str | None] = lambda _: None
    ask: Callable[[str, Mapping[str, object], Position], object] = _cannot_ask
    link: Callable[[str, str, Instant], str | None] = lambda firing, by, until: None

"""Reads the present from Neo4j: the walks of lineage, one query a hop; the fold state answers all else.

A walk runs in one read transaction. Neo4j isolates transactions by what is committed, not by snapshots, so the
position is read before and after: where a write came between, the walk is made again, and after a few vain tries, or
while Neo4j is away or behind what callers were promised, the fold state makes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec

from graph.errors import Unavailable
from graph.lineage import EdgeSource, Kept, Lineage
from graph.lineage import paths as shortest_paths
from graph.model import FOREVER, PRESENT, AsOf, Instant, Position
from graph.reader import (
    DiffRecord,
    GraphReader,
    GraphSnapshot,
    Level,
    LineageAnswer,
    LineageQuery,
    PathRecord,
)
from graph.snapshot import Snapshot
from graph.statements import Transformation
from ontology import Ontology

from .connection import Connection
from .delta import first_key
from .projection import Projection
from .words import ENTITY, FROM_TARGET, TYPES
from .writing import STATE, State

T = TypeVar("T")
Ask = Callable[..., list[Any]]

_TRIES = 2
_read_transformations = msgspec.json.Decoder(tuple[Transformation, ...]).decode


class Progress(Protocol):
    """How far the fold state is: the projector."""

    @property
    def position(self) -> int: ...

    def await_position(self, position: int, timeout: float) -> bool: ...

    def rebuild(self) -> None: ...


class Neo4jGraph:
    """A `graph.reader.GraphReader` over the fold state and its projection, and how far both are.

    `progress` is asked for when it is needed: the projector and this know of one another.
    """

    def __init__(
        self,
        fold: GraphReader,
        progress: Callable[[], Progress],
        connection: Connection,
        ontology: Ontology,
        token: Callable[[], int] = lambda: 1,
    ) -> None:
        self._fold = fold
        self._progress = progress
        self._connection = connection
        self.projection = Projection(fold, lambda: progress().position, connection, ontology, token)

    @contextmanager
    def snapshot(self, as_of: AsOf = PRESENT) -> Iterator[GraphSnapshot]:
        with self._fold.snapshot(as_of) as snapshot:
            if as_of.is_present and isinstance(snapshot, Snapshot):
                yield Neo4jSnapshot(snapshot, self.projection, self._connection)
            else:
                yield snapshot

    def diff(self, before: AsOf, after: AsOf, urns: Sequence[str] | None = None) -> Iterator[DiffRecord]:
        return self._fold.diff(before, after, urns)

    @property
    def position(self) -> int:
        """What every question sees: the fold state's position, or Neo4j's where that answers and is behind."""
        folded = self._progress().position
        return min(folded, self.projection.position) if self.projection.is_readable else folded

    def await_position(self, position: int, timeout: float) -> bool:
        """Block until every question sees `position`, at most `timeout` seconds."""
        until = time.monotonic() + timeout
        if not self._progress().await_position(position, timeout):
            return False
        self.projection.await_position(position, max(until - time.monotonic(), 0))
        return True

    def rebuild(self) -> None:
        """Forget the fold state and make it anew; its projection follows, as it is of another making then."""
        self._progress().rebuild()


class Neo4jSnapshot:
    """The present: lineage by Neo4j, what is said of the entities by the fold state's snapshot."""

    def __init__(self, fold: Snapshot, projection: Projection, connection: Connection) -> None:
        self._fold = fold
        self._projection = projection
        self._connection = connection
        self.as_of = fold.as_of
        self.position = fold.position
        self.entity = fold.entity
        self.find = fold.find
        self.entities = fold.entities
        self.entities_by_id = fold.entities_by_id
        self.facets = fold.facets
        self.attributes = fold.attributes
        self.relations = fold.relations
        self.related_from = fold.related_from
        self.aliases = fold.aliases
        self.columns = fold.columns
        self.versions = fold.versions
        self.runs = fold.runs
        self.run_datasets = fold.run_datasets
        self.job_datasets = fold.job_datasets
        self.said_in = fold.said_in
        self.output_said_in = fold.output_said_in
        self.dataset_jobs = fold.dataset_jobs
        self.parent = fold.parent
        self.is_retired = fold.is_retired
        self.counts = fold.counts
        self.stops = fold.stops
        self.stops_on = fold.stops_on

    def lineage(self, query: LineageQuery) -> LineageAnswer:
        if query.history:
            return self._fold.lineage(query)
        return self._walked(
            lambda edges, position: replace(Lineage(self._fold, query, edges).answer(), position=position),
            lambda: self._fold.lineage(query),
        )

    def paths(self, source: str, target: str, level: Level, limit: int = 20) -> tuple[PathRecord, ...]:
        return self._walked(
            lambda edges, _: shortest_paths(self._fold, source, target, level, limit, edges),
            lambda: self._fold.paths(source, target, level, limit),
        )

    def _walked(self, walk: Callable[[EdgeSource, Position], T], otherwise: Callable[[], T]) -> T:
        for _ in range(_TRIES if self._projection.is_readable else 0):
            try:
                with self._connection.reading() as ask:
                    state = _state(ask)
                    if state.mark.incarnation != self._fold.incarnation:
                        break
                    if not self._projection.promised <= state.mark.position <= self._fold.position():
                        break  # behind what was promised, or already past what this snapshot knows
                    found = walk(Neo4jEdges(ask, state.generation), state.mark.position)
                    if _state(ask).mark == state.mark:
                        self._projection.note_walk()
                        return found
            except Unavailable:
                self._projection.note_failure()
                break
        return otherwise()


class Neo4jEdges:
    """The edges of the running generation, as the fold's nodes; each node's are asked for once."""

    def __init__(self, ask: Ask, generation: int) -> None:
        self._ask = ask
        self._first = first_key(generation)
        self._known: dict[tuple[bool, tuple[int, ...]], dict[int, list[Kept]]] = {}

    def holding(self, nodes: Iterable[int], upstream: bool, kinds: tuple[int, ...]) -> Iterable[Kept]:
        wanted = list(nodes)
        known = self._known.setdefault((upstream, kinds), {})
        unknown = [it for it in wanted if it not in known]
        if unknown:
            known.update((it, []) for it in unknown)
            rows = self._ask(_statement(upstream, kinds), keys=[self._first + it for it in unknown])
            for key, edges in rows:
                kept = known[key - self._first]
                for (kind, job, source, target, since), said in edges:
                    detail = _read_transformations(said) if said else ()
                    kept.append((kind, job, source, target, detail, Instant(since), FOREVER, ()))
        return [kept for it in wanted for kept in known[it]]


@cache
def _statement(upstream: bool, kinds: tuple[int, ...]) -> str:
    """All relations of some kinds at the entities with given keys: each entity is looked up, then its relations."""
    types = "|".join(dict.fromkeys(TYPES[it] for it in kinds))
    [from_target] = {it in FROM_TARGET for it in kinds}
    pattern = f"(n)-[r:{types}]->()" if upstream == from_target else f"(n)<-[r:{types}]-()"
    return (  # a row a node: the driver takes longer over a row than over what is in it
        f"MATCH (n:{ENTITY}) WHERE n.key IN $keys MATCH {pattern} RETURN n.key, collect([r.fold, r.transformations])"
    )


def _state(ask: Ask) -> State:
    rows = ask(STATE)
    return State.of(rows[0] if rows else None)

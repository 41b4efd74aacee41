"""A fold state with its projection in Neo4j, brought along at each commit; and all that Neo4j then shows a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from graph.model import PRESENT, AsOf, Change, Envelope, Position
from graph.neo4j import Connection, Neo4jGraph, Projection
from graph.projector import ProjectedStore
from graph.reader import DiffRecord, GraphReader, GraphSnapshot
from graph.sqlite import SqliteGraph
from graph.statements import Statements
from ontology import Ontology
from tests.servers.neo4j import Neo4jServer

_TECHNICAL = {"key", "fold"}


def connect(server: Neo4jServer) -> Connection:
    return Connection(server.uri, server.user, server.password)


class FoldState(GraphReader, ProjectedStore, Protocol):
    """What `Projected` stands on: SQLite's or PostgreSQL's."""

    def changes(self, after: int, limit: int) -> list[Change]: ...

    def close(self) -> None: ...


class _Folded:
    """How far a fold state is that is written to in the test's own thread."""

    def __init__(self, fold: FoldState) -> None:
        self._fold = fold

    @property
    def position(self) -> int:
        return self._fold.position()

    def await_position(self, position: int, timeout: float) -> bool:
        return self._fold.position() >= position

    def rebuild(self) -> None:
        self._fold.reset()


class Projected:
    """A store that the projector folds to and that everybody reads: `tests.contract.adapters.Store`."""

    def __init__(self, fold: FoldState, server: Neo4jServer, ontology: Ontology) -> None:
        self.fold_state = fold
        self.connection = connect(server)
        self.graph = Neo4jGraph(self.fold_state, lambda: _Folded(self.fold_state), self.connection, ontology)
        self.projection.step()

    @property
    def projection(self) -> Projection:
        return self.graph.projection

    def position(self) -> Position:
        return self.fold_state.position()

    def transaction(self) -> AbstractContextManager[None]:
        return self.fold_state.transaction()

    def fold(self, envelope: Envelope, statements: Statements) -> list[Change]:
        return self.fold_state.fold(envelope, statements)

    def commit(self, position: Position) -> None:
        self.fold_state.commit(position)
        self.projection.step()

    def reset(self) -> None:
        self.fold_state.reset()
        self.projection.step()

    def snapshot(self, as_of: AsOf = PRESENT) -> AbstractContextManager[GraphSnapshot]:
        return self.graph.snapshot(as_of)

    def diff(self, before: AsOf, after: AsOf, urns: Sequence[str] | None = None) -> Iterator[DiffRecord]:
        return self.graph.diff(before, after, urns)

    def changes(self, after: int, limit: int) -> list[Change]:
        return self.fold_state.changes(after, limit)

    def close(self) -> None:
        self.connection.close()
        self.fold_state.close()


@contextmanager
def projected(folder: Path, server: Neo4jServer, ontology: Ontology) -> Iterator[Projected]:
    """Over an embedded fold state."""
    store = Projected(SqliteGraph(folder / "graph.db", ontology), server, ontology)
    try:
        yield store
    finally:
        store.close()


def shown(connection: Connection) -> dict[str, Any]:
    """Nodes and relations as a person finds them, whichever generation they are of."""
    with connection.reading() as ask:
        nodes = ask("MATCH (n:Entity) RETURN labels(n), properties(n)")
        relations = ask("MATCH (a:Entity)-[r]->(b:Entity) RETURN type(r), a.urn, b.urn, properties(r)")
    found: dict[str, Any] = {}
    for labels, properties in nodes:
        found[f"{properties['urn']} {sorted(labels)}"] = _plain(properties)
    for index, (type, start, end, properties) in enumerate(
        sorted(relations, key=lambda it: (it[0], it[1], it[2], repr(sorted(_plain(it[3]).items()))))
    ):
        found[f"{index} {type} {start} {end}"] = _plain(properties)
    return found


def _plain(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) for name, value in properties.items() if name not in _TECHNICAL}

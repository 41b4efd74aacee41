"""Every adapter of every port: another one is another entry in a table at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from graph.journal import Journal
from graph.model import Change
from graph.postgres import PostgresGraph
from graph.postgres_journal import PostgresJournal
from graph.projector import ProjectedStore
from graph.reader import GraphReader
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ontology import Ontology
from rules.outbox import Outbox
from rules.postgres_outbox import PostgresOutbox
from rules.sqlite_outbox import SqliteOutbox
from tests.neo4j.projected import Projected
from tests.servers.neo4j import Neo4jServer
from tests.servers.postgres import PostgresServer

Clock = Callable[[], int]


def wall_clock() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1_000


class JournalPlace(Protocol):
    """Where a journal is kept: it can be opened there again and again, and looked at as bytes."""

    def open(self, *, clock: Clock | None = None, max_pending: int = 8_192) -> Journal:
        """By that clock, or by the one that the adapter goes by."""

    def at_rest(self) -> bytes:
        """All that is stored, byte for byte."""


class Store(GraphReader, ProjectedStore, Protocol):
    """A graph store: told by the projector, read by everybody."""

    def changes(self, after: int, limit: int) -> list[Change]: ...

    def close(self) -> None: ...


class StorePlace(Protocol):
    """Where a store is kept: it can be opened there again and again."""

    def open(self, ontology: Ontology) -> Store: ...


class OutboxPlace(Protocol):
    """Where an outbox is kept: it can be opened there again and again."""

    def open(self) -> Outbox: ...


class SqliteJournalPlace:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, *, clock: Clock | None = None, max_pending: int = 8_192) -> Journal:
        return SqliteJournal(self._folder / "journal.db", clock=clock or wall_clock, max_pending=max_pending)

    def at_rest(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self._folder.iterdir()))


class SqliteStorePlace:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, ontology: Ontology) -> Store:
        return SqliteGraph(self._folder / "graph.db", ontology)


class PostgresJournalPlace:
    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = server.new_database()

    def open(self, *, clock: Clock | None = None, max_pending: int = 8_192) -> Journal:
        return PostgresJournal(self.url, clock=clock, max_pending=max_pending, partition=100)

    def at_rest(self) -> bytes:
        """All but the server's write-ahead log, which is kept as its operator says."""
        return self._server.files_of(self.url)


class PostgresStorePlace:
    def __init__(self, server: PostgresServer) -> None:
        self._url, self._schema = server.new_schema()

    def open(self, ontology: Ontology) -> Store:
        return PostgresGraph(self._url, ontology, schema=self._schema)


class Neo4jStorePlace:
    """An embedded fold state, and the present read from Neo4j."""

    def __init__(self, folder: Path, server: Neo4jServer) -> None:
        self._folder = folder
        self._server = server

    def open(self, ontology: Ontology) -> Store:
        return Projected(SqliteGraph(self._folder / "graph.db", ontology), self._server, ontology)


class SqliteOutboxPlace:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> Outbox:
        return SqliteOutbox(self._folder / "outbox.db")


class PostgresOutboxPlace:
    def __init__(self, server: PostgresServer) -> None:
        self._url, self._schema = server.new_schema()

    def open(self) -> Outbox:
        return PostgresOutbox(self._url, schema=self._schema)


JOURNALS: dict[str, Callable[[Path], JournalPlace]] = {"sqlite": SqliteJournalPlace}
SERVER_JOURNALS: dict[str, Callable[[PostgresServer], JournalPlace]] = {"postgres": PostgresJournalPlace}
STORES: dict[str, Callable[[Path], StorePlace]] = {"sqlite": SqliteStorePlace}
SERVER_STORES: dict[str, Callable[[PostgresServer], StorePlace]] = {"postgres": PostgresStorePlace}
PROJECTED_STORES: dict[str, Callable[[Path, Neo4jServer], StorePlace]] = {"neo4j": Neo4jStorePlace}
OUTBOXES: dict[str, Callable[[Path], OutboxPlace]] = {"sqlite": SqliteOutboxPlace}
SERVER_OUTBOXES: dict[str, Callable[[PostgresServer], OutboxPlace]] = {"postgres": PostgresOutboxPlace}

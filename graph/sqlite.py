"""The embedded graph: one SQLite file that holds the fold state and everything that is read.

One writer (the projector) folds in transactions; each reading thread has a connection of its own and sees a
consistent state for as long as its snapshot is open, while the writer goes on.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ontology import Ontology

from .cord import Cord
from .database import drop_all, open_reader, open_writer
from .errors import Unavailable
from .fold import Fold
from .model import PRESENT, AsOf, Change, Envelope, Position
from .reader import DiffRecord, GraphSnapshot
from .rebuilding import discard, swap_in
from .schema import SCHEMA
from .snapshot import Shared, Snapshot, read_changes
from .statements import Statements

_READERS_KEPT = 16


class SqliteGraph:
    """Fold state and reads in the file `path`; is the projector's store and a `graph.reader.GraphReader`."""

    def __init__(self, path: Path, ontology: Ontology) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        swap_in(path)
        self._path = path
        self.ontology = ontology
        """By which snapshots read that are opened from now on."""
        self._writer = open_writer(path)
        self._fold = Fold(self._writer, ontology)
        self._idle: queue.SimpleQueue[tuple[sqlite3.Connection, Shared, int]] = queue.SimpleQueue()
        self._open_readers: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._cord = Cord()
        self._generation = 0
        self._closed = False

    # Writing (the projector's thread only) -----------------------------------------------------------------

    def position(self) -> Position:
        row = self._writer.execute("SELECT value FROM meta WHERE key = 'position'").fetchone()
        return Position(row[0] if row else 0)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is folded within is committed together with its checkpoint, or not at all."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            yield
            self._fold.flush()
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.OperationalError):
                raise Unavailable(f"the graph cannot be written now ({error.sqlite_errorname})") from error
            raise

    def commit(self, position: Position) -> None:
        """Close the transaction with the checkpoint at `position`."""
        try:
            self._writer.execute(
                "INSERT INTO meta (key, value) VALUES ('position', ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (position,),
            )
            self._writer.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._roll_back()
            raise Unavailable(f"the graph cannot be written now ({error.sqlite_errorname})") from error

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        self._fold.forget()

    def fold(self, envelope: Envelope, statements: Statements) -> list[Change]:
        """Fold one envelope; a fault spoils the whole transaction."""
        return self._fold.apply(envelope, statements)

    def expect(self, statements: Iterable[Statements]) -> None:
        """These are folded next, within the transaction that is open."""
        self._fold.expect(statements)

    def adopt(self, ontology: Ontology) -> None:
        """Read and fold by these words from now on; what is there is classed by them too."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            self._fold.adopt(ontology)
            self._writer.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.OperationalError):
                raise Unavailable(f"the graph cannot be written now ({error.sqlite_errorname})") from error
            raise
        self.ontology = ontology

    def reset(self) -> None:
        """Forget everything projected, so that the journal is read again from its start; no byte of it stays."""
        discard(self._path)  # it may hold what must not stay
        self._writer.execute("PRAGMA secure_delete = ON").fetchall()
        self._writer.execute("BEGIN IMMEDIATE")
        drop_all(self._writer)
        for statement in _statements(SCHEMA):
            self._writer.execute(statement)
        self._writer.execute("COMMIT")
        self._fold = Fold(self._writer, self.ontology)
        self._generation += 1

    # Reading (any thread) ----------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self, as_of: AsOf = PRESENT) -> Iterator[GraphSnapshot]:
        connection, shared, generation = self._take()
        connection.execute("BEGIN")
        try:
            if generation != self._generation:
                shared.clear()
                generation = self._generation
            yield Snapshot(connection, shared, self.ontology, as_of)
        finally:
            connection.execute("ROLLBACK")
            self._idle.put((connection, shared, generation))

    def _take(self) -> tuple[sqlite3.Connection, Shared, int]:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            connection = open_reader(self._path)
            with self._lock:
                self._open_readers.append(connection)
            return connection, Shared(connection, self._cord), self._generation

    def diff(self, before: AsOf, after: AsOf, urns: Sequence[str] | None = None) -> Iterator[DiffRecord]:
        from .diff import differences

        with self.snapshot(before) as old, self.snapshot(after) as new:
            yield from differences(old, new, urns)

    def changes(self, after: int, limit: int) -> list[Change]:
        """Changes of positions above `after`, in order; whole envelopes, at least `limit` changes if there are."""
        with self.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            return read_changes(snapshot.database, after, limit)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            for connection in self._open_readers:
                connection.close()
            self._writer.close()


def _statements(script: str) -> Iterable[str]:
    text = ""
    for line in script.splitlines():
        text += line + "\n"
        if sqlite3.complete_statement(text):
            yield text
            text = ""

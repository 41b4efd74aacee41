"""The graph of the server stack: fold state and everything that is read, in PostgreSQL.

The tables of `graph.schema` stand in a PostgreSQL schema of their own, a *generation*. A rebuild makes the next one:
who reads the former goes on undisturbed, and it is dropped when nobody does any more. One process folds at a time,
under a lease that every transaction renews and is fenced by; all may read.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg

from ontology import Ontology

from .errors import Conflict, Unavailable
from .fold import Fold
from .model import PRESENT, AsOf, Change, Envelope, Position
from .postgres_database import (
    Connection,
    PostgresDialect,
    ReadDatabase,
    Watch,
    WriteDatabase,
    connect,
    identifier,
    parse_url,
    tables,
    unavailable,
)
from .postgres_lease import Lease
from .reader import DiffRecord, GraphSnapshot
from .schema import SCHEMA_VERSION
from .snapshot import Shared, Snapshot, read_changes
from .statements import Statements

_log = logging.getLogger("andon.postgres")

_READERS_KEPT = 16
_DIALECT = PostgresDialect()
_LEASE = "projector"

# NOT a durable commit: what a crash undoes, it undoes together with the checkpoint, and the journal brings it again.
_WRITER = {"synchronous_commit": "off", "idle_in_transaction_session_timeout": "30s", "jit": "off"}
_READER = {"default_transaction_read_only": "on", "idle_in_transaction_session_timeout": "10min", "jit": "off"}

_CONTROL = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.graph_generation (
    one INTEGER PRIMARY KEY CHECK (one = 1), number BIGINT NOT NULL, version BIGINT NOT NULL,
    stale BOOLEAN NOT NULL DEFAULT false -- somebody wants it made anew
);
"""


class PostgresGraph:
    """Fold state and reads in one database; is the projector's store and a `graph.reader.GraphReader`.

    `schema` is the PostgreSQL schema that all of Andon's tables stand in or begin with; `lease_seconds`: after how
    long another process may fold where this one stopped without a word.
    """

    def __init__(self, url: str, ontology: Ontology, *, schema: str = "andon", lease_seconds: float = 6.0) -> None:
        self._conninfo = parse_url(url)
        self._schema = identifier(schema)
        self._ontology = ontology
        self._lease_seconds = lease_seconds
        self._lock = threading.RLock()
        self._control: Connection | None = None
        self._writer: WriteDatabase | None = None
        self._fold: Fold | None = None
        self._lease: Lease | None = None
        self._epoch = 0
        self._idle: queue.SimpleQueue[tuple[ReadDatabase, Shared, int]] = queue.SimpleQueue()
        self._kept = 0
        self._closed = False
        self._heard: int = 0
        self._moved = threading.Condition()
        self._watch: Watch | None = None
        self._version = SCHEMA_VERSION
        self._stale = False
        self._has_former = True
        self._writing_to = 0
        self._generation = self._prepare()

    # Generations -------------------------------------------------------------------------------------------

    def _prepare(self) -> int:
        """Make the tables, or those of a newer shape. Raises `Conflict` where a newer Andon made them."""
        with connect(self._conninfo) as connection, unavailable(), connection.transaction():
            _lock_migrations(connection, self._schema)
            connection.execute(_CONTROL.format(schema=self._schema))
            number, version, _ = _generation(connection, self._schema)
            if version > SCHEMA_VERSION:
                raise Conflict("the graph in PostgreSQL was written by a newer Andon")
            if version < SCHEMA_VERSION:
                number = self._make_generation(connection)
        return number

    def _make_generation(self, connection: Connection) -> int:
        """An empty set of tables, which is the graph from the commit on."""
        row = connection.execute(
            f"INSERT INTO {self._schema}.graph_generation VALUES (1, 1, {SCHEMA_VERSION}) ON CONFLICT (one)"
            " DO UPDATE SET number = graph_generation.number + 1, version = excluded.version, stale = false"
            " RETURNING number"
        ).fetchone()
        assert row is not None
        number = int(row[0])
        place = self._place(number)
        connection.execute(f"CREATE SCHEMA {place}")
        connection.execute(f"SET LOCAL search_path = {place}, {self._schema}, public")
        connection.execute(tables())
        try:
            with connection.transaction():
                connection.execute(f"CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA {self._schema}")
                connection.execute("CREATE INDEX entity_search_words ON entity_search USING gin (words gin_trgm_ops)")
        except psycopg.Error as error:
            _log.warning("searches read every name, as there is no extension pg_trgm (%s)", type(error).__name__)
        return number

    def _place(self, number: int) -> str:
        return f"{self._schema}_graph_{number}"

    def _path(self, number: int) -> str:
        return f"{self._place(number)},{self._schema},public"

    def _drop_former(self) -> None:
        """Drop the generations before the present one; those that somebody reads wait for the next time."""
        left = False
        with connect(self._conninfo, settings={"lock_timeout": "200ms"}) as connection, unavailable():
            found = connection.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE $1", (f"{self._schema}_graph_%",)
            ).fetchall()
            for (name,) in found:
                number = name.removeprefix(f"{self._schema}_graph_")
                if number.isdigit() and int(number) < self._generation:
                    try:
                        connection.execute(f"DROP SCHEMA IF EXISTS {identifier(name)} CASCADE")
                    except psycopg.errors.LockNotAvailable:
                        left = True
        self._has_former = left

    # Writing (the projector's thread only) -----------------------------------------------------------------

    def position(self) -> Position:
        """The checkpoint, whoever set it."""
        with self._lock:
            try:
                with unavailable():
                    self._generation, self._version, self._stale = _generation(self._controlling(), self._schema)
                    row = (
                        self._controlling()
                        .execute(f"SELECT value FROM {self._place(self._generation)}.meta WHERE key = 'position'")
                        .fetchone()
                    )
            except Unavailable:
                self._control = None
                raise
        return Position(row[0] if row else 0)

    def _controlling(self) -> Connection:
        if self._control is None or self._control.closed:
            self._control = connect(self._conninfo)
        return self._control

    def lead(self) -> int:
        """Not 0 where this process is the one that folds; takes the lease where nobody holds it, and keeps it.

        Another number each time the fold begins with what is in the tables, rather than what it remembers.
        """
        if self._lease is None:
            self._lease = Lease(self._conninfo, _LEASE, schema=self._schema, seconds=self._lease_seconds)
        held = self._lease.token
        if not self._lease.is_fresh:
            if not self._lease.hold():
                self._fold = None
                return 0
            self.position()
            if self._has_former:
                self._drop_former()
        if self._fold is None or self._lease.token != held:
            self._open_writer()
        return self._epoch

    @property
    def token(self) -> int:
        """The fencing token of the lease under which this process folds; 0 where it does not."""
        return 0 if self._lease is None else self._lease.token

    def _open_writer(self) -> None:
        """Begin to fold: nothing that was remembered counts, another process may have folded since."""
        self._fold = None
        if self._writer is not None:
            self._writer.connection.close()
        self.position()
        if self._version != SCHEMA_VERSION:
            raise Conflict("the graph in PostgreSQL was made anew by a newer Andon")
        self._writing_to = self._generation
        connection = connect(self._conninfo, search_path=self._path(self._writing_to), settings=_WRITER)
        self._writer = WriteDatabase(connection)
        self._fold = Fold(self._writer, self._ontology)
        self._epoch += 1

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is folded within is committed together with its checkpoint, or not at all."""
        try:
            self._begin()
            yield
            assert self._fold is not None and self._writer is not None
            self._fold.flush()
            self._writer.flush()
        except BaseException:
            self._roll_back()
            raise

    def _begin(self) -> None:
        if (self._fold is None or self._lease is None) and not self.lead():
            raise Unavailable("another process folds", retry_after=2)
        assert self._writer is not None and self._lease is not None
        connection = self._writer.connection
        with unavailable():
            with connection.pipeline():
                connection.execute("BEGIN")
                renewed = self._lease.renew_within(connection)
                generation = connection.execute(f"SELECT number, stale FROM {self._schema}.graph_generation")
            fenced = renewed.fetchone() is None
            self._lease.renewed()
            row = generation.fetchone()
        self._stale = row is not None and bool(row[1])
        if fenced or row is None or row[0] != self._writing_to:
            self._lease.lose()
            self._roll_back()
            raise Unavailable("another process folds", retry_after=2)

    def commit(self, position: Position) -> None:
        """Close the transaction with the checkpoint at `position`."""
        assert self._writer is not None
        try:
            self._writer.execute(
                "INSERT INTO meta (key, value) VALUES ('position', ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (position,),
            )
            self._writer.flush()
            connection = self._writer.connection
            with unavailable(), connection.pipeline():
                connection.execute("SELECT pg_notify($1, $2)", (self._channel, str(int(position))))
                connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._writer is None:
            return
        self._writer.forget()
        try:
            self._writer.connection.execute("ROLLBACK")
            if self._fold is not None:
                self._fold.forget()
        except (psycopg.Error, Unavailable):
            self._writer.connection.close()
            self._fold = None

    def fold(self, envelope: Envelope, statements: Statements) -> list[Change]:
        """Fold one envelope; a fault spoils the whole transaction."""
        assert self._fold is not None, "within a transaction"
        return self._fold.apply(envelope, statements)

    def expect(self, statements: Iterable[Statements]) -> None:
        """These are folded next, within the transaction that is open."""
        assert self._fold is not None, "within a transaction"
        self._fold.expect(statements)

    def reset(self) -> None:
        """Forget everything projected, so that the journal is read again from its start; no byte of it stays."""
        if not self.lead():
            raise Unavailable("another process folds", retry_after=2)
        with connect(self._conninfo) as connection, unavailable(), connection.transaction():
            _lock_migrations(connection, self._schema)
            self._make_generation(connection)
        self._stale = False
        self._open_writer()
        self._drop_former()

    def want_rebuild(self) -> None:
        """Have whoever folds do a `reset`, soon."""
        with connect(self._conninfo) as connection, unavailable():
            connection.execute(f"UPDATE {self._schema}.graph_generation SET stale = true")

    @property
    def rebuild_wanted(self) -> bool:
        return self._stale

    # Following ---------------------------------------------------------------------------------------------

    @property
    def _channel(self) -> str:
        return f"{self._schema}_projected"

    def wait_for(self, after: int, timeout: float) -> bool:
        """Block until somebody has folded past `after`, at most `timeout` seconds."""
        if self._watch is None:
            with self._lock:
                if self._watch is None:
                    self._watch = Watch(self._conninfo, self._channel, self._notice)
        deadline = time.monotonic() + timeout
        with self._moved:
            self._moved.wait_for(lambda: self._heard > after, timeout)
            if self._heard > after:
                return True
        return time.monotonic() <= deadline and self.position() > after

    def _notice(self, payload: str) -> None:
        with self._moved:
            self._heard = max(self._heard, int(payload or 0))
            self._moved.notify_all()

    # Reading (any thread) ----------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self, as_of: AsOf = PRESENT) -> Iterator[GraphSnapshot]:
        database, shared, number, snapshot = self._begin_reading(as_of)
        try:
            yield snapshot
        finally:
            self._give_back(database, shared, number)

    def _begin_reading(self, as_of: AsOf) -> tuple[ReadDatabase, Shared, int, Snapshot]:
        """A snapshot on the present generation; a connection that was lost meanwhile is replaced."""
        while True:
            database, shared, number, fresh = self._take()
            try:
                with unavailable():
                    with database.connection.pipeline():
                        database.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                        found = database.connection.execute(f"SELECT number FROM {self._schema}.graph_generation")
                    row = found.fetchone()
                if row is not None and row[0] == number:
                    snapshot = Snapshot(database, shared, self._ontology, as_of, _DIALECT)
                    return database, shared, number, snapshot
                self._generation = row[0] if row is not None else self._generation
            except Unavailable:
                self._discard(database)
                if fresh:
                    raise
                continue
            self._discard(database)

    def _take(self) -> tuple[ReadDatabase, Shared, int, bool]:
        try:
            return *self._idle.get_nowait(), False
        except queue.Empty:
            number = self._generation
            database = ReadDatabase(connect(self._conninfo, search_path=self._path(number), settings=_READER))
            return database, Shared(database), number, True

    def _give_back(self, database: ReadDatabase, shared: Shared, number: int) -> None:
        try:
            database.connection.execute("ROLLBACK")
        except psycopg.Error:
            self._discard(database)
            return
        if self._closed or number != self._generation or self._idle.qsize() >= _READERS_KEPT:
            self._discard(database)
        else:
            self._idle.put((database, shared, number))

    def _discard(self, database: ReadDatabase) -> None:
        with suppress(psycopg.Error):
            database.connection.close()

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
        if self._closed:
            return
        self._closed = True
        if self._watch is not None:
            self._watch.stop()
        if self._writer is not None:
            self._writer.connection.close()
        if self._lease is not None:
            self._lease.release()
        if self._control is not None:
            self._control.close()
        while True:
            try:
                self._discard(self._idle.get_nowait()[0])
            except queue.Empty:
                return


def _generation(connection: Connection, schema: str) -> tuple[int, int, bool]:
    """(number, version of its shape, whether it is to be made anew) of the present one; zeros where there is none."""
    row = connection.execute(f"SELECT number, version, stale FROM {schema}.graph_generation").fetchone()
    return (int(row[0]), int(row[1]), bool(row[2])) if row is not None else (0, 0, False)


def _lock_migrations(connection: Connection, schema: str) -> None:
    """One process at a time makes or changes tables; until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (f"{schema} migrations",))

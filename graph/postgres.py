"""The graph of the server stack: fold state and everything that is read, in PostgreSQL.

One process folds at a time, under a lease, into the running one of `postgres_generations`; all may read it. Who wants
it made anew says so, and `postgres_rebuilding` does it beside the running one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg

from ontology import Ontology

from .cord import Cord
from .errors import Conflict, Unavailable
from .model import PRESENT, AsOf, Change, Envelope, Position
from .postgres_database import Connection, PostgresDialect, ReadDatabase, Watch, connect, unavailable
from .postgres_folding import Folding
from .postgres_generations import PROJECT, Generation, Generations
from .postgres_lease import Lease
from .reader import DiffRecord, GraphSnapshot
from .schema import SCHEMA_VERSION
from .snapshot import Shared, Snapshot, read_changes
from .statements import Statements

_READERS_KEPT = 16
_DIALECT = PostgresDialect()
_READER = {"default_transaction_read_only": "on", "idle_in_transaction_session_timeout": "10min", "jit": "off"}

_OTHER_SHAPE = (
    "the graph is being made anew for this Andon: it can be asked when that is done",
    "a newer Andon has made the graph anew: update this one",
)


class PostgresGraph:
    """Fold state and reads in one database; is the projector's store and a `graph.reader.GraphReader`.

    `schema` is the PostgreSQL schema that all of Andon's tables stand in or begin with; `lease_seconds`: after how
    long another process may fold where this one stopped without a word. `version` is the shape of the tables that this
    process knows: while the running ones have an older it neither folds nor reads, but waits for them to be made anew.
    """

    def __init__(
        self,
        url: str,
        ontology: Ontology,
        *,
        schema: str = "andon",
        lease_seconds: float = 6.0,
        version: int = SCHEMA_VERSION,
    ) -> None:
        self.generations = Generations(url, schema=schema, version=version)
        self.ontology = ontology
        """By which snapshots read that are opened from now on."""
        self._lease = Lease(self.generations.conninfo, PROJECT, schema=schema, seconds=lease_seconds)
        self._lock = threading.RLock()
        self._control: Connection | None = None
        self._folding: Folding | None = None
        self._epoch = 0
        self._has_idle = True
        """Whether there may be generations that nobody needs."""
        self._idle: queue.SimpleQueue[tuple[ReadDatabase, Shared, int]] = queue.SimpleQueue()
        self._cord = Cord()
        self._closed = False
        self._heard: int = 0
        self._moved = threading.Condition()
        self._watch: Watch | None = None
        self._running = self.generations.prepare()

    # Writing (the projector's thread only) -----------------------------------------------------------------

    def position(self) -> Position:
        """The checkpoint, whoever set it."""
        with self._lock:
            try:
                with unavailable():
                    self._running = self.generations.read(self._controlling())
                    return self.generations.position(self._controlling(), self._running.number)
            except Unavailable:
                self._control = None
                raise

    @property
    def running(self) -> Generation:
        """What the graph was when somebody last looked, here: some seconds ago at most while a projector runs."""
        return self._running

    def _controlling(self) -> Connection:
        if self._control is None or self._control.closed:
            self._control = connect(self.generations.conninfo)
        return self._control

    def lead(self) -> int:
        """Not 0 where this process is the one that folds; takes the lease where nobody holds it, and keeps it.

        Another number each time the fold begins with what is in the tables, rather than what it remembers. Raises
        `Conflict` where a newer Andon has made the graph anew.
        """
        if not self._lease.is_fresh:
            held = self._lease.token
            can_fold = self._follow_running()
            if not can_fold or not self._lease.hold():
                self._end_folding()
                return 0
            if self._lease.token != held or (self._folding and self._folding.number != self._running.number):
                self._end_folding()
            if self._has_idle or self._running.building:
                self._has_idle = not self.generations.drop_idle()
        if self._folding is None or self._folding.is_over:
            self._end_folding()
            if not self._follow_running():
                return 0
            self._begin_folding()
        return self._epoch

    def _follow_running(self) -> bool:
        """Look what the graph is; whether this process can fold into it, rather than wait for one of its shape."""
        self.position()
        if self._running.version > self.generations.version:
            self._lease.release()
            raise Conflict("the graph in PostgreSQL was made anew by a newer Andon")
        return self._running.version == self.generations.version

    @property
    def token(self) -> int:
        """The fencing token of the lease under which this process folds; 0 where it does not."""
        return self._lease.token

    def _begin_folding(self) -> None:
        """Begin with what is in the tables: another process may have folded since."""
        number = self._running.number
        generations = self.generations
        self._folding = Folding(
            generations, number, self._lease, self.ontology, lambda row: row.number == number, generations.channel
        )
        self._folding.adopt(self.ontology)  # who folded before may have had other words
        self._has_idle = True
        self._epoch += 1

    def _end_folding(self) -> None:
        if self._folding is not None:
            self._folding.close()
            self._folding = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is folded within is committed together with its checkpoint, or not at all."""
        if (self._folding is None or self._folding.is_over) and not self.lead():
            raise Unavailable("another process folds", retry_after=2)
        assert self._folding is not None
        with self._folding.transaction():
            yield

    def commit(self, position: Position) -> None:
        """Close the transaction with the checkpoint at `position`."""
        assert self._folding is not None, "after a transaction"
        self._folding.commit(position)

    def fold(self, envelope: Envelope, statements: Statements) -> list[Change]:
        """Fold one envelope; a fault spoils the whole transaction."""
        assert self._folding is not None, "within a transaction"
        return self._folding.fold(envelope, statements)

    def expect(self, statements: Iterable[Statements]) -> None:
        """These are folded next, within the transaction that is open."""
        assert self._folding is not None, "within a transaction"
        self._folding.expect(statements)

    def adopt(self, ontology: Ontology) -> None:
        """Read and fold by these words from now on; what is there is classed by them too."""
        self.ontology = ontology
        if self._folding is None or self._folding.is_over:
            self.lead()
        else:
            self._folding.adopt(ontology)

    def reset(self) -> None:
        """Forget everything projected at once, so that the journal is read again from its start."""
        if not self.lead():
            raise Unavailable("another process folds", retry_after=2)
        self.generations.restart()
        self._end_folding()
        self.lead()
        self._has_idle = not self.generations.drop_idle()

    def want_rebuild(self) -> None:
        """Have the graph made anew beside this one (`postgres_rebuilding`), which goes on meanwhile."""
        self.generations.want()

    # Following ---------------------------------------------------------------------------------------------

    def wait_for(self, after: int, timeout: float) -> bool:
        """Block until somebody has folded past `after`, at most `timeout` seconds."""
        if self._watch is None:
            with self._lock:
                if self._watch is None:
                    self._watch = Watch(self.generations.conninfo, self.generations.channel, self._notice)
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
        database, shared, number = self._begin_reading()
        try:
            yield Snapshot(database, shared, self.ontology, as_of, _DIALECT)
        finally:
            self._give_back(database, shared, number)

    def _begin_reading(self) -> tuple[ReadDatabase, Shared, int]:
        """A read transaction on the running generation, which then stays; a connection that was lost is replaced."""
        while True:
            database, shared, number, fresh = self._take()
            connection = database.connection
            try:
                with unavailable():
                    with connection.pipeline():
                        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                        connection.execute("SELECT 1 FROM meta LIMIT 0")  # while this is locked nobody drops it
                        row = connection.execute(self.generations.query)
                    found = self.generations.found(row)
            except Unavailable as error:
                self._discard(database)
                if fresh and not isinstance(error.__cause__, psycopg.errors.UndefinedTable):
                    raise
                self.position()  # which asks what the running one is now
                continue
            if found.number == number and found.version == self.generations.version:
                return database, shared, number
            self._discard(database)
            self._running = found
            if found.version != self.generations.version:
                raise Unavailable(_OTHER_SHAPE[found.version > self.generations.version], retry_after=10)

    def _take(self) -> tuple[ReadDatabase, Shared, int, bool]:
        try:
            return *self._idle.get_nowait(), False
        except queue.Empty:
            number = self._running.number
            path = self.generations.path(number)
            database = ReadDatabase(connect(self.generations.conninfo, search_path=path, settings=_READER))
            return database, Shared(database, self._cord), number, True

    def _give_back(self, database: ReadDatabase, shared: Shared, number: int) -> None:
        try:
            database.connection.execute("ROLLBACK")
        except psycopg.Error:
            self._discard(database)
            return
        if self._closed or number != self._running.number or self._idle.qsize() >= _READERS_KEPT:
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
        self._end_folding()
        self._lease.release()
        if self._control is not None:
            self._control.close()
        while True:
            try:
                self._discard(self._idle.get_nowait()[0])
            except queue.Empty:
                return

"""Folding into one generation of the graph on PostgreSQL, under a lease that fences every transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import psycopg

from ontology import Ontology

from .errors import Unavailable
from .fold import Fold
from .model import Change, Envelope, Position
from .postgres_database import WriteDatabase, connect, unavailable
from .postgres_generations import Generation, Generations
from .postgres_lease import Lease
from .statements import Statements

# NOT a durable commit: what a crash undoes, it undoes together with the checkpoint, and the journal brings it again.
_WRITER = {"synchronous_commit": "off", "jit": "off"}


class Folding:
    """What one process remembers while it alone folds into generation `number`; of one thread.

    `stands(row)` says whether that generation still is what it was taken for; once it is not, or the lease went to
    somebody else, `transaction` raises `Unavailable` and this is of no further use. `tells`: on which channel others
    wait to hear of each commit, None for nobody.
    """

    def __init__(
        self,
        generations: Generations,
        number: int,
        lease: Lease,
        ontology: Ontology,
        stands: Callable[[Generation], bool],
        tells: str | None = None,
    ) -> None:
        self.number = number
        self._generations = generations
        self._lease = lease
        self._stands = stands
        self._tells = tells
        connection = connect(generations.conninfo, search_path=generations.path(number), settings=_WRITER)
        self._database = WriteDatabase(connection)
        try:
            self._fold = Fold(self._database, ontology)
        except BaseException:
            connection.close()
            raise
        self.seen: Generation | None = None
        """The row as the last transaction found it."""
        self.is_over = False

    def position(self) -> Position:
        """The checkpoint."""
        with unavailable():
            return self._generations.position(self._database.connection, self.number)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is folded within is committed together with its checkpoint, or not at all."""
        try:
            self._begin()
            yield
            self._fold.flush()
            self._database.flush()
        except BaseException:
            self._roll_back()
            raise

    def _begin(self) -> None:
        connection = self._database.connection
        with unavailable():
            with connection.pipeline():
                connection.execute("BEGIN")
                renewed = self._lease.renew_within(connection)
                row = connection.execute(self._generations.query)
            is_ours = renewed.fetchone() is not None
            self.seen = self._generations.found(row)
        if not is_ours:
            self._lease.lose()
            self.is_over = True
            raise Unavailable("another process folds", retry_after=2)
        self._lease.renewed()
        if not self._stands(self.seen):
            self.is_over = True
            raise Unavailable("the graph was made anew a moment ago", retry_after=1)

    def commit(self, position: Position) -> None:
        """Close the transaction with the checkpoint at `position`."""
        try:
            self._database.execute(
                "INSERT INTO meta (key, value) VALUES ('position', ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (position,),
            )
            self._database.flush()
            connection = self._database.connection
            with unavailable(), connection.pipeline():
                if self._tells is not None:
                    connection.execute("SELECT pg_notify($1, $2)", (self._tells, str(int(position))))
                connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        self._database.forget()
        try:
            self._database.connection.execute("ROLLBACK")
            if not self.is_over:
                self._fold.forget()
        except (psycopg.Error, Unavailable):
            self._database.connection.close()
            self.is_over = True

    def fold(self, envelope: Envelope, statements: Statements) -> list[Change]:
        """Fold one envelope; a fault spoils the whole transaction."""
        self._database.speak()
        return self._fold.apply(envelope, statements)

    def adopt(self, ontology: Ontology) -> None:
        """Fold by these words from now on, and class what is there by them, in a transaction of its own."""
        if not self._fold.use(ontology):
            return  # else every change of the leader would be a commit
        with self.transaction():
            self._fold.adopt(ontology)
        self.commit(self.position())

    def expect(self, statements: Iterable[Statements]) -> None:
        """These are folded next, within the transaction that is open."""
        self._fold.expect(statements)

    def close(self) -> None:
        self.is_over = True
        self._database.connection.close()

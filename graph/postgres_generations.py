"""Which tables in PostgreSQL are the graph, and which are on the way to take their place.

The tables of `graph.schema` stand in a PostgreSQL schema of their own, a *generation*. The one row of
`graph_generation` names the running one, and the one that is being made beside it; that counts for as long as the
lease `REBUILD` is held. Replacing the running one is one transaction: who reads the former goes on undisturbed, and it
is dropped when nobody does any more.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import psycopg

from .errors import Conflict
from .model import Position
from .postgres_database import (
    Connection,
    Cursor,
    connect,
    identifier,
    parse_url,
    tables,
    unavailable,
    wait_for_readers,
)
from .postgres_lease import has_run_out
from .schema import SCHEMA_VERSION

_log = logging.getLogger("andon.postgres")

PROJECT, REBUILD = "projector", "rebuild"
"""The leases of who folds into the running generation, and of who makes the next one."""

_PURGE_WITHIN = 2.0  # seconds for those who read to finish

_CONTROL = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.graph_generation (
    one INTEGER PRIMARY KEY CHECK (one = 1), number BIGINT NOT NULL, version BIGINT NOT NULL
);
ALTER TABLE {schema}.graph_generation
    ADD COLUMN IF NOT EXISTS building BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS wanted BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS answered BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS purged BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS made BIGINT NOT NULL DEFAULT 0;
"""
_COLUMNS = "number, version, building, wanted, answered, purged, made"


class Generation(NamedTuple):
    """The row: `number` 0 is no graph at all, `building` 0 is none being made."""

    number: int
    version: int
    """The shape of the running one's tables."""
    building: int
    wanted: int
    """How often somebody has asked to have the graph made anew."""
    answered: int
    """How many of these were asked before the running one was begun."""
    purged: int
    """For how many of these nothing of what went before stays on disk."""
    made: int
    """The greatest number that was ever given: none is given twice."""


class Generations:
    """The generations in one database; of any thread, each call with a connection of its own or the caller's.

    `version` is the shape of the tables that this process reads and writes.
    """

    def __init__(self, url: str, *, schema: str = "andon", version: int = SCHEMA_VERSION) -> None:
        self.conninfo = parse_url(url)
        self.schema = identifier(schema)
        self.version = version

    @property
    def channel(self) -> str:
        """On which is told how far the running generation is."""
        return f"{self.schema}_projected"

    def path(self, number: int) -> str:
        """The search path on which a generation's tables are found."""
        return f"{self._place(number)},{self.schema},public"

    def _place(self, number: int) -> str:
        return f"{self.schema}_graph_{number}"

    def prepare(self) -> Generation:
        """What there is; an empty generation where there is none. Raises `Conflict` where a newer Andon made it."""
        with connect(self.conninfo) as connection, unavailable(), connection.transaction():
            self._lock(connection)
            connection.execute(_CONTROL.format(schema=self.schema))
            found = self.read(connection)
            if found.version > self.version:
                raise Conflict("the graph in PostgreSQL was written by a newer Andon")
            if not found.number:
                self._install(connection, self._make(connection))
                found = self.read(connection)
        return found

    @property
    def query(self) -> str:
        """Asks for the row, which `found` makes of the answer."""
        return f"SELECT {_COLUMNS} FROM {self.schema}.graph_generation"

    @staticmethod
    def found(answer: Cursor) -> Generation:
        row = answer.fetchone()
        return Generation(*map(int, row)) if row is not None else Generation(0, 0, 0, 0, 0, 0, 0)

    def read(self, connection: Connection) -> Generation:
        return self.found(connection.execute(self.query))

    def position(self, connection: Connection, number: int) -> Position:
        """A generation's checkpoint; every shape keeps it so."""
        row = connection.execute(f"SELECT value FROM {self._place(number)}.meta WHERE key = 'position'").fetchone()
        return Position(row[0] if row else 0)

    # Making them ---------------------------------------------------------------------------------------------

    def want(self) -> None:
        """Have the graph made anew by a process that does such things (`postgres_rebuilding.Rebuilder`)."""
        with connect(self.conninfo) as connection, unavailable():
            connection.execute(f"UPDATE {self.schema}.graph_generation SET wanted = wanted + 1")

    def look(self) -> Generation:
        with connect(self.conninfo) as connection, unavailable():
            return self.read(connection)

    def is_outdated(self, found: Generation) -> bool:
        """Whether the running one is to be replaced: somebody wants that, or its shape is an older Andon's."""
        return found.wanted > found.answered or 0 < found.version < self.version

    def begin(self) -> Generation:
        """Make an empty generation beside the running one, as `building`; its maker holds the lease `REBUILD`."""
        with connect(self.conninfo) as connection, unavailable(), connection.transaction():
            self._lock(connection)
            number = self._make(connection)
            connection.execute(f"UPDATE {self.schema}.graph_generation SET building = $1, made = $1", (number,))
            return self.read(connection)

    def replace(self, connection: Connection, built: Generation) -> bool:
        """Put the generation `built.building` in the running one's place, in the connection's transaction.

        False where it is not the one being made any more, or somebody has wanted the graph anew since it was begun.
        """
        done = connection.execute(
            f"UPDATE {self.schema}.graph_generation SET number = $1, version = $2, building = 0, answered = $3"
            " WHERE building = $1 AND wanted = $3 AND version <= $2",
            (built.building, self.version, built.wanted),
        )
        if done.rowcount:
            position = self.position(connection, built.building)
            connection.execute("SELECT pg_notify($1, $2)", (self.channel, str(position)))
        return bool(done.rowcount)

    def restart(self) -> None:
        """Put an empty generation in the running one's place at once."""
        with connect(self.conninfo) as connection, unavailable(), connection.transaction():
            self._lock(connection)
            self._install(connection, self._make(connection))

    def drop_idle(self) -> bool:
        """Drop what is neither running nor being made; False if some is still read and waits for the next time."""
        done = True
        with connect(self.conninfo, settings={"lock_timeout": "200ms"}) as connection, unavailable():
            names = self._names(connection)  # first: what is begun after this is left alone
            died = has_run_out(connection, self.schema, REBUILD)
            found = self.read(connection)
            kept = {found.number, 0 if died else found.building}
            for number, name in names.items():
                if number not in kept:
                    try:
                        connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
                    except psycopg.errors.LockNotAvailable:
                        done = False
            if found.building and died:
                connection.execute(
                    f"UPDATE {self.schema}.graph_generation SET building = 0 WHERE building = $1", (found.building,)
                )
        return done

    def purge(self) -> bool:
        """Where the graph was made anew because of a redaction, have nothing of the former ones stay on disk.

        False where somebody still reads one. Raises `Unavailable` where readers take too long.
        """
        if not self.drop_idle():
            return False
        with connect(self.conninfo, settings={"lock_timeout": "2s"}) as connection, unavailable():
            found = self.read(connection)
            if found.answered > found.purged:
                wait_for_readers(connection, _PURGE_WITHIN)
                # The planner's samples of the dropped tables are dead rows of its own table until that is written anew.
                connection.execute("VACUUM FULL pg_catalog.pg_statistic")
                connection.execute(f"UPDATE {self.schema}.graph_generation SET purged = $1", (found.answered,))
        return True

    def _names(self, connection: Connection) -> dict[int, str]:
        """The generations that there are: number -> schema."""
        prefix = self._place(0)[:-1]
        rows = connection.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)", (prefix,))
        names = (str(row[0]) for row in rows.fetchall())
        return {int(it.removeprefix(prefix)): it for it in names if it.removeprefix(prefix).isdecimal()}

    def _make(self, connection: Connection) -> int:
        found = self.read(connection)
        number = 1 + max(found.made, found.number, *self._names(connection))
        place = self._place(number)
        connection.execute(f"CREATE SCHEMA {place}")
        connection.execute(f"SET LOCAL search_path = {place}, {self.schema}, public")
        connection.execute(tables())
        try:
            with connection.transaction():
                connection.execute(f"CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA {self.schema}")
                connection.execute("CREATE INDEX entity_search_words ON entity_search USING gin (words gin_trgm_ops)")
        except psycopg.Error as error:
            _log.warning("searches read every name, as there is no extension pg_trgm (%s)", type(error).__name__)
        return number

    def _install(self, connection: Connection, number: int) -> None:
        connection.execute(
            f"INSERT INTO {self.schema}.graph_generation (one, number, version, made) VALUES (1, $1, $2, $1)"
            " ON CONFLICT (one) DO UPDATE SET number = excluded.number, version = excluded.version, building = 0,"
            " made = excluded.made,"
            " answered = graph_generation.wanted",
            (number, self.version),
        )

    def _lock(self, connection: Connection) -> None:
        """One process at a time makes or changes tables; until the transaction ends."""
        connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (f"{self.schema} migrations",))

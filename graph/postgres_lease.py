"""Leases in PostgreSQL: one holder at a time, told apart from all earlier ones by a fencing token.

Time is the server's alone, so that clocks of processes may differ. Who commits under a lease renews it within the
same transaction (`renew_within`): where that finds no row, the lease went to somebody else and nothing is committed;
until the commit nobody else can take it.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from contextlib import suppress

import psycopg

from .errors import Unavailable
from .postgres_database import Connection, Cursor, connect, end_standstill, identifier, unavailable

_TABLES = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.lease (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, token BIGINT NOT NULL, expires_at TIMESTAMPTZ NOT NULL
);
"""


class Lease:
    """The lease `name`, as one process sees it; of one thread at a time."""

    def __init__(self, conninfo: str, name: str, *, schema: str, seconds: float) -> None:
        self._conninfo = conninfo
        self._name = name
        self._schema = identifier(schema)
        self._seconds = seconds
        self._connection: Connection | None = None
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._renewed_at = 0.0
        self.token = 0
        """Grows with each holder; 0 where we are not it."""

    @property
    def is_fresh(self) -> bool:
        """Whether it was renewed so lately that there is no need to do it again."""
        return bool(self.token) and time.monotonic() - self._renewed_at < self._seconds / 3

    def renewed(self) -> None:
        """It was renewed within a transaction."""
        self._renewed_at = time.monotonic()

    def hold(self) -> bool:
        """Take the lease where it is free, renew it where it is ours; whether it is ours now. Raises `Unavailable`."""
        try:
            with unavailable():
                row = self._connected().execute(self._statement(_HOLD), (self._name, self.holder, self._seconds))
                found = row.fetchone()
        except Unavailable as error:
            if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):  # its holder is committing
                self.token = 0
                end_standstill(self._conninfo)
                return False
            self._connection = None
            raise
        self._renewed_at = time.monotonic()
        self.token = int(found[0]) if found is not None else 0
        return found is not None

    def renew_within(self, connection: Connection) -> Cursor:
        """Renew as a part of the connection's transaction; its cursor has no row where the lease is not ours."""
        return connection.execute(self._statement(_RENEW), (self._name, self.token, self._seconds))

    def lose(self) -> None:
        self.token = 0

    def release(self) -> None:
        """Let somebody else have it at once."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                if self.token:
                    self._connection.execute(self._statement(_RELEASE), (self._name, self.token))
                self._connection.close()
        self._connection, self.token = None, 0

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._conninfo, settings={"lock_timeout": "2s"})
            with self._connection.transaction():
                self._connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (f"{self._schema} migrations",))
                self._connection.execute(_TABLES.format(schema=self._schema))
        return self._connection

    def _statement(self, text: str) -> str:
        return text.format(lease=f"{self._schema}.lease")


def hold_off(connection: Connection, schema: str, name: str) -> None:
    """Have nobody take the lease or commit under it before the connection's transaction ends."""
    lease = f"{identifier(schema)}.lease"
    connection.execute(
        f"INSERT INTO {lease} VALUES ($1, '', 0, clock_timestamp()) ON CONFLICT (name) DO NOTHING", (name,)
    )
    connection.execute(f"SELECT 1 FROM {lease} WHERE name = $1 FOR UPDATE", (name,))


def has_run_out(connection: Connection, schema: str, name: str) -> bool:
    """Whether its last holder has let it run out; not while that commits under it."""
    row = connection.execute(
        f"SELECT expires_at < clock_timestamp() FROM {identifier(schema)}.lease WHERE name = $1 FOR UPDATE SKIP LOCKED",
        (name,),
    ).fetchone()
    return row is not None and bool(row[0])


_HOLD = """
INSERT INTO {lease} AS held VALUES ($1, $2, 1, clock_timestamp() + $3::float8 * interval '1 second')
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
    token = held.token + CASE WHEN held.holder = excluded.holder THEN 0 ELSE 1 END
WHERE held.holder = excluded.holder OR held.expires_at < clock_timestamp()
RETURNING token
"""
_RENEW = """
UPDATE {lease} SET expires_at = clock_timestamp() + $3::float8 * interval '1 second'
WHERE name = $1 AND token = $2 RETURNING token
"""
_RELEASE = "UPDATE {lease} SET expires_at = clock_timestamp(), holder = '' WHERE name = $1 AND token = $2"

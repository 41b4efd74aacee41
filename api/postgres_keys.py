"""Keys in PostgreSQL, for all processes of the server stack."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import psycopg

from api.auth import Row
from graph.errors import Unavailable
from graph.postgres_database import Connection, connect, identifier, parse_url, unavailable
from graph.postgres_journal import migrate

# Forward only; a change is a new entry.
_MIGRATIONS = (
    """
CREATE TABLE {schema}.key (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, secret_sha256 BYTEA NOT NULL, scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL, revoked_at BIGINT
);
""",
)


class PostgresKeyTable:
    """`api.auth.KeyTable` in one database. Raises `Unavailable` while the server is away."""

    def __init__(self, url: str, *, schema: str = "andon") -> None:
        self._conninfo = parse_url(url)
        self._schema = identifier(schema)
        self._connection: Connection | None = None
        migrate(self._conninfo, self._schema, "keys", _MIGRATIONS)

    def version(self) -> int:
        """Keys are made and revoked, never deleted: their counts only grow."""
        return int(self._select(f"SELECT count(*) + count(revoked_at) FROM {self._schema}.key")[0][0])

    def rows(self) -> Sequence[Row]:
        columns = "id, name, secret_sha256, scopes, created_at, revoked_at"
        return self._select(f"SELECT {columns} FROM {self._schema}.key")

    def insert(self, row: Row) -> bool:
        found = self._select(
            f"INSERT INTO {self._schema}.key VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id",
            *row,
        )
        return bool(found)

    def revoke(self, name: str, at: int) -> bool:
        found = self._select(
            f"UPDATE {self._schema}.key SET revoked_at = $1 WHERE name = $2 AND revoked_at IS NULL RETURNING id",
            at,
            name,
        )
        return bool(found)

    def _select(self, statement: str, *parameters: object) -> list[Row]:
        was_open = self._connection is not None
        try:
            if self._connection is None:
                self._connection = connect(self._conninfo)
            with unavailable():
                return self._connection.execute(statement, parameters, binary=True).fetchall()
        except Unavailable:
            self.close()
            if not was_open:
                raise
        return self._select(statement, *parameters)  # it was lost while it rested

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

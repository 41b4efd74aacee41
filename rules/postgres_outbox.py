"""The outbox of the server stack: PostgreSQL; any number of processes decide and act, each thing once."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.rows import dict_row

from graph.postgres_database import Connection, connect, identifier, parse_url, translate, unavailable
from graph.postgres_journal import migrate
from rules.sql_outbox import Sql, SqlOutbox

_CONNECTIONS_KEPT = 4

# Forward only; a change is a new entry.
_MIGRATIONS = (
    """
CREATE TABLE {schema}.checkpoint (one BIGINT PRIMARY KEY CHECK (one = 1), position BIGINT NOT NULL);
CREATE TABLE {schema}.firing (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL,
    rule_version TEXT NOT NULL, position BIGINT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
    fired_at BIGINT NOT NULL, verdict TEXT NOT NULL, reason TEXT, depth BIGINT NOT NULL, cause TEXT,
    evidence TEXT NOT NULL, UNIQUE (position, rule, rule_version, what, subject)
);
CREATE TABLE {schema}.action (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key TEXT NOT NULL UNIQUE,
    firing TEXT NOT NULL REFERENCES {schema}.firing (id), kind TEXT NOT NULL, target TEXT NOT NULL,
    owner TEXT NOT NULL, address TEXT NOT NULL, credential TEXT, body BYTEA NOT NULL, evidence TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending', due_at BIGINT NOT NULL, lease TEXT, last_error TEXT, settled_at BIGINT,
    attempts BIGINT NOT NULL DEFAULT 0, attempts_before BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX action_of_firing ON {schema}.action (firing);
CREATE INDEX action_due ON {schema}.action (due_at) WHERE state IN ('pending', 'failed', 'delivering');
CREATE TABLE {schema}.report (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind TEXT NOT NULL, source TEXT NOT NULL,
    key BYTEA NOT NULL UNIQUE, body BYTEA NOT NULL
);
""",
    """
ALTER TABLE {schema}.action ADD COLUMN within BIGINT;
ALTER TABLE {schema}.action ADD COLUMN progress TEXT;
ALTER TABLE {schema}.action ADD COLUMN started_at BIGINT;
ALTER TABLE {schema}.action ADD COLUMN result TEXT;
DROP INDEX {schema}.action_due;
CREATE INDEX action_due ON {schema}.action (due_at) WHERE state IN ('pending', 'failed', 'delivering', 'underway');
""",
    """
ALTER TABLE {schema}.firing ADD COLUMN answer BYTEA, ADD COLUMN awaited TEXT, ADD COLUMN awaited_until BIGINT,
    ADD COLUMN answered TEXT;
CREATE INDEX firing_of_rule ON {schema}.firing (rule, fired_at);
CREATE INDEX firing_waiting ON {schema}.firing (awaited_until) WHERE verdict = 'waiting';
""",
    # The newest record of the log (rules.audit); a NUL for its digest where there may be records without links.
    """
CREATE TABLE {schema}.chain (
    one BIGINT PRIMARY KEY CHECK (one = 1), number BIGINT NOT NULL, digest BYTEA NOT NULL
);
INSERT INTO {schema}.chain
    SELECT 1, 0, CASE WHEN EXISTS (SELECT 1 FROM {schema}.checkpoint) THEN '\\x00'::bytea ELSE '\\x'::bytea END;
CREATE INDEX action_incident ON {schema}.action (target) WHERE kind = 'incident';
ALTER TABLE {schema}.firing ADD COLUMN grounds TEXT NOT NULL DEFAULT '[]';
""",
    """
CREATE INDEX action_notify ON {schema}.action (target, number) WHERE kind = 'notify';
""",
    """
CREATE TABLE {schema}.progress (name TEXT PRIMARY KEY, position BIGINT NOT NULL, kept TEXT NOT NULL);
""",
)


class PostgresOutbox(SqlOutbox):
    """`rules.outbox.Outbox` in one database. Raises `Unavailable` while the server is away."""

    _lock_rows = " FOR UPDATE OF action SKIP LOCKED"

    def __init__(self, url: str, *, schema: str = "andon") -> None:
        self._conninfo = parse_url(url)
        self._schema = identifier(schema)
        self._idle: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        migrate(self._conninfo, self._schema, "outbox", _MIGRATIONS)

    def _decide_alone(self, sql: Sql) -> None:
        sql.execute("LOCK TABLE checkpoint IN EXCLUSIVE MODE")

    @contextmanager
    def _writing(self) -> Iterator[Sql]:
        with self._connection() as connection, unavailable(), connection.transaction():
            yield _Translated(connection)

    @contextmanager
    def _reading(self) -> Iterator[Sql]:
        with self._connection() as connection:
            yield _Translated(connection)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = connect(self._conninfo, search_path=self._schema)
            connection.row_factory = dict_row
        try:
            yield connection
        finally:
            usable = not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            if usable and self._idle.qsize() < _CONNECTIONS_KEPT:
                self._idle.put(connection)
            else:
                with suppress(psycopg.Error):
                    connection.close()

    def close(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


class _Translated:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[object] = (), /) -> Any:
        with unavailable():
            return self._connection.execute(translate(statement), parameters, binary=True)

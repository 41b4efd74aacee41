"""The embedded outbox: one SQLite file, WAL with `synchronous=FULL`, one connection behind a lock."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graph.errors import Conflict
from rules.sql_outbox import Sql, SqlOutbox

# Forward only; a change is a new entry. A statement ends with ";" at the end of its line.
_MIGRATIONS = (
    """
CREATE TABLE checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL
) STRICT;
CREATE TABLE firing (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL, rule_version TEXT NOT NULL,
    position INTEGER NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL, fired_at INTEGER NOT NULL,
    verdict TEXT NOT NULL, reason TEXT, depth INTEGER NOT NULL, cause TEXT, evidence TEXT NOT NULL,
    UNIQUE (position, rule, rule_version, what, subject)
) STRICT;
CREATE TABLE action (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, firing TEXT NOT NULL REFERENCES firing (id),
    kind TEXT NOT NULL, target TEXT NOT NULL, owner TEXT NOT NULL, address TEXT NOT NULL, credential TEXT,
    body BLOB NOT NULL, evidence TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending', due_at INTEGER NOT NULL, lease TEXT,
    last_error TEXT, settled_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    attempts_before INTEGER NOT NULL DEFAULT 0  -- those made when it was last replayed
) STRICT;
CREATE INDEX action_of_firing ON action (firing);
CREATE INDEX action_due ON action (due_at) WHERE state IN ('pending', 'failed', 'delivering');
CREATE TABLE report (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, source TEXT NOT NULL,
    key BLOB NOT NULL UNIQUE, body BLOB NOT NULL
) STRICT;
""",
    """
ALTER TABLE action ADD COLUMN within INTEGER;
ALTER TABLE action ADD COLUMN progress TEXT;
ALTER TABLE action ADD COLUMN started_at INTEGER;
ALTER TABLE action ADD COLUMN result TEXT;
DROP INDEX action_due;
CREATE INDEX action_due ON action (due_at) WHERE state IN ('pending', 'failed', 'delivering', 'underway');
""",
    """
ALTER TABLE firing ADD COLUMN answer BLOB;
ALTER TABLE firing ADD COLUMN awaited TEXT;
ALTER TABLE firing ADD COLUMN awaited_until INTEGER;
ALTER TABLE firing ADD COLUMN answered TEXT;
CREATE INDEX firing_of_rule ON firing (rule, fired_at);
CREATE INDEX firing_waiting ON firing (awaited_until) WHERE verdict = 'waiting';
""",
    # The newest record of the log (rules.audit); a NUL for its digest where there may be records without links.
    """
CREATE TABLE chain (
    one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL, digest BLOB NOT NULL
) STRICT;
INSERT INTO chain SELECT 1, 0, CASE WHEN EXISTS (SELECT 1 FROM checkpoint) THEN x'00' ELSE x'' END;
CREATE INDEX action_incident ON action (target) WHERE kind = 'incident';
ALTER TABLE firing ADD COLUMN grounds TEXT NOT NULL DEFAULT '[]';
""",
    """
CREATE INDEX action_notify ON action (target, number) WHERE kind = 'notify';
""",
    """
CREATE TABLE progress (name TEXT PRIMARY KEY, position INTEGER NOT NULL, kept TEXT NOT NULL) STRICT;
""",
)


class SqliteOutbox(SqlOutbox):
    """`rules.outbox.Outbox` in the file `path`. Raises `Conflict` for a file of a newer Andon."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._connection.row_factory = sqlite3.Row
        try:
            self._open(path)
        except BaseException:
            self._connection.close()
            raise

    def _open(self, path: Path) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        with self._writing() as sql:
            (version,) = sql.execute("PRAGMA user_version").fetchone()
            newest = len(_MIGRATIONS)
            if version > newest:
                raise Conflict(f"{path.name} is of a newer Andon (format {version}, this one reads {newest})")
            for migration in _MIGRATIONS[version:]:
                for statement in migration.split(";\n"):
                    sql.execute(statement)
            if version < newest:
                sql.execute(f"PRAGMA user_version = {newest}")

    def _decide_alone(self, sql: Sql) -> None:
        """Every transaction is alone here."""

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            yield self._connection

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, ours from its first read on: committed at the end, rolled back by an exception."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.IntegrityError):
                    raise ValueError(f"SQLite refuses it: {error}") from error
                raise

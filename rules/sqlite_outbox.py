"""The embedded outbox: one SQLite file, WAL with `synchronous=FULL`, one connection behind a lock."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from graph.errors import Conflict, NotFound
from graph.model import Instant, NewEnvelope, Position
from rules.outbox import (
    ActionRecord,
    ActionState,
    Firing,
    FiringRecord,
    Intended,
    Leased,
    Settlement,
    firing_urn,
)

_VERSION = 1
_SCHEMA = """
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
"""
_FIRING = (
    "INSERT INTO firing (id, rule, rule_version, position, what, subject, fired_at, verdict, reason, depth,"
    " cause, evidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ACTION = (
    "INSERT INTO action (key, firing, kind, target, owner, address, credential, body, evidence, due_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DUE = (
    "SELECT action.*, rule, rule_version, subject FROM action JOIN firing ON firing.id = action.firing"
    " WHERE state IN ('pending', 'failed', 'delivering') AND due_at <= ?"
    " ORDER BY due_at, action.number LIMIT 1"
)
_NEWEST = "SELECT * FROM firing ORDER BY position DESC, number LIMIT ?"
_ACTIONS_OF_NEWEST = (
    "SELECT * FROM action WHERE firing IN (SELECT id FROM firing ORDER BY position DESC, number LIMIT ?)"
    " ORDER BY firing, number"
)


class SqliteOutbox:
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
            if version > _VERSION:
                raise Conflict(f"{path.name} is of a newer Andon (format {version}, this one reads {_VERSION})")
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    sql.execute(statement)
                sql.execute(f"PRAGMA user_version = {_VERSION}")

    def checkpoint(self) -> Position | None:
        with self._lock:
            return _checkpoint(self._connection)

    def begin(self, position: Position) -> None:
        with self._writing() as sql:
            sql.execute("INSERT INTO checkpoint VALUES (1, ?) ON CONFLICT DO NOTHING", (position,))

    def decide(
        self, after: Position, upto: Position, firings: Sequence[Firing], reports: Sequence[NewEnvelope]
    ) -> bool:
        with self._writing() as sql:
            if (_checkpoint(sql) or 0) != after:
                return False
            for firing in firings:
                sql.execute(_FIRING, _firing_row(firing))
                sql.executemany(_ACTION, [(*_action_row(action), firing.fired_at) for action in firing.actions])
            for report in reports:
                _add_report(sql, report)
            sql.execute(
                "INSERT INTO checkpoint VALUES (1, ?) ON CONFLICT DO UPDATE SET position = excluded.position",
                (upto,),
            )
        return True

    def depth(self, firing: str) -> int | None:
        with self._lock:
            row = self._connection.execute("SELECT depth FROM firing WHERE id = ?", (firing,)).fetchone()
        return row["depth"] if row else None

    def lease(self, now: Instant, until: Instant) -> Leased | None:
        with self._writing() as sql:
            row = sql.execute(_DUE, (now,)).fetchone()
            if row is None:
                return None
            lease = secrets.token_hex(8)
            sql.execute(
                "UPDATE action SET state = 'delivering', lease = ?, due_at = ?, attempts = attempts + 1"
                " WHERE number = ?",
                (lease, until, row["number"]),
            )
        return Leased(
            action=_intended(row),
            rule=row["rule"],
            rule_version=row["rule_version"],
            subject=row["subject"],
            lease=lease,
            attempt=row["attempts"] + 1 - row["attempts_before"],
            attempts=row["attempts"] + 1,
        )

    def settle(self, leased: Leased, settlement: Settlement) -> bool:
        with self._writing() as sql:
            settled = sql.execute(
                "UPDATE action SET state = ?, lease = NULL, due_at = ?, last_error = ?, settled_at = ?"
                " WHERE key = ? AND state = 'delivering' AND lease = ?",
                (
                    settlement.state,
                    settlement.at if settlement.due_at is None else settlement.due_at,
                    settlement.error,
                    settlement.at,
                    leased.action.key,
                    leased.lease,
                ),
            )
            if settled.rowcount and settlement.report is not None:
                _add_report(sql, settlement.report)
        return settled.rowcount == 1

    def unreported(self, limit: int) -> list[tuple[int, NewEnvelope]]:
        with self._lock:
            rows = self._connection.execute("SELECT * FROM report ORDER BY number LIMIT ?", (limit,)).fetchall()
        return [(row["number"], NewEnvelope(row["kind"], row["source"], row["key"], row["body"])) for row in rows]

    def reported(self, number: int) -> None:
        with self._writing() as sql:
            sql.execute("DELETE FROM report WHERE number = ?", (number,))

    def replay(self, key: str, now: Instant) -> None:
        with self._writing() as sql:
            row = sql.execute("SELECT state FROM action WHERE key = ?", (key,)).fetchone()
            if row is None:
                raise NotFound(f"there is no action {key[:100]!r}")
            if row["state"] != ActionState.DEAD:
                raise Conflict(f"action {key} is {row['state']}; only a dead one can be replayed")
            sql.execute(
                "UPDATE action SET state = 'pending', due_at = ?, attempts_before = attempts WHERE key = ?",
                (now, key),
            )

    def firings(self, first: int) -> list[FiringRecord]:
        with self._lock:
            rows = self._connection.execute(_NEWEST, (first,)).fetchall()
            actions = self._connection.execute(_ACTIONS_OF_NEWEST, (first,)).fetchall()
        of_firing = {id: [*group] for id, group in groupby(actions, key=lambda row: row["firing"])}
        return [_firing_record(row, of_firing.get(row["id"], ())) for row in rows]

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
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _checkpoint(sql: sqlite3.Connection) -> Position | None:
    row = sql.execute("SELECT position FROM checkpoint").fetchone()
    return Position(row["position"]) if row else None


def _add_report(sql: sqlite3.Connection, report: NewEnvelope) -> None:
    sql.execute(
        "INSERT INTO report (kind, source, key, body) VALUES (?, ?, ?, ?)",
        (report.kind, report.source, report.key, report.body),
    )


def _firing_row(firing: Firing) -> tuple[Any, ...]:
    return (
        firing.id,
        firing.rule,
        firing.rule_version,
        firing.position,
        firing.what,
        firing.subject,
        firing.fired_at,
        firing.verdict,
        firing.reason,
        firing.depth,
        firing.cause,
        json.dumps(firing.evidence),
    )


def _action_row(action: Intended) -> tuple[Any, ...]:
    return (
        action.key,
        action.firing,
        action.kind,
        action.target,
        action.owner,
        action.address,
        action.credential,
        action.body,
        json.dumps(action.evidence),
    )


def _intended(row: sqlite3.Row) -> Intended:
    return Intended(
        key=row["key"],
        firing=row["firing"],
        kind=row["kind"],
        target=row["target"],
        owner=row["owner"],
        address=row["address"],
        credential=row["credential"],
        body=row["body"],
        evidence=tuple(json.loads(row["evidence"])),
    )


def _firing_record(row: sqlite3.Row, actions: Sequence[sqlite3.Row]) -> FiringRecord:
    return FiringRecord(
        urn=firing_urn(row["id"]),
        rule=row["rule"],
        rule_version=row["rule_version"],
        position=Position(row["position"]),
        subject=row["subject"],
        fired_at=Instant(row["fired_at"]),
        verdict=row["verdict"],
        reason=row["reason"],
        depth=row["depth"],
        evidence=tuple(json.loads(row["evidence"])),
        actions=tuple(_action_record(action) for action in actions),
    )


def _action_record(row: sqlite3.Row) -> ActionRecord:
    return ActionRecord(
        key=row["key"],
        kind=row["kind"],
        target=row["target"],
        owner=row["owner"],
        address=row["address"].partition("?")[0],
        state=row["state"],
        attempts=row["attempts"],
        last_error=row["last_error"],
    )

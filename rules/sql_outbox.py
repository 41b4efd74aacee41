"""The outbox over SQL that SQLite and PostgreSQL share; what differs are its adapters."""

from __future__ import annotations

import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import groupby
from typing import Any, Protocol

import msgspec

from graph.errors import Conflict, NotFound
from graph.model import Instant, NewEnvelope, Position
from rules import audit
from rules.audit import Head
from rules.grounds import Ground
from rules.outbox import (
    SAYING,
    ActionRecord,
    ActionState,
    Answered,
    Awaited,
    Firing,
    FiringRecord,
    Intended,
    Leased,
    Said,
    Settlement,
    Verdict,
    firing_urn,
)

_GROUNDS = 1_000
"""Of one firing that are kept; its evidence is whole."""

Row = Any
"""A row whose fields are found by name."""


class Sql(Protocol):
    """A connection with `?` marks."""

    def execute(self, statement: str, parameters: Sequence[object] = (), /) -> Any: ...


_FIRING = (
    "INSERT INTO firing (id, rule, rule_version, position, what, subject, fired_at, verdict, reason, depth,"
    " cause, evidence, answer, awaited, awaited_until, grounds)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ACTION = (
    "INSERT INTO action (key, firing, kind, target, owner, address, credential, body, evidence, within, due_at, state)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DUE = (
    "SELECT action.*, rule, rule_version, subject FROM action JOIN firing ON firing.id = action.firing"
    " WHERE state IN ('pending', 'failed', 'delivering', 'underway') AND due_at <= ?"
    " ORDER BY due_at, action.number LIMIT 1"
)
# What found it under way was no attempt that failed, and ends those before it.
_UNDER_WAY = (
    ", progress = ?, started_at = COALESCE(started_at, ?), attempts = attempts - 1, attempts_before = attempts - 1"
)
_HELD = ", attempts = attempts - 1"
_FIRED = (
    "SELECT count(*) AS number FROM firing WHERE rule = ? AND fired_at > ? AND position < ?"
    " AND (CAST(? AS text) IS NULL OR subject = ?) AND verdict IN ('fired', 'shadow', 'waiting', 'refused')"
)
_SAID = (
    "SELECT firing.id, verdict, subject, position FROM action JOIN firing ON firing.id = action.firing WHERE target = ?"
    " AND kind = 'notify' AND rule = ? AND position < ? AND verdict IN ('fired', 'waiting', 'resolved')"
    " ORDER BY action.number DESC LIMIT 1"
)
_RAISED = (
    "SELECT key FROM action JOIN firing ON firing.id = action.firing WHERE target = ? AND kind = 'incident'"
    " AND rule = ? AND state NOT IN ('dead', 'refused') ORDER BY action.number DESC LIMIT 100"
)
_WAITING = "SELECT * FROM firing WHERE verdict = 'waiting' ORDER BY awaited_until, number LIMIT ?"
_ACTIONS_OF_WAITING = (
    "SELECT * FROM action WHERE firing IN"
    " (SELECT id FROM firing WHERE verdict = 'waiting' ORDER BY awaited_until, number LIMIT ?) ORDER BY firing, number"
)
_NEWEST = "SELECT * FROM firing ORDER BY position DESC, number LIMIT ?"
_ACTIONS_OF_NEWEST = (
    "SELECT * FROM action WHERE firing IN (SELECT id FROM firing ORDER BY position DESC, number LIMIT ?)"
    " ORDER BY firing, number"
)


class SqlOutbox(ABC):
    """`rules.outbox.Outbox` but for how it connects."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Sql]:
        """A transaction: committed at the end, rolled back by an exception."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Sql]: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def _decide_alone(self, sql: Sql) -> None:
        """Have nobody else decide until the transaction ends."""

    _lock_rows = ""
    """What goes behind a query for rows that nobody else should be given meanwhile."""

    def checkpoint(self) -> Position | None:
        with self._reading() as sql:
            return _checkpoint(sql)

    def begin(self, position: Position) -> None:
        with self._writing() as sql:
            sql.execute("INSERT INTO checkpoint VALUES (1, ?) ON CONFLICT DO NOTHING", (position,))

    def decide(
        self, after: Position, upto: Position, firings: Sequence[Firing], reports: Sequence[NewEnvelope]
    ) -> bool:
        with self._writing() as sql:
            self._decide_alone(sql)
            if (_checkpoint(sql) or 0) != after:
                return False
            for firing in firings:
                sql.execute(_FIRING, _firing_row(firing))
                for action in firing.actions:
                    waits = firing.awaited is not None and not action.at_once
                    state = ActionState.WAITING if waits else ActionState.PENDING
                    sql.execute(_ACTION, (*_action_row(action), firing.fired_at, state))
            for report in reports:
                _add_report(sql, report)
            sql.execute(
                "INSERT INTO checkpoint VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET position = excluded.position",
                (upto,),
            )
        return True

    def progress(self, name: str) -> tuple[Position, str] | None:
        with self._reading() as sql:
            return _progress(sql, name)

    def advance(
        self, name: str, after: Position | None, upto: Position, kept: str, reports: Sequence[NewEnvelope]
    ) -> bool:
        with self._writing() as sql:
            self._decide_alone(sql)
            held = _progress(sql, name)
            if (held[0] if held is not None else None) != after:
                return False
            for report in reports:
                _add_report(sql, report)
            sql.execute(
                "INSERT INTO progress VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET position = excluded.position, kept = excluded.kept",
                (name, upto, kept),
            )
        return True

    def depth(self, firing: str) -> int | None:
        with self._reading() as sql:
            row = sql.execute("SELECT depth FROM firing WHERE id = ?", (firing,)).fetchone()
        return row["depth"] if row else None

    def fired(self, rule: str, since: Instant, below: Position, subject: str | None) -> int:
        with self._reading() as sql:
            row = sql.execute(_FIRED, (rule, since, below, subject, subject)).fetchone()
        return int(row["number"])

    def said(self, rule: str, subject: str, below: Position) -> Said | None:
        with self._reading() as sql:
            row = sql.execute(_SAID, (subject, rule, below)).fetchone()
            if row is None:
                return None
            messages = sql.execute(
                "SELECT * FROM action WHERE firing = ? AND kind = ? ORDER BY number", (row["id"], SAYING)
            ).fetchall()
        return Said(row["id"], row["verdict"], row["subject"], row["position"], tuple(_intended(it) for it in messages))

    def state(self, key: str) -> ActionState | None:
        with self._reading() as sql:
            row = sql.execute("SELECT state FROM action WHERE key = ?", (key,)).fetchone()
        return ActionState(row["state"]) if row is not None else None

    def answer(self, firing: str, answered: Answered, report: NewEnvelope) -> None:
        said = json.dumps({"approved": answered.approved, "by": answered.by, "at": answered.at, "note": answered.note})
        verdict = Verdict.FIRED if answered.approved else Verdict.REFUSED
        state = ActionState.PENDING if answered.approved else ActionState.REFUSED
        with self._writing() as sql:
            changed = sql.execute(
                "UPDATE firing SET verdict = ?, answered = ? WHERE id = ? AND verdict = 'waiting'",
                (verdict, said, firing),
            )
            if changed.rowcount == 0:
                row = sql.execute("SELECT verdict FROM firing WHERE id = ?", (firing,)).fetchone()
                if row is None:
                    raise NotFound(f"there is no firing {firing[:100]!r}")
                raise Conflict(f"firing {firing} does not wait: it is {row['verdict']}")
            sql.execute(
                "UPDATE action SET state = ?, due_at = ? WHERE firing = ? AND state = 'waiting'",
                (state, answered.at, firing),
            )
            _add_report(sql, report)

    def waiting(self, first: int) -> list[FiringRecord]:
        with self._reading() as sql:
            rows = sql.execute(_WAITING, (first,)).fetchall()
            actions = sql.execute(_ACTIONS_OF_WAITING, (first,)).fetchall()
        return _firing_records(rows, actions)

    def raised(self, rule: str, target: str) -> Sequence[str]:
        with self._reading() as sql:
            return [row["key"] for row in sql.execute(_RAISED, (target, rule)).fetchall()]

    def lease(self, now: Instant, until: Instant) -> Leased | None:
        with self._writing() as sql:
            row = sql.execute(_DUE + self._lock_rows, (now,)).fetchone()
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
            started_at=Instant(row["started_at"]) if row["started_at"] is not None else None,
        )

    def settle(self, leased: Leased, settlement: Settlement) -> bool:
        under_way = settlement.state is ActionState.UNDERWAY and not settlement.held
        with self._writing() as sql:
            settled = sql.execute(
                "UPDATE action SET state = ?, lease = NULL, due_at = ?, last_error = ?, settled_at = ?, result = ?"
                + (_HELD if settlement.held else _UNDER_WAY if under_way else "")
                + " WHERE key = ? AND state = 'delivering' AND lease = ?",
                (
                    settlement.state,
                    settlement.at if settlement.due_at is None else settlement.due_at,
                    settlement.error,
                    settlement.at,
                    settlement.result,
                    *([settlement.progress, settlement.at] if under_way else []),
                    leased.action.key,
                    leased.lease,
                ),
            )
            if settled.rowcount and settlement.report is not None:
                _add_report(sql, settlement.report)
        return bool(settled.rowcount == 1)

    def unreported(self, limit: int) -> list[tuple[int, NewEnvelope]]:
        with self._reading() as sql:
            rows = sql.execute("SELECT * FROM report ORDER BY number LIMIT ?", (limit,)).fetchall()
        return [(row["number"], _report(row)) for row in rows]

    def reported(self, number: int) -> None:
        with self._writing() as sql:
            sql.execute("DELETE FROM report WHERE number = ?", (number,))

    def chain(self) -> tuple[Head, list[NewEnvelope]]:
        with self._writing() as sql:  # of one moment
            head = _head(sql)
            rows = sql.execute("SELECT * FROM report WHERE kind = ? ORDER BY number", (audit.KIND,)).fetchall()
        return head, [_report(row) for row in rows]

    def go_on_from(self, head: Head) -> bool:
        with self._writing() as sql:
            known = _head(sql)
            if head.number < known.number or known == head or (known.number and head.number == known.number):
                return False
            _set_head(sql, head)
        return True

    def replay(self, key: str, now: Instant) -> None:
        with self._writing() as sql:
            row = sql.execute("SELECT state FROM action WHERE key = ?", (key,)).fetchone()
            if row is None:
                raise NotFound(f"there is no action {key[:100]!r}")
            if row["state"] != ActionState.DEAD:
                raise Conflict(f"action {key} is {row['state']}; only a dead one can be replayed")
            sql.execute(
                "UPDATE action SET state = 'pending', due_at = ?, attempts_before = attempts, progress = NULL,"
                " started_at = NULL WHERE key = ?",
                (now, key),
            )

    def firing(self, id: str) -> FiringRecord | None:
        with self._reading() as sql:
            row = sql.execute("SELECT * FROM firing WHERE id = ?", (id,)).fetchone()
            if row is None:
                return None
            actions = sql.execute("SELECT * FROM action WHERE firing = ? ORDER BY number", (id,)).fetchall()
        return _firing_record(row, actions)

    def firings(self, first: int) -> list[FiringRecord]:
        with self._reading() as sql:
            rows = sql.execute(_NEWEST, (first,)).fetchall()
            actions = sql.execute(_ACTIONS_OF_NEWEST, (first,)).fetchall()
        return _firing_records(rows, actions)


def _checkpoint(sql: Sql) -> Position | None:
    row = sql.execute("SELECT position FROM checkpoint").fetchone()
    return Position(row["position"]) if row else None


def _progress(sql: Sql, name: str) -> tuple[Position, str] | None:
    row = sql.execute("SELECT position, kept FROM progress WHERE name = ?", (name,)).fetchone()
    return (Position(row["position"]), row["kept"]) if row else None


def _add_report(sql: Sql, report: NewEnvelope) -> None:
    """Linked to the one before it; who adds the next waits until this transaction has ended."""
    if report.kind == audit.KIND:
        report, head = audit.linked(report, _head(sql))
        _set_head(sql, head)
    sql.execute(
        "INSERT INTO report (kind, source, key, body) VALUES (?, ?, ?, ?)",
        (report.kind, report.source, report.key, report.body),
    )


def _head(sql: Sql) -> Head:
    """The chain's, nobody else's until the transaction ends."""
    row = sql.execute("UPDATE chain SET number = number RETURNING number, digest").fetchone()
    return Head(row["number"], bytes(row["digest"]))


def _set_head(sql: Sql, head: Head) -> None:
    sql.execute("UPDATE chain SET number = ?, digest = ?", head)


def _report(row: Row) -> NewEnvelope:
    return NewEnvelope(row["kind"], row["source"], row["key"], row["body"])


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
        firing.answer,
        None if firing.awaited is None else json.dumps({"by": firing.awaited.by, "reason": firing.awaited.reason}),
        None if firing.awaited is None else firing.awaited.until,
        msgspec.json.encode(firing.grounds[:_GROUNDS]).decode(),
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
        round(action.within.total_seconds()) if action.within is not None else None,
    )


def _intended(row: Row) -> Intended:
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
        within=timedelta(seconds=row["within"]) if row["within"] is not None else None,
        progress=row["progress"],
    )


def _firing_records(rows: Sequence[Row], actions: Sequence[Row]) -> list[FiringRecord]:
    of_firing = {id: [*group] for id, group in groupby(actions, key=lambda row: row["firing"])}
    return [_firing_record(row, of_firing.get(row["id"], ())) for row in rows]


def _firing_record(row: Row, actions: Sequence[Row]) -> FiringRecord:
    return FiringRecord(
        urn=firing_urn(row["id"]),
        rule=row["rule"],
        rule_version=row["rule_version"],
        position=Position(row["position"]),
        what=row["what"],
        subject=row["subject"],
        fired_at=Instant(row["fired_at"]),
        verdict=row["verdict"],
        reason=row["reason"],
        depth=row["depth"],
        cause=firing_urn(row["cause"]) if row["cause"] else None,
        evidence=tuple(json.loads(row["evidence"])),
        actions=tuple(_action_record(action) for action in actions),
        answer=bytes(row["answer"]) if row["answer"] is not None else None,
        awaited=_awaited(row),
        answered=_answered(row["answered"]),
        grounds=msgspec.json.decode(row["grounds"], type=tuple[Ground, ...]),
    )


def _awaited(row: Row) -> Awaited | None:
    if row["awaited"] is None:
        return None
    said = json.loads(row["awaited"])
    return Awaited(tuple(said["by"]), Instant(row["awaited_until"]), said["reason"])


def _answered(said: str | None) -> Answered | None:
    if said is None:
        return None
    answered = json.loads(said)
    return Answered(approved=answered["approved"], by=answered["by"], at=Instant(answered["at"]), note=answered["note"])


def _action_record(row: Row) -> ActionRecord:
    return ActionRecord(
        key=row["key"],
        kind=row["kind"],
        target=row["target"],
        owner=row["owner"],
        address=row["address"].partition("?")[0],
        state=row["state"],
        attempts=row["attempts"],
        last_error=row["last_error"],
        result=json.loads(row["result"]) if row["result"] is not None else None,
        settled_at=Instant(row["settled_at"]) if row["settled_at"] is not None else None,
    )

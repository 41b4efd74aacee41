"""Protection carried out on PostgreSQL: one transaction, with what may be done before and after it as its result.

What is so already is done. What would not hold in the end (a role that still may, by another role or as the owner) is
undone and refused. Nothing that the server sends is repeated, but for SQLSTATEs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
import sqlglot
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlglot import exp

from rules.actions import measures
from rules.actions.address import AddressRefused, Resolver, vetted
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused
from rules.actions.measures import Delete, Grant, Mask, Measure, Place, Revoke, Rows

CONNECT_WITHIN = 5  # seconds
STATEMENT_WITHIN = 15
BEGUN_WITHIN = 30
"""Seconds in which the last statement must have begun: with what it takes itself less than a worker's lease."""

_DIALECT = "postgres"
_LATER = ("08", "40", "53", "57", "55P03")
"""SQLSTATEs, or their classes, that time may mend: connection, serialization, resources, shutdown, locks."""

Connection = psycopg.Connection[tuple[Any, ...]]


class _TooSlow(Exception):
    """Too many statements for one go."""


class _CannotBe(Exception):
    """The measure would not hold, or there is nothing to take it; the message is ours."""


def carry_out(url: str, place: Place, measure: Measure, allowed_hosts: frozenset[str], resolve: Resolver) -> Outcome:
    try:
        conninfo = _vetted(url, allowed_hosts, resolve)
    except AddressRefused as error:
        return Refused(f"the database: {error}")
    except (OSError, ValueError):
        return Postponed("the database's host was not found")
    except psycopg.Error:
        return Refused("the database's URL cannot be read")
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection, connection.transaction():
            return Delivered(_protected(connection, place, measure))
    except _CannotBe as error:
        return Refused(str(error))
    except _TooSlow:
        return Postponed(f"the database took more than {BEGUN_WITHIN} s; nothing was changed")
    except psycopg.Error as error:
        return _failed(error)


def _vetted(url: str, allowed_hosts: frozenset[str], resolve: Resolver) -> str:
    """The URL with the very address that was vetted."""
    said = conninfo_to_dict(url)
    host, port = str(said.get("host") or ""), int(str(said.get("port") or 5432))
    if not host or host.startswith("/") or "," in host or said.get("hostaddr"):
        raise AddressRefused("it names one host, by name")
    address = vetted(host, port, allowed_hosts, resolve)[0]
    return make_conninfo(url, hostaddr=address, connect_timeout=CONNECT_WITHIN, application_name="andon")


def _failed(error: psycopg.Error) -> Outcome:
    state = error.sqlstate
    if state is None:
        said = str(error)  # libpq's words for a refused log-in come without a code; they are read and not repeated
        if "authentication failed" in said:
            return Refused("the database does not let us in")
        return Postponed("the database does not answer")
    if state.startswith("28"):
        return Refused("the database does not let us in")
    if state.startswith(_LATER):
        return Postponed(f"the database asks to wait (SQLSTATE {state})")
    return Refused(f"the database refuses it (SQLSTATE {state})")


def _protected(connection: Connection, place: Place, measure: Measure) -> dict[str, object]:
    connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_WITHIN}s'")
    connection.execute("SET LOCAL lock_timeout = '5s'")
    (database,) = _one(connection, "SELECT current_database()")
    if database != place.database:
        raise _CannotBe("the connection is to another database than the dataset's")
    at = _At(connection, place)
    return _CARRIED_OUT[type(measure)](at, measure)


@dataclass
class _At:
    """The table on its server; `run` are the statements that were carried out."""

    connection: Connection
    place: Place
    run: list[str] = field(default_factory=list)
    until: float = field(default_factory=lambda: time.monotonic() + BEGUN_WITHIN)

    def __post_init__(self) -> None:
        found = self.connection.execute(
            "SELECT c.oid, c.relrowsecurity, pg_get_userbyid(c.relowner) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'f', 'v', 'm')",
            (self.place.schema, self.place.table),
        ).fetchone()
        if found is None:
            raise _CannotBe("there is no such table")
        self.oid, self.has_row_security, self.owner = found
        self.columns: dict[str, str] = dict(
            self.connection.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                (self.oid,),
            ).fetchall()
        )
        if self.place.column and self.place.column not in self.columns:
            raise _CannotBe("there is no such column")

    def execute(self, statement: str) -> int:
        """Carry one out that `measures` rendered; how many rows it touched."""
        if time.monotonic() > self.until:
            raise _TooSlow
        self.run.append(statement)
        return self.connection.execute(statement, binary=True).rowcount  # so that the server takes one statement alone

    def roles(self, names: Sequence[str]) -> None:
        known = self.connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (list(names),))
        if missing := set(names) - {row[0] for row in known}:
            raise _CannotBe(f"there is no role {min(missing)!r}")

    def may(self, roles: Sequence[str], privileges: Sequence[str]) -> dict[str, dict[str, bool]]:
        """By role and privilege, whether the role may, in whatever way, by the column or else by any of the table."""
        return {role: {it: self._may(role, it) for it in privileges} for role in roles}

    def _may(self, role: str, privilege: str) -> bool:
        if self.place.column:
            asked: LiteralString = "SELECT has_column_privilege(%s, %s::oid, %s, %s)"
            (held,) = _one(self.connection, asked, role, self.oid, self.place.column, privilege)
            return bool(held)
        (held,) = _one(self.connection, "SELECT has_table_privilege(%s, %s::oid, %s)", role, self.oid, privilege)
        if not held and privilege in measures.OF_COLUMNS:
            asked = "SELECT has_any_column_privilege(%s, %s::oid, %s)"
            (held,) = _one(self.connection, asked, role, self.oid, privilege)
        return bool(held)

    def has_of_whole_table(self, role: str, privilege: str) -> bool:
        """Whether it was granted to the very role."""
        asked: LiteralString = (
            "SELECT EXISTS (SELECT 1 FROM pg_class c, aclexplode(c.relacl) acl JOIN pg_roles r ON r.oid = acl.grantee"
            " WHERE c.oid = %s AND r.rolname = %s AND acl.privilege_type = %s)"
        )
        (held,) = _one(self.connection, asked, self.oid, role, privilege)
        return bool(held)

    def result(self, before: object, after: object) -> dict[str, object]:
        return {"mode": "execute", "statements": self.run, "before": before, "after": after}


def _one(connection: Connection, query: LiteralString, *values: object) -> tuple[Any, ...]:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row


def _grant(at: _At, measure: Grant) -> dict[str, object]:
    at.roles(measure.roles)
    before = at.may(measure.roles, measure.privileges)
    if not all(held for of_role in before.values() for held in of_role.values()):
        columns = [at.place.column] if at.place.column else []
        at.execute(measures.grant(at.place, measure.privileges, measure.roles, columns, _DIALECT))
    return at.result(before, at.may(measure.roles, measure.privileges))


def _revoke(at: _At, measure: Revoke) -> dict[str, object]:
    at.roles(measure.roles)
    before = at.may(measure.roles, measure.privileges)
    for role, of_role in before.items():
        for privilege in (it for it, held in of_role.items() if held):
            _take(at, role, privilege)
    after = at.may(measure.roles, measure.privileges)
    _check_gone(after)
    return at.result(before, after)


def _take(at: _At, role: str, privilege: str) -> None:
    """From a role that has a column as part of the whole table, the table: it gets the other columns back."""
    column = at.place.column
    if column and not at.has_of_whole_table(role, privilege):
        at.execute(measures.revoke(at.place, [privilege], [role], [column], _DIALECT))
        return
    at.execute(measures.revoke(at.place, [privilege], [role], (), _DIALECT))
    others = [it for it in at.columns if it != column]
    if column and others:
        at.execute(measures.grant(at.place, [privilege], [role], others, _DIALECT))


def _check_gone(after: dict[str, dict[str, bool]]) -> None:
    for role, of_role in after.items():
        for privilege in (it for it, held in of_role.items() if held):
            raise _CannotBe(
                f"{role} still may {privilege}: by another role, PUBLIC or as the owner; nothing was changed"
            )


def _mask(at: _At, measure: Mask) -> dict[str, object]:
    at.roles(measure.roles)
    before = at.may(measure.roles, ["SELECT"])
    view = measures.view_of(measure, at.place)
    columns = _masked_so_far(at, view) | {at.place.column: _hidden(at, measure)}
    shown = [columns[it] if it in columns else exp.column(measures.identifier(it)) for it in at.columns]
    at.execute(measures.create_view(view, at.place, shown, _DIALECT))
    at.execute(measures.grant(view, ["SELECT"], measure.roles, (), _DIALECT))
    at.execute(measures.revoke(at.place, ["SELECT"], measure.roles, (), _DIALECT))
    after = at.may(measure.roles, ["SELECT"])
    _check_gone(after)
    return at.result(before, after) | {"view": f"{view.schema}.{view.table}"}


def _hidden(at: _At, measure: Mask) -> exp.Expression:
    said = at.columns[at.place.column]
    try:
        data_type = exp.DataType.build(said, dialect=_DIALECT)
    except sqlglot.errors.SqlglotError:
        raise _CannotBe("the column's type is not one that can be masked") from None
    if measure.by != "null" and not data_type.is_type(*exp.DataType.TEXT_TYPES):
        raise _CannotBe("the column holds no text: mask it as null")
    return measures.masked(measure.by, at.place.column, data_type)


def _masked_so_far(at: _At, view: Place) -> dict[str, exp.Expression]:
    """What the view hides already: it stays hidden."""
    found = at.connection.execute(
        "SELECT pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'v'",
        (view.schema, view.table),
    ).fetchone()
    if found is None:
        return {}
    try:
        query = sqlglot.parse_one(found[0], dialect=_DIALECT)
    except sqlglot.errors.SqlglotError:
        raise _CannotBe("there is a view of that name, of another kind") from None
    tables = [it.name for it in query.find_all(exp.Table)]
    if not isinstance(query, exp.Select) or tables != [at.place.table]:
        raise _CannotBe("there is a view of that name, of another kind")
    return {it.alias: it for it in query.expressions if isinstance(it, exp.Alias) and it.alias in at.columns}


def _rows(at: _At, measure: Rows) -> dict[str, object]:
    at.roles(measure.roles)
    if measure.column not in at.columns:
        raise _CannotBe("there is no such column to tell rows by")
    free = at.connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolbypassrls OR rolname = %s)",
        (list(measure.roles), at.owner),
    ).fetchone()
    if free is not None:
        raise _CannotBe(f"{free[0]} is above row policies: the owner, or a role that bypasses them")
    before = _policies(at)
    for statement in measures.row_policy(measure, at.place, _DIALECT, enable=not at.has_row_security):
        at.execute(statement)
    return at.result(before, _policies(at))


def _policies(at: _At) -> list[str]:
    rows = at.connection.execute("SELECT polname FROM pg_policy WHERE polrelid = %s ORDER BY polname", (at.oid,))
    return [row[0] for row in rows]


def _delete(at: _At, measure: Delete) -> dict[str, object]:
    if measure.column not in at.columns:
        raise _CannotBe("there is no such column to tell the age by")
    if not at.columns[measure.column].startswith(("timestamp", "date")):
        raise _CannotBe("the column that tells the age holds no instants")
    (overdue,) = _one(at.connection, measures.counting(measure, at.place, _DIALECT))
    if overdue > measure.at_most:
        raise _CannotBe(f"more than {measure.at_most} rows are overdue; nothing was deleted")
    deleted = at.execute(measures.deleting(measure, at.place, _DIALECT)) if overdue else 0
    return at.result({"overdue": overdue}, {"overdue": 0}) | {"deleted": deleted}


_CARRIED_OUT: dict[type[Any], Callable[[_At, Any], dict[str, object]]] = {
    Grant: _grant, Revoke: _revoke, Mask: _mask, Rows: _rows, Delete: _delete,
}  # fmt: skip

"""What can be done to protect data, and the statements that do it, in a platform's dialect.

Statements are built as sqlglot's trees with quoted identifiers and rendered from these: a name from the graph or a rule
is never pasted into text. For what the library has no tree (row policies), parts that it rendered are put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import ClassVar

import msgspec
from sqlglot import exp

from graph.errors import InvalidInput
from graph.model import Instant, isoformat

DIALECTS = ("postgres", "snowflake", "bigquery", "redshift", "databricks", "mysql", "tsql", "oracle", "trino", "duckdb")

OF_COLUMNS = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
"""Privileges that are had of single columns."""
PRIVILEGES = (*OF_COLUMNS, "DELETE", "TRUNCATE", "TRIGGER")

EVERY_OTHER = "<every other column>"
"""In a statement that is shown before the database was asked which columns there are."""

EVERYONE = "andon_everyone"
"""The policy that lets all others see all rows once a table has row policies."""


class Place(msgspec.Struct, frozen=True):
    """A table, or with `column` a column of it."""

    database: str
    schema: str
    table: str
    column: str = ""

    @property
    def tree(self) -> exp.Table:
        return exp.Table(this=identifier(self.table), db=identifier(self.schema))


class Grant(msgspec.Struct, frozen=True, tag="grant"):
    privileges: tuple[str, ...]
    roles: tuple[str, ...]
    needs_column: ClassVar[bool] = False


class Revoke(msgspec.Struct, frozen=True, tag="revoke"):
    privileges: tuple[str, ...]
    roles: tuple[str, ...]
    needs_column: ClassVar[bool] = False


class Mask(msgspec.Struct, frozen=True, tag="mask"):
    """`roles` see the table through the view, in which the column holds `by`: null, hash or redacted."""

    by: str
    roles: tuple[str, ...]
    view: str  # "": the table's name and _masked
    needs_column: ClassVar[bool] = True


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """`roles` see the rows whose `column` holds one of `values`."""

    column: str
    values: tuple[str, ...]
    roles: tuple[str, ...]
    policy: str
    needs_column: ClassVar[bool] = False


class Delete(msgspec.Struct, frozen=True, tag="delete"):
    """Rows whose `column` is before `until` (ISO 8601) go, unless they are more than `at_most`."""

    column: str
    until: str
    at_most: int
    needs_column: ClassVar[bool] = False


Measure = Grant | Revoke | Mask | Rows | Delete


def identifier(name: str) -> exp.Identifier:
    """A quoted name; raises `InvalidInput` for what no database takes."""
    if not name or "\x00" in name or len(name.encode()) > 128:
        raise InvalidInput("is no name that a database has: empty, too long or with U+0000")
    return exp.to_identifier(name, quoted=True)


def cutoff(at: Instant, older_than: timedelta) -> str:
    return isoformat(Instant(at - round(older_than.total_seconds() * 1_000_000)))


def planned(measure: Measure, place: Place, dialect: str) -> tuple[str, ...]:
    """The statements, as far as they can be told without asking the database."""
    match measure:
        case Grant(privileges, roles):
            return (grant(place, privileges, roles, [place.column] if place.column else (), dialect),)
        case Revoke(privileges, roles):
            return (revoke(place, privileges, roles, [place.column] if place.column else (), dialect), *(
                (
                    f"-- from roles that have it of the whole table: {revoke(place, privileges, roles, (), dialect)}",
                    f"-- and then: {_with_others(grant(place, privileges, roles, [EVERY_OTHER], dialect), dialect)}",
                )
                if place.column and dialect == "postgres"
                else ()
            ))  # fmt: skip
        case Mask():
            view = view_of(measure, place)
            hidden = masked(measure.by, place.column, None)
            made = create_view(view, place, [exp.column(identifier(EVERY_OTHER)), hidden], dialect)
            return (
                _with_others(made, dialect),
                grant(view, ["SELECT"], measure.roles, (), dialect),
                revoke(place, ["SELECT"], measure.roles, (), dialect),
            )
        case Rows():
            return tuple(row_policy(measure, place, dialect))
        case Delete():
            return (deleting(measure, place, dialect),)


def view_of(measure: Mask, place: Place) -> Place:
    return Place(place.database, place.schema, measure.view or f"{place.table}_masked")


def grant(place: Place, privileges: Sequence[str], roles: Sequence[str], columns: Sequence[str], dialect: str) -> str:
    return exp.Grant(**_privileges(place, privileges, roles, columns)).sql(dialect)


def revoke(place: Place, privileges: Sequence[str], roles: Sequence[str], columns: Sequence[str], dialect: str) -> str:
    return exp.Revoke(**_privileges(place, privileges, roles, columns)).sql(dialect)


def _privileges(
    place: Place, privileges: Iterable[str], roles: Iterable[str], columns: Sequence[str]
) -> dict[str, object]:
    listed = [exp.column(identifier(it)) for it in columns]
    return {
        "privileges": [
            exp.GrantPrivilege(this=exp.var(it), expressions=[one.copy() for one in listed]) for it in privileges
        ],
        "securable": place.tree,
        "principals": [exp.GrantPrincipal(this=identifier(it)) for it in roles],
    }


def create_view(view: Place, of: Place, columns: Sequence[exp.Expression], dialect: str) -> str:
    query = exp.select(*columns).from_(of.tree)
    return exp.Create(this=view.tree, kind="VIEW", replace=True, expression=query).sql(dialect)


def masked(by: str, column: str, data_type: exp.DataType | None) -> exp.Expression:
    """What stands in the column's place under its name; `data_type` is its own, None where that is not known."""
    value: exp.Expression
    if by == "null":
        value = exp.null()
    elif by == "redacted":
        value = exp.Literal.string("redacted")
    else:
        text = exp.cast(exp.column(identifier(column)), "text")
        encoded = exp.Anonymous(this="CONVERT_TO", expressions=[text, exp.Literal.string("UTF8")])
        digest = exp.Anonymous(this="SHA256", expressions=[encoded])
        value = exp.Anonymous(this="ENCODE", expressions=[digest, exp.Literal.string("hex")])
    if data_type is not None:
        value = exp.cast(value, data_type)
    return exp.Alias(this=value, alias=identifier(column))


def row_policy(measure: Rows, place: Place, dialect: str, *, enable: bool = True) -> list[str]:
    """PostgreSQL's row policies: all others go on seeing all rows, and the roles are held to theirs."""
    table, roles = place.tree.sql(dialect), ", ".join(identifier(it).sql(dialect) for it in measure.roles)
    kept = exp.column(identifier(measure.column)).isin(*(exp.Literal.string(it) for it in measure.values)).sql(dialect)
    everyone, own = identifier(EVERYONE).sql(dialect), identifier(measure.policy).sql(dialect)
    begun = [
        f"CREATE POLICY {everyone} ON {table} AS PERMISSIVE FOR ALL TO PUBLIC USING (TRUE) WITH CHECK (TRUE)",
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
    ]
    return [
        *(begun if enable else ()),
        f"DROP POLICY IF EXISTS {own} ON {table}",
        f"CREATE POLICY {own} ON {table} AS RESTRICTIVE FOR SELECT TO {roles} USING ({kept})",
    ]


def overdue(measure: Delete) -> exp.Expression:
    until = exp.cast(exp.Literal.string(measure.until), "timestamptz")
    return exp.LT(this=exp.column(identifier(measure.column)), expression=until)


def deleting(measure: Delete, place: Place, dialect: str) -> str:
    return exp.delete(place.tree).where(overdue(measure)).sql(dialect)


def counting(measure: Delete, place: Place, dialect: str) -> str:
    """How many rows are overdue, counted no further than it takes to see that they are too many."""
    found = exp.select("1").from_(place.tree).where(overdue(measure)).limit(measure.at_most + 1)
    return exp.select("count(*)").from_(found.subquery("overdue")).sql(dialect)


def _with_others(statement: str, dialect: str) -> str:
    return statement.replace(identifier(EVERY_OTHER).sql(dialect), EVERY_OTHER)

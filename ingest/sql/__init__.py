"""SQL text -> lineage of tables and columns: of statements, scripts and procedures, in sqlglot's dialects."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.sql.budget import Budget
from ingest.sql.projection import CONVENTIONS, END_TO_END, HOPS, TEMP_COLLAPSED, Convention, project
from ingest.sql.result import SqlLineage

__all__ = [
    "CONVENTIONS",
    "END_TO_END",
    "HOPS",
    "Budget",
    "TEMP_COLLAPSED",
    "Convention",
    "SqlLineage",
    "lineage",
    "project",
]


def lineage(
    sql: str,
    dialect: str = "",
    schema: Mapping[str, Mapping[str, str]] | None = None,
    default_db: str | None = None,
    default_schema: str | None = None,
    *,
    explain: bool = False,
    budget: Budget | None = None,
) -> SqlLineage:
    """What `sql` reads and writes, by which columns, with what is not understood beside it. Pure; no text raises.

    `dialect` is one of sqlglot's ("" is ANSI); `schema` {dotted table name: {column: type or ""}}; names are completed
    by the defaults. `explain` adds the text and place of each edge's expression. `budget` bounds the work: what was
    found before it ran out counts, the rest is in `unread`.
    Raises `InvalidInput` for an unknown dialect.
    """
    from sqlglot.dialects.dialect import Dialect

    from graph.errors import InvalidInput
    from ingest.sql.reading.names import Catalog, Names
    from ingest.sql.script import split
    from ingest.sql.session import Session

    dialect = dialect.lower()
    try:
        Dialect.get_or_raise(dialect)
    except ValueError:
        raise InvalidInput(f"{dialect[:40]!r} is not a dialect that is known", field="dialect") from None
    names = Names(dialect, default_db, default_schema)
    session = Session(sql, names, Catalog(schema, names), budget or Budget(), explain)
    session.run(split(sql, dialect))
    records = sorted(session.records.values(), key=lambda record: record.order)
    return SqlLineage(
        dialect,
        tuple(record.statement(dialect, explain) for record in records),
        tuple(session.found_routines.values()),
        tuple(session.unread),
        dict(names.spellings),
    )

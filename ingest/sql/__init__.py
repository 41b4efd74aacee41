"""SQL text -> lineage of tables and columns: of statements, scripts and procedures, in sqlglot's dialects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.sql.budget import Budget
from ingest.sql.projection import CONVENTIONS, END_TO_END, HOPS, TEMP_COLLAPSED, Convention, project
from ingest.sql.result import Hop, Place, SqlLineage, Unread

if TYPE_CHECKING:
    from ingest.sql.script.nodes import Routine
    from ingest.sql.templates import Manifest, Rendered

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


_HEADER = 1_000  # characters in which a routine's name is looked for


def lineage(
    sql: str,
    dialect: str = "",
    schema: Mapping[str, Mapping[str, str]] | None = None,
    default_db: str | None = None,
    default_schema: str | None = None,
    *,
    explain: bool = False,
    budget: Budget | None = None,
    manifest: Manifest | None = None,
    model: str | None = None,
) -> SqlLineage:
    """What `sql` reads and writes, by which columns, with what is not understood beside it. Pure; no text raises.

    `dialect` is one of sqlglot's ("" is ANSI); `schema` {dotted table name: {column: type or ""}}; names are completed
    by the defaults. `explain` adds the text and place of each edge's expression. `budget` bounds the work: what was
    found before it ran out counts, the rest is in `unread`. A template is rendered by dbt's `manifest`, in which
    `model` tells `this`, and guessed at without one; places are the template's, guesses are in `notes`.
    Raises `InvalidInput` for an unknown dialect.
    """
    from ingest.sql.templates import is_template, neutralise, render

    if not is_template(sql):
        return _lineage(sql, dialect, schema, default_db, default_schema, explain, budget)
    rendered = neutralise(sql, model=model) if manifest is None else render(sql, manifest, model=model)
    result = _lineage(rendered.text, dialect, schema, default_db, default_schema, explain, budget)
    return _in_template(result, rendered)


def _lineage(
    sql: str,
    dialect: str,
    schema: Mapping[str, Mapping[str, str]] | None,
    default_db: str | None,
    default_schema: str | None,
    explain: bool,
    budget: Budget | None,
) -> SqlLineage:
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
    for spelled in (*_routine_names(sql, session.routines.values()), default_schema, default_db):
        if spelled:
            names.lower(spelled)
    records = sorted(session.records.values(), key=lambda record: record.order)
    return SqlLineage(
        dialect,
        tuple(record.statement(dialect, explain) for record in records),
        tuple(session.found_routines.values()),
        tuple(session.unread),
        dict(names.spellings),
    )


def _routine_names(sql: str, routines: Iterable[Routine]) -> Iterable[str]:
    """The parts of routines' names as their headers write them."""
    for routine in routines:
        start = routine.place.start
        for part in routine.name:
            word = re.compile(rf"(?<!\w){re.escape(part)}(?!\w)", re.IGNORECASE)
            if found := word.search(sql, start, start + _HEADER):
                yield found[0]


def _in_template(result: SqlLineage, rendered: Rendered) -> SqlLineage:
    """The lineage of a rendered text with the lines of its template, and what was guessed in rendering it."""

    def moved(place: Place) -> Place:
        return Place(rendered.line(place.line), place.column)

    def parts(unread: Sequence[Unread]) -> tuple[Unread, ...]:
        return tuple(replace(part, place=moved(part.place)) for part in unread)

    def hop(told: Hop) -> Hop:
        return replace(told, edges=tuple(replace(it, place=it.place and moved(it.place)) for it in told.edges))

    statements = tuple(
        replace(it, place=moved(it.place), hop=hop(it.hop), lasting=hop(it.lasting), unread=parts(it.unread))
        for it in result.statements
    )
    return replace(
        result,
        statements=statements,
        routines=tuple(replace(it, place=moved(it.place)) for it in result.routines),
        unread=parts(result.unread),
        notes=tuple(Unread(Place(note.line, 1), note.text) for note in rendered.notes),
    )

"""Questions and answers as plain values: one script in, its lineage by one convention out.

This is what a line of `andon sql lineage --jsonl` holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlglot.dialects.dialect import Dialects

from graph.errors import InvalidInput
from ingest.sql import CONVENTIONS, Convention, lineage, project
from ingest.sql.pictures import hop_of, unread_parts
from ingest.sql.result import SqlLineage, Unread

if TYPE_CHECKING:
    from ingest.sql.templates import Manifest

DIALECTS = frozenset(dialect.value for dialect in Dialects)
"""The names of sqlglot's own dialects, "" for ANSI among them."""

Schemas = Mapping[str, Mapping[str, str]]


def answer(record: Mapping[str, Any], manifest: Manifest | None = None) -> dict[str, Any]:
    """The lineage of `record["sql"]`, a template by `manifest`; never raises.

    The record may also have `id`, `dialect` (a name of sqlglot's, "" for ANSI), `default_db`, `default_schema`,
    `schemas` ({table: {column: type}}) and `convention` (a key of `CONVENTIONS`, "hops" by default). What cannot be
    read at all is answered with the reason in `errors` and all else empty. Only for a template in which something was
    guessed the answer has `notes`: places and what was guessed.
    """
    id = record.get("id")
    try:
        convention = convention_of(record.get("convention") or "hops")
        result = lineage(
            _text(record, "sql"),
            dialect_of(_word(record, "dialect") or ""),
            schemas_of(record.get("schemas") or {}, "schemas"),
            _word(record, "default_db"),
            _word(record, "default_schema"),
            manifest=manifest,
        )
        return _answer(id, result, convention)
    except InvalidInput as error:
        return refusal(id, str(error))
    except Exception as error:  # the edge of one record: the next one must be answered all the same
        return refusal(id, f"Andon failed: {type(error).__name__}")


def refusal(id: object, reason: str) -> dict[str, Any]:
    """The answer to what cannot be read at all."""
    return {
        "id": id,
        "in_tables": [],
        "out_tables": [],
        "column_edges": [],
        "statements": [],
        "errors": [{"line": None, "column": None, "reason": reason}],
    }


def convention_of(name: object) -> Convention:
    if not isinstance(name, str) or name not in CONVENTIONS:
        raise InvalidInput(f"expected one of {', '.join(CONVENTIONS)}", field="convention")
    return CONVENTIONS[name]


def dialect_of(name: str) -> str:
    """The dialect as sqlglot writes it; raises `InvalidInput` for one that it does not have."""
    lower = name.lower()
    if lower not in DIALECTS:
        raise InvalidInput(f"sqlglot has no dialect {name[:100]!r}", field="dialect")
    return lower


def schemas_of(content: object, field: str) -> Schemas:
    """Columns by table: {table: {column: type}}, or {table: [column, ...]}; raises `InvalidInput`."""
    if not isinstance(content, Mapping):
        raise InvalidInput("expected an object like {table: {column: type}}", field=field)
    return {_name(table, field): _columns(columns, f"{field}.{table}") for table, columns in content.items()}


def _columns(content: object, field: str) -> dict[str, str]:
    if isinstance(content, Mapping):
        return {_name(column, field): str(type) if type is not None else "" for column, type in content.items()}
    if isinstance(content, list):
        return {_name(column, field): "" for column in content}
    raise InvalidInput("expected an object like {column: type}, or a list of columns", field=field)


def _name(content: object, field: str) -> str:
    if not isinstance(content, str):
        raise InvalidInput("expected names to be texts", field=field)
    return content


def _text(record: Mapping[str, Any], key: str) -> str:
    content = record.get(key)
    if not isinstance(content, str):
        raise InvalidInput("expected a text", field=key)
    return content


def _word(record: Mapping[str, Any], key: str) -> str | None:
    content = record.get(key)
    if content is not None and not isinstance(content, str):
        raise InvalidInput("expected a text", field=key)
    return content or None


def _answer(id: object, result: SqlLineage, convention: Convention) -> dict[str, Any]:
    projection = project(result, convention)
    hops = [(statement, hop_of(statement, convention)) for statement in result.statements]
    told = {
        "id": id,
        "in_tables": list(projection.inputs),
        "out_tables": list(projection.outputs),
        "column_edges": [list(edge) for edge in projection.edges],
        "statements": [
            {
                "kind": statement.kind,
                "category": statement.category.value,
                "line": statement.place.line,
                "inputs": [table.name for table in hop.inputs],
                "outputs": [table.name for table in hop.outputs],
            }
            for statement, hop in hops
        ],
        "errors": _parts(unread_parts(result)),
    }
    return {**told, "notes": _parts(result.notes)} if result.notes else told


def _parts(unread: Iterable[Unread]) -> list[dict[str, Any]]:
    return [{"line": part.place.line, "column": part.place.column, "reason": part.reason} for part in unread]

"""How one schema differs from another, by what it means for those who read the data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graph.reader import ColumnRecord
from rules.rule import SchemaChange

_TYPE = re.compile(r"\s*([a-z][a-z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*")
# Each takes all values of those before it in its row.
_WIDTHS = (
    ("tinyint", "smallint", "int", "bigint", "hugeint"),
    ("float", "double"),
    ("date", "timestamp"),
    ("char", "varchar", "text"),
)
_SAME = {
    "int2": "smallint", "short": "smallint", "int4": "int", "integer": "int", "int32": "int", "int8": "bigint",
    "int64": "bigint", "long": "bigint", "real": "float", "float4": "float", "float32": "float",
    "double precision": "double", "float8": "double", "float64": "double", "character": "char",
    "character varying": "varchar", "string": "text", "clob": "text", "datetime": "timestamp", "numeric": "decimal",
    "number": "decimal", "bool": "boolean",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """`before` and `after` are types; `path` is the column's, the new one where it was renamed from `former`."""

    how: SchemaChange
    path: str
    before: str | None = None
    after: str | None = None
    former: str | None = None


def column_changes(before: Sequence[ColumnRecord], after: Sequence[ColumnRecord]) -> tuple[ColumnChange, ...]:
    """What differs between the columns of one dataset at two moments, in the order of the columns."""
    old, new = {it.path: it for it in before}, {it.path: it for it in after}
    gone = {path: it for path, it in old.items() if path not in new}
    found: list[ColumnChange] = []
    for path, column in new.items():
        if path in old:
            how = compare_types(old[path].data_type, column.data_type)
            if how is not None:
                found.append(ColumnChange(how, path, old[path].data_type, column.data_type))
        elif (former := _in_its_place(column, gone)) is not None:
            del gone[former]
            found.append(ColumnChange(SchemaChange.RENAMED, path, column.data_type, column.data_type, former))
        else:
            found.append(ColumnChange(SchemaChange.ADDED, path, None, column.data_type))
    found += [ColumnChange(SchemaChange.REMOVED, path, it.data_type) for path, it in gone.items()]
    return tuple(found)


def _in_its_place(column: ColumnRecord, gone: dict[str, ColumnRecord]) -> str | None:
    """The column that went where this one came: of the same type at the same place, where both are known."""
    for path, it in gone.items():
        known = it.ordinal is not None and it.data_type is not None
        if known and (it.ordinal, it.data_type) == (column.ordinal, column.data_type):
            return path
    return None


def compare_types(before: str | None, after: str | None) -> SchemaChange | None:
    """How a column's type changed, as far as names of types tell; None where it did not, or one is not known."""
    if before is None or after is None or before == after:
        return None
    old, new = _read(before), _read(after)
    if old is None or new is None:
        return SchemaChange.RETYPED
    (old_name, *old_sizes), (new_name, *new_sizes) = old, new
    if old_name == new_name:
        return _compare_sizes(old_sizes, new_sizes)
    for row in _WIDTHS:
        if old_name in row and new_name in row:
            wider = row.index(new_name) > row.index(old_name)
            sizes = _compare_sizes(old_sizes, new_sizes)
            if wider and sizes is SchemaChange.NARROWED and new_sizes[0] is not None:
                return SchemaChange.NARROWED
            return SchemaChange.WIDENED if wider else SchemaChange.NARROWED
    return SchemaChange.RETYPED


def _compare_sizes(before: Sequence[int | None], after: Sequence[int | None]) -> SchemaChange | None:
    """No size is any size. A decimal takes less where either its whole digits or its fraction's do."""
    pairs = list(zip(_digits(before), _digits(after), strict=True))
    if any(new < old for old, new in pairs):
        return SchemaChange.NARROWED
    return SchemaChange.WIDENED if any(new > old for old, new in pairs) else None


def _digits(sizes: Sequence[int | None]) -> Iterator[float]:
    length, fraction = sizes
    if length is None:
        yield from (float("inf"), float("inf"))
    else:
        yield from (length - (fraction or 0), fraction or 0)


def _read(text: str) -> tuple[str, int | None, int | None] | None:
    match = _TYPE.fullmatch(text.lower())
    if match is None:
        return None
    name = _SAME.get(match[1], match[1])
    return name, int(match[2]) if match[2] else None, int(match[3]) if match[3] else None

"""How a schema changed, in the words of those who read the data."""

from __future__ import annotations

import pytest

from graph.reader import ColumnRecord
from rules.rule import SchemaChange
from rules.schema_change import ColumnChange, column_changes, compare_types
from tests.rules.estate import T0

ADDED, REMOVED, RENAMED = SchemaChange.ADDED, SchemaChange.REMOVED, SchemaChange.RENAMED
WIDENED, NARROWED, RETYPED = SchemaChange.WIDENED, SchemaChange.NARROWED, SchemaChange.RETYPED


@pytest.mark.parametrize(
    ("before", "after", "how"),
    [
        ("int", "integer", None),
        ("INT", "bigint", WIDENED),
        ("bigint", "smallint", NARROWED),
        ("varchar(10)", "varchar(20)", WIDENED),
        ("character varying(20)", "varchar(10)", NARROWED),
        ("varchar(10)", "varchar", WIDENED),
        ("varchar", "varchar(10)", NARROWED),
        ("varchar(10)", "text", WIDENED),
        ("char(20)", "varchar(10)", NARROWED),
        ("string", "varchar(100)", NARROWED),
        ("decimal(10, 2)", "numeric(12,2)", WIDENED),
        ("decimal(10,2)", "decimal(10,4)", NARROWED),
        ("date", "timestamp", WIDENED),
        ("double", "real", NARROWED),
        ("int", "text", RETYPED),
        ("array<int>", "array<text>", RETYPED),
        ("int", None, None),
        (None, "int", None),
    ],
)
def test_types_are_compared_by_what_they_take(before: str | None, after: str | None, how: SchemaChange | None) -> None:
    assert compare_types(before, after) is how


def column(path: str, data_type: str | None = "int", ordinal: int | None = None) -> ColumnRecord:
    return ColumnRecord(
        id=0, kind="column", type="Column", namespace="n", name=f"t.{path}", urn=f"urn:andon:column:n:t:{path}",
        created_at=T0, updated_at=T0, path=path, data_type=data_type, ordinal=ordinal,
    )  # fmt: skip


def test_columns_come_go_change_and_are_renamed() -> None:
    before = [column("id", "int", 0), column("nmae", "text", 1), column("old", "int", 2), column("size", "int", 3)]
    after = [column("id", "bigint", 0), column("name", "text", 1), column("new", "text", 2), column("size", "int", 3)]

    assert column_changes(before, after) == (
        ColumnChange(WIDENED, "id", "int", "bigint"),
        ColumnChange(RENAMED, "name", "text", "text", "nmae"),
        ColumnChange(ADDED, "new", None, "text"),
        ColumnChange(REMOVED, "old", "int"),
    )


def test_without_places_nothing_is_taken_for_a_new_name() -> None:
    assert {it.how for it in column_changes([column("a")], [column("b")])} == {ADDED, REMOVED}
    assert column_changes([column("a")], [column("a")]) == ()

"""`lineage` takes templates itself: rendered by a manifest, guessed at without, with the template's own places."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.sql import HOPS, lineage, project
from ingest.sql.records import answer
from ingest.sql.templates import read_manifest

MANIFEST = read_manifest(
    {
        "metadata": {"project_name": "shop", "adapter_type": "postgres"},
        "sources": {},
        "nodes": {
            f"model.shop.{name}": {
                "resource_type": "model",
                "name": name,
                "package_name": "shop",
                "alias": name,
                "schema": "core",
            }
            for name in ("orders", "paid")
        },
    }
)
LOOP = """{% set columns = ['id', 'day'] %}
INSERT INTO copy (id, day)
SELECT
  {% for column in columns %}
  o.{{ column }}{{ ',' if not loop.last }}
  {% endfor %}
FROM {{ ref('orders') }} AS o;
SELECT ((( FROM x
"""


def edges(sql: str, **how: Any) -> list[tuple[str, ...]]:
    return [tuple(edge) for edge in project(lineage(sql, **how), HOPS).edges]


def test_a_manifest_tells_what_a_ref_is_and_lines_are_the_templates() -> None:
    result = lineage(LOOP, explain=True, manifest=MANIFEST)

    assert project(result).edges == tuple(("core.orders", column, "copy", column) for column in ("day", "id"))
    assert [statement.place.line for statement in result.statements][0] == 2
    assert {edge.place.line for edge in result.statements[0].hop.edges if edge.place} == {5}
    unread = (*result.unread, *(part for statement in result.statements for part in statement.unread))
    assert {part.place.line for part in unread} == {8}
    assert result.notes == ()


def test_without_a_manifest_names_are_guessed_and_the_guesses_noted() -> None:
    result = lineage("INSERT INTO copy (id)\nSELECT id FROM {{ ref('orders') }} WHERE {{ nobody.knows }} = 1")

    assert project(result).edges == (("orders", "id", "copy", "id"),)
    [note] = result.notes
    assert note.place.line == 2 and "nobody.knows" in note.reason and note.text == ""
    assert result.unread == ()


def test_routines_in_templates_keep_their_place() -> None:
    sql = "{# a note\n that is long #}\nCREATE PROCEDURE p AS BEGIN INSERT INTO {{ target }} SELECT x FROM a; END"

    [routine] = lineage(sql, "tsql").routines

    assert (routine.name, routine.place.line) == ("p", 3)


def test_a_model_s_own_name_is_this() -> None:
    sql = "INSERT INTO log (n) SELECT n FROM {{ this }}"

    assert edges(sql, manifest=MANIFEST, model="paid") == [("core.paid", "n", "log", "n")]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '{{1,2},{3,4}}'::INT[] AS a, b FROM t",
        "SELECT '{# not closed' AS a, b FROM t",
        "SELECT '{%' AS a, b FROM t",
    ],
)
def test_brackets_of_other_languages_are_no_template(sql: str) -> None:
    result = lineage(sql, "postgres")

    assert project(result).edges == (("t", "b", "", "b"),)
    assert result.notes == () and result.unread == ()


def test_a_record_may_be_a_template_and_tells_its_guesses() -> None:
    plain = answer({"id": 1, "sql": "SELECT a FROM t"})
    guessed = answer({"id": 2, "sql": "SELECT a FROM {{ source('raw', 't') }}\nWHERE a = {{ unknown }}"})
    rendered = answer({"id": 3, "sql": "SELECT a FROM {{ ref('paid') }}"}, MANIFEST)

    assert "notes" not in plain and "notes" not in rendered
    assert guessed["in_tables"] == ["raw.t"] and guessed["errors"] == []
    assert [note["line"] for note in guessed["notes"]] == [2]
    assert rendered["in_tables"] == ["core.paid"]

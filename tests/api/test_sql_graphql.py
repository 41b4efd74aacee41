"""What a SQL text would do, asked by GraphQL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.app import Service
from api.auth import Caller, Scope
from api.graphql import sql as shapes
from api.graphql.sql import MAX_SQL_BYTES
from api.settings import Settings
from graph.model import make_urn
from graph.reader import ColumnRecord
from graph.sqlite_journal import SqliteJournal
from tests.api.asgi import call
from tests.api.events import encoded, run_event
from tests.api.fake_graph import T0, FakeGraph, dataset
from tests.api.graphql_services import Asking, asking

NAMESPACE = "postgres://shop"
EDGES = "edges { source sourceColumn target targetColumn transformations confidence reason expression line column }"
WHAT_IF = f"""query($sql: String!, $dialect: String, $convention: SqlConvention! = HOPS, $namespace: String) {{
  sqlLineage(sql: $sql, dialect: $dialect, convention: $convention, namespace: $namespace) {{
    inputs outputs temporary truncated unread {{ line column reason text }} {EDGES}
    statements {{ kind category line column text routine rolledBack inputs outputs {EDGES} }} }} }}"""
SCRIPT = """SELECT id, amount AS paid INTO #recent FROM shop.orders WHERE day > 7;
INSERT INTO shop.revenue (total) SELECT SUM(paid) FROM #recent"""


def pairs(edges: list[dict[str, Any]]) -> list[list[str | None]]:
    return sorted([one["source"], one["sourceColumn"], one["target"], one["targetColumn"]] for one in edges)


def column(id: int, dataset_id: int, table: str, path: str) -> ColumnRecord:
    urn = make_urn("column", NAMESPACE, table, path)
    return ColumnRecord(id, "column", "Column", NAMESPACE, table, urn, T0, T0, dataset_id=dataset_id, path=path)


def with_columns(graph: FakeGraph, name: str, *paths: str) -> FakeGraph:
    """The graph with a dataset more, of these columns."""
    id = len(graph.records) + 1
    records = [*graph.records, dataset(id, name)]
    columns = [column(100 * id + number, id, name, path) for number, path in enumerate(paths)]
    return replace(graph, records=records, columns_of={**graph.columns_of, id: columns})


@pytest.fixture
def answered(graphql: Asking) -> dict[str, Any]:
    found: dict[str, Any] = graphql.data(WHAT_IF, {"sql": SCRIPT, "dialect": "tsql"})["sqlLineage"]
    return found


def test_every_statement_is_told_with_what_it_reads_and_writes(answered: dict[str, Any]) -> None:
    first, second = answered["statements"]

    assert (second["category"], first["line"], second["line"]) == ("DML", 1, 2)
    assert (first["inputs"], first["outputs"]) == (["shop.orders"], ["#recent"])
    assert (second["inputs"], second["outputs"]) == (["#recent"], ["shop.revenue"])
    assert second["text"].startswith("INSERT INTO shop.revenue")
    assert (first["routine"], first["rolledBack"]) == (None, False)


def test_edges_say_how_from_what_expression_and_where(answered: dict[str, Any]) -> None:
    [total] = [one for one in answered["edges"] if one["targetColumn"] == "total"]

    assert (total["source"], total["sourceColumn"], total["target"]) == ("#recent", "paid", "shop.revenue")
    assert total["transformations"] == [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": False}]
    assert (total["confidence"], total["reason"], total["line"]) == (1.0, "", 2)
    assert "SUM(paid)" in total["expression"]


def test_filters_are_told_of_the_statement_and_not_of_the_text(answered: dict[str, Any]) -> None:
    [day] = [one for one in answered["statements"][0]["edges"] if one["sourceColumn"] == "day"]

    assert day["targetColumn"] is None
    assert day["transformations"] == [{"type": "INDIRECT", "subtype": "FILTER", "masking": False}]
    assert "day" not in {one["sourceColumn"] for one in answered["edges"]}


def test_temporary_tables_are_named_and_can_be_collapsed(graphql: Asking, answered: dict[str, Any]) -> None:
    collapsed = graphql.data(WHAT_IF, {"sql": SCRIPT, "dialect": "tsql", "convention": "TEMP_COLLAPSED"})["sqlLineage"]

    assert answered["temporary"] == collapsed["temporary"] == ["#recent"]
    assert (answered["inputs"], collapsed["inputs"]) == (["#recent", "shop.orders"], ["shop.orders"])
    assert pairs(collapsed["edges"]) == [["shop.orders", "amount", "shop.revenue", "total"]]


def test_what_is_not_understood_is_told_with_its_place(graphql: Asking) -> None:
    answer = graphql.data(WHAT_IF, {"sql": "SELECT a FROM t;\nSELECT ((( FROM"})["sqlLineage"]

    assert answer["inputs"] == ["t"]
    [part] = answer["unread"]
    assert part["line"] == 2 and part["column"] >= 1 and part["reason"]


def test_templates_are_read_and_what_was_guessed_is_noted(graphql: Asking) -> None:
    query = "query($sql: String!) { sqlLineage(sql: $sql) { inputs unread { line } notes { line column reason } } }"

    answer = graphql.data(query, {"sql": "SELECT a FROM {{ ref('t') }}\nWHERE b = {{ unknown }}"})["sqlLineage"]

    assert (answer["inputs"], answer["unread"]) == (["t"], [])
    [note] = answer["notes"]
    assert note["line"] == 2 and "unknown" in note["reason"]


def test_columns_of_the_graph_expand_a_star(journal: SqliteJournal) -> None:
    graph = with_columns(FakeGraph(), "shop.orders", "ID", "Amount", "who", "who.name")
    variables = {"sql": "INSERT INTO copy SELECT * FROM shop.orders", "dialect": "postgres"}
    graphql = asking(graph, journal)

    guessed = graphql.data(WHAT_IF, variables)["sqlLineage"]["edges"]
    known = graphql.data(WHAT_IF, {**variables, "namespace": NAMESPACE})["sqlLineage"]["edges"]

    assert pairs(guessed) == [["shop.orders", "*", "copy", "*"]] and guessed[0]["confidence"] < 1
    assert pairs(known) == [["shop.orders", name, "copy", name] for name in ("amount", "id", "who")]
    assert {one["confidence"] for one in known} == {1.0}


def test_a_dataset_is_found_by_the_end_of_its_name_if_no_other_ends_so(journal: SqliteJournal) -> None:
    one = with_columns(FakeGraph(), "warehouse.shop.orders", "id")
    two = with_columns(one, "backup.shop.orders", "id", "copied_at")
    variables = {"sql": "INSERT INTO copy SELECT * FROM shop.orders", "namespace": NAMESPACE}

    assert pairs(asking(one, journal).data(WHAT_IF, variables)["sqlLineage"]["edges"]) == [
        ["shop.orders", "id", "copy", "id"]
    ]
    assert pairs(asking(two, journal).data(WHAT_IF, variables)["sqlLineage"]["edges"]) == [
        ["shop.orders", "*", "copy", "*"]
    ]


def test_only_tables_that_the_text_names_are_looked_up(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = with_columns(with_columns(FakeGraph(), "shop.orders", "id"), "shop.other", "id")
    looked_at: list[str] = []
    columns = FakeGraph.columns
    monkeypatch.setattr(FakeGraph, "columns", lambda self, it: looked_at.append(it.name) or columns(self, it))

    asking(graph, journal).data(WHAT_IF, {"sql": "SELECT * FROM shop.orders", "namespace": NAMESPACE})

    assert looked_at == ["shop.orders"]


def test_a_text_over_a_megabyte_is_refused(graphql: Asking) -> None:
    [error] = graphql.answer("query($sql: String!) { sqlLineage(sql: $sql) { inputs } }", {"sql": "é" * 600_000})[
        "errors"
    ]

    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "sql"}
    assert f"{MAX_SQL_BYTES:,} bytes" in error["message"]


def test_an_unknown_dialect_is_refused_by_name(graphql: Asking) -> None:
    [error] = graphql.answer('{ sqlLineage(sql: "SELECT 1", dialect: "klingon") { inputs } }')["errors"]

    assert error["extensions"]["field"] == "dialect" and "klingon" in error["message"]


def test_more_edges_than_an_answer_may_have_are_left_out_and_it_says_so(
    graphql: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "MAX_EDGES", 2)
    answer = graphql.data(
        WHAT_IF, {"sql": "INSERT INTO b (x, y) SELECT x, y FROM a; INSERT INTO c (z) SELECT z FROM a"}
    )

    found = answer["sqlLineage"]
    assert found["truncated"] and len(found["edges"]) == 2
    assert [len(one["edges"]) for one in found["statements"]] == [2, 0]


def test_it_needs_the_scope_to_read(graphql: Asking) -> None:
    sender = Caller("spark", frozenset({Scope.EMIT}))

    assert graphql.codes('{ sqlLineage(sql: "SELECT 1") { inputs } }', caller=sender) == ["FORBIDDEN"]


def test_nothing_is_stored(graphql: Asking, journal: SqliteJournal, tmp_path: Path) -> None:
    graphql.data(WHAT_IF, {"sql": SCRIPT, "dialect": "tsql"})

    assert journal.last_position() == 0


def test_a_running_service_knows_the_columns_that_events_told(tmp_path: Path) -> None:
    service = Service(Settings(data=tmp_path / "data", journal_synchronous="OFF", position_wait=5))
    service.start()
    facet = {"_producer": "x", "_schemaURL": "x", "fields": [{"name": "id"}, {"name": "amount", "type": "decimal"}]}
    inputs = [{"namespace": NAMESPACE, "name": "shop.public.Orders", "facets": {"schema": facet}}]
    sent = call(
        service.asgi,
        "POST",
        "/api/v1/lineage",
        content=encoded(run_event(inputs=inputs)),
        headers={"Content-Type": "application/json"},
    )
    variables = {"sql": "INSERT INTO copy SELECT * FROM public.orders", "namespace": NAMESPACE}
    answer = call(
        service.asgi,
        "POST",
        "/graphql",
        json={"query": WHAT_IF, "variables": variables},
        headers={"Andon-Min-Position": sent.headers["andon-position"]},
    ).json()
    service.stop()

    assert pairs(answer["data"]["sqlLineage"]["edges"]) == [
        ["public.orders", name, "copy", name] for name in ("amount", "id")
    ]


@pytest.mark.parametrize("sql", ["", ";;", "-- nothing", "\x00", "'" * 1_001, "(" * 5_000])
def test_texts_that_say_nothing_are_answered_too(graphql: Asking, sql: str) -> None:
    answer = graphql.data(WHAT_IF, {"sql": sql})["sqlLineage"]

    assert (answer["inputs"], answer["outputs"]) == ([], [])

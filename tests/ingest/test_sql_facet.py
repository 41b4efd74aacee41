"""What a `sql` facet lets infer: which table is which dataset, how columns are spelled, how sure it is, and when it
is asked at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from graph.model import Envelope, Instant, Name, Position
from graph.statements import ColumnFlow, Flows, OutputFlow, Transformation
from ingest.openlineage import Decoder
from ingest.openlineage.sql_facet import LONGEST, dialect_of, infer
from ingest.sql.result import Category, ColumnEdge, Hop, Place, SqlLineage, Statement, Table
from tests.reference.events import (
    Json,
    column_lineage,
    dataset,
    deleted,
    entry,
    input_field,
    job_event,
    lineage,
    run_event,
    schema,
    source,
)

DB = "postgres://db:5432"
HOW = (Transformation("DIRECT", "IDENTITY"),)
Columns = Sequence[tuple[Name, tuple[str, ...]]]


def table(name: str, temporary: bool = False) -> Table:
    return Table((name,) if "/" in name else tuple(name.split(".")), temporary)


def edge(
    source: str | None, target: str | None, how: tuple[Transformation, ...] = HOW, sure: float = 1.0
) -> ColumnEdge:
    """`a.b.x`: column x of a.b; a target `a.b.` is the whole of a.b, `.x` a column of the result set."""
    of, _, column = (source or "").rpartition(".")
    into, _, target_column = (target or "").rpartition(".")
    return ColumnEdge(
        table(of) if of else None, column, table(into) if into else None, target_column or None, how, sure
    )


def statement(*edges: ColumnEdge, outputs: Sequence[str] = (), rolled_back: bool = False) -> Statement:
    lasting = Hop((), tuple(table(it) for it in outputs), edges)
    return Statement("x", Category.DML, Place(1, 1), "", Hop(), lasting, rolled_back=rolled_back)


def ds(name: str, *columns: str, namespace: str = DB) -> tuple[Name, tuple[str, ...]]:
    return Name("dataset", namespace, name), columns


def inferred(
    statements: Sequence[Statement], inputs: Columns, outputs: Columns, spellings: Mapping[str, str] | None = None
) -> set[tuple[str, str, str, str | None]]:
    """(source, column, output, column) of what is inferred where a parser gives these statements."""

    def read(sql: str, dialect: str, schema: object) -> SqlLineage:
        return SqlLineage(dialect, tuple(statements), spellings=spellings or {})

    return {
        (flow.source.name, flow.column, output.output.name, flow.target_column)
        for output in infer("a text", "", inputs, outputs, read)
        for flow in output.flows or ()
    }


@pytest.mark.parametrize(
    ("written", "listed", "meant"),
    [
        ("orders", ["shop.public.orders"], "shop.public.orders"),
        ("public.orders", ["shop.public.orders"], "shop.public.orders"),
        ("shop.public.orders", ["public.orders"], "public.orders"),
        ("orders", ["SHOP.PUBLIC.ORDERS"], "SHOP.PUBLIC.ORDERS"),
        ("orders", ['shop."Public"."Orders"'], 'shop."Public"."Orders"'),
        ("staging.orders", ["shop.public.orders"], None),
        ("orders", ["shop.public.orders", "shop.staging.orders"], None),
        ("staging.orders", ["shop.public.orders", "shop.staging.orders"], "shop.staging.orders"),
        ("orders", ["orders", "public.orders"], "orders"),
        ("public.orders", ["orders", "shop.public.orders"], "shop.public.orders"),
        ("orders", ["shop.public.old_orders"], None),
        ("sales.orders", ["/user/hive/warehouse/sales.db/orders"], "/user/hive/warehouse/sales.db/orders"),
        ("db://lake/in/orders.csv", ["in/orders.csv"], "in/orders.csv"),
        ("/tmp/load", ["/tmp/load"], "/tmp/load"),
        ("/tmp/other", ["/tmp/load"], None),
    ],
)
def test_a_table_is_the_dataset_with_the_same_parts_from_the_right(
    written: str, listed: list[str], meant: str | None
) -> None:
    said = ColumnEdge(table(written), "x", table("t"), "y", HOW)

    found = inferred([statement(said)], [ds(it, namespace="db://lake") for it in listed], [ds("t")])

    assert found == ({(meant, "x", "t", "y")} if meant else set())


def test_a_table_is_looked_for_among_the_inputs_first_and_never_taken_from_the_outputs_if_it_is_unclear_there() -> None:
    said = [statement(edge("orders.x", "copy.orders.x"))]

    assert inferred(said, [ds("shop.orders")], [ds("copy.orders")]) == {("shop.orders", "x", "copy.orders", "x")}
    assert inferred(said, [ds("a.orders"), ds("b.orders")], [ds("copy.orders")]) == set()


def test_a_script_reads_what_it_wrote_and_an_update_its_own_columns() -> None:
    said = [statement(edge("a.x", "b.x")), statement(edge("b.x", "c.x"), edge("c.n", "c.n"))]

    assert inferred(said, [ds("a")], [ds("b"), ds("c")]) == {
        ("a", "x", "b", "x"),
        ("b", "x", "c", "x"),
        ("c", "n", "c", "n"),
    }


def test_columns_are_spelled_as_the_schema_does_else_as_the_sql_does() -> None:
    said = [statement(edge("a.id", "b.key"), edge("a.customerid", "b.note"))]

    found = inferred(said, [ds("a", "ID", "id")], [ds("b", "Key")], {"customerid": "customerId", "id": "iD"})

    assert found == {("a", "ID", "b", "Key"), ("a", "customerId", "b", "note")}


def test_what_decides_over_all_of_an_output_flows_into_the_whole_of_it() -> None:
    assert inferred([statement(edge("a.x", "b."))], [ds("a")], [ds("b")]) == {("a", "x", "b", None)}


def test_stars_open_sources_temporary_tables_and_what_was_rolled_back_are_left_out() -> None:
    temporary = ColumnEdge(table("t", True), "x", table("b"), "x", HOW)
    into_temporary = ColumnEdge(table("a"), "x", table("b", True), "x", HOW)
    said = statement(edge("a.*", "b.*"), edge(None, "b.x"), temporary, into_temporary, edge("elsewhere.x", "b.x"))

    assert inferred([said], [ds("a"), ds("t")], [ds("b")]) == set()
    assert inferred([statement(edge("a.x", "b.x"), rolled_back=True)], [ds("a")], [ds("b")]) == set()


def test_a_script_that_is_one_query_fills_the_one_output() -> None:
    query = statement(edge("a.x", ".y"))

    assert inferred([query], [ds("a")], [ds("b")]) == {("a", "x", "b", "y")}
    assert inferred([query], [ds("a")], [ds("b"), ds("c")]) == set()
    assert inferred([query, query], [ds("a")], [ds("b")]) == set()
    assert inferred([query, statement(outputs=["z"])], [ds("a")], [ds("b")]) == set()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO revenue (total) SELECT amount FROM orders -- " + "x" * LONGEST,
        "INSERT INTO revenue (total) SELECT amount FROM {{ ref('orders') }}",
    ],
)
def test_very_long_texts_and_templates_tell_nothing(sql: str) -> None:
    assert infer(sql, "postgres", (ds("orders"),), (ds("revenue"),)) == ()


def test_a_column_to_which_the_sql_gives_no_name_is_left_out() -> None:
    sql = "INSERT INTO revenue SELECT SUM(amount), day FROM orders"

    [found] = infer(sql, "postgres", (ds("orders"),), (ds("revenue"),))

    assert [(flow.column, flow.target_column) for flow in found.flows or ()] == [("day", "day")]


def test_confidence_is_below_a_producers_word_and_that_of_the_surest_way() -> None:
    edges = [edge("a.x", "b.x", HOW, 0.5), edge("a.x", "b.x", HOW, 1.0), edge("a.y", "b.x", (), 0.6)]

    found = infer("a text", "", [ds("a")], [ds("b")], lambda *_: SqlLineage("", (statement(*edges),)))

    assert found == (
        OutputFlow(
            ds("b")[0],
            (
                ColumnFlow(ds("a")[0], "x", "x", (Transformation("DIRECT", "IDENTITY", confidence=0.9),)),
                ColumnFlow(ds("a")[0], "y", "x", (Transformation("DIRECT", confidence=0.54),)),
            ),
        ),
    )


def test_the_parser_is_told_the_dialect_and_the_schemas_without_nested_fields() -> None:
    asked: list[tuple[str, str, object]] = []

    def read(sql: str, dialect: str, schema: object) -> SqlLineage:
        asked.append((sql, dialect, schema))
        return SqlLineage(dialect, ())

    infer("a text", "", [ds("Shop.A", "ID", "place", "place.city", "odd.name"), ds("c")], [ds("b", "id")], read)

    columns = {"id": "", "place": "", "odd.name": ""}
    assert asked == [("a text", "postgres", {"shop.a": columns, "b": {"id": ""}})]


@pytest.mark.parametrize(
    ("said", "namespaces", "dialect"),
    [
        ("snowflake", [DB], "snowflake"),
        ("PostgreSQL", [], "postgres"),
        ("mssql", [], "tsql"),
        ("nobody's", ["mysql://db:3306"], "mysql"),
        ("", ["s3://lake", "sqlserver://db:1433"], "tsql"),
        ("", ["bigquery"], "bigquery"),
        ("", ["awsathena://athena.eu.amazonaws.com"], "athena"),
        ("", ["postgresql+psycopg2://db"], "postgres"),
        ("", ["s3://lake"], ""),
        ("", [], ""),
    ],
)
def test_the_dialect_is_the_facets_else_that_of_the_namespaces(said: str, namespaces: list[str], dialect: str) -> None:
    assert dialect_of(said, [Name("dataset", it, "t") for it in namespaces]) == dialect


@pytest.mark.parametrize("error", [ValueError("unreadable"), RecursionError(), KeyError("x")])
def test_sql_that_cannot_be_read_tells_nothing_and_its_text_stays_out_of_the_log(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def read(*_: object) -> SqlLineage:
        raise error

    with caplog.at_level("DEBUG"):
        assert infer("select 'a secret'", "", [ds("a")], [ds("b")], read) == ()
    assert "secret" not in caplog.text and type(error).__name__ in caplog.text


class Asked:
    """Stands for `infer`, and notes what it is asked."""

    def __init__(self, answer: Callable[[Columns], tuple[OutputFlow, ...]] = lambda _: ()) -> None:
        self.calls: list[tuple[str, str, Columns, Columns]] = []
        self._answer = answer

    def __call__(self, sql: str, dialect: str, inputs: Columns, outputs: Columns) -> tuple[OutputFlow, ...]:
        self.calls.append((sql, dialect, inputs, outputs))
        return self._answer(outputs)


def flows_of(body: Json, asked: Asked) -> tuple[bytes, Flows]:
    """(digest, value) of the lineage that an event says."""
    decode = Decoder(lambda _: "dataset", asked)
    said = decode(Envelope(Position(1), "openlineage", "test", Instant(0), b"", json.dumps(body).encode()))
    flows = said.run.flows if said.run is not None else said.declared[0].flows
    assert flows is not None and not asked.calls, "decoding alone reads no SQL"
    return flows.digest, flows.load()


def sql(query: object = "select 1", **more: Any) -> Json:
    return {"sql": {"_producer": "https://example.com", "query": query} | more}


TOLD = column_lineage({"x": [input_field("a", "i")]})


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        (run_event(1, "START", ["a"], ["b"], job_facets=sql()), True),
        (job_event(1, ["a"], ["b"], job_facets=sql()), True),
        (run_event(1, "START", ["a"], [dataset("b", TOLD), "z"], job_facets=sql()), True),
        (run_event(1, "START", ["a"], [dataset("b", column_lineage(None))], job_facets=sql()), True),
        (run_event(1, "START", ["a"], ["b"], job_facets=sql() | deleted("lineage")), True),
        (run_event(1, "START", ["a"], [dataset("b", TOLD)], job_facets=sql()), False),
        (run_event(1, "START", ["a"], [], job_facets=sql()), False),
        (run_event(1, "START", ["a"], ["b"]), False),
        (run_event(1, "START", ["a"], ["b"], job_facets=sql(" ")), False),
        (run_event(1, "START", ["a"], ["b"], job_facets=sql(7)), False),
        (run_event(1, "START", ["a"], ["b"], job_facets=sql(_deleted=True)), False),
        (run_event(1, "START", ["a"], ["b"], job_facets={"sql": ["select 1"]}), False),
        (run_event(1, "START", ["a"], ["b"], job_facets=sql() | lineage(entry("b", source("a")))), False),
    ],
)
def test_sql_is_read_where_an_output_is_without_a_word_on_its_columns(body: Json, asks: bool) -> None:
    asked = Asked()

    flows_of(body, asked)

    assert bool(asked.calls) is asks


def test_what_is_inferred_is_kept_beside_the_flows_that_are_said_for_silent_outputs_only() -> None:
    guess = ColumnFlow(ds("a")[0], "i", "x", (Transformation("DIRECT", confidence=0.9),))
    asked = Asked(lambda outputs: tuple(OutputFlow(name, (guess,)) for name, _ in outputs))
    body = run_event(1, "START", [dataset("a", schema("i"))], [dataset("b", TOLD), "z"], job_facets=sql(dialect="hive"))

    _, flows = flows_of(body, asked)

    assert asked.calls == [("select 1", "hive", (ds("a", "i"),), (ds("b"), ds("z")))]
    assert flows.inferred == (OutputFlow(ds("z")[0], (guess,)),)
    assert [it.output for it in flows.column_lineage] == [ds("b")[0]]


def test_the_digest_covers_all_that_the_inference_depends_on_and_no_more() -> None:
    def digest(inputs: Sequence[str | Json] = ("a",), facets: Json | None = None, output: str | Json = "b") -> bytes:
        return flows_of(run_event(1, "START", inputs, [output], job_facets=facets or sql()), Asked())[0]

    changed = [
        digest(),
        digest(facets=sql("select 2")),
        digest(facets=sql(dialect="hive")),
        digest([dataset("a", schema("i"))]),
        digest([dataset("a", schema("i", "k"))]),
        digest(output=dataset("b", schema("i"))),
        digest([dataset("a", schema("i"))], output=dataset("b", schema("i"))),
    ]
    assert len(set(changed)) == len(changed)
    assert digest(facets=sql(_producer="https://another.example")) == digest()
    assert digest([dataset("a", schema("i"))], {"x": {}}) == digest(facets={"x": {}})
    assert digest(facets=sql("select 2"), output=dataset("b", TOLD)) == digest(output=dataset("b", TOLD))

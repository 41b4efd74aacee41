"""Queries in the manner of TPC-H and TPC-DS: each output column is traced to columns of the specifications' tables."""

from functools import cache

import pytest
import sqlglot
from sqlglot.optimizer.qualify import qualify

from ingest.sql import HOPS, SqlLineage, lineage, project
from tests.sql.tpc import DIALECT, SUITES, Query, queries, schema, tables

# Output columns that are made of no column: constants and COUNT(*).
OF_NO_COLUMN = {
    "h/01": {"orders"},
    "h/04": {"late_orders"},
    "h/13": {"customers"},
    "h/21": {"kept_waiting"},
    "h/22": {"customers"},
    "ds/05": {"channel"},
    "ds/06": {"buyers"},
    "ds/10": {"people", "of_estimate", "of_rating", "of_dependents", "of_employed", "of_college"},
    "ds/14": {"channel", "number_sold"},
    "ds/34": {"items"},
    "ds/35": {"people"},
    "ds/38": {"everywhere"},
    "ds/49": {"channel"},
    "ds/54": {"customers"},
    "ds/64": {"times", "later_times"},
    "ds/66": {"carriers"},
    "ds/69": {"people", "of_estimate", "of_rating"},
    "ds/72": {"total"},
    "ds/73": {"items"},
    "ds/76": {"channel", "missing", "sales_count"},
    "ds/77": {"channel"},
    "ds/80": {"channel"},
    "ds/87": {"only_in_stores"},
    "ds/88": {"half_past_eight", "nine", "half_past_nine", "ten"},
    "ds/96": {"sales"},
}

every_query = pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)


@cache
def found(query: Query) -> SqlLineage:
    return lineage(query.sql, DIALECT, schema(query.suite))


def output_columns(query: Query) -> set[str]:
    """As sqlglot's own qualification names them, stars expanded."""
    expression = sqlglot.parse_one(query.sql, dialect=DIALECT)
    return {name.lower() for name in qualify(expression, schema=schema(query.suite), dialect=DIALECT).named_selects}


def test_all_queries_are_here() -> None:
    assert [query.name for query in queries()] == [
        *(f"h/{number:02}" for number in range(1, 23)),
        *(f"ds/{number:02}" for number in range(1, 100)),
    ]


@every_query
def test_every_output_column_is_traced_to_the_columns_it_is_made_of(query: Query) -> None:
    traced = {edge.target_column for edge in project(found(query), HOPS).edges if edge.target == ""}
    assert traced == output_columns(query) - OF_NO_COLUMN.get(query.name, set())


@every_query
def test_sources_are_columns_that_exist_and_are_sure(query: Query) -> None:
    known = schema(query.suite)
    for edge in (edge for statement in found(query).statements for edge in statement.hop.edges):
        if edge.source_column == "*":  # the rows that COUNT(*) counts; no star of a SELECT may be left
            assert "COUNT(*)" in query.sql, edge
        else:
            assert edge.source is not None, edge
            assert edge.source_column in known[edge.source.name], edge
            assert edge.confidence >= 0.9, edge


@every_query
def test_nothing_is_left_unread_and_nothing_is_written(query: Query) -> None:
    result = found(query)
    assert result.unread == ()
    assert [statement.unread for statement in result.statements] == [()]
    projection = project(result, HOPS)
    assert projection.outputs == ()
    assert set(projection.inputs) <= set(schema(query.suite))
    assert {edge.source for edge in projection.edges} <= set(projection.inputs)


@pytest.mark.parametrize("suite", SUITES)
def test_the_tables_of_the_specification_come_with_their_keys(suite: str) -> None:
    result = lineage(tables(suite), DIALECT)
    assert set(project(result, HOPS).outputs) == set(schema(suite))
    keys = [key for statement in result.statements for key in statement.keys]
    assert {key.table.name for key in keys if key.kind == "PRIMARY"} == set(schema(suite))
    assert all(key.references.name in schema(suite) for key in keys if key.kind == "FOREIGN" and key.references)

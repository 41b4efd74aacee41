"""The executor's short way makes the same answers as graphql-core's own way, errors included."""

import time
from typing import Any

import msgspec
import pytest
from graphql import ExecutionResult, Executor, parse

from api.auth import ANYONE
from api.graphql.executor import FastExecutor
from api.graphql.operation import Operation
from graph.model import Instant
from graph.reader import Tag
from graph.sqlite_journal import SqliteJournal
from tests.api.fake_graph import FakeGraph, dataset, estate
from tests.api.graphql_services import SCHEMA, asking

QUERIES = [
    "{ entities { nodes { id urn type name description createdAt dropped __typename } totalCount } }",
    "{ entities { edges { cursor node { name tags { key value source field } owners { name type } } } } }",
    "{ entities { nodes { name facets properties aliases { name } } pageInfo { hasNextPage endCursor } } }",
    "{ entities { nodes { name ... on Dataset { n: name schema { name } } ... on Job { retired } } } }",
    "{ a: entities(first: 1) { nodes { b: urn urn c: tags { d: key __typename } } } }",
    "query($yes: Boolean = true) { entities { nodes { urn @include(if: $yes) name @skip(if: $yes) } } }",
    "{ entities { ...P } } fragment P on EntityConnection { nodes { ...E } nodes { tags { value } } } "
    "fragment E on Entity { name tags { key } }",
    '{ entity(urn: "urn:andon:job:airflow:copy") { ... on Job { inputs { name } parent { name } } } }',
    '{ lineage(urns: ["urn:andon:job:airflow:copy"]) { nodes { name } edges { source via validTo } } }',
    '{ entity(urn: "urn:andon:dataset:a:b") { name } status { version counts { type count } } }',
    "{ entities(first: 1001) { nodes { name } } status { version } }",
    '{ lineage(urns: ["urn:andon:dataset:a:b"]) { nodes { name } } }',
]


def run(executor_class: type[Executor[Any]], query: str, graph: FakeGraph, journal: SqliteJournal) -> Any:
    with Operation(asking(graph, journal).services, ANYONE, time.monotonic() + 60) as operation:
        executor = executor_class.build(SCHEMA, parse(query), context_value=operation)
        assert not isinstance(executor, list), executor
        result = executor.execute_operation()
    assert isinstance(result, ExecutionResult)
    return msgspec.json.decode(msgspec.json.encode(result.formatted))


@pytest.fixture
def mixed() -> FakeGraph:
    """Tables beside a job, so that one list holds two types."""
    graph = estate(4)
    job = dataset(50, "copy", kind="job", type="Job", namespace="airflow", urn="urn:andon:job:airflow:copy")
    graph.records = [*graph.records, job]
    graph.facets_of = {1: {"schema": b'{"fields":[{"name":"a"}]}'}}
    return graph


@pytest.mark.parametrize("query", QUERIES)
def test_both_ways_answer_alike(query: str, mixed: FakeGraph, journal: SqliteJournal) -> None:
    assert run(FastExecutor, query, mixed, journal) == run(Executor, query, mixed, journal)


def test_a_value_that_cannot_be_shown_is_an_error_at_its_own_path(journal: SqliteJournal) -> None:
    graph = estate(3)
    graph.records = [*graph.records, dataset(9, "zz", created_at=Instant(2**70))]
    query = "{ entities { nodes { name createdAt } } status { version } }"

    fast, slow = run(FastExecutor, query, graph, journal), run(Executor, query, graph, journal)

    assert fast == slow
    assert fast["errors"][0]["path"] == ["entities", "nodes", 3, "createdAt"]
    assert fast["data"] is None  # nothing between the field and the root may be null


def test_null_where_there_must_be_a_value_is_an_error_and_elsewhere_it_is_null(
    journal: SqliteJournal,
) -> None:
    graph = FakeGraph([dataset(1, "a", description=None, tags=(None, Tag("b")))])

    assert run(FastExecutor, "{ entities { nodes { description } } }", graph, journal) == {
        "data": {"entities": {"nodes": [{"description": None}]}}
    }
    query = "{ entities { nodes { name tags { key } } } }"
    assert run(FastExecutor, query, graph, journal) == run(Executor, query, graph, journal)


def test_a_thousand_entities_take_no_longer_than_plain_graphql_core_would(journal: SqliteJournal) -> None:
    graph = estate(1_000)
    query = "{ entities(first: 1000) { nodes { id urn type name description dropped createdAt updatedAt } } }"

    def fastest(executor_class: type[Executor[Any]]) -> float:
        times = []
        for _ in range(3):
            started = time.perf_counter()
            run(executor_class, query, graph, journal)
            times.append(time.perf_counter() - started)
        return min(times)

    assert fastest(FastExecutor) < fastest(Executor)

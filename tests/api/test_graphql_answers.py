"""Questions and their answers, over a graph that holds what it is given."""

from dataclasses import replace
from typing import Any

import pytest

from api.auth import Caller, Scope
from graph import reader
from graph.model import PRESENT, AsOf, Instant, make_urn
from graph.reader import ColumnRecord, DiffRecord, EntityQuery, LineageQuery, RunRecord
from graph.sqlite_journal import SqliteJournal
from graph.statements import Transformation
from ingest import openlineage
from tests.api.events import encoded, run_event
from tests.api.fake_graph import DAY, T0, FakeGraph, dataset
from tests.api.graphql_services import Asking, asking

ORDERS = make_urn("dataset", "postgres://shop", "shop.public.t00001")


def last(graph: FakeGraph, kind: type) -> Any:
    return [one for one in graph.asked if isinstance(one, kind)][-1]


def test_an_entity_answers_all_its_fields(graphql: Asking, graph: FakeGraph) -> None:
    schema = b'{"fields": [{"name": "a", "type": "struct", "fields": [{"name": "b"}]}], "_extra":  1e2}'
    storage = b'{"storageLayer":"iceberg"}'
    graph.facets_of = {1: {"schema": schema, "storage": storage, "tag:pii": b"{}"}}
    graph.columns_of = {
        1: [
            ColumnRecord(
                9,
                "column",
                "Column",
                "postgres://shop",
                "shop.public.t00001",
                make_urn("column", "postgres://shop", "shop.public.t00001", "a"),
                T0,
                T0,
                dataset_id=1,
                path="a",
                data_type="struct",
                ordinal=1,
            )
        ]
    }

    entity = graphql.data(
        """query($urn: String!) { entity(urn: $urn) {
             __typename id urn type namespace name description dropped createdAt updatedAt properties facets
             aliases { namespace name kind } tags { key value source field } owners { name type }
             ... on Dataset {
               columns { __typename name dataType ordinal dataset { name } }
               schema { name type description } versions { version createdAt runUrn } } } }""",
        {"urn": ORDERS},
    )["entity"]

    assert entity == {
        "__typename": "Dataset",
        "id": ORDERS,
        "urn": ORDERS,
        "type": "Table",
        "namespace": "postgres://shop",
        "name": "shop.public.t00001",
        "description": "table 1",
        "dropped": False,
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00.000001Z",
        "properties": {"storageLayer": "iceberg"},
        "facets": {
            "schema": {
                "fields": [{"name": "a", "type": "struct", "fields": [{"name": "b"}]}],
                "_extra": 100.0,
            },
            "storage": {"storageLayer": "iceberg"},
        },
        "aliases": [{"namespace": "s3://lake", "name": "shop.public.t00001", "kind": "LOCATION"}],
        "tags": [
            {"key": "pii", "value": "true", "source": None, "field": None},
            {"key": "gold", "value": None, "source": None, "field": None},
        ],
        "owners": [{"name": "team:data", "type": "OWNER"}],
        "columns": [
            {
                "__typename": "Column",
                "name": "a",
                "dataType": "struct",
                "ordinal": 1,
                "dataset": {"name": "shop.public.t00001"},
            }
        ],
        "schema": [
            {"name": "a", "type": "struct", "description": None},
            {"name": "a.b", "type": None, "description": None},
        ],
        "versions": [{"version": "3", "createdAt": "2026-01-01T00:00:00Z", "runUrn": None}],
    }


def test_facets_come_byte_for_byte(graphql: Asking, graph: FakeGraph) -> None:
    graph.facets_of = {1: {"odd": b'{"n": 1.50, "z":[ ],"a":12345678901234567890123}'}}

    body = graphql.run("query($urn: String!) { entity(urn: $urn) { facets } }", {"urn": ORDERS}).body

    assert b'{"odd":{"n": 1.50, "z":[ ],"a":12345678901234567890123}}' in body


def test_an_entity_is_found_by_namespace_and_name_within_its_type(graphql: Asking) -> None:
    query = """query($type: String) {
      entity(type: $type, namespace: "postgres://shop", name: "shop.public.t00001") { urn } }"""

    for type_, found in [
        (None, True),
        ("Dataset", True),
        ("DataAsset", True),
        ("Table", True),
        ("View", False),
    ]:
        answer = graphql.data(query, {"type": type_})["entity"]
        assert (answer == {"urn": ORDERS}) is found, type_


def test_what_does_not_exist_is_null(graphql: Asking) -> None:
    urn = make_urn("dataset", "postgres://shop", "nothing")

    assert graphql.data("query($u: ID!) { node(id: $u) { id } }", {"u": urn}) == {"node": None}


@pytest.mark.parametrize(
    "query",
    [
        '{ entity(urn: "orders") { urn } }',
        '{ node(id: "urn:andon:dataset:x") { id } }',
        '{ entity(namespace: "x") { urn } }',
        "{ entity { urn } }",
        '{ entity(urn: "urn:andon:dataset:a:b", namespace: "a", name: "b") { urn } }',
        '{ entities(type: "Tabel") { totalCount } }',
        '{ entities(filter: {types: ["Tabel"]}) { totalCount } }',
        "{ entities(first: 1001) { totalCount } }",
        "{ entities(first: -1) { totalCount } }",
        '{ entities(after: "!!") { totalCount } }',
        "{ lineage(urns: []) { position } }",
        '{ lineage(urns: ["urn:andon:dataset:a:b"], depth: -1) { position } }',
        '{ entities(asOf: {known: "2026-01-01T00:00:00Z", position: 1}) { totalCount } }',
        "{ entities(asOf: {position: -1}) { totalCount } }",
        '{ entities(asOf: {valid: "yesterday"}) { totalCount } }',
        '{ entities(asOf: {valid: "2026-01-01"}) { totalCount } }',
        "{ entities(asOf: {valid: 12}) { totalCount } }",
        '{ diff(from: {position: 1}, to: {position: 2}, after: "x") { totalCount } }',
        "{ entities(first: 1) { nodes { nothing } } }",
        "{ entities(first: 1) { nodes { urn }",
        "query A { status { version } } query B { status { version } }",
        "query($n: Int!) { entities(first: $n) { totalCount } }",
    ],
)
def test_wrong_arguments_are_the_callers_mistake(graphql: Asking, query: str) -> None:
    codes = graphql.codes(query)

    assert codes and set(codes) == {"BAD_USER_INPUT"}


def test_an_error_names_the_field_that_is_wrong_and_where_it_was_asked(graphql: Asking) -> None:
    [error] = graphql.answer("{ page: entities(first: 1001) { totalCount } }")["errors"]

    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "first"}
    assert error["path"] == ["page"]
    assert error["locations"] == [{"line": 1, "column": 3}]


def test_pages_follow_their_cursors_as_relay_wants_it(graphql: Asking) -> None:
    query = """query($after: String) { entities(first: 2, after: $after) {
      edges { cursor node { name } } nodes { name } totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""

    one = graphql.data(query)["entities"]
    two = graphql.data(query, {"after": one["pageInfo"]["endCursor"]})["entities"]

    assert [edge["node"] for edge in one["edges"]] == one["nodes"]
    assert [node["name"] for node in one["nodes"] + two["nodes"]] == [f"shop.public.t0000{i}" for i in (1, 2, 3)]
    assert one["pageInfo"] | {"startCursor": "", "endCursor": ""} == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": "",
        "endCursor": "",
    }
    assert one["pageInfo"]["endCursor"] == one["edges"][-1]["cursor"]
    assert two["pageInfo"]["hasPreviousPage"] and not two["pageInfo"]["hasNextPage"]
    assert one["totalCount"] == two["totalCount"] == 3


def test_an_empty_page_has_no_cursors(graphql: Asking) -> None:
    page = graphql.data("{ entities(first: 0) { nodes { id } pageInfo { startCursor endCursor } } }")["entities"]

    assert page == {"nodes": [], "pageInfo": {"startCursor": None, "endCursor": None}}


def test_types_mean_their_subclasses_and_both_ways_to_give_them_narrow_the_list(
    graphql: Asking, graph: FakeGraph
) -> None:
    graphql.data(
        """{ entities(type: "Dataset", search: "t", orderBy: UPDATED_AT_DESC, filter: {
             types: ["View", "Job"], tags: ["pii"], owners: ["a"], namespaces: ["n"], includeDropped: true
           }) { totalCount } }"""
    )

    assert last(graph, EntityQuery) == EntityQuery(
        types=frozenset({"View", "MaterializedView"}),
        namespaces=frozenset({"n"}),
        tags=frozenset({"pii"}),
        owners=frozenset({"a"}),
        search="t",
        include_dropped=True,
        order="UPDATED_AT_DESC",
        first=100,
    )


def test_lineage_answers_nodes_edges_and_what_lies_beyond(graphql: Asking) -> None:
    answer = graphql.data(
        """query($urns: [String!]!) { lineage(urns: $urns) {
             nodes { urn } truncated totalNodes position hidden { urn up down }
             edges { source target via kind transformations validFrom validTo lastConfirmedAt
                     evidence evidenceCount } } }""",
        {"urns": [ORDERS]},
    )["lineage"]

    assert answer["edges"][0] == {
        "source": ORDERS,
        "target": ORDERS[:-1] + "2",
        "via": ["urn:andon:job:airflow:copy"],
        "kind": "DERIVED_FROM",
        "transformations": [],
        "validFrom": "2026-01-01T00:00:00Z",
        "validTo": None,
        "lastConfirmedAt": "2026-01-02T00:00:00Z",
        "evidence": [1, 2],
        "evidenceCount": 2,
    }
    assert (len(answer["nodes"]), answer["totalNodes"], answer["truncated"], answer["position"]) == (
        3,
        3,
        False,
        7,
    )
    assert answer["hidden"] == [{"urn": ORDERS, "up": 0, "down": 2}]


def test_a_transformation_that_was_inferred_is_marked_and_says_how_sure_it_is(
    graphql: Asking, graph: FakeGraph
) -> None:
    ways = (Transformation("DIRECT", "IDENTITY"), Transformation("DIRECT", "AGGREGATION", confidence=0.9))
    graph.edges = [replace(it, transformations=ways) for it in graph.edges]

    answer = graphql.data("query($it: String!) { lineage(urns: [$it]) { edges { transformations } } }", {"it": ORDERS})

    said = {"type": "DIRECT", "subtype": "IDENTITY", "description": None, "masking": False}
    assert answer["lineage"]["edges"][0]["transformations"] == [
        said,
        said | {"subtype": "AGGREGATION", "inferred": True, "confidence": 0.9},
    ]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ("position", (False, False, False)),
        ("edges { source target }", (False, False, False)),
        ("edges { validTo }", (True, False, False)),
        ("edges { ...Evidence }", (False, True, False)),
        ("... on LineageGraph { edges { ... { lastConfirmedAt } } }", (False, True, False)),
        ("hidden { urn } edges { validFrom evidenceCount }", (True, True, True)),
    ],
)
def test_lineage_computes_only_what_is_asked_for(
    graphql: Asking, graph: FakeGraph, fields: str, wanted: tuple[bool, bool, bool]
) -> None:
    fragment = "fragment Evidence on LineageEdge { evidence }" if "...Evidence" in fields else ""
    graphql.data(f'{{ lineage(urns: ["{ORDERS}"]) {{ {fields} }} }} {fragment}')

    query = last(graph, LineageQuery)
    assert (query.with_intervals, query.with_evidence, query.with_hidden) == wanted


def test_lineage_hands_its_arguments_on(graphql: Asking, graph: FakeGraph) -> None:
    graphql.data(
        f"""{{ lineage(urns: ["{ORDERS}"], direction: UPSTREAM, level: COLUMN, depth: null, filter: {{
               types: ["Dashboard"], namespaces: ["n"], tags: ["t"], history: true }}) {{ position }} }}"""
    )

    query = last(graph, LineageQuery)
    assert (query.direction, query.level, query.history) == (
        reader.Direction.UPSTREAM,
        reader.Level.COLUMN,
        True,
    )
    assert (query.types, query.namespaces, query.tags) == (
        frozenset({"Dashboard"}),
        frozenset("n"),
        frozenset("t"),
    )
    assert query.depth > 100_000


def test_lineage_of_what_does_not_exist_is_not_found(graphql: Asking) -> None:
    assert graphql.codes('{ lineage(urns: ["urn:andon:dataset:a:b"]) { position } }') == ["NOT_FOUND"]


def test_paths_go_from_one_entity_to_another(graphql: Asking, graph: FakeGraph) -> None:
    answer = graphql.data(
        f"""{{ paths(from: "{ORDERS}", to: "urn:andon:dataset:a:b", level: JOB) {{
                 nodes {{ id }} edges {{ kind }} }} }}"""
    )

    assert [len(path["nodes"]) for path in answer["paths"]] == [3]
    assert graph.asked[-1] == (ORDERS, "urn:andon:dataset:a:b", reader.Level.JOB)


def test_a_difference_comes_in_pages_and_reads_what_is_gone_from_before(graphql: Asking, graph: FakeGraph) -> None:
    graph.differences = [
        DiffRecord("OPENED", entity=graph.records[0]),
        DiffRecord("CLOSED", entity=graph.records[1]),
        DiffRecord("ALTERED", edge=graph.edges[0], fields=("evidence",)),
    ]
    query = """query($after: String) { diff(from: {position: 1}, to: {position: 7}, first: 2, after: $after) {
      items { change urn fields entity { aliases { name } } edge { source } }
      totalCount pageInfo { hasNextPage hasPreviousPage endCursor } } }"""

    one = graphql.data(query)["diff"]
    assert [asked for asked in graph.asked if isinstance(asked, AsOf)] == [AsOf(position=7), AsOf(position=1)]
    two = graphql.data(query, {"after": one["pageInfo"]["endCursor"]})["diff"]

    assert [(item["change"], item["urn"]) for item in one["items"] + two["items"]] == [
        ("OPENED", graph.records[0].urn),
        ("CLOSED", graph.records[1].urn),
        ("ALTERED", None),
    ]
    assert two["items"][0]["edge"] == {"source": ORDERS} and two["items"][0]["fields"] == ["evidence"]
    assert (one["totalCount"], two["totalCount"]) == (3, 3)
    assert one["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False, "endCursor": "2"}
    assert two["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True, "endCursor": "3"}


def test_jobs_and_runs_answer_what_is_theirs(graphql: Asking, graph: FakeGraph) -> None:
    job = dataset(50, "copy", kind="job", type="Job", namespace="airflow", urn="urn:andon:job:airflow:copy")
    run = RunRecord(
        51,
        "run",
        "Run",
        "airflow",
        "r1",
        "urn:andon:run:airflow:r1",
        T0,
        T0,
        state="COMPLETE",
        started_at=T0,
        ended_at=Instant(T0 + DAY),
        job_id=50,
    )
    graph.records = [*graph.records, job, run]
    graph.runs_of = {50: [run] * 30}

    answer = graphql.data(
        """{ job: entity(urn: "urn:andon:job:airflow:copy") { ... on Job {
               retired parent { id } inputs { name } outputs { id }
               runs { state startedAt endedAt job { name } } some: runs(first: 2) { id } } }
             run: entity(urn: "urn:andon:run:airflow:r1") { type ... on Run { state parent { id } } } }"""
    )

    assert len(answer["job"]["runs"]) == 20 and len(answer["job"]["some"]) == 2
    assert answer["job"]["runs"][0] == {
        "state": "COMPLETE",
        "startedAt": "2026-01-01T00:00:00Z",
        "endedAt": "2026-01-02T00:00:00Z",
        "job": {"name": "copy"},
    }
    assert [one["name"] for one in answer["job"]["inputs"]] == ["shop.public.t00001"]
    assert answer["run"] == {"type": "Run", "state": "COMPLETE", "parent": None}


def test_an_operation_reads_one_snapshot_for_each_as_of(graphql: Asking, graph: FakeGraph) -> None:
    graphql.data(
        """{ a: entities { nodes { aliases { name } } } b: entities { totalCount } status { counts { count } }
             c: entities(asOf: {position: 3}) { nodes { facets } }
             d: entities(asOf: {position: 3}) { totalCount } }"""
    )

    assert [one for one in graph.asked if isinstance(one, AsOf)] == [PRESENT, AsOf(position=3)]


def test_known_is_the_last_position_received_by_then(graphql: Asking, graph: FakeGraph, journal: SqliteJournal) -> None:
    journal.append([openlineage.accept(encoded(run_event()))])

    graphql.data('{ a: entities(asOf: {known: "2020-01-01T00:00:00Z"}) { totalCount } }')
    later = '{known: "2999-01-01T00:00:00Z", valid: "2026-01-01T00:00:00Z"}'
    graphql.data(f"{{ entities(asOf: {later}) {{ totalCount }} }}")

    assert [one for one in graph.asked if isinstance(one, AsOf)] == [AsOf(position=0), AsOf(T0, 1)]


def test_a_position_that_is_not_projected_yet_is_unavailable(graphql: Asking) -> None:
    assert graphql.codes("{ entities(asOf: {position: 8}) { totalCount } }") == ["UNAVAILABLE"]


def test_status_and_dead_letters_tell_how_the_service_is(graphql: Asking, journal: SqliteJournal) -> None:
    journal.add_dead_letter("openlineage", "is required", "run.runId", b"{\xff}")

    answer = graphql.data(
        """{ status { version positionReceived positionProjected deadLetters startedAt authentication
                      counts { type count } }
             deadLetters(first: 5) { source reason field body position } firings { rule } }"""
    )

    assert answer["status"] == {
        "version": "1.2.3",
        "positionReceived": 0,
        "positionProjected": 7,
        "deadLetters": 1,
        "startedAt": "2026-01-01T00:00:00Z",
        "authentication": False,
        "counts": [{"type": "Table", "count": 3}],
    }
    assert answer["deadLetters"] == [
        {
            "source": "openlineage",
            "reason": "is required",
            "field": "run.runId",
            "body": "{\ufffd}",
            "position": None,
        }
    ]
    assert answer["firings"] == []


def test_a_failure_of_ours_shows_an_id_and_nothing_else(
    graphql: Asking, graph: FakeGraph, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_self: FakeGraph, _query: EntityQuery) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(FakeGraph, "entities", fail)

    body = graphql.run("{ entities { totalCount } status { version } }").body.decode()
    [error] = graphql.answer("{ entities { totalCount } }")["errors"]

    assert "hunter2" not in body and "Traceback" not in body and "RuntimeError" not in body
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["requestId"] in caplog.text


def test_scopes_are_asked_for_and_mutations_need_the_csrf_header(graphql: Asking) -> None:
    reader_only = Caller("viewer", frozenset({Scope.READ}))
    emitter = Caller("airflow", frozenset({Scope.EMIT}))
    mutation = f'mutation {{ addTag(urn: "{ORDERS}", key: "pii") {{ position }} }}'

    assert graphql.codes("{ status { version } }", caller=reader_only) == []
    assert graphql.codes("{ status { version } }", caller=emitter) == ["FORBIDDEN"]
    assert graphql.codes(mutation, caller=reader_only) == ["FORBIDDEN"]
    assert graphql.codes(mutation, csrf=False) == ["FORBIDDEN"]
    assert graphql.services.journal.last_position() == 0


def test_a_statement_is_journalled_under_the_callers_name_and_answers_its_position(
    graphql: Asking, journal: SqliteJournal
) -> None:
    maria = Caller("maria", frozenset({Scope.WRITE}))

    result = graphql.data(
        f"""mutation {{ setOwners(urn: "{ORDERS}", owners: [{{name: "team:x"}}]) {{
                      position entity {{ urn }} }} }}""",
        caller=maria,
    )["setOwners"]

    envelope = journal.envelope(1)
    assert envelope is not None and (envelope.kind, envelope.source) == ("mutation", "maria")
    assert result == {"position": 1, "entity": {"urn": ORDERS}}


def test_the_same_statement_made_twice_is_two_facts(graphql: Asking) -> None:
    tag = f'addTag(urn: "{ORDERS}", key: "k") {{ position }}'

    assert graphql.data(f"mutation {{ a: {tag} b: {tag} }}") == {"a": {"position": 1}, "b": {"position": 2}}


@pytest.mark.parametrize(
    ("mutation", "code"),
    [
        ('describe(urn: "urn:andon:dataset:a:b", description: "x")', "NOT_FOUND"),
        ('describe(urn: "b", description: "x")', "BAD_USER_INPUT"),
        (f'retireJob(urn: "{ORDERS}")', "BAD_USER_INPUT"),
        (f'addTag(urn: "{ORDERS}", key: " ")', "BAD_USER_INPUT"),
        (f'addTag(urn: "{ORDERS}", key: "a\\u0007b")', "BAD_USER_INPUT"),
        (f'setOwners(urn: "{ORDERS}", owners: [{{name: ""}}])', "BAD_USER_INPUT"),
        ('redact(position: 99, reason: "a secret")', "NOT_FOUND"),
    ],
)
def test_statements_that_make_no_sense_are_refused_and_not_journalled(
    graphql: Asking, mutation: str, code: str
) -> None:
    assert graphql.codes(f"mutation {{ {mutation} {{ position }} }}") == [code]
    assert graphql.services.journal.last_position() == 0


def test_a_redaction_takes_the_bytes_and_leaves_a_record(graphql: Asking, journal: SqliteJournal) -> None:
    graphql.data(f'mutation {{ describe(urn: "{ORDERS}", description: "password: hunter2") {{ position }} }}')

    result = graphql.data('mutation { redact(position: 1, reason: "a password") { position entity { id } } }')

    first, second = journal.envelope(1), journal.envelope(2)
    assert first is not None and first.body is None
    assert second is not None and second.kind == "redaction" and second.body is not None
    assert b"a password" in second.body
    assert result["redact"] == {"position": 2, "entity": None}
    assert graphql.progress.rebuilds == 1


def test_time_that_is_over_ends_an_operation_with_its_code(graphql: Asking) -> None:
    answer = graphql.answer("{ status { version } entities { totalCount } }", seconds=0)

    assert {error["extensions"]["code"] for error in answer["errors"]} == {"TIMEOUT"}


def test_introspection_can_be_switched_off(graph: FakeGraph, journal: SqliteJournal) -> None:
    closed = asking(graph, journal, introspection=False)

    assert set(closed.codes("{ __schema { types { name } } }")) == {"BAD_USER_INPUT"}
    assert closed.codes('{ __type(name: "Job") { name } }') == ["BAD_USER_INPUT"]
    assert closed.data("{ __typename status { __typename } }")["status"] == {"__typename": "ServiceStatus"}


def test_a_name_of_a_field_is_not_guessed_for_those_who_may_not_see_the_schema(graphql: Asking) -> None:
    [error] = graphql.answer("{ entitys { totalCount } }")["errors"]

    assert "Did you mean" not in error["message"]


def test_records_are_not_touched_by_being_shown(graphql: Asking, graph: FakeGraph) -> None:
    before = [replace(record) for record in graph.records]

    graphql.data("{ entities { nodes { name tags { key } owners { name } createdAt } } }")

    assert list(graph.records) == before

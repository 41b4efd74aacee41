"""Attributes and relations in GraphQL, over a real graph: derived fields, filters, and what people say."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.graphql import Engine
from api.shape_check import ShapeCheck
from graph.model import Instant, Position
from graph.projector import Projector
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ingest import facts, mutation
from ingest.openlineage import Decoder, accept
from tests.api.fake_graph import FakeGraph
from tests.api.graphql_services import LIMITS, ONTOLOGY, SCHEMA, Asking, asking
from tests.reference.events import (
    DB,
    Json,
    col,
    column_lineage,
    dataset,
    direct,
    ds,
    fact,
    input_field,
    job,
    parent,
    run,
    run_event,
    schema,
    urn,
)
from tests.reference.events import facts as said

NOON = 1_790_000_000_000_000


class Graph:
    """A real journal and graph; whoever waits for a position has it folded then and there."""

    def __init__(self, folder: Path) -> None:
        self.journal = SqliteJournal(folder / "journal.db", synchronous="OFF")
        self.graph = SqliteGraph(folder / "graph.db", ONTOLOGY)
        decoders = {
            "openlineage": Decoder(ONTOLOGY.kind_for_namespace),
            facts.KIND: facts.Decoder(ONTOLOGY),
            mutation.KIND: mutation.decode,
        }
        self.projector = Projector(self.journal, self.graph, decoders)
        seconds = itertools.count()
        services = asking(FakeGraph(), self.journal).services
        ports = {"reader": self.graph, "progress": self, "check_shapes": ShapeCheck(self.graph, ONTOLOGY)}
        clock = {"now": lambda: Instant(NOON + next(seconds))}
        kept = {name: getattr(services, name) for name in services.__slots__}
        self.services = services.__class__(**kept | ports | clock)
        self.asking = Asking(Engine(SCHEMA, self.services, LIMITS, introspection=True), self.services, None)  # type: ignore[arg-type]

    @property
    def position(self) -> Position:
        return self.projector.position

    def await_position(self, position: int, timeout: float) -> bool:
        self.projector.catch_up()
        return self.position >= position

    def rebuild(self) -> None:
        raise NotImplementedError

    def tell(self, *bodies: Json) -> None:
        for index, body in enumerate(bodies):
            content = json.dumps(body | ({"id": f"{self.position}-{index}"} if "entities" in body else {})).encode()
            self.journal.append([facts.accept(content, ONTOLOGY) if "entities" in body else accept(content)])
        self.projector.catch_up()

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        return self.asking.data(query, variables)

    def entity(self, of: str, selection: str, as_of: str = "") -> Any:
        return self.data(f"query($urn: String) {{ entity(urn: $urn{as_of}) {{ {selection} }} }}", urn=of)["entity"]

    def close(self) -> None:
        self.journal.close()
        self.graph.close()


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Graph]:
    graph = Graph(tmp_path)
    yield graph
    graph.close()


def term(name: str) -> str:
    return urn("glossaryterm", "book", name)


POLICY = urn("policy", "house", "gdpr")


def test_attributes_are_fields_of_their_type(estate: Graph) -> None:
    cost = {
        "billedCost": "12.50", "billingCurrency": "EUR", "chargePeriodStart": "2026-01-01T00:00:00+01:00",
        "chargePeriodEnd": "2026-01-02T00:00:00Z", "status": "final",
    }  # fmt: skip
    estate.tell(said(1, fact("CostItem", "c", cost), fact("Dataset", "a", {"rowCount": 2**40})))
    estate.tell(said(2, fact("GlossaryTerm", "order", {"altLabel": ["purchase", "buy"]}, namespace="book")))

    fields = "status ... on CostItem { billedCost billingCurrency chargePeriodStart effectiveCost } properties"
    assert estate.entity(urn("costitem", DB, "c"), fields) == {
        "status": "final",
        "billedCost": 12.5,
        "billingCurrency": "EUR",
        "chargePeriodStart": "2025-12-31T23:00:00Z",
        "effectiveCost": None,
        "properties": {
            "billedCost": 12.5, "billingCurrency": "EUR", "chargePeriodEnd": "2026-01-02T00:00:00Z",
            "chargePeriodStart": "2025-12-31T23:00:00Z", "status": "final",
        },
    }  # fmt: skip
    assert estate.entity(ds("a"), "... on Dataset { rowCount sensitivity } facets") == {
        "rowCount": 2**40, "sensitivity": None, "facets": {},
    }  # fmt: skip
    assert estate.entity(term("order"), "... on GlossaryTerm { altLabel example }") == {
        "altLabel": ["purchase", "buy"], "example": [],
    }  # fmt: skip


def test_relations_and_their_inverses_are_fields_at_both_ends_as_of_any_instant(estate: Graph) -> None:
    estate.tell(said(1, fact("RetentionPolicy", "gdpr", relations={"governs": [ds("b"), ds("a")]}, namespace="house")))
    estate.tell(said(2, fact("Dataset", "a", relations={"inDomain": [urn("domain", "house", "sales")]})))
    estate.tell(said(3, fact("Policy", "gdpr", relations={"governs": [ds("b")]}, namespace="house")))

    fields = "... on Policy { governs { name } } ... on Dataset { governedBy { urn type } inDomain { name } }"
    assert estate.entity(POLICY, fields) == {"governs": [{"name": "b"}]}
    assert estate.entity(ds("a"), fields) == {"governedBy": [], "inDomain": {"name": "sales"}}
    then = ', asOf: {valid: "2026-01-01T00:00:01Z"}'
    assert estate.entity(POLICY, fields, then) == {"governs": [{"name": "a"}, {"name": "b"}]}
    assert estate.entity(ds("a"), fields, then) == {
        "governedBy": [{"urn": POLICY, "type": "RetentionPolicy"}], "inDomain": None,
    }  # fmt: skip
    assert estate.entity(POLICY, "... on Policy { governs(first: 1) { name } }", then) == {"governs": [{"name": "a"}]}


def test_all_relations_are_listed_with_their_names(estate: Graph) -> None:
    estate.tell(said(1, fact("Policy", "gdpr", relations={"governs": [ds("a")]}, namespace="house")))
    estate.tell(said(1, fact("Dataset", "a", relations={"definedBy": [term("order")]})))

    assert estate.entity(ds("a"), "relations { name outgoing entity { urn } }")["relations"] == [
        {"name": "definedBy", "outgoing": True, "entity": {"urn": term("order")}},
        {"name": "governedBy", "outgoing": False, "entity": {"urn": POLICY}},
    ]
    assert estate.entity(ds("a"), "relations(first: 0) { name }")["relations"] == []


def test_relations_that_events_tell_are_read_from_lineage(estate: Graph) -> None:
    flow = column_lineage({"y": [input_field("a", "x", direct())]})
    estate.tell(
        run_event(1, "COMPLETE", [dataset("a", schema("x"))], [dataset("b", schema("y"), flow)],
                  run_facets=parent("dag", "p1")),
        run_event(2, "COMPLETE", ["b"], ["c"], job="k", run="r2"),
    )  # fmt: skip

    fields = """... on Dataset { derivedFrom { name } derives { name } readBy { name } writtenBy { name }
                  hasColumn { name } }
                ... on Column { columnDerivedFrom { urn } columnDerives { urn } columnOf { name } }
                ... on Job { reads { name } writes { name } feeds { name } fedBy { name } hasRun { name }
                  parentJob { name } }
                ... on Run { executes { name } parentRun { name } }"""
    assert estate.entity(ds("b"), fields) == {
        "derivedFrom": [{"name": "a"}], "derives": [{"name": "c"}], "readBy": [{"name": "k"}],
        "writtenBy": [{"name": "j"}], "hasColumn": [{"name": "y"}],
    }  # fmt: skip
    assert estate.entity(col("b", "y"), fields) == {
        "columnDerivedFrom": [{"urn": col("a", "x")}], "columnDerives": [], "columnOf": {"name": "b"},
    }  # fmt: skip
    assert estate.entity(job("j"), fields) == {
        "reads": [{"name": "a"}], "writes": [{"name": "b"}], "feeds": [{"name": "k"}], "fedBy": [],
        "hasRun": [{"name": "r1"}], "parentJob": {"name": "dag"},
    }  # fmt: skip
    assert estate.entity(run("r1"), fields) == {"executes": {"name": "j"}, "parentRun": {"name": "p1"}}


def test_entities_are_filtered_by_their_attributes_and_names(estate: Graph) -> None:
    for name, rows, checked in (("a", 5, "2026-01-01T00:00:00Z"), ("b", 50, "2026-02-01T00:00:00Z")):
        estate.tell(said(1, fact("Dataset", name, {"rowCount": rows, "sensitivity": "public", "personalData": True})))
        estate.tell(said(1, fact("Assertion", name, {"lastCheckedAt": checked})))

    def found(filter: str, type: str = "Dataset", as_of: str = "") -> list[str]:
        page = estate.data(f'{{ entities(type: "{type}", filter: {{{filter}}}{as_of}) {{ nodes {{ name }} }} }}')
        return [it["name"] for it in page["entities"]["nodes"]]

    for as_of in ("", ', asOf: {valid: "2026-06-01T00:00:00Z"}'):
        assert found('attributes: [{name: "rowCount", equals: 5}]', as_of=as_of) == ["a"]
        assert found('attributes: [{name: "rowCount", in: [5, 50]}]', as_of=as_of) == ["a", "b"]
        assert found('attributes: [{name: "rowCount", lessThan: 50}]', as_of=as_of) == ["a"]
        assert found('attributes: [{name: "rowCount", greaterThan: 4, lessThan: 6}]', as_of=as_of) == ["a"]
        assert found('attributes: [{name: "personalData", equals: true}]', as_of=as_of) == ["a", "b"]
        both = 'attributes: [{name: "sensitivity", equals: "public"}, {name: "rowCount", greaterThan: 5}]'
        assert found(both, as_of=as_of) == ["b"]
        later = 'attributes: [{name: "lastCheckedAt", greaterThan: "2026-01-01T01:00:00+01:00"}]'
        assert found(later, "Assertion", as_of) == ["b"]
        assert found('names: ["b", "z"]', as_of=as_of) == ["b"]


@pytest.mark.parametrize(
    ("filter", "field"),
    [
        ('{name: "rowCoun", equals: 1}', "filter.attributes[0].name"),
        ('{name: "createdAt", equals: "x"}', "filter.attributes[0].name"),
        ('{name: "rowCount"}', "filter.attributes[0]"),
        ('{name: "rowCount", equals: "5"}', "filter.attributes[0].equals"),
        ('{name: "rowCount", in: []}', "filter.attributes[0].in"),
        ('{name: "personalData", lessThan: true}', "filter.attributes[0].lessThan"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_by_its_field(estate: Graph, filter: str, field: str) -> None:
    answer = estate.asking.answer(f"{{ entities(filter: {{attributes: [{filter}]}}) {{ totalCount }} }}")

    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": field}


# What people say

SET = """mutation($urn: String!, $name: String!, $value: JSON) {
    setAttribute(urn: $urn, name: $name, value: $value) {
        position entity { ... on Dataset { rowCount } properties } } }"""
RELATE = """mutation($urn: String!, $relation: String!, $target: String!) {
    %s(urn: $urn, relation: $relation, target: $target) { entity { urn relations { name entity { urn } } } } }"""


def test_an_attribute_that_a_person_sets_goes_before_what_tools_say(estate: Graph) -> None:
    estate.tell(said(1, fact("Table", "a", {"rowCount": 1})))

    answer = estate.data(SET, urn=ds("a"), name="rowCount", value=7)["setAttribute"]
    assert answer == {"position": 2, "entity": {"rowCount": 7, "properties": {"rowCount": 7}}}
    estate.tell(said(10**7, fact("Topic", "a", {"rowCount": 3})))
    assert estate.entity(ds("a"), "type ... on Dataset { rowCount }") == {"type": "Topic", "rowCount": 7}
    ended = estate.data(SET, urn=ds("a"), name="rowCount", value=None)["setAttribute"]
    assert ended["entity"] == {"rowCount": None, "properties": {}}


def test_people_relate_and_unrelate_from_either_end(estate: Graph) -> None:
    estate.tell(said(1, fact("Policy", "gdpr", relations={"governs": [ds("a"), ds("b")]}, namespace="house")))
    estate.tell(said(1, fact("Dataset", "c")))

    def governed(name: str, **variables: Any) -> list[str]:
        entity = estate.data(RELATE % name, **variables)[name]["entity"]
        assert entity["urn"] == variables["urn"]
        found = estate.entity(POLICY, "... on Policy { governs { name } }")
        return [it["name"] for it in found["governs"]]

    assert governed("relate", urn=ds("c"), relation="governedBy", target=POLICY) == ["a", "b", "c"]
    assert governed("unrelate", urn=POLICY, relation="governs", target=ds("b")) == ["a", "c"]
    estate.tell(said(10**7, fact("Policy", "gdpr", relations={"governs": [ds("b")]}, namespace="house")))
    assert governed("unrelate", urn=POLICY, relation="governs", target=ds("b")) == ["a", "c"]


def test_where_there_can_be_one_target_the_newest_takes_its_place(estate: Graph) -> None:
    domains = [fact("Domain", name, namespace="house") for name in ("sales", "logistics")]
    estate.tell(said(1, fact("Dataset", "a"), *domains))
    sales, logistics = (urn("domain", "house", name) for name in ("sales", "logistics"))

    for domain in (sales, logistics):
        answer = estate.data(RELATE % "relate", urn=ds("a"), relation="inDomain", target=domain)["relate"]
        assert answer["entity"]["relations"] == [{"name": "inDomain", "entity": {"urn": domain}}]
    answer = estate.data(RELATE % "unrelate", urn=ds("a"), relation="inDomain", target=sales)["unrelate"]
    assert answer["entity"]["relations"] == [{"name": "inDomain", "entity": {"urn": logistics}}]


def test_columns_can_be_told_of_too(estate: Graph) -> None:
    estate.tell(run_event(1, "COMPLETE", [dataset("a", schema("x"))], []))
    estate.tell(said(1, fact("GlossaryTerm", "order", namespace="book")))

    estate.data(SET, urn=col("a", "x"), name="personalData", value=True)
    estate.data(RELATE % "relate", urn=col("a", "x"), relation="definedBy", target=term("order"))

    fields = "... on Column { personalData definedBy { name } } properties"
    assert estate.entity(col("a", "x"), fields) == {
        "personalData": True, "definedBy": [{"name": "order"}], "properties": {"personalData": True},
    }  # fmt: skip
    assert estate.entity(term("order"), "... on GlossaryTerm { defines { urn } }") == {
        "defines": [{"urn": col("a", "x")}]
    }


@pytest.mark.parametrize(
    ("query", "variables", "code", "field"),
    [
        (SET, {"urn": ds("z"), "name": "rowCount", "value": 1}, "NOT_FOUND", None),
        (SET, {"urn": ds("a"), "name": "rowCount", "value": "1"}, "BAD_USER_INPUT", "attributes.rowCount"),
        (SET, {"urn": ds("a"), "name": "rowsCount", "value": 1}, "BAD_USER_INPUT", "attributes.rowsCount"),
        (SET, {"urn": ds("a"), "name": "billedCost", "value": 1}, "BAD_USER_INPUT", "attributes.billedCost"),
        (RELATE % "relate", {"urn": ds("a"), "relation": "rules", "target": POLICY}, "BAD_USER_INPUT", "relation"),
        (RELATE % "relate", {"urn": ds("a"), "relation": "definedBy", "target": POLICY}, "BAD_USER_INPUT",
         "relations.definedBy[0]"),
        (RELATE % "relate", {"urn": ds("a"), "relation": "derivedFrom", "target": ds("a")}, "BAD_USER_INPUT",
         "relations.derivedFrom"),
        (RELATE % "relate", {"urn": ds("a"), "relation": "governedBy", "target": "x"}, "BAD_USER_INPUT", "target"),
        (RELATE % "relate", {"urn": ds("a"), "relation": "definedBy", "target": term("x")}, "NOT_FOUND", None),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_not_journalled(
    estate: Graph, query: str, variables: dict[str, Any], code: str, field: str | None
) -> None:
    estate.tell(said(1, fact("Dataset", "a"), fact("Policy", "gdpr", namespace="house")))

    [error] = estate.asking.answer(query, variables)["errors"]

    assert error["extensions"]["code"] == code
    assert error["extensions"].get("field") == field
    assert estate.journal.last_position() == 1


def test_what_a_shape_refuses_is_refused_with_its_message_and_what_was_broken_before_is_not(estate: Graph) -> None:
    whole = {"billedCost": 1, "billingCurrency": "EUR", "chargePeriodStart": "2026-01-02T00:00:00Z",
             "chargePeriodEnd": "2026-01-03T00:00:00Z"}  # fmt: skip
    estate.tell(said(1, fact("CostItem", "whole", whole), fact("CostItem", "half", {"billedCost": 1})))

    def refused(name: str, attribute: str, value: object) -> tuple[str, str] | None:
        answer = estate.asking.answer(SET, {"urn": urn("costitem", DB, name), "name": attribute, "value": value})
        errors = [(it["extensions"]["field"], it["message"]) for it in answer.get("errors", ())]
        return errors[0] if errors else None

    currency = "billingCurrency: billingCurrency: expected three capital letters as in ISO 4217"
    assert refused("whole", "billingCurrency", "euro") == ("billingCurrency", currency)
    order = "chargePeriodStart: chargePeriodStart: expected a time before chargePeriodEnd"
    assert refused("whole", "chargePeriodEnd", "2026-01-01T00:00:00Z") == ("chargePeriodStart", order)
    assert refused("whole", "billedCost", None) == ("billedCost", "billedCost: billedCost: expected one decimal")
    assert estate.journal.last_position() == 1
    assert refused("whole", "billedCost", 2) is None
    assert refused("half", "billedCost", 2) is None, "the currency was missing before"


def test_relations_cost_look_ups(estate: Graph) -> None:
    def errors(query: str) -> str:
        return str(estate.asking.answer(query).get("errors", ""))

    plain = "{ entities(first: 1000) { nodes { ... on Dataset { rowCount sensitivity } } } }"
    assert errors(plain) == ""
    assert "cost" in errors("{ entities(first: 1000) { nodes { ... on Policy { governs { definedBy { name } } } } } }")
    assert errors("{ entities(first: 100) { nodes { ... on Policy { governs { definedBy { name } } } } } }") == ""

"""`/sparql` over HTTP as clients meet it: the SPARQL 1.1 protocol, as-of, limits, keys."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLStore

from tests.end_to_end.service import Service, run_andon
from tests.rdf.parsing import parsed, triples_of
from tests.rdf.test_equality import SHOP
from tests.reference.events import ds, run_event

JSON, XML = "application/sparql-results+json", "application/sparql-results+xml"
CSV, TSV = "text/csv", "text/tab-separated-values"
ANDON = "PREFIX andon: <https://andon.dev/ns#> PREFIX prov: <http://www.w3.org/ns/prov#> "
DASHBOARDS = ANDON + "SELECT ?name { ?it a andon:Dashboard ; andon:name ?name } ORDER BY ?name"
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(?c != ?f && ?f != ?i) }"
NAMES = ["dashboards/customer_growth", "dashboards/revenue_overview", "dashboards/stock_and_roasting"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The demo estate, with limits that are soon reached."""
    data = tmp_path_factory.mktemp("protocol") / "data"
    limits = ("--sparql-timeout", "4", "--sparql-max-bytes", "2000000", "--rdf-past-states", "2")
    with Service(data, *limits) as service:
        service.post_batch(SHOP)
        service.graphql("{ __typename }", min_position=len(SHOP))
        ask(service, COUNT, min_position=len(SHOP))
        yield service


def ask(
    service: Service, query: str, accept: str = JSON, *, min_position: int | None = None, **parameters: Any
) -> httpx.Response:
    headers = {"Accept": accept}
    if min_position is not None:
        headers["Andon-Min-Position"] = str(min_position)
    return service.client.get("/sparql", params={"query": query, **parameters}, headers=service.headers(headers))


def rows(answer: httpx.Response) -> list[tuple[str, ...]]:
    assert answer.status_code == 200, answer.text
    content = answer.json()
    names = content["head"]["vars"]
    return [tuple(it[name]["value"] for name in names) for it in content["results"]["bindings"]]


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    content: dict[str, Any] = answer.json()
    assert content["status"] == status and content["detail"]
    return content


# The ways to ask


def test_by_get(service: Service) -> None:
    assert rows(ask(service, DASHBOARDS)) == [(it,) for it in NAMES]


def test_by_post_of_a_form(service: Service) -> None:
    answer = service.client.post("/sparql", data={"query": DASHBOARDS}, headers={"Accept": JSON})
    assert rows(answer) == [(it,) for it in NAMES]


def test_by_post_as_it_is(service: Service) -> None:
    headers = {"Accept": JSON, "Content-Type": "application/sparql-query; charset=utf-8"}
    answer = service.client.post("/sparql", content=DASHBOARDS.encode(), headers=headers)
    assert rows(answer) == [(it,) for it in NAMES]


def test_rdflib_asks_as_a_client(service: Service) -> None:
    for method in ("GET", "POST", "POST_FORM"):
        graph = rdflib.Graph(SPARQLStore(f"{service.url}/sparql", method=method, returnFormat="json"))
        assert [str(it[0]) for it in graph.query(DASHBOARDS)] == NAMES  # type: ignore[index]
        dashboard = rdflib.URIRef("https://andon.dev/ns#Dashboard")
        assert len(list(graph.subjects(rdflib.RDF.type, dashboard))) == 3
        assert graph.query(ANDON + "ASK { ?it a andon:Dashboard }").askAnswer is True
        graph = rdflib.Graph(SPARQLStore(f"{service.url}/sparql", method=method, returnFormat="xml"))
        assert len(list(graph.query(ANDON + "CONSTRUCT { ?it a prov:Thing } { ?it a andon:Dashboard }"))) == 3


def test_head_has_the_headers_of_get(service: Service) -> None:
    there = ask(service, DASHBOARDS)
    answer = service.client.head("/sparql", params={"query": DASHBOARDS}, headers={"Accept": JSON})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == there.headers["Content-Length"]


@pytest.mark.parametrize(("method", "options", "status"), [
    ("POST", {"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415),
    ("POST", {"content": b"x"}, 415),
    ("POST", {"data": {"update": "CLEAR ALL"}}, 403),
    ("POST", {"content": b"CLEAR ALL", "headers": {"Content-Type": "application/sparql-update"}}, 403),
    ("GET", {"params": {"update": "CLEAR ALL"}}, 403),
    ("GET", {"params": {"query": "CLEAR ALL"}}, 400),
    ("GET", {"params": [("query", "ASK {}"), ("query", "ASK {}")]}, 400),
    ("GET", {"params": {"query": ""}}, 400),
    ("POST", {"data": {"default-graph-uri": "urn:x"}}, 400),
    ("POST", {"content": b"\xff\xfe", "headers": {"Content-Type": "application/sparql-query"}}, 400),
    ("GET", {"params": {"query": "ASK {}", "default-graph-uri": "no iri"}}, 400),
    ("PUT", {"content": b"x"}, 405),
    ("DELETE", {}, 405),
])  # fmt: skip
def test_what_is_no_query_is_refused_and_says_why(
    service: Service, method: str, options: dict[str, Any], status: int
) -> None:
    problem(service.client.request(method, "/sparql", **options), status)


# Formats


def test_solutions_come_in_each_format(service: Service) -> None:
    found = {accept: ask(service, DASHBOARDS, accept) for accept in (JSON, XML, CSV, TSV, "application/json", "*/*")}
    assert {accept: it.headers["Content-Type"].partition(";")[0] for accept, it in found.items()} == {
        JSON: JSON, XML: XML, CSV: CSV, TSV: TSV, "application/json": "application/json", "*/*": JSON
    }  # fmt: skip
    for accept in (JSON, "application/json", "*/*"):
        assert rows(found[accept]) == [(it,) for it in NAMES]
    assert [it["name"] for it in csv.DictReader(io.StringIO(found[CSV].text))] == NAMES
    assert found[TSV].text.splitlines() == ["?name", *(f'"{it}"' for it in NAMES)]
    results = rdflib.query.Result.parse(io.BytesIO(found[XML].content), format="xml")
    assert [str(it[0]) for it in results] == NAMES  # type: ignore[index]


def test_yes_or_no_comes_in_each_format(service: Service) -> None:
    for accept in (JSON, XML, CSV, TSV):
        assert "true" in ask(service, "ASK { ?s ?p ?o }", accept).text


@pytest.mark.parametrize(("accept", "format"), [
    ("text/turtle", "turtle"), ("application/n-triples", "nt"), ("application/ld+json", "json-ld"),
    ("application/rdf+xml", "xml"),
])  # fmt: skip
def test_graphs_come_in_each_format(service: Service, accept: str, format: str) -> None:
    query = (
        ANDON
        + "CONSTRUCT { ?it andon:name ?name ; andon:at ?at } { ?it a andon:Run ; andon:name ?name ; andon:endedAt ?at }"
    )
    answer = ask(service, query, accept)
    assert answer.headers["Content-Type"].partition(";")[0] == accept
    plain = ask(service, query, "application/n-triples")
    assert triples_of(parsed(answer.content, format)) == triples_of(parsed(plain.content, "nt"))
    assert len(triples_of(parsed(plain.content, "nt"))) > 100


def test_a_description_has_all_that_is_said_of_a_thing(service: Service) -> None:
    answer = ask(service, ANDON + "DESCRIBE ?it { ?it andon:name 'dashboards/revenue_overview' }", "text/turtle")
    assert "andon:" in answer.text, "it is written with prefixes"
    assert any(
        predicate == "<https://andon.dev/ns#derivedFrom>"
        for _, predicate, _ in triples_of(parsed(answer.content, "turtle"))
    )


@pytest.mark.parametrize(("query", "accept"), [
    (DASHBOARDS, "text/turtle"), ("CONSTRUCT { ?s ?p ?o } { ?s ?p ?o } LIMIT 1", JSON), (DASHBOARDS, "image/png"),
    (DASHBOARDS, f"{JSON};q=0, text/turtle"),
])  # fmt: skip
def test_what_the_caller_does_not_take_is_not_acceptable(service: Service, query: str, accept: str) -> None:
    problem(ask(service, query, accept), 406)


def test_the_format_liked_best_is_taken(service: Service) -> None:
    accept = f"{JSON};q=0.5, {CSV};q=0.9, text/turtle"
    assert ask(service, DASHBOARDS, accept).headers["Content-Type"].startswith(CSV)


# The dataset


def test_the_default_graph_has_everything_and_named_graphs_a_part(service: Service) -> None:
    urns = service.graphql('{ entities(type: "Dashboard") { nodes { urn } } }')["entities"]["nodes"]
    said = service.post_graphql(
        "mutation($urn: String!) { addTag(urn: $urn, key: \"shown\") { position } }",
        {"urn": urns[0]["urn"]}, {"X-Andon-Csrf": "1"},
    ).json()["data"]["addTag"]["position"]  # fmt: skip
    query = ANDON + "SELECT ?it { ?it andon:hasTag/<http://www.w3.org/2000/01/rdf-schema#label> 'shown' }"
    everything = rows(ask(service, query, min_position=said))
    assert everything == [(urns[0]["urn"],)]
    people = ANDON + "SELECT ?it { GRAPH <urn:andon:graph:people> { ?it andon:hasTag ?tag } }"
    assert everything == rows(ask(service, people))
    only = ANDON + "SELECT ?it { ?it andon:hasTag ?tag }"
    assert rows(ask(service, only, **{"default-graph-uri": "urn:andon:graph:people"})) == everything
    assert len(rows(ask(service, only))) > 1
    assert rows(ask(service, people, **{"named-graph-uri": "urn:andon:graph:inferred"})) == []


# As of


def counted(answer: httpx.Response) -> int:
    return int(rows(answer)[0][0])


def test_the_past_is_what_was_known_then(service: Service) -> None:
    runs = ANDON + "SELECT (COUNT(?it) AS ?n) { ?it a andon:Run }"
    by_position = [counted(ask(service, runs, position=it)) for it in (50, 200)]
    asked = [
        service.graphql(
            'query($p: Int!) { entities(type: "Run", first: 0, asOf: {position: $p}) { totalCount } }', {"p": it}
        )["entities"]["totalCount"]
        for it in (50, 200)
    ]
    assert by_position == asked
    assert 0 < by_position[0] < by_position[1] < counted(ask(service, runs))
    assert ask(service, runs, position=50).headers["Andon-Position"] == "50"


def test_the_past_is_what_was_true_then(service: Service) -> None:
    state = ANDON + "SELECT ?state { ?it a andon:Run ; andon:state ?state }"
    [event, *_] = [it for it in SHOP if it.get("eventType") == "COMPLETE"]
    before = [it for (it,) in rows(ask(service, state, valid=event["eventTime"].replace("Z", "Z")[:19] + "Z"))]
    assert "RUNNING" in before or len(before) < len(rows(ask(service, state)))
    assert rows(ask(service, state, valid="2000-01-01T00:00:00Z")) == []


def test_a_form_and_a_url_may_say_as_of_when(service: Service) -> None:
    wanted = counted(ask(service, COUNT, position=50))
    in_form = service.client.post("/sparql", data={"query": COUNT, "position": "50"}, headers={"Accept": JSON})
    in_url = service.client.post("/sparql?position=50", data={"query": COUNT}, headers={"Accept": JSON})
    assert counted(in_form) == counted(in_url) == wanted


@pytest.mark.parametrize("parameters", [
    {"position": "x"}, {"position": "-1"}, {"valid": "yesterday"}, {"known": "2026-01-01"},
    {"known": "2026-01-01T00:00:00Z", "position": "5"},
])  # fmt: skip
def test_a_moment_that_is_none_is_refused(service: Service, parameters: dict[str, str]) -> None:
    assert problem(ask(service, COUNT, **parameters), 400)["field"] in parameters


def test_a_position_that_is_not_there_yet_is_unavailable(tmp_path: Path) -> None:
    with Service(tmp_path / "data", "--position-wait", "0.2") as service:
        assert problem(ask(service, COUNT, position=5), 503)["detail"]
        assert problem(ask(service, COUNT, min_position=5), 503)["detail"]


def test_a_caller_reads_what_it_wrote(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        for second in range(1, 15):
            name = f"t{second}"
            position = service.accept(run_event(second, "COMPLETE", [name], [], run=f"r{second}"))
            answer = ask(service, f"ASK {{ <{ds(name)}> ?p ?o }}", min_position=position)
            assert answer.json()["boolean"] is True
            assert int(answer.headers["Andon-Position"]) >= position


# Limits


def test_a_query_that_takes_too_long_is_ended_and_told_so(service: Service) -> None:
    assert "4 seconds" in problem(ask(service, SLOW), 504)["detail"]
    assert rows(ask(service, DASHBOARDS))


def test_an_answer_that_is_too_large_is_told_so(service: Service) -> None:
    assert "2000000 bytes" in problem(ask(service, "SELECT * { ?s ?p ?o . ?s ?q ?r }"), 413)["detail"]


def test_service_is_refused(service: Service) -> None:
    query = f"SELECT * {{ {{ SELECT * {{ SERVICE <{service.url}/sparql> {{ ?s ?p ?o }} }} }} }}"
    assert "SERVICE" in problem(ask(service, query), 400)["detail"]


def test_a_query_that_cannot_be_read_says_where(service: Service) -> None:
    assert "1:" in problem(ask(service, "SELECT * { ?s ?p }"), 400)["detail"]


# Who may


def test_a_key_needs_the_scope_to_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys = {scope: run_andon("keys", "add", scope, "--scope", scope, "--data", str(data)).stdout.split()[0]
            for scope in ("read", "emit")}  # fmt: skip
    with Service(data) as service:
        assert problem(ask(service, COUNT), 401)
        service.key = keys["emit"]
        assert "read" in problem(ask(service, COUNT), 403)["detail"]
        assert problem(service.client.get("/catalog", headers=service.headers()), 403)
        service.key = keys["read"]
        assert ask(service, COUNT).status_code == 200


def test_rdf_can_be_off(tmp_path: Path) -> None:
    with Service(tmp_path / "data", "--rdf", "off") as service:
        assert "setting rdf" in problem(ask(service, COUNT), 503)["detail"]
        assert service.graphql("{ status { positionRdf } }")["status"]["positionRdf"] is None
    assert not (tmp_path / "data" / "rdf").exists()


def test_the_lag_is_in_the_status_and_in_the_metrics(service: Service) -> None:
    position = service.position()
    ask(service, COUNT, min_position=position)
    assert service.graphql("{ status { positionRdf } }")["status"]["positionRdf"] == position
    metrics = service.client.get("/metrics").text
    assert f"\nandon_rdf_position {float(position)}" in metrics
    assert "\nandon_rdf_lag 0.0" in metrics
    assert "\nandon_sparql_seconds_count" in metrics


# What it says of itself


def test_without_a_query_it_describes_the_service(service: Service) -> None:
    answer = service.client.get("/sparql", headers={"Accept": "text/turtle"})
    assert answer.headers["Content-Type"].startswith("text/turtle")
    sd = "http://www.w3.org/ns/sparql-service-description#"
    found = triples_of(parsed(answer.content, "turtle"))
    values = {value for _, predicate, value in found if predicate == f"<{sd}supportedLanguage>"}
    assert values == {f"<{sd}SPARQL11Query>"}
    assert (f"<{service.url}/sparql>", f"<{sd}endpoint>", f"<{service.url}/sparql>") in found
    assert {value for _, predicate, value in found if predicate == f"<{sd}name>"} == {
        "<urn:andon:graph:people>", "<urn:andon:graph:inferred>"
    }  # fmt: skip

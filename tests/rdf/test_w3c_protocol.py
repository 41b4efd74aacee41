"""The W3C's protocol tests of queries, wherever RDF is kept; those of updates, which are refused.

Each case has the name of the W3C's test that it is made after (SPARQL 1.1 test suite, protocol). Those tests load
graphs of their own; here the two named graphs that there are stand for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLStore

from tests.end_to_end.service import Service
from tests.rdf.conftest import DISK, KINDS, OXIGRAPH, emptied
from tests.rdf.parsing import parsed, triples_of
from tests.reference.events import ds, fact, facts, run_event

JSON, XML = "application/sparql-results+json", "application/sparql-results+xml"
FORM, QUERY, UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"
PEOPLE, INFERRED = "urn:andon:graph:people", "urn:andon:graph:inferred"
IN_PEOPLE = f"ASK {{ GRAPH <{PEOPLE}> {{ ?s ?p ?o }} }}"
RUNS = "ASK { ?s a <https://andon.dev/ns#Run> }"  # no person says so
SAID = f"ASK {{ <{ds('a')}> <https://andon.dev/ns#description> 'by hand' }}"


@pytest.fixture(scope="module", params=KINDS)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A run, and what a person says of a table."""
    at: tuple[str, ...] = ()
    environment = {}
    if request.param != DISK:
        server = request.getfixturevalue("oxigraph_server" if request.param == OXIGRAPH else "fuseki").server
        emptied(server)
        at = ("--sparql-url", server.query_url, "--sparql-update-url", server.update_url,
              "--sparql-store-url", server.store_url)  # fmt: skip
        environment = {"ANDON_SPARQL_USER": server.user, "ANDON_SPARQL_PASSWORD": server.password}
    data = tmp_path_factory.mktemp("w3c") / "data"
    with Service(data, *at, "--position-wait", "60", environment=environment) as service:
        service.accept(run_event(1, "COMPLETE", ["a"], ["b"]))
        said = 'mutation($urn: String!) { describe(urn: $urn, description: "by hand") { position } }'
        answer = service.post_graphql(said, {"urn": ds("a")}, {"X-Andon-Csrf": "1"}).json()
        position = answer["data"]["describe"]["position"]
        found = service.client.get("/sparql", params={"query": SAID}, headers={"Andon-Min-Position": str(position)})
        assert found.json()["boolean"] is True
        yield service


@dataclass(frozen=True, slots=True)
class Case:
    """`status` of the answer, and where that is 200 what ASK answers."""

    name: str
    method: str = "GET"
    params: Any = None
    media: str | None = None
    body: Any = None
    status: int = 200
    is_so: bool | None = True


def query(name: str, text: str, is_so: bool = True, **graphs: Any) -> Case:
    return Case(name, params={"query": text, **graphs}, is_so=is_so)


def form(name: str, text: str, is_so: bool = True, **graphs: Any) -> Case:
    return Case(name, "POST", media=FORM, body={"query": text, **graphs}, is_so=is_so)


def direct(name: str, text: str, is_so: bool = True, **graphs: Any) -> Case:
    return Case(name, "POST", graphs, QUERY, text, is_so=is_so)


def bad(name: str, method: str, status: int, **more: Any) -> Case:
    return Case(name, method, status=status, is_so=None, **more)


DEFAULT, NAMED = "default-graph-uri", "named-graph-uri"
CASES = [
    query("query_get", RUNS),
    form("query_post_form", RUNS),
    direct("query_post_direct", RUNS),
    query("query_dataset_default_graph", SAID, **{DEFAULT: PEOPLE}),
    query("query_dataset_default_graph: of it alone", RUNS, False, **{DEFAULT: PEOPLE}),
    query("query_dataset_default_graphs_get", SAID, **{DEFAULT: [PEOPLE, INFERRED]}),
    form("query_dataset_default_graphs_post", SAID, **{DEFAULT: [PEOPLE, INFERRED]}),
    direct("query_dataset_default_graphs_post: as it is", SAID, **{DEFAULT: [PEOPLE, INFERRED]}),
    query("query_dataset_named_graphs_get", IN_PEOPLE, **{NAMED: [PEOPLE, INFERRED]}),
    form("query_dataset_named_graphs_post", IN_PEOPLE, **{NAMED: [PEOPLE, INFERRED]}),
    direct("query_dataset_named_graphs_post: as it is", IN_PEOPLE, **{NAMED: [PEOPLE, INFERRED]}),
    query("query_dataset_named_graphs_get: without a default graph", RUNS, False, **{NAMED: PEOPLE}),
    query("query_dataset_full", f"ASK {{ GRAPH <{PEOPLE}> {{ ?s ?p ?o }} FILTER NOT EXISTS {{ ?s ?p ?o }} }}",
          **{DEFAULT: INFERRED, NAMED: PEOPLE}),
    query("query_multiple_dataset", RUNS.replace("ASK", f"ASK FROM <{INFERRED}>"), False, **{DEFAULT: PEOPLE}),
    query("query_multiple_dataset: the protocol's counts", SAID.replace("ASK", f"ASK FROM <{INFERRED}>"),
          **{DEFAULT: PEOPLE}),
    query("query_dataset in the query alone", SAID.replace("ASK", f"ASK FROM <{PEOPLE}>")),
    query("a graph that there is not", "ASK { ?s ?p ?o }", False, **{DEFAULT: "http://127.0.0.1:9/nowhere"}),
    bad("bad_query_method", "PUT", 405, params={"query": RUNS}),
    bad("bad_multiple_queries", "GET", 400, params=[("query", RUNS), ("query", SAID)]),
    bad("bad_multiple_queries: in a form", "POST", 400, media=FORM, body={"query": [RUNS, SAID]}),
    bad("bad_query_wrong_media_type", "POST", 415, media="text/plain", body=RUNS),
    bad("bad_query_missing_form_type", "POST", 415, body="query=ASK%20%7B%7D"),
    bad("bad_query_missing_direct_type", "POST", 415, body=RUNS),
    bad("bad_query_non_utf8", "POST", 400, media=QUERY, body=RUNS.encode("utf-16")),
    bad("bad_query_syntax", "GET", 400, params={"query": "ASK {"}),
    bad("bad_query_syntax: as it is", "POST", 400, media=QUERY, body="ASK {"),
    bad("update_post_form", "POST", 403, media=FORM, body={"update": "CLEAR ALL"}),
    bad("update_post_direct", "POST", 403, media=UPDATE, body="CLEAR ALL"),
    bad("update_dataset_default_graph", "POST", 403, media=FORM,
        body={"update": "CLEAR ALL", "using-graph-uri": PEOPLE}),
    bad("bad_update_get", "GET", 403, params={"update": "CLEAR ALL"}),
    bad("bad_multiple_updates", "POST", 403, media=FORM, body={"update": ["CLEAR ALL", "CLEAR ALL"]}),
    bad("bad_update_wrong_media_type", "POST", 415, media="text/plain", body="CLEAR ALL"),
    bad("bad_update_missing_form_type", "POST", 415, body="update=CLEAR%20ALL"),
    bad("bad_update_syntax", "POST", 403, media=UPDATE, body="CLEAR XYZ"),
    bad("an update where a query should be", "GET", 400, params={"query": "CLEAR ALL"}),
    bad("an update where a query should be, as it is", "POST", 400, media=QUERY, body="DELETE WHERE { ?s ?p ?o }"),
    bad("a query and an update", "POST", 403, media=FORM, body={"query": RUNS, "update": "CLEAR ALL"}),
]  # fmt: skip


def send(service: Service, case: Case, accept: str = JSON) -> httpx.Response:
    headers = {"Accept": accept} | ({"Content-Type": case.media} if case.media else {})
    content = {"data": case.body} if isinstance(case.body, dict) else {"content": case.body}
    return service.client.request(case.method, "/sparql", params=case.params, headers=headers, **content)


@pytest.mark.parametrize("case", CASES, ids=[it.name for it in CASES])
def test_it_answers_as_the_protocol_says(service: Service, case: Case) -> None:
    answer = send(service, case)
    assert answer.status_code == case.status, answer.text
    if case.is_so is None:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == case.status
        assert send(service, query("it is all still there", SAID)).json()["boolean"] is True
    else:
        assert answer.headers["Content-Type"] == JSON
        assert answer.json()["boolean"] is case.is_so


FORMS = [
    ("query_content_type_select", "SELECT ?s { ?s ?p ?o } LIMIT 1",
     [JSON, XML, "text/csv", "text/tab-separated-values"]),
    ("query_content_type_ask", "ASK {}", [JSON, XML]),
    ("query_content_type_describe", f"DESCRIBE <{ds('a')}>",
     ["text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json"]),
    ("query_content_type_construct", "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o } LIMIT 1",
     ["text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "accepted"), [it[1:] for it in FORMS], ids=[it[0] for it in FORMS])
def test_each_form_of_query_comes_as_what_is_accepted(service: Service, text: str, accepted: list[str]) -> None:
    for case in (query("", text), form("", text), direct("", text)):
        for accept in accepted:
            answer = send(service, case, f"image/png, {accept};q=0.8")
            assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, accept)
            assert answer.headers["Vary"].lower() == "accept"
        assert send(service, case, "*/*").headers["Content-Type"].partition(";")[0] == accepted[0]
        assert send(service, case, "image/png").status_code == 406


def test_a_description_says_the_same_of_a_thing_everywhere(service: Service) -> None:
    answer = send(service, query("", f"DESCRIBE <{ds('a')}>"), "application/n-triples")
    found = {it for it in triples_of(parsed(answer.content, "nt")) if it[0] == f"<{ds('a')}>"}
    assert (f"<{ds('a')}>", "<https://andon.dev/ns#description>", '"by hand"') in found
    selected = send(service, query("", f"SELECT * {{ <{ds('a')}> ?p ?o }}")).json()["results"]["bindings"]
    assert len(found) == len(selected)


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
def test_rdflib_reads_it_as_a_graph_of_its_own(service: Service, method: str) -> None:
    graph = rdflib.Graph(SPARQLStore(f"{service.url}/sparql", method=method))
    table = rdflib.URIRef(ds("a"))
    andon = rdflib.Namespace("https://andon.dev/ns#")
    assert graph.value(table, andon.description) == rdflib.Literal("by hand")
    assert (table, rdflib.RDF.type, rdflib.DCAT.Dataset) in graph
    assert {str(it) for it in graph.objects(table, andon.derives)} == {ds("b")}
    assert len(graph) > 50
    with pytest.raises(Exception, match="read only|ReadOnly"):
        graph.add((table, andon.description, rdflib.Literal("by rdflib")))


def test_what_is_written_next_is_read_next(service: Service) -> None:
    said = facts(3, fact("Dataset", "new", {"rowCount": 3}))
    answer = service.client.post("/api/v1/facts", json=said)
    assert answer.status_code in (200, 201), answer.text
    headers = {"Andon-Min-Position": answer.headers["Andon-Position"]}
    asked = {"query": f"ASK {{ <{ds('new')}> <https://andon.dev/ns#rowCount> 3 }}"}
    found = service.client.get("/sparql", params=asked, headers=headers)
    assert found.json()["boolean"] is True
    assert int(found.headers["Andon-Position"]) >= int(headers["Andon-Min-Position"])
    before = service.client.get("/sparql", params={**asked, "position": "1"})
    assert (before.json()["boolean"], before.headers["Andon-Position"]) == (False, "1")


def test_its_description_names_its_graphs_and_formats(service: Service) -> None:
    answer = service.client.get("/sparql", headers={"Accept": "application/n-triples"})
    assert answer.headers["Content-Type"] == "application/n-triples"
    sd = rdflib.Namespace("http://www.w3.org/ns/sparql-service-description#")
    graph = rdflib.Graph().parse(data=answer.text, format="nt")
    [endpoint] = graph.subjects(rdflib.RDF.type, sd.Service)
    assert (endpoint, sd.endpoint, rdflib.URIRef(f"{service.url}/sparql")) in graph
    assert {str(it) for it in graph.objects(None, sd.name)} == {PEOPLE, INFERRED}
    formats = {str(it).rpartition("/")[2] for it in graph.objects(endpoint, sd.resultFormat)}
    assert formats >= {"SPARQL_Results_JSON", "SPARQL_Results_XML", "Turtle", "JSON-LD"}
    assert service.client.get("/sparql", headers={"Accept": "image/png"}).status_code == 406
    assert service.client.head("/sparql", headers={"Accept": "text/turtle"}).content == b""

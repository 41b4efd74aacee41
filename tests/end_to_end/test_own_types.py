"""Types of an organisation's own, taken in while the service runs."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.service import Service, wait_until

SHIPPING = """
@prefix andon: <https://andon.dev/ns#> .
@prefix owl:   <http://www.w3.org/2002/07/owl#> .
@prefix rdfs:  <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos:  <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd:   <http://www.w3.org/2001/XMLSchema#> .
@prefix ship:  <https://shipping.example/ns#> .

<https://shipping.example/ns> a owl:Ontology ; rdfs:label "Shipping" ; owl:versionInfo "1" .

ship:Crate a owl:Class ;
    rdfs:subClassOf andon:Entity ;
    rdfs:label "Crate" ;
    skos:definition "A box that goods travel in." ;
    andon:keyClass true ;
    andon:kind "crate" ;
    andon:colour "#2f82e1" ;
    andon:icon "package" .

ship:Manifest a owl:Class ;
    rdfs:subClassOf andon:Table ;
    rdfs:label "Manifest" ;
    skos:definition "The table of what is in the crates of one voyage." ;
    andon:namingScheme "manifests" .

ship:length a owl:DatatypeProperty ;
    rdfs:label "length" ; skos:definition "In feet." ;
    rdfs:domain ship:Crate ; rdfs:range xsd:integer ; andon:cardinality "0..1" .

ship:sealed a owl:DatatypeProperty ;
    rdfs:label "sealed" ; skos:definition "Whether nobody has opened it since it was packed." ;
    rdfs:domain ship:Crate ; rdfs:range xsd:boolean ; andon:cardinality "0..1" .

ship:listedIn a owl:ObjectProperty ;
    rdfs:label "listed in" ; skos:definition "The manifest that names the crate." ;
    rdfs:domain ship:Crate ; rdfs:range ship:Manifest ; owl:inverseOf ship:lists ; andon:carriesLineage false .
ship:lists a owl:ObjectProperty ; rdfs:label "lists" .
"""
CSRF = {"X-Andon-Csrf": "1"}
TURTLE = {"Content-Type": "text/turtle"}
MANIFEST = "urn:andon:dataset:manifests%3A%2F%2Fport:voyage_7"


def event() -> dict[str, Any]:
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-03-01T06:00:00Z",
        "run": {"runId": "0197b5a0-6c1f-7cc4-8f0a-5d3c2b1a0987"},
        "job": {"namespace": "port", "name": "load"},
        "outputs": [{"namespace": "manifests://port", "name": "voyage_7"}],
        "producer": "https://example.com/port",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }


def facts() -> dict[str, Any]:
    container = {
        "type": "Crate", "namespace": "port", "name": "MSKU-1",
        "attributes": {"length": 40, "sealed": True}, "relations": {"listedIn": [MANIFEST]},
    }  # fmt: skip
    return {"id": "1", "source": "port", "at": "2026-03-02T00:00:00Z", "entities": [container]}


def put(service: Service, text: str, name: str = "shipping") -> httpx.Response:
    return service.post(text.encode(), {**CSRF, **TURTLE}, f"/api/v1/ontology/{name}")


@pytest.fixture
def service(tmp_path: Path) -> Any:
    with Service(tmp_path / "data") as service:
        service.accept(event())
        yield service


def rows(service: Service) -> list[dict[str, str]]:
    """The crates and, read by the relation's inverse, the table that tells of them."""
    query = """PREFIX ship: <https://shipping.example/ns#> PREFIX andon: <https://andon.dev/ns#>
        SELECT ?length ?manifest { ?crate a ship:Crate ; ship:length ?length . 
            ?manifest a andon:Table ; ship:lists ?crate }"""
    headers = {"Accept": "application/sparql-results+json", "Andon-Min-Position": str(service.position())}
    answer = service.client.get(service.url + "/sparql", params={"query": query}, headers=headers)
    assert answer.status_code == 200, answer.text
    return [{name: it["value"] for name, it in row.items()} for row in answer.json()["results"]["bindings"]]


def words(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.client.get(service.url + "/api/v1/ontology").json()
    return found


def type_of(service: Service, urn: str) -> str:
    found = service.graphql("query($urn: String!) { entity(urn: $urn) { type } }", {"urn": urn})
    return str(found["entity"]["type"])


def test_a_class_with_attributes_and_a_relation_is_there_at_once(service: Service) -> None:
    refused = service.post_graphql('{ entities(type: "Crate") { nodes { urn } } }')
    assert refused.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert type_of(service, MANIFEST) == "Dataset"

    answer = put(service, SHIPPING)

    assert answer.status_code == 200, answer.text
    assert answer.json()["classes"]["added"] == ["Crate", "Manifest"]
    wait_until(lambda: type_of(service, MANIFEST) == "Manifest", 10, "what was there already is classed anew")
    sent = service.client.post(service.url + "/api/v1/facts", json=facts())
    assert sent.status_code == 201, sent.text
    found = service.graphql(
        """{ entities(type: "Crate") { nodes { urn type properties
             ... on Crate { length sealed listedIn { urn ... on Dataset { lists { name } } } } } } }""",
        min_position=int(sent.headers["andon-position"]),
    )
    [node] = found["entities"]["nodes"]
    assert node["urn"] == "urn:andon:crate:port:MSKU-1"
    assert (node["length"], node["sealed"]) == (40, True)
    assert node["listedIn"] == [{"urn": MANIFEST, "lists": [{"name": "MSKU-1"}]}]
    tables = service.graphql('{ entities(type: "Table") { nodes { urn } } }')
    assert [it["urn"] for it in tables["entities"]["nodes"]] == [MANIFEST]
    assert rows(service) == [{"length": "40", "manifest": MANIFEST}]

    service.restart()
    assert words(service)["version"].endswith("+ shipping 1")
    assert rows(service) == [{"length": "40", "manifest": MANIFEST}]
    assert type_of(service, MANIFEST) == "Manifest"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SHIPPING.replace('andon:kind "crate"', 'andon:kind "dataset"'), "kind"),
        (SHIPPING.replace("rdfs:range ship:Manifest", "rdfs:range ship:Manifesto"), "Manifesto"),
        (SHIPPING.replace("a owl:Class ;", "a owl:Class", 1), "shipping.ttl, line"),
        (SHIPPING.replace('namingScheme "manifests"', 'namingScheme "postgres"'), "postgres"),
        (SHIPPING.replace("ship:Crate", "ship:PageInfo"), "type PageInfo"),
        (SHIPPING.replace("ship:lists", "ship:versions"), "field versions"),
    ],
    ids=[
        "a kind that is taken",
        "an unknown class",
        "no Turtle",
        "a scheme that is taken",
        "a GraphQL type's name",
        "a GraphQL field's name",
    ],
)
def test_a_bad_file_is_refused_whole_with_its_reason(service: Service, text: str, reason: str) -> None:
    before = words(service)

    answer = put(service, text)

    assert answer.status_code == 400
    assert reason in answer.json()["detail"]
    assert words(service) == before
    assert not list((service.data / "ontology").glob("*.ttl")) if (service.data / "ontology").exists() else True
    assert put(service, SHIPPING).status_code == 200


def test_a_file_that_is_dropped_into_the_folder_is_read_and_a_spoilt_one_changes_nothing(service: Service) -> None:
    folder = service.data / "ontology"
    folder.mkdir(exist_ok=True)
    (folder / "shipping.ttl").write_text(SHIPPING)
    wait_until(lambda: words(service)["version"].endswith("shipping 1"), 10, "the file is read")

    (folder / "shipping.ttl").write_text("nonsense")

    wait_until(lambda: words(service)["fault"] is not None, 10, "the fault is told")
    assert "shipping.ttl, line 1" in words(service)["fault"]
    assert words(service)["version"].endswith("shipping 1")
    (folder / "shipping.ttl").unlink()
    wait_until(lambda: words(service)["fault"] is None, 10, "the folder is read again")
    assert "shipping" not in words(service)["version"]


def test_a_class_that_entities_have_cannot_go(service: Service) -> None:
    put(service, SHIPPING)
    service.client.post(service.url + "/api/v1/facts", json=facts())
    wait_until(lambda: service.graphql('{ entities(type: "Crate") { totalCount } }')["entities"]["totalCount"] == 1,
               10, "the crate is in the graph")  # fmt: skip

    answer = service.client.request("DELETE", service.url + "/api/v1/ontology/shipping", headers=CSRF)

    assert answer.status_code == 409
    assert "urn:andon:crate:port:MSKU-1" in answer.json()["detail"]
    assert words(service)["version"].endswith("shipping 1")


def test_only_who_may_and_means_it_changes_the_words(service: Service) -> None:
    assert service.post(SHIPPING.encode(), TURTLE, "/api/v1/ontology/shipping").status_code == 403
    assert put(service, SHIPPING, "No.Such").status_code == 400
    assert service.client.request(
        "DELETE", service.url + "/api/v1/ontology/shipping", headers=CSRF
    ).status_code == 404  # fmt: skip

"""Every dump is read by rdflib; the catalogue is what a DCAT harvester looks for; linked data leads where it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import rdflib
from rdflib import DCAT, DCTERMS, FOAF, RDF, RDFS

from api.linked_data import address_of
from graph.rdf.terms import Terms
from graph.sqlite import SqliteGraph
from ontology import load
from tests.end_to_end.service import Service, run_andon
from tests.rdf.parsing import parsed, quads_of, triples_of
from tests.rdf.projected import described
from tests.rdf.test_equality import SHOP
from tests.reference.events import DB, dataset, ds, fact, facts, lifecycle, run_event, urn

PARSERS = {"trig": "trig", "nquads": "nquads", "jsonld": "json-ld", "turtle": "turtle", "ntriples": "nt"}
DPROD = rdflib.Namespace("https://ekgf.github.io/dprod/")
PRODUCT = urn("dataproduct", "shop", "Sales")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The demo estate, a data product, and a table that was dropped."""
    with Service(tmp_path_factory.mktemp("dumps") / "data") as service:
        service.post_batch(SHOP)
        service.accept(run_event(1, "COMPLETE", ["kept"], ["gone"], run="r1"))
        service.accept(run_event(2, "COMPLETE", [], [dataset("gone", lifecycle("DROP"))], run="r2"))
        product = fact("DataProduct", "Sales", namespace="shop", owners=[{"name": "ann"}], description="What was sold.")
        part = fact("Dataset", "kept", relations={"partOfProduct": [PRODUCT]}, namespace=DB)
        body = facts(3, product, part)
        answer = service.client.post("/api/v1/facts", json=body)
        assert answer.status_code in (200, 201), answer.text
        service.graphql("{ __typename }", min_position=service.position())
        yield service


@pytest.fixture(scope="module")
def dumps(service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, rdflib.Dataset]:
    folder = tmp_path_factory.mktemp("exported")
    for format in PARSERS:
        done = run_andon("export", "--data", str(service.data), "--format", format, "--out", str(folder / format))
        assert done.returncode == 0, done.stderr
    return {format: parsed((folder / format).read_text(), parser) for format, parser in PARSERS.items()}


def test_every_dump_says_the_same(dumps: dict[str, rdflib.Dataset]) -> None:
    whole = quads_of(dumps["nquads"])
    assert len(whole) > 10_000
    assert quads_of(dumps["trig"]) == quads_of(dumps["jsonld"]) == whole
    default = {it[:3] for it in whole if not it[3]}
    assert triples_of(dumps["turtle"]) == triples_of(dumps["ntriples"]) == default


def test_a_dump_is_what_a_store_is_built_of(service: Service, dumps: dict[str, rdflib.Dataset]) -> None:
    ontology = load()
    graph = SqliteGraph(service.data / "graph.db", ontology)
    try:
        assert len(quads_of(dumps["nquads"])) == len(described(graph, Terms(ontology)))
    finally:
        graph.close()


def test_a_dump_as_of_a_position_has_less(service: Service, tmp_path: Path) -> None:
    done = run_andon("export", "--data", str(service.data), "--format", "nquads", "--position", "100")
    early = quads_of(parsed(done.stdout, "nquads"))
    assert 1_000 < len(early)
    runs = {it[0] for it in early if it[1] == "<https://andon.dev/ns#executes>"}
    assert 0 < len(runs) <= 100


@pytest.mark.parametrize(("arguments", "status", "said"), [
    (["--valid", "yesterday"], 2, "--valid"), (["--position", "x"], 2, "--position"),
])  # fmt: skip
def test_an_export_says_what_is_wrong(service: Service, arguments: list[str], status: int, said: str) -> None:
    done = run_andon("export", "--data", str(service.data), *arguments)
    assert done.returncode == status and said in done.stderr


def test_an_export_writes_over_nothing_and_leaves_no_half(service: Service, tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.write_text("precious")
    done = run_andon("export", "--data", str(service.data), "--out", str(target))
    assert done.returncode == 1 and "already" in done.stderr
    assert [it.name for it in tmp_path.iterdir()] == ["there"] and target.read_text() == "precious"
    assert run_andon("export", "--data", str(tmp_path), "--out", str(tmp_path / "new")).returncode == 1


# The catalogue


def get(service: Service, path: str, accept: str, **more: object) -> httpx.Response:
    return service.client.get(path, headers={"Accept": accept}, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def catalogue(service: Service) -> rdflib.Graph:
    answer = get(service, "/catalog", "text/turtle")
    assert answer.headers["Content-Type"].startswith("text/turtle")
    assert int(answer.headers["Andon-Position"]) == service.position()
    return rdflib.Graph().parse(data=answer.text, format="turtle")


def test_a_harvester_finds_every_dataset_with_what_it_needs(service: Service, catalogue: rdflib.Graph) -> None:
    [catalog] = catalogue.subjects(RDF.type, DCAT.Catalog)
    assert str(catalog) == f"{service.url}/catalog"
    datasets = set(catalogue.objects(catalog, DCAT.dataset))
    listed = service.graphql('{ entities(type: "Dataset", first: 1000) { nodes { urn } } }')["entities"]["nodes"]
    assert {str(it) for it in datasets} == {it["urn"] for it in listed}
    assert rdflib.URIRef(ds("gone")) not in datasets
    for dataset_ in datasets:
        assert (dataset_, RDF.type, DCAT.Dataset) in catalogue
        for needed in (DCTERMS.title, DCTERMS.identifier, DCTERMS.description, DCTERMS.issued, DCTERMS.modified):
            assert len(list(catalogue.objects(dataset_, needed))) == 1
        [distribution] = catalogue.objects(dataset_, DCAT.distribution)
        assert (distribution, RDF.type, DCAT.Distribution) in catalogue
        assert list(catalogue.objects(distribution, DCAT.accessURL))
    for agent in catalogue.objects(None, DCTERMS.publisher):
        assert (agent, RDF.type, FOAF.Agent) in catalogue and list(catalogue.objects(agent, FOAF.name))


def test_a_data_product_has_its_owner_and_serves_its_datasets(catalogue: rdflib.Graph) -> None:
    product = rdflib.URIRef(PRODUCT)
    assert (product, RDF.type, DPROD.DataProduct) in catalogue
    assert (None, rdflib.URIRef(f"{DCAT}resource"), product) in catalogue
    [owner] = catalogue.objects(product, DPROD.dataProductOwner)
    assert str(next(catalogue.objects(owner, FOAF.name))) == "ann"
    [port] = catalogue.objects(product, DPROD.outputPort)
    assert (port, RDF.type, DCAT.DataService) in catalogue
    assert [str(it) for it in catalogue.objects(port, DCAT.servesDataset)] == [ds("kept")]


def test_the_catalogue_comes_in_each_format_and_by_command(service: Service, catalogue: rdflib.Graph) -> None:
    for accept, parser in (("application/ld+json", "json-ld"), ("application/n-triples", "nt")):
        assert triples_of(parsed(get(service, "/catalog", accept).content, parser)) == triples_of(catalogue)
    assert get(service, "/catalog", "image/png").status_code == 406
    done = run_andon("export", "--data", str(service.data), "--format", "dcat")
    exported = rdflib.Graph().parse(data=done.stdout, format="turtle")
    assert len(set(exported.subjects(RDF.type, DCAT.Dataset))) == len(set(catalogue.subjects(RDF.type, DCAT.Dataset)))
    head = service.client.head("/catalog", headers={"Accept": "text/turtle"})
    assert (head.status_code, head.content) == (200, b"")


def test_the_catalogue_can_be_of_the_past(service: Service) -> None:
    then = get(service, "/catalog?position=50", "text/turtle")
    assert then.headers["Andon-Position"] == "50"
    found = rdflib.Graph().parse(data=then.text, format="turtle")
    assert 0 < len(set(found.subjects(RDF.type, DCAT.Dataset)))
    assert get(service, "/catalog?valid=yesterday", "text/turtle").status_code == 400


# Linked data


def test_an_entity_is_had_in_each_format(service: Service, dumps: dict[str, rdflib.Dataset]) -> None:
    subject = f"<{ds('kept')}>"
    said = {
        it for it in triples_of(dumps["ntriples"]) if it[0] == subject and it[1] != "<http://www.w3.org/ns/prov#used>"
    }
    for accept, parser in (
        ("text/turtle", "turtle"), ("application/ld+json", "json-ld"), ("application/json", "json-ld"),
        ("application/n-triples", "nt"), ("*/*", "turtle"),
    ):  # fmt: skip
        answer = get(service, address_of(ds("kept")), accept)
        assert answer.status_code == 200, answer.text
        found = parsed(answer.content, parser)
        assert {it for it in triples_of(found) if it[0] == subject} == said, accept


def test_a_person_is_led_to_the_page(service: Service) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = get(service, f"{address_of(ds('kept'))}?position=5", browser)
    assert answer.status_code == 303
    assert answer.headers["Location"] == (
        "/ui/entity/urn%3Aandon%3Adataset%3Apostgres%253A%252F%252Fdb%253A5432%3Akept?position=5"
    )


def test_the_whole_urn_will_do_as_well(service: Service) -> None:
    whole = get(service, f"/id/{ds('kept')}", "text/turtle")
    assert whole.status_code == 200
    assert whole.text == get(service, address_of(ds("kept")), "text/turtle").text


def test_a_column_has_a_document_of_its_own(service: Service) -> None:
    query = '{ entities(type: "Column", search: "order_id", first: 1) { nodes { urn } } }'
    [column] = service.graphql(query)["entities"]["nodes"]
    found = parsed(get(service, address_of(column["urn"]), "text/turtle").content, "turtle")
    label = (f"<{column['urn']}>", RDFS.label.n3(), '"order_id"')
    assert label in triples_of(found)
    assert {it[0] for it in triples_of(found)} <= {f"<{column['urn']}>"} | {
        it[0] for it in triples_of(found) if it[2] == f"<{column['urn']}>"
    }


@pytest.mark.parametrize(("path", "status"), [
    ("/id/dataset/nowhere/nothing", 404), ("/id/dataset/only", 400), ("/id/dataset/a/b/c", 400), ("/id/", 400),
    ("/id/column/a/b", 400), ("/id/urn:other:x", 400), ("/id/dataset/%FF/x", 400),
])  # fmt: skip
def test_what_is_not_there_is_told(service: Service, path: str, status: int) -> None:
    answer = get(service, path, "text/turtle")
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_what_was_dropped_is_gone_and_was_there_before(service: Service) -> None:
    gone = address_of(ds("gone"))
    assert get(service, gone, "text/turtle").status_code == 410
    then = get(service, f"{gone}?valid=2026-01-01T00:00:01Z", "text/turtle")
    assert then.status_code == 200 and "andon:derivedFrom" in then.text


def test_head_and_other_methods(service: Service) -> None:
    path = address_of(ds("kept"))
    answer = service.client.head(path, headers={"Accept": "text/turtle"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(get(service, path, "text/turtle").content)
    assert service.client.post(path).status_code == 405


def test_another_name_leads_to_the_entity_s_own(service: Service) -> None:
    linked = {"identifiers": [{"namespace": DB, "name": "table", "type": "TABLE"}], "_producer": "x", "_schemaURL": "x"}
    said = {"namespace": "s3://lake", "name": "/path", "facets": {"symlinks": linked}}
    position = service.accept(run_event(5, "COMPLETE", [], [said], run="r5"))
    answer = service.client.get(
        address_of(urn("dataset", "s3://lake", "/path")),
        headers={"Accept": "text/turtle", "Andon-Min-Position": str(position)},
    )
    assert (answer.status_code, answer.headers["Location"]) == (307, address_of(ds("table")))
    followed = parsed(get(service, answer.headers["Location"], "text/turtle").content, "turtle")
    same = "<http://www.w3.org/2002/07/owl#sameAs>"
    assert (f"<{ds('table')}>", same, f"<{urn('dataset', 's3://lake', '/path')}>") in triples_of(followed)


def test_with_keys_people_are_still_led_and_programs_need_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = run_andon("keys", "add", "reader", "--scope", "read,emit", "--data", str(data)).stdout.split()[0]
    with Service(data) as service:
        assert get(service, "/id/dataset/a/b", "text/html").status_code == 303
        assert get(service, "/id/dataset/a/b", "text/turtle").status_code == 401
        headers = {"Accept": "text/turtle", "Authorization": f"Bearer {key}"}
        assert service.client.get("/id/dataset/a/b", headers=headers).status_code == 404

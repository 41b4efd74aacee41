"""The ontology as `types` answers it."""

from dataclasses import replace
from typing import Any

import ontology
from api.graphql import Engine
from tests.api.graphql_services import LIMITS, ONTOLOGY, SCHEMA, Asking

OWN = """@prefix andon: <ANDON> .
@prefix my: <https://example.com/shipping#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<https://example.com/shipping> a owl:Ontology ; owl:versionInfo "3" .
my:Shipment a owl:Class ; rdfs:label "shipment"@en ; skos:definition "Goods on their way."@en ;
  rdfs:subClassOf andon:Entity ;
  andon:keyClass true ; andon:kind "shipment" ; andon:colour "#8a5bd6" ; andon:icon "truck" .
my:Express a owl:Class ; rdfs:label "express shipment"@en ; skos:definition "Goods in a hurry."@en ;
  rdfs:subClassOf my:Shipment .
my:weight a owl:DatatypeProperty, owl:FunctionalProperty ; rdfs:label "weight"@en ; skos:definition "In kilograms."@en ;
  rdfs:domain my:Shipment ; rdfs:range xsd:decimal .
my:carries a owl:ObjectProperty ; rdfs:label "carries"@en ; skos:definition "What is in it."@en ;
  rdfs:domain my:Shipment ; rdfs:range andon:Entity ; owl:inverseOf my:carriedBy .
my:carriedBy a owl:ObjectProperty ; rdfs:label "carried by"@en .
"""


def named(graphql: Asking, names: list[str], fields: str) -> list[dict[str, Any]]:
    types: list[dict[str, Any]] = graphql.data(
        f"query($names: [String!]) {{ types(names: $names) {{ name {fields} }} }}", {"names": names}
    )["types"]
    return types


def with_own_words(graphql: Asking) -> Asking:
    text = OWN.replace("<ANDON>", f"<{ONTOLOGY.classes['Entity'].iri.removesuffix('Entity')}>")
    words = ontology.load(own=[ontology.Source("shipping.ttl", text.encode())])
    services = replace(graphql.services, ontology=words)
    return Asking(Engine(SCHEMA, services, LIMITS, introspection=False), services, graphql.progress)


def test_every_class_is_answered_in_the_order_of_the_files(graphql: Asking) -> None:
    types = graphql.data("{ types { name } }")["types"]

    assert [one["name"] for one in types] == list(ONTOLOGY.classes)


def test_a_class_says_what_a_legend_needs(graphql: Asking) -> None:
    fields = "label definition kind keyClass parents colour icon own"
    [asset, view] = named(graphql, ["View", "DataAsset"], fields)

    dataset, shipped = ONTOLOGY.classes["Dataset"], ONTOLOGY.classes["View"]
    assert (view["label"], view["definition"]) == (shipped.label, shipped.definition)
    assert (view["kind"], view["keyClass"], view["own"]) == ("dataset", "Dataset", False)
    assert view["colour"] == dataset.colour
    assert asset["kind"] is None and asset["keyClass"] is None
    assert asset["colour"] is None and asset["icon"] is None


def test_a_class_has_the_attributes_and_relations_of_those_above_it_after_its_own(graphql: Asking) -> None:
    [cost] = named(
        graphql,
        ["CostItem"],
        "attributes { name label range cardinality domain } relations { name inverse domain range carriesLineage }",
    )

    attributes = {one.pop("name"): one for one in cost["attributes"]}
    relations = {one.pop("name"): one for one in cost["relations"]}
    domains = [one["domain"] for one in attributes.values()]
    assert domains[0] == "CostItem" and domains == sorted(domains, key=lambda domain: domain != "CostItem")
    billed = ONTOLOGY.attributes["billedCost"]
    assert attributes["billedCost"] == {
        "label": billed.label,
        "range": "decimal",
        "cardinality": billed.cardinality,
        "domain": "CostItem",
    }
    assert attributes["createdAt"]["domain"] == "Entity"
    charged = {"inverse": "hasCost", "domain": "CostItem", "range": "Entity", "carriesLineage": False}
    assert relations["chargedTo"] == charged
    assert "reads" not in relations


def test_what_ends_at_a_class_is_told_with_how_it_reads_from_there(graphql: Asking) -> None:
    [table] = named(graphql, ["Table"], "relationsTo { name inverse inverseLabel range }")

    relations = {one.pop("name"): one for one in table["relationsTo"]}
    charged = ONTOLOGY.relations["chargedTo"]
    assert charged.inverse_label
    assert relations["chargedTo"] == {"inverse": "hasCost", "inverseLabel": charged.inverse_label, "range": "Entity"}
    assert relations["derivedFrom"]["range"] == "DataAsset"
    assert "executes" not in relations


def test_data_flows_through_what_a_relation_that_carries_lineage_begins_or_ends_at(graphql: Asking) -> None:
    names = ["Table", "Job", "Column", "Dashboard", "Feature", "Policy", "CostItem", "Person", "Run"]

    carrying = [one["name"] for one in named(graphql, names, "carriesLineage") if one["carriesLineage"]]

    assert sorted(carrying) == ["Column", "Dashboard", "Feature", "Job", "Table"]


def test_a_name_that_the_ontology_lacks_is_refused(graphql: Asking) -> None:
    answer = graphql.answer('{ types(names: ["Dataset", "Spaceship"]) { name } }')

    [error] = answer["errors"]
    assert "Spaceship" in error["message"]
    assert error["extensions"]["field"] == "names"


def test_classes_of_an_own_file_are_marked_and_inherit_its_looks(graphql: Asking) -> None:
    asking = with_own_words(graphql)

    fields = "own colour icon keyClass attributes { name } relations { name }"
    by_name = {one["name"]: one for one in named(asking, ["Shipment", "Express"], fields)}
    shipment, express = by_name["Shipment"], by_name["Express"]

    assert shipment["own"] and express["own"]
    assert (shipment["colour"], shipment["icon"]) == ("#8a5bd6", "truck")
    assert (express["colour"], express["icon"], express["keyClass"]) == ("#8a5bd6", "truck", "Shipment")
    assert "weight" in [one["name"] for one in express["attributes"]]
    assert "carries" in [one["name"] for one in express["relations"]]


def test_status_tells_which_ontology_is_in_force(graphql: Asking) -> None:
    asking = with_own_words(graphql)

    def version(of: Asking) -> str:
        return str(of.data("{ status { ontologyVersion } }")["status"]["ontologyVersion"])

    assert version(graphql) == ONTOLOGY.version
    assert version(asking) == f"{ONTOLOGY.version} + shipping 3"

"""Glossaries and ontologies of others become facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph

from graph.errors import InvalidInput
from graph.model import Instant
from ingest import facts
from ingest.glossary import MAX_ANNOTATIONS, As, Glossary, read, split
from ontology import load

FILES = Path(__file__).parent / "glossary"
SKOS = "http://www.w3.org/2004/02/skos/core#"
OWL = "http://www.w3.org/2002/07/owl#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"


def entity(found: Glossary, name: str) -> dict[str, Any]:
    [one] = [it for it in found.entities if it["name"] == name]
    return one


def annotations(found: Glossary, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(entity(found, name)["attributes"].get("annotations", "{}"))
    return loaded


def targets(found: Glossary, name: str, relation: str) -> list[str]:
    return [it["name"] for it in entity(found, name)["relations"].get(relation, [])]


@pytest.fixture(scope="module")
def words() -> Glossary:
    return read((FILES / "words.ttl").read_bytes(), As.GLOSSARY)


@pytest.fixture(scope="module")
def parts() -> Glossary:
    return read((FILES / "parts.rdf").read_bytes(), As.REFERENCE)


def test_a_concept_becomes_a_term_with_all_that_there_is_a_word_for(words: Glossary) -> None:
    term = entity(words, "Customer")

    assert (term["type"], term["namespace"], term["description"]) == (
        "GlossaryTerm",
        "https://example.org/words#",
        "Who buys.",
    )
    assert {key: value for key, value in term["attributes"].items() if key != "annotations"} == {
        "sourceIri": "https://example.org/words#Customer",
        "displayName": "Customer",
        "definition": "Who buys.",
        "altLabel": ["Buyer", "Client"],
        "notation": ["C1"],
        "example": ["A cafe."],
        "scopeNote": ["No suppliers."],
        "exactMatch": ["https://schema.org/Customer"],
        "closeMatch": ["https://schema.org/Person"],
        "status": "deprecated",
    }


def test_relations_count_from_whichever_end_they_are_said(words: Glossary) -> None:
    assert targets(words, "Customer", "broader") == ["Party"]
    assert targets(words, "Customer", "related") == ["Order"]
    assert targets(words, "Order", "related") == ["Customer"]
    assert targets(words, "Party", "inGlossary") == targets(words, "Customer", "inGlossary") == ["words"]
    assert annotations(words, "Party") == {SKOS + "prefLabel": [{"@language": "de", "@value": "Partei"}]}


def test_the_only_scheme_of_a_file_is_that_of_every_concept(words: Glossary) -> None:
    assert targets(words, "Order", "inGlossary") == ["words"]


def test_what_has_no_word_is_kept_as_annotations(words: Glossary) -> None:
    assert annotations(words, "Customer") == {
        SKOS + "altLabel": [{"@language": "de", "@value": "Kunde"}],
        SKOS + "broader": [{"@id": "https://example.com/elsewhere#Agent"}],
        SKOS + "editorialNote": ["Check."],
    }
    scheme = annotations(words, "words")
    assert scheme["http://purl.org/dc/terms/creator"] == ["Ann"]
    assert set(scheme["https://example.org/words#Sales"][0]) == {
        SKOS + "member",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#type",
    }
    assert scheme["@graph"][0][OWL + "distinctMembers"] == [
        {"@list": [{"@id": f"https://example.org/words#{name}"} for name in ("Customer", "Order")]}
    ]
    assert words.left_out == 0


def test_a_scheme_becomes_a_glossary_that_comes_first(words: Glossary) -> None:
    scheme = words.entities[0]

    assert (scheme["type"], scheme["namespace"], scheme["name"]) == ("Glossary", "https://example.org/", "words")
    assert (scheme["attributes"]["displayName"], scheme["description"]) == ("Shop words", "What we mean.")
    assert words.terms == 3 == len(words.entities) - 1


@pytest.mark.parametrize("format", ["xml", "json-ld", "nt", "longturtle"])
def test_the_same_triples_make_the_same_terms_in_any_format(words: Glossary, format: str) -> None:
    graph = Graph().parse(FILES / "words.ttl")
    text = graph.serialize(format=format)

    assert read(text.encode(), As.GLOSSARY) == words


def test_owl_becomes_reference_terms_that_say_what_they_were(parts: Glossary) -> None:
    kinds = {it["name"]: it["attributes"]["termKind"] for it in parts.entities if it["type"] == "ReferenceTerm"}

    assert kinds == {"Part": "class", "Screw": "class", "thread": "property", "M4": "individual"}
    assert targets(parts, "Screw", "broader") == ["Part"]
    assert entity(parts, "Part")["description"] == "A piéce."
    assert entity(parts, "parts/")["attributes"]["displayName"] == "Parts"


def test_what_owl_says_beyond_a_tree_of_names_is_kept(parts: Glossary) -> None:
    [restriction] = annotations(parts, "Screw")[RDFS + "subClassOf"]

    assert restriction[OWL + "onProperty"] == [{"@id": "https://example.org/parts#thread"}]
    assert restriction[OWL + "cardinality"] == [
        {"@type": "http://www.w3.org/2001/XMLSchema#nonNegativeInteger", "@value": "1"}
    ]
    assert annotations(parts, "M4") == {
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#type": [{"@id": "https://example.org/parts#Screw"}]
    }


def test_json_ld_in_a_named_graph_is_read() -> None:
    found = read((FILES / "words.jsonld").read_bytes(), As.GLOSSARY)

    assert targets(found, "one", "inGlossary") == ["s"]
    assert entity(found, "one")["attributes"]["displayName"] == "One"


@pytest.mark.parametrize(
    ("name", "kind"), [("words.ttl", As.GLOSSARY), ("words.ttl", As.REFERENCE), ("parts.rdf", As.REFERENCE)]
)
def test_what_is_made_is_accepted_as_facts(name: str, kind: As) -> None:
    found = read((FILES / name).read_bytes(), kind)

    assert facts.accept(facts.document("1", "test", Instant(0), found.entities), load()).kind == facts.KIND


def test_annotations_that_are_too_long_lose_the_largest_and_say_so() -> None:
    order, large = "<https://example.org/words#Order>", "x" * MAX_ANNOTATIONS
    note = f'{order} <https://example.org/large> "{large}", "y" ; a <https://example.org/T> .'

    found = read((FILES / "words.ttl").read_bytes() + note.encode(), As.GLOSSARY)

    assert list(annotations(found, "Order")) == ["http://www.w3.org/1999/02/22-rdf-syntax-ns#type"]
    assert found.left_out == 2


def test_a_file_without_a_scheme_says_how_much_found_no_place() -> None:
    text = (
        f"<urn:x:a> a <{SKOS}Concept> ; <{SKOS}related> <urn:x:a> ."
        "<urn:x:b> <urn:x:says> 'one', 'two' ; <urn:x:more> 'three' ."
    )

    found = read(text.encode(), As.GLOSSARY)

    assert [(it["namespace"], it["name"]) for it in found.entities] == [("urn:x:", "a")]
    assert targets(found, "a", "related") == []
    assert found.left_out == 3


def test_a_class_twice_typed_is_a_class_and_a_scheme_that_is_a_concept_is_a_concept() -> None:
    text = f"<urn:x:a> a <{OWL}NamedIndividual>, <{OWL}Class> . <urn:x:b> a <{SKOS}Concept>, <{SKOS}ConceptScheme> ."

    found = read(text.encode(), As.REFERENCE)

    assert entity(found, "a")["attributes"]["termKind"] == "class"
    assert entity(found, "b")["type"] == "ReferenceTerm"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no skos:Concept with a name; is it for --as reference?"),
        (b"hello", "not valid Turtle at line 1"),
        (b"\xff\xfe\x00", "expected UTF-8"),
        (b"<a> <b> .\n<c> <d> <e> .", "not valid Turtle at line 1"),
        (b"{", "not valid RDF"),
        (b"[" * 100_000, "not valid RDF"),
        (b"?a ?b ?c .", "not valid RDF"),
        (b'<?xml version="1.0"?><rdf:RDF', "not valid RDF/XML"),
        (b'<?xml version="1.0" encoding="ISO-1"?><rdf:RDF/>', "not valid RDF"),
        (
            b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><a/></rdf:RDF>',
            "is it for --as reference",
        ),
        (b'{"@context": "https://schema.org", "@id": "urn:x:a"}', "its context is at https://schema.org, and nothing"),
        (b'{"@context": {"@import": "https://schema.org"}}', "its context is at https://schema.org, and nothing"),
        (b'[{"@graph": [{"@context": [{}, "https://schema.org"]}]}]', "its context is at https://schema.org"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(content, As.GLOSSARY)

    assert reason in caught.value.reason


def test_an_xml_entity_of_a_file_is_not_read() -> None:
    text = (
        '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY secret SYSTEM "file:///etc/hostname">]>'
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:skos="{SKOS}">'
        '<skos:Concept rdf:about="urn:x:a"><skos:prefLabel>name&secret;</skos:prefLabel></skos:Concept></rdf:RDF>'
    )

    found = read(text.encode(), As.GLOSSARY)

    assert entity(found, "a")["attributes"]["displayName"] == "name"


@pytest.mark.parametrize(
    ("iri", "parts"),
    [
        ("https://example.org/words#Order", ("https://example.org/words#", "Order")),
        ("https://example.org/words/Order", ("https://example.org/words/", "Order")),
        ("https://example.org/words/", ("https://example.org/", "words/")),
        ("https://example.org/words#", ("https://example.org/", "words#")),
        ("urn:iso:std:1", ("urn:iso:std:", "1")),
        ("https://example.org", ("https://", "example.org")),
        ("x:", ("x:", "x:")),
    ],
)
def test_an_iri_is_split_into_namespace_and_name_and_can_be_put_together_again(
    iri: str, parts: tuple[str, str]
) -> None:
    assert split(iri) == parts
    assert "".join(parts) == iri or parts == (iri, iri)

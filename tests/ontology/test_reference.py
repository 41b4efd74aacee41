"""The reference page, and what the manual says of the words."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pyoxigraph import RdfFormat, Store
from rdflib import Graph

from ontology import Ontology, Source, load
from ontology.picture import picture
from ontology.reference import reference

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs/ontology.md").read_text()
SHIPPING = Path(__file__).parent / "shipping.ttl"


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", MANUAL, re.MULTILINE | re.DOTALL)
    assert found, language
    return found[1]


def test_the_committed_pages_are_those_of_the_shipped_words(words: Ontology) -> None:
    """If not: `andon ontology doc`."""
    assert (ROOT / "docs/ontology/reference.md").read_text() == reference(words)
    assert (ROOT / "docs/ontology/classes.svg").read_text() == picture(words)


def test_every_word_is_on_the_page(words: Ontology) -> None:
    rows = re.findall(r"^\| (?:\*+)?(\w+)", reference(words), re.MULTILINE)

    assert set(rows) >= {*words.classes, *words.relations, *words.attributes}


def test_own_words_are_on_the_page_as_such() -> None:
    page = reference(load(own=[SHIPPING]))

    assert re.search(r"^## Shipping\n\nOwn file, version 3\.$", page, re.MULTILINE)
    assert "| **Shipment** | `shipment` | Entity | Goods on their way. |" in page
    assert "One of `burning`, `toxic`." in page


def test_what_a_word_says_cannot_break_out_of_its_row() -> None:
    text = SHIPPING.read_text().replace("Goods on their way.", "A | B <script> `x`.")

    page = reference(load(own=[Source("shipping.ttl", text.encode())]))

    assert "A \\| B &lt;script&gt; \\`x\\`." in page


def test_the_picture_shows_every_class_below_a_key_class_once(words: Ontology) -> None:
    texts = [it.text for it in ElementTree.fromstring(picture(words)).iter("{http://www.w3.org/2000/svg}text")]
    labels = [it.label for it in words.classes.values() if it.kind]

    assert [label for label in labels if texts.count(label) != 1] == []


def test_the_manual_s_example_of_own_words_can_be_loaded() -> None:
    words = load(own=[Source("shipping.ttl", block("turtle").encode())])

    assert words.classes["Shipment"].kind == "shipment"
    assert (words.relations["listedIn"].inverse, words.attributes["weight"].range) == ("lists", "decimal")


SHOP = """
@prefix : <https://andon.dev/ns#> .
@prefix u: <urn:andon:> .
u:bill :partOfProcess <urn:andon:process:shop:billing> ;
    :reads u:orders, u:scratch ; :writes u:scratch, u:bills, u:log .
u:send :partOfProcess <urn:andon:process:shop:billing> ; :reads u:bills ; :writes u:sent .
u:import :writes u:orders .
u:report :reads u:bills, u:sent .
u:sales :owns u:import . u:web :owns u:orders . u:finance :owns u:report . u:billing :owns u:bill, u:send .
u:auditor :uses u:log .
"""


def test_the_manual_s_query_derives_suppliers_inputs_outputs_and_customers() -> None:
    graph = Graph().parse(data=SHOP, format="turtle")
    store = Store()
    store.load(SHOP.encode(), RdfFormat.TURTLE)

    by_rdflib = [(str(row[0]), str(row[1])) for row in graph.query(block("sparql"))]
    by_oxigraph = [(row["part"].value, row["entity"].value) for row in store.query(block("sparql"))]

    assert by_rdflib == by_oxigraph
    assert [(part, iri.removeprefix("urn:andon:")) for part, iri in by_rdflib] == [
        *(("customer", "auditor"), ("customer", "finance")),
        ("input", "orders"),
        *(("output", "bills"), ("output", "log"), ("output", "sent")),
        *(("supplier", "sales"), ("supplier", "web")),
    ]


def test_the_manual_s_query_speaks_in_words_of_the_ontology(words: Ontology) -> None:
    known = {*words.relations, *words.attributes, *(it.inverse for it in words.relations.values())}

    assert set(re.findall(r" andon:(\w+)", block("sparql"))) <= known


def test_the_words_that_the_manual_names_are_there(words: Ontology) -> None:
    known = {*words.classes, *words.relations, *words.attributes, *(it.inverse for it in words.relations.values())}
    spans = set(re.findall(r"`([A-Za-z]+)`", re.sub(r"^```.*?^```", "", MANUAL, flags=re.MULTILINE | re.DOTALL)))

    of_http = {"GET", "POST", "DELETE", "admin", "fault", "ontology"}  # methods, a scope, and what is answered
    assert spans - known - of_http == set()

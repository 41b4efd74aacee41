"""Words of one's own: read together with the shipped ones, or refused whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ontology import Alignment, Ontology, OntologyError, Source, load, own_files
from ontology.classes import PLAIN_COLOUR, PLAIN_ICON

HERE = Path(__file__).parent
SHIPPING = HERE / "shipping.ttl"
_CASE = re.compile(r"^==== (.+?)\n(.+?)(?=^====|\Z)", re.MULTILINE | re.DOTALL)
FAULTS = dict(_CASE.findall((HERE / "own_faults.txt").read_text()))
MARK = "# <- "


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load(own=[SHIPPING])


def told(error: OntologyError) -> set[tuple[str, int, str]]:
    return {(fault.file, fault.line, fault.reason) for fault in (error, *error.others)}


@pytest.mark.parametrize("title", FAULTS)
def test_every_fault_of_an_own_file_is_told_with_its_line_and_nothing_else(title: str) -> None:
    text = SHIPPING.read_text() + FAULTS[title]
    wanted = [(line, row.split(MARK)[1]) for line, row in enumerate(text.split("\n"), 1) if MARK in row]

    with pytest.raises(OntologyError) as caught:
        load(own=[Source("shipping.ttl", text.encode())])

    found = sorted((line, reason) for _, line, reason in told(caught.value))
    assert [line for line, _ in found] == [line for line, _ in wanted], found
    assert all(words in reason for (_, words), (_, reason) in zip(wanted, found, strict=True)), found
    assert {file for file, _, _ in told(caught.value)} == {"shipping.ttl"}


def test_own_words_stand_beside_the_shipped_ones(words: Ontology) -> None:
    shipped = load()

    assert set(words.classes) - set(shipped.classes) == {"Shipment", "Express", "Manifest"}
    assert set(words.relations) - set(shipped.relations) == {"carries"}
    assert set(words.attributes) - set(shipped.attributes) == {"weight", "hazard"}
    assert words.subclasses("File") == {"File", "Manifest"}
    assert words.superclasses("Express") == {"Express", "Shipment", "Entity"}


def test_an_own_key_class_needs_neither_colour_nor_icon_and_hands_on_what_it_has(words: Ontology) -> None:
    shipment, express = words.classes["Shipment"], words.classes["Express"]

    assert (shipment.colour, shipment.icon) == (PLAIN_COLOUR, PLAIN_ICON)
    assert (express.colour, express.icon) == (PLAIN_COLOUR, "rocket")


def test_an_own_subclass_takes_its_colour_from_the_shipped_key_class(words: Ontology) -> None:
    assert words.classes["Manifest"].colour == words.classes["Dataset"].colour


def test_own_naming_schemes_count_also_for_shipped_classes(words: Ontology) -> None:
    assert words.type_for("dataset", "edi://partner", None) == "Manifest"
    assert words.type_for("dataset", "ourdb://host", None) == "Table"


def test_an_own_file_may_translate_and_align_a_shipped_class(words: Ontology) -> None:
    table = words.classes["Table"]

    assert table.label == "Table"
    assert Alignment("closeMatch", "https://example.com/shipping#Sheet") in table.alignments


def test_a_term_knows_its_file_and_the_version_names_the_own_ones(words: Ontology) -> None:
    assert (words.classes["Shipment"].module, words.attributes["billedCost"].module) == ("shipping", "cost")
    assert [it.name for it in words.modules if it.own] == ["shipping"]
    assert words.version == f"{load().version} + shipping 3"


def test_a_relation_of_an_own_namespace_knows_the_iri_of_its_inverse(words: Ontology) -> None:
    assert words.relations["carries"].inverse_iri == "https://example.com/shipping#carriedBy"


def test_an_own_file_that_names_words_of_another_is_read_with_it(tmp_path: Path) -> None:
    more = tmp_path / "more.ttl"
    more.write_text(
        SHIPPING.read_text().split("<https://example.com/shipping>")[0]
        + '<https://example.com/more> a owl:Ontology ; owl:versionInfo "1" .\n'
        + 'my:Parcel a owl:Class ; rdfs:subClassOf my:Shipment ; rdfs:label "Parcel" ; skos:definition "Small." .\n'
    )

    for order in ([SHIPPING, more], [more, SHIPPING]):
        assert load(own=order).key_class_of("Parcel") == "Shipment"
    with pytest.raises(OntologyError, match="Parcel names the unknown class"):
        load(own=[more])


def test_a_fault_in_one_of_two_own_files_names_that_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.ttl"
    bad.write_text('<https://example.com/bad> a <http://www.w3.org/2002/07/owl#Ontology> .\n<a> <b> "')

    with pytest.raises(OntologyError) as caught:
        load(own=[SHIPPING, bad])

    assert (caught.value.file, caught.value.line) == (str(bad), 2)


def test_own_files_without_a_header_or_of_one_name_are_refused() -> None:
    with pytest.raises(OntologyError, match="empty.ttl, line 1: expected one owl:Ontology with its version, found 0"):
        load(own=[Source("empty.ttl", b"")])
    header = b"@prefix owl: <http://www.w3.org/2002/07/owl#> . <https://example.com/cost> a owl:Ontology ."
    with pytest.raises(OntologyError, match="costs.ttl, line 1: cost has no owl:versionInfo"):
        load(own=[Source("costs.ttl", header)])
    with pytest.raises(OntologyError, match="there is a shipping.ttl already"):
        load(own=[SHIPPING, Source("other/shipping.ttl", SHIPPING.read_bytes())])


def test_own_files_go_with_a_base_of_one_s_own_too() -> None:
    with pytest.raises(OntologyError, match="names the unknown class <https://andon.dev/ns#Entity>"):
        load(HERE / "sound.ttl", own=[SHIPPING])


def test_a_folder_s_turtle_files_come_by_name(tmp_path: Path) -> None:
    for name in ("b.ttl", "a.ttl", ".hidden.ttl", "c.txt"):
        (tmp_path / name).touch()

    assert own_files(tmp_path) == (tmp_path / "a.ttl", tmp_path / "b.ttl")
    assert own_files(tmp_path / "nowhere") == ()


def test_braided_classes_are_read_in_good_time() -> None:
    """Each class has the two before it as superclasses: as many ways up as Fibonacci's numbers."""
    text = SHIPPING.read_text() + "".join(
        f'my:C{n} a owl:Class ; rdfs:label "{n}" ; skos:definition "x." ; rdfs:subClassOf '
        + (f"my:C{n - 1}, my:C{n - 2} .\n" if n > 1 else "my:Shipment .\n")
        for n in range(200)
    )

    words = load(own=[Source("shipping.ttl", text.encode())])

    assert len(words.superclasses("C199")) == 202


def test_brackets_without_end_are_refused() -> None:
    with pytest.raises(OntologyError, match="not valid Turtle"):
        load(own=[Source("deep.ttl", SHIPPING.read_bytes() + b"[" * 5_000)])

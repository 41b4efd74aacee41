"""What changed between two ontologies."""

from __future__ import annotations

from pathlib import Path

from ontology import Ontology, Source, load
from ontology.difference import Change, Changes, difference

SHIPPING = (Path(__file__).parent / "shipping.ttl").read_text()


def with_own(text: str) -> Ontology:
    return load(own=[Source("shipping.ttl", text.encode())])


def test_the_same_words_differ_in_nothing_whatever_their_file_and_version() -> None:
    again = SHIPPING.replace('owl:versionInfo "3"', 'owl:versionInfo "4"')

    assert not difference(with_own(SHIPPING), with_own(again))
    assert not difference(load(), load())


def test_an_own_file_adds_words_and_changes_what_it_speaks_of() -> None:
    found = difference(load(), with_own(SHIPPING))

    assert found.classes == Changes(
        added=("Express", "Manifest", "Shipment"), changed=(Change("Table", ("alignments", "naming_schemes")),)
    )
    assert found.relations == Changes(added=("carries",))
    assert found.attributes == Changes(added=("hazard", "weight"))
    assert found


def test_taking_it_away_removes_them() -> None:
    found = difference(with_own(SHIPPING), load())

    assert found.classes.removed == ("Express", "Manifest", "Shipment")
    assert (found.relations.removed, found.attributes.removed) == (("carries",), ("hazard", "weight"))


def test_a_changed_term_names_the_fields_in_which_it_differs() -> None:
    after = SHIPPING.replace('andon:kind "shipment"', 'andon:kind "freight"').replace(
        "my:weight a owl:DatatypeProperty, owl:FunctionalProperty", "my:weight a owl:DatatypeProperty"
    )

    found = difference(with_own(SHIPPING), with_own(after))

    assert found.classes.changed == (Change("Express", ("kind",)), Change("Shipment", ("kind",)))
    assert found.attributes.changed == (Change("weight", ("cardinality",)),)
    assert not found.relations

"""The graph that is written as RDF fits the SHACL shapes that are derived from the ontology."""

from __future__ import annotations

import pytest
import rdflib

from ontology import Ontology
from ontology.checking import check
from ontology.shapes import shapes
from tests.end_to_end.service import Service, run_andon

NAME = rdflib.URIRef("https://andon.dev/ns#name")


@pytest.fixture(scope="module")
def dump(estate: Service) -> rdflib.Graph:
    done = run_andon("export", "--data", str(estate.data), "--format", "ntriples")
    assert done.returncode == 0, done.stderr
    return rdflib.Graph().parse(data=done.stdout, format="nt")


def test_the_demo_estate_breaks_no_shape(dump: rdflib.Graph, words: Ontology) -> None:
    assert len(dump) > 10_000
    assert check(dump, shapes(words)) == ()


def test_a_shape_that_is_broken_in_it_is_found(dump: rdflib.Graph, words: Ontology) -> None:
    agent = rdflib.URIRef("urn:andon:agent::team%3Afinance")
    spoiled = rdflib.Graph()
    spoiled += dump
    spoiled.remove((agent, NAME, None))

    assert [(it.focus, it.path) for it in check(spoiled, shapes(words))] == [(str(agent), str(NAME))]

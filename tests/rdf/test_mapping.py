"""What the mapping says of each kind of thing, in Turtle that was written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import rdflib
import yaml

from graph.rdf.delta import whole
from graph.rdf.describing import Describing
from graph.rdf.documents import text
from graph.rdf.mapping import Description, quads
from graph.rdf.syntax import iri, n_quads
from graph.rdf.terms import PREFIXES, Terms
from graph.snapshot import Snapshot
from graph.sqlite import SqliteGraph
from ontology import Ontology
from tests.contract.telling import tell
from tests.rdf.parsing import parsed, quads_of
from tests.reference.events import ds, run_event

CASES = yaml.safe_load((Path(__file__).parent / "mapping.yaml").read_text())
HEAD = "".join(f"@prefix {name}: <{namespace}> .\n" for name, namespace in PREFIXES.items())


def said_of(fold: SqliteGraph, terms: Terms, urn: str) -> rdflib.Dataset:
    """All that the graph says with this subject, or with a part of it."""
    with fold.snapshot() as snapshot:
        assert isinstance(snapshot, Snapshot)
        every = [quad for part in whole(snapshot, terms) for quad in part]
    wanted = [it for it in every if it[0] == iri(urn) or it[0].startswith(iri(urn)[:-1] + "#")]
    return parsed("".join(text([wanted], terms, "trig")), "trig")


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_it_says(case: dict[str, str], fold: SqliteGraph, terms: Terms) -> None:
    tell(fold, yaml.safe_load(case["told"]) if isinstance(case["told"], str) else case["told"])
    found = said_of(fold, terms, case["urn"])
    wanted = quads_of(parsed(HEAD + case["says"], "trig"))
    said = quads_of(found)
    assert said == wanted, f"too much {sorted(said - wanted)}, missing {sorted(wanted - said)}"


def test_it_is_pure_and_needs_no_store(fold: SqliteGraph, terms: Terms) -> None:
    tell(fold, [run_event(1, "COMPLETE", ["a"], ["b"])])
    with fold.snapshot() as snapshot:
        assert isinstance(snapshot, Snapshot)
        record = snapshot.entity(ds("b"))
        assert record is not None
        [described] = Describing(snapshot).describe([record.id])
    alone = Description(record=record)
    assert set(quads(alone, terms)) < set(quads(described, terms))
    assert list(quads(described, terms)) == list(quads(described, terms))


def test_every_iri_of_the_graph_is_one(fold: SqliteGraph, words: Ontology, terms: Terms) -> None:
    names = ["a b", "ü/表", "100%", "a:b", '<>"{}|\\^`', "🙂", "a#b?c=d&e"]
    tell(
        fold, [run_event(it, "COMPLETE", [name], [f"{name}2"], job=name, run=name) for it, name in enumerate(names, 1)]
    )
    with fold.snapshot() as snapshot:
        assert isinstance(snapshot, Snapshot)
        document = "".join(n_quads(quad for part in whole(snapshot, terms) for quad in part))
    found = quads_of(parsed(document, "nquads"))
    assert len(found) > 100
    iris = {it[1:-1] for quad in found for it in quad[:3] if it[0] == "<"}
    assert all(rdflib.term._is_valid_uri(it) and it.isascii() for it in iris)

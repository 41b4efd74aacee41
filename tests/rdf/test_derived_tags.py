"""Derived tags in RDF: there while they follow, gone after, said as inferred."""

from __future__ import annotations

from graph.rdf.projection import Projection
from graph.rdf.terms import Terms
from tests.jobs.board import ONTOLOGY, board
from tests.jobs.test_propagation import CHAIN, mail, silent
from tests.rdf.projected import MemoryStore, described, held
from tests.reference.events import col


def tagged(store: MemoryStore) -> list[list[str]]:
    """(who, what, graph if any) of what has tags."""
    quads = [line.removesuffix(" .").split() for line in held(store)]
    return [[quad[0], *quad[2:]] for quad in quads if quad[1] == "<https://andon.dev/ns#hasTag>"]


def test_they_come_and_go_with_what_they_follow_from() -> None:
    terms = Terms(ONTOLOGY)
    store = MemoryStore()
    with board() as it:
        projection = Projection(it.graph, it.graph.position, store, terms)
        projection.start()
        try:
            it.tell(*CHAIN)
            projection.await_fresh(len(it.journal), 30)
            it.tell(mail(5))
            it.follow()
            projection.await_fresh(len(it.journal), 30)
            assert held(store) == described(it.graph, terms)
            assert [f"<{col('d', 'x')}>", "<urn:andon:tag::pii>", "<urn:andon:graph:inferred>"] in tagged(store)

            it.tell(silent(6, "a.x", "b.x"))
            it.follow()
            projection.await_fresh(len(it.journal), 30)
            assert held(store) == described(it.graph, terms)
            assert {each[0] for each in tagged(store)} == {f"<{col('a', 'x')}>"}
        finally:
            projection.stop()

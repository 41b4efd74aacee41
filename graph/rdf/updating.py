"""SPARQL updates that replace descriptions: what to ask a store first, and what to write then. Pure.

A description's triples are found again from what its subjects say: those with other predicates than inverses, and the
inverses of these. What is the same afterwards is neither deleted nor written.

The words that entities use (tags, owners' names) are described for as long as one of them does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from graph.changed import Mark
from graph.database import in_chunks
from graph.model import Position

from .delta import Delta
from .mapping import AGENTS, INFERRED, PART_PREDICATES, PEOPLE, TAGS, word_predicates
from .syntax import Quad, iri, typed
from .terms import Terms, term

MARK = iri("urn:andon:graph:projection")
"""The named graph that tells how far a store is written; also the one subject in it."""

GRAPHS = (PEOPLE, INFERRED)
AT_ONCE = 1_000
"""Subjects that one query or statement names."""

_MARK_FIELDS = ("incarnation", "position", "lastEdge", "lastNode")


@dataclass(frozen=True, slots=True)
class Held:
    """What a store holds: everything up to `mark`, by the terms of `fingerprint`."""

    mark: Mark
    fingerprint: str


Rows = Iterable[Sequence[str]]
"""Solutions of a SELECT query, as terms in the order of its variables; "" for what is not bound."""

MARK_QUERY = f"SELECT ?p ?o WHERE {{ GRAPH {MARK} {{ {MARK} ?p ?o }} }}"
ANYTHING_QUERY = "SELECT ?s WHERE { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } } LIMIT 1"


def read_mark(rows: Rows) -> Held | None:
    """What a store holds by the answer to `MARK_QUERY`; None where it holds nothing, or a part of something."""
    found = {predicate[1:-1].rpartition("#")[2]: text.split('"')[1] for predicate, text in rows}
    if not found.keys() >= {*_MARK_FIELDS, "fingerprint"}:
        return None
    incarnation, position, last_edge, last_node = (int(found[name]) for name in _MARK_FIELDS)
    return Held(Mark(incarnation, Position(position), last_edge, last_node), found["fingerprint"])


def mark_quads(held: Held) -> Iterator[Quad]:
    mark = held.mark
    values = (mark.incarnation, mark.position, mark.last_edge, mark.last_node)
    for name, value in zip(_MARK_FIELDS, values, strict=True):
        yield MARK, _mark_predicate(name), typed(str(int(value)), "integer"), MARK
    yield MARK, _mark_predicate("fingerprint"), f'"{held.fingerprint}"', MARK


def _mark_predicate(name: str) -> str:
    return iri(f"urn:andon:graph:projection#{name}")


def about(subjects: Collection[str], terms: Terms) -> Iterator[str]:
    """Queries for (subject, predicate, object, graph) of all that the descriptions of these say themselves."""
    excluded = f'FILTER(?p NOT IN ({", ".join(terms.inverses)}) || STRSTARTS(STR(?o), "{AGENTS}"))'
    for some in in_chunks(sorted(subjects), AT_ONCE):
        among = f"VALUES ?s {{ {' '.join(some)} }}"
        yield f"SELECT ?s ?p ?o ?g WHERE {{ {among} ?s ?p ?o {excluded} }}"
        for graph in GRAPHS:
            yield f"SELECT ?s ?p ?o ({graph} AS ?g) WHERE {{ {among} GRAPH {graph} {{ ?s ?p ?o }} {excluded} }}"


def further_subjects(held: Iterable[Quad], widened: Collection[str], terms: Terms) -> set[str]:
    """Of what is held: the parts of the subjects, and the columns of those whose columns are said anew."""
    has_column = terms.link("hasColumn").predicates[0]
    found = set()
    for subject, predicate, value, _ in held:
        is_part = predicate in PART_PREDICATES and value.startswith(subject[:-1] + "#")
        if is_part or (predicate == has_column and subject in widened):
            found.add(value)
    return found


def with_inverses(said: Iterable[Quad], terms: Terms) -> set[Quad]:
    """What descriptions say themselves, and the inverses that they said with it."""
    inverse_of = {terms.link(name).predicates[0]: terms.link(name).inverse for name in terms.ontology.relations}
    owns = terms.link("owns")
    found: set[Quad] = set()
    for quad in said:
        subject, predicate, value, graph = quad
        found.add(quad)
        inverse = inverse_of.get(predicate)
        if inverse is not None:
            found.add((value, inverse, subject, graph))
        if predicate == owns.inverse:
            found |= {(value, it, subject, graph) for it in owns.predicates}
    return found


@dataclass(frozen=True, slots=True)
class Update:
    """`words` may be described without being used any more, once this is written."""

    deleted: Collection[Quad]
    inserted: Collection[Quad]
    words: Collection[str]
    renewed: Collection[str]
    times: Collection[Quad]


def update_of(delta: Delta, held: Iterable[Quad]) -> Update:
    """What brings a store that holds this of the delta's subjects to what the delta says."""
    before, after = with_inverses(held, delta.terms), set(delta.quads)
    words = {value for _, _, value, _ in before if value.startswith((f"<{TAGS}", f"<{AGENTS}"))}
    return Update(before - after, after - before, words, delta.renewed, delta.times)


def statements(update: Update, held: Held, terms: Terms, fence: Held | None = None) -> Iterator[str]:
    """The update's operations in their order, the new mark last; each can be sent alone, all of them as one.

    With a `fence` they do nothing in a store that holds anything else than that by then.
    """
    where = "" if fence is None else marked(fence)
    for predicate in terms.values("updatedAt").predicates:
        for some in in_chunks(sorted(update.renewed), AT_ONCE):
            pattern = f"VALUES ?s {{ {' '.join(some)} }} ?s {predicate} ?o"
            yield f"DELETE {{ ?s {predicate} ?o }} WHERE {{ {where} {pattern} }}"
    yield from data("DELETE", update.deleted, where)
    yield from data("INSERT", (*update.inserted, *update.times), where)
    tagged, owned = terms.link("hasTag").predicates[0], terms.link("owns").inverse or term("prov:wasAttributedTo")
    described_by = ", ".join(word_predicates(terms))
    for some in in_chunks(sorted(update.words), AT_ONCE):
        yield (
            f"DELETE {{ ?w ?p ?o }} WHERE {{ {where} VALUES ?w {{ {' '.join(some)} }}"
            f" FILTER NOT EXISTS {{ ?x {tagged} ?w }} FILTER NOT EXISTS {{ ?y {owned} ?w }}"
            f" ?w ?p ?o FILTER(?p IN ({described_by})) }}"
        )
    yield from moving(held, where)


def moving(held: Held, where: str = "") -> Iterator[str]:
    """Operations that put the mark where it is to be, only if `where` has a solution."""
    if not where:
        yield f"DELETE WHERE {{ GRAPH {MARK} {{ ?s ?p ?o }} }}"
        yield from data("INSERT", list(mark_quads(held)))
        return
    new = " ".join(f"{subject} {predicate} {value} ." for subject, predicate, value, _ in mark_quads(held))
    yield (
        f"DELETE {{ GRAPH {MARK} {{ ?s ?p ?o }} }} INSERT {{ GRAPH {MARK} {{ {new} }} }}"
        f" WHERE {{ {where} GRAPH {MARK} {{ ?s ?p ?o }} }}"
    )


def marked(held: Held) -> str:
    """The pattern that has a solution where a store has just this mark."""
    return f"GRAPH {MARK} {{ {' '.join(f'{it[0]} {it[1]} {it[2]} .' for it in mark_quads(held))} }}"


def data(operation: str, quads: Collection[Quad], where: str = "") -> Iterator[str]:
    """DELETE or INSERT these quads, only if `where` has a solution."""
    for some in in_chunks(sorted(quads, key=lambda it: it[3]), 5 * AT_ONCE):
        by_graph: dict[str, list[str]] = {}
        for subject, predicate, value, graph in some:
            by_graph.setdefault(graph, []).append(f"{subject} {predicate} {value} .")
        triples = "\n".join(
            f"GRAPH {graph} {{ {' '.join(lines)} }}" if graph else "\n".join(lines) for graph, lines in by_graph.items()
        )
        yield f"{operation} {{ {triples} }} WHERE {{ {where} }}" if where else f"{operation} DATA {{ {triples} }}"

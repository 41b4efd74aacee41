"""A fold state with its projection in a triple store, brought along at each commit; and all that it then holds."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from pyoxigraph import RdfFormat, Store

from graph.model import PRESENT, AsOf, Change, Envelope, Position
from graph.postgres import PostgresGraph
from graph.rdf.delta import Delta, whole
from graph.rdf.projection import Projection
from graph.rdf.store import TripleStore, held_of
from graph.rdf.syntax import Quad, n_quads
from graph.rdf.terms import Terms
from graph.rdf.updating import MARK, MARK_QUERY, Held, Rows, mark_quads, read_mark, statements, update_of
from graph.reader import GraphSnapshot
from graph.snapshot import Snapshot
from graph.sqlite import SqliteGraph
from graph.statements import Statements

Fold = SqliteGraph | PostgresGraph


class AnyStore(TripleStore, Protocol):
    def select(self, query: str) -> Rows: ...


class MemoryStore:
    """A triple store for the tests of what is written: the same updates, and no disk."""

    def __init__(self) -> None:
        self._store = Store()

    def select(self, query: str) -> Rows:
        for solution in self._store.query(query):  # type: ignore[union-attr]
            yield ["" if term is None else str(term) for term in solution]

    def held(self) -> Held | None:
        return read_mark(self.select(MARK_QUERY))

    def apply(self, delta: Delta, before: Held, after: Held) -> None:
        assert self.held() == before
        self._store.update(";\n".join(statements(update_of(delta, held_of(delta, self)), after, delta.terms)))

    def build(self, parts: Iterable[Iterable[Quad]], held: Held) -> None:
        self._store = Store()
        for part in (*parts, mark_quads(held)):
            self._store.load("".join(n_quads(part)).encode(), RdfFormat.N_QUADS)

    def forget_others(self, incarnation: int) -> None:
        self._store = Store()

    def close(self) -> None: ...


class Projected:
    """A store that the projector folds to: `tests.contract.telling.tell` tells it."""

    def __init__(self, fold: Fold, store: AnyStore, terms: Terms) -> None:
        self.fold_state = fold
        self.store = store
        self.terms = terms
        self.projection = Projection(fold, fold.position, store, terms)
        self.projection.step()

    def position(self) -> Position:
        return self.fold_state.position()

    def transaction(self) -> AbstractContextManager[None]:
        return self.fold_state.transaction()

    def fold(self, envelope: Envelope, statements: Statements) -> list[Change]:
        return self.fold_state.fold(envelope, statements)

    def commit(self, position: Position) -> None:
        self.fold_state.commit(position)
        self.projection.step()

    def snapshot(self, as_of: AsOf = PRESENT) -> AbstractContextManager[GraphSnapshot]:
        return self.fold_state.snapshot(as_of)


def held(store: AnyStore) -> set[str]:
    """Every quad that the store holds, but for its mark, as canonical N-Quads lines."""
    rows = store.select("SELECT ?s ?p ?o ?g WHERE { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }")
    return canonical((row[0], row[1], row[2], row[3]) for row in rows if row[3] != MARK)


def described(fold: Fold, terms: Terms, as_of: AsOf = PRESENT) -> set[str]:
    """Every quad that a store built anew would have, as canonical N-Quads lines."""
    with fold.snapshot(as_of) as snapshot:
        assert isinstance(snapshot, Snapshot)
        return canonical(quad for part in whole(snapshot, terms) for quad in part)


def canonical(quads: Iterable[Quad]) -> set[str]:
    """As Oxigraph writes them: engines write some numbers and dates in their own way."""
    store = Store()
    store.load("".join(n_quads(quads)).encode(), RdfFormat.N_QUADS)
    return {f"{quad} ." for quad in store}


def assert_as_if_built_anew(store: Projected, told: str = "") -> None:
    left, wanted = held(store.store), described(store.fold_state, store.terms)
    assert left == wanted, f"{told}: too much {sorted(left - wanted)[:5]}, missing {sorted(wanted - left)[:5]}"

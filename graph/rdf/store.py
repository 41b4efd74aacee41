"""The port of a triple store that keeps the projection: an Oxigraph on disk, or a server of SPARQL 1.1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from .delta import Delta
from .syntax import Quad
from .updating import Held, Rows, about, further_subjects


class TripleStore(Protocol):
    """Written by one thread."""

    def held(self) -> Held | None:
        """What it holds, None where that is nothing, or a part of something. Raises `Unavailable` while it is away."""

    def apply(self, delta: Delta, before: Held, after: Held) -> None:
        """Bring it from `before` to `after`, all or nothing; the mark is written with the rest.

        Raises `Unavailable` where it is away, or holds something else than `before` by now.
        """

    def build(self, parts: Iterable[Iterable[Quad]], held: Held) -> None:
        """Have it hold these quads and nothing else; until that is done it may hold what it held, or nothing."""

    def forget_others(self, incarnation: int) -> None:
        """Hold nothing of other makings of the fold state than this: what they say may be there no more."""

    def close(self) -> None: ...


class Selecting(Protocol):
    def select(self, query: str) -> Rows: ...


def held_of(delta: Delta, store: Selecting) -> list[Quad]:
    """What a store holds of the descriptions that a delta replaces, with their parts and columns."""
    terms = delta.terms
    found = [_quad(row) for query in about(delta.subjects, terms) for row in store.select(query)]
    further = further_subjects(found, delta.widened, terms) - delta.subjects
    found += [_quad(row) for query in about(further, terms) for row in store.select(query)] if further else ()
    return found


def _quad(row: Iterable[str]) -> Quad:
    subject, predicate, value, graph = row
    return subject, predicate, value, graph

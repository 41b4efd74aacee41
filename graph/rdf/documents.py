"""Whole documents of the graph in the formats that there are, as text that is made while it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from graph.snapshot import Snapshot

from .catalogue import CATALOG, KINDS, catalogue
from .describing import Describing
from .mapping import quads
from .syntax import Quad, json_ld, n_quads, trig, turtle
from .terms import Terms

MEDIA_TYPES: Mapping[str, str] = {
    "turtle": "text/turtle",
    "jsonld": "application/ld+json",
    "ntriples": "application/n-triples",
    "nquads": "application/n-quads",
    "trig": "application/trig",
}
"""The media type of each format."""

OF_ONE_GRAPH = ("turtle", "jsonld", "ntriples")
"""The formats of a document about one thing."""


def dump(snapshot: Snapshot, terms: Terms, format: str) -> Iterator[str]:
    """All that is so as of the snapshot, people's and inferred graphs in the formats that have graphs."""
    parts = ([quad for it in part for quad in quads(it, terms)] for part in Describing(snapshot).everything())
    return text(parts, terms, format)


def catalogue_text(snapshot: Snapshot, terms: Terms, format: str, address: str = CATALOG) -> Iterator[str]:
    """The catalogue of `catalogue.py`."""
    described = Describing(snapshot).everything(KINDS, with_columns=False)
    return text(catalogue(described, terms, address), terms, format)


def document_text(quads: Sequence[Quad], terms: Terms, format: str) -> str:
    """Of one thing: its JSON-LD context has only the terms that it uses."""
    if format == "jsonld":
        return "".join(json_ld(quads, terms.context_of(quads), terms.shortening))
    return "".join(text([quads], terms, format))


def text(parts: Iterable[Iterable[Quad]], terms: Terms, format: str) -> Iterator[str]:
    """Of each part, what is in one graph and of one subject stands together."""
    ordered = (quad for part in parts for quad in _grouped(part))
    if format == "nquads":
        return n_quads(ordered)
    if format == "trig":
        return trig(ordered, terms.shortening)
    if format == "jsonld":
        return json_ld(ordered, terms.context, terms.shortening)
    default = (quad for quad in ordered if not quad[3])
    return n_quads(default) if format == "ntriples" else turtle(default, terms.shortening)


def _grouped(part: Iterable[Quad]) -> list[Quad]:
    order: dict[str, int] = {}
    found = list(part)
    for quad in found:
        order.setdefault(quad[0], len(order))
    return sorted(found, key=lambda it: (it[3], order[it[0]]))

"""rdflib as the reader of what is written."""

from __future__ import annotations

import warnings

import rdflib

Triples = set[tuple[str, str, str]]
Quads = set[tuple[str, str, str, str]]


def parsed(document: str | bytes, format: str) -> rdflib.Dataset:
    """Its warnings about itself are none of ours; that an IRI is none, it says otherwise."""
    found = rdflib.Dataset()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Dataset", DeprecationWarning)
        warnings.filterwarnings("ignore", "ConjunctiveGraph", DeprecationWarning)
        found.parse(data=document, format=format)
    return found


def quads_of(dataset: rdflib.Dataset) -> Quads:
    """As N-Triples terms; "" is the default graph."""
    found = set()
    for subject, predicate, value, graph in dataset.quads():
        name = "" if graph is None or str(graph).startswith("urn:x-rdflib") else str(graph)
        found.add((subject.n3(), predicate.n3(), value.n3(), name))
    return found


def triples_of(graph: rdflib.Graph, name: str | None = None) -> Triples:
    if isinstance(graph, rdflib.Dataset):
        return {it[:3] for it in quads_of(graph) if it[3] == (name or "")}
    return {(subject.n3(), predicate.n3(), value.n3()) for subject, predicate, value in graph}

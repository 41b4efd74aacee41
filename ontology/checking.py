"""Holds a graph against SHACL shapes, by pyshacl (extra `rdf`)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from rdflib import RDF, SH, Graph
from rdflib.term import Node

from ontology.shapes import SHAPES
from ontology.turtle import local_name

_QUIET = logging.getLogger("andon.shacl")


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One thing that a shape found wrong: `path` is the IRI of the property, or "" where the whole node is at fault;
    `severity` is "Violation", "Warning" or "Info"."""

    focus: str
    path: str
    message: str
    severity: str


def check(data: Graph, shapes: Graph) -> tuple[Violation, ...]:
    """What the shapes find wrong with the data, sorted by focus; neither graph is changed.

    The cost grows with the entities in `data` and the properties they have. Raises `ImportError` without pyshacl.
    """
    # An import of its own: who never checks needs no pyshacl.
    from pyshacl import Validator
    from pyshacl.graph_abstraction import DataGraph

    # Not `pyshacl.validate`: while that copies the shapes, rdflib normalises no literals in any thread.
    validator = Validator(DataGraph.from_rdflib(data), shacl_graph=_copy(shapes), options={"logger": _QUIET})
    _, report, _ = validator.run()  # type: ignore[no-untyped-call]  # it has no types of its own
    found = {_violation(report, result) for result in report.subjects(RDF.type, SH.ValidationResult)}
    return tuple(sorted(found.union(_unknown_terms(data, shapes))))


def _unknown_terms(data: Graph, shapes: Graph) -> Iterator[Violation]:
    known = set(shapes.objects(SHAPES.terms, SHAPES.known))
    namespaces = tuple(map(str, shapes.objects(SHAPES.terms, SHAPES.namespace)))
    for path in set(data.predicates()) - known:
        if namespaces and str(path).startswith(namespaces):
            message = f"{local_name(str(path))} is no attribute or relation of the ontology"
            for focus in set(data.subjects(path)):
                yield Violation(str(focus), str(path), message, "Violation")


def _copy(shapes: Graph) -> Graph:
    """pyshacl adds triples of its own to the shapes."""
    copy = Graph()
    copy += shapes
    return copy


def _violation(report: Graph, result: Node) -> Violation:
    path = report.value(result, SH.resultPath)
    return Violation(
        focus=str(report.value(result, SH.focusNode)),
        path=str(path or ""),
        message=str(report.value(result, SH.resultMessage) or ""),
        severity=local_name(str(report.value(result, SH.resultSeverity))),
    )

"""Holds what a person is about to say of an entity against the SHACL shapes, before it is journalled."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from graph.errors import InvalidInput
from graph.model import parse_urn
from graph.rdf.describing import Describing
from graph.rdf.mapping import Description, Said, entity_quads
from graph.rdf.syntax import TYPE, iri
from graph.rdf.terms import Terms
from graph.reader import ColumnRecord, EntityRecord, GraphReader
from graph.snapshot import Snapshot
from graph.statements import Rank
from ontology import Ontology

if TYPE_CHECKING:
    from rdflib import Graph


class ShapeCheck:
    """Safe to use from any thread. `reader` is the fold state; the shapes are made when they are first needed."""

    def __init__(self, reader: GraphReader, ontology: Ontology) -> None:
        self._reader = reader
        self._ontology = ontology
        self._terms = Terms(ontology)
        self._shapes: Graph | None = None
        self._making = threading.Lock()

    def __call__(
        self, entity: EntityRecord, attributes: Mapping[str, object], relations: Mapping[str, Iterable[str]]
    ) -> None:
        """Raises `InvalidInput` with the message of a shape that these attributes (None: ends) and targets would break.

        What was broken before is not held against them.
        """
        with self._reader.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            before = _described(snapshot, entity)
            if before is None:
                return
            after = _changed(before, attributes, relations)
            types = self._types(snapshot, after)
        broken = self._violations(after, types)
        if broken:
            broken -= self._violations(before, types)
        for path, message in sorted(broken):
            raise InvalidInput(message, field=path.rpartition("#")[2])

    def _violations(self, described: Description, types: str) -> set[tuple[str, str]]:
        from rdflib import Graph  # takes long to import: who never checks should not wait for it

        from ontology.checking import check

        said = "".join(f"{subject} {predicate} {object} .\n" for subject, predicate, object, graph in
                       entity_quads(described, self._terms) if not graph)  # fmt: skip
        data = Graph().parse(data=said + types, format="nt")
        found = check(data, self._made_shapes())
        own = described.record.urn
        return {(it.path, it.message) for it in found if it.severity == "Violation" and it.focus == own}

    def _types(self, snapshot: Snapshot, described: Description) -> str:
        """The classes of all that the entity relates to, as N-Triples."""
        lines = []
        for urn in {it.target for it in described.relations}:
            target = snapshot.entity(urn) if _is_entity(urn, self._ontology) else None
            if target is not None:
                lines += [f"{iri(target.urn)} {TYPE} {type} .\n" for type in self._terms.types(target.type)]
        return "".join(lines)

    def _made_shapes(self) -> Graph:
        from ontology.shapes import shapes

        with self._making:
            if self._shapes is None:
                self._shapes = shapes(self._ontology)
            return self._shapes


def _described(snapshot: Snapshot, entity: EntityRecord) -> Description | None:
    holder = entity.dataset_id if isinstance(entity, ColumnRecord) else entity.id
    for found in Describing(snapshot).describe([holder]):
        for one in (found, *found.columns):
            if one.record.urn == entity.urn:
                return one
    return None


def _changed(
    described: Description, attributes: Mapping[str, object], relations: Mapping[str, Iterable[str]]
) -> Description:
    values = {**described.attributes, **attributes}
    kept = [it for it in described.relations if it.relation not in relations]
    said = [Said(name, urn, int(Rank.PERSON)) for name, urns in relations.items() for urn in urns]
    return replace(
        described,
        attributes={name: value for name, value in values.items() if value is not None},
        relations=(*kept, *said),
    )


def _is_entity(urn: str, ontology: Ontology) -> bool:
    """Tags and owners are words, not entities."""
    kind = parse_urn(urn).kind
    return any(it.kind == kind for it in ontology.key_classes)

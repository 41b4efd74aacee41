"""One entity as linked data: its own description, and what others say of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from graph.reader import ColumnRecord, EntityRecord
from graph.snapshot import Snapshot
from graph.timeline import COLUMN, DERIVED, FEEDS, READS, WIDE, WRITES

from .describing import Describing
from .mapping import entity_quads, quads
from .syntax import Quad, iri
from .terms import Terms

OTHERS = 500
"""Entities that may say something of another in its document; there may be more in the store."""

_AMONG = "IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Document:
    """What there is to tell of `record`, by subject: its own first."""

    record: EntityRecord
    quads: tuple[Quad, ...]


def document(snapshot: Snapshot, urn: str, terms: Terms) -> Document | None:
    """The entity that a urn resolves to; None where there is none. Raises `InvalidInput` for what is no urn."""
    record = snapshot.entity(urn)
    if record is None:
        return None
    entity = record.dataset_id if isinstance(record, ColumnRecord) else record.id
    subject = iri(record.urn)
    describing = Describing(snapshot)
    found: dict[Quad, None] = {}
    for described in describing.describe([entity]):
        if isinstance(record, ColumnRecord):
            columns = [it for it in described.columns if it.record.urn == record.urn]
            of_column = [quad for column in columns for quad in entity_quads(column, terms)]
            found |= dict.fromkeys(of_column)
            found |= dict.fromkeys(it for it in entity_quads(described, terms) if it[0] == subject)
        else:
            found |= dict.fromkeys(quads(described, terms))
    others = sorted(_saying(snapshot, record) - {entity})[:OTHERS]
    for described in describing.describe(others) if others else ():
        found |= dict.fromkeys(it for it in quads(described, terms) if it[0] == subject)
    return Document(record, tuple(by_subject(found, subject)))


def by_subject(found: dict[Quad, None], first: str) -> Iterator[Quad]:
    """By graph and subject, the first one first."""
    order = {subject: number for number, subject in enumerate(dict.fromkeys([first, *(it[0] for it in found)]))}
    yield from sorted(found, key=lambda it: (it[3], order[it[0]]))


def _saying(snapshot: Snapshot, record: EntityRecord) -> set[int]:
    """The entities whose descriptions may name this one, by edges and by what was said outright; without runs."""
    if isinstance(record, ColumnRecord):
        nodes = snapshot.column_nodes([(record.dataset_id, record.path)])
        ends = {"source": (COLUMN, WIDE)}
    else:
        nodes = snapshot.nodes_of([record.id])
        ends = {"source": (DERIVED, READS), "target": (WRITES, FEEDS)}
    found: set[int] = set()
    for end, kinds in ends.items():
        sayer = "target" if end == "source" else "source"
        rows = snapshot.database.execute(
            f"SELECT DISTINCT {sayer} FROM edge WHERE {end} {_AMONG} AND kind IN ({', '.join(map(str, kinds))})"
            f" AND known_from <= ? AND known_to > ? AND valid_from <= ? AND valid_to > ? LIMIT {OTHERS + 1}",
            (json.dumps(nodes), snapshot.known, snapshot.known, snapshot.valid, snapshot.valid),
        ).fetchall()
        found |= {_entity(snapshot, row[0]) for row in rows}
    for it in snapshot.related_from(record, first=OTHERS):
        found.add(it.source.dataset_id if isinstance(it.source, ColumnRecord) else it.source.id)
    return found - {0}


def _entity(snapshot: Snapshot, node: int) -> int:
    """The entity of a node, of a column's its dataset."""
    place = snapshot.column_place(node) if snapshot.node_name(node).kind == "column" else None
    return place[0] if place is not None else snapshot.entity_of(node)

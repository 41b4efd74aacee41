"""Tell a store events as the projector would, and read all that it then holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from hashlib import blake2b
from typing import Any

from graph.model import AsOf, Change, Envelope, Instant, Position
from graph.reader import EntityQuery, EntityRecord, GraphSnapshot, Level, LineageQuery, RelationRecord
from graph.statements import Statements
from ingest import facts, mutation, rule
from ingest.openlineage import Decoder
from ontology import load
from tests.contract.adapters import Store
from tests.reference.events import Json, kind_of, micros

_WORDS = load()
_DECODERS: dict[str, Callable[[Envelope], Statements]] = {
    "openlineage": Decoder(_WORDS.kind_for_namespace),
    facts.KIND: facts.Decoder(_WORDS),
    mutation.KIND: mutation.decode,
    rule.KIND: rule.decode,
}
_EVERYTHING = 10**6
_LINEAGE_KINDS = ("dataset", "dashboard", "model")

Dump = dict[str, Any]


def envelope(position: int, body: Json) -> Envelope:
    """The envelope of an event, a mutation or facts."""
    content = json.dumps(body).encode()
    digest = blake2b(content, digest_size=16).digest()
    return Envelope(Position(position), kind_of(body), "test", Instant(micros(1_000 + position)), digest, content)


def fold(store: Store, body: Json, position: int) -> list[Change]:
    """Fold one body within a transaction that the caller has opened."""
    told = envelope(position, body)
    return store.fold(told, _DECODERS[told.kind](told))


def tell(store: Store, bodies: Sequence[Json], batch: int = 1) -> int:
    """Fold the bodies after what the store holds, `batch` a transaction; returns the position reached."""
    start = store.position()
    for first in range(0, len(bodies), batch):
        with store.transaction():
            chunk = list(enumerate(bodies[first : first + batch], start=start + first + 1))
            for position, body in chunk:
                fold(store, body, position)
        store.commit(Position(chunk[-1][0]))
    return store.position()


def listed(snapshot: GraphSnapshot, **query: Any) -> list[str]:
    """The names of the entities that one page has."""
    return [it.name for it in snapshot.entities(EntityQuery(**query)).records]


def dump(store: Store, as_of: AsOf) -> Dump:
    """All that the store answers as of then: entities with everything about them, edges of every level."""
    with store.snapshot(as_of) as snapshot:
        return dict(_dumped(snapshot))


def _dumped(snapshot: GraphSnapshot) -> Iterator[tuple[str, Any]]:
    page = snapshot.entities(EntityQuery(include_dropped=True, first=_EVERYTHING))
    assert page.total == len(page.records)
    for record in page.records:
        yield record.urn, _entity(snapshot, record)
    for level in Level:
        kinds = ("job",) if level is Level.JOB else _LINEAGE_KINDS
        starts = tuple(it.urn for it in page.records if it.kind in kinds)
        for history in (False, True):
            query = LineageQuery(starts, depth=1, level=level, history=history, limit=_EVERYTHING)
            for edge in snapshot.lineage(query).edges if starts else ():
                yield f"{level.value} history={history} {edge.source} -> {edge.target}", asdict(edge)
    yield "counts", {kind: count for kind, count in snapshot.counts().items() if kind != "Column"}


def _entity(snapshot: GraphSnapshot, record: EntityRecord) -> Dump:
    content: Dump = {"record": _without_ids(record), "facets": snapshot.facets(record)}
    content["aliases"] = snapshot.aliases(record)
    content["attributes"] = snapshot.attributes(record)
    content["relations"] = said(snapshot.relations(record))
    content["related"] = said(snapshot.related_from(record))
    if record.kind == "dataset":
        content["columns"] = [_without_ids(it) for it in snapshot.columns(record)]
        content["versions"] = snapshot.versions(record)
    if record.kind == "job":
        content["datasets"] = _urns(snapshot.job_datasets(record))
        content["runs"] = [it.urn for it in snapshot.runs(record, _EVERYTHING)]
        content["retired"] = snapshot.is_retired(record)
    if record.kind == "run":
        content["datasets"] = _urns(snapshot.run_datasets(record))
        parent = snapshot.parent(record)
        content["parent"] = parent.urn if parent else None
    return content


def said(relations: Sequence[RelationRecord]) -> list[tuple[str, str, str]]:
    """(relation, source, target) of each, by urn."""
    return [(it.relation, it.source.urn, it.target.urn) for it in relations]


def _urns(sides: tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]) -> list[list[str]]:
    return [[it.urn for it in side] for side in sides]


def _without_ids(record: EntityRecord) -> Dump:
    """The record without the store's own keys."""
    return {name: value for name, value in asdict(record).items() if not name.endswith("id")}

"""What differs between two states of the graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .reader import DiffRecord, Direction, EdgeRecord, EntityQuery, EntityRecord, GraphSnapshot, LineageQuery

_PAGE = 1_000


def differences(before: GraphSnapshot, after: GraphSnapshot, urns: Sequence[str] | None = None) -> Iterator[DiffRecord]:
    """Entities first, then relations between datasets, each in urn order; `urns` narrows to these entities."""
    old, new = _entities(before, urns), _entities(after, urns)
    for urn in sorted(old.keys() | new.keys()):
        was, now = old.get(urn), new.get(urn)
        if was is None or now is None:
            yield DiffRecord("OPENED" if was is None else "CLOSED", entity=now or was)
        elif fields := _altered(before, was, after, now):
            yield DiffRecord("ALTERED", entity=now, fields=fields)
    old_edges, new_edges = _edges(before, old), _edges(after, new)
    for key in sorted(old_edges.keys() | new_edges.keys()):
        if key not in old_edges:
            yield DiffRecord("OPENED", edge=new_edges[key])
        elif key not in new_edges:
            yield DiffRecord("CLOSED", edge=old_edges[key])


def _entities(snapshot: GraphSnapshot, urns: Sequence[str] | None) -> dict[str, EntityRecord]:
    if urns is not None:
        found = (snapshot.entity(urn) for urn in urns)
        return {it.urn: it for it in found if it is not None and not it.dropped}
    entities: dict[str, EntityRecord] = {}
    cursor: str | None = None
    while True:
        page = snapshot.entities(EntityQuery(first=_PAGE, after=cursor))
        entities.update({it.urn: it for it in page.records})
        if not page.has_next:
            return entities
        cursor = page.cursors[-1]


def _altered(before: GraphSnapshot, was: EntityRecord, after: GraphSnapshot, now: EntityRecord) -> tuple[str, ...]:
    if was.updated_at == now.updated_at and (was.tags, was.owners, was.description) == (
        now.tags, now.owners, now.description,
    ):  # fmt: skip
        return ()
    old, new = before.facets(was), after.facets(now)
    return tuple(sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)))


def _edges(snapshot: GraphSnapshot, entities: dict[str, EntityRecord]) -> dict[tuple[str, str], EdgeRecord]:
    starts = tuple(
        it.urn for it in entities.values() if it.kind in ("dataset", "model", "dashboard", "chart") and it.kind != "run"
    )
    if not starts:
        return {}
    answer = snapshot.lineage(
        LineageQuery(starts, Direction.BOTH, 1, limit=10**9, with_evidence=False, with_hidden=False)
    )
    return {(it.source, it.target): it for it in answer.edges}

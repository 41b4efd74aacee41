"""The cord: which stops are pulled, and what stands still for each of them.

A stop flows down the present lineage, from a dataset to the jobs that read it, from a job to what it writes, from a
data product to its parts: with `block` and `warn` all the way, with `isolate` to the direct readers only. A product
stands when a part of it does, and hands nothing on to its other parts.

Nothing of it is folded: it follows from the stops and the edges as of a snapshot. What `block` and `warn` may have
reached is kept as one region of the graph, from one position to the next, so that a question looks only at what is
upstream of it and within the region.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ontology import Ontology

from .model import LATEST, Instant, Position, isoformat, parse_instant
from .reader import EntityQuery, EntityRecord, RunRecord, StopHere, StopRecord
from .relations import Relations
from .timeline import DERIVED, FEEDS, READS, WRITES

if TYPE_CHECKING:
    from .snapshot import Snapshot

STOP = "stop"
"""The kind of a stop's urn."""
PRODUCT = "dataproduct"
ISOLATE = "isolate"
STRENGTH: Mapping[str, int] = {"block": 0, ISOLATE: 1, "warn": 2}
"""The policies, the strongest first."""

_KINDS = f"{DERIVED}, {READS}, {WRITES}, {FEEDS}"
_AMONG = "IN (SELECT value FROM json_each(?))"
_KEPT = 4  # regions: readers may be some positions apart
_read_attributes = msgspec.json.Decoder(dict[str, object]).decode


def stoppable(ontology: Ontology) -> frozenset[str]:
    """The kinds of what can be stopped: data assets, jobs and data products."""
    assets = ontology.subclasses("DataAsset") if "DataAsset" in ontology.classes else ()
    return frozenset(ontology.classes[it].kind for it in assets) - {""} | {"job", PRODUCT}


Children = Mapping[int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class _Pulled:
    """A stop, the entity that it stops, and the policy by which."""

    record: StopRecord
    target: int


@dataclass(frozen=True, slots=True)
class _Mark:
    """Up to where the fold state was read."""

    incarnation: int
    members: int
    position: Position
    last_edge: int


@dataclass(frozen=True, slots=True)
class Region:
    """What the active stops may have reached, as of one position.

    `children`: where data goes from each entity of the region; `parents` the other way round, within the region.
    A stop reaches an entity if a way up `parents` leads to what it stops, so an entity may be in here and be reached
    by none. `near`: what `isolate` reaches, with the way to it.
    """

    mark: _Mark
    stops: tuple[_Pulled, ...]
    flowing: Mapping[int, tuple[_Pulled, ...]]
    children: Children
    parents: Mapping[int, frozenset[int]]
    near: Mapping[int, tuple[tuple[_Pulled, tuple[int, ...]], ...]]
    watched: frozenset[int]
    """Those at which a change of edges changes `near`."""

    def on(self, snapshot: Snapshot, entity: EntityRecord) -> tuple[StopHere, ...]:
        """The stops for which an entity stands, the strongest first, then the nearest."""
        if not self.stops:
            return ()
        place = entity.job_id if isinstance(entity, RunRecord) else entity.id
        found: dict[str, StopHere] = {}
        for pulled, way in self._reaching(snapshot, place, is_product=entity.kind == PRODUCT):
            held = found.get(pulled.record.urn)
            if held is None or len(way) < len(held.via):
                found[pulled.record.urn] = StopHere(pulled.record, tuple(snapshot.node_urn(it) for it in way))
        return tuple(sorted(found.values(), key=_strongest))

    def _reaching(
        self, snapshot: Snapshot, place: int, *, is_product: bool
    ) -> Iterable[tuple[_Pulled, tuple[int, ...]]]:
        yield from self.near.get(place, ())
        yield from self._upstream(snapshot, place)
        if is_product:
            for part in _parts(snapshot, place):
                reaching = (*self.near.get(part, ()), *self._upstream(snapshot, part))
                yield from ((pulled, (*way, place)) for pulled, way in reaching if pulled.target != place)

    def _upstream(self, snapshot: Snapshot, place: int) -> Iterable[tuple[_Pulled, tuple[int, ...]]]:
        """The stops that flow to a place, each with the shortest way; of several the first by urns."""
        if place not in self.parents and place not in self.flowing:
            return
        towards: dict[int, int] = {place: 0}
        level = [place]
        while level:
            for here in level:
                for pulled in self.flowing.get(here, ()):
                    yield pulled, _way(here, towards)
            ways = [(index, parent) for index, here in enumerate(level) for parent in self.parents.get(here, ())]
            fresh = [(index, parent) for index, parent in ways if parent not in towards]
            snapshot.expect_names({parent for _, parent in fresh})
            reached: dict[int, int] = {}
            for index, parent in sorted(fresh, key=lambda it: (it[0], snapshot.node_urn(it[1]))):
                reached.setdefault(parent, level[index])
            towards.update(reached)
            level = list(reached)


def _way(start: int, towards: Mapping[int, int]) -> tuple[int, ...]:
    way = [start]
    while following := towards[way[-1]]:
        way.append(following)
    return tuple(way)


def _strongest(here: StopHere) -> tuple[int, int, Instant, str]:
    return STRENGTH[here.stop.policy], len(here.via), here.stop.since, here.stop.urn


class Cord:
    """Keeps the region of the present from one position to the next; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Region] = []

    def region(self, snapshot: Snapshot) -> Region:
        """The region as of a snapshot of the present."""
        with self._lock:
            earlier = [
                it for it in self._kept
                if it.mark.incarnation == snapshot.incarnation and it.mark.position <= snapshot.known
            ]  # fmt: skip
            held = max(earlier, key=lambda it: it.mark.position, default=None)
            if held is not None and held.mark.position == snapshot.known:
                return held
            region = _advanced(snapshot, held) if held is not None else region_of(snapshot)
            self._kept = [it for it in self._kept if it is not held and it.mark.incarnation == snapshot.incarnation]
            self._kept = [*self._kept[-(_KEPT - 1) :], region]
            return region


def region_of(snapshot: Snapshot) -> Region:
    """What the stops that are active as of a snapshot may have reached."""
    stops = _active(snapshot)
    flowing: dict[int, tuple[_Pulled, ...]] = defaultdict(tuple)
    for it in stops:
        if it.record.policy != ISOLATE:
            flowing[it.target] += (it,)
    children = _closure(snapshot, flowing, {})
    near, watched = _isolated(snapshot, stops)
    parents = _turned(children)
    return Region(_mark(snapshot), stops, dict(flowing), children, parents, near, watched)


def _advanced(snapshot: Snapshot, held: Region) -> Region:
    """The region of a later position: all anew where stops or identities differ, else where edges do."""
    mark = _mark(snapshot)
    if mark.members != held.mark.members or _stops_touched(snapshot, held.mark.position):
        return region_of(snapshot)
    if not held.stops:
        return Region(mark, (), {}, {}, {}, {}, frozenset())
    changed = _sources_since(snapshot, held.mark) | _products_changed(snapshot, held)
    children, parents, near, watched = held.children, held.parents, held.near, held.watched
    if not changed.isdisjoint(children):
        known = {place: below for place, below in children.items() if place not in changed}
        children = _closure(snapshot, held.flowing, known)
        parents = _turned(children)
    if not changed.isdisjoint(watched):
        near, watched = _isolated(snapshot, held.stops)
    return Region(mark, held.stops, held.flowing, children, parents, near, watched)


# Reading ----------------------------------------------------------------------------------------------------------


def _mark(snapshot: Snapshot) -> _Mark:
    last_edge = snapshot.database.execute("SELECT coalesce(max(id), 0) FROM edge").fetchone()[0]
    return _Mark(snapshot.incarnation, snapshot.members_at, snapshot.known, last_edge)


def _active(snapshot: Snapshot) -> tuple[_Pulled, ...]:
    """The stops that are not closed, the oldest first."""
    relations = Relations(snapshot)
    found = []
    for entity in _open_stops(snapshot):
        said = _read_attributes(entity.attributes) if entity.attributes is not None else {}
        ends = relations.ends(entity, "stopOf")
        policy = said.get("stopPolicy")
        if not ends or policy not in STRENGTH or "closedAt" in said:
            continue
        target = ends[0][0]
        record = StopRecord(
            entity=entity,
            target=snapshot.node_urn(target),
            cause=str(said.get("cause", "")),
            policy=str(policy),
            owner=entity.owners[0].name if entity.owners else None,
            since=parse_instant(str(said.get("openedAt", isoformat(entity.created_at)))),
        )
        found.append(_Pulled(record, target))
    return tuple(sorted(found, key=lambda it: (it.record.since, it.record.urn)))


def _open_stops(snapshot: Snapshot) -> Iterable[EntityRecord]:
    if not snapshot.is_present:
        return snapshot.entities(EntityQuery(kinds=frozenset({STOP}), include_dropped=True, first=10**9)).records
    types = sorted(snapshot.subclasses("Stop"))
    if not types:
        return ()
    rows = snapshot.database.execute(  # most stops that ever were are closed
        f"SELECT id FROM entity WHERE type IN ({', '.join('?' * len(types))}) AND attributes NOT LIKE ?",
        (*types, '%"closedAt":%'),
    ).fetchall()
    return snapshot.entities_by_id([row[0] for row in rows]).values()


def _stops_touched(snapshot: Snapshot, since: Position) -> bool:
    row = snapshot.database.execute(
        "SELECT 1 FROM entity WHERE touched > ? AND kind <> 'run' AND kind = ? LIMIT 1", (since, STOP)
    ).fetchone()
    return row is not None


def _sources_since(snapshot: Snapshot, since: _Mark) -> set[int]:
    """The entities from which edges go out that began or ended since then."""
    rows = snapshot.database.execute(
        f"SELECT source FROM edge WHERE id > ? AND kind IN ({_KINDS}) UNION"
        f" SELECT source FROM edge WHERE known_to > ? AND known_to < {LATEST} AND kind IN ({_KINDS})",
        (since.last_edge, since.position),
    )
    return {snapshot.entity_of(row[0]) for row in rows.fetchall()} - {0}


def _below(snapshot: Snapshot, places: Iterable[int]) -> dict[int, frozenset[int]]:
    """Where data goes from each of these entities, one step: to a job, or from it.

    Edges from dataset to dataset count where no job is between: relations that carry lineage.
    """
    found: dict[int, set[int]] = {it: set() for it in places}
    if not found:
        return {}
    rows = snapshot.database.execute(
        f"SELECT source, target FROM edge WHERE source {_AMONG} AND kind IN ({_KINDS})"
        " AND known_from <= ? AND known_to > ? AND valid_from <= ? AND valid_to > ?"
        f" AND (kind <> {DERIVED}"
        " OR NOT EXISTS (SELECT 1 FROM node WHERE node.id = edge.job_id AND node.kind = 'job'))",
        (json.dumps(snapshot.nodes_of(found)), snapshot.known, snapshot.known, snapshot.valid, snapshot.valid),
    )
    for source, target in rows.fetchall():
        ends = snapshot.entity_of(source), snapshot.entity_of(target)
        if ends[0] in found and ends[1] and ends[0] != ends[1]:
            found[ends[0]].add(ends[1])
    return {it: frozenset(below) for it, below in found.items()}


def _parts(snapshot: Snapshot, product: int) -> frozenset[int]:
    """What a data product consists of, and by which it is used."""
    record = snapshot.entities_by_id([product]).get(product)
    if record is None:
        return frozenset()
    parts = {it.source.id for it in snapshot.related_from(record, "partOfProduct")}
    return frozenset(parts | {place for place, _ in Relations(snapshot).ends(record, "outputPort")}) - {product}


def _products_changed(snapshot: Snapshot, held: Region) -> set[int]:
    """The products among what was stopped whose parts are, or may be, others than then."""
    products = {it.target for it in held.stops if snapshot.node_kind(it.target) == PRODUCT}
    return {it for it in products if it in held.watched or _parts(snapshot, it) != held.children.get(it)}


# Flowing ----------------------------------------------------------------------------------------------------------


def _closure(snapshot: Snapshot, starts: Iterable[int], known: Children) -> dict[int, frozenset[int]]:
    """All that lies downstream, with where it goes on to; `known` need not be read again."""
    found: dict[int, frozenset[int]] = {}
    level = set(starts)
    products = {it for it in level if snapshot.node_kind(it) == PRODUCT}
    found.update({it: _parts(snapshot, it) for it in products})
    level = (level - products).union(*(found[it] for it in products))
    while level:
        unknown = [it for it in level if it not in known]
        found.update({it: known[it] for it in level if it in known})
        found.update(_below(snapshot, unknown))
        level = {below for it in level for below in found[it] if below not in found}
    return found


def _turned(children: Children) -> dict[int, frozenset[int]]:
    parents: dict[int, set[int]] = {it: set() for it in children}
    for place, below in children.items():
        for it in below:
            parents[it].add(place)
    return {it: frozenset(above) for it, above in parents.items()}


def _isolated(
    snapshot: Snapshot, stops: Iterable[_Pulled]
) -> tuple[dict[int, tuple[tuple[_Pulled, tuple[int, ...]], ...]], frozenset[int]]:
    """What `isolate` reaches, each with its way; and those whose edges that depends on."""
    near: dict[int, tuple[tuple[_Pulled, tuple[int, ...]], ...]] = defaultdict(tuple)
    watched: set[int] = set()
    for stop in stops:
        if stop.record.policy != ISOLATE:
            continue
        ways: dict[int, tuple[int, ...]] = {stop.target: (stop.target,)}
        level = [stop.target]
        while level:
            watched.update(level)
            following: dict[int, tuple[int, ...]] = {}
            for place, below in _steps(snapshot, level).items():
                for it in below:
                    if it not in ways:
                        way = (*ways[place], it)
                        following[it] = min(following.get(it, way), way, key=lambda one: _urns(snapshot, one))
            ways.update(following)
            level = [it for place in level for it in _handing_on(snapshot, place, following)]
        for place, way in ways.items():
            near[place] += ((stop, way),)
    return dict(near), frozenset(watched)


def _steps(snapshot: Snapshot, places: Iterable[int]) -> dict[int, frozenset[int]]:
    products = {it for it in places if snapshot.node_kind(it) == PRODUCT}
    return {it: _parts(snapshot, it) for it in products} | _below(snapshot, set(places) - products)


def _handing_on(snapshot: Snapshot, place: int, following: Mapping[int, tuple[int, ...]]) -> list[int]:
    """Of those that a place leads to, which stand for it as a part or as what it writes, and not as its readers."""
    reached = [it for it, way in following.items() if way[-2] == place]
    kind = snapshot.node_kind(place)
    if kind == PRODUCT:
        return reached
    return [it for it in reached if kind == "job" and snapshot.node_kind(it) != "job"]


def _urns(snapshot: Snapshot, way: Iterable[int]) -> tuple[str, ...]:
    return tuple(snapshot.node_urn(it) for it in way)

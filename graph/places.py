"""Lineage and tags in bulk: for who follows both from place to place, thousands at a time.

A place is an entity or a column of one, as in `lineage`, whose answers cost a record for each place; here it costs a
few queries for all of them. The present alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from .database import in_chunks
from .derivations import Mark
from .lineage import Place, column_urn
from .model import Position, make_urn, parse_urn
from .sayings import read_detail
from .snapshot import Snapshot
from .statements import Transformation
from .timeline import COLUMN, DERIVED, WIDE

_AMONG = "IN (SELECT value FROM json_each(?))"
_FEW_PATHS = 40
_ASKED = 20_000  # nodes in one query

_read_tags = msgspec.json.Decoder(list[dict[str, Any]]).decode


class Flow(NamedTuple):
    """What one job says of one edge; `target` of a `wide` one is the dataset, each of whose columns it reaches."""

    source: Place
    target: Place
    transformations: tuple[Transformation, ...]
    job: int
    position: Position  # of the envelope since which it holds
    wide: bool = False


class Held(NamedTuple):
    """A derived tag as it stands: how many hops from where it was said, and from which place (urn) it came."""

    hops: int
    origin: str


@dataclass(slots=True)
class Tagged:
    """The tags of an entity's places: those that somebody says, and those that each propagation derived."""

    said: dict[str, set[Mark]]
    derived: dict[str, dict[str, dict[Mark, Held]]]
    """By propagation and path."""


_UNTAGGED = Tagged({}, {})


class Places:
    """Reads of one present snapshot; remembers what it read, and so lives as long as that."""

    def __init__(self, snapshot: Snapshot) -> None:
        assert snapshot.is_present
        self._snapshot = snapshot
        self._nodes: dict[Place, tuple[int, ...]] = {}
        self._tags: dict[int, Tagged] = {}
        self._urns: dict[Place, str] = {}
        self._details: dict[bytes, tuple[Transformation, ...]] = {}

    # Names ------------------------------------------------------------------------------------------------

    def of_urns(self, urns: Iterable[str]) -> dict[str, Place]:
        """The places that these urns mean; without those that mean none."""
        snapshot = self._snapshot
        names = {urn: parse_urn(urn) for urn in dict.fromkeys(urns)}
        holders = {urn: snapshot.holder(name) for urn, name in names.items()}
        entities = snapshot.bearers(holders.values(), snapshot.valid)
        return {urn: (entities[holders[urn]], name.path) for urn, name in names.items() if holders[urn] in entities}

    def urn(self, place: Place) -> str:
        found = self._urns.get(place)
        if found is None:
            name = self._snapshot.node_name(place[0])
            found = self._urns[place] = column_urn(name, place[1]) if place[1] else make_urn(*name[:3])
        return found

    def expect_urns(self, places: Iterable[Place]) -> None:
        """Read these names at once."""
        self._snapshot.expect_names({it[0] for it in places})

    # Tags -------------------------------------------------------------------------------------------------

    def tags(self, entity: int) -> Tagged:
        if entity not in self._tags:
            self.expect_tags([entity])
        return self._tags[entity]

    def expect_tags(self, entities: Iterable[int]) -> None:
        """Read the tags of these at once."""
        unknown = [it for it in dict.fromkeys(entities) if it not in self._tags]
        self._tags.update(dict.fromkeys(unknown, _UNTAGGED))
        for part in in_chunks(unknown, _ASKED):
            self._take_tags(f"id {_AMONG}", (json.dumps(part),))

    def expect_all_tags(self) -> Collection[int]:
        """Read the tags of all entities; answers which have any. Costs a look at each."""
        return self._take_tags("tags IS NOT NULL", ())

    def _take_tags(self, which: str, asked: tuple[str, ...]) -> Collection[int]:
        rows = self._snapshot.database.execute(
            f"SELECT id, tags FROM entity WHERE tags IS NOT NULL AND {which}", asked
        ).fetchall()
        self._tags.update((entity, _tagged(tags)) for entity, tags in rows)
        return [entity for entity, _ in rows]

    # Edges ------------------------------------------------------------------------------------------------

    def flows(self, places: Collection[Place], upstream: bool, columns: bool) -> Iterator[Flow]:
        """What enters (`upstream`) or leaves these places, columns or entities, by edges that hold."""
        if columns:
            yield from self._column_flows(places, upstream)
        else:
            nodes = self._snapshot.nodes_of({it[0] for it in places})
            yield from self._dataset_flows(self._edges(nodes, upstream, (DERIVED,)))

    def of_jobs(self, jobs: Collection[int], columns: bool) -> Iterator[Flow]:
        """All that these jobs say at present."""
        rows = self._snapshot.database.execute(
            f"{_EDGES} WHERE e.job_id {_AMONG} AND e.kind IN ({_kinds(columns)}) {_HOLDS}",
            (json.dumps(list(jobs)), *self._holding()),
        ).fetchall()
        yield from (self._between_columns if columns else self._dataset_flows)(rows)

    def _column_flows(self, places: Collection[Place], upstream: bool) -> Iterator[Flow]:
        nodes = self._column_nodes(places)
        yield from self._between_columns(self._edges(nodes, upstream, (COLUMN,) if upstream else (COLUMN, WIDE)))
        if upstream:
            datasets = self._snapshot.nodes_of({it[0] for it in places})
            yield from self._between_columns(self._edges(datasets, True, (WIDE,)))

    def _edges(self, nodes: Iterable[int], upstream: bool, kinds: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
        end = "target" if upstream else "source"
        among = ", ".join(map(str, kinds))
        for part in in_chunks(list(nodes), _ASKED):
            yield from self._snapshot.database.execute(
                f"{_EDGES} WHERE e.{end} {_AMONG} AND e.kind IN ({among}) {_HOLDS}",
                (json.dumps(part), *self._holding()),
            ).fetchall()

    def _holding(self) -> tuple[int, ...]:
        snapshot = self._snapshot
        return snapshot.known, snapshot.known, snapshot.valid, snapshot.valid

    def _dataset_flows(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[Flow]:
        entity = self._snapshot.entity_of
        for _, job, source, target, detail, known_from, *_ in rows:
            ends = entity(source), entity(target)
            if ends[0] and ends[1] and ends[0] != ends[1]:
                yield Flow((ends[0], ""), (ends[1], ""), self._said(detail) if detail else (), job, known_from)

    def _between_columns(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[Flow]:
        entity = self._snapshot.entity_of
        nodes = self._nodes
        for kind, job, source, target, detail, known_from, from_node, from_path, to_node, to_path in rows:
            start = entity(from_node), from_path
            end = (entity(to_node), to_path) if kind == COLUMN else (entity(target), "")
            if start[0] and end[0]:
                if start not in nodes:
                    self._learn(start, source)
                if kind == COLUMN and end not in nodes:
                    self._learn(end, target)
                yield Flow(start, end, self._said(detail) if detail else (), job, known_from, kind == WIDE)

    def _said(self, detail: bytes) -> tuple[Transformation, ...]:
        found = self._details.get(detail)
        if found is None:
            found = self._details[detail] = read_detail(detail)
        return found

    def _learn(self, place: Place, node: int) -> None:
        """Of an entity with one name a column has one node."""
        if self._snapshot.nodes_of([place[0]]) == [place[0]]:
            self._nodes[place] = (node,)

    def _column_nodes(self, places: Collection[Place]) -> list[int]:
        found = [node for it in places for node in self._nodes.get(it, ())]
        unknown = [it for it in places if it not in self._nodes]
        paths: dict[str, list[int]] = defaultdict(list)
        for entity, path in unknown:
            paths[path] += self._snapshot.nodes_of([entity])
        if len(paths) > _FEW_PATHS:
            return found + self._snapshot.column_nodes(unknown)
        for path, datasets in paths.items():
            for part in in_chunks(datasets, _ASKED):
                rows = self._snapshot.database.execute(
                    "SELECT id FROM node WHERE name = '' AND kind = 'column' AND namespace = '' AND path = ?"
                    f" AND parent {_AMONG}",
                    (path, json.dumps(part)),
                )
                found += [row[0] for row in rows.fetchall()]
        return found

    def columns_named(self, entities: Iterable[int]) -> list[Place]:
        """All columns of these that anybody ever named."""
        nodes = {node: entity for entity in entities for node in self._snapshot.nodes_of([entity])}
        found: dict[Place, None] = {}
        for part in in_chunks(list(nodes), _ASKED):
            rows = self._snapshot.database.execute(
                f"SELECT parent, path FROM node WHERE parent > 0 AND parent {_AMONG}", (json.dumps(part),)
            )
            found.update(((nodes[parent], path), None) for parent, path in rows.fetchall())
        return list(found)

    def columns_there(self, entities: Collection[int]) -> dict[int, Collection[str]]:
        """The columns that are there of each of these."""
        return {entity: found.keys() for entity, found in self._snapshot.columns_of(entities).items()}


_EDGES = (
    "SELECT e.kind, e.job_id, e.source, e.target, e.detail, e.known_from, s.parent, s.path, t.parent, t.path"
    " FROM edge e JOIN node s ON s.id = e.source JOIN node t ON t.id = e.target"
)
_HOLDS = "AND e.known_from <= ? AND e.known_to > ? AND e.valid_from <= ? AND e.valid_to > ?"


def _kinds(columns: bool) -> str:
    return f"{COLUMN}, {WIDE}" if columns else str(DERIVED)


def _tagged(text: str) -> Tagged:
    found = Tagged({}, {})
    for tag in _read_tags(text):
        value = tag.get("value")
        mark = Mark(str(tag["key"]), None if value is None else str(value))
        path = str(tag.get("field") or "")
        if tag.get("said", True):
            found.said.setdefault(path, set()).add(mark)
        for it in tag.get("derived", ()):
            by_path = found.derived.setdefault(it["by"], {})
            by_path.setdefault(path, {})[mark] = Held(it["hops"], it["from"])
    return found

"""What of the fold state is to be written: all that differs since a position, or the whole present in parts.

What may differ is found by `graph.changed`; the rows of that are taken as they are now, so that applying a delta
brings Neo4j from any earlier position to the snapshot's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from graph.changed import HOLDS, FoldEdge, Mark, changed_since, edges_where, mark_of
from graph.lineage import column_urn
from graph.model import Instant, Name
from graph.sayings import read_detail
from graph.snapshot import Snapshot
from graph.timeline import COLUMN, DERIVED, READS, WIDE, WRITES

from .confirmed import NONE, Confirmation, confirmations
from .shown import Properties, ShownEntity, shown_entities
from .words import FROM_TARGET, TYPES

Hashes = Callable[[Sequence[int]], Mapping[int, int]]
"""The hashes that Neo4j has of these entities, as far as they are known."""

_GENERATION_BITS = 40
_CONFIRMED = (DERIVED, READS, WRITES)
"""Kinds that carry their evidence, kept fresh: few of each job, where it may have hundreds between columns."""

_ENTITIES_AT_ONCE = 500
_EDGES_AT_ONCE = 5_000
_AMONG = "IN (SELECT value FROM json_each(?))"


@dataclass(slots=True)
class Delta:
    """Rows for the statements of `writing`, in the order in which they are to be run.

    Few values a row, and what many rows share said once: in Python a value takes the driver a microsecond to pack. For
    the same reason instants are numbers, of microseconds: as `datetime` each takes fifty.
    """

    mark: Mark
    closed: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # by relation type
    gone: list[int] = field(default_factory=list)  # entities, with their columns
    entities: dict[str, list[Properties]] = field(default_factory=lambda: defaultdict(list))  # by class
    columns: list[Properties] = field(default_factory=list)  # a row a dataset: each of its columns at present
    ends: dict[int, Properties] = field(default_factory=dict)  # what relations join, should it not be there yet
    opened: dict[str, list[Properties]] = field(default_factory=lambda: defaultdict(list))  # a row a job and kind
    confirmed: dict[str, list[Properties]] = field(default_factory=lambda: defaultdict(list))  # a row a job
    renewed: list[list[Any]] = field(default_factory=list)  # entities of which nothing but times differs
    hashes: dict[int, int] = field(default_factory=dict)
    """Of what is said of each entity that is written, by its id."""


def key_of(generation: int, id: int) -> int:
    """The key in Neo4j of a node or an edge of the fold state."""
    return (generation << _GENERATION_BITS) + id


def fold_id(key: int) -> int:
    return key & ((1 << _GENERATION_BITS) - 1)


def first_key(generation: int) -> int:
    return generation << _GENERATION_BITS


def difference(
    snapshot: Snapshot, since: Mark, generation: int, limit: int, hashes: Hashes = lambda _: {}
) -> Delta | None:
    """All that differs since then; None where that is more than `limit` rows of the fold.

    What `hashes` show to be as it was is left out, but for its times.
    """
    return _Reading(snapshot, generation, hashes).difference(since, limit)


def whole(snapshot: Snapshot, generation: int) -> Iterator[Delta]:
    """The present, entities before the relations between them."""
    return _Reading(snapshot, generation, lambda _: {}).whole()


class _Reading:
    def __init__(self, snapshot: Snapshot, generation: int, hashes: Hashes) -> None:
        self._snapshot = snapshot
        self._hashes = hashes
        self._database = snapshot.database
        self._base = first_key(generation)
        self._mark = mark_of(snapshot)
        self._columns: dict[int, tuple[int, str]] = {}  # column's node -> (dataset's entity, path)
        self._shown: dict[tuple[int, str], int] = {}  # column -> the node that stands for it
        self._loaded: set[int] = set()
        self._written = bytearray(self._mark.last_node + 1)  # 1 for the nodes that stand for what was written
        self._said: dict[int, Confirmation] = {}

    # The whole -----------------------------------------------------------------------------------------------

    def whole(self) -> Iterator[Delta]:
        rows = self._database.execute("SELECT id FROM entity WHERE kind <> 'run' ORDER BY id").fetchall()
        for some in _batches([row[0] for row in rows], _ENTITIES_AT_ONCE):
            delta = Delta(self._mark)
            self._add_entities(delta, some)
            yield delta
            self._forget()
        last = 0
        while edges := edges_where(self._database, f"id > ? AND {HOLDS} ORDER BY id LIMIT {_EDGES_AT_ONCE}", last):
            delta = Delta(self._mark)
            self._add_edges(delta, edges)
            yield delta
            self._forget()
            last = edges[-1][0]

    def _forget(self) -> None:
        """An estate may have more columns than fit the memory."""
        self._columns.clear()
        self._shown.clear()
        self._loaded.clear()
        self._said.clear()

    # A difference --------------------------------------------------------------------------------------------

    def difference(self, since: Mark, limit: int) -> Delta | None:
        changed = changed_since(self._snapshot, since, limit)
        if changed is None:
            return None
        delta = Delta(self._mark)
        moved = changed.moved
        for id, kind, *_ in (*changed.closed, *changed.again):
            delta.closed[TYPES[kind]].append(self._base + id)
        delta.gone = [self._base + it for it in sorted(moved)]
        differing = {row[0] for row in changed.touched} | moved | changed.widened
        self._add_entities(delta, sorted(differing), moved)
        held = {it[0] for it in changed.again}
        self._add_edges(delta, [*changed.again, *(it for it in changed.opened if it[0] not in held)])
        confirmed = sorted({id for id, kind in changed.touched if kind == "job"} - moved)
        self._add_confirmations(delta, confirmed, since.last_edge)
        return delta

    # Entities and columns ------------------------------------------------------------------------------------

    def _add_entities(self, delta: Delta, ids: Sequence[int], moved: Collection[int] = ()) -> None:
        for some in _batches(ids, _ENTITIES_AT_ONCE):
            found = shown_entities(self._snapshot, some)
            known = self._hashes([it.record.id for it in found])
            fresh = [it for it in found if it.record.id in moved or known.get(it.record.id) != it.hash]
            self._load_columns([it.record.id for it in fresh if it.record.kind != "job"])
            for it in fresh:
                self._add_entity(delta, it)
            written = {it.record.id for it in fresh}
            delta.renewed += [[self._base + it.record.id, *it.times] for it in found if it.record.id not in written]

    def _add_entity(self, delta: Delta, shown: ShownEntity) -> None:
        record = shown.record
        key = self._base + record.id
        delta.hashes[record.id] = shown.hash
        delta.entities[record.type].append(
            {"key": key, "properties": shown.properties, "hash": shown.hash, "createdAt": record.created_at,
             "times": shown.times}
        )  # fmt: skip
        self._written[record.id] = 1
        if record.kind == "job":
            return
        columns = []
        named = Name("dataset", record.namespace, record.name)
        for path, (ordinal, data_type, description) in shown.columns.items():
            node = self._shown.get((record.id, path))
            if node is not None:
                self._written[node] = 1
                place = ordinal if data_type is not None or ordinal < 10**9 else None
                tags = list(shown.column_tags.get(path, ()))
                columns.append([self._base + node, column_urn(named, path), path, data_type, place, description, tags])
        delta.columns.append({"dataset": key, "name": record.name, "namespace": record.namespace, "columns": columns})

    def _load_columns(self, entities: Iterable[int]) -> None:
        """Every column of these, under whichever of their names; the first node of each stands for it."""
        wanted = set(entities) - self._loaded
        if not wanted:
            return
        self._loaded |= wanted
        rows = self._database.execute(
            f"SELECT id, parent, path FROM node WHERE parent {_AMONG} AND parent > 0 ORDER BY id",
            (json.dumps(self._snapshot.nodes_of(wanted)),),
        )
        for node, parent, path in rows.fetchall():
            place = (self._snapshot.entity_of(parent), path)
            self._columns[node] = place
            self._shown.setdefault(place, node)

    # Relations -----------------------------------------------------------------------------------------------

    def _add_edges(self, delta: Delta, edges: Sequence[FoldEdge]) -> None:
        self._find_columns(edges)
        self._snapshot.expect_names({it[2] for it in edges})
        self._confirm({it[2] for it in edges if it[1] in _CONFIRMED})
        rows: dict[tuple[int, int, bytes | None, Instant], Properties] = {}
        for id, kind, job, source, target, detail, since in edges:
            ends = self._end(delta, source, kind in (COLUMN, WIDE)), self._end(delta, target, kind == COLUMN)
            if not all(ends) or (kind == DERIVED and ends[0] == ends[1]):
                continue  # a name that is nobody's any more, or two names of one entity
            row = rows.get((kind, job, detail, since))
            if row is None:
                row = rows[kind, job, detail, since] = self._row(kind, job, detail, since)
                delta.opened[TYPES[kind]].append(row)
            start, end = reversed(ends) if kind in FROM_TARGET else ends
            row["edges"].append([self._base + id, start, end, source, target])

    def _row(self, kind: int, job: int, detail: bytes | None, since: Instant) -> Properties:
        """What edges of one job have in common, and none of them yet."""
        row: Properties = {"kind": kind, "job": job, "since": since, "edges": []}
        name = self._snapshot.node_name(job)
        if name.kind == "job":
            row["via"] = name.urn
        if detail:
            row["transformations"] = msgspec.json.encode(read_detail(detail)).decode()
        return row | self._confirmation(job) if kind in _CONFIRMED else row

    def _find_columns(self, edges: Sequence[FoldEdge]) -> None:
        nodes = {it[3] for it in edges if it[1] in (COLUMN, WIDE)} | {it[4] for it in edges if it[1] == COLUMN}
        unknown = sorted(it for it in nodes - self._columns.keys() if not self._is_written(it))
        if unknown:
            rows = self._database.execute(f"SELECT parent FROM node WHERE id {_AMONG}", (json.dumps(unknown),))
            self._load_columns({self._snapshot.entity_of(row[0]) for row in rows.fetchall()} - {0})

    def _is_written(self, node: int) -> bool:
        return node < len(self._written) and bool(self._written[node])

    def _end(self, delta: Delta, node: int, is_column: bool) -> int:
        """The key of what an edge's end belongs to now; 0 if to nothing."""
        shown = node
        if not self._is_written(node):
            place = self._columns.get(node) if is_column else (self._snapshot.entity_of(node), "")
            if place is None or not place[0]:
                return 0
            shown = self._shown[place] if is_column else place[0]
            key = self._base + shown
            if not self._is_written(shown) and key not in delta.ends:
                delta.ends[key] = {"key": key, "properties": self._named(*place)}
        return self._base + shown

    def _named(self, entity: int, path: str) -> Properties:
        """What to show of an end that is there no longer, while lineage speaks of it."""
        name = self._snapshot.node_name(entity)
        if not path:
            return {"urn": name.urn, "name": name.name, "namespace": name.namespace}
        urn = column_urn(Name("dataset", name.namespace, name.name), path)
        return {"urn": urn, "type": "Column", "name": path, "dataset": name.name, "namespace": name.namespace}

    # Confirmations -------------------------------------------------------------------------------------------

    def _confirm(self, jobs: Collection[int]) -> None:
        unknown = [it for it in jobs if it not in self._said]
        if unknown:
            found = confirmations(self._database, unknown)
            self._said.update((it, found.get(it, NONE)) for it in unknown)

    def _confirmation(self, job: int) -> Properties:
        """Who said last what holds of a job: the newest positions, and when that was."""
        said = self._said[job]
        return {"evidence": said.evidence, "confirmedAt": said.at}

    def _add_confirmations(self, delta: Delta, jobs: Sequence[int], last_edge: int) -> None:
        """A run of a known job that says what the last one said: its relations are confirmed by it."""
        if not jobs:
            return
        rows = self._database.execute(
            f"SELECT id, kind, job_id FROM edge WHERE job_id {_AMONG} AND {HOLDS}"
            f" AND kind IN ({', '.join(map(str, _CONFIRMED))}) AND id <= ?",
            (json.dumps(jobs), last_edge),
        )
        keys: dict[tuple[str, int], list[int]] = defaultdict(list)
        for id, kind, job in rows.fetchall():
            keys[TYPES[kind], job].append(self._base + id)
        self._confirm({job for _, job in keys})
        for (type, job), some in keys.items():
            delta.confirmed[type].append({"keys": some} | self._confirmation(job))


def _batches(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    waiting = iter(items)
    while some := list(islice(waiting, size)):
        yield some

"""What of the fold state is to be written: all that differs since a position, or the whole present in parts.

What may differ is found by `graph.changed`; the rows of that are taken as they are now, so that applying a delta
brings Neo4j from any earlier position to the snapshot's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from graph.changed import HOLDS, FoldEdge, Mark, changed_since, edges_where, mark_of
from graph.lineage import column_urn
from graph.model import LATEST, Name, to_datetime
from graph.reader import EntityRecord
from graph.sayings import read_detail
from graph.snapshot import Snapshot
from graph.timeline import COLUMN, DERIVED, READS, WIDE, WRITES

from .words import FROM_TARGET, LEFT_OUT, TYPES

Properties = dict[str, Any]
_GENERATION_BITS = 40
_CONFIRMED = (DERIVED, READS, WRITES)
"""Kinds that carry their evidence, kept fresh: few of each job, where it may have hundreds between columns."""

_RENEWED = ("updatedAt", "lastRun", "lastRunStartedAt", "lastRunEndedAt")
"""What a run of a known job changes."""

_ENTITIES_AT_ONCE = 500
_EDGES_AT_ONCE = 5_000
_RUNS_LOOKED_AT = 20
_AMONG = "IN (SELECT value FROM json_each(?))"


@dataclass(slots=True)
class Delta:
    """Rows for the statements of `writing`, in the order in which they are to be run."""

    mark: Mark
    closed: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # by relation type
    gone: list[int] = field(default_factory=list)  # entities, with their columns
    entities: dict[str, list[Properties]] = field(default_factory=lambda: defaultdict(list))  # by class
    schemas: list[Properties] = field(default_factory=list)  # each dataset's columns at present
    columns: list[Properties] = field(default_factory=list)
    ends: dict[int, Properties] = field(default_factory=dict)  # what relations join, should it not be there yet
    opened: dict[str, list[Properties]] = field(default_factory=lambda: defaultdict(list))
    confirmed: dict[str, list[Properties]] = field(default_factory=lambda: defaultdict(list))
    renewed: list[Properties] = field(default_factory=list)  # entities of which nothing but times differs
    hashes: dict[int, int] = field(default_factory=dict)
    """Of what is said of each entity (by its id) and of its columns (by the id's complement)."""

    @property
    def size(self) -> int:
        by_type = (self.closed, self.entities, self.opened, self.confirmed)
        return (
            sum(len(rows) for kind in by_type for rows in kind.values())
            + len(self.gone) + len(self.columns) + len(self.ends) + len(self.renewed)
        )  # fmt: skip


def key_of(generation: int, id: int) -> int:
    """The key in Neo4j of a node or an edge of the fold state."""
    return (generation << _GENERATION_BITS) + id


def fold_id(key: int) -> int:
    return key & ((1 << _GENERATION_BITS) - 1)


def first_key(generation: int) -> int:
    return generation << _GENERATION_BITS


def difference(
    snapshot: Snapshot, since: Mark, generation: int, limit: int, hashes: Mapping[int, int] | None = None
) -> Delta | None:
    """All that differs since then; None where that is more than `limit` rows of the fold.

    What `hashes`, of the deltas before, show to be as it was is left out.
    """
    return _Reading(snapshot, generation, hashes or {}).difference(since, limit)


def whole(snapshot: Snapshot, generation: int) -> Iterator[Delta]:
    """The present, entities before the relations between them."""
    return _Reading(snapshot, generation, {}).whole()


class _Reading:
    def __init__(self, snapshot: Snapshot, generation: int, hashes: Mapping[int, int]) -> None:
        self._snapshot = snapshot
        self._hashes = hashes
        self._database = snapshot.database
        self._base = first_key(generation)
        self._mark = mark_of(snapshot)
        self._columns: dict[int, tuple[int, str]] = {}  # column's node -> (dataset's entity, path)
        self._shown: dict[tuple[int, str], int] = {}  # column -> the node that stands for it
        self._loaded: set[int] = set()
        self._names: dict[int, Name] = {}
        self._said: dict[int, Properties] = {}

    # The whole -----------------------------------------------------------------------------------------------

    def whole(self) -> Iterator[Delta]:
        rows = self._database.execute("SELECT id, kind FROM entity ORDER BY id").fetchall()
        ids = [id for id, kind in rows if kind not in LEFT_OUT]
        for some in _batches(ids, _ENTITIES_AT_ONCE):
            delta = Delta(self._mark)
            self._add_entities(delta, some)
            yield delta
        last = 0
        while edges := edges_where(self._database, f"id > ? AND {HOLDS} ORDER BY id LIMIT {_EDGES_AT_ONCE}", last):
            delta = Delta(self._mark)
            self._add_edges(delta, edges)
            yield delta
            last = edges[-1][0]

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
            records = self._snapshot.entities_by_id(some)
            shown = [it for it in records.values() if it.kind not in LEFT_OUT]
            with_columns = [it for it in shown if it.kind != "job"]
            self._load_columns([it.id for it in with_columns])
            for record in shown:
                self._add_entity(delta, record, record.id in moved)
            for record in with_columns:
                self._add_columns(delta, record, record.id in moved)

    def _add_entity(self, delta: Delta, record: EntityRecord, is_moved: bool) -> None:
        properties = self._entity(record)
        renewed = {it: properties[it] for it in _RENEWED if it in properties}
        said = [str(value) for name, value in properties.items() if name not in renewed]
        delta.hashes[record.id] = hash(tuple(said))
        if is_moved or self._hashes.get(record.id) != delta.hashes[record.id]:
            delta.entities[record.type].append({"key": self._base + record.id, "properties": properties})
        else:
            delta.renewed.append({"key": self._base + record.id, "properties": renewed})

    def _entity(self, record: EntityRecord) -> Properties:
        properties = {
            "key": self._base + record.id, "urn": record.urn, "type": record.type, "namespace": record.namespace,
            "name": record.name, "description": record.description, "dropped": record.dropped,
            "tags": [it.key if it.value is None else f"{it.key}={it.value}" for it in record.tags if not it.field],
            "owners": [it.name for it in record.owners],
            "createdAt": to_datetime(record.created_at), "updatedAt": to_datetime(record.updated_at),
        }  # fmt: skip
        if record.kind == "job":
            properties |= self._job(record)
        return properties

    def _job(self, record: EntityRecord) -> Properties:
        last = self._database.execute(
            "SELECT state, started_at, ended_at FROM run_now WHERE job_id = ? ORDER BY started_at DESC LIMIT 1",
            (record.id,),
        ).fetchone()
        properties: Properties = {"retired": self._snapshot.is_retired(record)}
        if last is not None:
            properties["lastRun"] = last[0]
            properties["lastRunStartedAt"] = to_datetime(last[1])
            properties["lastRunEndedAt"] = None if last[2] is None else to_datetime(last[2])
        return properties

    def _add_columns(self, delta: Delta, record: EntityRecord, is_moved: bool) -> None:
        paths = self._snapshot.column_paths(record.id)
        tags: dict[str, list[str]] = defaultdict(list)
        for tag in record.tags:
            if tag.field:
                tags[tag.field].append(tag.key if tag.value is None else f"{tag.key}={tag.value}")
        said = hash((record.namespace, record.name, tuple(paths.items()), tuple((it, *tags[it]) for it in tags)))
        delta.hashes[~record.id] = said
        if not is_moved and self._hashes.get(~record.id) == said:
            return
        dataset = self._base + record.id
        keys = []
        for path, (ordinal, data_type, description) in paths.items():
            node = self._shown.get((record.id, path))
            if node is None:
                continue
            keys.append(self._base + node)
            properties = self._column(record.id, path, node) | {
                "dataType": data_type, "ordinal": ordinal if data_type is not None or ordinal < 10**9 else None,
                "description": description, "tags": tags.get(path, []),
            }  # fmt: skip
            delta.columns.append({"key": self._base + node, "dataset": dataset, "properties": properties})
        delta.schemas.append({"dataset": dataset, "columns": keys})

    def _column(self, entity: int, path: str, node: int) -> Properties:
        name = self._name(entity)
        urn = column_urn(Name("dataset", name.namespace, name.name), path)
        return {
            "key": self._base + node, "urn": urn, "type": "Column", "name": path, "dataset": name.name,
            "namespace": name.namespace,
        }  # fmt: skip

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

    def _name(self, node: int) -> Name:
        found = self._names.get(node)
        if found is None:
            found = self._names[node] = self._snapshot.node_name(node)
        return found

    # Relations -----------------------------------------------------------------------------------------------

    def _add_edges(self, delta: Delta, edges: Sequence[FoldEdge]) -> None:
        self._find_columns(edges)
        for id, kind, job, source, target, detail, since in edges:
            ends = self._end(delta, source, kind in (COLUMN, WIDE)), self._end(delta, target, kind == COLUMN)
            if not all(ends) or (kind == DERIVED and ends[0] == ends[1]):
                continue  # a name that is nobody's any more, or two names of one entity
            start, end = reversed(ends) if kind in FROM_TARGET else ends
            properties: Properties = {
                "key": self._base + id, "fold": [kind, job, source, target, since], "validFrom": to_datetime(since),
            }  # fmt: skip
            if kind in _CONFIRMED:
                properties |= self._confirmation(job)
            if self._name(job).kind == "job":
                properties["via"] = self._name(job).urn
            if detail:
                properties["transformations"] = msgspec.json.encode(read_detail(detail)).decode()
            delta.opened[TYPES[kind]].append({"start": start, "end": end, "properties": properties})

    def _find_columns(self, edges: Sequence[FoldEdge]) -> None:
        nodes = {it[3] for it in edges if it[1] in (COLUMN, WIDE)} | {it[4] for it in edges if it[1] == COLUMN}
        unknown = sorted(nodes - self._columns.keys())
        if unknown:
            rows = self._database.execute(f"SELECT parent FROM node WHERE id {_AMONG}", (json.dumps(unknown),))
            self._load_columns({self._snapshot.entity_of(row[0]) for row in rows.fetchall()} - {0})

    def _end(self, delta: Delta, node: int, is_column: bool) -> int:
        """The key of what an edge's end belongs to now; 0 if to nothing."""
        if is_column:
            place = self._columns.get(node)
            if place is None:
                return 0
            node = self._shown[place]
            key = self._base + node
            if key not in delta.ends:
                delta.ends[key] = {"key": key, "properties": self._column(*place, node)}
            return key
        entity = self._snapshot.entity_of(node)
        if not entity:
            return 0
        key = self._base + entity
        if key not in delta.ends:
            name = self._name(entity)
            named = {"key": key, "urn": name.urn, "name": name.name, "namespace": name.namespace}
            delta.ends[key] = {"key": key, "properties": named}
        return key

    def _confirmation(self, job: int) -> Properties:
        """Who said last what holds of a job: the newest positions, and when that was."""
        found = self._said.get(job)
        if found is None:
            rows = self._database.execute(
                f"SELECT saying FROM governs WHERE job_id = ? AND known_to = {LATEST} AND saying <> 0"
                f" ORDER BY valid_from DESC LIMIT {_RUNS_LOOKED_AT}",
                (job,),
            )
            newest, _ = self._snapshot.evidence_of_sayings(job, tuple(row[0] for row in rows.fetchall()))
            found = {"evidence": sorted(position for _, position in newest)}
            if newest:
                found["lastConfirmedAt"] = to_datetime(newest[0][0])
            self._said[job] = found
        return found

    def _add_confirmations(self, delta: Delta, jobs: Sequence[int], last_edge: int) -> None:
        """A run of a known job that says what the last one said: its relations are confirmed by it."""
        rows = self._database.execute(
            f"SELECT id, kind, job_id FROM edge WHERE job_id {_AMONG} AND {HOLDS}"
            f" AND kind IN ({', '.join(map(str, _CONFIRMED))}) AND id <= ?",
            (json.dumps(jobs), last_edge),
        )
        for id, kind, job in rows.fetchall():
            delta.confirmed[TYPES[kind]].append({"key": self._base + id, "properties": self._confirmation(job)})


def _batches(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    waiting = iter(items)
    while some := list(islice(waiting, size)):
        yield some

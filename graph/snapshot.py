"""One consistent state of the graph, read from the tables of `schema`: `reader.GraphSnapshot`.

The present is read from the rows kept for it (`entity`, `slot`, open edges); any other instant from what was said
(`says`, `run_event`) and from the bitemporal tables, so that the past costs storage only once.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from ontology import Ontology

from .attributes import says_of_columns, values_of
from .conditions import holds
from .cord import Cord, Region, region_of
from .database import Cached, Database, Dialect, SqliteDialect, in_chunks
from .derivations import Mark
from .entity import (
    EntityRegisters,
    created_between,
    gather,
    overflow_of,
    present_row,
    read_overflow,
    said_between,
)
from .errors import InvalidInput
from .lineage import Lineage, Place, column_urn
from .lineage import paths as shortest_paths
from .model import BEGINNING, FOREVER, LATEST, AsOf, Change, Instant, Name, Position, make_urn, parse_urn, storable
from .reader import (
    PARENT_JOB,
    Alias,
    AttributeCondition,
    ColumnRecord,
    Derivation,
    EntityQuery,
    EntityRecord,
    Level,
    LineageAnswer,
    LineageQuery,
    Owner,
    Page,
    PathRecord,
    RelationRecord,
    RunRecord,
    StopHere,
    StopRecord,
    Support,
    Tag,
    VersionRecord,
)
from .registers import (
    FacetSets,
    Overflowed,
    Winner,
    column_fields,
    every_column,
    facets_in_force,
    present_columns,
    winners,
)
from .registers import Said as SaidSet
from .relations import Relations
from .sayings import read_content
from .statements import Transformation
from .timeline import READS, WRITES, Edge, RunEvent, run_state

_ENTITY = "id, kind, type, namespace, name, description, tags, owners, dropped, created_at, updated_at, attributes"
_SEARCHED = ("name", "namespace", "coalesce(description, '')")
_read_edges = msgspec.msgpack.Decoder(frozenset[tuple[int, int, int, tuple[Transformation, ...]]]).decode
_read_tags = msgspec.json.Decoder(list[dict[str, Any]]).decode
_read_attributes = msgspec.json.Decoder(dict[str, Any]).decode

_SQLITE = SqliteDialect()
_REGISTERS_KEPT = 256
"""Entities whose registers a snapshot remembers: fields of one entity are asked for one after another."""

ColumnField = tuple[int, str | None, str | None]
"""(ordinal, type, description) of a column."""

_UNTOLD: ColumnField = (10**9, None, None)
"""Of a column that no schema describes: after those that one does."""

_AMONG = "IN (SELECT value FROM json_each(?))"


class Shared:
    """What snapshots over one connection remember: rows that never change once written.

    `cord` is shared by all connections to one graph.
    """

    def __init__(self, database: Database, cord: Cord | None = None) -> None:
        self.cord = Cord() if cord is None else cord
        self.sets = FacetSets(database)
        self.names: Cached = Cached(lambda _: None, 100_000)
        self.urns: Cached = Cached(lambda _: None, 100_000)
        self.columns: Cached = Cached(lambda _: None, 200_000)
        self.edge_sets: Cached = Cached(lambda _: None, 2_000)
        self.members: dict[tuple[int, Instant, Position], dict[int, int]] = {}

    def clear(self) -> None:
        self.sets.clear()
        self.names.clear()
        self.urns.clear()
        self.columns.clear()
        self.edge_sets.clear()
        self.members.clear()


class Snapshot:
    """Reads as of `as_of`; lives within one read transaction of `database`."""

    def __init__(
        self,
        database: Database,
        shared: Shared,
        ontology: Ontology,
        as_of: AsOf,
        dialect: Dialect = _SQLITE,
    ) -> None:
        self.database = database
        self._dialect = dialect
        self.as_of = as_of
        self._shared = shared
        self._sets = shared.sets
        self._ontology = ontology
        self._meta = dict(database.execute("SELECT key, value FROM meta").fetchall())
        projected = Position(self._meta.get("position", 0))
        self._projected = projected
        self.known = Position(projected if as_of.position is None else min(as_of.position, projected))
        self.valid = Instant(FOREVER - 1) if as_of.valid is None else as_of.valid
        self._is_present = self.valid == FOREVER - 1 and self.known == projected
        self._region: Region | None = None
        self._entity_map = self._read_members()
        self._gone: dict[int, Instant] | None = None
        self._columns: dict[int, dict[str, ColumnField]] = {}
        self._members_of: dict[int, list[int]] | None = None
        self._records: dict[int, EntityRecord | None] = {}
        self._shared_names: frozenset[int] | None = None
        self._registers_read: dict[int, EntityRegisters | None] = {}
        self._said_expected: dict[int, tuple[list[SaidSet], list[Overflowed]]] = {}

    def position(self) -> Position:
        return self.known

    @property
    def incarnation(self) -> int:
        """Which making of the fold state this is; after a rebuild it is another, and nodes may have other ids."""
        return int(self._meta.get("incarnation", 0))

    @property
    def members_at(self) -> int:
        """The position at which identities were last worked out anew."""
        return int(self._meta.get("members", 0))

    @property
    def is_present(self) -> bool:
        return self._is_present

    def subclasses(self, name: str) -> frozenset[str]:
        """A class of the ontology and those below it; none where it has no such class."""
        return self._ontology.subclasses(name) if name in self._ontology.classes else frozenset()

    # Identity ----------------------------------------------------------------------------------------------

    def _read_members(self) -> dict[int, int]:
        key = (self._meta.get("members", 0), self.valid, self.known if not self._is_present else LATEST)
        found = self._shared.members.get(key)
        if found is None:
            if len(self._shared.members) >= 8:
                self._shared.members.clear()
            rows = self.database.execute(
                "SELECT node, entity FROM member WHERE known_from <= ? AND known_to > ? AND valid_from <= ?"
                " AND valid_to > ?",
                (self.known, self.known, self.valid, self.valid),
            )
            found = self._shared.members[key] = dict(rows.fetchall())
        return found

    def entity_of(self, node: int) -> int:
        """The canonical node of a node's entity; 0 where it is of none any more."""
        return self._entity_map.get(node, node)

    def gone_at(self, node: int) -> Instant:
        """When another entity was renamed onto the name this node bore; FOREVER if none was."""
        if self._gone is None:
            rows = self.database.execute(
                "SELECT node, valid_from FROM member WHERE entity = 0 AND known_from <= ? AND known_to > ?",
                (self.known, self.known),
            )
            self._gone = dict(rows.fetchall())
        return self._gone.get(node, FOREVER)

    def nodes_of(self, entities: Iterable[int]) -> list[int]:
        """All nodes of these entities."""
        if not self._entity_map:
            return list(entities)
        if self._members_of is None:
            self._members_of = defaultdict(list)
            for node, entity in self._entity_map.items():
                self._members_of[entity].append(node)
        found: list[int] = []
        for entity in entities:
            found += self._members_of.get(entity, ())
            if entity not in self._entity_map:
                found.append(entity)
        return found

    def _node(self, node: int) -> tuple[str, str, str, int, Instant]:
        """(kind, namespace, name, name_id, began)."""
        found: tuple[str, str, str, int, Instant] | None = self._shared.names(node)
        if found is None:
            found = self.database.execute(
                "SELECT kind, namespace, name, name_id, began FROM node WHERE id = ?", (node,)
            ).fetchone()
            self._shared.names.put(node, found)
        assert found is not None
        return found

    def expect_names(self, nodes: Iterable[int]) -> None:
        """Read these nodes at once, for those who will ask for their names."""
        unknown = [it for it in nodes if it not in self._shared.names]
        if unknown:
            rows = self.database.execute(
                f"SELECT id, kind, namespace, name, name_id, began FROM node WHERE id {_AMONG}", (json.dumps(unknown),)
            )
            for node, *said in rows.fetchall():
                self._shared.names.put(node, tuple(said))

    def node_name(self, node: int) -> Name:
        kind, namespace, name, _, _ = self._node(node)
        return Name(kind, namespace, name)

    def node_urn(self, node: int) -> str:
        found: str | None = self._shared.urns(node)
        if found is None:
            kind, namespace, name, _, _ = self._node(node)
            found = make_urn(kind, namespace, name)
            self._shared.urns.put(node, found)
        return found

    def node_kind(self, node: int) -> str:
        return self._node(node)[0]

    def name_id(self, node: int) -> int:
        """The id of the name that a node is an occupancy of."""
        return self._node(node)[3]

    def _name_id(self, name: Name) -> int | None:
        row = self.database.execute(
            "SELECT id FROM node WHERE name = ? AND kind = ? AND namespace = ? AND path = '' AND parent = 0"
            " AND began = ?",
            (name.name, name.kind, name.namespace, BEGINNING),
        ).fetchone()
        return row[0] if row else None

    def _bearer(self, name_id: int) -> int:
        row = self.database.execute(
            "SELECT node FROM occupancy WHERE name_id = ? AND began <= ? AND known_from <= ? AND known_to > ?"
            " ORDER BY began DESC LIMIT 1",
            (name_id, self.valid, self.known, self.known),
        ).fetchone()
        return row[0] if row else name_id

    def bearers(self, names: Iterable[Name], at: Instant) -> dict[Name, int]:
        """The entities that bore these names at an instant; without those that nobody bore or nobody ever named."""
        found: dict[Name, int] = {}
        for part in in_chunks(list(dict.fromkeys(names)), 100):
            wanted = set(part)
            rows = self.database.execute(
                f"SELECT id, kind, namespace, name FROM node WHERE name IN ({', '.join('?' * len(part))})"
                " AND path = '' AND parent = 0 AND began = ?",
                (*(it.name for it in part), BEGINNING),
            ).fetchall()
            for name_id, kind, namespace, text in rows:
                name = Name(kind, namespace, text)
                if name in wanted:
                    entity = self.entity_of(self._bearer_at(name_id, at))
                    if entity:
                        found[name] = entity
        return found

    def _bearer_at(self, name_id: int, at: Instant) -> int:
        for began, ended, node in self._occupancies_of(name_id):
            if began <= at < ended:
                return node
        return name_id

    def holder(self, name: Name) -> Name:
        """What keeps the registers of a name: a column's dataset, anything else itself."""
        if name.kind != "column":
            return name
        return Name(self._ontology.kind_for_namespace(name.namespace), name.namespace, name.name)

    def _occupancies(self, node: int) -> list[tuple[Instant, Instant, int]]:
        return self._occupancies_of(self._node(node)[3])

    def _occupancies_of(self, name_id: int) -> list[tuple[Instant, Instant, int]]:
        if self._shared_names is None:  # few: those that renames touched
            every = self.database.execute("SELECT DISTINCT name_id FROM occupancy").fetchall()
            self._shared_names = frozenset(row[0] for row in every)
        if name_id not in self._shared_names:
            return [(BEGINNING, FOREVER, name_id)]
        rows = self.database.execute(
            "SELECT began, ended, node FROM occupancy WHERE name_id = ? AND known_from <= ? AND known_to > ?",
            (name_id, self.known, self.known),
        ).fetchall()
        return rows or [(BEGINNING, FOREVER, name_id)]

    # Entities ----------------------------------------------------------------------------------------------

    def entity(self, urn: str) -> EntityRecord | None:
        name = parse_urn(urn)
        if name.kind == "column":
            dataset = self.dataset_of(name)
            return self.places([(dataset, name.path)]).get((dataset, name.path)) if dataset else None
        found = self.find(frozenset({name.kind}), name.namespace, name.name)
        return found

    def dataset_of(self, column: Name) -> int:
        """The entity a column's urn speaks of; 0 if there is none."""
        kind = self._ontology.kind_for_namespace(column.namespace)
        found = self.find(frozenset({kind}), column.namespace, column.name)
        return found.id if found is not None else 0

    def find(self, kinds: frozenset[str], namespace: str, name: str) -> EntityRecord | None:
        namespace, name = storable(namespace), storable(name)
        for kind in sorted(kinds):
            name_id = self._name_id(Name(kind, namespace, name))
            if name_id is not None:
                entity = self.entity_of(self._bearer(name_id))
                record = self._record(entity) if entity else None
                if record is not None:
                    return record
        return None

    def _record(self, entity: int) -> EntityRecord | None:
        if entity not in self._records:
            self._records.update(dict.fromkeys([entity]))
            self._records.update(self.entities_by_id([entity]))
        return self._records[entity]

    def entities_by_id(self, ids: Sequence[int]) -> dict[int, EntityRecord]:
        if self._is_present:
            rows = self.database.execute(
                f"SELECT {_ENTITY} FROM entity WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
            return self._with_runs({row[0]: _entity_record(row) for row in rows})
        found = {}
        for entity in ids:
            record = self._past_record(entity)
            if record is not None:
                found[entity] = record
        return self._with_runs(found)

    def _past_record(self, entity: int) -> EntityRecord | None:
        registers = self._registers(entity)
        if registers is None:
            return None
        kind, namespace, name, _, _ = self._node(entity)
        row = present_row(Name(kind, namespace, name), registers, self._sets, self._ontology)
        return _entity_record(
            (entity, kind, row.type, namespace, name, row.description, row.tags, row.owners, row.dropped,
             registers.created_at, registers.updated_at, row.attributes)
        )  # fmt: skip

    def _registers(self, entity: int) -> EntityRegisters | None:
        """All that is said of an entity; None if nothing is."""
        if entity not in self._registers_read:
            if len(self._registers_read) >= _REGISTERS_KEPT:
                self._registers_read.clear()
            self._registers_read[entity] = self._read_registers(entity)
        return self._registers_read[entity]

    def _read_registers(self, entity: int) -> EntityRegisters | None:
        said: list[SaidSet] = []
        overflowed: list[Overflowed] = []
        created: list[Instant] = []
        for node in self.nodes_of([entity]):
            more, spilled = self._said_of(node)
            said += more
            overflowed += spilled
            name_id, occupancies = self._node(node)[3], self._occupancies(node)
            created += created_between(self.database, node, name_id, occupancies, self.valid, self.known)
        return gather(said, overflowed, min(created)) if created else None

    def _said_of(self, node: int) -> tuple[list[SaidSet], list[Overflowed]]:
        """What is said of one name while this node bore it."""
        if node in self._said_expected:
            return self._said_expected[node]
        name_id, occupancies = self._node(node)[3], self._occupancies(node)
        if self._is_present and len(occupancies) == 1:
            slots = self.database.execute("SELECT set_id, role, rank, at FROM slot WHERE name_id = ?", (name_id,))
            said = [SaidSet(self._sets.get(set_id), role, rank, at) for set_id, role, rank, at in slots]
            return said, list(read_overflow(self.database, name_id).values())
        return said_between(self.database, self._sets, node, name_id, occupancies, self.valid, self.known), []

    def winners_of(self, entity: int) -> dict[str, Winner]:
        """The registers in force of an entity, none where nothing is said of it."""
        kept = self._registers_read.get(entity)
        if kept is not None:
            return kept.winners
        said: list[SaidSet] = []
        overflowed: list[Overflowed] = []
        for node in self.nodes_of([entity]):
            more, spilled = self._said_of(node)
            said += more
            overflowed += spilled
        return winners(said, overflowed)

    def value(self, stored: bytes | int) -> bytes:
        """A register's JSON, wherever it is kept."""
        return self._sets.value(stored)

    def expect_said(self, entities: Iterable[int]) -> None:
        """Look up at once what is said of these, for those who ask next; forgets what was expected before."""
        self._said_expected = {}
        if not self._is_present:
            return
        nodes = [it for it in self.nodes_of(entities) if [place[2] for place in self._occupancies(it)] == [it]]
        names = {self.name_id(node): node for node in nodes}
        found: dict[int, tuple[list[SaidSet], list[Overflowed]]] = {node: ([], []) for node in nodes}
        wanted = (json.dumps(list(names)),)
        slots = self.database.execute(
            "SELECT name_id, set_id, role, rank, at FROM slot WHERE name_id IN (SELECT value FROM json_each(?))", wanted
        ).fetchall()
        for name_id, set_id, role, rank, at in slots:
            found[names[name_id]][0].append(SaidSet(self._sets.get(set_id), role, rank, at))
        for name_id, spilled in overflow_of(self.database, list(names)):
            found[names[name_id]][1].append(spilled)
        self._said_expected = found

    def _with_runs(self, records: dict[int, EntityRecord]) -> dict[int, EntityRecord]:
        runs = [it.id for it in records.values() if it.kind == "run"]
        for run in runs:
            records[run] = self._run_record(records[run])
        return records

    def _run_record(self, record: EntityRecord) -> RunRecord:
        fields = {it: getattr(record, it) for it in EntityRecord.__slots__}
        if self._is_present:
            row = self.database.execute(
                "SELECT state, started_at, ended_at, job_id FROM run_now WHERE run_id = ?", (record.id,)
            ).fetchone()
            if row is None:
                return RunRecord(**fields)
            return RunRecord(**fields, state=row[0], started_at=row[1], ended_at=row[2], job_id=row[3])
        events = self._run_events(record.id)
        if not events:
            return RunRecord(**fields)
        state = run_state([event for event, _ in events])
        job = max((event.at, event.digest, job) for event, job in events)[2]
        return RunRecord(**fields, state=state.state, started_at=state.started_at, ended_at=state.ended_at, job_id=job)

    def _run_events(self, run: int) -> list[tuple[RunEvent, int]]:
        rows = self.database.execute(
            "SELECT at, digest, type, streaming, content_id, job_id FROM run_event WHERE run_id = ? AND at <= ?"
            " AND position <= ?",
            (run, self.valid, self.known),
        )
        return [(RunEvent(*row[:5]), row[5]) for row in rows]

    def entities(self, query: EntityQuery) -> Page:
        query = _storable(query)
        if query.kinds == frozenset({"column"}) or query.types == frozenset({"Column"}):
            return self._column_page(query)
        return self._present_page(query) if self._is_present else self._past_page(query)

    def _present_page(self, query: EntityQuery) -> Page:
        where, parameters = _conditions(query, self._dialect)
        order, key = _ORDERS[query.order]
        count = self.database.execute(f"SELECT count(*) FROM entity WHERE {where}", parameters).fetchone()[0]
        paged = list(parameters)
        if query.after is not None:
            comparison, marks = _after(query)
            where += f" AND {comparison}"
            paged += marks
        rows = self.database.execute(
            f"SELECT {_ENTITY} FROM entity WHERE {where} ORDER BY {order} LIMIT ?", (*paged, query.first + 1)
        ).fetchall()
        records = self._with_runs({row[0]: _entity_record(row) for row in rows[: query.first]})
        listed = tuple(records[row[0]] for row in rows[: query.first])
        cursors = tuple(_cursor(*(getattr(it, name) for name in key)) for it in listed)
        return Page(listed, cursors, count, len(rows) > query.first)

    def _past_page(self, query: EntityQuery) -> Page:
        kinds = query.kinds
        rows = self.database.execute(
            "SELECT id, kind FROM node WHERE path = '' AND parent = 0 AND first_position <= ?", (self.known,)
        )
        ids = {self.entity_of(node) for node, kind in rows if kinds is None or kind in kinds} - {0}
        every = [it for it in self.entities_by_id(sorted(ids)).values() if _matches(it, query)]
        _, key = _ORDERS[query.order]
        descending = query.order != "NAME"
        every.sort(key=lambda it: tuple(getattr(it, name) for name in key), reverse=descending)
        marks = [tuple(getattr(it, name) for name in key) for it in every]
        start = 0
        if query.after is not None:
            last = tuple(_read_cursor(query.after, len(key)))
            start = next((i for i, it in enumerate(marks) if (it < last if descending else it > last)), len(every))
        chosen = every[start : start + query.first]
        cursors = tuple(_cursor(*mark) for mark in marks[start : start + query.first])
        return Page(tuple(chosen), cursors, len(every), start + query.first < len(every))

    def _column_page(self, query: EntityQuery) -> Page:
        """Columns by path; they have no row of their own in the present, so they are read from their datasets."""
        pattern = f"%{_like(query.search)}%" if query.search else "%"
        rows = self.database.execute(
            "SELECT id, parent, path FROM node WHERE kind = 'column' AND parent > 0 AND path LIKE ? ESCAPE '\\'"
            " AND first_position <= ? ORDER BY path, id",
            (pattern, self.known),
        ).fetchall()
        places: dict[Place, int] = {}
        for node, dataset, path in rows:
            entity = self.entity_of(dataset)
            if entity:
                places.setdefault((entity, path), node)
        listed = [(path, node, entity) for (entity, path), node in places.items() if path in self.column_paths(entity)]
        meant = self._columns_meant({(entity, path) for path, _, entity in listed}, query)
        listed = [it for it in listed if (it[2], it[0]) in meant]
        start = 0
        if query.after is not None:
            last = tuple(_read_cursor(query.after, 2))
            start = next((i for i, it in enumerate(listed) if it[:2] > last), len(listed))
        chosen = listed[start : start + query.first]
        records = self.places([(entity, path) for path, _, entity in chosen])
        found = [
            (records[entity, path], _cursor(path, node)) for path, node, entity in chosen if (entity, path) in records
        ]
        return Page(
            tuple(it for it, _ in found),
            tuple(it for _, it in found),
            len(listed),
            start + query.first < len(listed),
        )

    def _columns_meant(self, places: Collection[Place], query: EntityQuery) -> set[Place]:
        """Those of the columns that pass the query's filter; only where their datasets let them are they read."""
        datasets = self.entities_by_id(list({entity for entity, _ in places}))
        passing = {it.id for it in datasets.values() if _may_have_columns(it, query)}
        found = {it for it in places if it[0] in passing and (query.names is None or it[1] in query.names)}
        if query.tags is None and query.owners is None and not query.attributes:
            return found
        return {place for place, it in self.places(found).items() if _matches(it, query)}

    def counts(self) -> dict[str, int]:
        if self._is_present:
            rows = self.database.execute("SELECT type, count(*) FROM entity WHERE dropped = 0 GROUP BY type")
            return dict(rows.fetchall()) | self._column_count()
        counts: dict[str, int] = defaultdict(int)
        for record in self._past_page(EntityQuery(first=10**9)).records:
            counts[record.type] += 1
        return dict(counts) | self._column_count()

    def _column_count(self) -> dict[str, int]:
        """Columns ever named: telling which of them are there now would mean to look at every dataset."""
        count = self.database.execute(
            "SELECT count(*) FROM node WHERE kind = 'column' AND parent > 0 AND first_position <= ?", (self.known,)
        ).fetchone()[0]
        return {"Column": count} if count else {}

    def facets(self, entity: EntityRecord) -> dict[str, bytes]:
        if isinstance(entity, ColumnRecord):
            return {}
        registers = self._registers(entity.id)
        if registers is None:
            return {}
        stored = facets_in_force(registers.winners)
        return {key: self._sets.value(value) for key, value in sorted(stored.items())}

    def attributes(self, entity: EntityRecord) -> dict[str, object]:
        return values_of(_read_attributes(entity.attributes)) if entity.attributes is not None else {}

    def relations(self, entity: EntityRecord, relation: str | None = None) -> tuple[RelationRecord, ...]:
        return Relations(self).outgoing(entity, relation)

    def related_from(
        self, entity: EntityRecord, relation: str | None = None, first: int | None = None
    ) -> tuple[RelationRecord, ...]:
        return Relations(self).incoming(entity, relation, first)

    def aliases(self, entity: EntityRecord) -> tuple[Alias, ...]:
        if isinstance(entity, ColumnRecord):
            return ()
        nodes = self.nodes_of([entity.id])
        kinds: dict[tuple[str, str], str] = {}
        for node in nodes:
            kinds.update(self._kinds_named(node))
        found: dict[tuple[str, str], str | None] = {}
        for node in nodes:
            _, namespace, name, _, began = self._node(node)
            if (namespace, name) != (entity.namespace, entity.name) and began <= self.valid:
                kind = "FORMER" if self._has_moved(node) else kinds.get((namespace, name))
                found[namespace, name] = kind
        return tuple(Alias(*name, found[name]) for name in sorted(found))

    def _kinds_named(self, node: int) -> dict[tuple[str, str], str]:
        """What a name's symlinks facet in force calls the names in it: TABLE, LOCATION, ..."""
        said, overflowed = self._said_of(node)
        symlinks = winners(said, overflowed).get("symlinks")
        if symlinks is None or symlinks.value is None:
            return {}
        facet = msgspec.json.decode(self._sets.value(symlinks.value))
        listed = facet.get("identifiers") if isinstance(facet, dict) else None
        return {
            (str(it.get("namespace")), str(it.get("name"))): str(it["type"]).upper()
            for it in (listed if isinstance(listed, list) else ())
            if isinstance(it, dict) and it.get("type")
        }

    def _has_moved(self, node: int) -> bool:
        """Whether a rename took the entity away from this occupancy of the name."""
        name_id = self._node(node)[3]
        row = self.database.execute(
            "SELECT 1 FROM rename WHERE source = ? AND at <= ? AND position <= ? LIMIT 1",
            (name_id, self.valid, self.known),
        ).fetchone()
        return row is not None

    # Columns -----------------------------------------------------------------------------------------------

    def column_paths(self, dataset: int) -> dict[str, ColumnField]:
        """Present columns: path -> (ordinal, type, description), the schema's first and in its order."""
        found = self._columns.get(dataset)
        if found is None:
            registers = self._registers(dataset)
            found = {} if registers is None else _present_fields(registers.said, registers.winners)
            self._columns[dataset] = found
        return found

    def columns_of(self, entities: Iterable[int]) -> dict[int, dict[str, ColumnField]]:
        """`column_paths` of many entities that are in the present, with a few queries; remembers none of them."""
        assert self._is_present
        wanted = list(entities)
        bearers = {node: entity for entity in wanted for node in self.nodes_of([entity])}
        asked = (json.dumps(list(bearers)),)
        rows = self.database.execute(f"SELECT id, name_id FROM node WHERE id {_AMONG}", asked).fetchall()
        names = json.dumps([name_id for _, name_id in rows])
        shared = self.database.execute(f"SELECT DISTINCT name_id FROM occupancy WHERE name_id {_AMONG}", (names,))
        renamed = {row[0] for row in shared.fetchall()}
        singly = {bearers[node] for node, name_id in rows if name_id in renamed}
        said: dict[int, list[SaidSet]] = {it: [] for it in wanted if it not in singly}
        slots = self.database.execute(
            f"SELECT name_id, set_id, role, rank, at FROM slot WHERE name_id {_AMONG}", asked
        ).fetchall()
        self._sets.expect_kept(row[1] for row in slots)
        for name_id, set_id, role, rank, at in slots:
            if (entity := bearers[name_id]) in said:
                said[entity].append(SaidSet(self._sets.get(set_id), role, rank, at))
        spilled = self.database.execute(f"SELECT DISTINCT name_id FROM overflow WHERE name_id {_AMONG}", asked)
        overflowed: dict[int, list[Overflowed]] = defaultdict(list)
        for (name_id,) in spilled.fetchall():
            overflowed[bearers[name_id]] += read_overflow(self.database, name_id).values()
        found = {it: _present_fields(sets, winners(sets, overflowed[it])) for it, sets in said.items()}
        return found | {it: self.column_paths(it) for it in singly}

    def every_column_path(self, dataset: int) -> set[str]:
        """All columns ever named, closed ones too."""
        registers = self._registers(dataset)
        return every_column(registers.winners) if registers is not None else set()

    def columns(self, dataset: EntityRecord) -> tuple[ColumnRecord, ...]:
        paths = self.column_paths(dataset.id)
        records = self.places([(dataset.id, path) for path in paths])
        return tuple(it for it in records.values() if isinstance(it, ColumnRecord))

    def column_nodes(self, places: Sequence[Place]) -> list[int]:
        """The nodes of these columns, under every name of their datasets."""
        wanted: dict[int, set[str]] = defaultdict(set)
        for entity, path in places:
            for node in self.nodes_of([entity]):
                wanted[node].add(path)
        rows = self.database.execute(
            "SELECT id, parent, path FROM node WHERE parent IN (SELECT value FROM json_each(?)) AND parent > 0",
            (json.dumps(list(wanted)),),
        )
        found = []
        for node, parent, path in rows:
            self._shared.columns.put(node, (parent, path))
            if path in wanted[parent]:
                found.append(node)
        return found

    def column_of(self, node: int) -> Place:
        """(node of its dataset, path) of a column's node."""
        kept: Place | None = self._shared.columns(node)
        if kept is None:
            kept = self.database.execute("SELECT parent, path FROM node WHERE id = ?", (node,)).fetchone()
            self._shared.columns.put(node, kept)
        assert kept is not None
        return kept

    def column_place(self, node: int) -> Place | None:
        dataset, path = self.column_of(node)
        entity = self.entity_of(dataset)
        return (entity, path) if entity else None

    def places(self, places: Iterable[Place], closed: bool = False) -> dict[Place, EntityRecord]:
        """The records behind entities and columns; columns that are no longer there only if `closed`."""
        wanted = list(places)
        records = self.entities_by_id(list({it[0] for it in wanted}))
        found: dict[Place, EntityRecord] = {}
        tags: dict[int, dict[str, list[Tag]]] = {}
        values: dict[int, dict[str, object]] = {}
        for entity, path in wanted:
            record = records.get(entity)
            if record is None:
                continue
            if not path:
                found[entity, ""] = record
                continue
            if entity not in tags:
                tags[entity] = defaultdict(list)
                for tag in record.tags:
                    if tag.field:
                        tags[entity][tag.field].append(tag)
                if record.attributes is not None:
                    values[entity] = _read_attributes(record.attributes)
            column = self._column_record(record, path, tuple(tags[entity].get(path, ())), values.get(entity), closed)
            if column is not None:
                found[entity, path] = column
        return found

    def _column_record(
        self,
        dataset: EntityRecord,
        path: str,
        tags: tuple[Tag, ...],
        values: Mapping[str, object] | None,
        closed: bool,
    ) -> ColumnRecord | None:
        field = self.column_paths(dataset.id).get(path)
        if field is None and not closed:
            return None
        ordinal, data_type, description = field or _UNTOLD
        said = values_of(values, path) if values else None
        return ColumnRecord(
            id=dataset.id,
            kind="column",
            type="Column",
            namespace=dataset.namespace,
            name=path,
            urn=column_urn(Name("dataset", dataset.namespace, dataset.name), path),
            created_at=dataset.created_at,
            updated_at=dataset.updated_at,
            description=description,
            tags=tags,
            dropped=dataset.dropped or field is None,
            attributes=msgspec.json.encode(said).decode() if said else None,
            dataset_id=dataset.id,
            path=path,
            data_type=data_type,
            ordinal=ordinal if ordinal < _UNTOLD[0] else None,
        )

    # Runs and jobs -----------------------------------------------------------------------------------------

    def runs(self, job: EntityRecord, first: int) -> tuple[RunRecord, ...]:
        if self._is_present:
            ids = [
                row[0]
                for row in self.database.execute(
                    "SELECT run_id FROM run_now WHERE job_id = ? ORDER BY started_at DESC, run_id DESC LIMIT ?",
                    (job.id, first),
                )
            ]
        else:
            ids = [row[0] for row in self.database.execute("SELECT run_id FROM run_now WHERE job_id = ?", (job.id,))]
        found = [it for it in self.entities_by_id(ids).values() if isinstance(it, RunRecord)]
        found.sort(key=lambda it: (it.started_at or 0, it.id), reverse=True)
        return tuple(found[:first])

    def run_datasets(self, run: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        inputs: dict[int, None] = {}
        outputs: dict[int, None] = {}
        for event, _ in self._run_events(run.id):
            if event.content:
                flows = read_content(self.database, event.content)
                for side, names in ((inputs, flows.inputs), (outputs, flows.outputs)):
                    side.update(dict.fromkeys(self._entity_at(name, event.at) for name in names))
        return self._listed(inputs), self._listed(outputs)

    def _entity_at(self, name: Name, at: Instant) -> int:
        """The entity that bore a name when it was spoken of."""
        name_id = self._name_id(name)
        if name_id is None:
            return 0
        row = self.database.execute(
            "SELECT node FROM occupancy WHERE name_id = ? AND began <= ? AND known_from <= ? AND known_to > ?"
            " ORDER BY began DESC LIMIT 1",
            (name_id, at, self.known, self.known),
        ).fetchone()
        return self.entity_of(row[0] if row else name_id)

    def job_datasets(self, job: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        sides = []
        for kind, near, far in ((READS, "target", "source"), (WRITES, "source", "target")):
            rows = self.database.execute(
                f"SELECT {far} FROM edge WHERE {near} = ? AND kind = ? AND known_from <= ? AND known_to > ?"
                " AND valid_from <= ? AND valid_to > ?",
                (job.id, kind, self.known, self.known, self.valid, self.valid),
            )
            sides.append(self._listed({self.entity_of(row[0]): None for row in rows}))
        return sides[0], sides[1]

    def said_in(self, entity: EntityRecord, keys: frozenset[str] | None = None) -> Support:
        nodes = self.nodes_of([entity.dataset_id if isinstance(entity, ColumnRecord) else entity.id])
        within = (json.dumps([self.name_id(it) for it in nodes]), self.valid, self.known)
        where = f"FROM says WHERE name_id {_AMONG} AND at <= ? AND position <= ?"
        if keys is None:
            return self._newest(f"SELECT DISTINCT position {where}", within)
        sets = [row[0] for row in self.database.execute(f"SELECT DISTINCT set_id {where}", within).fetchall()]
        self._sets.expect_kept(sets)
        telling = [it for it in sets if keys & self._sets.get(it).facets.keys()]
        of_sets = f"SELECT DISTINCT position {where} AND set_id {_AMONG}"
        return self._newest(of_sets, (*within, json.dumps(telling))) if telling else ((), 0)

    def output_said_in(self, source: EntityRecord, output: EntityRecord) -> Support:
        if not isinstance(source, RunRecord):
            return self._job_output_said_in(source, output)
        rows = self.database.execute(
            "SELECT position, at, content_id FROM run_event WHERE run_id = ? AND content_id > 0 AND at <= ?"
            " AND position <= ? ORDER BY position",
            (source.id, self.valid, self.known),
        ).fetchall()
        found = []
        for position, at, content in rows:
            outputs = read_content(self.database, content).outputs
            if any(self._entity_at(name, at) == output.id for name in outputs):
                found.append(position)
        return tuple(found[-20:]), len(found)

    def _job_output_said_in(self, job: EntityRecord, output: EntityRecord) -> Support:
        rows = self.database.execute(
            f"SELECT DISTINCT valid_from, valid_to FROM edge WHERE source = ? AND kind = ? AND target {_AMONG}"
            " AND known_from <= ? AND known_to > ? AND valid_from <= ? AND valid_to > ?",
            (job.id, WRITES, json.dumps(self.nodes_of([output.id])), self.known, self.known, self.valid, self.valid),
        ).fetchall()
        positions: set[int] = set()
        count = 0
        for start, end in rows:
            newest, more = self.evidence(job.id, start, end)
            positions.update(position for _, position in newest)
            count += more
        return tuple(sorted(positions)[-20:]), count

    def _newest(self, positions: str, parameters: Sequence[object]) -> Support:
        rows = self.database.execute(
            f"SELECT position, count(*) OVER () FROM ({positions}) AS said ORDER BY position DESC LIMIT 20", parameters
        ).fetchall()
        return tuple(row[0] for row in reversed(rows)), (rows[0][1] if rows else 0)

    def dataset_jobs(self, dataset: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        readers = self._jobs_at(dataset, READS, "source", "target")
        return readers, self._jobs_at(dataset, WRITES, "target", "source")

    def _jobs_at(self, dataset: EntityRecord, kind: int, near: str, far: str) -> tuple[EntityRecord, ...]:
        rows = self.database.execute(
            f"SELECT DISTINCT {far} FROM edge WHERE {near} IN (SELECT value FROM json_each(?)) AND kind = ?"
            " AND known_from <= ? AND known_to > ? AND valid_from <= ? AND valid_to > ?",
            (json.dumps(self.nodes_of([dataset.id])), kind, self.known, self.known, self.valid, self.valid),
        )
        return self._listed({self.entity_of(row[0]): None for row in rows})

    def _listed(self, ids: dict[int, None]) -> tuple[EntityRecord, ...]:
        records = self.entities_by_id([it for it in ids if it])
        return tuple(sorted(records.values(), key=lambda it: it.urn))

    def parent(self, entity: EntityRecord) -> EntityRecord | None:
        """As the parent facet in force says: of a run, or of a job's latest-started run, else of the job."""
        said = entity if entity.kind == "run" else next(iter(self.runs(entity, 1)), None)
        facets = self.facets(said) if said is not None else {}
        text = facets.get("parent") or facets.get("parentRun")
        if text is None and entity.kind == "job":
            text = self.facets(entity).get(PARENT_JOB)
        value = msgspec.json.decode(text) if text else {}
        job, run = _object(value, "job"), _object(value, "run")
        if entity.kind == "run":
            return self.find(frozenset({"run"}), str(job.get("namespace")), str(run.get("runId")))
        return self.find(frozenset({"job"}), str(job.get("namespace")), str(job.get("name")))

    def is_retired(self, job: EntityRecord) -> bool:
        row = self.database.execute(
            "SELECT content_id FROM declaration WHERE job_id = ? AND rank = 3 AND register = 1 AND at <= ?"
            " AND position <= ? ORDER BY at DESC, digest DESC LIMIT 1",
            (job.id, self.valid, self.known),
        ).fetchone()
        return row is not None and row[0] is not None

    def versions(self, dataset: EntityRecord) -> tuple[VersionRecord, ...]:
        """As the format names them (`version` facet), and one for each COMPLETE run that wrote the dataset."""
        found: dict[str, VersionRecord] = {}
        for node in self.nodes_of([dataset.id]):
            name_id = self._node(node)[3]
            rows = self.database.execute(
                "SELECT set_id, min(at) FROM says WHERE name_id = ? AND set_id > 0 AND at <= ? AND position <= ?"
                " GROUP BY set_id",
                (name_id, self.valid, self.known),
            ).fetchall()
            for set_id, at in rows:
                stored = self._sets.get(set_id).facets.get("version")
                value = msgspec.json.decode(self._sets.value(stored[1])) if stored and stored[1] is not None else None
                if isinstance(value, dict) and value.get("datasetVersion"):
                    version = str(value["datasetVersion"])
                    held = found.get(version)
                    if held is None or at < held.created_at:
                        found[version] = VersionRecord(version, at, None)
        if not found:
            for job in self.dataset_jobs(dataset)[1]:
                for run in self.runs(job, 50):
                    if run.state == "COMPLETE" and run.ended_at is not None:
                        found[run.name] = VersionRecord(run.name, run.ended_at, run.urn)
        return tuple(sorted(found.values(), key=lambda it: (it.created_at, it.version), reverse=True))

    # The cord ----------------------------------------------------------------------------------------------

    def stops(self) -> tuple[StopRecord, ...]:
        return tuple(it.record for it in self._stopped().stops)

    def stops_on(self, entity: EntityRecord) -> tuple[StopHere, ...]:
        return self._stopped().on(self, entity)

    def _stopped(self) -> Region:
        if self._region is None:
            self._region = self._shared.cord.region(self) if self._is_present else region_of(self)
        return self._region

    # Lineage -----------------------------------------------------------------------------------------------

    def lineage(self, query: LineageQuery) -> LineageAnswer:
        return Lineage(self, query).answer()

    def paths(self, source: str, target: str, level: Level, limit: int = 20) -> tuple[PathRecord, ...]:
        return shortest_paths(self, source, target, level, limit)

    def evidence(self, job: int, start: Instant, end: Instant) -> tuple[list[tuple[Instant, int]], int]:
        """([(at, position)] of the newest 20, count) of what governed a job within [start, end)."""
        sayings = tuple(
            row[0]
            for row in self.database.execute(
                "SELECT DISTINCT saying FROM governs WHERE job_id = ? AND valid_from >= ? AND valid_from < ?"
                " AND valid_from <= ? AND known_from <= ? AND known_to > ? AND saying <> 0",
                (job, start, end, self.valid, self.known, self.known),
            )
        )
        return self.evidence_of_sayings(job, sayings)

    def evidence_of_sayings(self, job: int, sayings: tuple[int, ...]) -> tuple[list[tuple[Instant, int]], int]:
        runs, declarations = [it for it in sayings if it > 0], [-it for it in sayings if it < 0]
        rows = self.database.execute(
            "SELECT at, position, count(*) OVER () FROM ("
            "SELECT at, position FROM run_event WHERE run_id IN (SELECT value FROM json_each(?)) AND job_id = ?"
            " AND content_id > 0 AND at <= ? AND position <= ?"
            " UNION ALL SELECT at, position FROM declaration WHERE id IN (SELECT value FROM json_each(?))"
            " AND at <= ? AND position <= ?) AS said ORDER BY at DESC, position DESC LIMIT 20",
            (json.dumps(runs), job, self.valid, self.known, json.dumps(declarations), self.valid, self.known),
        ).fetchall()
        return [(row[0], row[1]) for row in rows], (rows[0][2] if rows else 0)

    def jobs_speaking_of(self, nodes: Iterable[int], job_nodes: bool) -> list[int]:
        """Jobs that ever spoke of these nodes' names (or are among them)."""
        every = list(nodes)
        bearers = {self.column_of(node)[0] if self._node(node)[0] == "column" else node for node in every}
        names = {self._node(node)[3] for node in bearers}
        renamed = self.database.execute(
            "SELECT DISTINCT name_id FROM occupancy WHERE origin IN (SELECT value FROM json_each(?))",
            (json.dumps(list(bearers)),),
        )
        names.update(row[0] for row in renamed)
        rows = self.database.execute(
            "SELECT DISTINCT job_id FROM job_name WHERE name_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(names)),),
        )
        return sorted({row[0] for row in rows} | (set(every) if job_nodes else set()))

    def sets_said(self, job: int) -> list[tuple[int, Instant, tuple[int, ...]]]:
        """(edge set, since, sayings) of what each of a job's sayings says at this instant."""
        rows = self.database.execute(
            "SELECT saying, set_id, valid_from FROM piece WHERE job_id = ? AND valid_from <= ? AND known_from <= ?"
            " AND known_to > ? ORDER BY valid_from, id",
            (job, self.valid, self.known, self.known),
        )
        newest = {saying: (set_id, valid_from) for saying, set_id, valid_from in rows}
        found: dict[int, tuple[Instant, list[int]]] = {}
        for saying, (set_id, valid_from) in newest.items():
            since, sayings = found.setdefault(set_id, (valid_from, []))
            sayings.append(saying)
            found[set_id] = (min(since, valid_from), sayings)
        return [(set_id, since, tuple(sayings)) for set_id, (since, sayings) in found.items()]

    def edge_set(self, set_id: int) -> frozenset[Edge]:
        found: frozenset[Edge] | None = self._shared.edge_sets(set_id)
        if found is None:
            row = self.database.execute("SELECT body FROM edge_set WHERE id = ?", (set_id,)).fetchone()
            found = _read_edges(row[0]) if row else frozenset()
            self._shared.edge_sets.put(set_id, found)
        return found


def read_changes(database: Database, after: int, limit: int) -> list[Change]:
    """Changes of positions above `after`, in order; whole envelopes, at least `limit` changes if there are."""
    rows = database.execute(
        "SELECT position, what, urn, valid_at, other, kind, fields FROM change WHERE position > ?"
        " AND position <= coalesce("
        "(SELECT position FROM change WHERE position > ? ORDER BY position, ordinal LIMIT 1 OFFSET ?),"
        " 4611686018427387904) ORDER BY position, ordinal",
        (after, after, limit),
    ).fetchall()
    return [
        Change(position, what, urn, valid_at, other, kind, tuple(fields.split(",")) if fields else ())
        for position, what, urn, valid_at, other, kind, fields in rows
    ]


def _present_fields(said: Iterable[SaidSet], registers: dict[str, Winner]) -> dict[str, ColumnField]:
    """Present columns by path, the schema's first and in its order."""
    fields = column_fields(said, registers)
    named = sorted(present_columns(registers), key=lambda it: (fields.get(it, _UNTOLD)[0], it))
    return {path: fields.get(path, _UNTOLD) for path in named}


def _entity_record(row: tuple[Any, ...]) -> EntityRecord:
    id, kind, type, namespace, name, description, tags, owners, dropped, created_at, updated_at, attributes = row
    return EntityRecord(
        id,
        kind,
        type,
        namespace,
        name,
        make_urn(kind, namespace, name),
        created_at,
        updated_at,
        description,
        tuple(
            Tag(
                str(it["key"]),
                _text(it.get("value")),
                _text(it.get("source")),
                _text(it.get("field")),
                _derivations(it) if "derived" in it else (),
                it.get("said", True),
            )
            for it in _read_tags(tags)
        )
        if tags
        else (),
        tuple(Owner(str(it["name"]), _text(it.get("type"))) for it in _read_tags(owners)) if owners else (),
        bool(dropped),
        attributes,
    )


def _derivations(tag: Mapping[str, Any]) -> tuple[Derivation, ...]:
    mark = Mark(tag["key"], _text(tag.get("value")))
    return tuple(Derivation(it["by"], mark, it["from"], it["hops"], tuple(it["evidence"])) for it in tag["derived"])


def _object(value: object, key: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


_ORDERS = {
    "NAME": ("name, namespace, id", ("name", "namespace", "id")),
    "CREATED_AT_DESC": ("created_at DESC, id DESC", ("created_at", "id")),
    "UPDATED_AT_DESC": ("updated_at DESC, id DESC", ("updated_at", "id")),
}

_KEY_TYPES: dict[str, type] = {"name": str, "namespace": str, "id": int, "created_at": int, "updated_at": int}


def _storable(query: EntityQuery) -> EntityQuery:
    """The query in the characters that the graph holds."""

    def each(wanted: frozenset[str] | None) -> frozenset[str] | None:
        return None if wanted is None else frozenset(map(storable, wanted))

    return replace(
        query,
        types=each(query.types), kinds=each(query.kinds), namespaces=each(query.namespaces), tags=each(query.tags),
        owners=each(query.owners), search=storable(query.search or ""),
    )  # fmt: skip


def _conditions(query: EntityQuery, dialect: Dialect) -> tuple[str, list[object]]:
    parts: list[str] = []
    parameters: list[object] = []
    narrowed = (
        ("type", query.types), ("kind", query.kinds), ("namespace", query.namespaces), ("name", query.names),
    )  # fmt: skip
    for column, values in narrowed:
        if values is not None:
            parts.append(f"{column} IN ({', '.join('?' * len(values))})" if values else "1 = 0")
            parameters += sorted(values)
    for column, key, wanted in (("tags", "key", query.tags), ("owners", "name", query.owners)):
        if wanted is not None:
            condition, values_of_it = dialect.has_any(column, key, wanted)
            parts.append(condition)
            parameters += values_of_it
    for wanted_value in query.attributes:
        condition, values_of_it = dialect.has_value(wanted_value)
        parts.append(condition)
        parameters += values_of_it
    if not query.include_dropped:
        parts.append("dropped = 0")
    if query.search:
        words = [it for it in query.search.split() if it]
        long = [it for it in words if len(it) >= 3]
        if long:
            condition, values_of_it = dialect.has_words([it.lower() for it in long])
            parts.append(condition)
            parameters += values_of_it
        for word in words:
            if len(word) < 3:  # too short for the trigram index
                parts.append("(" + " OR ".join(f"{it} LIKE ? ESCAPE '\\'" for it in _SEARCHED) + ")")
                parameters += [f"%{_like(word)}%"] * len(_SEARCHED)
    return " AND ".join(parts) or "1 = 1", parameters


def _like(text: str | None) -> str:
    return (text or "").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _after(query: EntityQuery) -> tuple[str, list[object]]:
    _, key = _ORDERS[query.order]
    values = _read_cursor(query.after or "", len(key))
    if [type(it) for it in values] != [_KEY_TYPES[it] for it in key]:
        raise InvalidInput("is not a cursor of an earlier page", field="after")
    operator = ">" if query.order == "NAME" else "<"
    return f"({', '.join(key)}) {operator} ({', '.join('?' * len(key))})", values


def _cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _read_cursor(text: str, length: int) -> list[object]:
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        values = None
    if not isinstance(values, list) or len(values) != length or not all(isinstance(it, str | int) for it in values):
        raise InvalidInput("is not a cursor of an earlier page", field="after")
    return [storable(it) if isinstance(it, str) else it for it in values]


def _may_have_columns(dataset: EntityRecord, query: EntityQuery) -> bool:
    """Whether columns of the dataset can pass the query's filter: what is said of them stands at the dataset."""
    return (
        (query.include_dropped or not dataset.dropped)
        and (query.namespaces is None or dataset.namespace in query.namespaces)
        and (query.tags is None or any(it.field and it.key in query.tags for it in dataset.tags))
        and query.owners is None  # they have none of their own
        and all(says_of_columns(it.name, dataset.attributes or "") for it in query.attributes)
    )


def _has_values(record: EntityRecord, conditions: Iterable[AttributeCondition]) -> bool:
    said = _read_attributes(record.attributes) if record.attributes is not None else {}
    return all(holds(it, said.get(it.name)) for it in conditions)


def _matches(record: EntityRecord, query: EntityQuery) -> bool:
    text = f"{record.name} {record.namespace} {record.description or ''}".lower()
    return (
        (query.include_dropped or not record.dropped)
        and (query.types is None or record.type in query.types)
        and (query.kinds is None or record.kind in query.kinds)
        and (query.namespaces is None or record.namespace in query.namespaces)
        and (query.names is None or record.name in query.names)
        and (query.tags is None or any(it.key in query.tags for it in record.tags))
        and (query.owners is None or any(it.name in query.owners for it in record.owners))
        and (not query.attributes or _has_values(record, query.attributes))
        and all(word in text for word in (query.search or "").lower().split())
    )

"""Reads what RDF says of entities from a snapshot, many at a time, as of any instant."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from graph.attributes import ATTRIBUTE, RELATION
from graph.database import in_chunks
from graph.derivations import DERIVED_TAG
from graph.lineage import Place
from graph.model import Instant, make_urn
from graph.reader import ColumnRecord, EntityRecord, RunRecord
from graph.registers import Winner
from graph.sayings import read_detail
from graph.snapshot import Snapshot
from graph.statements import Rank
from graph.timeline import COLUMN, DERIVED, FEEDS, READS, WIDE, WRITES

from .mapping import Description, Said

AT_ONCE = 500
_AMONG = "IN (SELECT value FROM json_each(?))"
_WORDS = ("documentation", "ownership", "tags")
_READ = (*_WORDS, "version")
_REMEMBERED = 200_000
_PRODUCER, _INFERENCE = int(Rank.PRODUCER), int(Rank.INFERENCE)

Node = int
Entity = int


@dataclass(slots=True)
class _Ends:
    """What the edges of a batch say: of entities and of columns, which relations to whom, by whose rank."""

    relations: dict[Place, dict[tuple[str, str], int]] = field(default_factory=lambda: defaultdict(dict))
    shaped_by: dict[Entity, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, source: Place, relation: str, target: str, rank: int) -> None:
        held = self.relations[source]
        held[relation, target] = max(rank, held.get((relation, target), 0))

    def of(self, source: Place) -> list[Said]:
        return [Said(relation, urn, rank) for (relation, urn), rank in sorted(self.relations.get(source, {}).items())]


class Describing:
    """Reads descriptions as of `snapshot`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._urns: dict[Entity, str | None] = {}

    def everything(
        self, kinds: frozenset[str] | None = None, *, with_columns: bool = True
    ) -> Iterator[list[Description]]:
        """All entities there are, dropped ones too, in parts; perhaps of some kinds only."""
        rows = self._snapshot.database.execute(
            "SELECT id, kind FROM node WHERE path = '' AND parent = 0 AND first_position <= ? ORDER BY id",
            (self._snapshot.known,),
        ).fetchall()
        ids = dict.fromkeys(self._snapshot.entity_of(id) for id, kind in rows if kinds is None or kind in kinds)
        ids.pop(0, None)
        for some in in_chunks(list(ids), AT_ONCE):
            yield self.describe(some, with_columns=with_columns)

    def describe(self, ids: Collection[Entity], *, with_columns: bool = True) -> list[Description]:
        """These entities, at most some hundreds; without those that are not there."""
        snapshot = self._snapshot
        records = snapshot.entities_by_id(list(ids))
        snapshot.expect_said(records)
        self._remember(records.values())
        assets = [it for it in records.values() if it.kind not in ("job", "run")]
        columns = self._columns(assets) if with_columns else {}
        ends = _Ends()
        self._add_derived(ends, [it.id for it in assets])
        self._add_column_lineage(ends, columns)
        self._add_job_lineage(ends, [it.id for it in records.values() if it.kind == "job"])
        return [self._description(it, columns.get(it.id, ()), ends) for it in records.values()]

    def told(self, record: EntityRecord) -> int:
        """As `Description.told`, without the rest of the description."""
        return _told(record, self._snapshot.winners_of(record.id))

    def column_signature(self, entity: Entity) -> int:
        """Differs where columns came, went or are told otherwise."""
        return hash(tuple(self._snapshot.column_paths(entity).items()))

    # One entity ----------------------------------------------------------------------------------------------

    def _description(self, record: EntityRecord, columns: Sequence[ColumnRecord], ends: _Ends) -> Description:
        snapshot = self._snapshot
        winners = snapshot.winners_of(record.id)
        ranks = _ranks(winners)
        relations = ends.of((record.id, ""))
        relations += self._said(record, ranks) if any(key.startswith(RELATION) for key in winners) else ()
        inputs: tuple[str, ...] = ()
        outputs: tuple[str, ...] = ()
        if isinstance(record, RunRecord):
            inputs, outputs = self._run(record, relations)
        elif record.kind == "job" and (parent := snapshot.parent(record)) is not None:
            relations.append(Said("parentJob", parent.urn))
        version, version_at = self._version(winners)
        said_of_columns = any("#" in key for key in winners if key.startswith((ATTRIBUTE, RELATION)))
        return Description(
            record=record,
            names=self._names(record),
            ranks=ranks,
            attributes=snapshot.attributes(record),
            relations=tuple(relations),
            retired=record.kind == "job" and snapshot.is_retired(record),
            inputs=inputs,
            outputs=outputs,
            version=version,
            version_at=version_at,
            shaped_by=tuple(sorted(ends.shaped_by.get(record.id, ()))),
            columns=tuple(self._column(it, ranks, ends, said_of_columns) for it in columns),
            told=_told(record, winners),
        )

    def _column(self, column: ColumnRecord, ranks: Mapping[str, int], ends: _Ends, has_registers: bool) -> Description:
        relations = ends.of((column.dataset_id, column.path))
        if not has_registers:
            return Description(record=column, ranks=ranks, relations=tuple(relations))
        suffix = column.urn.rpartition(":")[2]
        own = {key.removesuffix(f"#{suffix}"): rank for key, rank in ranks.items() if key.endswith(f"#{suffix}")}
        relations += self._said(column, own)
        return Description(
            record=column,
            ranks={**ranks, **own},
            attributes=self._snapshot.attributes(column),
            relations=tuple(relations),
        )

    def _said(self, record: EntityRecord, ranks: Mapping[str, int]) -> list[Said]:
        """The relations that sources and people said outright."""
        return [
            Said(it.relation, it.target.urn, ranks.get(f"{RELATION}{it.relation}", _PRODUCER))
            for it in self._snapshot.relations(record)
        ]

    def _run(self, record: RunRecord, relations: list[Said]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(inputs, outputs) of a run; adds its job and its parent to the relations."""
        job = self._urn(record.job_id)
        parent = self._snapshot.parent(record)
        relations += [Said("executes", job)] if job is not None else []
        relations += [Said("parentRun", parent.urn)] if parent is not None else []
        inputs, outputs = self._snapshot.run_datasets(record)
        return tuple(it.urn for it in inputs), tuple(it.urn for it in outputs)

    def _names(self, record: EntityRecord) -> tuple[str, ...]:
        """Urns of the other names that mean the entity; one that has become another's is not among them."""
        snapshot = self._snapshot
        if snapshot.nodes_of([record.id]) == [record.id]:
            return ()
        found = []
        for alias in snapshot.aliases(record):
            meant = snapshot.find(frozenset({record.kind}), alias.namespace, alias.name)
            if meant is not None and meant.id == record.id:
                found.append(make_urn(record.kind, alias.namespace, alias.name))
        return tuple(found)

    def _version(self, winners: Mapping[str, Winner]) -> tuple[str | None, Instant]:
        """(the version in force as the dataset's format names it, since when)."""
        winner = winners.get("version")
        if winner is None or winner.value is None:
            return None, Instant(0)
        facet = msgspec.json.decode(self._snapshot.value(winner.value))
        version = facet.get("datasetVersion") if isinstance(facet, dict) else None
        return (str(version), winner.at) if version else (None, Instant(0))

    # Many at once --------------------------------------------------------------------------------------------

    def _columns(self, records: Iterable[EntityRecord]) -> dict[Entity, list[ColumnRecord]]:
        """The present columns of each, in their order."""
        places = [(it.id, path) for it in records for path in self._snapshot.column_paths(it.id)]
        found: dict[Entity, list[ColumnRecord]] = defaultdict(list)
        for record in self._snapshot.places(places).values():
            if isinstance(record, ColumnRecord):
                found[record.dataset_id].append(record)
        return found

    def _add_derived(self, ends: _Ends, ids: Sequence[Entity]) -> None:
        rows = self._edges("target", self._snapshot.nodes_of(ids), (DERIVED, WIDE))
        columns = self._places([source for kind, _, source, _, _ in rows if kind == WIDE])
        self._expect_urns({self._snapshot.entity_of(source) for kind, _, source, _, _ in rows if kind == DERIVED})
        for kind, _, source, target, _ in rows:
            entity = self._snapshot.entity_of(target)
            if kind == WIDE:
                urn = self._column_urn(columns.get(source))
                if urn is not None:
                    ends.shaped_by[entity].add(urn)
                continue
            upstream = self._snapshot.entity_of(source)
            urn = self._urn(upstream)
            if urn is not None and upstream != entity:
                ends.add((entity, ""), "derivedFrom", urn, _PRODUCER)

    def _add_column_lineage(self, ends: _Ends, columns: Mapping[Entity, Sequence[ColumnRecord]]) -> None:
        nodes: dict[Node, Place] = {}
        for part in in_chunks([node for entity in columns for node in self._snapshot.nodes_of([entity])], 1_000):
            rows = self._snapshot.database.execute(
                f"SELECT id, parent, path FROM node WHERE parent {_AMONG} AND parent > 0", (json.dumps(part),)
            )
            nodes.update({node: (self._snapshot.entity_of(parent), path) for node, parent, path in rows})
        present = {(it.dataset_id, it.path) for several in columns.values() for it in several}
        edges = self._edges("target", [node for node, place in nodes.items() if place in present], (COLUMN,))
        sources = self._places([source for _, _, source, _, _ in edges])
        for _, _, source, target, detail in edges:
            urn = self._column_urn(sources.get(source))
            if urn is not None:
                said = read_detail(detail) if detail else ()
                is_inferred = bool(said) and all(it.confidence is not None for it in said)
                ends.add(nodes[target], "columnDerivedFrom", urn, _INFERENCE if is_inferred else _PRODUCER)

    def _add_job_lineage(self, ends: _Ends, jobs: Sequence[Entity]) -> None:
        reads = [(target, "reads", source) for _, _, source, target, _ in self._edges("target", jobs, (READS,))]
        others = [
            (source, "writes" if kind == WRITES else "feeds", target)
            for kind, _, source, target, _ in self._edges("source", jobs, (WRITES, FEEDS))
        ]
        said = [(job, relation, self._snapshot.entity_of(other)) for job, relation, other in (*reads, *others)]
        self._expect_urns({other for _, _, other in said})
        for job, relation, other in said:
            urn = self._urn(other)
            if urn is not None:
                ends.add((job, ""), relation, urn, _PRODUCER)

    def _edges(
        self, end: str, nodes: Sequence[Node], kinds: tuple[int, ...]
    ) -> list[tuple[int, int, Node, Node, bytes | None]]:
        """(kind, job, source, target, transformations) of the edges that hold."""
        snapshot = self._snapshot
        found = []
        for part in in_chunks(nodes, 5_000):
            found += snapshot.database.execute(
                f"SELECT kind, job_id, source, target, detail FROM edge WHERE {end} {_AMONG}"
                f" AND kind IN ({', '.join(map(str, kinds))}) AND known_from <= ? AND known_to > ?"
                " AND valid_from <= ? AND valid_to > ?",
                (json.dumps(list(part)), snapshot.known, snapshot.known, snapshot.valid, snapshot.valid),
            ).fetchall()
        return found

    def _places(self, columns: Iterable[Node]) -> dict[Node, Place]:
        """The entity and path behind each column's node; without those that are nobody's any more."""
        found: dict[Node, Place] = {}
        for part in in_chunks(list(dict.fromkeys(columns)), 5_000):
            rows = self._snapshot.database.execute(
                f"SELECT id, parent, path FROM node WHERE id {_AMONG}", (json.dumps(list(part)),)
            )
            for node, parent, path in rows:
                entity = self._snapshot.entity_of(parent)
                if entity:
                    found[node] = (entity, path)
        self._expect_urns({entity for entity, _ in found.values()})
        return found

    def _column_urn(self, place: Place | None) -> str | None:
        """None for a column that is not there."""
        if place is None or place[1] not in self._snapshot.column_paths(place[0]) or self._urn(place[0]) is None:
            return None
        name = self._snapshot.node_name(place[0])
        return make_urn("column", name.namespace, name.name, place[1])

    # Urns ----------------------------------------------------------------------------------------------------

    def _urn(self, entity: Entity) -> str | None:
        """None for one that is not there."""
        if entity not in self._urns:
            self._expect_urns({entity})
        return self._urns[entity]

    def _expect_urns(self, entities: set[Entity]) -> None:
        unknown = [it for it in entities if it not in self._urns]
        if not unknown:
            return
        if len(self._urns) > _REMEMBERED:
            self._urns.clear()
            unknown = list(entities)
        self._urns.update(dict.fromkeys(unknown))
        self._remember(self._snapshot.entities_by_id([it for it in unknown if it]).values())

    def _remember(self, records: Iterable[EntityRecord]) -> None:
        self._urns.update({it.id: it.urn for it in records})


def _told(record: EntityRecord, winners: Mapping[str, Winner]) -> int:
    registers = [
        # a version has a time, and a relation's names mean what they meant when they were said
        (key, winner.order[0], winner.at if key == "version" or key.startswith(RELATION) else 0, winner.order[3])
        for key, winner in winners.items()
        if key in _READ or key.startswith(("tag:", ATTRIBUTE, RELATION, DERIVED_TAG))
    ]
    return hash((record.type, record.dropped, record.created_at, tuple(sorted(registers))))


def _ranks(winners: Mapping[str, Winner]) -> dict[str, int]:
    """Who said what is in force, where it was no producer."""
    return {
        key: winner.order[0]
        for key, winner in winners.items()
        if winner.order[0] != _PRODUCER and (key in _WORDS or key.startswith(("tag:", ATTRIBUTE, RELATION)))
    }

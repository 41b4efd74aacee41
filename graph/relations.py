"""What was said of an entity's relations, read from either end as of a snapshot.

A relation is kept at its source, as one register with the whole list of targets. The table `related` only says who
ever named a target: whether a source still does, its register in force tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from .attributes import RELATION, relation_key, relation_of
from .database import in_chunks
from .lineage import Place
from .model import Instant, Name, parse_urn
from .reader import ColumnRecord, EntityRecord, RelationRecord
from .registers import Winner

if TYPE_CHECKING:
    from .snapshot import Snapshot

_read_targets = msgspec.json.Decoder(list[str]).decode
_SOURCES_AT_ONCE = 200


def place_of(entity: EntityRecord) -> Place:
    return (entity.dataset_id, entity.path) if isinstance(entity, ColumnRecord) else (entity.id, "")


class Relations:
    """Reads relations as of `snapshot`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def outgoing(self, source: EntityRecord, relation: str | None) -> tuple[RelationRecord, ...]:
        entity, path = place_of(source)
        suffix = relation_key("", path).removeprefix(RELATION)
        found = []
        for key, winner in self._snapshot.winners_of(entity).items():
            if not key.startswith(RELATION):
                continue
            name, of_column = relation_of(key)
            if of_column != suffix or relation not in (None, name):
                continue
            meant = self._meant(map(parse_urn, self._urns(winner)), winner.at)
            targets = self._snapshot.places(dict.fromkeys(meant.values()))
            found += [RelationRecord(name, source, target) for target in targets.values()]
        return tuple(sorted(found, key=lambda it: (it.relation, it.target.urn)))

    def ends(self, source: EntityRecord, relation: str) -> list[Place]:
        """The targets of one relation, in no order, known by anybody or not."""
        entity, path = place_of(source)
        winner = self._snapshot.winners_of(entity).get(relation_key(relation, path))
        if winner is None:
            return []
        return list(dict.fromkeys(self._meant(map(parse_urn, self._urns(winner)), winner.at).values()))

    def incoming(self, target: EntityRecord, relation: str | None, first: int | None) -> tuple[RelationRecord, ...]:
        names, ends = self._names_of(target)
        found: list[RelationRecord] = []
        for some in in_chunks(self._candidates(ends, relation), _SOURCES_AT_ONCE):
            self._snapshot.expect_said({entity for _, (entity, _) in some})
            naming = [it for it in some if self._names(*it, target, names)]
            records = self._snapshot.places(place for _, place in naming)
            found += [RelationRecord(said, records[place], target) for said, place in naming if place in records]
            if first is not None and len(found) >= first:
                break
        return tuple(sorted(found, key=lambda it: (it.relation, it.source.urn))[:first])

    def _names_of(self, target: EntityRecord) -> tuple[frozenset[Name], list[int]]:
        """(every name of it, what stands for it in `related`)."""
        entity, path = place_of(target)
        nodes = self._snapshot.nodes_of([entity])
        names = [self._snapshot.node_name(node) for node in nodes]
        ends = [self._snapshot.name_id(node) for node in nodes]
        if not path:
            return frozenset(names), ends
        of_column = frozenset(Name("column", it.namespace, it.name, path) for it in names)
        rows = self._snapshot.database.execute(
            "SELECT id FROM node WHERE parent IN (SELECT value FROM json_each(?)) AND parent > 0 AND path = ?",
            (json.dumps(ends), path),
        )
        return of_column, [row[0] for row in rows]

    def _candidates(self, ends: Sequence[int], relation: str | None) -> list[tuple[str, Place]]:
        """(relation, source) of all that ever named these, in the order of the answer."""
        rows = self._snapshot.database.execute(
            "SELECT relation, source FROM related WHERE target IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ends)),),
        ).fetchall()
        sources = self._places_of({source for said, source in rows if relation in (None, said)})
        found = {(said, place) for said, source in rows for place in sources.get(source, ())}
        self._snapshot.expect_names({entity for _, (entity, _) in found})
        return sorted(found, key=lambda it: (it[0], self._urn(it[1])))

    def _urn(self, place: Place) -> str:
        entity, path = place
        if not path:
            return self._snapshot.node_urn(entity)
        name = self._snapshot.node_name(entity)
        return Name("column", name.namespace, name.name, path).urn

    def _places_of(self, sources: set[int]) -> dict[int, list[Place]]:
        """The entities and columns that a name, or a column's node, ever was one of."""
        snapshot = self._snapshot
        snapshot.expect_names(sources)
        columns = {it: snapshot.column_of(it) for it in sources if snapshot.node_kind(it) == "column"}
        holders = (sources - columns.keys()) | {name_id for name_id, _ in columns.values()}
        later: dict[int, list[int]] = {}
        rows = snapshot.database.execute(
            "SELECT name_id, id FROM node WHERE name_id IN (SELECT value FROM json_each(?)) AND name_id <> id",
            (json.dumps(sorted(holders)),),
        )
        for name_id, node in rows:
            later.setdefault(name_id, []).append(node)
        found: dict[int, list[Place]] = {}
        for source in sources:
            name_id, path = columns.get(source, (source, ""))
            if name_id in later:
                entities = {snapshot.entity_of(node) for node in (name_id, *later[name_id])}
                found[source] = [(entity, path) for entity in sorted(entities - {0})]
            else:  # by far the most: a name that no rename touched
                entity = snapshot.entity_of(name_id)
                found[source] = [(entity, path)] if entity else []
        return found

    def _names(self, relation: str, source: Place, target: EntityRecord, names: frozenset[Name]) -> bool:
        """Whether the register in force of a source names the target, under whichever of its names."""
        entity, path = source
        winner = self._snapshot.winners_of(entity).get(relation_key(relation, path))
        if winner is None:
            return False
        urns = {it.urn: it for it in names}
        said = [urns[urn] for urn in self._urns(winner) if urn in urns]
        return place_of(target) in self._meant(said, winner.at).values()

    def _urns(self, winner: Winner) -> Sequence[str]:
        return _read_targets(self._snapshot.value(winner.value)) if winner.value is not None else ()

    def _meant(self, names: Iterable[Name], at: Instant) -> dict[Name, Place]:
        """What these names meant at an instant."""
        holders = {name: self._snapshot.holder(name) for name in names}
        entities = self._snapshot.bearers(holders.values(), at)
        return {name: (entities[holder], name.path) for name, holder in holders.items() if holder in entities}

"""A graph in memory behind the reader's port, for tests of what stands in front of it: it holds what it is
given.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from graph.errors import InvalidInput, NotFound
from graph.model import PRESENT, AsOf, Instant, Position, make_urn
from graph.reader import (
    Alias,
    ColumnRecord,
    DiffRecord,
    EdgeRecord,
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
    Tag,
    VersionRecord,
)

T0 = Instant(1_767_225_600_000_000)  # 2026-01-01T00:00:00Z
DAY = 86_400_000_000


def dataset(id: int, name: str, **changes: object) -> EntityRecord:
    """A table `name` in postgres://shop, made on the first day of 2026."""
    values: dict[str, object] = {
        "id": id,
        "kind": "dataset",
        "type": "Table",
        "namespace": "postgres://shop",
        "name": name,
        "urn": make_urn("dataset", "postgres://shop", name),
        "created_at": T0,
        "updated_at": Instant(T0 + id),
    }
    return EntityRecord(**{**values, **changes})  # type: ignore[arg-type]


@dataclass
class FakeGraph:
    """Both reader and snapshot; `asked` notes the as-of of each snapshot and the queries of `lineage`."""

    records: Sequence[EntityRecord] = ()
    facets_of: Mapping[int, Mapping[str, bytes]] = field(default_factory=dict)
    columns_of: Mapping[int, Sequence[ColumnRecord]] = field(default_factory=dict)
    runs_of: Mapping[int, Sequence[RunRecord]] = field(default_factory=dict)
    edges: Sequence[EdgeRecord] = ()
    related: Sequence[RelationRecord] = ()
    differences: Sequence[DiffRecord] = ()
    read_up_to: int = 0
    as_of: AsOf = PRESENT
    asked: list[object] = field(default_factory=list)

    def snapshot(self, as_of: AsOf = PRESENT) -> AbstractContextManager[FakeGraph]:
        self.asked.append(as_of)
        return nullcontext(self)

    def diff(self, before: AsOf, after: AsOf, urns: Sequence[str] | None = None) -> Iterator[DiffRecord]:
        self.asked.append((before, after, urns))
        return iter(self.differences)

    def position(self) -> Position:
        return Position(self.read_up_to)

    def entity(self, urn: str) -> EntityRecord | None:
        return next((record for record in self.records if record.urn == urn), None)

    def find(self, kinds: frozenset[str], namespace: str, name: str) -> EntityRecord | None:
        wanted = (namespace, name)
        return next((r for r in self.records if r.kind in kinds and (r.namespace, r.name) == wanted), None)

    def entities(self, query: EntityQuery) -> Page:
        self.asked.append(query)
        found = sorted((r for r in self.records if query.types is None or r.type in query.types), key=lambda r: r.name)
        start = _offset(query.after)
        page = found[start : start + query.first]
        cursors = tuple(base64.b64encode(str(start + i + 1).encode()).decode() for i in range(len(page)))
        return Page(tuple(page), cursors, len(found), start + len(page) < len(found))

    def entities_by_id(self, ids: Sequence[int]) -> dict[int, EntityRecord]:
        return {record.id: record for record in self.records if record.id in ids}

    def facets(self, entity: EntityRecord) -> dict[str, bytes]:
        return dict(self.facets_of.get(entity.id, {}))

    def attributes(self, entity: EntityRecord) -> dict[str, object]:
        return json.loads(entity.attributes) if entity.attributes is not None else {}

    def relations(self, entity: EntityRecord, relation: str | None = None) -> tuple[RelationRecord, ...]:
        return tuple(it for it in self.related if it.source == entity and relation in (None, it.relation))

    def related_from(
        self, entity: EntityRecord, relation: str | None = None, first: int | None = None
    ) -> tuple[RelationRecord, ...]:
        return tuple(it for it in self.related if it.target == entity and relation in (None, it.relation))[:first]

    def aliases(self, entity: EntityRecord) -> tuple[Alias, ...]:
        return (Alias("s3://lake", entity.name, "LOCATION"),)

    def columns(self, dataset: EntityRecord) -> tuple[ColumnRecord, ...]:
        return tuple(self.columns_of.get(dataset.id, ()))

    def versions(self, dataset: EntityRecord) -> tuple[VersionRecord, ...]:
        return (VersionRecord("3", dataset.created_at, None),)

    def runs(self, job: EntityRecord, first: int) -> tuple[RunRecord, ...]:
        return tuple(self.runs_of.get(job.id, ()))[:first]

    def run_datasets(self, run: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        return (), ()

    def job_datasets(self, job: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        datasets = tuple(record for record in self.records if record.kind == "dataset")
        return datasets[:1], datasets[1:]

    def dataset_jobs(self, dataset: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        return (), ()

    def parent(self, entity: EntityRecord) -> EntityRecord | None:
        return None

    def is_retired(self, job: EntityRecord) -> bool:
        return False

    def lineage(self, query: LineageQuery) -> LineageAnswer:
        self.asked.append(query)
        for urn in query.urns:
            if self.entity(urn) is None:
                raise NotFound(f"there is no {urn}")
        nodes, hidden = tuple(self.records), {self.records[0].urn: (0, 2)}
        return LineageAnswer(nodes, tuple(self.edges), False, len(nodes), self.position(), hidden)

    def paths(self, source: str, target: str, level: Level, limit: int = 20) -> tuple[PathRecord, ...]:
        self.asked.append((source, target, level))
        return (PathRecord(tuple(self.records), tuple(self.edges)),)

    def stops(self) -> tuple[StopRecord, ...]:
        return ()

    def stops_on(self, entity: EntityRecord) -> tuple[StopHere, ...]:
        return ()

    def counts(self) -> dict[str, int]:
        return {"Table": len(self.records)}


def _offset(after: str | None) -> int:
    if after is None:
        return 0
    try:
        return int(base64.b64decode(after, validate=True))
    except ValueError:
        raise InvalidInput("this is no cursor", field="after") from None


def estate(size: int) -> FakeGraph:
    """`size` tables with tags, owners and descriptions, each feeding the next."""
    records = [
        dataset(
            i,
            f"shop.public.t{i:05}",
            description=f"table {i}",
            tags=(Tag("pii", "true"), Tag("gold")),
            owners=(Owner("team:data", "OWNER"),),
        )
        for i in range(1, size + 1)
    ]
    edges = [
        EdgeRecord(
            one.urn,
            other.urn,
            "DERIVED_FROM",
            via=("urn:andon:job:airflow:copy",),
            valid_from=T0,
            last_confirmed_at=Instant(T0 + DAY),
            evidence=(1, 2),
            evidence_count=2,
        )
        for one, other in zip(records, records[1:], strict=False)
    ]
    return FakeGraph(records, edges=edges, read_up_to=7)

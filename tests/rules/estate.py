"""A small estate in memory: enough of a graph for rules to read.

load ── run-1 ──> orders ──> daily ──> sales      (dashboard of ana and ben)
                    │          └─────> revenue    (dashboard of ana)
                    └────────────────> forgotten  (dashboard of nobody)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from graph.errors import NotFound
from graph.model import PRESENT, AsOf, Change, Instant, Position, make_urn, parse_urn
from graph.reader import (
    EdgeRecord,
    EntityQuery,
    EntityRecord,
    GraphSnapshot,
    LineageAnswer,
    LineageQuery,
    Owner,
    Page,
    RunRecord,
    Support,
)

T0 = Instant(1_790_000_000_000_000)  # 2026-09-21T14:13:20Z
HOUR = 3_600_000_000


def dataset(name: str) -> str:
    return make_urn("dataset", "pg://shop", name)


def dashboard(name: str) -> str:
    return make_urn("dashboard", "looker://shop", name)


def run_urn(name: str) -> str:
    return make_urn("run", "shop", name)


JOB = make_urn("job", "shop", "load")
RUN = run_urn("run-1")


@dataclass
class Estate:
    """A graph that only grows by hand; `opened` keeps the as-of of each snapshot that was asked for."""

    entities: dict[str, EntityRecord] = field(default_factory=dict)
    edges: list[EdgeRecord] = field(default_factory=list)
    run_outputs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    job_outputs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    facets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    limit: int = 5_000
    position: Position = Position(0)
    opened: list[AsOf] = field(default_factory=list)

    def add(self, urn: str, type: str, *owners: str) -> None:
        name = parse_urn(urn)
        self.entities[urn] = EntityRecord(
            id=len(self.entities) + 1,
            kind=name.kind,
            type=type,
            namespace=name.namespace,
            name=name.name,
            urn=urn,
            created_at=T0,
            updated_at=T0,
            owners=tuple(Owner(owner) for owner in owners),
        )

    def add_run(self, name: str, *outputs: str, facets: dict[str, bytes] | None = None) -> None:
        urn, id = run_urn(name), len(self.entities) + 1
        job = self.entities[JOB].id
        self.entities[urn] = RunRecord(id, "run", "Run", "shop", name, urn, T0, T0, state="FAIL", job_id=job)
        self.run_outputs[urn] = outputs
        self.facets[urn] = facets or {}

    def flow(self, source: str, target: str, *evidence: int) -> None:
        self.edges.append(EdgeRecord(source, target, "DERIVED_FROM", evidence=evidence))

    @contextmanager
    def snapshot(self, as_of: AsOf = PRESENT) -> Iterator[GraphSnapshot]:
        self.opened.append(as_of)
        yield cast("GraphSnapshot", EstateSnapshot(self, as_of))


@dataclass
class EstateSnapshot:
    """The methods of `graph.reader.GraphSnapshot` that rules use."""

    estate: Estate
    as_of: AsOf

    def position(self) -> Position:
        return self.estate.position

    def entity(self, urn: str) -> EntityRecord | None:
        return self.estate.entities.get(urn)

    def entities(self, query: EntityQuery) -> Page:
        found = [it for it in self.estate.entities.values() if query.kinds is None or it.kind in query.kinds]
        return Page(tuple(found), ("",) * len(found), len(found), has_next=False)

    def entities_by_id(self, ids: Sequence[int]) -> dict[int, EntityRecord]:
        return {record.id: record for record in self.estate.entities.values() if record.id in ids}

    def facets(self, entity: EntityRecord) -> dict[str, bytes]:
        return self.estate.facets.get(entity.urn, {})

    def parent(self, entity: EntityRecord) -> EntityRecord | None:
        return self.estate.entities.get(self.estate.parents.get(entity.urn, ""))

    def run_datasets(self, run: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        return (), tuple(self.estate.entities[urn] for urn in self.estate.run_outputs.get(run.urn, ()))

    def job_datasets(self, job: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        return (), tuple(self.estate.entities[urn] for urn in self.estate.job_outputs.get(job.urn, ()))

    def said_in(self, entity: EntityRecord, keys: frozenset[str] | None = None) -> Support:
        """Nobody said any of it."""
        return (), 0

    def output_said_in(self, source: EntityRecord, output: EntityRecord) -> Support:
        return (), 0

    def lineage(self, query: LineageQuery) -> LineageAnswer:
        entities, found = self.estate.entities, dict.fromkeys(query.urns, 0)
        if missing := [urn for urn in query.urns if urn not in entities]:
            raise NotFound(f"there is no {missing[0]}")
        waiting, edges = deque(query.urns), []
        while waiting:
            urn = waiting.popleft()
            for edge in (edge for edge in self.estate.edges if edge.source == urn and found[urn] < query.depth):
                edges.append(edge)
                if edge.target not in found:
                    found[edge.target] = found[urn] + 1
                    waiting.append(edge.target)
        shown = [*found][: self.estate.limit]
        return LineageAnswer(
            nodes=tuple(entities[urn] for urn in shown),
            edges=tuple(edge for edge in edges if edge.source in shown and edge.target in shown),
            truncated=len(shown) < len(found),
            total_nodes=len(found),
            position=Position(0),
        )


def shop() -> Estate:
    """The estate of the picture above; edges have their evidence at positions 1 to 4."""
    estate = Estate()
    estate.add(JOB, "Job")
    for name in ("orders", "daily"):
        estate.add(dataset(name), "Table")
    estate.add(dashboard("sales"), "Dashboard", "ana", "ben")
    estate.add(dashboard("revenue"), "Dashboard", "ana")
    estate.add(dashboard("forgotten"), "Dashboard")
    estate.flow(dataset("orders"), dataset("daily"), 1)
    estate.flow(dataset("daily"), dashboard("sales"), 1, 2)
    estate.flow(dataset("daily"), dashboard("revenue"), 3)
    estate.flow(dataset("orders"), dashboard("forgotten"), 4)
    estate.add_run("run-1", dataset("orders"))
    return estate


def failed(position: int, run: str = RUN, *, at: int = T0) -> Change:
    return Change(Position(position), "run.failed", run, Instant(at), kind="run")


@dataclass
class Committed:
    """Committed changes, as the store offers them."""

    changes: list[Change]

    def __call__(self, after: int, limit: int) -> list[Change]:
        return [change for change in self.changes if change.position > after][:limit]

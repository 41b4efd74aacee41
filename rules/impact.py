"""Who is hit: the entities of a class downstream of a run, each with the shortest path that reaches it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from graph.errors import NotFound
from graph.model import Position
from graph.reader import (
    Direction,
    EdgeRecord,
    EntityRecord,
    GraphSnapshot,
    LineageAnswer,
    LineageQuery,
    RunRecord,
)
from rules.rule import Downstream


@dataclass(frozen=True, slots=True)
class Hit:
    """Who is hit: `path` is urns from an output of the run to it, `evidence` a position an edge."""

    entity: EntityRecord
    path: tuple[str, ...]
    evidence: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """`hits` in urn order; `truncated` if the walk met its bound, so that there may be more."""

    job: EntityRecord | None
    hits: tuple[Hit, ...]
    truncated: bool = False


def downstream_of_run(snapshot: GraphSnapshot, urn: str, wanted: Downstream) -> Impact:
    """What lies downstream of a run's outputs, or of its job's present ones where the run has named none yet.

    Outputs that are of the wanted class themselves are hit too; what was dropped is not. Raises `NotFound`
    where the run is not in the graph. Costs one lineage walk.
    """
    run = snapshot.entity(urn)
    if run is None:
        raise NotFound(f"{urn} is not in the graph as of its change")
    job = snapshot.entities_by_id([run.job_id]).get(run.job_id) if isinstance(run, RunRecord) else None
    outputs = snapshot.run_datasets(run)[1]
    if not outputs and job is not None:
        outputs = snapshot.job_datasets(job)[1]
    if not outputs:
        return Impact(job, ())
    starts = tuple(output.urn for output in outputs)
    answer = snapshot.lineage(
        LineageQuery(starts, Direction.DOWNSTREAM, wanted.depth, with_intervals=False, with_hidden=False)
    )
    return Impact(job, _hits(answer, outputs, wanted), answer.truncated)


def _hits(answer: LineageAnswer, outputs: tuple[EntityRecord, ...], wanted: Downstream) -> tuple[Hit, ...]:
    arrivals = _shortest_arrivals(answer.edges, [output.urn for output in outputs])
    reached = {entity.urn: entity for entity in (*outputs, *answer.nodes)}
    hit = (entity for _, entity in sorted(reached.items()) if entity.type in wanted.types and not entity.dropped)
    return tuple(_hit(entity, arrivals) for entity in hit if entity.urn in arrivals)


def _shortest_arrivals(edges: tuple[EdgeRecord, ...], starts: list[str]) -> dict[str, EdgeRecord | None]:
    """Breadth first: for each urn that is reached the edge by which it was, None for a start."""
    leaving: dict[str, list[EdgeRecord]] = {}
    for edge in sorted(edges, key=lambda edge: edge.target):
        leaving.setdefault(edge.source, []).append(edge)
    arrivals: dict[str, EdgeRecord | None] = dict.fromkeys(sorted(starts))
    waiting = deque(arrivals)
    while waiting:
        for edge in leaving.get(waiting.popleft(), ()):
            if edge.target not in arrivals:
                arrivals[edge.target] = edge
                waiting.append(edge.target)
    return arrivals


def _hit(entity: EntityRecord, arrivals: dict[str, EdgeRecord | None]) -> Hit:
    path, evidence = [entity.urn], set[Position]()
    while (edge := arrivals[path[-1]]) is not None:
        path.append(edge.source)
        evidence.update(Position(position) for position in edge.evidence[-1:])
    return Hit(entity, tuple(reversed(path)), tuple(sorted(evidence)))

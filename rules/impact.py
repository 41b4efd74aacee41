"""Who is hit: what changed itself, or the entities of a class downstream of it, each with the shortest path to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from graph.errors import InvalidInput
from graph.model import Position
from graph.reader import (
    ColumnRecord,
    Direction,
    EdgeRecord,
    EntityRecord,
    GraphSnapshot,
    LineageAnswer,
    LineageQuery,
    RunRecord,
)
from rules.grounds import Ground, class_grounds, evidence_of, ground
from rules.rule import Downstream


@dataclass(frozen=True, slots=True)
class Hit:
    """Who is hit: `path` is urns from where the walk began to it, `grounds` why it is so, a step each."""

    entity: EntityRecord
    path: tuple[str, ...]
    grounds: tuple[Ground, ...] = ()

    @property
    def evidence(self) -> tuple[Position, ...]:
        return evidence_of(self.grounds)


@dataclass(frozen=True, slots=True)
class Impact:
    """`hits` in urn order; `truncated` if the walk met its bound, so that there may be more."""

    job: EntityRecord | None
    hits: tuple[Hit, ...]
    truncated: bool = False


def downstream_of(snapshot: GraphSnapshot, changed: EntityRecord, wanted: Downstream) -> Impact:
    """What lies downstream of what changed: of a run's outputs (its job's present ones where it has named none yet),
    of a job's outputs, of a column's dataset, of any other entity itself.

    Starts that are of the wanted class themselves are hit too; what was dropped is not. Costs one lineage walk.
    """
    job, starts, source = _starts(snapshot, changed)
    if not starts:
        return Impact(job, ())
    query = LineageQuery(
        tuple(it.urn for it in starts), Direction.DOWNSTREAM, wanted.depth, with_intervals=False, with_hidden=False
    )
    answer = snapshot.lineage(query)
    begun = (
        {it.urn: ground("writes", source.urn, snapshot.output_said_in(source, it), it.urn) for it in starts}
        if source
        else {}
    )
    return Impact(job, _hits(snapshot, answer, starts, wanted, begun), answer.truncated)


def itself(snapshot: GraphSnapshot, changed: EntityRecord) -> Impact:
    """What changed; of a run, the job that ran."""
    job = _job(snapshot, changed)
    hit = job if job is not None else changed
    return Impact(job, (Hit(hit, (hit.urn,)),))


def named(snapshot: GraphSnapshot, changed: EntityRecord, urns: object) -> Impact:
    """The entities of these urns, each once, in urn order; what there is not, or not any more, is left out.

    Raises `InvalidInput` for what is no list of urns.
    """
    if not isinstance(urns, list) or not all(isinstance(it, str) for it in urns):
        raise InvalidInput("expected a list of urns", field="for_each.urns")
    found = (snapshot.entity(urn) for urn in sorted({*urns}))
    hits = tuple(Hit(it, (it.urn,), ()) for it in found if it is not None and not it.dropped)
    return Impact(_job(snapshot, changed), hits)


def _starts(
    snapshot: GraphSnapshot, changed: EntityRecord
) -> tuple[EntityRecord | None, tuple[EntityRecord, ...], EntityRecord | None]:
    """(the job, where to begin, whose outputs these are)"""
    job = _job(snapshot, changed)
    if isinstance(changed, RunRecord):
        if outputs := snapshot.run_datasets(changed)[1]:
            return job, outputs, changed
        return job, snapshot.job_datasets(job)[1] if job is not None else (), job
    if changed.kind == "job":
        return changed, snapshot.job_datasets(changed)[1], changed
    if isinstance(changed, ColumnRecord):
        return None, tuple(snapshot.entities_by_id([changed.dataset_id]).values()), None
    return None, (changed,), None


def _begun(
    snapshot: GraphSnapshot, source: EntityRecord, outputs: tuple[EntityRecord, ...]
) -> dict[str, tuple[Ground, ...]]:
    """Of each output why it is one."""
    return {it.urn: ground("writes", source.urn, snapshot.output_said_in(source, it), it.urn) for it in outputs}


def _job(snapshot: GraphSnapshot, changed: EntityRecord) -> EntityRecord | None:
    if not isinstance(changed, RunRecord):
        return None
    return snapshot.entities_by_id([changed.job_id]).get(changed.job_id)


def _hits(
    snapshot: GraphSnapshot,
    answer: LineageAnswer,
    starts: tuple[EntityRecord, ...],
    wanted: Downstream,
    begun: Mapping[str, tuple[Ground, ...]],
) -> tuple[Hit, ...]:
    arrivals = _shortest_arrivals(answer.edges, [start.urn for start in starts])
    reached = {entity.urn: entity for entity in (*starts, *answer.nodes)}
    hit = (entity for _, entity in sorted(reached.items()) if entity.type in wanted.types and not entity.dropped)
    return tuple(_hit(snapshot, it, arrivals, wanted, begun) for it in hit if it.urn in arrivals)


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


def _hit(
    snapshot: GraphSnapshot,
    entity: EntityRecord,
    arrivals: dict[str, EdgeRecord | None],
    wanted: Downstream,
    begun: Mapping[str, tuple[Ground, ...]],
) -> Hit:
    path, steps = [entity.urn], list[Ground]()
    while (edge := arrivals[path[-1]]) is not None:
        path.append(edge.source)
        steps += ground(
            "derivedFrom", edge.target, (edge.evidence, edge.evidence_count or len(edge.evidence)), edge.source
        )
    grounds = (*begun.get(path[-1], ()), *reversed(steps), *class_grounds(entity, wanted.types, snapshot))
    return Hit(entity, tuple(reversed(path)), grounds)

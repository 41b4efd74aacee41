"""Lineage as of any instant: walks over edges, hop by hop, visiting each node once.

A walk asks for the edges of a whole frontier at a time and costs what it visits. Nodes that belong to one entity
are one place; edges between the same two places are one edge, over the union of their spans.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from .errors import InvalidInput, NotFound
from .model import FOREVER, Instant, Name, make_urn, parse_urn
from .reader import (
    Direction,
    EdgeRecord,
    EntityRecord,
    Level,
    LineageAnswer,
    LineageQuery,
    PathRecord,
)
from .sayings import read_detail
from .statements import Transformation
from .timeline import COLUMN, DERIVED, FEEDS, READS, WIDE, WRITES

if TYPE_CHECKING:
    from .snapshot import Snapshot

Place = tuple[int, str]
"""An entity, or a column of one: (canonical node, column path or "")."""

_EVIDENCE_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One kept edge between two places: over [valid_from, valid_to) this job says it."""

    source: Place
    target: Place
    job: int
    detail: tuple[Transformation, ...]
    valid_from: Instant
    valid_to: Instant
    indirect: bool = False
    sayings: tuple[int, ...] = ()  # with history: who said it, instead of who governed


Kept = tuple[int, int, int, int, tuple[Transformation, ...], Instant, Instant, tuple[int, ...]]
"""(kind, job, source, target, transformations, valid from, valid to, sayings) of an edge, by nodes."""


class EdgeSource(Protocol):
    """Where a walk gets its edges from: the fold state, or a projection of its present."""

    def holding(self, nodes: Iterable[int], upstream: bool, kinds: tuple[int, ...]) -> Iterable[Kept]:
        """The edges of these kinds that hold and end (`upstream`), or begin, at one of the nodes."""


@dataclass(slots=True)
class _Walked:
    """Places reached, with the hop they were reached at."""

    hops: dict[Place, int] = field(default_factory=dict)
    seen: dict[Place, None] = field(default_factory=dict)
    rows: dict[Row, None] = field(default_factory=dict)


class Lineage:
    """Lineage queries over one snapshot; `edges` are another source of its edges than its own tables."""

    def __init__(self, snapshot: Snapshot, query: LineageQuery, edges: EdgeSource | None = None) -> None:
        self._snapshot = snapshot
        self._query = query
        self._source = self if edges is None else edges
        self._shows = self._filter()

    def answer(self) -> LineageAnswer:
        query = self._query
        starts = self._starts(query.urns)
        places: dict[Place, int] = dict.fromkeys(starts, 0)
        rows: dict[Row, None] = {}
        for upstream in _directions(query.direction):
            walked = self._walk(starts, upstream, query.depth)
            for place, hop in walked.hops.items():
                places[place] = min(hop, places.get(place, hop))
            rows.update(walked.rows)
        total = len(places)
        kept = sorted(places, key=lambda it: (places[it], it))[: query.limit]
        shown = dict.fromkeys(kept)
        hidden: dict[Place, tuple[int, int]] = {}
        if query.with_hidden or self._shows is None:
            rows.update(dict.fromkeys(self._between(shown, hidden)))
        records = self._snapshot.places(kept, closed=query.history)
        urns = {place: record.urn for place, record in records.items()}
        edges = self._edges([it for it in rows if it.source in urns and it.target in urns], urns)
        return LineageAnswer(
            nodes=tuple(records[place] for place in kept if place in records),
            edges=edges,
            truncated=total > len(kept),
            total_nodes=total,
            position=self._snapshot.position(),
            hidden={urns[place]: counts for place, counts in hidden.items() if place in urns},
        )

    # Where to start ----------------------------------------------------------------------------------------

    def _starts(self, urns: Sequence[str]) -> list[Place]:
        found: dict[Place, None] = {}
        for urn in urns:
            found.update(dict.fromkeys(self._start(urn)))
        return list(found)

    def _start(self, urn: str) -> Iterable[Place]:
        name = parse_urn(urn)
        record = self._snapshot.entity(urn)
        if record is None:
            raise NotFound(f"there is no entity {urn}")
        level = self._query.level
        if level is Level.COLUMN:
            if name.kind == "column":
                dataset = self._snapshot.dataset_of(name)
                return [(dataset, name.path)] if dataset else []
            snapshot = self._snapshot
            paths = snapshot.every_column_path if self._query.history else snapshot.column_paths
            return [(record.id, path) for path in paths(record.id)]
        if level is Level.JOB:
            if name.kind != "job":
                raise InvalidInput(f"{urn} is no job; lineage at JOB level starts at jobs", field="urns")
            return [(record.id, "")]
        if name.kind == "column":
            dataset = self._snapshot.dataset_of(name)
            return [(dataset, "")] if dataset else []
        if name.kind in ("job", "run"):
            inputs, outputs = (
                self._snapshot.job_datasets(record) if name.kind == "job" else self._snapshot.run_datasets(record)
            )
            wanted = {
                Direction.DOWNSTREAM: outputs, Direction.UPSTREAM: inputs, Direction.BOTH: (*inputs, *outputs)
            }[self._query.direction]  # fmt: skip
            return [(it.id, "") for it in wanted]
        return [(record.id, "")]

    def _filter(self) -> Callable[[EntityRecord], bool] | None:
        query = self._query
        if query.types is None and query.namespaces is None and query.tags is None:
            return None

        def shows(record: EntityRecord) -> bool:
            return (
                (query.types is None or record.type in query.types)
                and (query.namespaces is None or record.namespace in query.namespaces)
                and (query.tags is None or any(tag.key in query.tags for tag in record.tags))
            )

        return shows

    # Walking -----------------------------------------------------------------------------------------------

    def _walk(self, starts: Sequence[Place], upstream: bool, depth: int) -> _Walked:
        walked = _Walked(dict.fromkeys(starts, 0), dict.fromkeys(starts))
        frontier = list(starts)
        hop = 0
        while frontier and hop < depth:
            hop += 1
            frontier = (
                self._step(frontier, upstream, hop, walked)
                if self._shows is None
                else self._bridging_step(frontier, upstream, hop, walked)
            )
        return walked

    def _step(self, frontier: Sequence[Place], upstream: bool, hop: int, walked: _Walked) -> list[Place]:
        reached: list[Place] = []
        for row in self.rows(frontier, upstream):
            walked.rows[row] = None
            place = row.source if upstream else row.target
            if place not in walked.seen:
                walked.seen[place] = None
                walked.hops[place] = hop
                reached.append(place)
        return reached

    def _bridging_step(self, frontier: Sequence[Place], upstream: bool, hop: int, walked: _Walked) -> list[Place]:
        """One hop of shown places: what is hidden is walked through, and an edge bridges over it."""
        assert self._shows is not None
        reached: list[Place] = []
        for start in frontier:
            through: dict[Place, Row | None] = {start: None}
            waiting = [start]
            while waiting:
                rows = self.rows(waiting, upstream)
                waiting = []
                records = self._snapshot.places({it for row in rows for it in (row.source, row.target)})
                for row in sorted(rows, key=partial(self._by_name, records)):
                    here, place = (row.target, row.source) if upstream else (row.source, row.target)
                    if place not in records:
                        continue
                    bridge = _join(through.get(here), row, upstream)
                    if self._shows(records[place]):
                        walked.rows[bridge] = None
                        if place not in walked.seen:
                            walked.seen[place] = None
                            walked.hops[place] = hop
                            reached.append(place)
                    elif place not in through:
                        through[place] = bridge
                        waiting.append(place)
        return reached

    def _by_name(self, records: Mapping[Place, EntityRecord], row: Row) -> tuple[object, ...]:
        """An order that neither the order of events nor the database decides."""
        ends = [records[it].urn if it in records else "" for it in (row.source, row.target)]
        return *ends, self._snapshot.node_name(row.job).urn if row.job else "", _order(row)[1:]

    def _between(self, shown: dict[Place, None], hidden: dict[Place, tuple[int, int]]) -> list[Row]:
        """Edges among the shown places; fills in how many neighbours of each are not shown."""
        if self._shows is not None:
            return []
        found: list[Row] = []
        beyond: dict[Place, list[set[Place]]] = defaultdict(lambda: [set(), set()])
        places = list(shown)
        for row in self.rows(places, upstream=False):
            if row.target in shown:
                found.append(row)
            else:
                beyond[row.source][1].add(row.target)
        if self._query.with_hidden:
            for row in self.rows(places, upstream=True):
                if row.source not in shown:
                    beyond[row.target][0].add(row.source)
        hidden.update({place: (len(up), len(down)) for place, (up, down) in beyond.items()})
        return found

    def rows(self, places: Sequence[Place], upstream: bool) -> list[Row]:
        """The edges that hold, from the places upstream or downstream."""
        if self._query.level is Level.JOB:
            return self._job_rows(places, upstream)
        if self._query.level is Level.COLUMN:
            return self._column_rows(places, upstream)
        return self._dataset_rows(places, upstream)

    def _dataset_rows(self, places: Sequence[Place], upstream: bool) -> list[Row]:
        snapshot = self._snapshot
        entity = snapshot.entity_of
        found = []
        for kind, job, source, target, detail, start, end, sayings in self._kept(
            self._snapshot.nodes_of([it[0] for it in places]), upstream, (DERIVED,)
        ):
            ends = entity(source), entity(target)
            end = self._until(kind, source, target, end)
            if ends[0] != ends[1] and ends[0] and ends[1]:
                found.append(Row((ends[0], ""), (ends[1], ""), job, detail, start, end, False, sayings))
        return found

    def _until(self, kind: int, source: int, target: int, end: Instant) -> Instant:
        """An edge ends with the entities it joins, whoever still says it."""
        snapshot = self._snapshot
        if kind != DERIVED:
            source = snapshot.column_of(source)[0]
        if kind == COLUMN:
            target = snapshot.column_of(target)[0]
        return min(end, snapshot.gone_at(source), snapshot.gone_at(target))

    def _column_rows(self, places: Sequence[Place], upstream: bool) -> list[Row]:
        snapshot = self._snapshot
        wanted = set(places)
        columns = snapshot.column_nodes(places)
        found: list[Row] = []
        kept = list(self._kept(columns, upstream, (COLUMN,) if upstream else (COLUMN, WIDE)))
        if upstream:
            datasets = snapshot.nodes_of({it[0] for it in places})
            kept += self._kept(datasets, True, (WIDE,))
        shown = snapshot.column_paths if not self._query.history else snapshot.every_column_path
        for kind, job, source, target, detail, start, end, sayings in kept:
            place = snapshot.column_place(source)
            if place is None or place[1] not in shown(place[0]):
                continue
            if kind == WIDE:
                dataset = snapshot.entity_of(target)
                ends = [(dataset, path) for path in shown(dataset)] if dataset else []
            else:
                end_place = snapshot.column_place(target)
                ends = [end_place] if end_place is not None and end_place[1] in shown(end_place[0]) else []
            if upstream:
                ends = [it for it in ends if it in wanted]
            end = self._until(kind, source, target, end)
            found += [Row(place, it, job, detail, start, end, kind == WIDE, sayings) for it in ends]
        return found

    def _job_rows(self, places: Sequence[Place], upstream: bool) -> list[Row]:
        """Job to job through the datasets between, or as an explicit `lineage` facet says; `job` is the dataset."""
        snapshot = self._snapshot
        jobs = [it[0] for it in places]
        found = [
            Row((source, ""), (target, ""), 0, detail, start, end, False, sayings)
            for _, _, source, target, detail, start, end, sayings in self._kept(jobs, upstream, (FEEDS,))
        ]
        near, far = (READS, WRITES) if upstream else (WRITES, READS)
        by_dataset: dict[int, list[tuple[int, Instant, Instant]]] = defaultdict(list)
        for _, _, source, target, _, start, end, _ in self._kept(jobs, upstream, (near,)):
            job, dataset = (target, source) if upstream else (source, target)
            entity = snapshot.entity_of(dataset)
            if entity:
                by_dataset[entity].append((job, start, end))
        for _, _, source, target, _, start, end, _ in self._kept(snapshot.nodes_of(by_dataset), upstream, (far,)):
            other, dataset = (source, target) if upstream else (target, source)
            entity = snapshot.entity_of(dataset)
            for job, from_, to in by_dataset.get(entity, ()):
                ends = ((other, ""), (job, "")) if upstream else ((job, ""), (other, ""))
                if other != job:
                    span = (Instant(max(from_, start)), Instant(min(to, end)))
                    found.append(Row(*ends, entity, (), *span))
        return found

    def _kept(self, nodes: Iterable[int], upstream: bool, kinds: tuple[int, ...]) -> Iterable[Kept]:
        if self._query.history:
            return self._said(set(nodes), upstream, kinds)
        return self._source.holding(nodes, upstream, kinds)

    def holding(self, nodes: Iterable[int], upstream: bool, kinds: tuple[int, ...]) -> Iterable[Kept]:
        """The edges that the fold state itself holds, as of the snapshot."""
        snapshot = self._snapshot
        end = "target" if upstream else "source"
        rows = snapshot.database.execute(
            f"SELECT kind, job_id, source, target, detail, valid_from, valid_to FROM edge"
            f" WHERE {end} IN (SELECT value FROM json_each(?)) AND kind IN ({', '.join(map(str, kinds))})"
            " AND known_from <= ? AND known_to > ? AND valid_from <= ? AND valid_to > ?",
            (json.dumps(list(nodes)), snapshot.known, snapshot.known, snapshot.valid, snapshot.valid),
        )
        for kind, job, source, target, detail, start, until in rows:
            yield kind, job, source, target, read_detail(detail) if detail else (), start, until, ()

    def _said(self, nodes: set[int], upstream: bool, kinds: tuple[int, ...]) -> Iterable[Kept]:
        """What any saying says, whether it ever governed or not."""
        snapshot = self._snapshot
        end = 2 if upstream else 1
        for job in snapshot.jobs_speaking_of(nodes, job_nodes=READS in kinds or WRITES in kinds or FEEDS in kinds):
            for set_id, start, sayings in snapshot.sets_said(job):
                for edge in snapshot.edge_set(set_id):
                    if edge[0] in kinds and edge[end] in nodes:
                        yield edge[0], job, edge[1], edge[2], edge[3], start, FOREVER, sayings

    # Edges as they are answered ----------------------------------------------------------------------------

    def _edges(self, rows: Sequence[Row], urns: dict[Place, str]) -> tuple[EdgeRecord, ...]:
        pairs: dict[tuple[Place, Place], list[Row]] = defaultdict(list)
        for row in rows:
            pairs[row.source, row.target].append(row)
        query = self._query
        past: dict[tuple[Place, Place], list[Row]] = {}
        if query.with_intervals and not query.history and query.level is not Level.JOB:
            past = self._ended(pairs)
        names: dict[int, str] = {}
        found = []
        for (source, target), holding in pairs.items():
            holding.sort(key=_order)  # databases give rows in an order of their own
            every = past.get((source, target), holding)
            evidence = self._evidence(holding, every) if query.with_evidence else ((), 0, Instant(0))
            start, end = _span(every, self._snapshot.valid)
            details = dict.fromkeys(_details(holding))
            found.append(
                EdgeRecord(
                    source=urns[source],
                    target=urns[target],
                    kind=_kind(query.level, holding),
                    via=tuple(sorted(self._via(names, holding))),
                    transformations=tuple(details),
                    valid_from=start,
                    valid_to=None if end == FOREVER else end,
                    evidence=evidence[0],
                    evidence_count=evidence[1],
                    last_confirmed_at=evidence[2],
                )
            )
        return tuple(sorted(found, key=lambda it: (it.source, it.target)))

    def _via(self, names: dict[int, str], rows: Sequence[Row]) -> set[str]:
        found = set()
        for row in rows:
            if row.job not in names:
                name = self._snapshot.node_name(row.job) if row.job else None
                wanted = name is not None and (name.kind == "job" or self._query.level is Level.JOB)
                names[row.job] = name.urn if name is not None and wanted else ""
            found.add(names[row.job])
        return found - {""}

    def _ended(self, pairs: Iterable[tuple[Place, Place]]) -> dict[tuple[Place, Place], list[Row]]:
        """All spans, ended ones too, of these edges: a span may go on from one job, or one name, to another."""
        snapshot = self._snapshot
        wanted = set(pairs)
        sources = {it[0] for it in wanted}
        column = self._query.level is Level.COLUMN
        nodes = snapshot.column_nodes(list(sources)) if column else snapshot.nodes_of({it[0] for it in sources})
        kinds = f"{COLUMN}, {WIDE}" if column else str(DERIVED)
        rows = snapshot.database.execute(
            "SELECT kind, job_id, source, target, detail, valid_from, valid_to FROM edge"
            f" WHERE source IN (SELECT value FROM json_each(?)) AND kind IN ({kinds})"
            " AND known_from <= ? AND known_to > ?",
            (json.dumps(list(nodes)), snapshot.known, snapshot.known),
        )
        found: dict[tuple[Place, Place], list[Row]] = defaultdict(list)
        targets_of: dict[int, list[Place]] = defaultdict(list)
        for _, target_place in wanted:
            targets_of[target_place[0]].append(target_place)
        for kind, job, source, target, detail, start, end in rows:
            end = self._until(kind, source, target, end)
            if column:
                place = snapshot.column_place(source)
                if kind == WIDE:
                    ends: Sequence[Place] = targets_of.get(snapshot.entity_of(target), ())
                else:
                    one = snapshot.column_place(target)
                    ends = [one] if one is not None else []
            else:
                place = (snapshot.entity_of(source), "")
                ends = [(snapshot.entity_of(target), "")]
            for end_place in ends:
                if place is not None and (place, end_place) in wanted:
                    said = read_detail(detail) if detail else ()
                    found[place, end_place].append(Row(place, end_place, job, said, start, end, kind == WIDE))
        return found

    def _evidence(self, holding: Sequence[Row], every: Sequence[Row]) -> tuple[tuple[int, ...], int, Instant]:
        """(newest positions ascending, how many in all, the newest instant)."""
        snapshot = self._snapshot
        if self._query.level is Level.JOB:
            return (), 0, max((it.valid_from for it in holding), default=Instant(0))
        newest: list[tuple[Instant, int]] = []
        count = 0
        for job in {row.job for row in holding}:
            if self._query.history:
                sayings = {it for row in holding if row.job == job for it in row.sayings}
                said = snapshot.evidence_of_sayings(job, tuple(sorted(sayings)))
            else:
                spans = [row for row in every if row.job == job]  # none where the job's way is a bridge beside the edge
                start, end = _span(spans or [row for row in holding if row.job == job], snapshot.valid)
                said = snapshot.evidence(job, start, end)
            newest += said[0]
            count += said[1]
        newest = sorted(set(newest))[-_EVIDENCE_SHOWN:]
        last = newest[-1][0] if newest else Instant(0)
        return tuple(sorted(position for _, position in newest)), count, last


def paths(
    snapshot: Snapshot, source: str, target: str, level: Level, limit: int, edges: EdgeSource | None = None
) -> tuple[PathRecord, ...]:
    """All shortest ways downstream from `source` to `target`, at most `limit`, in urn order."""
    walk = Lineage(snapshot, LineageQuery((source,), Direction.DOWNSTREAM, 0, level, with_hidden=False), edges)
    starts = walk._starts((source,))
    goals = set(walk._starts((target,)))
    rows: dict[Place, list[Row]] = defaultdict(list)
    hops: dict[Place, int] = dict.fromkeys(starts, 0)
    frontier = list(starts)
    hop = 0
    while frontier and not goals & set(frontier) and hop < 1_000:
        hop += 1
        reached: dict[Place, None] = {}
        for row in walk.rows(frontier, upstream=False):
            if hops.setdefault(row.target, hop) == hop:
                rows[row.target].append(row)
                reached[row.target] = None
        frontier = list(reached)
    chains: list[list[Place]] = [[goal] for goal in goals & hops.keys()]
    for _ in range(hop if chains else 0):
        chains = [[before, *chain] for chain in chains for before in sorted({row.source for row in rows[chain[0]]})][
            :limit
        ]
    answers = []
    for chain in chains:
        used = [row for place in chain for row in rows[place] if row.source in chain]
        records = snapshot.places(chain)
        urns = {place: record.urn for place, record in records.items()}
        answers.append(PathRecord(tuple(records[it] for it in chain), walk._edges(used, urns)))
    return tuple(answers)


def _directions(direction: Direction) -> tuple[bool, ...]:
    """Whether to walk upstream, in turn."""
    return {Direction.UPSTREAM: (True,), Direction.DOWNSTREAM: (False,), Direction.BOTH: (True, False)}[direction]


def _join(first: Row | None, second: Row, upstream: bool) -> Row:
    """An edge over a hidden place: it holds while both do, and comes by the job nearest to what is shown."""
    if first is None:
        return second
    near, far = (second, first) if upstream else (first, second)
    return Row(
        near.source, far.target, near.job, near.detail + far.detail,
        Instant(max(near.valid_from, far.valid_from)), Instant(min(near.valid_to, far.valid_to)),
        near.indirect or far.indirect, near.sayings + far.sayings,
    )  # fmt: skip


def _span(rows: Sequence[Row], valid: Instant) -> tuple[Instant, Instant]:
    """The maximal span that contains `valid`, of all spans put together."""
    spans = sorted((row.valid_from, row.valid_to) for row in rows)
    start, end = spans[0]
    for next_start, next_end in spans[1:]:
        if next_start <= end:
            end = max(end, next_end)
        elif next_start <= valid:
            start, end = next_start, next_end
        else:
            break
    return start, end


def _details(rows: Sequence[Row]) -> list[Transformation]:
    """How the rows of one edge say it comes about; inference is silent where a producer says it plainly."""
    said = [it for row in rows for it in row.detail]
    if any(not row.detail and not row.indirect for row in rows):
        return [it for it in said if it.confidence is None]
    return said


def _order(row: Row) -> tuple[object, ...]:
    said = [(it.type, it.subtype or "", it.description or "", it.masking, it.confidence or 0) for it in row.detail]
    return row.job, row.indirect, said, row.valid_from


def _kind(level: Level, rows: Sequence[Row]) -> str:
    if level is Level.DATASET:
        return "DERIVED_FROM"
    if level is Level.JOB:
        return "FEEDS"
    said = _details([row for row in rows if not row.indirect])
    plain = not said and any(not row.indirect for row in rows)
    return "DIRECT" if plain or any(it.type.upper() == "DIRECT" for it in said) else "INDIRECT"


def column_urn(dataset: Name, path: str) -> str:
    return make_urn("column", dataset.namespace, dataset.name, path)

"""The real fold, looked at as the naive reference looks: `folded(...)` gives the same `State`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from graph.model import AsOf, Envelope, Instant, Name, Position
from graph.postgres import PostgresGraph
from graph.reader import EntityQuery, EntityRecord, Level, LineageQuery, RunRecord
from graph.snapshot import Snapshot
from graph.sqlite import SqliteGraph
from graph.statements import ColumnFlow, OutputFlow, Statements, Transformation
from ingest import facts, mutation
from ingest.openlineage import Decoder
from ontology import load
from tests.reference import state as reference

Columns = Sequence[tuple[Name, tuple[str, ...]]]
ONTOLOGY = load()


def infer(sql: str, dialect: str, inputs: Columns, outputs: Columns) -> tuple[OutputFlow, ...]:
    """What the arrows of `tests.reference.events.sql` say, for the decoder to take in place of real SQL."""
    columns: dict[Name, dict[str, None]] = {}
    for name, listed in (*inputs, *outputs):
        columns.setdefault(name, {}).update(dict.fromkeys(listed))
    found: dict[Name, list[ColumnFlow]] = {}
    for arrow in sql.split():
        ends, _, sure = arrow.partition("@")
        (source, column), (target, into) = ((*end.split("."), "")[:2] for end in ends.split(">"))
        kind = ("DIRECT", "IDENTITY") if into else ("INDIRECT", "FILTER")
        how = Transformation(*kind, confidence=float(sure or 0.9))
        for output in (it for it, _ in outputs if it.name == target):
            for origin in (it for it in columns if it.name == source):
                pairs = [(column, into or None)]
                if column == "*":
                    pairs = [(path, path) for path in columns[origin] if "." not in path]
                flows = [ColumnFlow(origin, path, end, (how,)) for path, end in pairs]
                found.setdefault(output, []).extend(flows)
    return tuple(OutputFlow(output, tuple(flows)) for output, flows in found.items())


_DECODE: dict[str, Callable[[Envelope], Statements]] = {
    "openlineage": Decoder(ONTOLOGY.kind_for_namespace, infer),
    "mutation": mutation.decode,
    facts.KIND: facts.Decoder(ONTOLOGY),
}
_DATASETS = ("dataset", "dashboard", "model")


Graph = SqliteGraph | PostgresGraph
Empty = Callable[[], AbstractContextManager[Graph]]
"""Gives a graph that was told nothing."""


@contextmanager
def embedded() -> Iterator[Graph]:
    with tempfile.TemporaryDirectory() as folder:
        graph = SqliteGraph(Path(folder) / "graph.db", ONTOLOGY)
        try:
            yield graph
        finally:
            graph.close()


@contextmanager
def graph_of(
    envelopes: Sequence[reference.Envelope],
    batches: Sequence[int] = (),
    empty: Empty = embedded,
    forgetful: bool = False,
) -> Iterator[Graph]:
    """A graph that was told these envelopes, in their order, committed in batches of these sizes (default: one).

    `forgetful`: before each batch it forgets what it remembers of the ones before.
    """
    with empty() as graph:
        tell(graph, envelopes, batches, forgetful)
        yield graph


class _Undone(Exception):
    """Rolls a transaction back."""


def tell(
    graph: Graph, envelopes: Sequence[reference.Envelope], batches: Sequence[int] = (), forgetful: bool = False
) -> None:
    waiting = list(envelopes)
    sizes = iter(batches)
    while waiting:
        size = next(sizes, len(waiting))
        batch, waiting = waiting[:size], waiting[size:]
        if forgetful:
            with suppress(_Undone), graph.transaction():
                raise _Undone
        decoded = [_decoded(it) for it in batch]
        with graph.transaction():
            graph.expect(statements for _, statements in decoded)
            for envelope, statements in decoded:
                graph.fold(envelope, statements)
        graph.commit(Position(batch[-1].position))


def _decoded(received: reference.Envelope) -> tuple[Envelope, Statements]:
    digest = blake2b(received.body, digest_size=16).digest()
    position, at = Position(received.position), Instant(received.received_at)
    envelope = Envelope(position, received.kind, "test", at, digest, received.body)
    return envelope, _DECODE[received.kind](envelope)


def read(graph: Graph, valid: int | None = None, position: int | None = None, history: bool = False) -> reference.State:
    """The graph's answer as of (valid, position), in the reference's words."""
    as_of = AsOf(None if valid is None else Instant(valid), None if position is None else Position(position))
    with graph.snapshot(as_of) as snapshot:
        assert isinstance(snapshot, Snapshot)
        return _state(snapshot, history)


def _state(snapshot: Snapshot, history: bool) -> reference.State:
    page = snapshot.entities(EntityQuery(include_dropped=True, first=10_000))
    records = {it.urn: it for it in page.records if it.kind in ("dataset", "dashboard", "model", "job", "run")}
    datasets = [it for it in records.values() if it.kind in _DATASETS]
    entities = {urn: _entity(snapshot, it) for urn, it in records.items()}
    columns: dict[str, list[str]] = {}
    for dataset in datasets:
        found = snapshot.columns(dataset)
        columns[dataset.urn] = sorted(it.path for it in found)
        for column in found:
            entities[column.urn] = _entity(snapshot, column)
    edges: dict[reference.EdgeKey, reference.EdgeState] = {}
    for level in (Level.DATASET, Level.COLUMN):
        starts = tuple(it.urn for it in datasets)
        query = LineageQuery(starts, depth=1, level=level, limit=10**6, history=history)
        for edge in snapshot.lineage(query).edges if starts else ():
            edges[level.value, edge.source, edge.target] = reference.EdgeState(
                via=list(edge.via),
                valid_from=edge.valid_from,
                valid_to=edge.valid_to,
                last_confirmed=edge.last_confirmed_at,
                evidence=list(edge.evidence),
                evidence_count=edge.evidence_count,
                kind=edge.kind,
                transformations=sorted(_transformation(it) for it in edge.transformations),
            )
    reads: set[tuple[str, str]] = set()
    writes: set[tuple[str, str]] = set()
    for job in (it for it in records.values() if it.kind == "job"):
        inputs, outputs = snapshot.job_datasets(job)
        reads |= {(it.urn, job.urn) for it in inputs}
        writes |= {(job.urn, it.urn) for it in outputs}
    return reference.State(
        entities=entities,
        columns=columns,
        runs={it.urn: _run(snapshot, it) for it in records.values() if isinstance(it, RunRecord)},
        edges=edges,
        reads=reads,
        writes=writes,
        resolves=_resolves(snapshot),
    )


def _transformation(it: object) -> str:
    said = {name: getattr(it, name) for name in ("type", "subtype", "description", "masking", "confidence")}
    said["inferred"] = said["confidence"] is not None
    return json.dumps(
        {key: value for key, value in said.items() if value not in (None, False)},
        sort_keys=True,
        separators=(",", ":"),
    )


def _entity(snapshot: Snapshot, record: EntityRecord) -> reference.EntityState:
    facets = {key: json.loads(text) for key, text in snapshot.facets(record).items()}
    for key, value in facets.items():
        if key.startswith("tag:"):
            del value["source"]  # who tagged it; the reference does not keep it
    return reference.EntityState(
        aliases=sorted((it.namespace, it.name) for it in snapshot.aliases(record)),
        created=record.created_at,
        dropped=record.dropped,
        facets=facets,
        retired=record.kind == "job" and snapshot.is_retired(record),
    )


def _run(snapshot: Snapshot, run: RunRecord) -> reference.RunState:
    inputs, outputs = snapshot.run_datasets(run)
    parent = snapshot.parent(run)
    return reference.RunState(
        state=run.state,
        started=run.started_at,
        ended=run.ended_at,
        inputs=[it.urn for it in inputs],
        outputs=[it.urn for it in outputs],
        parent=parent.urn if parent is not None else None,
    )


def _resolves(snapshot: Snapshot) -> dict[str, str]:
    rows = snapshot.database.execute(
        "SELECT DISTINCT kind, namespace, name FROM node WHERE path = '' AND kind IN ('dataset', 'dashboard', 'model')"
    ).fetchall()
    found = {}
    for kind, namespace, name in rows:
        record = snapshot.find(frozenset({kind}), namespace, name)
        if record is not None:
            found[reference.urn(kind, namespace, name)] = record.urn
    return found

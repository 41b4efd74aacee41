"""What runs and sayings mean, as pure functions: the state of a run, what it says when, which edges that makes.

The rules stand in docs/meaning.md.

All times are instants; all intervals are closed at the start and open at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from .model import FOREVER, Instant, Name
from .statements import ColumnFlow, Flows, OutputFlow, Transformation

_TERMINAL = {"COMPLETE": 3, "FAIL": 2, "ABORT": 1}  # at equal times the greater wins


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event of a run, as kept: `content` is the key of its `Flows`, 0 if it names no datasets."""

    at: Instant
    digest: bytes
    type: str
    streaming: bool
    content: int


@dataclass(frozen=True, slots=True)
class RunState:
    state: str
    started_at: Instant
    ended_at: Instant | None


def run_state(events: Sequence[RunEvent]) -> RunState:
    """State, start and end of a run with these events (at least one, any order)."""
    terminal = max(
        ((event.at, _TERMINAL[event.type], event.type) for event in events if event.type in _TERMINAL),
        default=None,
    )
    starts = [event.at for event in events if event.type == "START"]
    started = min(starts) if starts else min(event.at for event in events)
    if terminal is not None:
        return RunState(terminal[2], started, terminal[0])
    running = any(event.type != "OTHER" for event in events)
    return RunState("RUNNING" if running else "UNKNOWN", started, None)


@dataclass(frozen=True, slots=True)
class Version:
    """What a saying says over [valid_from, valid_to): `effect` is when it took effect, None if not yet."""

    valid_from: Instant
    valid_to: Instant
    content: Hashable
    effect: Instant | None
    start: Instant


def run_versions(events: Sequence[RunEvent], content_of: Callable[[Sequence[RunEvent]], Hashable]) -> list[Version]:
    """What a run says of its job's lineage, from its first event with datasets on.

    `events` in (at, digest) order; `content_of` turns those that carry datasets into the key of an edge set.
    """
    versions: list[Version] = []
    carrying: list[RunEvent] = []
    content: Hashable = None
    complete: Instant | None = None
    start: Instant | None = None
    streaming = False
    for index, event in enumerate(events):
        streaming = streaming or event.streaming
        if event.type == "COMPLETE" and complete is None:
            complete = event.at
        if event.type == "START" and start is None:
            start = event.at
        if event.content:
            carrying.append(event)
        if index + 1 < len(events) and events[index + 1].at == event.at:
            continue  # what is said at one instant holds together
        if not carrying:
            continue
        content = content_of(carrying)
        first = carrying[0].at
        effect = first if streaming else None if complete is None else max(complete, first)
        begun = start if start is not None else events[0].at
        if versions:
            last = versions[-1]
            if (last.content, last.effect, last.start) == (content, effect, begun):
                continue
            versions[-1] = Version(last.valid_from, event.at, last.content, last.effect, last.start)
        versions.append(Version(event.at, FOREVER, content, effect, begun))
    return versions


# What a saying says ----------------------------------------------------------------------------------------

DERIVED, COLUMN, WIDE, READS, WRITES, FEEDS = range(6)
"""Kinds of edges: dataset -> dataset, column -> column, column -> whole dataset, dataset -> job,
job -> dataset, job -> job."""

Edge = tuple[int, int, int, tuple[Transformation, ...]]
"""(kind, source node, target node, transformations)."""


@dataclass(frozen=True, slots=True)
class ResolvedFlows:
    """The `Flows` of one event with its way to find nodes: names by the entity that bore them at the time."""

    flows: Flows
    node: Callable[[Name], int]
    column: Callable[[int, str], int]


def edges_of(contents: Iterable[ResolvedFlows], job: int | None) -> frozenset[Edge]:
    """All edges that a saying with these contents, oldest first, says of `job` (None: an implicit one).

    An explicit `lineage` facet decides alone; else an output's column lineage; else inputs x outputs, and between
    columns what was inferred.
    """
    inputs: dict[int, None] = {}
    outputs: dict[int, None] = {}
    column_lineage: dict[int, tuple[OutputFlow, ResolvedFlows]] = {}
    inferred: dict[int, list[tuple[OutputFlow, ResolvedFlows]]] = {}
    explicit = False
    edges: dict[tuple[int, int, int], dict[Transformation, None]] = {}

    def add(kind: int, source: int, target: int, transformations: tuple[Transformation, ...] = ()) -> None:
        edges.setdefault((kind, source, target), {}).update(dict.fromkeys(transformations))

    def add_columns(flow: OutputFlow, resolved: ResolvedFlows) -> None:
        target = resolved.node(flow.output)
        for item in flow.flows or ():
            _add_column(item, target, resolved, add)

    contents = list(contents)
    for resolved in contents:
        flows = resolved.flows
        inputs.update(dict.fromkeys(resolved.node(name) for name in flows.inputs))
        outputs.update(dict.fromkeys(resolved.node(name) for name in flows.outputs))
        for flow in flows.column_lineage:
            column_lineage[resolved.node(flow.output)] = (flow, resolved)
        for flow in flows.inferred:
            inferred.setdefault(resolved.node(flow.output), []).append((flow, resolved))
        explicit = explicit or flows.entries is not None
    if explicit:
        for resolved in contents:
            for entry in resolved.flows.entries or ():
                target = resolved.node(entry.target)
                target_is_job = entry.target.kind == "job"
                if not target_is_job and (entry.source is None or entry.source.kind != "job"):
                    outputs[target] = None
                if entry.source is None:
                    continue
                source = resolved.node(entry.source)
                if entry.source.kind == "job":
                    if source != target:
                        add(FEEDS if target_is_job else WRITES, source, target)
                elif target_is_job:
                    add(READS, source, target)
                else:
                    inputs[source] = None
                    if source != target:
                        add(DERIVED, source, target)
            for flow in resolved.flows.entry_columns:
                add_columns(flow, resolved)
    else:
        said_inputs = tuple(inputs)
        for output in outputs:
            said = column_lineage.get(output)
            sources = {said[1].node(item.source) for item in said[0].flows or ()} if said else set()
            if said and sources:
                add_columns(*said)
                inputs.update(dict.fromkeys(sources))
            else:
                for guess in inferred.get(output, ()):
                    add_columns(*guess)
            for source in sources or said_inputs:
                if source != output:
                    add(DERIVED, source, output)
    if job is not None:
        for source in inputs:
            add(READS, source, job)
        for output in outputs:
            add(WRITES, job, output)
    return frozenset(
        (*edge, tuple(sorted(_surest(said) if inferred else said, key=_order))) for edge, said in edges.items()
    )


def _add_column(
    item: ColumnFlow,
    target: int,
    resolved: ResolvedFlows,
    add: Callable[[int, int, int, tuple[Transformation, ...]], None],
) -> None:
    source = resolved.column(resolved.node(item.source), item.column)
    if item.target_column is None:
        add(WIDE, source, target, item.transformations)
    else:
        add(COLUMN, source, resolved.column(target, item.target_column), item.transformations)


def _surest(said: Iterable[Transformation]) -> Iterable[Transformation]:
    """What several events infer alike with different confidence is said once, with the greatest."""
    best: dict[Transformation, Transformation] = {}
    for it in said:
        alike = replace(it, confidence=None)
        held = best.get(alike)
        if held is None or _trust(it) > _trust(held):
            best[alike] = it
    return best.values()


def _trust(said: Transformation) -> float:
    """Its confidence; a producer's word is above every inference."""
    return 2.0 if said.confidence is None else said.confidence


def _order(said: Transformation) -> tuple[str, str, str, bool]:
    return said.type, said.subtype or "", said.description or "", said.masking

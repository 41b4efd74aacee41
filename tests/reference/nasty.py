"""Nasty sequences of events, each with the answer written by hand, for the fold and its naive reference.

`CASES` is the list; `disagreements` compares a state with what a case expects of it. Dataset names are in the
namespace `DB` unless given as (namespace, name); P is a path in the namespace `LAKE`. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.reference.events import (
    DB,
    FACET,
    LAKE,
    Json,
    col,
    column_lineage,
    dataset,
    dataset_event,
    dataset_lineage,
    deleted,
    direct,
    documentation,
    ds,
    entry,
    indirect,
    input_field,
    job,
    job_entry,
    job_event,
    job_source,
    job_type,
    lifecycle,
    lineage,
    location,
    micros,
    mutation,
    parent,
    run,
    run_event,
    schema,
    source,
    sql,
    symlinks,
    table,
)
from tests.reference.state import EdgeKey, EdgeState, State, urn

ABSENT = object()
Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Look:
    """One question and its answer; what is None isn't compared.

    at: valid time in seconds, None for no bound. known: only the first so many bodies (given order only).
    edges, column_edges, history, column_history: exactly these (source urn, target urn) pairs.
    spans: (from, to) in seconds. evidence: places in the case's list, from 1. runs: run id -> (state, started,
    ended). aliases: urn -> names. facets: (urn, key) -> value without _producer and _schemaURL, or ABSENT.
    resolves: urn -> urn.
    """

    at: int | None = None
    known: int | None = None
    edges: set[Pair] | None = None
    column_edges: set[Pair] | None = None
    history: set[Pair] | None = None
    column_history: set[Pair] | None = None
    spans: dict[Pair, tuple[int, int | None]] | None = None
    via: dict[Pair, list[str]] | None = None
    evidence: dict[Pair, list[int]] | None = None
    evidence_count: dict[Pair, int] | None = None
    last_confirmed: dict[Pair, int] | None = None
    kinds: dict[Pair, str] | None = None
    transformations: dict[Pair, list[str]] | None = None
    runs: dict[str, tuple[str, int | None, int | None]] | None = None
    run_datasets: dict[str, tuple[list[str], list[str]]] | None = None
    run_parents: dict[str, str | None] | None = None
    datasets: set[str] | None = None
    jobs: set[str] | None = None
    aliases: dict[str, list[tuple[str, str]]] | None = None
    created: dict[str, int] | None = None
    dropped: dict[str, bool] | None = None
    retired: dict[str, bool] | None = None
    facets: dict[tuple[str, str], Any] | None = None
    columns: dict[str, list[str]] | None = None
    reads: set[Pair] | None = None
    writes: set[Pair] | None = None
    resolves: dict[str, str | None] | None = None

    @property
    def asks_history(self) -> bool:
        return self.history is not None or self.column_history is not None


@dataclass(frozen=True)
class Case:
    """positions_matter: the answer holds for this order of receipt only (it speaks of positions)."""

    name: str
    bodies: Sequence[Json]
    looks: Sequence[Look]
    positions_matter: bool = False


def disagreements(state: State, history: State | None, look: Look, positions: Sequence[int]) -> Iterator[str]:
    """What differs from the expectation. positions[i]: the position of the case's body i."""
    edges = {(s, t): e for (_, s, t), e in state.edges.items()}
    yield from differs("edges", look.edges, pairs(state.edges, "DATASET"))
    yield from differs("column edges", look.column_edges, pairs(state.edges, "COLUMN"))
    if history is not None and look.history is not None:
        yield from differs("history", look.history, pairs(history.edges, "DATASET"))
    if history is not None:
        yield from differs("column history", look.column_history, pairs(history.edges, "COLUMN"))
    yield from differs("reads", look.reads, state.reads)
    yield from differs("writes", look.writes, state.writes)
    spans = {k: (micros(a), None if b is None else micros(b)) for k, (a, b) in (look.spans or {}).items()}
    yield from each("span", spans, {k: (e.valid_from, e.valid_to) for k, e in edges.items()})
    yield from each("via", look.via, {k: e.via for k, e in edges.items()})
    evidence = {k: sorted(positions[i - 1] for i in places) for k, places in (look.evidence or {}).items()}
    yield from each("evidence", evidence, {k: e.evidence for k, e in edges.items()})
    yield from each("evidence count", look.evidence_count, {k: e.evidence_count for k, e in edges.items()})
    confirmed = {k: micros(at) for k, at in (look.last_confirmed or {}).items()}
    yield from each("last confirmed", confirmed, {k: e.last_confirmed for k, e in edges.items()})
    yield from each("kind", look.kinds, {k: e.kind for k, e in edges.items()})
    yield from each("transformations", look.transformations, {k: e.transformations for k, e in edges.items()})
    yield from about_runs(state, look)
    yield from about_entities(state, look)


def about_runs(state: State, look: Look) -> Iterator[str]:
    runs = {
        run(i): (s, None if a is None else micros(a), None if b is None else micros(b))
        for i, (s, a, b) in (look.runs or {}).items()
    }
    yield from each("run", runs, {u: (r.state, r.started, r.ended) for u, r in state.runs.items()})
    wanted = {run(i): said for i, said in (look.run_datasets or {}).items()}
    yield from each("run's datasets", wanted, {u: (r.inputs, r.outputs) for u, r in state.runs.items()})
    parents = {run(i): said for i, said in (look.run_parents or {}).items()}
    yield from each("run's parent", parents, {u: r.parent for u, r in state.runs.items()})


def about_entities(state: State, look: Look) -> Iterator[str]:
    kinds = {u: u.split(":")[2] for u in state.entities}
    found = {u for u, kind in kinds.items() if kind in ("dataset", "dashboard", "model")}
    yield from differs("datasets", look.datasets, found)
    yield from differs("jobs", look.jobs, {u for u, kind in kinds.items() if kind == "job"})
    yield from each("aliases", look.aliases, {u: e.aliases for u, e in state.entities.items()})
    created = {u: micros(at) for u, at in (look.created or {}).items()}
    yield from each("created", created, {u: e.created for u, e in state.entities.items()})
    yield from each("dropped", look.dropped, {u: e.dropped for u, e in state.entities.items()})
    yield from each("retired", look.retired, {u: e.retired for u, e in state.entities.items()})
    yield from each("columns", look.columns, state.columns)
    yield from each("resolves", look.resolves, {u: state.resolves.get(u) for u in look.resolves or {}})
    values = {(u, k): bare(v) for u, e in state.entities.items() for k, v in e.facets.items()}
    for key, value in (look.facets or {}).items():
        yield from differs(f"facet {key}", value, values.get(key, ABSENT))


def pairs(edges: dict[EdgeKey, EdgeState], level: str) -> set[Pair]:
    return {(s, t) for lv, s, t in edges if lv == level}


def bare(value: Any) -> Any:
    return {k: v for k, v in value.items() if k not in FACET} if isinstance(value, dict) else value


def differs(what: str, wanted: Any, found: Any) -> Iterator[str]:
    if wanted is not None and wanted != found:
        yield f"{what}: expected {wanted}, found {found}"


def each(what: str, wanted: dict[Any, Any] | None, found: dict[Any, Any]) -> Iterator[str]:
    for key, value in (wanted or {}).items():
        if key not in found or found[key] != value:
            yield f"{what} of {key}: expected {value}, found {found.get(key, 'nothing')}"


def e(source_name: str, target_name: str) -> Pair:
    return ds(source_name), ds(target_name)


def c(source_name: str, source_column: str, target_name: str, target_column: str) -> Pair:
    return col(source_name, source_column), col(target_name, target_column)


P, Q = ds("p", LAKE), ds("q", LAKE)


def path(name: str, *said: Json) -> Json:
    return dataset(name, *said, namespace=LAKE)


def renaming(at: int, old: str, new: str, run_id: str = "rename", type: str = "COMPLETE") -> Json:
    """A job of its own that renames a table."""
    outputs = [dataset(new, lifecycle("RENAME", old))]
    return run_event(at, type, [], outputs, job="ddl", run=f"{run_id}-{old}-{new}")


RUNS = [
    Case(
        "a first run shows at once",
        [run_event(1, "START", ["a"], ["b"])],
        [
            Look(edges={e("a", "b")}, spans={e("a", "b"): (1, None)}, runs={"r1": ("RUNNING", 1, None)}),
            Look(at=0, edges=set(), datasets=set(), jobs=set()),
        ],
    ),
    Case(
        "a failing first run is visible",
        [run_event(1, "START", ["a"], ["b"]), run_event(2, "FAIL")],
        [Look(edges={e("a", "b")}, runs={"r1": ("FAIL", 1, 2)}, spans={e("a", "b"): (1, None)})],
    ),
    Case(
        "an aborted first run is visible and its state is ABORT",
        [run_event(1, "START", ["a"], ["b"]), run_event(2, "ABORT")],
        [Look(edges={e("a", "b")}, runs={"r1": ("ABORT", 1, 2)})],
    ),
    Case(
        "a later failed run changes nothing, not even evidence",
        [
            run_event(1, "START", ["a"], ["b"]),
            run_event(2, "COMPLETE"),
            run_event(3, "START", ["c"], ["b"], run="r2"),
            run_event(4, "FAIL", ["a"], ["b"], run="r2"),
        ],
        [
            Look(
                edges={e("a", "b")},
                spans={e("a", "b"): (1, None)},
                evidence={e("a", "b"): [1]},
                last_confirmed={e("a", "b"): 1},
                history={e("a", "b"), e("c", "b")},
                runs={"r2": ("FAIL", 3, 4)},
            )
        ],
    ),
    Case(
        "a later run without datasets changes nothing",
        [run_event(1, "COMPLETE", ["a"], ["b"]), run_event(3, "COMPLETE", run="r2")],
        [Look(edges={e("a", "b")}, evidence={e("a", "b"): [1]})],
    ),
    Case(
        "a running later run waits for its COMPLETE",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            run_event(2, "START", ["c"], ["b"], run="r2"),
            run_event(4, "COMPLETE", run="r2"),
        ],
        [
            Look(at=3, edges={e("a", "b")}, spans={e("a", "b"): (1, 4)}),
            Look(edges={e("c", "b")}, spans={e("c", "b"): (4, None)}, evidence={e("c", "b"): [2]}),
        ],
    ),
    Case(
        "a slow older run that finishes last governs",
        [
            run_event(1, "START", run="old"),
            run_event(2, "START", run="new"),
            run_event(3, "COMPLETE", ["b"], ["c"], run="new"),
            run_event(5, "COMPLETE", ["a"], ["c"], run="old"),
        ],
        [
            Look(at=4, edges={e("b", "c")}, spans={e("b", "c"): (3, 5)}),
            Look(edges={e("a", "c")}, spans={e("a", "c"): (5, None)}),
        ],
    ),
    Case(
        "while no run has completed, the latest started one governs",
        [run_event(1, "START", ["a"], ["b"]), run_event(3, "START", ["c"], ["b"], run="r2")],
        [Look(edges={e("c", "b")}), Look(at=2, edges={e("a", "b")}, spans={e("a", "b"): (1, 3)})],
    ),
    Case(
        "a job whose runs differ closes an edge",
        [run_event(1, "COMPLETE", ["a", "b"], ["c"]), run_event(3, "COMPLETE", ["a"], ["c"], run="r2")],
        [
            Look(edges={e("a", "c")}, spans={e("a", "c"): (1, None)}, evidence={e("a", "c"): [1, 2]}),
            Look(at=2, edges={e("a", "c"), e("b", "c")}, spans={e("b", "c"): (1, 3), e("a", "c"): (1, None)}),
        ],
    ),
    Case(
        "an edge that returns opens a new span with evidence of its own",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            run_event(3, "COMPLETE", ["c"], ["b"], run="r2"),
            run_event(5, "COMPLETE", ["a"], ["b"], run="r3"),
        ],
        [
            Look(at=2, spans={e("a", "b"): (1, 3)}),
            Look(edges={e("a", "b")}, spans={e("a", "b"): (5, None)}, evidence={e("a", "b"): [3]}),
        ],
    ),
    Case(
        "a daily run closes and opens nothing and only adds evidence",
        [run_event(day, "COMPLETE", ["a"], ["b"], run=f"r{day}") for day in (1, 2, 3)],
        [
            Look(
                spans={e("a", "b"): (1, None)},
                evidence={e("a", "b"): [1, 2, 3]},
                last_confirmed={e("a", "b"): 3},
            ),
            Look(at=2, evidence={e("a", "b"): [1, 2]}, last_confirmed={e("a", "b"): 2}),
        ],
    ),
    Case(
        "evidence lists the newest twenty by time and counts them all",
        [run_event(day, "COMPLETE", ["a"], ["b"], run=f"r{day}") for day in range(1, 26)],
        [Look(evidence={e("a", "b"): list(range(6, 26))}, evidence_count={e("a", "b"): 25})],
    ),
    Case(
        "of evidence of one time the greater positions are listed",
        [run_event(1, "COMPLETE", ["a"], ["b"], run=f"r{n}", job=f"j{n}") for n in range(22)],
        [Look(evidence={e("a", "b"): list(range(3, 23))}, evidence_count={e("a", "b"): 22})],
        positions_matter=True,
    ),
    Case(
        "two jobs that say one edge make one edge, whose span is their union",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            run_event(2, "COMPLETE", ["a"], ["b"], job="k", run="k1"),
            run_event(4, "COMPLETE", ["c"], ["b"], run="r2"),
        ],
        [
            Look(at=3, via={e("a", "b"): [job("j"), job("k")]}, evidence={e("a", "b"): [1, 2]}),
            Look(via={e("a", "b"): [job("k")]}, spans={e("a", "b"): (1, None)}, evidence={e("a", "b"): [2]}),
        ],
    ),
    Case(
        "two jobs that say one edge with a gap between make two spans",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            run_event(3, "COMPLETE", ["c"], ["b"], run="r2"),
            run_event(5, "COMPLETE", ["a"], ["b"], job="k", run="k1"),
        ],
        [
            Look(at=2, spans={e("a", "b"): (1, 3)}),
            Look(at=4, edges={e("c", "b")}),
            Look(spans={e("a", "b"): (5, None)}),
        ],
    ),
    Case(
        "OTHER before START adds datasets and moves no state",
        [
            run_event(1, "OTHER", [], ["b"]),
            run_event(3, "START", ["a"]),
            run_event(5, "COMPLETE"),
        ],
        [
            Look(at=2, runs={"r1": ("UNKNOWN", 1, None)}, run_datasets={"r1": ([], [ds("b")])}),
            Look(at=4, runs={"r1": ("RUNNING", 3, None)}, edges={e("a", "b")}),
            Look(runs={"r1": ("COMPLETE", 3, 5)}, run_datasets={"r1": ([ds("a")], [ds("b")])}),
        ],
    ),
    Case(
        "OTHER after COMPLETE adds an edge and leaves the state",
        [run_event(1, "COMPLETE", ["a"], ["b"]), run_event(3, "OTHER", ["c"])],
        [
            Look(
                edges={e("a", "b"), e("c", "b")},
                spans={e("a", "b"): (1, None), e("c", "b"): (3, None)},
                runs={"r1": ("COMPLETE", 1, 1)},
            )
        ],
    ),
    Case(
        "a late START never reopens a run",
        [run_event(2, "COMPLETE", ["a"], ["b"]), run_event(5, "START")],
        [Look(runs={"r1": ("COMPLETE", 5, 2)}), Look(at=3, runs={"r1": ("COMPLETE", 2, 2)})],
    ),
    Case(
        "COMPLETE then FAIL: the state is FAIL and the effect stays",
        [
            run_event(1, "COMPLETE", ["c"], ["b"], run="r0"),
            run_event(2, "COMPLETE", ["a"], ["b"]),
            run_event(3, "FAIL"),
        ],
        [Look(runs={"r1": ("FAIL", 2, 3)}, edges={e("a", "b")})],
    ),
    Case(
        "of terminal events of one time COMPLETE beats FAIL beats ABORT",
        [
            run_event(1, "FAIL", run="cf"),
            run_event(1, "COMPLETE", run="cf"),
            run_event(1, "ABORT", run="fa"),
            run_event(1, "FAIL", run="fa"),
        ],
        [Look(runs={"cf": ("COMPLETE", 1, 1), "fa": ("FAIL", 1, 1)})],
    ),
    Case(
        "an event without a type counts as RUNNING and is no START",
        [run_event(1, None, ["a"], ["b"]), run_event(3, "START")],
        [
            Look(at=1, runs={"r1": ("RUNNING", 1, None)}, edges={e("a", "b")}),
            Look(runs={"r1": ("RUNNING", 3, None)}),
        ],
    ),
    Case(
        "inputs on START and outputs on COMPLETE meet, and an empty list clears nothing",
        [run_event(1, "START", ["a"]), run_event(2, "COMPLETE", [], ["b"]), run_event(3, "OTHER", [], [])],
        [Look(edges={e("a", "b")}, spans={e("a", "b"): (2, None)}, evidence={e("a", "b"): [1, 2]})],
    ),
    Case(
        "a run whose datasets come after its COMPLETE takes effect then",
        [
            run_event(1, "COMPLETE"),
            run_event(2, "COMPLETE", ["c"], ["b"], run="r2"),
            run_event(4, "OTHER", ["a"], ["b"]),
        ],
        [Look(at=3, edges={e("c", "b")}), Look(edges={e("a", "b")}, spans={e("a", "b"): (4, None)})],
    ),
    Case(
        "runs that take effect at one time: the later start governs, then the greater run id",
        [
            run_event(1, "START", run="z"),
            run_event(2, "START", run="m"),
            run_event(2, "START", run="n"),
            run_event(5, "COMPLETE", ["a"], ["b"], run="z"),
            run_event(5, "COMPLETE", ["c"], ["b"], run="m"),
            run_event(5, "COMPLETE", ["d"], ["b"], run="n"),
        ],
        [Look(edges={e("d", "b")})],
    ),
    Case(
        "one run id under two jobs makes two sayings and one run entity",
        [run_event(1, "COMPLETE", ["a"], ["b"]), run_event(3, "FAIL", ["c"], ["d"], job="k")],
        [
            Look(
                edges={e("a", "b"), e("c", "d")},
                runs={"r1": ("FAIL", 1, 3)},
                run_datasets={"r1": ([ds("a"), ds("c")], [ds("b"), ds("d")])},
            )
        ],
    ),
    Case(
        "an event ahead of its time counts from its time on",
        [run_event(1, "COMPLETE", ["a"], ["b"]), run_event(900, "COMPLETE", ["c"], ["b"], run="r2")],
        [
            Look(at=899, edges={e("a", "b")}, spans={e("a", "b"): (1, 900)}, datasets={ds("a"), ds("b")}),
            Look(edges={e("c", "b")}),
        ],
    ),
    Case(
        "times with offsets, without a zone and with nanoseconds are one time",
        [
            run_event(2, "START", ["a"], ["b"]),
            run_event(2, "FAIL", run="r2") | {"eventTime": "2026-01-01T10:00:02.000000999+10:00"},
            run_event(2, "FAIL", run="r3") | {"eventTime": "2026-01-01T00:00:02"},
        ],
        [Look(at=2, runs={"r1": ("RUNNING", 2, None), "r2": ("FAIL", 2, 2), "r3": ("FAIL", 2, 2)})],
    ),
    Case(
        "a streaming run shows on RUNNING and replaces a completed batch run",
        [
            run_event(1, "COMPLETE", ["c"], ["b"], run="r0"),
            run_event(2, "START", job_facets=job_type("streaming")),
            run_event(3, "RUNNING", ["a"], ["b"]),
        ],
        [Look(at=2, edges={e("c", "b")}), Look(edges={e("a", "b")}, spans={e("a", "b"): (3, None)})],
    ),
    Case(
        "a streaming run's terminal event without datasets does not empty the job",
        [run_event(2, "RUNNING", ["a"], ["b"], job_facets=job_type("SERVICE")), run_event(5, "ABORT")],
        [Look(edges={e("a", "b")}, runs={"r1": ("ABORT", 2, 5)}, spans={e("a", "b"): (2, None)})],
    ),
    Case(
        "a service shows on its first datasets like a stream",
        [
            run_event(1, "COMPLETE", ["c"], ["b"], run="r0"),
            run_event(2, "RUNNING", ["a"], ["b"], job_facets=job_type("SERVICE")),
        ],
        [Look(edges={e("a", "b")}, spans={e("a", "b"): (2, None)})],
    ),
    Case(
        "a COMPLETE sent again later moves the end and not the effect",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            run_event(3, "COMPLETE", ["c"], ["b"], run="r2"),
            run_event(5, "COMPLETE", ["a"], ["b"]),
        ],
        [Look(edges={e("c", "b")}, runs={"r1": ("COMPLETE", 1, 5)}, spans={e("c", "b"): (3, None)})],
    ),
    Case(
        "START and COMPLETE re-sent in other bytes add evidence and nothing else",
        [
            run_event(1, "START", ["a"], ["b"]),
            run_event(2, "COMPLETE", ["a"], ["b"]),
            run_event(1, "START", ["a"], ["b"]) | {"producer": "https://example.com/proxy"},
            run_event(2, "COMPLETE", ["a"], ["b"]) | {"producer": "https://example.com/proxy"},
        ],
        [
            Look(
                edges={e("a", "b")},
                spans={e("a", "b"): (1, None)},
                runs={"r1": ("COMPLETE", 1, 2)},
                evidence={e("a", "b"): [1, 2, 3, 4]},
            )
        ],
    ),
    Case(
        "a run that says late that it streams took effect at its first datasets",
        [
            run_event(1, "COMPLETE", ["c"], ["b"], run="r0"),
            run_event(3, "RUNNING", ["a"], ["b"]),
            run_event(5, "RUNNING", job_facets=job_type("STREAMING")),
            run_event(4, "COMPLETE", ["d"], ["b"], run="r2"),
        ],
        [Look(at=3, edges={e("c", "b")}), Look(edges={e("d", "b")})],
    ),
    Case(
        "a parent run and its job exist and make no lineage",
        [
            run_event(1, "START", ["a"], ["b"], run_facets=parent("dag", "p1")),
            run_event(2, "COMPLETE", ["x"], ["y"], job="k", run="k1", run_facets=parent("dag", "p1")),
        ],
        [
            Look(
                edges={e("a", "b"), e("x", "y")},
                jobs={job("j"), job("k"), job("dag")},
                runs={"p1": ("UNKNOWN", None, None)},
                run_parents={"r1": run("p1"), "k1": run("p1"), "p1": None},
                created={job("dag"): 1, run("p1"): 1},
            )
        ],
    ),
    Case(
        "history shows every saying up to then, whether it governed or not",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            run_event(2, "START", ["c"], ["b"], run="r2"),
            run_event(3, "COMPLETE", ["d"], ["b"], run="r3"),
            run_event(9, "COMPLETE", ["x"], ["b"], run="r4"),
        ],
        [Look(at=5, edges={e("d", "b")}, history={e("a", "b"), e("c", "b"), e("d", "b")})],
    ),
    Case(
        "dashboards and models are kinds of their own by namespace",
        [
            run_event(
                1,
                "COMPLETE",
                [dataset("1", namespace="looker://shop")],
                [dataset("m", namespace="mlflow://host")],
            )
        ],
        [
            Look(
                edges={(urn("dashboard", "looker://shop", "1"), urn("model", "mlflow://host", "m"))},
                datasets={urn("dashboard", "looker://shop", "1"), urn("model", "mlflow://host", "m")},
            )
        ],
    ),
]

DECLARATIONS = [
    Case(
        "a JobEvent replaces the job's former JobEvent",
        [job_event(1, ["a"], ["b"]), job_event(3, ["c"], ["b"])],
        [
            Look(edges={e("c", "b")}, evidence={e("c", "b"): [2]}),
            Look(at=2, edges={e("a", "b")}, spans={e("a", "b"): (1, 3)}),
        ],
    ),
    Case(
        "JobEvents and runs govern by the time they took effect",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            job_event(3, ["c"], ["b"]),
            run_event(5, "COMPLETE", ["a"], ["b"], run="r2"),
        ],
        [
            Look(at=4, edges={e("c", "b")}, spans={e("c", "b"): (3, 5)}),
            Look(edges={e("a", "b")}, spans={e("a", "b"): (5, None)}),
        ],
    ),
    Case(
        "a JobEvent without datasets replaces nothing and a run under way does not beat a declaration",
        [
            job_event(1, ["a"], ["b"]),
            job_event(3, job_facets=documentation("new words")),
            run_event(5, "START", ["c"], ["b"]),
        ],
        [Look(edges={e("a", "b")}, facets={(job("j"), "documentation"): {"description": "new words"}})],
    ),
    Case(
        "a JobEvent takes the place of a first run that never completed",
        [run_event(5, "START", ["c"], ["b"]), job_event(1, ["a"], ["b"])],
        [Look(edges={e("a", "b")})],
    ),
    Case(
        "a run governs over a JobEvent of the same effect and start",
        [run_event(1, "COMPLETE", ["a"], ["b"]), job_event(1, ["c"], ["b"])],
        [Look(edges={e("a", "b")})],
    ),
    Case(
        "a retired job says nothing, whatever runs, until it is taken back",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            mutation(3, "retireJob", job("j"), retired=True),
            run_event(4, "COMPLETE", ["a"], ["b"], run="r2"),
            mutation(6, "retireJob", job("j"), retired=False),
        ],
        [
            Look(at=2, spans={e("a", "b"): (1, 3)}, retired={job("j"): False}),
            Look(at=5, edges=set(), reads=set(), writes=set(), retired={job("j"): True}, history={e("a", "b")}),
            Look(edges={e("a", "b")}, spans={e("a", "b"): (6, None)}, evidence={e("a", "b"): [3]}),
        ],
    ),
    Case(
        "retiring one of two jobs that say an edge leaves the edge to the other",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            run_event(2, "COMPLETE", ["a"], ["b"], job="k", run="k1"),
            mutation(3, "retireJob", job("j")),
        ],
        [Look(via={e("a", "b"): [job("k")]}, spans={e("a", "b"): (1, None)}, evidence={e("a", "b"): [2]})],
    ),
    Case(
        "a dataset's own lineage facet is a declaration of an implicit job",
        [
            dataset_event(1, dataset("b", dataset_lineage(source("a")))),
            run_event(2, "COMPLETE", ["x"], ["b"]),
            dataset_event(4, dataset("b", dataset_lineage(source("c")))),
            dataset_event(6, dataset("b", deleted("lineage"))),
        ],
        [
            Look(
                at=3,
                edges={e("a", "b"), e("x", "b")},
                via={e("a", "b"): []},
                spans={e("a", "b"): (1, 4)},
                evidence={e("a", "b"): [1]},
                reads={(ds("x"), job("j"))},
            ),
            Look(at=5, edges={e("c", "b"), e("x", "b")}, spans={e("c", "b"): (4, 6)}),
            Look(edges={e("x", "b")}, facets={(ds("b"), "lineage"): ABSENT}),
        ],
    ),
]

FACETS = [
    Case(
        "a deleted facet is gone until it is said again, and an absent one changes nothing",
        [
            dataset_event(1, dataset("a", documentation("one"))),
            dataset_event(2, "a"),
            dataset_event(3, dataset("a", deleted("documentation"))),
            dataset_event(5, dataset("a", documentation("two"))),
        ],
        [
            Look(at=2, facets={(ds("a"), "documentation"): {"description": "one"}}),
            Look(at=4, facets={(ds("a"), "documentation"): ABSENT}),
            Look(facets={(ds("a"), "documentation"): {"description": "two"}}),
        ],
    ),
    Case(
        "the newest of several facets by their time holds, also for jobs and runs",
        [
            run_event(3, "COMPLETE", job_facets=documentation("late"), run_facets={"x": {"n": 3}}),
            run_event(1, "START", job_facets=documentation("early"), run_facets={"x": {"n": 1}}),
        ],
        [
            Look(
                facets={
                    (job("j"), "documentation"): {"description": "late"},
                    (run("r1"), "x"): {"n": 3},
                }
            ),
            Look(at=2, facets={(job("j"), "documentation"): {"description": "early"}}),
        ],
    ),
    Case(
        # blake2b-16 of the bytes {"n": 0} is 1eb1.., of {"n": 1} it is 5392..
        "of two facets of one time the one with the greater hash holds",
        [dataset_event(1, dataset("a", {"x": {"n": 0}})), dataset_event(1, dataset("a", {"x": {"n": 1}}))],
        [Look(facets={(ds("a"), "x"): {"n": 1}})],
    ),
    Case(
        "unknown facets, input facets and output facets are facets of the dataset, as they came",
        [
            run_event(
                1,
                "COMPLETE",
                [dataset("a", {"odd": {"deep": [1, {"x": None}]}}, inputFacets={"stats": {"rows": 1}})],
                [dataset("b", outputFacets={"stats": {"rows": 2}})],
            )
        ],
        [
            Look(
                facets={
                    (ds("a"), "odd"): {"deep": [1, {"x": None}]},
                    (ds("a"), "stats"): {"rows": 1},
                    (ds("b"), "stats"): {"rows": 2},
                }
            )
        ],
    ),
    Case(
        "of schemas of one time the output's beats the DatasetEvent's beats the input's",
        [
            run_event(1, "COMPLETE", [], [dataset("a", schema("out"))]),
            dataset_event(1, dataset("a", schema("listed"))),
            run_event(1, "COMPLETE", [dataset("a", schema("in")), dataset("b", schema("in"))], job="k"),
            dataset_event(1, dataset("b", schema("listed"))),
        ],
        [
            Look(
                facets={
                    (ds("a"), "schema"): {"fields": [{"name": "out", "type": "string"}]},
                    (ds("b"), "schema"): {"fields": [{"name": "listed", "type": "string"}]},
                },
                columns={ds("a"): ["in", "listed", "out"], ds("b"): ["in", "listed"]},
            )
        ],
    ),
    Case(
        "what a person says beats what a producer says later",
        [
            dataset_event(1, dataset("a", documentation("old"))),
            mutation(2, "describe", ds("a"), description="a person's words"),
            dataset_event(5, dataset("a", documentation("new"))),
        ],
        [
            Look(at=1, facets={(ds("a"), "documentation"): {"description": "old"}}),
            Look(facets={(ds("a"), "documentation"): {"description": "a person's words"}}),
        ],
    ),
]

RENAMES = [
    Case(
        "RENAME hands the entity on, with its facets, lineage and span",
        [
            run_event(1, "COMPLETE", ["x"], [dataset("a", documentation("mine"))]),
            renaming(3, "a", "b"),
        ],
        [
            Look(at=2, edges={e("x", "a")}, aliases={ds("a"): []}, datasets={ds("x"), ds("a")}),
            Look(
                edges={e("x", "b")},
                spans={e("x", "b"): (1, None)},
                datasets={ds("x"), ds("b")},
                aliases={ds("b"): [(DB, "a")]},
                created={ds("b"): 1},
                facets={(ds("b"), "documentation"): {"description": "mine"}},
                resolves={ds("a"): ds("b"), ds("b"): ds("b")},
                run_datasets={"r1": ([ds("x")], [ds("b")])},
                writes={(job("j"), ds("b")), (job("ddl"), ds("b"))},
            ),
        ],
    ),
    Case(
        "RENAME hands the columns and their edges on",
        [
            run_event(
                1,
                "COMPLETE",
                [dataset("x", schema("i"))],
                [dataset("a", schema("o"), column_lineage({"o": [input_field("x", "i", direct())]}))],
            ),
            renaming(3, "a", "b"),
        ],
        [
            Look(
                column_edges={c("x", "i", "b", "o")},
                columns={ds("b"): ["o"]},
                created={col("b", "o"): 1},
                spans={c("x", "i", "b", "o"): (1, None)},
            )
        ],
    ),
    Case(
        "a chain of RENAMEs is followed to its end",
        [run_event(1, "COMPLETE", ["x"], ["a"]), renaming(3, "a", "b"), renaming(5, "b", "c")],
        [
            Look(
                edges={e("x", "c")},
                aliases={ds("c"): [(DB, "a"), (DB, "b")]},
                resolves={ds("a"): ds("c"), ds("b"): ds("c")},
            ),
            Look(at=4, edges={e("x", "b")}, aliases={ds("b"): [(DB, "a")]}),
        ],
    ),
    Case(
        "a swap by way of a temporary name exchanges the two entities",
        [
            run_event(1, "COMPLETE", ["x"], [dataset("a", documentation("was a"))]),
            run_event(1, "COMPLETE", ["y"], [dataset("b", documentation("was b"))], job="k", run="k1"),
            renaming(3, "a", "tmp"),
            renaming(4, "b", "a"),
            renaming(5, "tmp", "b"),
        ],
        [
            Look(
                edges={e("x", "b"), e("y", "a")},
                datasets={ds("x"), ds("y"), ds("a"), ds("b")},
                aliases={ds("a"): [(DB, "b")], ds("b"): [(DB, "a"), (DB, "tmp")]},
                facets={
                    (ds("a"), "documentation"): {"description": "was b"},
                    (ds("b"), "documentation"): {"description": "was a"},
                },
                resolves={ds("tmp"): ds("b"), ds("a"): ds("a"), ds("b"): ds("b")},
                spans={e("x", "b"): (1, None), e("y", "a"): (1, None)},
            ),
            Look(at=3, edges={e("x", "tmp"), e("y", "b")}),
            Look(at=4, edges={e("x", "tmp"), e("y", "a")}),
        ],
    ),
    Case(
        "a read of a vacated name follows the rename",
        [
            run_event(1, "COMPLETE", ["x"], ["a"]),
            renaming(3, "a", "b"),
            run_event(5, "COMPLETE", ["a"], ["z"], job="k", run="k1"),
        ],
        [
            Look(
                edges={e("x", "b"), e("b", "z")},
                reads={(ds("x"), job("j")), (ds("b"), job("k"))},
                datasets={ds("x"), ds("b"), ds("z")},
            )
        ],
    ),
    Case(
        "a write to a vacated name starts a new entity, which later reads mean",
        [
            run_event(1, "COMPLETE", ["x"], [dataset("a", documentation("old"))]),
            renaming(3, "a", "b"),
            run_event(5, "COMPLETE", ["y"], ["a"], job="k", run="k1"),
            run_event(6, "COMPLETE", ["a"], ["z"], job="l", run="l1"),
        ],
        [
            Look(
                edges={e("x", "b"), e("y", "a"), e("a", "z")},
                created={ds("a"): 5, ds("b"): 1},
                aliases={ds("a"): [], ds("b"): [(DB, "a")]},
                facets={
                    (ds("a"), "documentation"): ABSENT,
                    (ds("b"), "documentation"): {"description": "old"},
                },
                resolves={ds("a"): ds("a")},
            ),
            Look(at=4, resolves={ds("a"): ds("b")}),
        ],
    ),
    Case(
        "a job that writes on under the old name leaves the renamed entity",
        [
            run_event(1, "COMPLETE", ["x"], ["a"]),
            renaming(3, "a", "b"),
            run_event(5, "COMPLETE", ["x"], ["a"], run="r2"),
        ],
        [
            Look(at=4, edges={e("x", "b")}, spans={e("x", "b"): (1, 5)}),
            Look(edges={e("x", "a")}, spans={e("x", "a"): (5, None)}, evidence={e("x", "a"): [3]}),
        ],
    ),
    Case(
        "a DatasetEvent and a CREATE of a vacated name start new entities",
        [
            dataset_event(1, "a"),
            dataset_event(1, "c"),
            renaming(3, "a", "b"),
            renaming(3, "c", "d"),
            dataset_event(5, "a"),
            run_event(6, "COMPLETE", [dataset("c", lifecycle("CREATE"))], ["z"], run="r2"),
        ],
        [
            Look(
                datasets={ds("a"), ds("b"), ds("c"), ds("d"), ds("z")},
                created={ds("a"): 5, ds("c"): 6},
                edges={e("c", "z")},
            )
        ],
    ),
    Case(
        "a write at the very time of the RENAME goes with the entity",
        [dataset_event(1, "a"), renaming(3, "a", "b"), run_event(3, "COMPLETE", ["x"], ["a"])],
        [Look(edges={e("x", "b")}, datasets={ds("x"), ds("b")})],
    ),
    Case(
        "RENAME over an occupied name displaces what was there, with its edges",
        [
            run_event(1, "COMPLETE", ["x"], [dataset("a", documentation("mover"))]),
            run_event(1, "COMPLETE", ["y"], [dataset("b", documentation("gone"))], job="k", run="k1"),
            renaming(3, "a", "b"),
        ],
        [
            Look(
                edges={e("x", "b")},
                history={e("x", "b")},
                datasets={ds("x"), ds("y"), ds("b")},
                facets={(ds("b"), "documentation"): {"description": "mover"}},
                writes={(job("j"), ds("b")), (job("ddl"), ds("b"))},
            ),
            Look(at=2, edges={e("x", "a"), e("y", "b")}, spans={e("y", "b"): (1, 3), e("x", "a"): (1, None)}),
        ],
    ),
    Case(
        "a RENAME that arrives late joins what was said of both names",
        [
            run_event(1, "COMPLETE", ["x"], ["a"]),
            run_event(5, "COMPLETE", ["x"], ["b"], run="r2"),
            renaming(3, "a", "b"),
        ],
        [
            Look(
                known=2,
                edges={e("x", "b")},
                spans={e("x", "b"): (5, None)},
                datasets={ds("x"), ds("a"), ds("b")},
            ),
            Look(
                edges={e("x", "b")},
                spans={e("x", "b"): (1, None)},
                evidence={e("x", "b"): [1, 2]},
                datasets={ds("x"), ds("b")},
                created={ds("b"): 1},
            ),
        ],
    ),
    Case(
        "a RENAME said again by the COMPLETE moves nothing more",
        [
            run_event(1, "COMPLETE", ["x"], ["a"]),
            renaming(3, "a", "b", type="START"),
            renaming(4, "b", "c"),
            renaming(5, "a", "b", type="COMPLETE"),
        ],
        [Look(edges={e("x", "c")}, resolves={ds("a"): ds("c"), ds("b"): ds("c")})],
    ),
    Case(
        "a RENAME and back leaves the entity where it was",
        [run_event(1, "COMPLETE", ["x"], ["a"]), renaming(3, "a", "b"), renaming(5, "b", "a")],
        [
            Look(
                edges={e("x", "a")},
                spans={e("x", "a"): (1, None)},
                aliases={ds("a"): [(DB, "b")]},
                resolves={ds("b"): ds("a")},
            )
        ],
    ),
    Case(
        "previousIdentifier on a CREATE moves nothing",
        [
            run_event(1, "COMPLETE", ["x"], ["a"]),
            run_event(3, "COMPLETE", [], [dataset("b", lifecycle("CREATE", "a"))], job="ddl", run="d"),
        ],
        [Look(edges={e("x", "a")}, datasets={ds("x"), ds("a"), ds("b")}, aliases={ds("b"): []})],
    ),
    Case(
        "a RENAME seen on an input moves too, and of a name never seen makes the entity at its new name",
        [run_event(3, "COMPLETE", [dataset("b", lifecycle("RENAME", "a"))], ["z"])],
        [
            Look(
                edges={e("b", "z")},
                datasets={ds("b"), ds("z")},
                aliases={ds("b"): [(DB, "a")]},
                resolves={ds("a"): ds("b")},
            )
        ],
    ),
]

SYMLINKS = [
    Case(
        "a late symlinks facet merges two datasets back to their first mention",
        [
            run_event(1, "COMPLETE", ["a"], [path("p")]),
            run_event(2, "COMPLETE", ["t"], ["z"], job="k", run="k1"),
            dataset_event(5, path("p", symlinks(table("t")))),
        ],
        [
            Look(known=2, edges={(ds("a"), P), e("t", "z")}),
            Look(at=2, edges={e("a", "t"), e("t", "z")}, aliases={ds("t"): [(LAKE, "p")]}),
            Look(
                edges={e("a", "t"), e("t", "z")},
                datasets={ds("a"), ds("t"), ds("z")},
                resolves={P: ds("t")},
                created={ds("t"): 1},
            ),
        ],
    ),
    Case(
        "a present facet that omits the symlink splits, an absent one doesn't",
        [
            run_event(1, "COMPLETE", ["a"], [path("p", symlinks(table("t")))]),
            dataset_event(3, path("p")),
            dataset_event(5, path("p", symlinks())),
        ],
        [
            Look(at=4, edges={e("a", "t")}),
            Look(edges={(ds("a"), P)}, datasets={ds("a"), P, ds("t")}, resolves={P: P, ds("t"): ds("t")}),
        ],
    ),
    Case(
        "a deleted symlinks facet splits and a later one merges again",
        [
            run_event(1, "COMPLETE", ["a"], [path("p", symlinks(table("t")))]),
            dataset_event(3, path("p", deleted("symlinks"))),
            dataset_event(5, path("p", symlinks(table("t")))),
        ],
        [
            Look(at=2, edges={e("a", "t")}, spans={e("a", "t"): (1, None)}),
            Look(at=4, edges={(ds("a"), P)}),
            Look(edges={e("a", "t")}),
        ],
    ),
    Case(
        "path with symlink to the table and table with symlink to the path meet in the table",
        [
            run_event(1, "COMPLETE", ["a"], [path("p", symlinks(table("t")))]),
            run_event(2, "COMPLETE", [dataset("t", symlinks(location("p")))], ["z"], job="k", run="k1"),
        ],
        [
            Look(
                edges={e("a", "t"), e("t", "z")},
                datasets={ds("a"), ds("t"), ds("z")},
                aliases={ds("t"): [(LAKE, "p")]},
            )
        ],
    ),
    Case(
        "table with symlink to the path alone makes the table canonical",
        [
            run_event(1, "COMPLETE", ["a"], [dataset("t", symlinks(location("p")))]),
            run_event(2, "COMPLETE", [path("p")], ["z"], job="k", run="k1"),
        ],
        [Look(edges={e("a", "t"), e("t", "z")}, resolves={P: ds("t")})],
    ),
    Case(
        "two paths that name one table as theirs are one dataset with it",
        [
            run_event(1, "COMPLETE", ["a"], [path("p", symlinks(table("t")))]),
            run_event(2, "COMPLETE", ["b"], [path("q", symlinks(table("t")))], job="k", run="k1"),
        ],
        [Look(edges={e("a", "t"), e("b", "t")}, aliases={ds("t"): [(LAKE, "p"), (LAKE, "q")]})],
    ),
    Case(
        "a table re-created at another path lets the old path go",
        [
            dataset_event(1, dataset("t", symlinks(location("p")))),
            run_event(2, "COMPLETE", ["a"], [path("p")]),
            dataset_event(5, dataset("t", symlinks(location("q")))),
            run_event(6, "COMPLETE", ["b"], [path("q")], job="k", run="k1"),
        ],
        [
            Look(at=4, edges={e("a", "t")}, aliases={ds("t"): [(LAKE, "p")]}),
            Look(
                edges={(ds("a"), P), e("b", "t")},
                aliases={ds("t"): [(LAKE, "q")]},
                resolves={P: P, Q: ds("t")},
            ),
        ],
    ),
    Case(
        "a LOCATION claimed by two tables belongs to the latest claim and does not join the tables",
        [
            dataset_event(1, dataset("t", symlinks(location("p")))),
            run_event(2, "COMPLETE", ["a"], [path("p")]),
            dataset_event(5, dataset("u", symlinks(location("p")))),
            dataset_event(7, dataset("t", symlinks(location("p")))),
        ],
        [
            Look(at=6, edges={e("a", "u")}, datasets={ds("a"), ds("t"), ds("u")}, resolves={P: ds("u")}),
            Look(edges={e("a", "t")}, datasets={ds("a"), ds("t"), ds("u")}, resolves={P: ds("t")}),
        ],
    ),
    Case(
        "TABLE to TABLE links close transitively and the smallest table is canonical",
        [
            dataset_event(1, dataset("c", symlinks(table("b")))),
            dataset_event(2, dataset("b", symlinks(table("a")))),
        ],
        [Look(datasets={ds("a")}, aliases={ds("a"): [(DB, "b"), (DB, "c")]})],
    ),
    Case(
        "a name of type TABLE is canonical before smaller names",
        [run_event(1, "COMPLETE", ["a"], [path("p", symlinks(table("t", "zdb://host")))])],
        [Look(edges={(ds("a"), ds("t", "zdb://host"))}, aliases={ds("t", "zdb://host"): [(LAKE, "p")]})],
    ),
    Case(
        "a LOCATION belongs to its table, not to the other LOCATION that a later facet links it to",
        [
            dataset_event(1, dataset("t", symlinks(location("p")))),
            dataset_event(1, dataset("u", symlinks(location("q")))),
            dataset_event(5, path("q", symlinks(location("p") | {"type": "OTHER"}))),
        ],
        [Look(resolves={P: ds("t"), Q: ds("u")}, datasets={ds("t"), ds("u")})],
    ),
    Case(
        "without types the smallest namespace and name is canonical",
        [dataset_event(1, dataset("b", {"symlinks": {"identifiers": [{"namespace": DB, "name": "a", "type": "x"}]}}))],
        [Look(datasets={ds("a")}, aliases={ds("a"): [(DB, "b")]})],
    ),
    Case(
        "an edge between two names of one dataset is none",
        [run_event(1, "COMPLETE", [path("p", symlinks(table("t")))], ["t"])],
        [Look(edges=set(), reads={(ds("t"), job("j"))}, writes={(job("j"), ds("t"))})],
    ),
    Case(
        "an edge said of two names of one dataset in turn has one span",
        [
            run_event(1, "COMPLETE", ["a"], [path("p", symlinks(table("t")))]),
            run_event(3, "COMPLETE", ["a"], ["t"], run="r2"),
        ],
        [Look(edges={e("a", "t")}, spans={e("a", "t"): (1, None)}, evidence={e("a", "t"): [1, 2]})],
    ),
    Case(
        "a renamed table keeps its path",
        [
            run_event(1, "COMPLETE", ["a"], [path("p", symlinks(table("t")))]),
            renaming(3, "t", "v"),
        ],
        [
            Look(at=2, edges={e("a", "t")}),
            Look(edges={e("a", "v")}, aliases={ds("v"): [(DB, "t"), (LAKE, "p")]}, resolves={P: ds("v")}),
        ],
    ),
]

PRESENCE = [
    Case(
        "DROP closes a dataset, a later write revives it, its lineage stays",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            run_event(3, "COMPLETE", [], [dataset("b", lifecycle("DROP"))], job="ddl", run="d"),
            run_event(5, "COMPLETE", ["a"], ["b"], run="r2"),
        ],
        [
            Look(at=2, dropped={ds("b"): False}),
            Look(at=4, dropped={ds("b"): True, ds("a"): False}, edges={e("a", "b")}),
            Look(dropped={ds("b"): False}, spans={e("a", "b"): (1, None)}),
        ],
    ),
    Case(
        "reads do not revive what was dropped",
        [
            run_event(1, "COMPLETE", ["a"], ["b"]),
            dataset_event(3, dataset("b", lifecycle("DROP"))),
            run_event(5, "COMPLETE", ["b"], ["z"], job="k", run="k1"),
        ],
        [Look(dropped={ds("b"): True}, edges={e("a", "b"), e("b", "z")})],
    ),
    Case(
        "a CREATE seen on an input and a listing revive",
        [
            dataset_event(1, dataset("b", lifecycle("DROP"))),
            dataset_event(1, dataset("c", lifecycle("DROP"))),
            run_event(3, "COMPLETE", [dataset("b", lifecycle("CREATE"))]),
            dataset_event(3, "c"),
        ],
        [
            Look(at=2, dropped={ds("b"): True, ds("c"): True}),
            Look(dropped={ds("b"): False, ds("c"): False}),
        ],
    ),
    Case(
        "DROP of a vacated name starts nothing: it is said of the entity that left",
        [
            run_event(1, "COMPLETE", ["x"], ["a"]),
            renaming(3, "a", "b"),
            run_event(5, "COMPLETE", [], [dataset("a", lifecycle("DROP"))], job="ddl", run="d"),
        ],
        [Look(datasets={ds("x"), ds("b")}, dropped={ds("b"): True}, resolves={ds("a"): ds("b")})],
    ),
    Case(
        "of a DROP and a write of one time the DROP wins",
        [
            run_event(3, "COMPLETE", ["a"], ["b"]),
            run_event(3, "COMPLETE", [], [dataset("b", lifecycle("DROP"))], job="ddl", run="d"),
        ],
        [Look(dropped={ds("b"): True}, edges={e("a", "b")})],
    ),
]

A_TO_B = column_lineage({"x": [input_field("a", "i", direct())]})

COLUMNS = [
    Case(
        "a narrow schema of an input adds a column and closes none",
        [
            run_event(1, "COMPLETE", [], [dataset("a", schema("x", "y"))]),
            run_event(3, "COMPLETE", [dataset("a", schema("x", "z"))], ["b"], job="k", run="k1"),
        ],
        [Look(at=2, columns={ds("a"): ["x", "y"]}), Look(columns={ds("a"): ["x", "y", "z"]})],
    ),
    Case(
        "a narrower schema of an output closes columns and their edges; to be named again opens them",
        [
            run_event(
                1,
                "COMPLETE",
                ["a"],
                [dataset("b", schema("x", "y"), column_lineage({"y": [input_field("a", "i", direct())]}))],
            ),
            run_event(3, "COMPLETE", [], [dataset("b", schema("x"))], job="ddl", run="d"),
            run_event(5, "COMPLETE", [dataset("b", schema("y"))], ["z"], job="k", run="k1"),
        ],
        [
            Look(at=2, columns={ds("b"): ["x", "y"]}, column_edges={c("a", "i", "b", "y")}),
            Look(at=4, columns={ds("b"): ["x"]}, column_edges=set(), edges={e("a", "b")}),
            Look(
                columns={ds("b"): ["x", "y"]},
                column_edges={c("a", "i", "b", "y")},
                spans={c("a", "i", "b", "y"): (1, None)},
            ),
        ],
    ),
    Case(
        "a DatasetEvent's schema closes columns too",
        [
            run_event(1, "COMPLETE", [], [dataset("a", schema("x", "y"))]),
            dataset_event(3, dataset("a", schema("y"))),
        ],
        [Look(columns={ds("a"): ["y"]})],
    ),
    Case(
        "a deleted schema leaves no schema in force, so all columns named are present",
        [
            dataset_event(1, dataset("a", schema("x"))),
            dataset_event(2, dataset("a", schema("y"))),
            dataset_event(3, dataset("a", deleted("schema"))),
        ],
        [Look(at=2, columns={ds("a"): ["y"]}), Look(columns={ds("a"): ["x", "y"]})],
    ),
    Case(
        "nested fields are columns by their paths, and so are their parents",
        [dataset_event(1, dataset("a", schema({"name": "s", "fields": [{"name": "t", "fields": []}]})))],
        [Look(columns={ds("a"): ["s", "s.t"]})],
    ),
    Case(
        "column lineage names sources that are absent from the inputs",
        [run_event(1, "COMPLETE", ["c"], [dataset("b", A_TO_B)])],
        [
            Look(
                edges={e("a", "b")},
                column_edges={c("a", "i", "b", "x")},
                run_datasets={"r1": ([ds("c")], [ds("b")])},
                reads={(ds("a"), job("j")), (ds("c"), job("j"))},
                columns={ds("a"): ["i"], ds("b"): ["x"]},
                datasets={ds("a"), ds("b"), ds("c")},
            )
        ],
    ),
    Case(
        "column lineage of one output leaves the other output its inputs",
        [run_event(1, "COMPLETE", ["a", "c"], [dataset("b", A_TO_B), "z"])],
        [Look(edges={e("a", "b"), e("a", "z"), e("c", "z")})],
    ),
    Case(
        "MERGE's self source is an edge of columns and none of datasets",
        [
            run_event(
                1,
                "COMPLETE",
                ["a"],
                [dataset("b", column_lineage({"x": [input_field("a", "i"), input_field("b", "x")]}))],
            )
        ],
        [
            Look(
                edges={e("a", "b")},
                column_edges={c("a", "i", "b", "x"), c("b", "x", "b", "x")},
                reads={(ds("a"), job("j")), (ds("b"), job("j"))},
            )
        ],
    ),
    Case(
        "column lineage whose only source is the output itself leaves no edge of datasets",
        [run_event(1, "COMPLETE", ["a"], [dataset("b", column_lineage({"x": [input_field("b", "x")]}))])],
        [Look(edges=set(), column_edges={c("b", "x", "b", "x")})],
    ),
    Case(
        "column lineage with null or no fields counts as none",
        [
            run_event(1, "COMPLETE", ["a"], [dataset("b", column_lineage(None))]),
            run_event(1, "COMPLETE", ["a"], [dataset("c", column_lineage({}))], job="k", run="k1"),
            run_event(1, "COMPLETE", ["a"], [dataset("d", {"columnLineage": {}})], job="l", run="l1"),
            run_event(1, "COMPLETE", ["a"], [dataset("f", column_lineage({"x": []}))], job="m", run="m1"),
        ],
        [Look(edges={e("a", "b"), e("a", "c"), e("a", "d"), e("a", "f")}, columns={ds("f"): ["x"]})],
    ),
    Case(
        "the newest column lineage of an output within a run holds, and a deleted one yields to the inputs",
        [
            run_event(1, "START", ["c"], [dataset("b", A_TO_B)]),
            run_event(2, "RUNNING", [], [dataset("b", column_lineage({"x": [input_field("d", "i")]}))]),
            run_event(4, "COMPLETE", [], [dataset("b", deleted("columnLineage"))]),
        ],
        [
            Look(at=1, edges={e("a", "b")}),
            Look(at=3, edges={e("d", "b")}, spans={e("d", "b"): (2, 4)}),
            Look(edges={e("c", "b")}, column_edges=set()),
        ],
    ),
    Case(
        "a dataset-wide source reaches every present column of the output, indirectly",
        [
            run_event(
                1,
                "COMPLETE",
                ["a"],
                [
                    dataset(
                        "b",
                        schema("x", "y"),
                        column_lineage(
                            {"x": [input_field("a", "i", direct())]},
                            [input_field("a", "k", indirect("FILTER"))],
                        ),
                    )
                ],
            )
        ],
        [
            Look(
                column_edges={c("a", "i", "b", "x"), c("a", "k", "b", "x"), c("a", "k", "b", "y")},
                kinds={c("a", "k", "b", "x"): "INDIRECT", c("a", "i", "b", "x"): "DIRECT"},
                transformations={c("a", "k", "b", "y"): ['{"subtype":"FILTER","type":"INDIRECT"}']},
            )
        ],
    ),
    Case(
        "the old transformationType gives transformations to inputs that have none",
        [
            run_event(
                1,
                "COMPLETE",
                ["a"],
                [
                    dataset(
                        "b",
                        {
                            "columnLineage": {
                                "fields": {
                                    "x": {
                                        "inputFields": [input_field("a", "i")],
                                        "transformationType": "MASKED",
                                    },
                                    "y": {
                                        "inputFields": [
                                            input_field("a", "i"),
                                            input_field("a", "k", indirect()),
                                        ],
                                        "transformationType": "IDENTITY",
                                    },
                                }
                            }
                        },
                    )
                ],
            )
        ],
        [
            Look(
                transformations={
                    c("a", "i", "b", "x"): ['{"masking":true,"subtype":"TRANSFORMATION","type":"DIRECT"}'],
                    c("a", "i", "b", "y"): ['{"subtype":"IDENTITY","type":"DIRECT"}'],
                    c("a", "k", "b", "y"): ['{"subtype":"FILTER","type":"INDIRECT"}'],
                },
                kinds={c("a", "i", "b", "x"): "DIRECT", c("a", "k", "b", "y"): "INDIRECT"},
            )
        ],
    ),
    Case(
        "one input field may be direct and indirect at once, over two jobs too",
        [
            run_event(
                1,
                "COMPLETE",
                ["a"],
                [dataset("b", column_lineage({"x": [input_field("a", "i", direct(), indirect("JOIN"))]}))],
            ),
            run_event(
                2,
                "COMPLETE",
                ["a"],
                [dataset("b", column_lineage({"x": [input_field("a", "i", indirect("SORT"))]}))],
                job="k",
                run="k1",
            ),
        ],
        [
            Look(
                kinds={c("a", "i", "b", "x"): "DIRECT"},
                via={c("a", "i", "b", "x"): [job("j"), job("k")]},
                transformations={
                    c("a", "i", "b", "x"): [
                        '{"subtype":"IDENTITY","type":"DIRECT"}',
                        '{"subtype":"JOIN","type":"INDIRECT"}',
                        '{"subtype":"SORT","type":"INDIRECT"}',
                    ]
                },
            )
        ],
    ),
]

EXPLICIT = [
    Case(
        "an explicit lineage facet beats column lineage and inputs x outputs",
        [
            run_event(
                1,
                "COMPLETE",
                ["a", "c"],
                [dataset("b", A_TO_B), "z"],
                job_facets=lineage(entry("b", source("c"))),
            )
        ],
        [
            Look(
                edges={e("c", "b")},
                column_edges=set(),
                reads={(ds("a"), job("j")), (ds("c"), job("j"))},
                writes={(job("j"), ds("b")), (job("j"), ds("z"))},
            )
        ],
    ),
    Case(
        "an entry with no inputs says that there is no upstream",
        [run_event(1, "COMPLETE", ["a"], ["b"], job_facets=lineage(entry("b")))],
        [Look(edges=set(), reads={(ds("a"), job("j"))}, writes={(job("j"), ds("b"))})],
    ),
    Case(
        "entries accumulate over a run",
        [
            run_event(1, "RUNNING", ["a"], ["b"], job_facets=lineage(entry("b", source("a")))),
            run_event(2, "COMPLETE", ["c"], ["d"], job_facets=lineage(entry("d", source("c")))),
        ],
        [Look(edges={e("a", "b"), e("c", "d")}), Look(at=1, edges={e("a", "b")})],
    ),
    Case(
        "a lineage facet on one event of a run rules all of it",
        [
            run_event(1, "START", ["a", "c"], ["b"]),
            run_event(3, "COMPLETE", job_facets=lineage(entry("b", source("c")))),
        ],
        [
            Look(at=2, edges={e("a", "b"), e("c", "b")}, spans={e("a", "b"): (1, 3)}),
            Look(edges={e("c", "b")}),
        ],
    ),
    Case(
        "a JobEvent's entries replace the former ones, and alone they count as datasets",
        [
            job_event(1, job_facets=lineage(entry("b", source("a")), entry("d", source("c")))),
            job_event(3, job_facets=lineage(entry("b", source("c")))),
        ],
        [Look(edges={e("c", "b")}), Look(at=2, edges={e("a", "b"), e("c", "d")})],
    ),
    Case(
        "entries give edges of columns, whole-dataset dependencies and partial ones",
        [
            run_event(
                1,
                "COMPLETE",
                ["a"],
                [dataset("b", schema("x", "y"))],
                job_facets=lineage(
                    entry(
                        "b",
                        source("a", "k", indirect("FILTER")),
                        fields={"x": [source("a", "i", direct())], "y": [source("c")]},
                    )
                ),
            )
        ],
        [
            Look(
                edges={e("a", "b"), e("c", "b")},
                column_edges={c("a", "i", "b", "x"), c("a", "k", "b", "x"), c("a", "k", "b", "y")},
                kinds={c("a", "i", "b", "x"): "DIRECT", c("a", "k", "b", "y"): "INDIRECT"},
            )
        ],
    ),
    Case(
        "entries of jobs make no edges of datasets, but reads and writes of the jobs they name",
        [
            job_event(
                1,
                job_facets=lineage(
                    job_entry(None, source("a")),
                    job_entry("other", source("c"), job_source("third")),
                    entry("d", job_source()),
                    entry("f", job_source("third")),
                ),
            )
        ],
        [
            Look(
                edges=set(),
                reads={(ds("a"), job("j")), (ds("c"), job("other"))},
                writes={(job("j"), ds("d")), (job("third"), ds("f"))},
                jobs={job("j"), job("other"), job("third")},
                datasets={ds("a"), ds("c"), ds("d"), ds("f")},
            )
        ],
    ),
]


def inferred(confidence: float = 0.9, type: str = "DIRECT", subtype: str = "IDENTITY") -> str:
    """The transformation that an arrow makes, as a state gives it."""
    return f'{{"confidence":{confidence},"inferred":true,"subtype":"{subtype}","type":"{type}"}}'


ARROW = sql("a.i>b.x")
SAID = '{"subtype":"IDENTITY","type":"DIRECT"}'

INFERRED = [
    Case(
        "SQL tells the columns of an output that its producer is silent about, marked and less sure than a word",
        [run_event(1, "COMPLETE", ["a", "c"], ["b"], job_facets=ARROW)],
        [
            Look(
                edges={e("a", "b"), e("c", "b")},
                column_edges={c("a", "i", "b", "x")},
                transformations={c("a", "i", "b", "x"): [inferred()]},
                kinds={c("a", "i", "b", "x"): "DIRECT"},
                columns={ds("a"): ["i"], ds("b"): ["x"], ds("c"): []},
                reads={(ds("a"), job("j")), (ds("c"), job("j"))},
                writes={(job("j"), ds("b"))},
            )
        ],
    ),
    Case(
        "between datasets nothing is inferred, not even what the SQL does not read",
        [run_event(1, "COMPLETE", ["a", "c"], ["b", "z"], job_facets=sql("a.i>b.x", "b.x>z.y", "nowhere.i>b.x"))],
        [
            Look(
                edges={e("a", "b"), e("c", "b"), e("a", "z"), e("c", "z")},
                column_edges={c("a", "i", "b", "x"), c("b", "x", "z", "y")},
                datasets={ds("a"), ds("b"), ds("c"), ds("z")},
            )
        ],
    ),
    Case(
        "a producer's late word on an output ends what was inferred for it, and for it alone",
        [
            run_event(1, "START", ["a"], ["b", "z"], job_facets=sql("a.i>b.x", "a.i>z.y")),
            run_event(3, "COMPLETE", [], [dataset("b", column_lineage({"x": [input_field("a", "k", direct())]}))]),
        ],
        [
            Look(at=2, column_edges={c("a", "i", "b", "x"), c("a", "i", "z", "y")}),
            Look(
                column_edges={c("a", "k", "b", "x"), c("a", "i", "z", "y")},
                column_history={c("a", "k", "b", "x"), c("a", "i", "z", "y")},
                transformations={c("a", "k", "b", "x"): [SAID], c("a", "i", "z", "y"): [inferred()]},
                spans={c("a", "i", "z", "y"): (1, None), c("a", "k", "b", "x"): (3, None)},
            ),
            Look(known=1, column_edges={c("a", "i", "b", "x"), c("a", "i", "z", "y")}),
        ],
    ),
    Case(
        "a producer's word that comes before the SQL, by the events' time, counts as well",
        [
            run_event(1, "START", ["a"], [dataset("b", column_lineage({"x": [input_field("a", "k")]}))]),
            run_event(3, "COMPLETE", ["a"], ["b"], job_facets=ARROW),
        ],
        [Look(column_edges={c("a", "k", "b", "x")}, transformations={c("a", "k", "b", "x"): []})],
    ),
    Case(
        "an event that tells the columns of one output leaves the other to its SQL",
        [
            run_event(
                1,
                "COMPLETE",
                ["a"],
                [dataset("b", column_lineage({"x": [input_field("a", "k")]})), "z"],
                job_facets=sql("a.l>b.v", "a.i>z.y"),
            )
        ],
        [
            Look(
                column_edges={c("a", "k", "b", "x"), c("a", "i", "z", "y")},
                columns={ds("a"): ["i", "k"], ds("b"): ["x"]},
            )
        ],
    ),
    Case(
        "column lineage without fields, or withdrawn, is no word on the columns",
        [
            run_event(1, "START", ["a"], [dataset("b", column_lineage(None))], job_facets=ARROW),
            run_event(3, "RUNNING", [], [dataset("b", column_lineage({"x": [input_field("a", "k")]}))]),
            run_event(5, "COMPLETE", [], [dataset("b", deleted("columnLineage"))]),
        ],
        [
            Look(at=2, column_edges={c("a", "i", "b", "x")}),
            Look(at=4, column_edges={c("a", "k", "b", "x")}),
            Look(column_edges={c("a", "i", "b", "x")}),
        ],
    ),
    Case(
        "an explicit lineage facet anywhere in the run decides alone",
        [
            run_event(1, "START", ["a"], ["b"], job_facets=ARROW),
            run_event(3, "COMPLETE", ["a"], ["b"], job_facets=sql("a.k>b.x") | lineage(entry("z", source("a")))),
        ],
        [
            Look(at=2, column_edges={c("a", "i", "b", "x")}),
            Look(edges={e("a", "z")}, column_edges=set(), columns={ds("a"): ["i"], ds("b"): ["x"]}),
        ],
    ),
    Case(
        "what events of a run infer adds up; the same with different confidence is said once, with the greatest",
        [
            run_event(1, "START", ["a"], ["b"], job_facets=sql("a.i>b.x@0.5", "a.k>b")),
            run_event(3, "COMPLETE", ["a"], ["b"], job_facets=sql("a.i>b.x@0.7")),
            run_event(4, "OTHER", ["a"], ["b"], job_facets=sql("a.i>b.x@0.6")),
        ],
        [
            Look(at=2, transformations={c("a", "i", "b", "x"): [inferred(0.5)]}),
            Look(
                column_edges={c("a", "i", "b", "x"), c("a", "k", "b", "x")},
                transformations={
                    c("a", "i", "b", "x"): [inferred(0.7)],
                    c("a", "k", "b", "x"): [inferred(0.9, "INDIRECT", "FILTER")],
                },
                kinds={c("a", "k", "b", "x"): "INDIRECT"},
            ),
        ],
    ),
    Case(
        "of two jobs that say one edge each keeps its way of knowing",
        [
            run_event(1, "COMPLETE", ["a"], ["b"], job_facets=ARROW),
            run_event(2, "COMPLETE", ["a"], [dataset("b", A_TO_B)], job="k", run="k1"),
        ],
        [
            Look(
                via={c("a", "i", "b", "x"): [job("j"), job("k")]},
                transformations={c("a", "i", "b", "x"): [inferred(), SAID]},
            )
        ],
    ),
    Case(
        "what a producer says plainly, without a transformation, does not look inferred",
        [
            run_event(1, "COMPLETE", ["a"], ["b"], job_facets=sql("a.i>b.x", "a.i>b")),
            run_event(2, "COMPLETE", ["a"], [dataset("b", column_lineage({"x": [input_field("a", "i")]}))], job="k"),
        ],
        [
            Look(at=1, kinds={c("a", "i", "b", "x"): "DIRECT"}),
            Look(
                via={c("a", "i", "b", "x"): [job("j"), job("k")]},
                transformations={c("a", "i", "b", "x"): []},
                kinds={c("a", "i", "b", "x"): "DIRECT"},
            ),
        ],
    ),
    Case(
        "a column that only SQL names is there as long as no schema says otherwise",
        [
            run_event(1, "COMPLETE", ["a"], ["b"], job_facets=ARROW),
            dataset_event(3, dataset("b", schema("X"))),
            run_event(5, "COMPLETE", ["a"], ["b"], job_facets=ARROW, run="r2"),
            dataset_event(7, dataset("b", deleted("schema"))),
        ],
        [
            Look(at=2, columns={ds("b"): ["x"]}, column_edges={c("a", "i", "b", "x")}),
            Look(at=4, columns={ds("b"): ["X"]}, column_edges=set()),
            Look(at=6, columns={ds("b"): ["X"]}, column_edges=set(), column_history={c("a", "i", "b", "x")}),
            Look(columns={ds("b"): ["X", "x"]}, column_edges={c("a", "i", "b", "x")}),
        ],
    ),
    Case(
        "only the event's own schemas count for what it infers",
        [
            run_event(1, "COMPLETE", [dataset("a", schema("i", "k"))], ["b"], job_facets=sql("a.*>b.*")),
            run_event(3, "COMPLETE", ["a"], ["z"], job="k", run="k1", job_facets=sql("a.*>z.*")),
            run_event(5, "COMPLETE", [dataset("a", schema("i"))], ["z"], job="m", run="m1", job_facets=sql("a.*>z.*")),
        ],
        [
            Look(
                edges={e("a", "b"), e("a", "z")},
                column_edges={c("a", "i", "b", "i"), c("a", "k", "b", "k"), c("a", "i", "z", "i")},
                via={c("a", "i", "z", "i"): [job("m")]},
            )
        ],
    ),
    Case(
        "the same SQL with another schema infers anew, in the run that governs",
        [
            run_event(1, "COMPLETE", [dataset("a", schema("i"))], ["b"], job_facets=sql("a.*>b.*")),
            run_event(3, "COMPLETE", [dataset("a", schema("i", "k"))], ["b"], run="r2", job_facets=sql("a.*>b.*")),
        ],
        [
            Look(at=2, column_edges={c("a", "i", "b", "i")}),
            Look(
                column_edges={c("a", "i", "b", "i"), c("a", "k", "b", "k")},
                spans={c("a", "i", "b", "i"): (1, None), c("a", "k", "b", "k"): (3, None)},
            ),
        ],
    ),
    Case(
        "a failed run's SQL shows while no run has completed, and in history from then on",
        [
            run_event(1, "FAIL", ["a"], ["b"], job_facets=ARROW),
            run_event(3, "COMPLETE", ["a"], ["b"], run="r2", job_facets=sql("a.k>b.x")),
            run_event(5, "FAIL", ["a"], ["b"], run="r3", job_facets=sql("a.l>b.x")),
        ],
        [
            Look(at=2, column_edges={c("a", "i", "b", "x")}),
            Look(
                column_edges={c("a", "k", "b", "x")},
                column_history={c("a", "i", "b", "x"), c("a", "k", "b", "x"), c("a", "l", "b", "x")},
            ),
        ],
    ),
    Case(
        "a declaration's SQL is read as a run's, and a run that completes without SQL ends it",
        [
            job_event(1, ["a"], ["b"], job_facets=ARROW),
            run_event(3, "COMPLETE", ["a"], ["b"]),
        ],
        [
            Look(at=2, column_edges={c("a", "i", "b", "x")}),
            Look(edges={e("a", "b")}, column_edges=set(), column_history={c("a", "i", "b", "x")}),
        ],
    ),
    Case(
        "a deleted sql facet, and one without a text, let nothing be inferred",
        [
            run_event(1, "COMPLETE", ["a"], ["b"], job_facets=deleted("sql")),
            run_event(2, "COMPLETE", ["a"], ["b"], job="k", job_facets={"sql": FACET | {"query": None}}),
        ],
        [Look(edges={e("a", "b")}, column_edges=set(), columns={ds("a"): [], ds("b"): []})],
    ),
    Case(
        "SQL of a table that was renamed since is still of that table",
        [
            run_event(1, "COMPLETE", ["a"], ["b"], job_facets=ARROW),
            renaming(3, "b", "v"),
            run_event(5, "COMPLETE", ["c"], ["b"], job="k", run="k1", job_facets=sql("c.i>b.y")),
        ],
        [Look(column_edges={c("a", "i", "v", "x"), c("c", "i", "b", "y")})],
    ),
]

HISTORY = [
    Case(
        "history knows who spoke of the columns by a name that the table has left",
        [
            run_event(3, "COMPLETE", [], [dataset("b", lifecycle("RENAME", "tmp"))], job="ddl", run="s2"),
            run_event(3, "COMPLETE", [], [dataset("t", lifecycle("RENAME", "b"))], job="ddl", run="s1"),
            job_event(5, job_facets=lineage(entry("b", fields={"x": [source("b", "y")]}))),
        ],
        [Look(column_edges={c("t", "y", "t", "x")}, column_history={c("t", "y", "t", "x")})],
    ),
]

CASES = [*RUNS, *DECLARATIONS, *FACETS, *RENAMES, *SYMLINKS, *PRESENCE, *COLUMNS, *EXPLICIT, *INFERRED, *HISTORY]

"""Hypothesis strategies of histories: bodies of events and mutations over few names, few runs and few times.

Ties, reorderings and clashes are meant to be common. `histories()` gives a list of distinct bodies in their
order of receipt, for `events.envelopes`; `features` names what a history has in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from tests.reference.events import (
    DB,
    LAKE,
    Json,
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
    mutation,
    parent,
    run_event,
    schema,
    source,
    sql,
    symlinks,
    table,
)

TABLES = ["a", "b", "t", "u"]
PATHS = ["p", "q"]
COLUMNS = ["x", "y", "z"]
JOBS = ["j", "k"]
RUNS = ["r1", "r2", "r3"]
AHEAD = 5_000  # a clock that is far ahead
LIMIT = 25

Bodies = list[Json]

times = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 3, 4, 5, AHEAD])
tables = st.sampled_from(TABLES)
columns = st.sampled_from(COLUMNS)
names = st.sampled_from([(DB, name) for name in TABLES] + [(LAKE, name) for name in PATHS])
jobs = st.sampled_from(JOBS)
runs = st.sampled_from(RUNS)
types = st.sampled_from(["COMPLETE", "START", "RUNNING", "FAIL", "ABORT", "OTHER", None, "COMPLETE", "COMPLETE"])
transformations = st.lists(
    st.sampled_from([direct(), direct("AGGREGATION", masking=True), indirect("FILTER"), indirect("JOIN")]),
    max_size=2,
)


@st.composite
def input_fields(draw: st.DrawFn) -> Json:
    return input_field(draw(tables), draw(columns), *draw(transformations))


@st.composite
def column_lineages(draw: st.DrawFn) -> Json:
    fields = draw(st.none() | st.dictionaries(columns, st.lists(input_fields(), min_size=1, max_size=2), max_size=2))
    said = column_lineage(fields, draw(st.none() | st.lists(input_fields(), max_size=2)))
    if fields and draw(st.booleans()):
        for one in said["columnLineage"]["fields"].values():
            one["transformationType"] = draw(st.sampled_from(["IDENTITY", "MASKED"]))
    return said


@st.composite
def schemas(draw: st.DrawFn) -> Json:
    fields: list[str | Json] = list(draw(st.lists(columns, unique=True, max_size=3)))
    if draw(st.integers(0, 5)) == 5:
        fields.append({"name": "s", "type": "struct", "fields": [{"name": "x", "type": "string"}]})
    return schema(*fields)


@st.composite
def symlink_facets(draw: st.DrawFn) -> Json:
    """Also empty (withdrawn), and of types that do not fit."""
    of_tables = tables.map(table)
    of_paths = st.sampled_from(PATHS).map(location)
    odd = st.sampled_from([table("p", LAKE), location("a", DB), {**table("b"), "type": "OTHER"}])
    return symlinks(*draw(st.lists(st.one_of(of_tables, of_paths, of_tables, of_paths, odd), max_size=2)))


words = st.sampled_from(["one", "two"]).map(documentation)
removals = st.sampled_from(["documentation", "schema", "columnLineage", "symlinks"]).map(deleted)
changes = st.sampled_from(["DROP", "CREATE", "DROP", "CREATE", "TRUNCATE"]).map(lifecycle)


@st.composite
def mentions(draw: st.DrawFn, role: str) -> Json:
    """A dataset of an event with none to three facets."""
    namespace, name = draw(names)
    kinds = [words, schemas(), schemas(), symlink_facets(), removals]
    if role != "input":
        kinds += [column_lineages(), column_lineages()]
    if draw(st.integers(0, 3)) == 3:
        kinds += [changes, changes]
    facets = draw(st.lists(st.one_of(kinds), max_size=2))
    return dataset(name, *facets, namespace=namespace)


@st.composite
def entries(draw: st.DrawFn) -> Json:
    def dataset_source() -> Json:
        column = draw(st.none() | columns)
        return source(draw(tables), column, *(draw(transformations) if column else ()))

    inputs = [dataset_source() for _ in range(draw(st.integers(0, 2)))]
    if draw(st.integers(0, 4)) == 4:
        inputs.append(job_source(draw(st.none() | jobs)))
    if draw(st.integers(0, 4)) == 4:
        return job_entry(draw(st.none() | jobs), *inputs)
    fields = {draw(columns): [dataset_source()] for _ in range(draw(st.integers(0, 2)))}
    return entry(draw(tables), *inputs, fields=fields or None)


def queries(sources: st.SearchStrategy[str], targets: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    """`sql` facets that tell how columns of these tables flow into columns of those."""
    sure = st.sampled_from(["", "", "@0.5"])
    arrows = st.one_of(
        st.builds("{}.{}>{}.{}{}".format, sources, columns, targets, columns, sure),
        st.builds("{}.{}>{}{}".format, sources, columns, targets, sure),
        st.builds("{}.*>{}.*".format, sources, targets),
    )
    return st.lists(arrows, min_size=1, max_size=3).map(lambda said: sql(*said))


@st.composite
def job_facets(draw: st.DrawFn) -> Json:
    rare = draw(st.integers(0, 14))
    if rare > 11:
        return draw(queries(tables, tables)) | (lineage(*draw(st.lists(entries(), max_size=1))) if rare == 14 else {})
    if rare == 11:
        return lineage(*draw(st.lists(entries(), max_size=2)))
    if rare == 10:
        return job_type(draw(st.sampled_from(["STREAMING", "SERVICE", "BATCH", "streaming"])))
    if rare == 9:
        return draw(st.sampled_from([documentation("job"), deleted("documentation"), deleted("lineage")]))
    return {}


@st.composite
def single_runs(draw: st.DrawFn) -> Bodies:
    inputs = draw(st.lists(mentions("input"), max_size=2))
    outputs = draw(st.lists(mentions("output"), max_size=2))
    run_facets = parent(draw(jobs), draw(runs)) if draw(st.integers(0, 9)) == 9 else {}
    return [
        run_event(
            draw(times),
            draw(types),
            inputs,
            outputs,
            job=draw(jobs),
            run=draw(runs),
            job_facets=draw(job_facets()),
            run_facets=run_facets,
        )
    ]


@st.composite
def plain_runs(draw: st.DrawFn) -> Bodies:
    """START with the inputs and an end with the outputs, no facets: many of these say the same edges."""
    job_name, run_id, start = draw(jobs), draw(runs), draw(times)
    sources = draw(st.lists(tables, min_size=1, max_size=2, unique=True))
    targets = draw(st.lists(tables, max_size=1))
    end = draw(st.sampled_from(["COMPLETE", "COMPLETE", "FAIL", "ABORT"]))
    return [
        run_event(start, "START", sources, job=job_name, run=run_id),
        run_event(start + draw(st.integers(0, 3)), end, [], targets, job=job_name, run=run_id),
    ]


@st.composite
def column_runs(draw: st.DrawFn) -> Bodies:
    """A completed run with column lineage, most often with the schema of its output."""
    target, said = draw(tables), draw(column_lineages())
    described = [draw(schemas())] if draw(st.booleans()) else []
    inputs = draw(st.lists(tables, max_size=2, unique=True))
    outputs = [dataset(target, said, *described)]
    return [run_event(draw(times), "COMPLETE", inputs, outputs, job=draw(jobs), run=draw(runs))]


@st.composite
def sql_runs(draw: st.DrawFn) -> Bodies:
    """A run or a declaration whose columns are told by SQL alone, sometimes with a later word of the producer's."""
    job_name, run_id, at = draw(jobs), draw(runs), draw(times)
    sources = draw(st.lists(tables, min_size=1, max_size=2))
    targets = draw(st.lists(tables, min_size=1, max_size=2))
    query = draw(queries(st.sampled_from(sources), st.sampled_from(targets)))
    inputs = [dataset(name, *draw(st.lists(schemas(), max_size=1))) for name in sources]
    outputs = [dataset(name, *draw(st.lists(schemas(), max_size=1))) for name in targets]
    if draw(st.integers(0, 3)) == 3:
        return [job_event(at, inputs, outputs, job=job_name, job_facets=query)]
    kind = draw(st.sampled_from(["START", "COMPLETE", "FAIL", "COMPLETE"]))
    said = [run_event(at, kind, inputs, outputs, job=job_name, run=run_id, job_facets=query)]
    if draw(st.booleans()):
        word = draw(st.one_of(column_lineages(), column_lineages(), st.just(deleted("columnLineage"))))
        told = dataset(draw(st.sampled_from([*targets, *TABLES])), word)
        later = at + draw(st.integers(-1, 2))
        said.append(run_event(later, "COMPLETE", [], [told], job=job_name, run=run_id))
    return said


@st.composite
def explicit_runs(draw: st.DrawFn) -> Bodies:
    facet = lineage(*draw(st.lists(entries(), max_size=2)))
    inputs, outputs = draw(st.lists(tables, max_size=2)), draw(st.lists(tables, max_size=2))
    if draw(st.integers(0, 2)) == 2:
        return [job_event(draw(times), inputs, outputs, job=draw(jobs), job_facets=facet)]
    kind = draw(st.sampled_from(["COMPLETE", "RUNNING"]))
    at, job_name, run_id = draw(times), draw(jobs), draw(runs)
    return [run_event(at, kind, inputs, outputs, job=job_name, run=run_id, job_facets=facet)]


@st.composite
def agreements(draw: st.DrawFn) -> Bodies:
    """Two jobs that say one edge."""
    inputs, outputs, run_id = [draw(tables)], [draw(tables)], draw(runs)
    return [run_event(draw(times), "COMPLETE", inputs, outputs, job=name, run=run_id) for name in JOBS]


@st.composite
def drops(draw: st.DrawFn) -> Bodies:
    """DROP, and sometimes what revives (CREATE on an input, write, listing) or a read, which doesn't."""
    name, at = draw(tables), draw(times)
    gone = run_event(at, "COMPLETE", [], [dataset(name, lifecycle("DROP"))], job="ddl", run=draw(runs))
    again = at + draw(st.integers(0, 2))
    after = [
        run_event(again, "COMPLETE", [dataset(name, lifecycle("CREATE"))], job="ddl", run=draw(runs)),
        run_event(again, "COMPLETE", [draw(tables)], [name], job=draw(jobs), run=draw(runs)),
        dataset_event(again, name),
        run_event(again, "COMPLETE", [name], [draw(tables)], job=draw(jobs), run=draw(runs)),
    ]
    return [gone, *draw(st.lists(st.sampled_from(after), max_size=1))]


@st.composite
def streams(draw: st.DrawFn) -> Bodies:
    job_name, run_id, start = draw(jobs), draw(runs), draw(times)
    said = job_type("STREAMING")
    return [
        run_event(start, "START", job=job_name, run=run_id, job_facets=said),
        run_event(start + 1, "RUNNING", [draw(tables)], [draw(tables)], job=job_name, run=run_id),
        run_event(start + 3, draw(st.sampled_from(["ABORT", "COMPLETE"])), job=job_name, run=run_id),
    ][: draw(st.integers(2, 3))]


@st.composite
def declarations(draw: st.DrawFn) -> Bodies:
    inputs = draw(st.lists(mentions("input"), max_size=2))
    outputs = draw(st.lists(mentions("output"), max_size=2))
    return [job_event(draw(times), inputs, outputs, job=draw(jobs), job_facets=draw(job_facets()))]


@st.composite
def listings(draw: st.DrawFn) -> Bodies:
    said = draw(mentions("dataset"))
    if draw(st.integers(0, 4)) == 4:
        inputs = [source(draw(tables), draw(st.none() | columns)) for _ in range(draw(st.integers(0, 2)))]
        fields = {draw(columns): [source(draw(tables), draw(columns))]} if draw(st.booleans()) else None
        facet = draw(st.sampled_from([dataset_lineage(*inputs, fields=fields), deleted("lineage")]))
        said = said | {"facets": said.get("facets", {}) | facet}
    return [dataset_event(draw(times), said)]


@st.composite
def symlink_listings(draw: st.DrawFn) -> Bodies:
    """Late, re-said and withdrawn symlinks of the names that have them in practice."""
    namespace, name = draw(names)
    facet = draw(st.one_of(symlink_facets(), symlink_facets(), st.just(deleted("symlinks"))))
    return [dataset_event(draw(times), dataset(name, facet, namespace=namespace))]


@st.composite
def renames(draw: st.DrawFn) -> Bodies:
    """Of a table, sometimes with its START and COMPLETE both saying so, sometimes on an input."""
    old, new = draw(tables), draw(st.sampled_from([*TABLES, "tmp"]))
    at, run_id = draw(times), draw(runs)
    said = [dataset(new, lifecycle("RENAME", old))]
    if draw(st.integers(0, 4)) == 4:
        return [run_event(at, "OTHER", said, [], job="ddl", run=run_id)]
    started = [run_event(at, "START", [], said, job="ddl", run=run_id)] if draw(st.booleans()) else []
    return [*started, run_event(at + len(started), "COMPLETE", [], said, job="ddl", run=run_id)]


@st.composite
def swaps(draw: st.DrawFn) -> Bodies:
    """a -> tmp, b -> a, tmp -> b, at rising or equal times."""
    one, two = draw(st.permutations(TABLES))[:2]
    at, step = draw(times), draw(st.integers(0, 1))
    moves = [(one, "tmp"), (two, one), ("tmp", two)]
    return [
        run_event(at + n * step, "COMPLETE", [], [dataset(new, lifecycle("RENAME", old))], job="ddl", run=f"s{n}")
        for n, (old, new) in enumerate(moves)
    ]


@st.composite
def mutations(draw: st.DrawFn) -> Bodies:
    at, name = draw(times), ds(draw(tables))
    retired = {"retired": draw(st.booleans())}
    return [
        draw(
            st.sampled_from(
                [
                    mutation(at, "retireJob", job(draw(jobs)), **retired),
                    mutation(at, "setOwners", name, owners=[{"name": "ann", "type": "steward"}]),
                    mutation(at, "addTag", name, key="pii", value="high"),
                    mutation(at, "removeTag", name, key="pii"),
                    mutation(at, "describe", name, description="a person's words"),
                ]
            )
        )
    ]


def distinct(bodies: Iterable[Json]) -> Bodies:
    """Without those whose bytes came before."""
    return list({json.dumps(body): body for body in bodies}.values())


@st.composite
def histories(
    draw: st.DrawFn, *, with_symlinks: bool = True, with_renames: bool = True, with_mutations: bool = True
) -> Bodies:
    """1 to 25 distinct bodies in some order of receipt."""
    kinds = [plain_runs(), single_runs(), plain_runs(), single_runs(), declarations(), listings(), streams()]
    kinds += [column_runs(), column_runs(), explicit_runs(), agreements(), drops(), sql_runs()]
    kinds += [symlink_listings()] if with_symlinks else []
    kinds += [renames(), swaps()] if with_renames else []
    kinds += [mutations()] if with_mutations else []
    size = draw(st.integers(1, 12))
    parts = draw(st.lists(st.one_of(kinds), min_size=size, max_size=size))
    bodies = distinct(body for part in parts for body in part)[:LIMIT]
    if not with_symlinks:
        bodies = distinct(without_facet(body, "symlinks") for body in bodies)
    return list(draw(st.permutations(bodies))) if draw(st.booleans()) else bodies


def without_facet(body: Json, key: str) -> Json:
    """The event without that facet on its datasets."""
    return {
        name: [without_facet(one, key) for one in value]
        if name in ("inputs", "outputs")
        else {k: v for k, v in value.items() if k != key}
        if name == "facets"
        else without_facet(value, key)
        if name == "dataset"
        else value
        for name, value in body.items()
    }


def features(bodies: Sequence[Json]) -> set[str]:
    """What a history has in it, to see that the strategies reach everything."""
    found: set[str] = set()
    times_seen: list[str] = []
    for body in bodies:
        text = json.dumps(body)
        times_seen.append(body.get("eventTime") or body["at"])
        found |= {f"op {body['op']}"} if "op" in body else {f"type {body.get('eventType')}"}
        found |= {body["schemaURL"].rsplit("/", 1)[-1]} if "schemaURL" in body else set()
        marks = {
            "_deleted": '"_deleted"',
            "RENAME": '"RENAME"',
            "DROP": '"DROP"',
            "CREATE": '"CREATE"',
            "swap": '"tmp"',
            "column lineage": '"inputFields"',
            "null fields": '"fields": null',
            "dataset-wide": '"dataset": [{',
            "old transformationType": '"transformationType"',
            "entries": '"entries": [{',
            "streaming": '"STREAMING"',
            "symlink to a table": '"type": "TABLE"',
            "symlink to a path": '"type": "LOCATION"',
            "withdrawn symlinks": '"identifiers": []',
            "parent": '"parent"',
            "schema": '"schema"',
            "SQL": '"sql"',
        }
        found |= {feature for feature, mark in marks.items() if mark in text}
        if body.get("inputs") and any("schema" in one.get("facets", {}) for one in body["inputs"]):
            found.add("schema of an input")
        if "run" in body and not body["inputs"] and not body["outputs"]:
            found.add("empty event of a run")
    found |= {"tie"} if len(set(times_seen)) < len(times_seen) else set()
    found |= {"out of order"} if times_seen != sorted(times_seen) else set()
    found |= shared(bodies)
    return found


def shared(bodies: Sequence[Json]) -> set[str]:
    """Two jobs that say one edge; a job whose runs differ."""
    by_run: dict[tuple[str, str], dict[str, set[Any]]] = {}
    for body in bodies:
        if "run" in body:
            run = by_run.setdefault((body["job"]["name"], body["run"]["runId"]), {"inputs": set(), "outputs": set()})
            for role, seen in run.items():
                seen |= {one["name"] for one in body[role]}
    edges = {key: {(s, t) for s in run["inputs"] for t in run["outputs"]} for key, run in by_run.items()}
    found: set[str] = set()
    for one in edges:
        for other in edges:
            if one[0] != other[0] and edges[one] & edges[other]:
                found.add("two jobs say one edge")
            if one[0] == other[0] and edges[one] and edges[other] and edges[one] != edges[other]:
                found.add("a job's runs differ")
    return found

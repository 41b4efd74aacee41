"""What is derived after any sequence of events, told in any batches, is what the naive recomputation derives."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.jobs.board import board, declared
from tests.jobs.naive import derived
from tests.reference.events import (
    FACET,
    column_lineage,
    dataset,
    dataset_event,
    direct,
    ds,
    indirect,
    input_field,
    iso,
    job,
    job_event,
    mutation,
    schema,
    symlinks,
    table,
)

NAMES = "abcde"
PATHS = "xy"
COLUMNS = [(name, path) for name in NAMES for path in PATHS]
WAYS: list[tuple[dict[str, Any], ...]] = [
    (),
    (direct(),),
    (direct(masking=True),),
    (direct("AGGREGATION"),),
    (indirect(),),
    (direct(masking=True), direct("TRANSFORMATION")),
]
PROPAGATIONS = [
    declared("propagate: plain\nversion: 1\ntags: [pii, secret]"),
    declared("propagate: near\nversion: 1\ntags: [pii]\ndepth: 2\nbreakers: {transformations: [AGGREGATION]}"),
    declared("propagate: rows\nversion: 1\ntags: [pii]\nindirect: true\nbreakers: {masking: false, jobs: ['j[12]']}"),
    declared("propagate: back\nversion: 1\ntags: [pii]\ndirection: upstream\nindirect: true"),
    declared("propagate: tables\nversion: 1\ntags: [pii]\nlevel: dataset\nbreakers: {job_tags: [anonymises]}"),
]

columns = st.sampled_from(COLUMNS)
names = st.sampled_from(NAMES)
jobs = st.sampled_from(["j1", "j2", "j3"])
sources = st.lists(st.tuples(columns, st.sampled_from(WAYS)), max_size=2, unique_by=lambda it: it[0])
fields = st.fixed_dictionaries({}, optional=dict.fromkeys(PATHS, sources))
lineage = st.tuples(st.just("lineage"), jobs, names, fields, st.lists(columns, max_size=1))
tags = st.tuples(
    st.just("tags"),
    names,
    st.lists(
        st.tuples(st.sampled_from(["pii", "secret"]), st.sampled_from([None, "mail"]), st.sampled_from([None, *PATHS])),
        max_size=2,
    ),
)
steps = st.one_of(
    lineage,
    lineage,
    lineage,
    tags,
    tags,
    st.tuples(st.just("person"), names, st.booleans()),
    st.tuples(st.just("anonymises"), jobs, st.booleans()),
    st.tuples(st.just("schema"), names, st.lists(st.sampled_from(PATHS), unique=True)),
    st.tuples(st.just("symlinks"), names, st.lists(names, max_size=1)),
    st.tuples(st.just("again"), jobs),
    st.just(("follow",)),
    st.just(("restart",)),
)


def events(at: int, step: tuple[Any, ...]) -> list[dict[str, Any]]:
    match step:
        case ("lineage", name, output, fields, wide):
            said = {
                path: [input_field(*it, *ways) for it, ways in inputs if it[0] != output]
                for path, inputs in fields.items()
            }
            rows = [input_field(*it, indirect()) for it in wide if it[0] != output]
            inputs = sorted({it["name"] for it in [*rows, *(one for some in said.values() for one in some)]})
            return [job_event(at, inputs, [dataset(output, column_lineage(said, rows))], job=name)]
        case ("tags", name, listed):
            found = [
                {"key": key} | ({"value": value} if value else {}) | ({"field": path} if path else {})
                for key, value, path in listed
            ]
            return [dataset_event(at, dataset(name, {"tags": FACET | {"tags": found}}))]
        case ("person", name, True):
            return [mutation(at, "addTag", ds(name), key="pii", value=None)]
        case ("person", name, False):
            return [mutation(at, "removeTag", ds(name), key="pii")]
        case ("anonymises", name, True):
            return [mutation(at, "addTag", job(name), key="anonymises", value=None)]
        case ("anonymises", name, False):
            return [mutation(at, "removeTag", job(name), key="anonymises")]
        case ("schema", name, paths):
            return [dataset_event(at, dataset(name, schema(*paths)))]
        case ("symlinks", name, others):
            return [dataset_event(at, dataset(name, symlinks(*(table(it) for it in others if it != name))))]
    return []


@settings(deadline=None, max_examples=60)
@given(st.lists(steps, max_size=14), st.lists(st.sampled_from(range(5)), min_size=1, max_size=2, unique=True))
def test_any_sequence_in_any_batches_derives_what_recomputation_does(
    sequence: list[tuple[Any, ...]], chosen: list[int]
) -> None:
    propagations = [PROPAGATIONS[it] for it in chosen]
    with board(*propagations) as it:
        it.tell(*(dataset_event(index, dataset(name)) for index, name in enumerate(NAMES)))
        said: dict[str, dict[str, Any]] = {}
        for at, step in enumerate(sequence, start=10):
            if step[0] == "follow":
                it.follow()
            elif step[0] == "restart":
                it.service = it.serve()
            else:
                told = events(at, step)
                if step[0] == "again" and step[1] in said:  # as every night
                    told = [said[step[1]] | {"eventTime": iso(at)}]
                it.tell(*told)
                if step[0] in ("lineage", "again") and told:
                    said[step[1]] = told[0]
        it.follow()
        quiet = len(it.journal)
        assert it.follow() == 0 and len(it.journal) == quiet
        with it.rebuilt() as again:
            assert again.rows() == it.rows()
        with it.graph.snapshot() as snapshot:
            for propagation in propagations:
                assert it.everywhere(propagation.name) == derived(snapshot, said, propagation)

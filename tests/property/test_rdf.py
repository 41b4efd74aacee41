"""RDF after deltas is RDF built anew, and says what the reader says of the graph: in any order of any envelopes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from graph.model import AsOf, Position, parse_instant
from graph.rdf.terms import Terms
from graph.reader import ColumnRecord, EntityQuery, EntityRecord, Level, LineageQuery, RunRecord
from graph.snapshot import Snapshot
from tests.property.folded import ONTOLOGY, Empty, Graph, embedded, tell
from tests.rdf.projected import MemoryStore, Projected, described, held
from tests.reference.events import (
    DB,
    JOBS,
    LAKE,
    Json,
    col,
    dataset,
    dataset_event,
    ds,
    fact,
    facts,
    job,
    run,
    schema,
    urn,
)
from tests.reference.histories import COLUMNS, PATHS, histories
from tests.reference.histories import TABLES as NAMES
from tests.reference.test_reference import placed

EXAMPLES = settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
FEWER = settings(
    EXAMPLES, max_examples=15, suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
)
TERMS = Terms(ONTOLOGY)
ANDON, PEOPLE, INFERRED = "https://andon.dev/ns#", "urn:andon:graph:people", "urn:andon:graph:inferred"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
PROV, SAME_AS = "http://www.w3.org/ns/prov#", "http://www.w3.org/2002/07/owl#sameAs"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"

Said = tuple[str, str, object]
"""(subject, predicate, value): IRIs in full but for Andon's own names, values as Python's."""


# What is told: facts among the events

batches = st.sampled_from([1, 1, 1, 2, 4])
times = st.integers(0, 8)
tables = st.sampled_from([(DB, it) for it in NAMES] + [(LAKE, it) for it in PATHS])
datasets = tables.map(lambda it: ds(it[1], it[0]))
columns = st.builds(col, st.sampled_from(NAMES), st.sampled_from(COLUMNS))
things = st.one_of(
    datasets, datasets, columns, st.sampled_from([job("j"), job("k"), run("r1"), urn("policy", DB, "p")])
)
people = st.sampled_from([None, None, "ann"])
labels = st.sampled_from(["pii", "gold", "a tag"])
words: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {},
    optional={
        "description": st.sampled_from(["one", "two", '"quoted" \\ line\nbreak']),
        "tags": st.lists(labels.map(lambda it: {"key": it}), max_size=2, unique_by=lambda it: it["key"]),
        "owners": st.lists(st.sampled_from([{"name": "ann"}, {"name": "data team"}]), max_size=2, unique_by=str),
    },
)


def listed(kind: str, letters: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(letters).map(lambda it: urn(kind, DB, it)), max_size=2, unique=True)


@st.composite
def of_tables(draw: st.DrawFn) -> Json:
    values = st.fixed_dictionaries({}, optional={
        "rowCount": st.sampled_from([0, 7, 10**12, None]), "sensitivity": st.sampled_from(["public", "internal", None]),
        "personalData": st.sampled_from([True, False, None]), "landingPage": st.just("https://example.com/x"),
        "lastUsedAt": st.sampled_from(["2026-01-01T00:00:03Z", "2026-01-01T00:00:04.000005Z"]),
    })  # fmt: skip
    related = {"partOfProduct": listed("dataproduct", "de"), "definedBy": listed("glossaryterm", "tu")}
    namespace, name = draw(tables)
    type = draw(st.sampled_from(["Dataset", "Table", "View"]))
    return fact(
        type, name, draw(values), draw(st.fixed_dictionaries({}, optional=related)), namespace=namespace, **draw(words)
    )


@st.composite
def of_columns(draw: st.DrawFn) -> Json:
    defined = draw(listed("glossaryterm", "tu"))
    values = {"sensitivity": draw(st.sampled_from(["public", "restricted", None]))}
    path = draw(st.sampled_from(COLUMNS))
    return fact("Column", draw(st.sampled_from(NAMES)), values, {"definedBy": defined}, path=path)


@st.composite
def of_others(draw: st.DrawFn) -> Json:
    targets = draw(st.lists(things, max_size=3, unique=True))
    made = [
        fact("Policy", "p", {"status": "active"}, {"governs": targets}),
        fact("ModelVersion", "m/1", {}, {"trainedOn": [it for it in targets if ":dataset:" in it]}),
        fact("CostItem", "c", {"billedCost": 12.5}, {"chargedTo": targets}),
        fact("Job", "j", {"codeUrl": "https://example.com/code"}, {"runsAfter": [job("k")]}, namespace=JOBS),
    ]
    return draw(st.sampled_from([*made, made[0], made[0]]))


@st.composite
def told_outright(draw: st.DrawFn) -> Json:
    if draw(st.integers(0, 7)) == 7:
        return facts(draw(times), dropped=[draw(st.one_of(datasets, st.just(urn("policy", DB, "p"))))])
    return facts(draw(times), draw(st.one_of(of_tables(), of_columns(), of_others())), by=draw(people))


schemas = st.builds(
    lambda at, name, fields: dataset_event(at, dataset(name, schema(*fields))),
    times, st.sampled_from(NAMES), st.lists(st.sampled_from(COLUMNS), max_size=2, unique=True),
)  # fmt: skip
"""Columns that facts relate to come and go."""


@st.composite
def mixed(draw: st.DrawFn) -> list[Json]:
    bodies = [
        *draw(histories()),
        *draw(st.lists(st.one_of(told_outright(), told_outright(), schemas), min_size=2, max_size=10)),
    ]
    random.Random(draw(st.integers(0, 10**6))).shuffle(bodies)
    return list({json.dumps(body): body for body in bodies}.values())


# What the reader says, in RDF's terms


def said_by_the_reader(snapshot: Snapshot) -> set[Said]:
    """All in Andon's own words, and in the few of others' that have none of Andon's beside them.

    How columns come about is said by two properties together, see `flows`.
    """
    found: set[Said] = set()
    page = snapshot.entities(EntityQuery(include_dropped=True, first=10_000))
    by_id = {it.id: it for it in page.records}
    for record in page.records:
        found |= set(_of_any(snapshot, record))
        found |= {(record.urn, "namespace", record.namespace), (record.urn, "dropped", record.dropped)}
        found |= {(record.urn, "createdAt", record.created_at), (record.urn, "updatedAt", record.updated_at)}
        for alias in snapshot.aliases(record):
            meant = snapshot.find(frozenset({record.kind}), alias.namespace, alias.name)
            if meant is not None and meant.urn == record.urn:
                found.add((record.urn, SAME_AS, urn(record.kind, alias.namespace, alias.name)))
        if isinstance(record, RunRecord):
            found |= set(_of_run(snapshot, record, by_id))
        elif record.kind == "job":
            found |= set(_of_job(snapshot, record))
        else:
            for column in snapshot.columns(record):
                found |= set(_of_any(snapshot, column))
                found |= {(record.urn, "hasColumn", column.urn)}
                found |= {(column.urn, "dataType", it) for it in (column.data_type,) if it is not None}
                found |= {(column.urn, "ordinal", it) for it in (column.ordinal,) if it is not None}
            for edge in (
                snapshot.lineage(LineageQuery((record.urn,), depth=1, limit=10**6)).edges if _flows(record) else ()
            ):
                found.add((edge.target, "derivedFrom", edge.source))
    inverse = {it.name: it.inverse for it in ONTOLOGY.relations.values() if it.inverse is not None}
    return found | {(str(value), inverse[name], subject) for subject, name, value in found if name in inverse}


def _flows(record: EntityRecord) -> bool:
    return record.kind in ("dataset", "dashboard", "model")


def _of_any(snapshot: Snapshot, record: EntityRecord) -> Iterator[Said]:
    subject = record.urn
    yield from ((subject, RDF_TYPE, ANDON + it) for it in _classes(record.type))
    yield from ((subject, name, record.name) for name in ("name", LABEL))
    if record.description is not None:
        yield subject, "description", record.description
    for name, value in snapshot.attributes(record).items():
        yield from ((subject, name, _meant(name, it)) for it in (value if isinstance(value, list) else [value]))
    yield from ((subject, it.relation, it.target.urn) for it in snapshot.relations(record))
    for tag in record.tags:
        if isinstance(record, ColumnRecord) or not tag.field:
            label = tag.key if tag.value is None else f"{tag.key}={tag.value}"
            meant = f"urn:andon:tag::{quote(label, safe='-._~')}"
            yield subject, "hasTag", meant
            yield from _of_word(meant, "Tag", label)
    for owner in record.owners:
        agent = f"urn:andon:agent::{quote(owner.name, safe='-._~')}"
        yield agent, "owns", subject
        yield from _of_word(agent, "Agent", owner.name)


def _of_word(subject: str, type: str, label: str) -> Iterator[Said]:
    yield from ((subject, RDF_TYPE, ANDON + it) for it in _classes(type))
    yield from ((subject, name, label) for name in ("name", LABEL))


def _of_run(snapshot: Snapshot, run: RunRecord, by_id: dict[int, EntityRecord]) -> Iterator[Said]:
    yield run.urn, "state", run.state
    yield from ((run.urn, "startedAt", it) for it in (run.started_at,) if it is not None)
    yield from ((run.urn, "endedAt", it) for it in (run.ended_at,) if it is not None)
    yield from ((run.urn, "executes", it.urn) for it in (by_id.get(run.job_id),) if it is not None)
    yield from ((run.urn, "parentRun", it.urn) for it in (snapshot.parent(run),) if it is not None)
    inputs, outputs = snapshot.run_datasets(run)
    yield from ((run.urn, PROV + "used", it.urn) for it in inputs)
    yield from ((run.urn, PROV + "generated", it.urn) for it in outputs)


def _of_job(snapshot: Snapshot, record: EntityRecord) -> Iterator[Said]:
    inputs, outputs = snapshot.job_datasets(record)
    yield from ((record.urn, "reads", it.urn) for it in inputs)
    yield from ((record.urn, "writes", it.urn) for it in outputs)
    yield record.urn, "retired", snapshot.is_retired(record)
    yield from ((record.urn, "parentJob", it.urn) for it in (snapshot.parent(record),) if it is not None)


def _classes(name: str) -> set[str]:
    return {name}.union(*(_classes(it) for it in ONTOLOGY.classes[name].parents))


def _meant(name: str, value: object) -> object:
    """An attribute's value as its range has it."""
    if ONTOLOGY.attributes[name].range == "dateTime":
        return parse_instant(str(value))
    return Decimal(str(value)) if isinstance(value, float) else value


def flows_by_the_reader(snapshot: Snapshot, level: Level) -> set[tuple[str, str]]:
    """(source, target) of columns, or of jobs."""
    page = snapshot.entities(EntityQuery(include_dropped=True, first=10_000))
    starts = tuple(it.urn for it in page.records if (it.kind == "job" if level is Level.JOB else _flows(it)))
    query = LineageQuery(starts, depth=1, level=level, limit=10**6)
    return {(it.source, it.target) for it in snapshot.lineage(query).edges} if starts else set()


# What RDF says


def said_in_rdf(lines: Iterable[str]) -> dict[str, set[Said]]:
    """By graph: "" is the default one."""
    found: dict[str, set[Said]] = {"": set(), PEOPLE: set(), INFERRED: set()}
    for quad in parse("\n".join(lines).encode(), RdfFormat.N_QUADS):
        graph = quad.graph_name.value if isinstance(quad.graph_name, NamedNode) else ""
        assert isinstance(quad.subject, NamedNode)
        predicate = quad.predicate.value.removeprefix(ANDON)
        found[graph].add((quad.subject.value, predicate, _value(quad.object)))
    return found


def _value(term: object) -> object:
    assert isinstance(term, NamedNode | Literal), term
    if isinstance(term, NamedNode):
        return term.value
    kind = term.datatype.value.rpartition("#")[2]
    if kind == "dateTime":
        return parse_instant(term.value)
    return {"boolean": lambda it: it == "true", "integer": int, "decimal": Decimal}.get(kind, str)(term.value)


def comparable(said: set[Said]) -> set[Said]:
    """What `said_by_the_reader` says too: without versions, which are parts of runs and datasets."""
    others = {RDF_TYPE, LABEL, SAME_AS, PROV + "used", PROV + "generated"}
    apart = {"columnDerivedFrom", "columnDerives", "feeds", "fedBy"}
    return {
        (subject, predicate, value)
        for subject, predicate, value in said
        if (":" not in predicate or predicate in others)
        and predicate not in apart
        and "#" not in subject
        and not (predicate == RDF_TYPE and not str(value).startswith(ANDON))
        and not (predicate == PROV + "generated" and "#" in str(value))
    }


def column_flows(said: set[Said]) -> set[tuple[str, str]]:
    """By the column itself, or because the whole of its dataset was shaped by the source."""
    of = {(subject, str(value)) for subject, name, value in said if name == "columnOf"}
    direct = {(str(value), subject) for subject, name, value in said if name == "columnDerivedFrom"}
    shaping = {(subject, str(value)) for subject, name, value in said if name == PROV + "wasInfluencedBy"}
    return direct | {(source, column) for column, dataset in of for shaped, source in shaping if shaped == dataset}


def job_flows(said: set[Said]) -> set[tuple[str, str]]:
    """Said outright, or by what one writes and the other reads."""
    ends = ("writes", "readBy", "feeds")
    pairs = {end: {(subject, str(value)) for subject, name, value in said if name == end} for end in ends}
    return pairs["feeds"] | {(a, d) for a, b in pairs["writes"] for c, d in pairs["readBy"] if b == c and a != d}


def unlike(found: set[Any], wanted: set[Any]) -> str:
    return f"too much {sorted(found - wanted, key=str)[:5]}, missing {sorted(wanted - found, key=str)[:5]}"


def assert_says_what_the_reader_says(fold: Graph, lines: set[str], as_of: AsOf, told: str) -> None:
    said = said_in_rdf(lines)
    with fold.snapshot(as_of) as snapshot:
        assert isinstance(snapshot, Snapshot)
        wanted = said_by_the_reader(snapshot)
        found = comparable(said[""])
        assert found == wanted, f"{told}\n{unlike(found, wanted)}"
        assert column_flows(said[""]) == flows_by_the_reader(snapshot, Level.COLUMN), told
        assert job_flows(said[""]) == flows_by_the_reader(snapshot, Level.JOB), told
    assert said[PEOPLE] | said[INFERRED] <= said[""], told


def assert_brought_along(bodies: list[Json], batch: int, then: AsOf, empty: Empty) -> None:
    received = placed(bodies, list(range(1, len(bodies) + 1)))
    shown = "\n".join(f"{it.position}: {it.body.decode()}" for it in received)
    with empty() as fold:
        store = Projected(fold, MemoryStore(), TERMS)
        for first in range(0, len(received), batch):
            tell(fold, received[first : first + batch])
            store.projection.step()
            left, anew = held(store.store), described(fold, TERMS)
            assert left == anew, f"{shown}\nafter {fold.position()}: {unlike(left, anew)}"
        assert_says_what_the_reader_says(fold, left, AsOf(), shown)
        assert_says_what_the_reader_says(fold, described(fold, TERMS, then), then, f"{shown}\nas of {then.position}")


@EXAMPLES
@given(bodies=mixed(), batch=batches, data=st.data())
@pytest.mark.timeout(900)
def test_after_deltas_rdf_is_as_if_built_anew_and_says_what_the_reader_says(
    bodies: list[Json], batch: int, data: st.DataObject
) -> None:
    then = AsOf(position=Position(data.draw(st.integers(1, len(bodies)))))
    assert_brought_along(bodies, batch, then, embedded)


@FEWER
@given(bodies=mixed(), batch=batches, data=st.data())
@pytest.mark.timeout(900)
def test_so_it_is_where_the_fold_state_stands_in_postgres(
    empty: Empty, bodies: list[Json], batch: int, data: st.DataObject
) -> None:
    then = AsOf(position=Position(data.draw(st.integers(1, len(bodies)))))
    assert_brought_along(bodies, batch, then, empty)

"""Attributes and relations are a function of the set of envelopes: in any order, under merges and renames, as of any
position; and the two ends of a relation tell the same."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from graph.model import AsOf, Instant, Position
from graph.reader import EntityQuery
from tests.property.folded import Empty, Graph, embedded, graph_of
from tests.reference.events import (
    DB,
    LAKE,
    Json,
    col,
    dataset,
    dataset_event,
    ds,
    fact,
    facts,
    lifecycle,
    location,
    micros,
    run_event,
    schema,
    symlinks,
    table,
    urn,
)
from tests.reference.state import Envelope
from tests.reference.test_reference import at, placed

EXAMPLES = settings(max_examples=80, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
FEWER = settings(
    EXAMPLES, max_examples=20, suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
)
MOMENTS = st.none() | st.integers(0, 9)
NAMES = ("a", "b", "c")
times = st.integers(0, 8)
names = st.sampled_from(NAMES)
targets = st.sampled_from([*map(ds, NAMES), ds("/a", LAKE), col("a", "x"), col("b", "x"), urn("term", DB, "t")])
people = st.sampled_from([None, None, "ann"])

Triple = tuple[str, str, str]


@st.composite
def governing(draw: st.DrawFn) -> Json:
    listed = draw(st.lists(targets.filter(lambda it: ":term:" not in it), max_size=3))
    return facts(draw(times), fact("Policy", draw(names), relations={"governs": listed}), by=draw(people))


@st.composite
def defining(draw: st.DrawFn) -> Json:
    terms = [urn("glossaryterm", DB, it) for it in draw(st.lists(st.sampled_from("tuv"), max_size=2))]
    column = (
        {"type": "Column", "path": "x"} if draw(st.booleans()) else {"type": draw(st.sampled_from(["Table", "Topic"]))}
    )
    namespace, name = draw(st.sampled_from([(DB, "a"), (DB, "b"), (LAKE, "/a")]))
    said = fact(name=name, relations={"definedBy": terms}, namespace=namespace, **column)
    said["attributes"] = {"sensitivity": draw(st.sampled_from(["public", "internal", None]))}
    return facts(draw(times), said, by=draw(people))


@st.composite
def naming(draw: st.DrawFn) -> Json:
    """What joins names, parts them, moves them on or lets them go."""
    when, name = draw(times), draw(names)
    other = draw(names.filter(lambda it: it != name))
    linked = draw(st.sampled_from([(), (location("/a"),), (table(other),)]))
    renamed = dataset(other, lifecycle("RENAME", name))
    return draw(
        st.sampled_from(
            [
                dataset_event(when, dataset(name, symlinks(*linked))),
                dataset_event(when, dataset(name, schema("x"))),
                dataset_event(when, dataset(name, schema("y"))),
                run_event(when, "COMPLETE", [], [renamed], run=f"r{when}{name}{other}"),
                run_event(when, "COMPLETE", [name], [other], run=f"w{when}{name}{other}"),
                facts(when, dropped=[ds(name)]),
            ]
        )
    )


@st.composite
def stories(draw: st.DrawFn) -> list[Json]:
    said = draw(st.lists(st.one_of(governing(), defining(), naming()), min_size=1, max_size=14))
    return list({json.dumps(body): body for body in said}.values())


def told(graph: Graph, valid: int | None, position: int | None = None) -> dict[str, Any]:
    """What is said of each entity and column, and every relation from either end."""
    as_of = AsOf(None if valid is None else Instant(valid), None if position is None else Position(position))
    found: dict[str, Any] = {}
    outgoing: set[Triple] = set()
    incoming: set[Triple] = set()
    with graph.snapshot(as_of) as snapshot:
        page = snapshot.entities(EntityQuery(include_dropped=True, first=10_000))
        columns = [it for one in page.records if one.kind == "dataset" for it in snapshot.columns(one)]
        for record in (*page.records, *columns):
            found[record.urn] = (record.type, record.dropped, snapshot.attributes(record))
            outgoing |= {(it.relation, it.source.urn, it.target.urn) for it in snapshot.relations(record)}
            incoming |= {(it.relation, it.source.urn, it.target.urn) for it in snapshot.related_from(record)}
    assert outgoing == incoming, (outgoing - incoming, incoming - outgoing)
    found["relations"] = sorted(outgoing)
    return found


def assert_alike(one: dict[str, Any], other: dict[str, Any], received: Sequence[Envelope]) -> None:
    differing = [f"{key}: {one.get(key)} and {other.get(key)}" for key in one.keys() | other.keys()
                 if one.get(key) != other.get(key)]  # fmt: skip
    assert not differing, "\n".join([*(f"{it.position}: {it.body.decode()}" for it in received), *differing])


def assert_any_order(bodies: list[Json], moment: int | None, shuffler: random.Random, empty: Empty) -> None:
    positions = list(range(1, len(bodies) + 1))
    received = placed(bodies, positions)
    with graph_of(received, empty=empty) as graph:
        in_order = told(graph, at(moment))
    shuffler.shuffle(positions)
    with graph_of(placed(bodies, positions), empty=empty) as graph:
        assert_alike(in_order, told(graph, at(moment)), placed(bodies, positions))


def assert_past(bodies: list[Json], moment: int | None, data: st.DataObject, empty: Empty) -> None:
    received = placed(bodies, list(range(1, len(bodies) + 1)))
    position = data.draw(st.integers(1, len(bodies)))
    batches = data.draw(st.lists(st.integers(1, 5), max_size=8))
    with graph_of(received, batches, empty) as graph:
        looked_back = told(graph, at(moment), position)
    with graph_of(received[:position], empty=empty) as graph:
        assert_alike(looked_back, told(graph, at(moment)), received)


@EXAMPLES
@given(stories(), MOMENTS, st.randoms(use_true_random=False))
def test_the_order_of_receipt_does_not_matter(bodies: list[Json], moment: int | None, shuffler: random.Random) -> None:
    assert_any_order(bodies, moment, shuffler, embedded)


@EXAMPLES
@given(stories(), MOMENTS, st.data())
def test_a_past_position_answers_like_a_graph_that_never_heard_more(
    bodies: list[Json], moment: int | None, data: st.DataObject
) -> None:
    assert_past(bodies, moment, data, embedded)


@EXAMPLES
@given(stories())
def test_the_present_is_what_is_true_at_an_instant_after_all(bodies: list[Json]) -> None:
    received = placed(bodies, list(range(1, len(bodies) + 1)))
    with graph_of(received) as graph:
        assert_alike(told(graph, None), told(graph, micros(10**6)), received)


@EXAMPLES
@given(st.lists(st.one_of(governing(), defining()), min_size=1, max_size=10), MOMENTS)
def test_where_nobody_has_two_names_the_newest_of_the_highest_rank_is_in_force(
    bodies: list[Json], moment: int | None
) -> None:
    """Read off the documents: of those up to the instant, a person's before a source's, then the latest."""
    received = placed(bodies, list(range(1, len(bodies) + 1)))
    best: dict[tuple[str, str, str], tuple[tuple[bool, str], Any]] = {}
    ties: set[tuple[str, str, str]] = set()
    for body in bodies:
        [said] = body["entities"]
        kind = {"Policy": "policy", "Column": "column"}.get(said["type"], "dataset")
        subject = urn(kind, said["namespace"], said["name"], *([said["path"]] if "path" in said else []))
        if moment is not None and body["at"] > f"2026-01-01T00:00:{moment:02}Z":
            continue
        for part in ("attributes", "relations"):
            for name, value in said.get(part, {}).items():
                order = ("by" in body, body["at"])
                held = best.get((subject, part, name))
                if held is not None and held[0] == order and held[1] != value:
                    ties.add((subject, part, name))  # a hash decides
                elif held is None or order > held[0]:
                    best[subject, part, name] = (order, value)
                    ties.discard((subject, part, name))
    with (
        graph_of(received) as graph,
        graph.snapshot(AsOf(None if moment is None else Instant(micros(moment)))) as snapshot,
    ):
        for (subject, part, name), (_, value) in best.items():
            record = snapshot.entity(subject)
            if record is None or (subject, part, name) in ties:
                continue
            if part == "attributes":
                assert snapshot.attributes(record).get(name) == value
            else:
                there = {it for it in value if snapshot.entity(it) is not None}
                assert {it.target.urn for it in snapshot.relations(record, name)} == there


@FEWER
@given(stories(), MOMENTS, st.randoms(use_true_random=False))
def test_the_order_of_receipt_does_not_matter_on_postgres(
    empty: Empty, bodies: list[Json], moment: int | None, shuffler: random.Random
) -> None:
    assert_any_order(bodies, moment, shuffler, empty)


@FEWER
@given(stories(), MOMENTS, st.data())
def test_a_past_position_answers_like_a_graph_that_never_heard_more_on_postgres(
    empty: Empty, bodies: list[Json], moment: int | None, data: st.DataObject
) -> None:
    assert_past(bodies, moment, data, empty)

"""What stands is a function of the set of envelopes, as of any instant and position, and the region that is kept from
one position to the next says what one made from scratch would."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from graph.cord import region_of
from graph.model import AsOf, Instant, Position
from graph.reader import EntityQuery
from graph.snapshot import Snapshot
from tests.property.folded import Graph, graph_of, tell
from tests.reference.events import (
    DB,
    Json,
    dataset,
    dataset_event,
    ds,
    fact,
    facts,
    job,
    lifecycle,
    location,
    restart,
    run_event,
    stop,
    symlinks,
    table,
    urn,
)
from tests.reference.state import Envelope
from tests.reference.stops import Standing, standing
from tests.reference.test_reference import at, placed

EXAMPLES = settings(max_examples=150, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
MOMENTS = st.none() | st.integers(0, 9)
TABLES, JOBS, STOPS = "abcde", "jkl", "stu"
times = st.integers(1, 8)
tables = st.sampled_from(TABLES)
some = st.lists(tables, min_size=1, max_size=2, unique=True)


@st.composite
def running(draw: st.DrawFn) -> Json:
    kind = draw(st.sampled_from(["COMPLETE", "COMPLETE", "COMPLETE", "START", "FAIL"]))
    run = f"r{draw(st.integers(1, 4))}"
    return run_event(draw(times), kind, draw(some), draw(some), job=draw(st.sampled_from(JOBS)), run=run)


@st.composite
def stopping(draw: st.DrawFn) -> Json:
    name = draw(st.sampled_from(STOPS))
    if draw(st.integers(0, 5)) == 0:
        return restart(draw(times), name)
    # A stop is said once: who pulls the cord again makes another.
    target = draw(st.sampled_from([*map(ds, TABLES), *map(job, JOBS)]))
    return stop(STOPS.index(name) + 1, target, draw(st.sampled_from(["block", "warn", "isolate"])), name)


@st.composite
def joining(draw: st.DrawFn) -> Json:
    linked = draw(st.sampled_from([(), (location("/a"),), (table("b"),)]))
    return dataset_event(draw(times), dataset(draw(tables), symlinks(*linked)))


@st.composite
def moving(draw: st.DrawFn) -> Json:
    """Renames, and data products."""
    name, other = draw(st.lists(tables, min_size=2, max_size=2, unique=True))
    product = urn("dataproduct", DB, "p")
    said = [
        run_event(draw(times), "COMPLETE", [], [dataset(other, lifecycle("RENAME", name))], run=f"n{name}{other}"),
        facts(draw(times), fact("Dataset", name, relations={"partOfProduct": draw(st.sampled_from([[], [product]]))})),
        facts(draw(times), fact("DataProduct", "p", relations={"outputPort": [ds(other)]})),
        stop(9, product, draw(st.sampled_from(["block", "isolate"])), "v"),
    ]
    return draw(st.sampled_from(said))


def once(bodies: list[Json]) -> list[Json]:
    """Without repetitions, and each stop said once."""
    distinct = {json.dumps(it): it for it in bodies}.values()
    return list({it.get("stop", index): it for index, it in enumerate(distinct)}.values())


histories = st.lists(st.one_of(running(), running(), running(), stopping(), joining()), min_size=6, max_size=18).map(
    once
)
stories = st.lists(
    st.one_of(running(), running(), running(), stopping(), joining(), moving()), min_size=6, max_size=18
).map(once)


def read(graph: Graph, valid: int | None = None, position: int | None = None) -> dict[str, dict[str, tuple[str, ...]]]:
    """By entity: each stop for which it stands, with the way to it."""
    as_of = AsOf(None if valid is None else Instant(valid), None if position is None else Position(position))
    with graph.snapshot(as_of) as snapshot:
        assert isinstance(snapshot, Snapshot)
        found = {}
        for record in snapshot.entities(EntityQuery(include_dropped=True, first=10_000)).records:
            if record.kind not in ("run", "stop") and (here := snapshot.stops_on(record)):
                found[record.urn] = {it.stop.urn: it.via for it in here}
                assert all(it.via[0] == it.stop.target and it.via[-1] == record.urn for it in here)
    return found


def hops(found: dict[str, dict[str, tuple[str, ...]]]) -> Standing:
    return {urn: {stop: len(via) for stop, via in here.items()} for urn, here in found.items()}


def told(received: Sequence[Envelope]) -> str:
    return "\n".join(f"{it.position}: {it.body.decode()}" for it in received)


@EXAMPLES
@given(histories, MOMENTS, st.randoms(use_true_random=False))
def test_what_stands_is_what_the_reference_says_in_any_order(
    bodies: list[Json], moment: int | None, shuffler: random.Random
) -> None:
    positions = list(range(1, len(bodies) + 1))
    shuffler.shuffle(positions)
    received = placed(bodies, positions)

    with graph_of(received) as graph:
        assert hops(read(graph, at(moment))) == standing(received, at(moment)), told(received)


@EXAMPLES
@given(histories, st.data())
def test_a_past_position_answers_like_a_reference_that_never_heard_more(
    bodies: list[Json], data: st.DataObject
) -> None:
    received = placed(bodies, list(range(1, len(bodies) + 1)))
    position = data.draw(st.integers(1, len(bodies)))

    with graph_of(received) as graph:
        assert hops(read(graph, position=position)) == standing(received[:position]), told(received)


@EXAMPLES
@given(stories, st.randoms(use_true_random=False))
def test_the_ways_are_the_same_whatever_the_order(bodies: list[Json], shuffler: random.Random) -> None:
    positions = list(range(1, len(bodies) + 1))
    received = placed(bodies, positions)
    with graph_of(received) as graph:
        in_order = read(graph)
    shuffler.shuffle(positions)
    with graph_of(placed(bodies, positions)) as graph:
        assert read(graph) == in_order, told(received)


@EXAMPLES
@given(stories)
def test_the_region_that_is_kept_says_what_a_fresh_one_would(bodies: list[Json]) -> None:
    received = placed(bodies, list(range(1, len(bodies) + 1)))
    with graph_of(received[:1]) as graph:
        for envelope in received[1:]:
            read(graph)  # which keeps it
            tell(graph, [envelope])
            with graph.snapshot() as snapshot:
                assert isinstance(snapshot, Snapshot)
                fresh = region_of(snapshot)
                for record in snapshot.entities(EntityQuery(include_dropped=True, first=10_000)).records:
                    assert snapshot.stops_on(record) == fresh.on(snapshot, record), told(received)

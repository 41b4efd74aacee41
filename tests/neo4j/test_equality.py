"""What Neo4j answers is what the fold state answers, and what deltas left is what a new generation would be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openlineage.client.serde import Serde

from examples.shop.history import history
from graph.model import PRESENT, AsOf, Position
from graph.reader import Direction, EntityQuery, Level, LineageAnswer, LineageQuery
from ontology import Ontology, load
from tests.contract.telling import dump, tell
from tests.neo4j.projected import Projected, projected, shown
from tests.reference.nasty import CASES
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.systems

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "openlineage" / "events"
OWN = Path(__file__).parents[1] / "data" / "openlineage"
SHOP = [json.loads(Serde.to_json(event)) for event in history(datetime(2026, 11, 23, 8, tzinfo=UTC))]


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


@pytest.fixture
def store(neo4j: Neo4jServer, words: Ontology, tmp_path: Path) -> Iterator[Projected]:
    with projected(tmp_path, neo4j, words) as store:
        yield store


def assert_same_answers(store: Projected) -> None:
    walks = store.projection.walks
    answered = dump(store, PRESENT)
    assert answered == dump(store.fold_state, PRESENT)
    if any(it.startswith("DATASET") for it in answered):
        assert store.projection.walks > walks, "the fold state answered itself"


def assert_shown_as_if_built_anew(store: Projected) -> None:
    left = shown(store.connection)
    store.projection.rebuild()
    store.projection.step()
    assert left == shown(store.connection)


@pytest.mark.timeout(300)
def test_nasty_histories_read_the_same_after_every_envelope(
    neo4j: Neo4jServer, words: Ontology, tmp_path: Path
) -> None:
    for index, case in enumerate(CASES):
        folder = tmp_path / str(index)
        with projected(folder, neo4j, words) as store:
            for body in case.bodies:
                tell(store, [body])
                assert_same_answers(store)


@pytest.mark.parametrize("batch", [1, 40])
def test_all_nasty_histories_in_one_graph_leave_what_a_new_generation_shows(store: Projected, batch: int) -> None:
    bodies = [body for case in CASES for body in case.bodies]
    tell(store, bodies[: len(bodies) // 2], batch)
    assert_shown_as_if_built_anew(store)
    tell(store, bodies[len(bodies) // 2 :], batch)
    assert_shown_as_if_built_anew(store)
    assert_same_answers(store)


def every_question(store: Projected) -> Iterator[LineageQuery]:
    with store.fold_state.snapshot() as snapshot:
        records = snapshot.entities(EntityQuery(include_dropped=True, first=1_000)).records
    datasets = [it.urn for it in records if it.kind in ("dataset", "dashboard", "model")]
    jobs = [it.urn for it in records if it.kind == "job"]
    types, namespaces = {it.type for it in records}, {it.namespace for it in records}
    for urn in datasets:
        for direction in Direction:
            yield LineageQuery((urn,), direction, 3)
        yield LineageQuery((urn,), depth=2, level=Level.COLUMN)
        yield LineageQuery((urn,), depth=10**6, limit=5)
        for type in sorted(types):
            yield LineageQuery((urn,), depth=2, types=frozenset({type}))
        for namespace in sorted(namespaces):
            yield LineageQuery((urn,), depth=10, namespaces=frozenset({namespace}))
    for urn in jobs:
        yield LineageQuery((urn,), depth=2, level=Level.JOB)
        yield LineageQuery((urn,), depth=2)
    yield LineageQuery(tuple(datasets), depth=1, with_hidden=False, with_evidence=False, with_intervals=False)


def answer(store: Any, query: LineageQuery) -> LineageAnswer:
    with store.snapshot() as snapshot:
        found: LineageAnswer = snapshot.lineage(query)
        return found


@pytest.mark.timeout(300)
def test_every_question_about_the_demo_estate_is_answered_alike(store: Projected) -> None:
    tell(store, SHOP, 50)
    walks = store.projection.walks
    questions = list(every_question(store))
    for query in questions:
        assert answer(store, query) == answer(store.fold_state, query), query
    assert store.projection.walks == walks + len(questions)
    with store.snapshot() as ours, store.fold_state.snapshot() as other:
        urns = [
            it.urn for it in other.entities(EntityQuery(first=1_000)).records if it.kind in ("dataset", "dashboard")
        ]
        for source in urns[::3]:
            for target in urns[::2]:
                assert ours.paths(source, target, Level.DATASET) == other.paths(source, target, Level.DATASET)
    assert_shown_as_if_built_anew(store)


def corpora() -> Sequence[Path]:
    own = sorted(OWN.glob("*.ndjson"))
    return [*own, *(sorted(SHARED.glob("*/replay.ndjson")) if SHARED.is_dir() else [])]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", corpora(), ids=lambda it: f"{it.parent.name}-{it.stem}")
def test_recorded_events_of_real_producers_read_the_same(store: Projected, path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    events = [it["event"] for it in lines if it.get("grade") != "reject"] if "event" in lines[0] else lines
    tell(store, events, 100)
    assert_same_answers(store)
    assert_shown_as_if_built_anew(store)


def test_the_past_is_read_from_the_fold_state(store: Projected) -> None:
    tell(store, SHOP, 100)
    walks = store.projection.walks
    for position in (1, len(SHOP) // 2):
        as_of = AsOf(position=Position(position))
        assert dump(store, as_of) == dump(store.fold_state, as_of)
    assert store.projection.walks == walks

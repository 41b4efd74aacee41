"""What deltas left in a triple store is what building it anew would put there, after any history."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from openlineage.client.serde import Serde

from examples.shop.history import history
from graph.rdf.terms import Terms
from graph.sqlite import SqliteGraph
from ontology import Ontology, load
from tests.contract.telling import tell
from tests.rdf.projected import MemoryStore, Projected, assert_as_if_built_anew, held
from tests.reference.events import (
    LAKE,
    Json,
    col,
    column_lineage,
    dataset,
    dataset_event,
    ds,
    fact,
    facts,
    input_field,
    job,
    lifecycle,
    location,
    mutation,
    run_event,
    schema,
    symlinks,
    urn,
)
from tests.reference.histories import histories
from tests.reference.nasty import CASES

WORDS = load()
TERMS = Terms(WORDS)
SHOP = [json.loads(Serde.to_json(event)) for event in history(datetime(2026, 11, 23, 8, tzinfo=UTC))]


@pytest.fixture
def store(fold: SqliteGraph, terms: Terms) -> Projected:
    return Projected(fold, MemoryStore(), terms)


def governing(second: int, *targets: str, name: str = "gdpr", by: str | None = None) -> Json:
    return facts(second, fact("Policy", name, relations={"governs": targets}), by=by)


def tagged(name: str, tags: list[str], owners: list[str]) -> Json:
    return fact("Dataset", name, tags=[{"key": it} for it in tags], owners=[{"name": it} for it in owners])


def of_column(second: int, path: str, *terms: str) -> Json:
    meant = {"definedBy": [urn("glossaryterm", "book", it) for it in terms]}
    return facts(second, fact("Column", "a", {"personalData": True}, meant, path=path))


FACTS: dict[str, list[Json]] = {
    "targets come and go": [
        governing(1, ds("a"), ds("b")), governing(3, ds("b"), ds("c")), governing(2, ds("a")), governing(5),
    ],
    "a person's word, then a source's": [
        governing(1, ds("a")), governing(2, ds("b"), by="ann"), governing(3, ds("c")), governing(4, by="ann"),
    ],
    "attributes change and end": [
        facts(1, fact("Dataset", "a", {"rowCount": 3, "sensitivity": "public"})),
        facts(2, fact("Dataset", "a", {"sensitivity": "restricted"}), by="ann"),
        facts(3, fact("Dataset", "a", {"rowCount": None})),
    ],
    "a column that is related to goes, and comes back": [
        dataset_event(1, dataset("a", schema("x", "y.z"))), governing(2, col("a", "y.z")), of_column(3, "y.z", "t"),
        dataset_event(5, dataset("a", schema("x"))), dataset_event(6, dataset("a", schema("x", "y.z"))),
    ],
    "a column that others are made of goes, and comes back": [
        run_event(1, "COMPLETE", [dataset("a", schema("x", "y"))],
                  [dataset("b", schema("z"), column_lineage({"z": [input_field("a", "x")]}))]),
        dataset_event(2, dataset("a", schema("y"))), dataset_event(3, dataset("a", schema("x", "y"))),
    ],
    "merged names, and split again": [
        governing(1, ds("a")), governing(2, ds("/a", LAKE), name="other"),
        run_event(2, "COMPLETE", ["a"], ["b"]),
        run_event(2, "START", [dataset("/a", namespace=LAKE)], ["c"], run="r2", job="j2"),
        dataset_event(4, dataset("a", symlinks(location("/a")))), dataset_event(6, dataset("a", symlinks())),
    ],
    "a rename, and a new bearer of the name": [
        dataset_event(1, "a"), governing(2, ds("a")), run_event(2, "COMPLETE", ["a"], ["z"], run="r0"),
        run_event(3, "COMPLETE", [], [dataset("b", lifecycle("RENAME", "a"))]),
        run_event(5, "COMPLETE", [], ["a"], run="r2"), governing(6, ds("a")),
    ],
    "words are described while somebody uses them": [
        facts(1, tagged("a", ["pii", "gold"], ["ann"])),
        facts(1, tagged("b", ["pii"], ["ann", "ben"])),
        facts(2, tagged("a", [], [])),
        facts(3, tagged("b", ["gold"], ["ben"])),
        mutation(4, "addTag", ds("a"), key="pii", value=None), mutation(5, "removeTag", ds("a"), key="pii"),
    ],
    "lineage said outright": [
        run_event(1, "COMPLETE", ["a"], ["b"]),
        facts(2, fact("ModelVersion", "churn/1", relations={"trainedOn": [ds("b")]}, namespace="mlflow")),
        facts(4, fact("ModelVersion", "churn/1", relations={"trainedOn": [ds("c")]}, namespace="mlflow")),
        facts(5, fact("ModelVersion", "churn/1", relations={"trainedOn": []}, namespace="mlflow")),
    ],
    "what is dropped": [
        governing(1, ds("a")), facts(2, dropped=[ds("a"), urn("policy", "postgres://db:5432", "gdpr")]),
    ],
}  # fmt: skip
HISTORIES = [*((case.name, list(case.bodies)) for case in CASES), *FACTS.items()]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bodies", [bodies for _, bodies in HISTORIES], ids=[name for name, _ in HISTORIES])
def test_a_history_leaves_what_a_build_makes_after_every_envelope(store: Projected, bodies: list[Json]) -> None:
    for number, body in enumerate(bodies, start=1):
        tell(store, [body])
        assert_as_if_built_anew(store, f"envelope {number}")
    assert held(store.store)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("batch", [1, 40])
def test_all_histories_in_one_graph(store: Projected, batch: int) -> None:
    bodies = [body for _, several in HISTORIES for body in several]
    half = len(bodies) // 2
    for some in (bodies[:half], bodies[half:]):
        tell(store, some, batch)
        assert_as_if_built_anew(store)


def test_the_demo_estate(store: Projected) -> None:
    for first in range(0, len(SHOP), 100):
        tell(store, SHOP[first : first + 100], 10)
        assert_as_if_built_anew(store)


def test_it_goes_on_after_a_restart_from_what_the_store_holds(
    store: Projected, words: Ontology, tmp_path: Path
) -> None:
    tell(store, SHOP[:200], 10)
    again = Projected(store.fold_state, store.store, store.terms)
    for first in range(200, len(SHOP), 70):
        tell(again, SHOP[first : first + 70], 7)
        assert_as_if_built_anew(again)


def test_a_run_that_only_repeats_what_is_known_renews_times(store: Projected) -> None:
    tell(store, [run_event(1, "COMPLETE", ["a"], ["b"])])
    before = held(store.store)
    tell(store, [run_event(2, "COMPLETE", ["a"], ["b"], run="r2")])
    gone = before - held(store.store)
    assert {line.split()[1] for line in gone} == {
        "<https://andon.dev/ns#updatedAt>", "<http://purl.org/dc/terms/modified>"
    }  # fmt: skip
    assert {line.split()[0] for line in gone} == {f"<{it}>" for it in (ds("a"), ds("b"), job())}


@st.composite
def related(draw: st.DrawFn) -> Json:
    """A policy governs some of the tables, or a column of one."""
    names = draw(st.lists(st.sampled_from(["a", "b", "t", "u"]), max_size=2, unique=True))
    targets = [col(it, "x") if draw(st.booleans()) else ds(it) for it in names]
    return governing(draw(st.integers(1, 8)), *targets, name=draw(st.sampled_from(["one", "two"])))


@st.composite
def mixed(draw: st.DrawFn) -> list[Json]:
    bodies = list(draw(histories()))
    for body in draw(st.lists(related(), max_size=4)):
        bodies.insert(draw(st.integers(0, len(bodies))), body)
    return bodies


@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(bodies=mixed(), batch=st.sampled_from([1, 1, 3]))
@pytest.mark.timeout(600)
def test_generated_histories(bodies: list[Json], batch: int) -> None:
    with TemporaryDirectory() as folder:
        fold = SqliteGraph(Path(folder) / "graph.db", WORDS)
        store = Projected(fold, MemoryStore(), TERMS)
        try:
            for first in range(0, len(bodies), batch):
                tell(store, bodies[first : first + batch], batch)
                assert_as_if_built_anew(store, f"after {first}")
        finally:
            fold.close()

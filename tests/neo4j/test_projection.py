"""The fence, generations built beside the running one, and walks that cost what they visit."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from neo4j import ManagedTransaction

from graph.errors import Unavailable
from graph.model import PRESENT
from graph.neo4j import Connection, Neo4jGraph, connection
from graph.neo4j.delta import difference, fold_id, key_of, whole
from graph.neo4j.reading import Neo4jEdges
from graph.neo4j.words import Labels
from graph.neo4j.writing import Fenced, State, Writer
from graph.reader import Direction, LineageQuery
from graph.snapshot import Snapshot
from graph.sqlite import SqliteGraph
from ontology import Ontology, load
from tests.contract.telling import dump, tell
from tests.neo4j.projected import Projected, projected, shown
from tests.reference.events import Json, documentation, run_event
from tests.servers.neo4j import Neo4jServer


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


@pytest.fixture
def store(neo4j: Neo4jServer, words: Ontology, tmp_path: Path) -> Iterator[Projected]:
    with projected(tmp_path, neo4j, words) as store:
        yield store


def copies(count: int, source: str = "hub") -> list[Json]:
    """So many jobs that each copy the source to a table of their own."""
    return [
        run_event(
            second, "COMPLETE", [source], [f"{source}_{second}"], job=f"{source}{second}", run=f"{source}{second}"
        )
        for second in range(1, count + 1)
    ]


def writer(store: Projected, words: Ontology, token: int = 1) -> Writer:
    return Writer(store.connection, Labels(words), lambda: token)


def told(store: Projected, bodies: list[Json]) -> None:
    """Fold without projecting."""
    tell(store.fold_state, bodies)


def delta_since(store: Projected, state: State) -> Any:
    with store.fold_state.snapshot() as snapshot:
        assert isinstance(snapshot, Snapshot)
        return difference(snapshot, state.mark, state.generation, 10_000)


# The fence


def test_a_delta_that_is_applied_again_changes_nothing(store: Projected, words: Ontology) -> None:
    ours = writer(store, words)
    before = ours.state()
    told(store, copies(3))
    delta = delta_since(store, before)
    after = ours.apply(delta, before)
    once = shown(store.connection)
    assert ours.apply(delta, before) == after
    assert shown(store.connection) == once
    assert ours.state().mark == after.mark


def test_a_process_that_begins_writes_anew_only_what_differs(store: Projected, words: Ontology) -> None:
    """What Neo4j shows of an entity tells by a hash that it is as it was, whoever wrote it."""
    tell(store, copies(3))
    ours = writer(store, words)
    state = ours.state()
    again = run_event(20, "COMPLETE", ["hub"], ["hub_1"], job="hub1", run="later")
    described = run_event(
        21, "COMPLETE", ["hub"], ["hub_2"], job="hub2", run="last", job_facets=documentation("Copies the hub.")
    )
    told(store, [again, described])

    def held(entities: Sequence[int]) -> Mapping[int, int]:
        found = ours.hashes([key_of(state.generation, it) for it in entities])
        return {fold_id(key): hash for key, hash in found.items()}

    with store.fold_state.snapshot() as snapshot:
        assert isinstance(snapshot, Snapshot)
        delta = difference(snapshot, state.mark, state.generation, 10_000, held)
    assert delta is not None
    written = [row["properties"]["name"] for rows in delta.entities.values() for row in rows]
    assert written == ["hub2"]
    assert len(delta.renewed) == 4  # the first job and its output, the second's output, and what both read
    ours.apply(delta, state)
    left = shown(store.connection)
    store.projection.rebuild()
    store.projection.step()
    assert left == shown(store.connection)


def test_a_delta_from_an_earlier_position_is_refused_and_writes_nothing(store: Projected, words: Ontology) -> None:
    ours = writer(store, words)
    early = ours.state()
    told(store, copies(2))
    late = delta_since(store, early)
    told(store, copies(4)[2:])
    store.projection.step()
    held = shown(store.connection)
    with pytest.raises(Fenced, match="another projection writes there"):
        ours.apply(late, early)
    assert shown(store.connection) == held


def test_whoever_lost_the_lease_writes_nothing(store: Projected, words: Ontology) -> None:
    successor, deposed = writer(store, words, token=8), writer(store, words, token=7)
    state = successor.state()
    told(store, copies(1))
    state = successor.apply(delta_since(store, state), state)
    told(store, copies(2)[1:])
    delta = delta_since(store, state)
    with pytest.raises(Fenced, match="lease"):
        deposed.apply(delta, state)
    assert successor.state().mark == state.mark


def test_a_write_that_stands_still_is_ended_so_that_others_can(
    store: Projected, words: Ontology, monkeypatch: pytest.MonkeyPatch
) -> None:
    successor = writer(store, words)
    told(store, copies(1))
    state = successor.state()
    delta = delta_since(store, state)
    standing, over = threading.Event(), threading.Event()

    def stand_still(transaction: ManagedTransaction) -> None:
        transaction.run("MATCH (a:Andon) SET a.lockedAt = 0").consume()
        standing.set()
        over.wait(60)
        transaction.run("RETURN 1").consume()

    with ThreadPoolExecutor(1) as threads:
        monkeypatch.setattr(connection, "_WRITE_SECONDS", 1.0)
        still = threads.submit(store.connection.write, stand_still)
        assert standing.wait(30)
        monkeypatch.undo()
        successor.apply(delta, state)
        over.set()
        with pytest.raises(Unavailable):
            still.result(30)
    assert successor.state().mark == delta.mark


def test_a_process_that_does_not_fold_follows_and_reads(store: Projected, words: Ontology) -> None:
    tell(store, copies(3))
    follower = Neo4jGraph(store.fold_state, lambda: _At(store), store.connection, words, token=lambda: 0)
    follower.projection.step()
    with follower.snapshot() as snapshot:
        answer = snapshot.lineage(LineageQuery((_urn(store, "hub"),)))
    assert (len(answer.edges), follower.projection.walks) == (3, 1)
    told(store, copies(4)[3:])
    assert follower.projection.step(), "it is to look again: the fold state is ahead"
    assert follower.projection.position == 3


class _At:
    def __init__(self, store: Projected) -> None:
        self.position = store.position()

    def await_position(self, position: int, timeout: float) -> bool:
        return True

    def rebuild(self) -> None: ...


def _urn(store: Projected, name: str) -> str:
    with store.fold_state.snapshot() as snapshot:
        found = snapshot.find(frozenset({"dataset"}), "postgres://db:5432", name)
        assert found is not None
        return found.urn


# Generations


def test_readers_keep_the_running_generation_while_another_is_built(store: Projected, words: Ontology) -> None:
    tell(store, copies(5))
    ours = writer(store, words)
    held = ours.state()
    before = shown(store.connection)
    seen = []

    def looked_at(parts: Iterator[Any]) -> Iterator[Any]:
        for part in parts:
            yield part
            seen.append(dump(store, PRESENT) == dump(store.fold_state, PRESENT) and store.projection.walks)

    with store.fold_state.snapshot() as snapshot:
        assert isinstance(snapshot, Snapshot)
        built = ours.build(looked_at(whole(snapshot, held.generation + 1)), held, held.generation + 1, held.mark)
    assert seen and all(seen)
    assert built.generation == held.generation + 1
    assert shown(store.connection) == before
    with store.connection.reading() as ask:
        [[least]] = ask("MATCH (n:Entity) RETURN min(n.key)")
    assert least >= key_of(built.generation, 0)


def test_a_build_that_broke_off_leaves_the_running_generation_and_is_cleared_away(
    store: Projected, words: Ontology
) -> None:
    tell(store, copies(5))
    ours = writer(store, words)
    held = ours.state()

    def broken(parts: Iterator[Any]) -> Iterator[Any]:
        yield next(parts)
        raise Unavailable("the power is gone")

    with store.fold_state.snapshot() as snapshot, pytest.raises(Unavailable):
        assert isinstance(snapshot, Snapshot)
        ours.build(broken(whole(snapshot, held.generation + 1)), held, held.generation + 1, held.mark)
    assert dump(store, PRESENT) == dump(store.fold_state, PRESENT)
    store.projection.rebuild()
    store.projection.step()
    clean = shown(store.connection)
    tell(store, copies(6)[5:])
    assert dump(store, PRESENT) == dump(store.fold_state, PRESENT)
    assert len(shown(store.connection)) > len(clean)


def test_a_fold_state_made_anew_gets_a_generation_of_its_own(store: Projected) -> None:
    tell(store, copies(4))
    generation = store.projection.generation
    store.reset()
    told(store, copies(6, "other"))
    with store.snapshot() as snapshot:  # Neo4j still has the former one, and is not asked
        walks = store.projection.walks
        assert len(snapshot.lineage(LineageQuery((_urn(store, "other"),))).edges) == 6
        assert store.projection.walks == walks
    store.projection.step()
    assert store.projection.generation > generation
    assert dump(store, PRESENT) == dump(store.fold_state, PRESENT)


def test_a_backlog_greater_than_a_transaction_should_be_is_a_new_generation(
    store: Projected, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(store, copies(1))
    generation = store.projection.generation
    monkeypatch.setattr("graph.neo4j.projection._REBUILD_ROWS", 5)
    told(store, copies(8)[1:])
    store.projection.step()
    assert store.projection.generation == generation + 1
    assert dump(store, PRESENT) == dump(store.fold_state, PRESENT)


# Being away


def test_while_neo4j_is_away_the_fold_state_answers(words: Ontology, tmp_path: Path) -> None:
    away = Connection("bolt://127.0.0.1:9", "neo4j", "never told")
    fold = SqliteGraph(tmp_path / "graph.db", words)
    tell(fold, copies(2))
    graph = Neo4jGraph(fold, lambda: _Folded(fold), away, words)
    with pytest.raises(Unavailable) as raised:
        graph.projection.step()
    assert "never told" not in str(raised.value)
    assert graph.await_position(2, 5.0)
    assert graph.position == 2
    with graph.snapshot() as snapshot:
        urn = "urn:andon:dataset:postgres%3A%2F%2Fdb%3A5432:hub"
        assert len(snapshot.lineage(LineageQuery((urn,))).edges) == 2
    away.close()
    fold.close()


class _Folded:
    def __init__(self, fold: Any) -> None:
        self._fold = fold

    @property
    def position(self) -> int:
        return int(self._fold.position())

    def await_position(self, position: int, timeout: float) -> bool:
        return self.position >= position

    def rebuild(self) -> None: ...


# Walks


def test_a_hub_is_walked_one_query_a_hop_and_each_node_is_visited_once(
    store: Projected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand tables of the hub that all flow into one: each is met once, whatever the number of ways there."""
    wide = 2_000
    names = [f"part_{index}" for index in range(wide)]
    bodies = [
        run_event(1, "COMPLETE", ["hub"], names, job="split", run="split"),
        run_event(2, "COMPLETE", names, ["joined"], job="join", run="join"),
        run_event(3, "COMPLETE", ["joined"], ["hub_report"], job="report", run="report"),
    ]
    tell(store, bodies)
    asked: list[int] = []
    holding = Neo4jEdges.holding

    def counted(self: Neo4jEdges, nodes: Any, upstream: bool, kinds: tuple[int, ...]) -> Any:
        listed = list(nodes)
        asked.append(len(listed))
        return holding(self, listed, upstream, kinds)

    monkeypatch.setattr(Neo4jEdges, "holding", counted)
    with store.snapshot() as snapshot:
        answer = snapshot.lineage(LineageQuery((_urn(store, "hub"),), Direction.DOWNSTREAM, 10, with_hidden=False))
    assert asked[:4] == [1, wide, 1, 1]
    assert (answer.total_nodes, len(answer.edges)) == (wide + 3, 2 * wide + 1)


def test_words_of_the_ontology_become_labels(words: Ontology) -> None:
    labels = Labels(words)
    assert labels.worn("View") == ":Dataset:Table:View"
    assert labels.worn("Column") == ":Column"
    assert "Topic" in labels.others("View") and "Table" not in labels.others("View").split(":")

"""What every triple store promises: on disk, at an Oxigraph server, at a Fuseki."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from graph.changed import mark_of
from graph.errors import AndonError, Conflict, Unavailable
from graph.model import Position
from graph.rdf.delta import difference, whole
from graph.rdf.projection import Projection
from graph.rdf.remote import RemoteStore, Server
from graph.rdf.store import TripleStore
from graph.rdf.syntax import Quad
from graph.rdf.terms import Terms
from graph.rdf.updating import Held
from graph.snapshot import Snapshot
from graph.sqlite import SqliteGraph
from ontology import Ontology
from tests.contract.telling import tell
from tests.rdf.conftest import emptied
from tests.rdf.projected import AnyStore, Projected, assert_as_if_built_anew, described, held
from tests.rdf.test_equality import HISTORIES, SHOP, governing
from tests.reference.events import ds, fact, facts, run_event
from tests.servers.oxigraph import OxigraphServer


def held_in(store: TripleStore) -> Held:
    found = store.held()
    assert found is not None
    return found


@pytest.mark.timeout(300)
def test_histories_leave_what_a_build_makes(projected: Projected) -> None:
    for name, bodies in HISTORIES[::4]:
        tell(projected, bodies, 3)
        assert_as_if_built_anew(projected, name)


@pytest.mark.timeout(300)
def test_the_demo_estate_is_there_whole(projected: Projected) -> None:
    tell(projected, SHOP, 50)
    assert_as_if_built_anew(projected)
    projected.projection.rebuild()
    projected.projection.step()
    assert_as_if_built_anew(projected)


def test_it_is_found_again_where_it_was_left(
    open_store: Callable[[], AnyStore], fold: SqliteGraph, terms: Terms
) -> None:
    first = open_store()
    tell(Projected(fold, first, terms), [run_event(1, "COMPLETE", ["a"], ["b"])])
    left = held_in(first)
    first.close()
    again = open_store()
    assert again.held() == left
    tell(Projected(fold, again, terms), [run_event(2, "COMPLETE", ["b"], ["c"], job="k", run="r2")])
    assert held(again) == described(fold, terms)
    assert held_in(again).mark.position == Position(2)


def test_an_empty_store_holds_nothing(open_store: Callable[[], AnyStore]) -> None:
    store = open_store()
    assert store.held() is None
    store.close()


def test_what_no_name_should_have_comes_through(projected: Projected) -> None:
    names = ['"quoted" \\ {"a": 1}', "line\nbreak\ttab", "<angle> #hash", "ünïcödé 表 🙂", "a;b . c"]
    tell(projected, [facts(1, *(fact("Dataset", name, description=name) for name in names))])
    assert_as_if_built_anew(projected)
    told = {line for line in held(projected.store) if "dc/terms/description" in line}
    assert len(told) == len(names)


def test_a_build_that_breaks_off_leaves_nothing_that_counts(
    open_store: Callable[[], AnyStore], fold: SqliteGraph, terms: Terms
) -> None:
    store = open_store()
    projected = Projected(fold, store, terms)
    tell(projected, SHOP[:20], 20)
    before = held_in(store)

    def breaking() -> object:
        with fold.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            yield from whole(snapshot, terms)
        raise Unavailable("broken off")

    with pytest.raises(Unavailable, match="broken off"):
        store.build(breaking(), replace(before, fingerprint="another"))  # type: ignore[arg-type]
    assert store.held() in (before, None), "what is half built is not taken for whole"
    again = Projected(fold, store, terms)
    assert_as_if_built_anew(again)


def test_rdf_of_a_former_fold_state_is_forgotten(
    open_store: Callable[[], AnyStore], fold: SqliteGraph, terms: Terms
) -> None:
    store = open_store()
    tell(Projected(fold, store, terms), SHOP[:5])
    incarnation = held_in(store).mark.incarnation
    store.forget_others(incarnation)
    assert store.held() is not None
    store.forget_others(incarnation + 1)
    assert store.held() is None


# Only where several may write to one store


@pytest.fixture
def server(oxigraph_server: OxigraphServer) -> Server:
    emptied(oxigraph_server.server)
    return oxigraph_server.server


def test_whoever_starts_from_another_mark_writes_nothing(server: Server, fold: SqliteGraph, terms: Terms) -> None:
    ours, deposed = Projected(fold, RemoteStore(server), terms), RemoteStore(server)
    early = held_in(deposed)
    tell(ours, [run_event(1, "COMPLETE", ["a"], ["b"])])
    left = held(ours.store)
    with fold.snapshot() as snapshot:
        assert isinstance(snapshot, Snapshot)
        delta = difference(snapshot, early.mark, terms, 1_000, {})
    assert delta is not None and delta.quads
    delta.quads = [quad for quad in delta.quads if "dc/terms" not in quad[1]]
    with pytest.raises(Unavailable, match="another Andon"):
        deposed.apply(delta, early, replace(early, fingerprint="deposed"))
    assert held(ours.store) == left


def test_a_process_that_does_not_fold_follows(server: Server, fold: SqliteGraph, terms: Terms) -> None:
    follower = Projection(fold, fold.position, RemoteStore(server), terms, token=lambda: 0)
    with pytest.raises(Unavailable, match="another process"):
        follower.step()
    tell(Projected(fold, RemoteStore(server), terms), SHOP[:10], 5)
    follower.step()
    assert follower.position == Position(10)


def test_a_store_with_something_of_others_in_it_is_left_alone(server: Server, fold: SqliteGraph, terms: Terms) -> None:
    store = RemoteStore(server)
    store._update(["INSERT DATA { <urn:theirs> <urn:is> <urn:precious> }"])
    with pytest.raises(Conflict, match="name an empty one"):
        Projected(fold, store, terms)
    assert held(store) == {"<urn:theirs> <urn:is> <urn:precious> ."}


class _Breaking(RemoteStore):
    """Counts the updates that it sends, and sends no more than `limit`."""

    limit = 10**9
    sent = 0

    def _update(self, operations: Iterable[str]) -> None:
        if self.sent >= self.limit:
            raise Unavailable("broken off")
        self.sent += 1
        super()._update(operations)


@pytest.fixture
def small_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.rdf.remote._UPDATE_BYTES", 20_000)
    monkeypatch.setattr("graph.rdf.updating.AT_ONCE", 50)


@pytest.mark.usefixtures("small_requests")
def test_a_large_update_goes_in_parts_with_the_mark_last(server: Server, fold: SqliteGraph, terms: Terms) -> None:
    store = _Breaking(server)
    projected = Projected(fold, store, terms)
    tell(projected, SHOP[:5], 5)
    before = store.sent
    tell(projected, SHOP[5:80], 75)
    assert store.sent - before > 3
    assert_as_if_built_anew(projected)


COMING = [
    facts(1, *(fact("Dataset", f"t{it}", {"rowCount": it}, tags=[{"key": f"tag{it}"}]) for it in range(40))),
    governing(1, *(ds(f"t{it}") for it in range(40))),
]
GOING = [
    facts(2, *(fact("Dataset", f"t{it}", {"rowCount": None}, tags=[], description="new") for it in range(40))),
    governing(2),
]


@pytest.mark.usefixtures("small_requests")
def test_a_large_update_that_breaks_off_anywhere_leaves_nothing_that_counts(
    server: Server, terms: Terms, words: Ontology, tmp_path: Path
) -> None:
    """Half of it would leave what is found by the other half: inverses, and what describes a tag."""
    limit, is_done = 0, False
    while not is_done:
        emptied(server)
        fold = SqliteGraph(tmp_path / str(limit) / "graph.db", words)
        store = _Breaking(server)
        tell(Projected(fold, store, terms), COMING)
        store.limit = store.sent + limit
        projected = Projected(fold, store, terms)
        tell(fold, GOING)
        try:
            projected.projection.step()
            is_done = True
        except Unavailable:
            assert store.held() is None or held(store) != described(fold, terms)
        store.limit = 10**9
        assert_as_if_built_anew(Projected(fold, store, terms), f"after {limit} requests")
        fold.close()
        limit += 1
    assert limit > 4, "it went in parts"


@pytest.mark.parametrize("store_url", [True, False], ids=["graph store protocol", "updates"])
def test_of_two_that_build_at_once_one_gives_up(
    server: Server, fold: SqliteGraph, terms: Terms, monkeypatch: pytest.MonkeyPatch, store_url: bool
) -> None:
    monkeypatch.setattr("graph.rdf.remote._LOAD_BYTES", 10_000)
    server = server if store_url else replace(server, store_url="")
    tell(fold, SHOP[:20], 20)
    slow, fast = RemoteStore(server), RemoteStore(server)

    def parts_of_the_slow_one() -> Iterator[list[Quad]]:
        yield [(f"<urn:stale:{it}>", "<urn:p>", f'"{it}"', "") for it in range(1_000)]
        Projected(fold, fast, terms)
        yield [(f"<urn:staler:{it}>", "<urn:p>", f'"{it}"', "") for it in range(1_000)]

    with fold.snapshot() as snapshot:
        assert isinstance(snapshot, Snapshot)
        mark = mark_of(snapshot)
    with pytest.raises(Unavailable, match="another Andon"):
        slow.build(parts_of_the_slow_one(), Held(mark, "stale"))
    assert held(fast) == described(fold, terms)


def test_a_process_that_folds_no_more_stops_building(server: Server, fold: SqliteGraph, terms: Terms) -> None:
    tell(fold, SHOP[:20], 20)
    tokens = iter([1, 0])
    deposed = Projection(fold, fold.position, RemoteStore(server), terms, token=lambda: next(tokens, 0))
    with pytest.raises(Unavailable, match="another process"):
        deposed.step()
    assert RemoteStore(server).held() is None


def test_without_the_graph_store_protocol_it_is_loaded_by_updates(
    server: Server, fold: SqliteGraph, terms: Terms
) -> None:
    tell(fold_only := Projected(fold, RemoteStore(replace(server, store_url="")), terms), SHOP[:60], 60)
    fold_only.projection.rebuild()
    fold_only.projection.step()
    assert_as_if_built_anew(fold_only)


def test_a_server_that_is_away_is_unavailable_and_its_password_is_not_told(terms: Terms) -> None:
    store = RemoteStore(Server("http://127.0.0.1:9/query", "http://127.0.0.1:9/update", "", "andon", "geheim-geheim"))
    with pytest.raises(AndonError) as caught:
        store.held()
    assert isinstance(caught.value, Unavailable)
    assert "geheim" not in str(caught.value)


@pytest.mark.systems
def test_a_wrong_password_is_told_as_such(request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("fuseki").server
    with pytest.raises(Unavailable, match="sparql_password"):
        RemoteStore(replace(server, password="wrong")).held()

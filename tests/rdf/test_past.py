"""The graph as of past instants: what it says, made once, kept within bounds, forgotten where it must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyoxigraph import Store

from graph.errors import TooLarge, Unavailable
from graph.model import AsOf, Instant, Position
from graph.rdf.past import Past
from graph.rdf.terms import Terms
from graph.sqlite import SqliteGraph
from ontology import Ontology
from tests.contract.telling import tell
from tests.rdf.projected import described
from tests.rdf.test_equality import HISTORIES, SHOP
from tests.reference.events import micros

MakePast = Callable[..., Past]


@pytest.fixture
def past_of(fold: SqliteGraph, terms: Terms, tmp_path: Path) -> Iterator[MakePast]:
    made: list[Past] = []

    def make(states: int = 3, triples: int = 10**6) -> Past:
        made.append(Past(fold.snapshot, terms, tmp_path / "past", states=states, triples=triples))
        return made[-1]

    yield make
    for it in made:
        it.close()


def read(past: Past, as_of: AsOf) -> set[str]:
    with past.reading(as_of, 60) as state:
        return {f"{quad} ." for quad in Store.read_only(str(state.folder))}


def test_as_of_a_position_it_is_what_a_graph_of_the_first_envelopes_says(
    past_of: MakePast, fold: SqliteGraph, words: Ontology, terms: Terms, tmp_path: Path
) -> None:
    bodies = [body for _, several in HISTORIES[::6] for body in several] + SHOP[:40]
    tell(fold, bodies, 10)
    past = past_of()
    for position in (3, len(bodies) // 2, len(bodies) - 1):
        early = SqliteGraph(tmp_path / str(position) / "graph.db", words)
        tell(early, bodies[:position], 10)
        assert read(past, AsOf(position=Position(position))) == described(early, terms)
        early.close()


def test_as_of_an_instant_it_is_what_the_snapshot_then_says(past_of: MakePast, fold: SqliteGraph, terms: Terms) -> None:
    tell(fold, [body for _, several in HISTORIES[::5] for body in several], 20)
    past = past_of()
    for second in (1, 3, 6):
        as_of = AsOf(Instant(micros(second)))
        assert read(past, as_of) == described(fold, terms, as_of)


def folders(tmp_path: Path) -> set[str]:
    return {it.name for it in (tmp_path / "past").iterdir()}


def test_a_state_is_made_once_and_those_used_longest_ago_go(
    past_of: MakePast, fold: SqliteGraph, tmp_path: Path
) -> None:
    tell(fold, SHOP[:30], 10)
    past = past_of(states=2)
    for position in (5, 10, 5, 15, 5):
        read(past, AsOf(position=Position(position)))
    assert folders(tmp_path) == {"state-1", "state-3"}, "5 was made once, 10 was let go for 15"


def test_what_is_being_read_is_not_let_go(past_of: MakePast, fold: SqliteGraph, tmp_path: Path) -> None:
    tell(fold, SHOP[:30], 10)
    past = past_of(states=1)
    with past.reading(AsOf(position=Position(5)), 60) as state:
        read(past, AsOf(position=Position(10)))
        assert state.folder.is_dir()
    assert len(folders(tmp_path)) == 1


def test_a_state_of_too_many_triples_is_refused_and_leaves_nothing(
    past_of: MakePast, fold: SqliteGraph, tmp_path: Path
) -> None:
    tell(fold, SHOP[:30], 10)
    past = past_of(triples=100)
    with pytest.raises(TooLarge, match="more than 100 triples"):
        read(past, AsOf(position=Position(20)))
    assert folders(tmp_path) == set()


def test_who_waits_in_vain_finds_it_later(past_of: MakePast, fold: SqliteGraph, terms: Terms) -> None:
    tell(fold, SHOP[:60], 20)
    past = past_of()
    as_of = AsOf(position=Position(50))
    with pytest.raises(Unavailable, match="being written"), past.reading(as_of, 0):
        pass
    assert read(past, as_of) == described(fold, terms, as_of)


def test_states_of_a_former_fold_state_are_forgotten(past_of: MakePast, fold: SqliteGraph, tmp_path: Path) -> None:
    tell(fold, SHOP[:20], 10)
    past = past_of()
    read(past, AsOf(position=Position(5)))
    with fold.snapshot() as snapshot:
        incarnation = snapshot.incarnation  # type: ignore[attr-defined]
    past.forget(incarnation)
    assert folders(tmp_path) == {"state-1"}
    past.forget(incarnation + 1)
    assert folders(tmp_path) == set()


def test_without_a_position_what_came_since_may_be_a_minute_late(
    past_of: MakePast, fold: SqliteGraph, tmp_path: Path
) -> None:
    tell(fold, SHOP[:20], 10)
    past = past_of()
    valid = AsOf(Instant(micros(10**6)))
    read(past, valid)
    tell(fold, SHOP[20:40], 10)
    read(past, valid)
    assert folders(tmp_path) == {"state-1"}
    read(past, AsOf(valid.valid, Position(40)))
    assert folders(tmp_path) == {"state-1", "state-2"}

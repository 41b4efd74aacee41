"""The projection's thread: asked or resting, killed in the middle, other words, a fold state made anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from graph.changed import mark_of
from graph.errors import Unavailable
from graph.rdf.oxigraph import OxigraphStore
from graph.rdf.projection import Projection
from graph.rdf.terms import Terms
from graph.rdf.updating import Held
from graph.snapshot import Snapshot
from graph.sqlite import SqliteGraph
from ontology import Ontology, load
from tests.contract.telling import tell
from tests.end_to_end.service import Service, wait_until
from tests.rdf.projected import MemoryStore, Projected, described, held
from tests.rdf.test_equality import SHOP
from tests.reference.events import run_event

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


@pytest.fixture
def projection_of(fold: SqliteGraph, terms: Terms) -> Callable[..., tuple[Projection, MemoryStore]]:
    def make(**options: bool) -> tuple[Projection, MemoryStore]:
        store = MemoryStore()
        return Projection(fold, fold.position, store, terms, **options), store  # type: ignore[arg-type]

    return make


def test_nothing_is_written_until_somebody_asks(
    projection_of: Callable[..., tuple[Projection, MemoryStore]], fold: SqliteGraph, terms: Terms
) -> None:
    projection, store = projection_of()
    projection.start()
    try:
        tell(fold, SHOP[:20], 5)
        projection.notice()
        time.sleep(0.5)  # there is nothing to wait for: that nothing happens is what is meant
        assert (projection.position, store.held()) == (0, None)
        projection.await_fresh(0, 30)
        assert projection.position == 20
        assert held(store) == described(fold, terms)
        tell(fold, SHOP[20:40], 5)
        projection.notice()
        wait_until(lambda: projection.position == 40, 30, "it goes on by itself while it is asked")
    finally:
        projection.stop()


def test_always_means_without_being_asked(
    projection_of: Callable[..., tuple[Projection, MemoryStore]], fold: SqliteGraph
) -> None:
    projection, _ = projection_of(always=True)
    projection.start()
    try:
        tell(fold, SHOP[:20], 5)
        projection.notice()
        wait_until(lambda: projection.position == 20, 30, "it is brought along")
    finally:
        projection.stop()


def test_who_waits_longer_than_it_takes_patience_is_told_so(
    projection_of: Callable[..., tuple[Projection, MemoryStore]], fold: SqliteGraph
) -> None:
    projection, _ = projection_of()
    tell(fold, SHOP[:20], 5)
    with pytest.raises(Unavailable, match="up to position 20"):
        projection.await_fresh(0, 0.05)


def test_other_terms_and_another_fold_state_mean_another_store(
    fold: SqliteGraph, words: Ontology, terms: Terms, tmp_path: Path
) -> None:
    store = MemoryStore()
    projected = Projected(fold, store, terms)
    tell(projected, SHOP[:30], 10)
    own = tmp_path / "own.ttl"
    own.write_text(
        textwrap.dedent("""
        @prefix own: <https://example.com/ns#> . @prefix andon: <https://andon.dev/ns#> .
        @prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        <https://example.com/ns> a owl:Ontology ; rdfs:label "Own" ; owl:versionInfo "1" .
        own:Ledger a owl:Class ; rdfs:subClassOf andon:Table ; rdfs:label "Ledger" ;
            skos:definition "Bookings." .
    """)
    )
    other = Terms(load(own=[own]))
    assert other.fingerprint != terms.fingerprint
    projected.projection.adopt(other)
    assert projected.projection.step()
    found = store.held()
    assert found is not None and found.fingerprint == other.fingerprint
    fold.reset()
    tell(projected, [run_event(1, "COMPLETE", ["a"], ["b"])])
    assert held(store) == described(fold, other)
    assert not any("kanban" in line for line in held(store)), "what the former fold state said is gone"


def test_resting_it_forgets_what_a_former_fold_state_said(fold: SqliteGraph, terms: Terms, tmp_path: Path) -> None:
    tell(fold, SHOP[:20], 10)
    first = OxigraphStore(tmp_path / "rdf")
    Projected(fold, first, terms)
    first.close()
    assert list((tmp_path / "rdf").iterdir())
    forgotten: list[int] = []
    projection = Projection(fold, fold.position, OxigraphStore(tmp_path / "rdf"), terms, on_new_fold=forgotten.append)
    projection.start()
    try:
        fold.reset()
        tell(fold, SHOP[:5], 5)
        projection.notice()
        wait_until(lambda: not list((tmp_path / "rdf").glob("store-*")), 30, "the store of before is gone")
        with fold.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            assert forgotten == [snapshot.incarnation]
    finally:
        projection.stop()


def test_a_store_that_is_spoiled_is_built_anew(fold: SqliteGraph, terms: Terms, tmp_path: Path) -> None:
    tell(fold, SHOP[:20], 10)
    store = OxigraphStore(tmp_path / "rdf")
    Projected(fold, store, terms)
    store.close()
    for file in (tmp_path / "rdf").glob("store-*/*"):
        if file.name.startswith(("CURRENT", "MANIFEST")):
            file.write_bytes(b"spoiled")
    again = OxigraphStore(tmp_path / "rdf")
    Projected(fold, again, terms)
    assert held(again) == described(fold, terms)
    again.close()


def test_a_store_ahead_of_the_fold_state_is_built_anew(fold: SqliteGraph, terms: Terms) -> None:
    store = MemoryStore()
    projected = Projected(fold, store, terms)
    tell(projected, SHOP[:20], 10)
    with fold.snapshot() as snapshot:
        assert isinstance(snapshot, Snapshot)
        mark = mark_of(snapshot)
    ahead = Held(
        type(mark)(mark.incarnation, type(mark.position)(99), mark.last_edge, mark.last_node), terms.fingerprint
    )
    store.build([[("<urn:a>", "<urn:b>", "<urn:c>", "")]], ahead)
    Projected(fold, store, terms)
    assert held(store) == described(fold, terms)


# Killed in the middle

_WRITING = """
import sys
from pathlib import Path
from graph.rdf.oxigraph import OxigraphStore
from graph.rdf.projection import Projection
from graph.rdf.terms import Terms
from graph.sqlite import SqliteGraph
from ontology import load
from tests.contract.telling import tell
from tests.rdf.test_equality import SHOP
folder, words = Path(sys.argv[1]), load()
fold = SqliteGraph(folder / "graph.db", words)
projection = Projection(fold, fold.position, OxigraphStore(folder / "rdf"), Terms(words))
projection.step()
print("built", flush=True)
for first in range(fold.position(), len(SHOP), 2):
    tell(fold, SHOP[first:first + 2], 2)
    projection.step()
    print(fold.position(), flush=True)
"""


@pytest.mark.timeout(300)
def test_a_kill_at_any_moment_leaves_a_store_that_is_whole(words: Ontology, terms: Terms, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    for wanted in ("0", "built", "6", "40", "44", "120"):
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _WRITING, str(tmp_path)],
            stdout=subprocess.PIPE, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout if wanted != "0" else ():
            if line.strip() == wanted or (wanted.isdigit() and line.strip().isdigit() and int(line) > int(wanted)):
                break
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if not (tmp_path / "graph.db").exists():
            continue
        fold, store = SqliteGraph(tmp_path / "graph.db", words), OxigraphStore(tmp_path / "rdf")
        Projected(fold, store, terms)
        assert held(store) == described(fold, terms), f"killed at {wanted}"
        store.close()
        fold.close()


@pytest.mark.timeout(300)
def test_a_service_that_is_killed_answers_the_same_afterwards(tmp_path: Path) -> None:
    def answer(service: Service, position: int) -> str:
        headers = {"Andon-Min-Position": str(position)}
        found = service.client.get("/sparql", params={"query": COUNT}, headers=headers)
        assert found.status_code == 200, found.text
        return found.text

    half = len(SHOP) // 2
    with Service(tmp_path / "data", "--rdf", "always") as service:
        for event in SHOP[:half]:
            service.accept(event)
        service.kill()
        service.start()
        service.post_batch(SHOP[half:])
        service.kill()
        service.start()
        survived = answer(service, len(SHOP))
        assert not [it for it in (tmp_path / "data" / "rdf" / "present").iterdir() if it.name.startswith("making-")]
    with Service(tmp_path / "plain") as service:
        service.post_batch(SHOP)
        assert answer(service, len(SHOP)) == survived

"""RDF: how long building it takes, how far it lags behind, what that costs ingest, and how fast SPARQL answers.

python -m benchmarks.rdf [DATASETS ...]     (1,000 datasets of 20 columns make about 350,000 triples)
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import ontology
from benchmarks.estate import Estate
from benchmarks.events import Mix, Size, bodies
from benchmarks.projector import append, prepared
from benchmarks.questions import urn_of
from benchmarks.report import percentile
from graph.model import AsOf, Position
from graph.projector import Projector
from graph.rdf.asking import Rdf
from graph.rdf.delta import whole
from graph.rdf.question import Asked, Limits
from graph.rdf.terms import Terms
from graph.snapshot import Snapshot
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ingest import openlineage

_LIMITS = Limits(
    seconds=60, max_bytes=10**8, workers=2, memory=2 * 10**9, past_states=2, past_triples=10**8
)  # fmt: skip
_RATE = 100  # events a second while the lag is looked at
_LAG_SECONDS = 20.0
_BURST = 1_500  # events to fold as fast as can be
_PREFIXES = "PREFIX andon: <https://andon.dev/ns#> PREFIX prov: <http://www.w3.org/ns/prov#> "
_QUERIES = {
    "an entity's triples": "SELECT ?p ?o { <%s> ?p ?o }",
    "what it is made of, all the way": _PREFIXES + "SELECT DISTINCT ?it { <%s> andon:derivedFrom+ ?it }",
    "what is made of it, all the way": _PREFIXES + "SELECT DISTINCT ?it { ?it andon:derivedFrom+ <%s> }",
    "its columns' sources": _PREFIXES + "SELECT ?c ?s { <%s> andon:hasColumn ?c . ?c andon:columnDerivedFrom ?s }",
}
_WHOLE = {
    "all triples counted": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
    "jobs by number of outputs": _PREFIXES
    + "SELECT ?job (COUNT(?it) AS ?n) { ?job andon:writes ?it } GROUP BY ?job ORDER BY DESC(?n) LIMIT 10",
}


def main() -> None:
    for count in [int(it) for it in sys.argv[1:]] or [1_000, 3_000]:
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), count)


def _measure(folder: Path, count: int) -> None:
    words = ontology.load()
    terms = Terms(words)
    estate = Estate.of(count)
    with prepared(folder, count, Size.LARGE) as (journal, store, _):
        with store.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            began = time.perf_counter()
            triples = sum(len(part) for part in whole(snapshot, terms))
            mapping = time.perf_counter() - began
        projector = _projector(journal, store, words, None)
        rdf = Rdf(store, lambda: projector.position, terms, folder / "rdf", _LIMITS)
        began = time.perf_counter()
        rdf.projection.step()
        seconds = time.perf_counter() - began
        _say(f"{count:,} datasets: {triples:,} triples built in {seconds:.1f} s, {triples / seconds:,.0f}/s"
             f" (of which mapping {mapping:.1f} s)")  # fmt: skip
        size = sum(it.stat().st_size for it in (folder / "rdf").rglob("*") if it.is_file())
        _say(f"  on disk {size / 1e6:,.0f} MB, {size / triples:.0f} bytes a triple")
        rdf.start()
        _answers(rdf, estate)
        began = time.perf_counter()
        rdf.ask(Asked(query=_WHOLE["all triples counted"], as_of=AsOf(position=Position(projector.position // 2))), 600)
        _say(f"  the graph as of half the events, asked for the first time: {time.perf_counter() - began:.1f} s")
        events = bodies(Mix(estate.jobs, Size.LARGE, seed=7))
        _fold_rate("folding alone", journal, store, words, None, events)
        rdf.projection.stop()
        rdf = Rdf(store, lambda: projector.position, terms, folder / "rdf", _LIMITS, always=True)
        projector = _projector(journal, store, words, rdf)
        projector.catch_up()
        rdf.start()
        rdf.projection.await_fresh(projector.position, 600)
        _fold_rate("folding, with RDF brought along", journal, store, words, rdf, events)
        rdf.projection.await_fresh(0, 600)
        began = time.perf_counter()
        projector = _projector(journal, store, words, rdf)
        rdf.projection._folded = lambda: projector.position
        rdf.projection.await_fresh(projector.position, 600)
        _say(f"  the backlog of that was written {time.perf_counter() - began:.1f} s later")
        _lag(rdf, projector, journal, events)
        rdf.stop()


def _projector(journal: SqliteJournal, store: SqliteGraph, words: ontology.Ontology, rdf: Rdf | None) -> Projector:
    decoders = {"openlineage": openlineage.Decoder(words.kind_for_namespace)}
    return Projector(journal, store, decoders, () if rdf is None else (rdf.notice,))


def _answers(rdf: Rdf, estate: Estate) -> None:
    chosen, hubs = random.Random(1).sample(estate.tables, 40), estate.hubs[:10]
    for name, query in _QUERIES.items():
        ours = [_ask(rdf, query % urn_of(it)) for it in (*chosen[:3], *chosen)][3:]
        of_hubs = [_ask(rdf, query % urn_of(it)) for it in hubs]
        _say(f"  {name}: p50 {percentile(ours, 0.5):.1f} ms, p99 {percentile(ours, 0.99):.1f};"
             f" of a hub p50 {percentile(of_hubs, 0.5):.1f}")  # fmt: skip
    for name, query in _WHOLE.items():
        _say(f"  {name}: {percentile([_ask(rdf, query) for _ in range(3)], 0.5):.0f} ms")


def _ask(rdf: Rdf, query: str) -> float:
    began = time.perf_counter()
    rdf.ask(Asked(query=query), 600)
    return 1000 * (time.perf_counter() - began)


def _fold_rate(
    name: str, journal: SqliteJournal, store: SqliteGraph, words: ontology.Ontology, rdf: Rdf | None,
    events: Iterator[bytes],
) -> None:  # fmt: skip
    append(journal, [next(events) for _ in range(_BURST)])
    projector = _projector(journal, store, words, rdf)
    if rdf is not None:
        rdf.projection._folded = lambda: projector.position
    began = time.perf_counter()
    projector.catch_up()
    _say(f"  {name}: {_BURST / (time.perf_counter() - began):,.0f} events/s")


def _lag(rdf: Rdf, projector: Projector, journal: SqliteJournal, events: Iterator[bytes]) -> None:
    """Send the mix at a steady rate, and look how long after its receipt each position is in RDF."""
    projector.start()
    sent: dict[int, float] = {}
    lags: list[float] = []
    done = threading.Event()

    def look() -> None:
        seen = rdf.position
        until = time.perf_counter() + 120
        while (not done.is_set() or seen < max(sent, default=0)) and time.perf_counter() < until:
            now, moment = rdf.position, time.perf_counter()
            lags.extend(moment - sent[it] for it in range(seen + 1, now + 1) if it in sent)
            seen = max(seen, now)
            time.sleep(0.01)

    watcher = threading.Thread(target=look)
    watcher.start()
    began = time.perf_counter()
    for index, body in enumerate(events):
        wait = began + index / _RATE - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        append(journal, [body])
        sent[journal.last_position()] = time.perf_counter()
        if time.perf_counter() - began > _LAG_SECONDS:
            break
    rate = len(sent) / (time.perf_counter() - began)
    done.set()
    watcher.join(150)
    projector.stop()
    _say(f"  lag at {rate:.0f} events/s: p50 {percentile(lags, 0.5):.2f} s, p99 {percentile(lags, 0.99):.2f} s,"
         f" greatest {max(lags):.2f} s")  # fmt: skip


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()

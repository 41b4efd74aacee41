"""Neo4j as the projection of the present: building it, walking it, and how far it lags behind.

python -m benchmarks.neo4j [DATASETS ...]
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ontology
from benchmarks.estate import Estate
from benchmarks.events import Mix, Size, bodies
from benchmarks.projector import append, prepared
from benchmarks.questions import urn_of
from benchmarks.report import percentile
from graph.neo4j import Connection, Neo4jGraph
from graph.projector import Projector
from graph.reader import Level, LineageQuery
from ingest import openlineage
from tests.servers.neo4j import Neo4jServer

_LIKE_HTTP = {"with_intervals": False, "with_evidence": False, "with_hidden": False}
_RATE = 100  # events a second while the lag is looked at
_LAG_SECONDS = 20.0


def main() -> None:
    counts = [int(it) for it in sys.argv[1:]] or [1_000, 10_000]
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            (place / "server").mkdir()
            with Neo4jServer(place / "server") as server:
                _measure(place, Connection(server.uri, server.user, server.password), count)


def _measure(folder: Path, connection: Connection, count: int) -> None:
    words = ontology.load()
    with prepared(folder, count, Size.LARGE) as (journal, store, _):
        projector = Projector(
            journal,
            store,
            {"openlineage": openlineage.Decoder(words.kind_for_namespace)},
            (lambda _: graph.projection.notice(),),
        )
        graph = Neo4jGraph(store, lambda: projector, connection, words)
        projection = graph.projection
        began = time.perf_counter()
        projection.step()
        seconds = time.perf_counter() - began
        with connection.reading() as ask:
            nodes, relations = (
                ask("MATCH (n:Entity) RETURN count(n)")[0][0],
                ask("MATCH ()-[r]->() RETURN count(r)")[0][0],
            )
        _say(f"{count:,} datasets: built in {seconds:.1f} s: {nodes:,} nodes, {relations:,} relations,"
             f" {(nodes + relations) / seconds:,.0f}/s")  # fmt: skip
        estate = Estate.of(count)
        chosen, hubs = random.Random(1).sample(estate.tables, 60), estate.hubs[:10]
        for name, depth, level, tables in (
            ("depth 3", 3, Level.DATASET, chosen),
            ("depth 3, of a hub", 3, Level.DATASET, hubs),
            ("depth 20", 20, Level.DATASET, chosen),
            ("depth 20, of a hub", 20, Level.DATASET, hubs),
            ("columns, depth 3", 3, Level.COLUMN, chosen[:20]),
        ):
            queries = [LineageQuery((urn_of(it),), depth=depth, level=level, **_LIKE_HTTP) for it in tables]
            ours, walks = _times(graph, queries), projection.walks
            assert walks, "Neo4j did not answer"
            _say(f"  lineage, {name}: p50 {percentile(ours, 0.5):.1f} ms, p99 {percentile(ours, 0.99):.1f}"
                 f" (the fold state itself: p50 {percentile(_times(store, queries), 0.5):.1f})")  # fmt: skip
        _lag(graph, projector, journal, estate)


def _times(reader: Any, queries: list[LineageQuery]) -> list[float]:
    found = []
    for turn in range(3):
        for query in queries:
            began = time.perf_counter()
            with reader.snapshot() as snapshot:
                snapshot.lineage(query)
            if turn:  # the first is to warm up
                found.append(1000 * (time.perf_counter() - began))
    return found


def _lag(graph: Neo4jGraph, projector: Projector, journal: Any, estate: Estate) -> None:
    """Send the mix at a steady rate, and look how long after its receipt each position is in Neo4j."""
    projector.start()
    graph.projection.start()
    sent: dict[int, float] = {}
    lags: list[float] = []
    done = threading.Event()

    def look() -> None:
        seen = graph.projection.position
        while not done.is_set() or seen < max(sent, default=0):
            now = graph.projection.position
            moment = time.perf_counter()
            lags.extend(moment - sent[it] for it in range(seen + 1, now + 1) if it in sent)
            seen = max(seen, now)
            time.sleep(0.005)

    watcher = threading.Thread(target=look)
    watcher.start()
    began = time.perf_counter()
    for index, body in enumerate(_events(estate)):
        wait = began + index / _RATE - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        append(journal, [body])
        sent[journal.last_position()] = time.perf_counter()
        if time.perf_counter() - began > _LAG_SECONDS:
            break
    rate = len(sent) / (time.perf_counter() - began)
    done.set()
    watcher.join(60)
    projector.stop()
    graph.projection.stop()
    _say(f"  lag at {rate:.0f} events/s: p50 {1000 * percentile(lags, 0.5):.0f} ms,"
         f" p99 {1000 * percentile(lags, 0.99):.0f} ms, greatest {1000 * max(lags):.0f} ms")  # fmt: skip


def _events(estate: Estate) -> Iterator[bytes]:
    yield from bodies(Mix(estate.jobs, Size.LARGE, seed=7))


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()

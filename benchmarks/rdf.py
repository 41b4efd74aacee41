"""RDF: how long building it takes, what bringing it along costs ingest, and how far it is behind."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

import ontology
from benchmarks.estate import Estate
from benchmarks.events import Mix, Size, bodies
from benchmarks.following import RATE, Followed, send_and_follow, wait_for
from benchmarks.load import send_mix
from benchmarks.report import Section, percentile
from benchmarks.service import Andon, bytes_in
from benchmarks.workbench import Workbench
from graph.model import AsOf, Position
from graph.rdf.asking import Rdf
from graph.rdf.delta import whole
from graph.rdf.question import Asked, Limits
from graph.rdf.terms import Terms
from graph.snapshot import Snapshot
from graph.sqlite import SqliteGraph

MILLION = 3_300
"""Datasets of the estate, each with 20 columns and their lineage, that make a million triples."""

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
_LIMITS = Limits(seconds=600, max_bytes=10**8, workers=2, memory=2 * 10**9, past_states=2, past_triples=10**8)
_CLIENTS = 8
_WITHIN = 600.0
_EVERY = 0.1
_STATUS = {"query": "{ status { positionProjected positionRdf } }"}


# Building --------------------------------------------------------------------------------------------------------


def measure(bench: Workbench) -> Section:
    section = Section(
        "rdf",
        "RDF built anew from the fold state (in process, Oxigraph on disk)",
        ("datasets", "triples", "built s", "triples/s", "of it mapping s", "MB on disk", "bytes a triple",
         "half the events: made s", "asked again ms"),
    )  # fmt: skip
    for datasets in (bench.datasets[0],) if bench.quick else (bench.datasets[0], MILLION):
        data = bench.copy(datasets)
        section.add(datasets, *_built(data))
        bench.discard(data)
    section.notes.append(
        "mapping: the same triples made and thrown away; half the events: the first question as of then"
    )
    return section


def _built(data: Path) -> tuple[int | float, ...]:
    words = ontology.load()
    terms = Terms(words)
    store = SqliteGraph(data / "graph.db", words)
    rdf = Rdf(store, store.position, terms, data / "rdf", _LIMITS)
    try:
        with store.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            began = time.perf_counter()
            triples = sum(len(part) for part in whole(snapshot, terms))
            mapping = time.perf_counter() - began
        began = time.perf_counter()
        rdf.projection.step()
        seconds = time.perf_counter() - began
        size = bytes_in(data / "rdf")
        asked = Asked(query=COUNT, as_of=AsOf(position=Position(store.position() // 2)))
        first, again = (_seconds_of(rdf, asked) for _ in range(2))
    finally:
        rdf.stop()
        store.close()
    return triples, seconds, triples / seconds, mapping, size / 1e6, size / triples, first, 1000 * again


def _seconds_of(rdf: Rdf, asked: Asked) -> float:
    began = time.perf_counter()
    rdf.ask(asked, _WITHIN)
    return time.perf_counter() - began


# Bringing it along -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Positions:
    """Where a service is, by its own word."""

    andon: Andon
    session: requests.Session

    def projected(self) -> int:
        return int(self._status()["positionProjected"])

    def rdf(self) -> int:
        return int(self._status()["positionRdf"] or 0)

    def _status(self) -> dict[str, int | None]:
        answer = self.session.post(f"{self.andon.url}/graphql", json=_STATUS, timeout=60)
        found: dict[str, int | None] = answer.json()["data"]["status"]
        return found


def measure_lag(bench: Workbench) -> Section:
    datasets = bench.datasets[0]
    section = Section(
        "rdf-lag",
        f"Ingest with RDF off and always on, onto {datasets:,} datasets (12 kB events)",
        ("load", "rdf", "events", "durable/s", "queryable/s", "in RDF/s", "server CPU ms/event", "behind p50 s",
         "p95 s", "greatest s", "in RDF s after the last"),
    )  # fmt: skip
    for mode in ("off", "always"):
        data = bench.copy(datasets)
        with Andon(data, "--rdf", mode) as andon, requests.Session() as session:
            andon.wait_ready()
            positions = _Positions(andon, session)
            followed = [Followed("graph", positions.projected, _EVERY)]
            followed += [Followed("RDF", positions.rdf, _EVERY)] if mode == "always" else []
            _settle(andon, followed)
            section.add(f"{_CLIENTS} clients", mode, *_burst(andon, followed, datasets, bench.seconds(10, 3)))
            section.add(f"{RATE} events/s", mode, *_steady(andon, followed, datasets, bench.seconds(30, 8)))
        bench.discard(data)
    section.notes += [
        "CPU until all is in the graph, and in RDF where that is on",
        f"behind: RDF where it is on, else the graph, from each event's 201; looked at every {_EVERY:g} s",
    ]
    return section


def _settle(andon: Andon, followed: Sequence[Followed]) -> None:
    """Wait until all that was sent is everywhere."""
    wait_for(followed, andon.wait_projected(_WITHIN)[0])


def _burst(andon: Andon, followed: Sequence[Followed], datasets: int, seconds: float) -> tuple[int | float | None, ...]:
    """As many as are taken."""
    before, cpu = followed[0].position(), andon.cpu_seconds()
    sent = send_mix([andon.url], datasets, Size.LARGE, _CLIENTS, seconds, seed=5)
    last, _ = andon.wait_projected(_WITHIN)
    queryable = time.monotonic() - sent.began
    wait_for(followed, last)
    done = time.monotonic()
    count, used = last - before, andon.cpu_seconds() - cpu
    in_rdf = (count / (done - sent.began), None, None, None, done - sent.ended) if len(followed) > 1 else (None,) * 5
    rate, *behind = in_rdf
    return count, sent.accepted / sent.seconds, count / queryable, rate, 1000 * used / count, *behind


def _steady(
    andon: Andon, followed: Sequence[Followed], datasets: int, seconds: float
) -> tuple[int | float | None, ...]:
    """Each event at its time."""
    _settle(andon, followed)
    events = bodies(Mix(Estate.of(datasets).jobs, Size.LARGE, seed=11))
    cpu = andon.cpu_seconds()
    accepted, began, ended = send_and_follow(andon.url, events, seconds, followed)
    used, count, last = andon.cpu_seconds() - cpu, len(accepted), followed[-1]
    lags = last.lags(accepted)
    drained = max(0.0, last.reached[-1][1] - ended)
    for it in followed:
        it.reached.clear()
    return (
        count, count / (ended - began), None, None,
        1000 * used / count, percentile(lags, 0.5), percentile(lags, 0.95), max(lags), drained,
    )  # fmt: skip

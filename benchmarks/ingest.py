"""Events in: how many a second are durable, how many a second can be queried, and what one costs."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import reference
from benchmarks.estate import Estate
from benchmarks.events import Mix, Size, bodies
from benchmarks.load import Sent, send_mix
from benchmarks.report import Section, percentile
from benchmarks.service import Andon, Process, bytes_in
from benchmarks.workbench import Workbench

CLIENTS = (1, 8, 32)
_GROUP = 64  # rows a transaction, for the limit of the disk
_PROJECTED_WITHIN = 120


@dataclass(frozen=True, slots=True)
class Ingested:
    sent: Sent
    events: int
    queryable: float  # events/s from the first one sent until the last one can be queried
    lag: float  # seconds from the last answer until the last event can be queried
    cpu_ms: float  # of the server, an event, until then


def ingest(andon: Sequence[Andon], datasets: int, size: Size, clients: int, seconds: float, seed: int) -> Ingested:
    """Send the mix to all processes alike, then wait until it is in the graph, by the first one's word."""
    before, _ = andon[0].wait_projected(_PROJECTED_WITHIN)
    cpu = sum(it.cpu_seconds() for it in andon)
    sent = send_mix([it.url for it in andon], datasets, size, clients, seconds, seed)
    projected, _ = andon[0].wait_projected(_PROJECTED_WITHIN)
    lag = time.monotonic() - sent.ended
    count = projected - before
    used = sum(it.cpu_seconds() for it in andon) - cpu
    return Ingested(sent, count, count / (sent.seconds + lag), lag, 1000 * used / count)


def measure(bench: Workbench) -> Section:
    datasets = bench.datasets[0]
    section = Section(
        "ingest",
        f"Ingest onto {datasets:,} datasets (90 % re-runs, 10 % new jobs)",
        (
            "event", "clients", "durable/s", "queryable/s", "p50 ms", "p99 ms", "server CPU ms/event",
            "client CPU ms/event", "refused", f"queryable/s, {reference.HEADING}", "times",
        ),
    )  # fmt: skip
    for size in Size:
        limits = measure_limits(bench, size)
        data = bench.copy(datasets, size)
        stored, accepted, best = bytes_in(data), 0, 0.0
        with Andon(data) as andon:
            for clients in CLIENTS:
                found = ingest([andon], datasets, size, clients, bench.seconds(8, 2.5), seed=clients)
                sent = found.sent
                accepted += sent.accepted
                best = max(best, sent.accepted / sent.seconds)
                low, high = reference.EVENTS_PER_SECOND[size]
                section.add(
                    str(size), clients, sent.accepted / sent.seconds, found.queryable,
                    1000 * percentile(sent.latencies, 0.5), 1000 * percentile(sent.latencies, 0.99),
                    found.cpu_ms, 1000 * sent.cpu / sent.accepted, sent.refused, f"{low} to {high}",
                    found.queryable / high,
                )  # fmt: skip
                if sent.failed:
                    section.notes.append(f"{sent.failed} events of {size} were refused for good")
        grown = (bytes_in(data) - stored) / accepted
        bench.discard(data)
        section.notes += _notes(size, limits, best, grown)
    section.notes.append(reference.NOTE)
    return section


def _notes(size: Size, limits: Limits, best: float, grown: float) -> list[str]:
    low, high = reference.CPU_MS_PER_EVENT[size]
    notes = [
        f"{size}: bare Starlette {limits.starlette:,.0f}/s, SQLite FULL in groups of {_GROUP}"
        f" {limits.sqlite:,.0f}/s; best durable rate is {best / min(limits.starlette, limits.sqlite):.2f} of the lower",
        f"{size}: {grown:,.0f} bytes stored an event; Marquez's CPU * {low} to {high} ms an event",
    ]
    if size is Size.LARGE:
        times = reference.BYTES_PER_EVENT / grown
        notes[-1] += f", bytes stored * about {reference.BYTES_PER_EVENT:,} ({times:.1f} times)"
    return notes


@dataclass(frozen=True, slots=True)
class Limits:
    """Events/s that nothing on this ground can beat, with the same bodies and 32 clients."""

    starlette: float
    sqlite: float


def measure_limits(bench: Workbench, size: Size) -> Limits:
    seconds = bench.seconds(4, 1.5)
    with Process(["-m", "benchmarks.bare"], bench.folder / "bare.log") as bare:
        sent = send_mix([bare.url], bench.datasets[0], size, max(CLIENTS), seconds, seed=1)
    runs = Mix(Estate.of(bench.datasets[0]).jobs, size, seed=2)
    events = list(itertools.islice(bodies(runs), 2_000))
    return Limits(sent.accepted / sent.seconds, _sqlite_rate(bench.folder / "limit.db", events, seconds))


def _sqlite_rate(path: Path, events: list[bytes], seconds: float) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE event (position INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    supply = itertools.cycle(events)
    written = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO event (body) VALUES (?)", ((next(supply),) for _ in range(_GROUP)))
        connection.execute("COMMIT")
        written += _GROUP
    rate = written / (time.perf_counter() - start)
    connection.close()
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    return rate

"""Events in, as fast as they are taken: by one process, by two that share a PostgreSQL, and by the embedded stack."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.events import Size
from benchmarks.ingest import Ingested, ingest
from benchmarks.report import Section, percentile
from benchmarks.server_stack.loading import Estates, Loaded
from benchmarks.server_stack.servers import NOTE, Stack, Stored
from benchmarks.service import Andon, bytes_in

CLIENTS = 32
TARGET_RATE = 300.0
"""Events of the mix a second that can be queried, over 10,000 datasets."""

_NEO4J_WITHIN = 600.0


def measure(estates: Estates) -> Section:
    section = Section(
        "throughput",
        f"Events in, over {estates.middle:,} datasets (90 % re-runs, 10 % new jobs; {CLIENTS} clients)",
        (
            "event", "stack", "durable/s", "queryable/s", "in Neo4j/s", "p50 ms", "p99 ms", "Andon CPU ms/event",
            "PostgreSQL", "Neo4j", "bytes/event: journal", "fold state", "Neo4j ",
        ),
    )  # fmt: skip
    for size in Size:
        loaded = estates.estate(estates.middle, size)
        seconds = estates.bench.seconds(8, 2.5)
        if loaded.embedded is not None:
            _embedded(section, loaded, loaded.embedded, seconds)
        stored = loaded.stack.stored()
        for receivers in (1, 2):
            stored = _server(section, loaded, receivers, seconds, stored)
    section.notes += [
        "queryable: in the fold state; in Neo4j: likewise, until the last one is there too, and CPU is counted until"
        " then",
        "1 receiver: one process with all roles; 2: another one beside it with the roles receiver and api, and half"
        " of the clients",
        NOTE,
    ]
    return section


def _embedded(section: Section, loaded: Loaded, data: Path, seconds: float) -> None:
    def sizes() -> tuple[int, int]:
        journal = sum(it.stat().st_size for it in data.glob("journal.db*"))
        return journal, bytes_in(data) - journal

    before = sizes()
    with Andon(data) as andon:
        found = ingest([andon], loaded.datasets, loaded.size, CLIENTS, seconds, seed=21)
    grown = [(now - then) / found.events for then, now in zip(before, sizes(), strict=True)]
    section.add(str(loaded.size), "embedded", *_rates(found, None), found.cpu_ms, None, None, *grown, None)


def _server(section: Section, loaded: Loaded, receivers: int, seconds: float, stored: Stored) -> Stored:
    """Answers what is on disk after it."""
    stack = loaded.stack
    with ExitStack() as running:
        andon = [running.enter_context(stack.serve())]
        andon += [running.enter_context(stack.serve("--role", "receiver,api")) for _ in range(receivers - 1)]
        for it in andon:
            it.wait_ready()
        before = _cpu(stack, andon)
        found = ingest(andon, loaded.datasets, loaded.size, CLIENTS, seconds, seed=21 + receivers)
        arrived = _in_neo4j(stack, andon[0])
        cpu = [1000 * (now - then) / found.events for then, now in zip(before, _cpu(stack, andon), strict=True)]
    now = stack.stored()
    grown = (now.journal - stored.journal, now.fold - stored.fold, now.neo4j - stored.neo4j)
    section.add(
        str(loaded.size), f"{receivers} receiver{'s' * (receivers > 1)}",
        *_rates(found, found.events / (arrived - found.sent.began)), *cpu, *(it / found.events for it in grown),
    )  # fmt: skip
    if loaded.datasets == 10_000:
        met = "met" if found.queryable >= TARGET_RATE else "MISSED"
        section.notes.append(
            f"target: {TARGET_RATE:.0f} events of {loaded.size} a second can be queried: {met}, {found.queryable:,.0f}"
            f" by {receivers}"
        )
    return now


def _rates(found: Ingested, in_neo4j: float | None) -> tuple[float | None, ...]:
    """(durable/s, queryable/s, in Neo4j/s, p50 ms, p99 ms)."""
    sent = found.sent
    if sent.failed:
        raise RuntimeError(f"{sent.failed} events were refused for good")
    return (
        sent.accepted / sent.seconds, found.queryable, in_neo4j,
        1000 * percentile(sent.latencies, 0.5), 1000 * percentile(sent.latencies, 0.99),
    )  # fmt: skip


def _cpu(stack: Stack, andon: Sequence[Andon]) -> tuple[float, float, float]:
    """CPU seconds of Andon, PostgreSQL and Neo4j so far."""
    used = stack.used()
    return sum(it.cpu_seconds() for it in andon), used.postgres, used.neo4j


def _in_neo4j(stack: Stack, andon: Andon) -> float:
    """When Neo4j had all that is in the fold state, by `time.monotonic`."""
    position, _ = andon.wait_projected(60)
    deadline = time.monotonic() + _NEO4J_WITHIN
    while stack.projected() < position:
        if time.monotonic() > deadline:
            raise RuntimeError(f"Neo4j is not at {position} after {_NEO4J_WITHIN:.0f} s")
        time.sleep(0.05)
    return time.monotonic()

"""How far the graph is behind what was accepted, at a steady rate: the fold state, and Neo4j behind it."""

from __future__ import annotations

import time

from benchmarks.estate import Estate
from benchmarks.events import Mix, bodies
from benchmarks.following import RATE, Followed, send_and_follow, wait_for
from benchmarks.report import Section, percentile
from benchmarks.server_stack.loading import Estates
from benchmarks.server_stack.servers import NOTE

TARGET_SECONDS = 5.0
"""Neo4j's greatest lag at that rate, over 10,000 datasets."""


def measure(estates: Estates) -> Section:
    loaded = estates.estate(estates.middle)
    seconds = estates.bench.seconds(30, 10)
    section = Section(
        "lag",
        f"Seconds behind, at {RATE} events/s of {loaded.size} over {loaded.datasets:,} datasets",
        ("", "events/s", "p50 s", "p95 s", "greatest s", "drained s after the last"),
    )
    stack = loaded.stack
    followed = [Followed("fold state (PostgreSQL)", stack.folded), Followed("Neo4j", stack.projected)]
    runs = Mix(Estate.of(loaded.datasets).jobs, loaded.size, seed=11)
    with stack.serve() as andon:
        andon.wait_projected(60)
        wait_for(followed, andon.wait_projected(60)[0])
        before, cpu = stack.used(), andon.cpu_seconds()
        accepted, began, ended = send_and_follow(andon.url, bodies(runs), seconds, followed)
        after = stack.used()
        took = time.monotonic() - began
        shares = (
            ("Andon", andon.cpu_seconds() - cpu),
            ("PostgreSQL", after.postgres - before.postgres),
            ("Neo4j", after.neo4j - before.neo4j),
        )
        resident = andon.resident_mib(), stack.neo4j_resident_mib()
    for it in followed:
        lags = it.lags(accepted)
        drained = it.reached[-1][1] - ended
        section.add(
            it.name, len(accepted) / (ended - began), percentile(lags, 0.5), percentile(lags, 0.95), max(lags),
            max(0.0, drained),
        )  # fmt: skip
    used = ", ".join(f"{name} {seconds / took:.2f}" for name, seconds in shares)
    section.notes += [
        f"cores used until all was drained: {used}; one process of Andon with all roles",
        f"RSS MiB at the end: Andon {resident[0]:,.0f}, Neo4j {resident[1]:,.0f}",
    ]
    if loaded.datasets == 10_000:
        met = "met" if max(lags) < TARGET_SECONDS else "MISSED"
        section.notes.append(f"target: Neo4j less than {TARGET_SECONDS:.0f} s behind: {met}, {max(lags):.2f} s")
    section.notes.append(NOTE)
    return section

"""Growth: the same load and the same look-ups on a small and on a large estate."""

from __future__ import annotations

import asyncio

from benchmarks.estate import Estate
from benchmarks.events import Size
from benchmarks.ingest import ingest
from benchmarks.questions import ask, questions
from benchmarks.report import Section, percentile
from benchmarks.service import Andon
from benchmarks.workbench import Workbench

_CLIENTS = 8


def measure(bench: Workbench) -> Section:
    section = Section(
        "growth",
        f"Growth (12 kB events, {_CLIENTS} clients)",
        ("datasets", "durable/s", "queryable/s", "server CPU ms/event", "entity(urn) p50 ms", "p99 ms"),
    )
    queryable = []
    for datasets in bench.datasets:
        data = bench.copy(datasets)
        look_up = next(it for it in questions(Estate.of(datasets), datasets) if it.name == "entity(urn)")
        with Andon(data) as andon:
            andon.wait_ready()
            timed = asyncio.run(ask(andon.url, look_up, bench.seconds(3, 1)))
            found = ingest([andon], datasets, Size.LARGE, _CLIENTS, bench.seconds(10, 3), seed=datasets)
        bench.discard(data)
        queryable.append(found.queryable)
        section.add(
            datasets, found.sent.accepted / found.sent.seconds, found.queryable, found.cpu_ms,
            percentile(timed.milliseconds, 0.5), percentile(timed.milliseconds, 0.99),
        )  # fmt: skip
    if len(queryable) > 1:
        section.notes.append(f"queryable: {queryable[0] / queryable[-1]:.2f} times slower on the largest estate")
    return section

"""Memory over time under a steady load: does it level off?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from benchmarks.estate import Estate
from benchmarks.events import Mix, Run, Size
from benchmarks.http import Connection
from benchmarks.load import LINEAGE
from benchmarks.questions import questions
from benchmarks.report import Section
from benchmarks.service import Andon, bytes_in
from benchmarks.workbench import Workbench

_RUNS_A_SECOND = 25  # two events each, 12 kB and 1.3 kB in turn
_QUESTIONS_A_SECOND = 5
_ROWS = 12

Sample = tuple[float, float]
"""(minutes since the start, RSS in MiB)."""


def measure(bench: Workbench, minutes: float) -> Section:
    datasets = bench.datasets[0]
    data = bench.copy(datasets)
    stored = bytes_in(data)
    with Andon(data) as andon:
        samples, events, asked = asyncio.run(_steady(andon, datasets, minutes))
        projected, _ = andon.wait_projected(60)
    section = Section(
        "soak",
        f"Memory over {minutes:g} minutes ({2 * _RUNS_A_SECOND} events/s, {_QUESTIONS_A_SECOND} questions/s)",
        ("minute", "RSS MiB"),
    )
    for at in range(_ROWS + 1):
        section.add(*samples[min(len(samples) - 1, at * len(samples) // _ROWS)])
    half = [it for it in samples if it[0] >= minutes / 2]
    grown = (bytes_in(data) - stored) / max(1, events)
    million = 1e6 * slope(half) * minutes / max(1, events)
    section.notes += [
        f"{events:,} events and {asked:,} questions; slope over the second half {60 * slope(half):+.1f} MiB an"
        f" hour, {million:+.1f} MiB a million events",
        f"data folder grew by {grown:,.0f} bytes an event; position {projected:,}",
    ]
    bench.discard(data)
    return section


def slope(samples: Sequence[Sample]) -> float:
    """Least squares: MiB a minute."""
    if len(samples) < 2:
        return 0.0
    middle = sum(x for x, _ in samples) / len(samples)
    level = sum(y for _, y in samples) / len(samples)
    spread = sum((x - middle) ** 2 for x, _ in samples)
    return sum((x - middle) * (y - level) for x, y in samples) / spread


async def _steady(andon: Andon, datasets: int, minutes: float) -> tuple[list[Sample], int, int]:
    """(samples of memory, events sent, questions asked)."""
    until = time.monotonic() + 60 * minutes
    samples: list[Sample] = []
    estate = Estate.of(datasets)
    mixes = [iter(Mix(estate.jobs, size, seed=3)) for size in Size]
    events, asked, _ = await asyncio.gather(
        _send(andon.url, mixes, until),
        _ask(andon.url, estate, datasets, until),
        _watch(andon, samples, until, minutes),
    )
    return samples, events, asked


async def _send(url: str, mixes: Sequence[Iterator[Run]], until: float) -> int:
    connection = await Connection.open(url)
    sent = 0
    begun = time.monotonic()
    while time.monotonic() < until:
        run = next(mixes[sent // 2 % len(mixes)])
        for body in (run.start(), run.complete()):
            sent += (await connection.post(LINEAGE, body)).status == 201
        await asyncio.sleep(max(0.0, begun + sent / 2 / _RUNS_A_SECOND - time.monotonic()))
    connection.close()
    return sent


async def _ask(url: str, estate: Estate, datasets: int, until: float) -> int:
    connection = await Connection.open(url)
    asked = 0
    kinds = [it for it in questions(estate, datasets) if "depth 20" not in it.name]
    while time.monotonic() < until:
        kind = kinds[asked % len(kinds)]
        await connection.graphql(kind.requests[asked // len(kinds) % len(kind.requests)])
        asked += 1
        await asyncio.sleep(1 / _QUESTIONS_A_SECOND)
    connection.close()
    return asked


async def _watch(andon: Andon, samples: list[Sample], until: float, minutes: float) -> None:
    while (now := time.monotonic()) < until:
        samples.append((minutes - (until - now) / 60, andon.resident_mib()))
        await asyncio.sleep(1)

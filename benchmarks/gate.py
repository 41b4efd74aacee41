"""The gate: how fast it answers, by how much is stopped and how much goes on meanwhile."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from benchmarks.estate import Estate
from benchmarks.events import JOBS, Mix, Size
from benchmarks.http import Connection, graphql_request
from benchmarks.load import LINEAGE, send_mix
from benchmarks.questions import urn_of
from benchmarks.report import Section, percentile
from benchmarks.service import Andon
from benchmarks.workbench import Workbench

_STOP = 'mutation($urn: String!) { stop(urn: $urn, cause: "measured") { position entity { urn } } }'
_RUNS_A_SECOND = 50  # two events each
_CLIENTS = 8
_WARM_UP = 20
_STARTING = 1.5  # seconds until the clients' processes send


@dataclass(frozen=True, slots=True)
class Asked:
    milliseconds: list[float]
    stopped: int


def measure(bench: Workbench) -> Section:
    section = Section(
        "gate",
        "The gate over HTTP (one client, asking for jobs at random)",
        ("datasets", "stops", "meanwhile", "p50 ms", "p99 ms", "asked", "of them stopped"),
    )
    for datasets in bench.datasets:
        data = bench.copy(datasets)
        estate = Estate.of(datasets)
        with Andon(data) as andon:
            andon.wait_ready()
            pulled = 0
            for name, tables in _stops(estate):
                asyncio.run(_stop(andon.url, tables))
                pulled += len(tables)
                for load, busy in _LOADS.items():
                    with busy(andon.url, estate, datasets, bench.seconds(8, 4)):
                        asked = asyncio.run(_ask(andon.url, estate, bench.seconds(6, 1.5)))
                    andon.wait_projected(120)
                    section.add(
                        datasets,
                        f"{pulled}{name}",
                        load,
                        percentile(asked.milliseconds, 0.5),
                        percentile(asked.milliseconds, 0.99),
                        len(asked.milliseconds),
                        asked.stopped,
                    )
        bench.discard(data)
    section.notes += [
        f"{2 * _RUNS_A_SECOND} events/s, and as many as {_CLIENTS} clients get taken: the mix, 12 kB, one run in ten of"
        " a new job, which may read what is stopped",
        "stops block: what is downstream stands, and each stop adds to it",
    ]
    return section


def _stops(estate: Estate) -> Iterator[tuple[str, Sequence[str]]]:
    """What is stopped in turn, beside what was before: nothing, a table that many read, tables of all layers."""
    yield "", ()
    yield ", a hub", estate.hubs[:1]
    yield "", [it for it in random.Random(2).sample(estate.tables, 40) if it not in estate.hubs[:1]]


@contextmanager
def _quiet(url: str, estate: Estate, datasets: int, seconds: float) -> Iterator[None]:
    yield


@contextmanager
def _steady(url: str, estate: Estate, datasets: int, seconds: float) -> Iterator[None]:
    sending = threading.Thread(target=lambda: asyncio.run(_send(url, estate, seconds)))
    sending.start()
    yield
    sending.join()


@contextmanager
def _full(url: str, estate: Estate, datasets: int, seconds: float) -> Iterator[None]:
    sending = threading.Thread(target=send_mix, args=([url], datasets, Size.LARGE, _CLIENTS, seconds, 7))
    sending.start()
    time.sleep(_STARTING)
    yield
    sending.join()


async def _send(url: str, estate: Estate, seconds: float) -> None:
    connection = await Connection.open(url)
    runs = iter(Mix(estate.jobs, Size.LARGE, seed=5))
    begun = time.monotonic()
    sent = 0
    while time.monotonic() < begun + seconds:
        run = next(runs)
        for body in (run.start(), run.complete()):
            await connection.post(LINEAGE, body)
        sent += 1
        await asyncio.sleep(max(0.0, begun + sent / _RUNS_A_SECOND - time.monotonic()))
    connection.close()


_LOADS = {"nothing": _quiet, f"{2 * _RUNS_A_SECOND} events/s": _steady, f"{_CLIENTS} clients": _full}


async def _stop(url: str, tables: Sequence[str]) -> None:
    connection = await Connection.open(url)
    for table in tables:
        await connection.graphql(graphql_request(_STOP, urn=urn_of(table)))
    connection.close()


async def _ask(url: str, estate: Estate, seconds: float) -> Asked:
    """Ask for one job after the other, at random; the first few answers do not count."""
    chosen = random.Random(1)
    connection = await Connection.open(url)
    milliseconds: list[float] = []
    stopped = 0
    until = time.perf_counter() + seconds
    for at in range(10**9):
        job = chosen.choice(estate.jobs)
        path = f"/api/v1/gate?job={quote(f'{JOBS}/{job.name}', safe='')}".encode()
        begun = time.perf_counter()
        answer = await connection.get(path)
        took = 1000 * (time.perf_counter() - begun)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {answer.body[:200]!r}")
        if at >= _WARM_UP:
            milliseconds.append(took)
            stopped += not msgspec.json.decode(answer.body)["go"]
        if time.perf_counter() > until:
            break
    connection.close()
    return Asked(milliseconds, stopped)

"""Clients that send runs of the mix as fast as they are answered, in processes of their own."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any

import uvloop

from benchmarks.estate import Estate
from benchmarks.events import Mix, Run, Size
from benchmarks.http import Connection, RequestFailed

LINEAGE = b"/api/v1/lineage"
_PER_PROCESS = 16  # connections; the machine has few cores, and one of them is for what is measured


@dataclass(slots=True)
class Sent:
    """What a group of clients saw. Seconds are `time.monotonic`'s, which all processes of a machine share."""

    began: float = 0.0
    ended: float = 0.0
    accepted: int = 0
    refused: int = 0  # 503: try again later
    failed: int = 0  # any other answer than 2xx
    cpu: float = 0.0  # of the clients
    latencies: array[float] = field(default_factory=lambda: array("d"))  # seconds, of accepted events

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def add(self, other: Sent) -> None:
        self.began = min(self.began or other.began, other.began)
        self.ended = max(self.ended, other.ended)
        self.accepted += other.accepted
        self.refused += other.refused
        self.failed += other.failed
        self.cpu += other.cpu
        self.latencies.extend(other.latencies)


@dataclass(frozen=True, slots=True)
class Work:
    urls: Sequence[str]
    connections: int
    seconds: float
    datasets: int
    size: Size
    seed: int


def send_mix(urls: Sequence[str], datasets: int, size: Size, clients: int, seconds: float, seed: int) -> Sent:
    """`clients` connections send the mix over an estate for so many seconds, from new processes; to each URL alike."""
    context = multiprocessing.get_context("spawn")
    processes = -(-clients // _PER_PROCESS)
    barrier = context.Barrier(processes)
    shares = [clients // processes + (index < clients % processes) for index in range(processes)]
    pipes = []
    workers = []
    for index, share in enumerate(shares):
        ours, theirs = context.Pipe()
        work = Work(urls, share, seconds, datasets, size, seed * 1000 + index)
        worker = context.Process(target=_client_process, args=(work, barrier, theirs))
        worker.start()
        pipes.append(ours)
        workers.append(worker)
    total = Sent()
    try:
        for pipe in pipes:
            if not pipe.poll(seconds + 120):
                raise RequestFailed("a client process did not answer")
            total.add(pipe.recv())
    finally:
        for worker in workers:
            worker.join(10)
            if worker.is_alive():
                worker.kill()
    return total


def _client_process(work: Work, barrier: Any, pipe: Pipe) -> None:
    runs = iter(Mix(Estate.of(work.datasets).jobs, work.size, work.seed))
    barrier.wait(60)
    pipe.send(run_clients(work.urls, runs, work.connections, work.seconds))


def run_clients(urls: Sequence[str], runs: Iterable[Run], connections: int, seconds: float | None = None) -> Sent:
    """Send runs over so many connections until they end or the time is over, in this process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_send_all(urls, runs, connections, seconds))


async def _send_all(urls: Sequence[str], runs: Iterable[Run], connections: int, seconds: float | None) -> Sent:
    sent = Sent()
    opened = [await Connection.open(urls[it % len(urls)]) for it in range(connections)]
    shared = iter(runs)
    cpu = time.process_time()
    sent.began = time.monotonic()
    until = sent.began + seconds if seconds is not None else float("inf")
    await asyncio.gather(*(_send(connection, shared, until, sent) for connection in opened))
    sent.ended = time.monotonic()
    sent.cpu = time.process_time() - cpu
    for connection in opened:
        connection.close()
    return sent


async def _send(connection: Connection, runs: Iterator[Run], until: float, sent: Sent) -> None:
    for run in runs:
        for make in (run.start, run.complete):
            while True:
                begun = time.monotonic()
                if begun >= until:
                    return
                answer = await connection.post(LINEAGE, make())
                if answer.status in (200, 201):
                    sent.accepted += 1
                    sent.latencies.append(time.monotonic() - begun)
                    break
                if answer.status != 503:
                    sent.failed += 1
                    break
                sent.refused += 1
                await asyncio.sleep(0.05)

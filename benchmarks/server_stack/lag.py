"""How far the graph is behind what was accepted, at a steady rate: the fold state, and Neo4j behind it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.estate import Estate
from benchmarks.events import Mix, bodies
from benchmarks.http import Connection
from benchmarks.load import LINEAGE
from benchmarks.report import Section, percentile
from benchmarks.server_stack.loading import Estates
from benchmarks.server_stack.servers import NOTE

RATE = 100  # events a second
TARGET_SECONDS = 5.0
"""Neo4j's greatest lag at that rate, over 10,000 datasets."""

_CONNECTIONS = 8
_LOOK_SECONDS = 0.02
_DRAINED_WITHIN = 300.0


@dataclass(slots=True)
class Followed:
    """Positions that something has reached, and when; seconds are `time.monotonic`'s."""

    name: str
    position: Callable[[], int]
    reached: list[tuple[int, float]] = field(default_factory=list)

    def follow(self, is_done: Callable[[int], bool]) -> None:
        """Look until `is_done` says so of the position."""
        while True:
            seen, moment = self.position(), time.monotonic()
            if not self.reached or seen > self.reached[-1][0]:
                self.reached.append((seen, moment))
            if is_done(seen):
                return
            time.sleep(_LOOK_SECONDS)

    def lags(self, accepted: dict[int, float]) -> list[float]:
        """Seconds from each event's 201 until it was there."""
        found: list[float] = []
        moments = iter(self.reached)
        upto, moment = next(moments)
        for position in sorted(accepted):
            while upto < position:
                upto, moment = next(moments, (2**62, float("inf")))
            found.append(max(0.0, moment - accepted[position]))
        return found


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
        _wait_for(followed, andon.wait_projected(60)[0])
        before, cpu = stack.used(), andon.cpu_seconds()
        accepted, began, ended = _send_and_follow(andon.url, bodies(runs), seconds, followed)
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


def _wait_for(followed: Sequence[Followed], position: int) -> None:
    for it in followed:
        it.follow(lambda seen: seen >= position)
        it.reached.clear()


def _send_and_follow(
    url: str, events: Iterator[bytes], seconds: float, followed: Sequence[Followed]
) -> tuple[dict[int, float], float, float]:
    """(when each position was accepted, when the first was sent, when the last was accepted)."""
    accepted: dict[int, float] = {}
    sent = threading.Event()
    give_up = time.monotonic() + seconds + _DRAINED_WITHIN

    def is_done(seen: int) -> bool:
        return (sent.is_set() and seen >= max(accepted)) or time.monotonic() > give_up

    watchers = [threading.Thread(target=it.follow, args=(is_done,)) for it in followed]
    for watcher in watchers:
        watcher.start()
    began = time.monotonic()
    try:
        asyncio.run(_send(url, events, seconds, accepted))
    finally:
        ended = time.monotonic()
        sent.set()
        for watcher in watchers:
            watcher.join()
    return accepted, began, ended


async def _send(url: str, events: Iterator[bytes], seconds: float, accepted: dict[int, float]) -> None:
    """Each event at its time, whether or not the one before it is answered, as far as the connections go."""
    began = time.monotonic()
    due = iter(range(int(RATE * seconds)))

    async def client() -> None:
        connection = await Connection.open(url)
        for index in due:
            await asyncio.sleep(max(0.0, began + index / RATE - time.monotonic()))
            answer = await connection.post(LINEAGE, next(events))
            if answer.status != 201:
                raise RuntimeError(f"{answer.status} {answer.body[:200]!r}")
            accepted[int(answer.header(b"andon-position") or 0)] = time.monotonic()
        connection.close()

    await asyncio.gather(*(client() for _ in range(_CONNECTIONS)))

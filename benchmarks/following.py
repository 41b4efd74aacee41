"""How far something is behind what was accepted, at a steady rate."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.http import Connection
from benchmarks.load import LINEAGE

RATE = 100  # events a second
_CONNECTIONS = 8
_DRAINED_WITHIN = 300.0


@dataclass(slots=True)
class Followed:
    """Positions that something has reached, and when; seconds are `time.monotonic`'s.

    `every` so many seconds it is asked, which costs whoever is asked.
    """

    name: str
    position: Callable[[], int]
    every: float = 0.02
    reached: list[tuple[int, float]] = field(default_factory=list)

    def follow(self, is_done: Callable[[int], bool]) -> None:
        """Look until `is_done` says so of the position."""
        while True:
            seen, moment = self.position(), time.monotonic()
            if not self.reached or seen > self.reached[-1][0]:
                self.reached.append((seen, moment))
            if is_done(seen):
                return
            time.sleep(self.every)

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


def wait_for(followed: Sequence[Followed], position: int) -> None:
    for it in followed:
        it.follow(lambda seen: seen >= position)
        it.reached.clear()


def send_and_follow(
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

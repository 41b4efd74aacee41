"""Reads of acknowledged writes are linearizable: what was acknowledged before a read began, the read shows.

Writers set the description of a few datasets to ever greater numbers; the number is the event time too, so
a description is a register that only grows. Each read asks to be as new as the newest acknowledgement then
known. The history of all operations is recorded and checked afterwards.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.end_to_end.events import documented
from tests.end_to_end.service import Service

OPERATIONS = int(os.environ.get("ANDON_HISTORY_OPERATIONS", "2000"))
CLIENTS = 6
KEYS = 5
NAMESPACE = "history://test"

READ = """
query($namespace: String!, $name: String!, $asOf: AsOf) {
  entity(type: "Dataset", namespace: $namespace, name: $name, asOf: $asOf) { description } }
"""


@dataclass(frozen=True, slots=True)
class Write:
    """A description was set to `value`; it was acknowledged at `position`."""

    key: str
    value: int
    position: int
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Read:
    """A description was read: 0 where there was none; `as_of` is the position it was pinned to, if any."""

    client: int
    key: str
    value: int
    at_least: int
    as_of: int | None
    began: float
    ended: float


class History:
    """What the clients did, and what they share: next values and the newest acknowledged position."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.reads: list[Read] = []
        self.newest = 0
        self._next = dict.fromkeys((f"dataset_{number}" for number in range(KEYS)), 0)
        self._lock = threading.Lock()

    def next_value(self, key: str) -> int:
        with self._lock:
            self._next[key] += 1
            return self._next[key]

    def acknowledged(self, write: Write) -> None:
        with self._lock:
            self.writes.append(write)
            self.newest = max(self.newest, write.position)


def write(service: Service, history: History, key: str) -> None:
    value = history.next_value(key)
    event = documented(NAMESPACE, key, str(value), second=value)
    began = time.monotonic()
    position = service.accept(event)
    history.acknowledged(Write(key, value, position, began, time.monotonic()))


def read(service: Service, history: History, key: str, client: int, pinned: bool) -> None:
    at_least = history.newest
    as_of = random.randint(1, at_least) if pinned and at_least else None
    variables: dict[str, Any] = {"namespace": NAMESPACE, "name": key}
    if as_of is not None:
        variables["asOf"] = {"position": as_of}
    began = time.monotonic()
    entity = service.graphql(READ, variables, at_least)["entity"]
    value = int(entity["description"] or 0) if entity else 0
    history.reads.append(Read(client, key, value, at_least, as_of, began, time.monotonic()))


def work(service: Service, history: History, client: int, operations: int) -> None:
    choose = random.Random(client)
    for _ in range(operations):
        key = f"dataset_{choose.randrange(KEYS)}"
        if choose.random() < 0.5:
            write(service, history, key)
        else:
            read(service, history, key, client, pinned=choose.random() < 0.3)


def violations(history: History) -> list[str]:
    """What a register that only grows would never show."""
    by_key = {key: [write for write in history.writes if write.key == key] for key in {w.key for w in history.writes}}
    found: list[str] = []
    for read in history.reads:
        writes = by_key.get(read.key, [])
        if read.as_of is not None:
            found += _wrong_when_pinned(read, writes, read.as_of)
            continue
        least = max((w.value for w in writes if w.position <= read.at_least), default=0)
        most = max((w.value for w in writes if w.began < read.ended), default=0)
        if not least <= read.value <= most:
            found.append(f"{read} shows neither {least} nor anything up to {most}")
    return found + _backward(history.reads)


def _wrong_when_pinned(read: Read, writes: list[Write], position: int) -> list[str]:
    expected = max((w.value for w in writes if w.position <= position), default=0)
    return [] if read.value == expected else [f"{read} should show {expected}"]


def _backward(reads: list[Read]) -> list[str]:
    """A client that reads a key again, at no older a position, never sees it go back."""
    last: dict[tuple[int, str], Read] = {}
    found: list[str] = []
    for read in sorted((read for read in reads if read.as_of is None), key=lambda read: read.began):
        before = last.get((read.client, read.key))
        if before is not None and read.value < before.value:
            found.append(f"{read} after {before}")
        last[read.client, read.key] = read
    return found


@pytest.mark.timeout(120 + OPERATIONS // 20)
def test_every_read_shows_the_writes_acknowledged_before_it(service: Service) -> None:
    history = History()
    each = OPERATIONS // CLIENTS
    with ThreadPoolExecutor(CLIENTS) as pool:
        done = [pool.submit(work, service, history, client, each) for client in range(CLIENTS)]
        for future in done:
            future.result()
    assert len(history.writes) + len(history.reads) == each * CLIENTS
    assert sum(read.as_of is not None for read in history.reads) > OPERATIONS // 20
    assert violations(history) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda history: history.reads.append(Read(1, "dataset_0", 0, 1, None, 2.0, 3.0)),
        lambda history: history.reads.append(Read(0, "dataset_0", 2, 1, None, 2.0, 3.0)),
        lambda history: history.reads.append(Read(0, "dataset_0", 1, 1, 0, 2.0, 3.0)),
        lambda history: history.reads.extend(
            [Read(0, "dataset_1", 9, 0, None, 4.0, 6.0), Read(0, "dataset_1", 0, 0, None, 4.5, 4.6)]
        ),
    ],
    ids=["a lost write", "a value from nowhere", "a past that changed", "a value that went back"],
)
def test_the_checker_finds(spoil: Callable[[History], None]) -> None:
    history = History()
    history.acknowledged(Write("dataset_0", 1, 1, 0.0, 1.0))
    history.acknowledged(Write("dataset_1", 9, 2, 5.0, 7.0))
    history.reads.append(Read(0, "dataset_0", 1, 1, None, 2.0, 3.0))
    assert violations(history) == []
    spoil(history)
    assert len(violations(history)) == 1


def test_a_read_that_waits_for_a_position_which_never_comes_is_told_so_in_time(
    shared_service: Service,
) -> None:
    started = time.monotonic()
    answer: httpx.Response = shared_service.post_graphql(
        "{ status { positionProjected } }", headers={"Andon-Min-Position": str(10**12)}
    )
    assert time.monotonic() - started < 30
    assert answer.status_code >= 400 or answer.json()["errors"], answer.text


@pytest.mark.parametrize("position", ["soon", "-1", "1.5", ""])
def test_a_position_that_is_no_number_is_refused(position: str, shared_service: Service) -> None:
    answer = shared_service.post_graphql("{ status { version } }", headers={"Andon-Min-Position": position})
    assert answer.status_code == 400, answer.text

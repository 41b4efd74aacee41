"""A disk that is full, or that refuses writes: a clear no, nothing lost, and all is well when there is room again."""

from __future__ import annotations

import random
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from graph.errors import JournalBroken, Unavailable
from graph.model import NewEnvelope
from graph.sqlite_journal import SqliteJournal
from tests.durability.estate import EVENTS
from tests.end_to_end.events import documented
from tests.end_to_end.service import Event, Service, wait_until

CHANCE = random.Random(1)


def large(name: str, size: int = 30_000) -> NewEnvelope:
    """An envelope that does not compress."""
    return NewEnvelope("openlineage", "test", name.encode().ljust(16, b"_"), CHANCE.randbytes(size))


def small(name: str) -> NewEnvelope:
    return NewEnvelope("openlineage", "test", name.encode().ljust(16, b"_"), b"{}")


class Disk:
    """Connections to a file that may have only so many pages: SQLite's own SQLITE_FULL, as on ENOSPC."""

    def __init__(self) -> None:
        self._connections: list[sqlite3.Connection] = []

    def connect(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False)
        self._connections.append(connection)
        return connection

    def fill(self) -> None:
        """No page more than there are."""
        writer = self._connections[0]
        [pages] = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count = {pages}")

    def empty(self) -> None:
        self._connections[0].execute("PRAGMA max_page_count = 1000000")


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def journal(disk: Disk, tmp_path: Path) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "journal.db", connect=disk.connect)
    yield journal
    journal.close()


def test_a_full_disk_is_unavailable_and_passes(disk: Disk, journal: SqliteJournal) -> None:
    journal.append([large("first")])
    before = journal.read(0, 10)
    disk.fill()

    for _ in range(3):
        with pytest.raises(Unavailable) as refused:
            journal.append([large("second")])
        assert not isinstance(refused.value, JournalBroken)
        assert refused.value.retry_after >= 1
        assert (journal.last_position(), journal.read(0, 10)) == (1, before)
    assert journal.is_writable

    disk.empty()
    [second] = journal.append([large("second")])
    assert (second.position, second.duplicate) == (2, False)


def test_a_batch_that_does_not_fit_is_refused_whole(disk: Disk, journal: SqliteJournal) -> None:
    journal.append([large("first")])
    disk.fill()

    with pytest.raises(Unavailable):
        journal.append([small("fits"), large("does not"), small("would fit")])
    assert journal.last_position() == 1

    disk.empty()
    answers = journal.append([small("fits"), large("does not"), small("would fit")])
    assert [(it.position, it.duplicate) for it in answers] == [(2, False), (3, False), (4, False)]


def test_a_known_event_is_answered_even_on_a_full_disk(disk: Disk, journal: SqliteJournal) -> None:
    journal.append([large("first")])
    disk.fill()

    [again] = journal.append([large("first")])

    assert (again.position, again.duplicate) == (1, True)


def test_a_fault_that_is_not_the_disks_does_not_stop_the_journal(tmp_path: Path) -> None:
    broken = threading.Event()
    broken.set()

    def clock() -> int:
        if broken.is_set():
            raise RuntimeError("the clock fell down")
        return 1_000

    journal = SqliteJournal(tmp_path / "journal.db", clock=clock)
    with pytest.raises(Unavailable):
        journal.append([small("first")])

    broken.clear()
    [first] = journal.append([small("first")])
    assert (first.position, first.duplicate) == (1, False)
    journal.close()


# A whole service on a disk that takes no more


@contextmanager
def no_file_longer_than(service: Service, size: int) -> Iterator[None]:
    """Writes of the process past that size of a file fail (EFBIG), as on a disk with errors."""
    soft, hard = resource.prlimit(service.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (soft, hard))


def size_of(service: Service, name: str) -> int:
    return (service.data / name).stat().st_size


def bulky(number: int) -> Event:
    """A description of 20,000 characters, most of them different."""
    text = "".join(chr(0x4E00 + CHANCE.randrange(20_000)) for _ in range(20_000))
    return documented("disk://full", f"table_{number}", text, number)


def described(service: Service, number: int, min_position: int) -> bool:
    found = service.graphql(
        """query($name: String!) {
             entity(type: "Dataset", namespace: "disk://full", name: $name) { description } }""",
        {"name": f"table_{number}"},
        min_position,
    )["entity"]
    return found is not None and len(found["description"]) == 20_000


def test_the_service_says_503_while_the_journal_cannot_grow_and_takes_the_same_event_later(
    service: Service,
) -> None:
    last = service.accept_all(EVENTS)
    service.graphql("{ status { positionProjected } }", min_position=last)
    accepted: list[int] = []
    refused: httpx.Response | None = None

    with no_file_longer_than(service, size_of(service, "journal.db-wal") + 50_000):
        for number in range(10):
            answer = service.post_event(bulky(number))
            if answer.status_code != 201:
                refused = answer
                break
            accepted.append(int(answer.headers["Andon-Position"]))
        assert refused is not None, "the journal was to be full by now"
        assert refused.status_code == 503, refused.text
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert service.client.get("/healthz").status_code == 200
        assert service.position() == last + len(accepted)
        assert service.run_state(EVENTS[0]["job"]["namespace"], EVENTS[0]["run"]["runId"]) == "COMPLETE"

    again = bulky(len(accepted))
    position = service.accept(again)
    assert position == last + len(accepted) + 1
    assert all(described(service, number, position) for number in range(len(accepted) + 1))
    assert service.client.get("/readyz").status_code == 200


def test_what_is_accepted_while_the_graph_cannot_grow_is_in_it_later(service: Service) -> None:
    for event in EVENTS:  # one commit each, so that the graph's log grows longer than the journal's
        service.graphql("{ status { positionProjected } }", min_position=service.accept(event))
    limit = size_of(service, "graph.db-wal")
    assert limit > size_of(service, "journal.db-wal") + 4 * 50_000

    with no_file_longer_than(service, limit):
        accepted = [service.accept(bulky(number)) for number in range(3)]
        wait_until(lambda: "projecting again" in service.printed(), 10, "the graph could not be written")
        status = service.graphql("{ status { positionReceived positionProjected } }")["status"]
        assert status["positionReceived"] == accepted[-1]
        assert status["positionProjected"] < accepted[-1]

    assert all(described(service, number, accepted[-1]) for number in range(3))
    assert service.client.get("/readyz").status_code == 200

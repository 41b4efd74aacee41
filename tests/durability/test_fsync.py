"""A failed fsync is final: the kernel may have thrown the bytes away, so a second try would succeed and lie."""

from __future__ import annotations

import subprocess
import sys
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
from tests.durability.failing_disk import connecting
from tests.end_to_end.service import LINEAGE, REPOSITORY, Service, clean_environment, wait_until


def new(name: str) -> NewEnvelope:
    return NewEnvelope("openlineage", "test", name.encode().ljust(16, b"_"), name.encode())


@pytest.mark.parametrize("fault", ["SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC", "SQLITE_CORRUPT"])
def test_after_a_failed_fsync_nothing_more_is_accepted_for_ever(tmp_path: Path, fault: str) -> None:
    fails = threading.Event()
    broken: list[str] = []
    journal = SqliteJournal(
        tmp_path / "journal.db",
        connect=connecting(fails.is_set, fault),
        on_broken=lambda: broken.append("broken"),
    )
    journal.append([new("acknowledged")])

    fails.set()
    with pytest.raises(JournalBroken):
        journal.append([new("not durable")])
    fails.clear()  # the disk looks well again, which proves nothing
    for envelope in (new("not durable"), new("another"), new("acknowledged")):
        with pytest.raises(JournalBroken):
            journal.append([envelope])

    assert broken == ["broken"]
    assert not journal.is_writable
    assert [it.body for it in journal.read(0, 10)] == [b"acknowledged"]
    journal.close()
    reopened = SqliteJournal(tmp_path / "journal.db")
    assert [it.position for it in reopened.append([new("not durable")])] == [2]
    reopened.close()


@pytest.mark.parametrize("fault", ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR", "SQLITE_BUSY"])
def test_other_faults_of_a_commit_pass(tmp_path: Path, fault: str) -> None:
    fails = threading.Event()
    journal = SqliteJournal(tmp_path / "journal.db", connect=connecting(fails.is_set, fault))
    journal.append([new("first")])

    fails.set()
    with pytest.raises(Unavailable, match=fault) as refused:
        journal.append([new("second")])
    assert not isinstance(refused.value, JournalBroken)
    fails.clear()

    assert [(it.position, it.duplicate) for it in journal.append([new("second")])] == [(2, False)]
    journal.close()


@contextmanager
def failing_service(data: Path, printed: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running `failing_disk` and its address."""
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.durability.failing_disk", str(data)],
            cwd=REPOSITORY,
            env=clean_environment(),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: b"listening on " in printed.read_bytes(), 30, "it announced its address")
        yield process, printed.read_text().split("listening on ")[1].split()[0]
    finally:
        process.kill()
        process.wait(10)


def test_the_service_ends_with_a_failure_and_the_next_has_all_that_was_acknowledged(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with failing_service(data, tmp_path / "printed") as (process, url):
        acknowledged = [httpx.post(url + LINEAGE, json=event).status_code for event in EVENTS[:5]]
        assert acknowledged == [201] * 5

        (data / "fail").touch()
        try:
            answer = httpx.post(url + LINEAGE, json=EVENTS[5])
        except httpx.TransportError:
            pass
        else:
            assert answer.status_code == 503

        assert process.wait(10) == 74, "EX_IOERR"
    assert "could not be made durable" in (tmp_path / "printed").read_text()

    with Service(data) as service:
        assert service.position() == 5
        assert service.accept_all(EVENTS[:6]) == 6

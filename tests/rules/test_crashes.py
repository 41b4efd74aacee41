"""SIGKILL at every step between a change and its record, then a second life on the same data (promise 7)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from graph.journal import Journal
from graph.postgres_journal import PostgresJournal
from graph.sqlite_journal import SqliteJournal
from rules.audit import verify
from rules.outbox import Outbox
from rules.postgres_outbox import PostgresOutbox
from rules.sqlite_outbox import SqliteOutbox
from tests.rules.crashing import STEPS
from tests.rules.receiver import Answer, Receiver, status

pytestmark = pytest.mark.systems

ROOT = Path(__file__).resolve().parents[2]
AFTER_THE_LEASE = "120"  # seconds that the second life's clock is ahead
ACTIONS = 3


@dataclass(frozen=True, slots=True)
class Home:
    """Where outbox and journal are: a folder, or the database of that URL."""

    data: Path
    database: str | None

    def live(self, url: str, step: str = "", ahead: str = "0", *more: str) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.rules.crashing", str(self.data), url, step, ahead, *more],
            cwd=ROOT,
            env=kept | ({"ANDON_POSTGRES_URL": self.database} if self.database else {}),
            stderr=subprocess.PIPE,
        )

    def outbox(self) -> Outbox:
        return PostgresOutbox(self.database) if self.database else SqliteOutbox(self.data / "outbox.db")

    def journal(self) -> Journal:
        return PostgresJournal(self.database) if self.database else SqliteJournal(self.data / "journal.db")


@pytest.fixture(params=["embedded", "server"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A home of each kind, empty at first."""
    database = request.getfixturevalue("postgres").new_database() if request.param == "server" else None
    return Home(tmp_path, database)


def end_of(process: subprocess.Popen[bytes]) -> int:
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGKILL), errors.decode()
    return process.returncode


class Killer:
    """An answer that kills the asking process instead, the first time."""

    def __init__(self) -> None:
        self.victim: subprocess.Popen[bytes] | None = None

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        assert self.victim is not None
        os.kill(self.victim.pid, signal.SIGKILL)


def journalled(home: Home) -> list[tuple[str, str]]:
    """(about, firing or action key) of every envelope, in order."""
    journal = home.journal()
    bodies = [json.loads(envelope.body or b"") for envelope in journal.read(0, 100)]
    journal.close()
    return [(body["about"], body.get("key", body["firing"])) for body in bodies]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_neither_loses_an_action_nor_repeats_a_recorded_one(step: str, home: Home) -> None:
    killer = Killer()
    answers: list[Answer] = [killer, status(204)] if step == "sent" else [status(204)]
    with Receiver(*answers) as receiver:
        first = home.live(receiver.url, step)
        killer.victim = first
        assert end_of(first) == -signal.SIGKILL, f"it must have died at {step!r}"
        assert end_of(home.live(receiver.url, ahead=AFTER_THE_LEASE)) == 0
        assert end_of(home.live(receiver.url, ahead=AFTER_THE_LEASE)) == 0  # a third life finds nothing to do

    sent = Counter(received.headers["idempotency-key"] for received in receiver.received)
    unwitnessed = step in ("sent", "answered")  # the target had it and nobody could write that down
    assert sorted(sent.values()) == ([1, 1, 2] if unwitnessed else [1, 1, 1])
    outbox = home.outbox()
    (firing,) = outbox.firings(10)
    assert {action.key for action in firing.actions} == set(sent)
    assert [action.state for action in firing.actions] == ["delivered"] * ACTIONS
    assert outbox.unreported(10) == []
    journal = home.journal()
    log = verify(lambda: journal.read(0, 100), outbox=outbox)
    outbox.close()
    assert (log.fault, log.head.number) == (None, 1 + ACTIONS), "every record once, in its place"
    journal.close()
    recorded = journalled(home)
    assert Counter(about for about, _ in recorded) == {"decision": 1, "outcome": ACTIONS}
    assert {key for about, key in recorded if about == "outcome"} == set(sent)


def test_what_a_rule_said_when_it_was_killed_is_not_said_again(home: Home) -> None:
    url = "http://127.0.0.1:1/"
    assert end_of(home.live(url, "answered", "0", "saying")) == -signal.SIGKILL
    assert end_of(home.live(url, "", AFTER_THE_LEASE, "saying")) == 0

    journal, outbox = home.journal(), home.outbox()
    found = journal.read(0, 100)
    assert Counter(it.kind for it in found) == {"mutation": 1, "action": 2}
    assert [action.attempts for action in outbox.firings(1)[0].actions] == [2]
    assert verify(lambda: found, outbox=outbox).fault is None
    journal.close()
    outbox.close()


def test_a_repetition_carries_the_same_key_and_the_same_bytes(home: Home) -> None:
    with Receiver() as receiver:
        assert end_of(home.live(receiver.url, "answered")) == -signal.SIGKILL
        assert end_of(home.live(receiver.url, ahead=AFTER_THE_LEASE)) == 0

    by_key: dict[str, set[bytes]] = {}
    for received in receiver.received:
        assert received.event["id"] == received.headers["idempotency-key"]
        by_key.setdefault(received.headers["idempotency-key"], set()).add(received.body)
    assert len(receiver.received) == ACTIONS + 1
    assert [len(bodies) for bodies in by_key.values()] == [1] * ACTIONS


def test_nobody_else_takes_an_action_before_the_lease_of_a_killed_worker_is_over(home: Home) -> None:
    with Receiver() as receiver:
        assert end_of(home.live(receiver.url, "answered")) == -signal.SIGKILL
        assert end_of(home.live(receiver.url)) == 0

    assert Counter(received.headers["idempotency-key"] for received in receiver.received).most_common(1)[0][1] == 1

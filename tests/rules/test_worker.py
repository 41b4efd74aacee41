from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from graph.errors import Unavailable
from graph.model import Instant, NewEnvelope
from rules.actions.delivery import Delivered, Deliverer, Outcome, Postponed, Refused, Underway
from rules.outbox import Intended, Leased, Outbox, Settlement
from rules.targets import Targets, Tolerance
from rules.worker import LEASE, Patience, Worker
from tests.rules.deciding import a_firing, decide, state
from tests.rules.estate import T0

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Clock:
    now: Instant = T0

    def __call__(self) -> Instant:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now = Instant(self.now + round(by.total_seconds() * 1_000_000))


@dataclass
class Scripted:
    """An action whose outcomes are given; the last one stays."""

    outcomes: list[Outcome]
    delivered: list[tuple[str, Instant]] = field(default_factory=list)
    progress: list[str | None] = field(default_factory=list)

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        self.delivered.append((intended.key, at))
        self.progress.append(intended.progress)
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]


def a_worker(
    outbox: Outbox,
    action: Deliverer,
    clock: Clock,
    journal: list[NewEnvelope] | None = None,
    chance: Callable[[], float] = lambda: 0.0,
) -> Worker:
    append = (journal if journal is not None else []).append
    return Worker(outbox, {"webhook": action}, append, clock, chance=chance)


def test_an_action_is_delivered_once_and_its_outcome_journalled(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    action, journal = Scripted([Delivered()]), list[NewEnvelope]()
    worker = a_worker(outbox, action, Clock(), journal)

    while worker.step():
        pass

    assert action.delivered == [("k1", T0)]
    assert state(outbox) == ("delivered", 1, None)
    (envelope,) = journal
    assert (envelope.kind, envelope.source) == ("action", "rules")
    assert json.loads(envelope.body) == {
        "number": 1,
        "previous": "",
        "about": "outcome",
        "firing": "f1",
        "rule": "a-rule",
        "version": "1+abc",
        "subject": "urn:andon:run:shop:run-1",
        "at": "2026-09-21T14:13:20Z",
        "evidence": [3, 9],
        "key": "k1",
        "action": "webhook",
        "target": "urn:andon:dashboard:l:sales",
        "owner": "ana",
        "state": "delivered",
        "attempts": 1,
        "error": None,
    }


def test_an_outbox_that_is_away_for_a_moment_has_nothing_done_again(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(leased: Leased, settlement: Settlement) -> bool:
        raise Unavailable("the database is being restarted")

    decide(outbox, a_firing("f1", 9, "k1"))
    action, clock = Scripted([Delivered()]), Clock()
    worker = a_worker(outbox, action, clock)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(outbox, "settle", away)
        for _ in range(2):
            with pytest.raises(Unavailable):
                worker.step()
    clock.advance(timedelta(seconds=5))

    while worker.step():
        pass

    assert action.delivered == [("k1", T0)]
    assert state(outbox) == ("delivered", 1, None)


def test_waits_double_from_two_seconds_to_fifteen_minutes() -> None:
    patience = Patience()

    waits = [patience.wait(attempt, 0.999_999).total_seconds() for attempt in range(1, 13)]

    assert [round(wait) for wait in waits] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert patience.wait(1_000_000, 0.0) == timedelta(minutes=7.5)


def test_chance_spreads_waits_over_their_upper_half() -> None:
    assert Patience().wait(3, 0.0) == timedelta(seconds=4)
    assert Patience().wait(3, 0.5) == timedelta(seconds=6)


def test_a_postponed_action_is_tried_when_due_until_it_is_delivered(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    action, clock = Scripted([Postponed("busy"), Postponed("busy"), Delivered()]), Clock()
    worker = a_worker(outbox, action, clock)

    for _ in range(30):
        worker.step()
        clock.advance(timedelta(seconds=0.5))

    # by the lowest chance: half of 2 s, then half of 4 s
    assert [(at - T0) / 1_000_000 for _, at in action.delivered] == [0, 1, 3]
    assert state(outbox) == ("delivered", 3, None)


def test_a_target_may_ask_for_a_longer_wait_but_not_for_a_shorter_one(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    action, clock = (
        Scripted([Postponed("busy", timedelta(seconds=20)), Postponed("busy", timedelta()), Delivered()]),
        Clock(),
    )
    worker = a_worker(outbox, action, clock)

    for _ in range(30):
        worker.step()
        clock.advance(timedelta(seconds=1))

    assert [(at - T0) / 1_000_000 for _, at in action.delivered] == [0, 20, 22]


def test_after_eight_attempts_an_action_is_dead_and_the_journal_knows(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    action, clock, journal = Scripted([Postponed("busy")]), Clock(), list[NewEnvelope]()
    worker = a_worker(outbox, action, clock, journal)

    for _ in range(20):
        worker.step()
        clock.advance(timedelta(hours=1))

    assert len(action.delivered) == 8
    assert state(outbox) == ("dead", 8, "busy; given up after 8 attempts")
    assert [json.loads(envelope.body)["state"] for envelope in journal] == ["dead"]


def test_what_is_under_way_is_looked_at_again_with_what_was_said_of_it_and_costs_no_attempt(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    busy = [Postponed("busy")] * 7
    outcomes: list[Outcome] = [*busy, Underway("run 7", timedelta(minutes=1)), *busy, Underway("run 7, half", MINUTE)]
    action, clock, journal = Scripted([*outcomes, *busy, Delivered({"run": 7})]), Clock(), list[NewEnvelope]()
    worker = a_worker(outbox, action, clock, journal)

    for _ in range(40):
        worker.step()
        clock.advance(timedelta(minutes=15))

    assert action.progress == [None] * 8 + ["run 7"] * 8 + ["run 7, half"] * 8
    assert state(outbox) == ("delivered", 22, None)
    assert outbox.firings(1)[0].actions[0].result == {"run": 7}
    assert [json.loads(it.body)["result"] for it in journal] == [{"run": 7}]


def test_an_action_is_not_under_way_for_longer_than_it_may_be(outbox: Outbox) -> None:
    decided = a_firing("f1", 9, "k1")
    decide(outbox, replace(decided, actions=(replace(decided.actions[0], within=timedelta(minutes=150)),)))
    action, clock, journal = Scripted([Postponed("busy"), Underway("run 7", HOUR)]), Clock(), list[NewEnvelope]()
    worker = a_worker(outbox, action, clock, journal)

    for _ in range(60):
        worker.step()
        clock.advance(timedelta(minutes=5))

    # started 5 minutes after it was first tried; last looked at when its time was over
    assert [(at - T0) / 60_000_000 for _, at in action.delivered] == [0, 5, 65, 125, 155]
    assert state(outbox) == ("dead", 2, "still under way 2:30:00 after it was started")
    assert [json.loads(it.body)["state"] for it in journal] == ["dead"]


def test_a_replayed_action_is_started_anew(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    action, clock = Scripted([Underway("run 7", MINUTE), Refused("it failed"), Underway("run 8", MINUTE)]), Clock()
    worker = a_worker(outbox, action, clock)
    worker.step()
    clock.advance(MINUTE)
    worker.step()

    outbox.replay("k1", clock())
    worker.step()

    assert action.progress == [None, "run 7", None]
    assert state(outbox) == ("underway", 1, None)


class Addressed(Scripted):
    """Each owner is a target of its own."""

    def target(self, intended: Intended) -> str:
        return intended.owner


def addressed(outbox: Outbox, *owners: str) -> None:
    """Actions k0, k1, ... to these targets."""
    decided = a_firing("f1", 9, *(f"k{number}" for number in range(len(owners))))
    actions = (replace(it, owner=owner) for it, owner in zip(decided.actions, owners, strict=True))
    decide(outbox, replace(decided, actions=tuple(actions)))


def test_a_target_that_is_down_is_left_alone_and_then_probed_while_others_go_on(outbox: Outbox) -> None:
    @dataclass
    class Down(Addressed):
        is_down: bool = True

        def deliver(self, intended: Intended, at: Instant) -> Outcome:
            self.delivered.append((intended.key, at))
            return Postponed("away") if intended.owner == "down" and self.is_down else Delivered()

    addressed(outbox, *["down"] * 8, *["up"] * 2)
    action, clock = Down([]), Clock()
    targets = Targets(Tolerance(failures=3, pause=timedelta(minutes=1)))
    patience = Patience(first=timedelta(hours=1))
    worker = Worker(outbox, {"webhook": action}, lambda it: None, clock, patience=patience, targets=targets)
    while worker.step():
        pass

    assert [key for key, _ in action.delivered] == ["k0", "k1", "k2", "k8", "k9"]
    held = outbox.firings(1)[0].actions[3]
    assert (held.state, held.attempts) == ("pending", 0)
    assert held.last_error == "its target failed 3 times in a row and is left alone for a while"

    clock.advance(timedelta(minutes=1, seconds=10))
    while worker.step():
        pass
    assert [key for key, _ in action.delivered[5:]] == ["k3"]  # one probe, then shut for two minutes

    action.is_down = False
    clock.advance(timedelta(minutes=2, seconds=10))
    while worker.step():
        pass
    assert [key for key, _ in action.delivered[6:]] == ["k4", "k5", "k6", "k7"]
    assert [it.attempts for it in outbox.firings(1)[0].actions] == [1] * 10


def test_a_target_gets_no_more_than_its_rate_and_each_that_waits_a_time_of_its_own(outbox: Outbox) -> None:
    addressed(outbox, *["one"] * 16, "other")
    action, clock = Addressed([Delivered()]), Clock()
    worker = Worker(outbox, {"webhook": action}, lambda it: None, clock, targets=Targets(Tolerance(rate=60)))

    for _ in range(200):
        while worker.step():
            pass
        clock.advance(timedelta(milliseconds=100))

    waits = [(at - T0) // 1_000_000 for key, at in action.delivered if key != "k16"]
    assert waits[:11] == [0] * 11  # ten at once, and the first
    assert waits[11:] == [1, 2, 3, 4, 5]
    assert ("k16", T0) in action.delivered


def test_a_held_action_keeps_what_was_said_of_it_and_its_attempts(outbox: Outbox) -> None:
    addressed(outbox, "one", "one")
    away, clock = Postponed("away"), Clock()
    action = Addressed([Underway("run 7", timedelta(seconds=30)), away, Delivered()])
    targets = Targets(Tolerance(failures=1, pause=MINUTE))
    worker = Worker(outbox, {"webhook": action}, lambda it: None, clock, targets=targets)
    while worker.step():
        pass
    clock.advance(timedelta(seconds=31))
    while worker.step():
        pass

    first, second = outbox.firings(1)[0].actions
    assert (first.state, first.attempts) == ("underway", 0)
    assert (second.state, second.attempts, second.last_error is not None) == ("failed", 1, True)
    clock.advance(timedelta(minutes=5))
    while worker.step():
        pass
    assert "run 7" in action.progress[2:]


def test_a_refused_action_is_dead_at_once(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    worker = a_worker(outbox, Scripted([Refused("answered 404")]), Clock())

    worker.step()

    assert state(outbox) == ("dead", 1, "answered 404")


def test_a_replayed_action_has_all_its_attempts_again_and_both_ends_are_journalled(
    outbox: Outbox,
) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    clock, journal = Clock(), list[NewEnvelope]()
    worker = a_worker(outbox, Scripted([Refused("no"), *[Postponed("busy")] * 7, Delivered()]), clock, journal)
    worker.step()

    outbox.replay("k1", clock())
    for _ in range(20):
        worker.step()
        clock.advance(timedelta(hours=1))

    assert state(outbox) == ("delivered", 9, None)
    assert [json.loads(envelope.body)["state"] for envelope in journal] == ["dead", "delivered"]
    assert len({envelope.key for envelope in journal}) == 2


def test_an_action_whose_worker_dies_every_time_is_given_up(outbox: Outbox) -> None:
    class Dying:
        attempts = 0

        def deliver(self, intended: Intended, at: Instant) -> Outcome:
            self.attempts += 1
            raise KeyboardInterrupt  # what a kill leaves: a lease and no word

    decide(outbox, a_firing("f1", 9, "k1"))
    clock, dying = Clock(), Dying()
    worker = a_worker(outbox, dying, clock)

    for _ in range(8):
        with pytest.raises(KeyboardInterrupt):
            worker.step()
        clock.advance(LEASE)
    worker.step()

    assert dying.attempts == 8
    assert state(outbox) == ("dead", 9, "no attempt came to an end")


def test_an_action_that_breaks_is_tried_again_and_says_nothing_of_what_it_was_given(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def deliver(self, intended: Intended, at: Instant) -> Outcome:
            raise ValueError("canary-4711")

    decide(outbox, a_firing("f1", 9, "k1"))
    caplog.set_level(logging.DEBUG)

    a_worker(outbox, Broken(), Clock()).step()

    assert state(outbox) == ("failed", 1, "the action broke (ValueError)")
    assert "canary" not in caplog.text
    assert "action k1 broke: ValueError" in caplog.text


def test_a_journal_that_is_unavailable_holds_up_reports_not_actions(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1", "k2"))
    action, clock, journal = Scripted([Delivered()]), Clock(), list[NewEnvelope]()
    full = True

    def append(envelope: NewEnvelope) -> None:
        if full:
            raise Unavailable("the disk is full", retry_after=30)
        journal.append(envelope)

    worker = Worker(outbox, {"webhook": action}, append, clock)
    for _ in range(5):
        worker.step()
    full = False
    worker.step()

    assert [key for key, _ in action.delivered] == ["k1", "k2"]
    assert journal == []  # still waiting, as it was asked to
    clock.advance(timedelta(seconds=30))
    worker.step()
    assert len(journal) == 2

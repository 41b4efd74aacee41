from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from graph.errors import Conflict, NotFound
from graph.model import Instant, NewEnvelope, Position
from rules.outbox import ActionState, Firing, Intended, Outbox, Settlement, Verdict
from rules.sqlite_outbox import SqliteOutbox
from tests.rules.estate import HOUR, RUN, T0

SOON = Instant(T0 + 60_000_000)


def an_action(key: str, firing: str = "f1") -> Intended:
    return Intended(
        key=key,
        firing=firing,
        kind="webhook",
        target="urn:andon:dashboard:l:sales",
        owner="ana",
        address="${HOOK}?token=abc",
        credential="${SECRET}",
        body=b"{}",
        evidence=(Position(3), Position(9)),
    )


def a_firing(id: str = "f1", position: int = 9, *keys: str) -> Firing:
    return Firing(
        id=id,
        rule="a-rule",
        rule_version="1+abc",
        position=Position(position),
        what="run.failed",
        subject=RUN,
        fired_at=T0,
        verdict=Verdict.FIRED,
        evidence=(Position(position),),
        actions=tuple(an_action(key, id) for key in keys),
    )


def a_report(key: bytes = b"report-1") -> NewEnvelope:
    return NewEnvelope("action", "rules", key, b"{}")


def decide(outbox: Outbox, *firings: Firing, after: int = 0) -> bool:
    return outbox.decide(Position(after), firings[-1].position, firings, [])


def state(outbox: Outbox) -> tuple[str, int, str | None]:
    ((firing),) = outbox.firings(1)
    action = firing.actions[0]
    return action.state, action.attempts, action.last_error


def test_a_decision_its_actions_and_the_checkpoint_are_there_after_opening_again(tmp_path: Path) -> None:
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    assert outbox.checkpoint() is None
    assert outbox.decide(Position(0), Position(9), [a_firing("f1", 9, "k1", "k2")], [a_report()])
    outbox.close()

    again = SqliteOutbox(tmp_path / "outbox.db")

    assert again.checkpoint() == 9
    assert [action.key for action in again.firings(1)[0].actions] == ["k1", "k2"]
    assert [envelope for _, envelope in again.unreported(10)] == [a_report()]
    again.close()


def test_a_decision_from_another_checkpoint_is_refused_whole(outbox: Outbox) -> None:
    assert decide(outbox, a_firing("f1", 9, "k1"))

    assert not outbox.decide(Position(0), Position(10), [a_firing("f2", 10, "k2")], [a_report()])

    assert outbox.checkpoint() == 9
    assert len(outbox.firings(10)) == 1
    assert outbox.unreported(10) == []


def test_a_decision_that_cannot_be_written_leaves_nothing_behind(outbox: Outbox) -> None:
    with pytest.raises((sqlite3.IntegrityError, ValueError)):
        decide(outbox, a_firing("f1", 9, "k1"), a_firing("f2", 10, "k1"))

    assert outbox.checkpoint() is None
    assert outbox.firings(10) == []
    assert decide(outbox, a_firing("f1", 9, "k1"))


def test_the_first_checkpoint_is_set_once(outbox: Outbox) -> None:
    outbox.begin(Position(7))
    outbox.begin(Position(8))

    assert outbox.checkpoint() == 7


def test_an_action_is_leased_by_one_worker_at_a_time(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))

    leased = outbox.lease(T0, SOON)

    assert leased is not None
    assert leased.action == an_action("k1")
    assert (leased.attempt, leased.rule, leased.subject) == (1, "a-rule", RUN)
    assert outbox.lease(T0, SOON) is None


def test_a_lease_that_ran_out_is_given_again_and_the_late_worker_settles_nothing(
    outbox: Outbox,
) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    first = outbox.lease(T0, SOON)
    second = outbox.lease(SOON, Instant(SOON + HOUR))
    assert first is not None
    assert second is not None

    assert not outbox.settle(first, Settlement(state=ActionState.DEAD, at=SOON, report=a_report()))
    assert outbox.settle(second, Settlement(state=ActionState.DELIVERED, at=SOON))

    assert (second.action.key, second.attempt) == ("k1", 2)
    assert state(outbox) == ("delivered", 2, None)
    assert outbox.unreported(10) == []


def test_a_failed_action_is_due_again_at_its_time_and_not_before(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    leased = outbox.lease(T0, SOON)
    assert leased is not None
    outbox.settle(leased, Settlement(state=ActionState.FAILED, at=T0, error="no", due_at=Instant(T0 + HOUR)))

    assert state(outbox) == ("failed", 1, "no")
    assert outbox.lease(Instant(T0 + HOUR - 1), SOON) is None
    assert outbox.lease(Instant(T0 + HOUR), SOON) is not None


@pytest.mark.parametrize("final", [ActionState.DELIVERED, ActionState.DEAD])
def test_a_settled_action_is_never_due_again(outbox: Outbox, final: ActionState) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    leased = outbox.lease(T0, SOON)
    assert leased is not None
    outbox.settle(leased, Settlement(state=final, at=T0))

    assert outbox.lease(Instant(T0 + 10_000 * HOUR), Instant(T0 + 10_001 * HOUR)) is None


def test_what_is_longest_due_comes_first(outbox: Outbox) -> None:
    decide(outbox, replace(a_firing("f1", 9, "k1"), fired_at=Instant(T0 + 5)), a_firing("f2", 10, "k2", "k3"))

    leased = [outbox.lease(Instant(T0 + HOUR), Instant(T0 + 2 * HOUR)) for _ in range(3)]

    assert [each.action.key for each in leased if each] == ["k2", "k3", "k1"]


def test_a_dead_action_is_replayed_with_its_attempts_counted_anew(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    leased = outbox.lease(T0, SOON)
    assert leased is not None
    outbox.settle(leased, Settlement(state=ActionState.DEAD, at=T0, error="no"))

    outbox.replay("k1", SOON)
    again = outbox.lease(SOON, Instant(SOON + HOUR))

    assert again is not None
    assert (again.attempt, again.attempts) == (1, 2)


def test_only_a_dead_action_that_is_there_can_be_replayed(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))

    with pytest.raises(Conflict, match="action k1 is pending"):
        outbox.replay("k1", T0)
    with pytest.raises(NotFound):
        outbox.replay("k2", T0)


def test_a_report_waits_until_it_is_reported(outbox: Outbox) -> None:
    outbox.decide(Position(0), Position(9), [], [a_report(b"1"), a_report(b"2")])
    ((number, _),) = outbox.unreported(1)

    outbox.reported(number)

    assert [envelope.key for _, envelope in outbox.unreported(10)] == [b"2"]


def test_firings_are_shown_newest_first_with_the_address_cut_before_its_query(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"), a_firing("f2", 10, "k2"), a_firing("f3", 11))

    firings = outbox.firings(2)

    assert [firing.position for firing in firings] == [11, 10]
    assert [action.address for action in firings[1].actions] == ["${HOOK}"]
    assert firings[1].urn == "urn:andon:firing:andon:f2"


def test_an_outbox_of_a_newer_andon_is_left_alone(tmp_path: Path) -> None:
    SqliteOutbox(tmp_path / "outbox.db").close()
    connection = sqlite3.connect(tmp_path / "outbox.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(Conflict, match="newer Andon"):
        SqliteOutbox(tmp_path / "outbox.db")

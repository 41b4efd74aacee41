"""What every outbox promises to the engine, the workers and those who look (`rules.outbox.Outbox`)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from graph.errors import Conflict, NotFound
from graph.model import Instant, NewEnvelope, Position
from rules.audit import EMPTY, Head, digest_of
from rules.outbox import ActionState, Answered, Awaited, Firing, Intended, Outbox, Settlement, Verdict
from tests.contract.adapters import OutboxPlace
from tests.rules.deciding import SOON, a_firing, a_report, an_action, decide, state
from tests.rules.estate import HOUR, RUN, T0


def test_a_decision_its_actions_and_the_checkpoint_are_there_after_opening_again(
    outbox_place: OutboxPlace,
) -> None:
    outbox = outbox_place.open()
    assert outbox.checkpoint() is None
    assert outbox.decide(Position(0), Position(9), [a_firing("f1", 9, "k1", "k2")], [a_report()])
    outbox.close()

    again = outbox_place.open()

    assert again.checkpoint() == 9
    assert [action.key for action in again.firings(1)[0].actions] == ["k1", "k2"]
    assert [envelope.body for _, envelope in again.unreported(10)] == [b'{"number":1,"previous":""}']
    again.close()


def test_one_firing_is_found_by_its_id_with_its_actions(outbox: Outbox) -> None:
    assert decide(outbox, replace(a_firing("f1", 8, "k1", "k2"), cause="f0"), a_firing("f2", 9))

    found = outbox.firing("f1")

    assert found is not None
    assert (found.urn, found.what, found.cause) == (
        "urn:andon:firing:andon:f1", "run.failed", "urn:andon:firing:andon:f0",
    )  # fmt: skip
    assert [it.key for it in found.actions] == ["k1", "k2"]
    assert found == outbox.firings(2)[1]
    assert outbox.firing("f3") is None


def test_a_decision_from_another_checkpoint_is_refused_whole(outbox: Outbox) -> None:
    assert decide(outbox, a_firing("f1", 9, "k1"))

    assert not outbox.decide(Position(0), Position(10), [a_firing("f2", 10, "k2")], [a_report()])

    assert outbox.checkpoint() == 9
    assert len(outbox.firings(10)) == 1
    assert outbox.unreported(10) == []


def test_a_decision_that_cannot_be_written_leaves_nothing_behind(outbox: Outbox) -> None:
    with pytest.raises(ValueError):
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


def test_what_is_under_way_is_given_again_when_due_with_its_progress_and_since_when(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"))
    for hour in range(3):
        now, due_at = Instant(T0 + hour * HOUR), Instant(T0 + (hour + 1) * HOUR)
        leased = outbox.lease(now, Instant(now + 1))
        assert leased is not None
        assert outbox.lease(now, Instant(now + 1)) is None
        assert (leased.attempt, leased.attempts, leased.started_at) == (1, 1, T0 if hour else None)
        assert leased.action.progress == (f"hour {hour - 1}" if hour else None)
        underway = Settlement(state=ActionState.UNDERWAY, at=now, due_at=due_at, progress=f"hour {hour}")
        assert outbox.settle(leased, underway)

    assert state(outbox) == ("underway", 0, None)
    leased = outbox.lease(Instant(T0 + 3 * HOUR), Instant(T0 + 4 * HOUR))
    assert leased is not None
    assert outbox.settle(leased, Settlement(state=ActionState.DELIVERED, at=T0, result='{"run":"r1"}'))
    assert state(outbox) == ("delivered", 1, None)
    assert outbox.firings(1)[0].actions[0].result == {"run": "r1"}


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


def test_what_was_said_last_of_a_subject_is_found_with_its_messages(outbox: Outbox) -> None:
    def said(id: str, position: int, verdict: Verdict, target: str = "urn:andon:job:etl:load") -> Firing:
        message = replace(an_action(f"k-{id}", id), kind="notify", target=target)
        other = replace(an_action(f"o-{id}", id), target=target)
        return replace(a_firing(id, position), verdict=verdict, actions=(other, message))

    decide(
        outbox, said("f1", 5, Verdict.FIRED), said("f2", 6, Verdict.RESOLVED),
        said("f3", 7, Verdict.FIRED, "urn:andon:job:etl:other"), said("f4", 8, Verdict.REFUSED), a_firing("f5", 9),
    )  # fmt: skip

    def found(below: int) -> tuple[str, str, list[str]] | None:
        last = outbox.said("a-rule", "urn:andon:job:etl:load", Position(below))
        return None if last is None else (last.firing, last.verdict, [it.key for it in last.messages])

    assert [found(5), found(6), found(10)] == [None, ("f1", "fired", ["k-f1"]), ("f2", "resolved", ["k-f2"])]
    assert outbox.said("another", "urn:andon:job:etl:load", Position(10)) is None
    assert (outbox.state("k-f1"), outbox.state("nosuch")) == (ActionState.PENDING, None)


def test_a_report_waits_until_it_is_reported(outbox: Outbox) -> None:
    outbox.decide(Position(0), Position(9), [], [a_report(b"1"), a_report(b"2")])
    ((number, _),) = outbox.unreported(1)

    outbox.reported(number)

    assert [json.loads(envelope.body)["number"] for _, envelope in outbox.unreported(10)] == [2]


def test_firings_are_shown_newest_first_with_the_address_cut_before_its_query(outbox: Outbox) -> None:
    decide(outbox, a_firing("f1", 9, "k1"), a_firing("f2", 10, "k2"), a_firing("f3", 11))

    firings = outbox.firings(2)

    assert [firing.position for firing in firings] == [11, 10]
    assert [action.address for action in firings[1].actions] == ["${HOOK}"]
    assert firings[1].urn == "urn:andon:firing:andon:f2"


def test_the_incidents_that_a_rule_raises_on_a_target_are_known_newest_first(outbox: Outbox) -> None:
    def incident(key: str, firing: str, target: str = "urn:andon:job:a:b") -> Intended:
        return replace(an_action(key, firing), kind="incident", target=target)

    first = replace(a_firing("f1", 8), actions=(incident("k1", "f1"), incident("k2", "f1", "urn:andon:job:a:c")))
    second = replace(a_firing("f2", 9), actions=(incident("k3", "f2"), replace(incident("k4", "f2"), kind="tag")))
    other = replace(a_firing("f3", 9), rule="b-rule", actions=(incident("k5", "f3"),))
    assert decide(outbox, first, second, other)

    assert outbox.raised("a-rule", "urn:andon:job:a:b") == ["k3", "k1"]
    leased = outbox.lease(T0, SOON)
    assert leased is not None and leased.action.key == "k1"
    outbox.settle(leased, Settlement(state=ActionState.DEAD, at=T0))
    assert outbox.raised("a-rule", "urn:andon:job:a:b") == ["k3"]


# Its records are a chain (`rules.audit`)


def test_each_record_is_linked_to_the_one_before_it_also_over_a_restart(outbox_place: OutboxPlace) -> None:
    outbox = outbox_place.open()
    outbox.decide(Position(0), Position(9), [a_firing("f1", 9, "k1")], [a_report()])
    outbox.close()
    again = outbox_place.open()
    leased = again.lease(T0, SOON)
    assert leased is not None
    again.settle(leased, Settlement(state=ActionState.DEAD, at=T0, report=a_report()))

    (_, first), (_, second) = again.unreported(10)
    assert json.loads(second.body) == {"number": 2, "previous": first.key.hex()}
    assert (first.key, second.key) == (digest_of(first.body), digest_of(second.body))
    assert again.chain() == (Head(2, second.key), [first, second])
    again.close()


def test_what_is_not_written_takes_no_number(outbox: Outbox) -> None:
    with pytest.raises(ValueError):
        outbox.decide(Position(0), Position(9), [a_firing("f1", 9, "k1"), a_firing("f1", 9)], [a_report()])
    assert not outbox.decide(Position(5), Position(9), [], [a_report()])

    assert outbox.chain() == (EMPTY, [])


def test_a_chain_goes_on_from_a_head_that_is_further_and_from_no_other(outbox: Outbox) -> None:
    assert outbox.go_on_from(Head(3, b"three"))
    assert not outbox.go_on_from(Head(2, b"two"))
    assert not outbox.go_on_from(Head(3, b"other"))

    outbox.decide(Position(0), Position(9), [], [a_report()])
    [(_, report)] = outbox.unreported(10)
    assert json.loads(report.body) == {"number": 4, "previous": b"three".hex()}


# Many at once, as processes of the server stack are


@pytest.fixture
def openings(outbox_place: OutboxPlace) -> Iterator[tuple[Outbox, Outbox]]:
    """One outbox, as two processes have it."""
    one, other = outbox_place.open(), outbox_place.open()
    yield one, other
    one.close()
    other.close()


def test_of_those_who_decide_from_one_checkpoint_one_is_heard(openings: tuple[Outbox, Outbox]) -> None:
    for after in range(5):
        deciding = threading.Barrier(4)

        def attempt(number: int, after: int = after, together: threading.Barrier = deciding) -> bool:
            firing = a_firing(f"f{after} {number}", after + 1, f"k{after} {number}")
            together.wait(10)
            return decide(openings[number % 2], firing, after=after)

        with ThreadPoolExecutor(4) as threads:
            assert sorted(threads.map(attempt, range(4))) == [False, False, False, True]

    assert [it.position for it in openings[0].firings(100)] == [5, 4, 3, 2, 1]
    assert openings[1].checkpoint() == 5


def test_the_chain_of_many_is_one(openings: tuple[Outbox, Outbox]) -> None:
    keys = [f"k{number:02}" for number in range(24)]
    decide(openings[0], a_firing("f1", 9, *keys))

    def work(worker: int) -> None:
        while (leased := openings[worker % 2].lease(T0, SOON)) is not None:
            settlement = Settlement(state=ActionState.DELIVERED, at=T0, report=a_report())
            assert openings[worker % 2].settle(leased, settlement)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))

    reports = [report for _, report in openings[0].unreported(100)]
    said = [json.loads(it.body) for it in reports]
    assert [it["number"] for it in said] == list(range(1, 25))
    assert [it["previous"] for it in said[1:]] == [it.key.hex() for it in reports[:-1]]


def test_each_action_goes_to_one_of_many_workers(openings: tuple[Outbox, Outbox]) -> None:
    keys = [f"k{number:02}" for number in range(40)]
    decide(openings[0], a_firing("f1", 9, *keys))

    def work(worker: int) -> list[str]:
        taken = []
        while (leased := openings[worker % 2].lease(T0, SOON)) is not None:
            assert openings[worker % 2].settle(leased, Settlement(state=ActionState.DELIVERED, at=T0))
            taken.append(leased.action.key)
        return taken

    with ThreadPoolExecutor(6) as threads:
        taken = [key for found in threads.map(work, range(6)) for key in found]

    assert sorted(taken) == keys
    [firing] = openings[1].firings(1)
    assert {(action.state, action.attempts) for action in firing.actions} == {("delivered", 1)}


def test_progress_is_kept_with_what_is_to_be_said_and_only_from_where_it_stood(outbox_place: OutboxPlace) -> None:
    outbox = outbox_place.open()
    assert outbox.progress("tags") is None
    said = NewEnvelope("propagation", "tags", b"said-1", b"{}")
    assert outbox.advance("tags", None, Position(7), "a", [said])

    assert not outbox.advance("tags", None, Position(9), "b", [])
    assert not outbox.advance("tags", Position(8), Position(9), "b", [])
    outbox.close()

    again = outbox_place.open()
    assert again.progress("tags") == (7, "a")
    assert again.progress("others") is None
    assert [envelope for _, envelope in again.unreported(10)] == [said]
    assert again.advance("tags", Position(7), Position(9), "b", [])
    assert again.progress("tags") == (9, "b")
    assert again.checkpoint() is None
    again.close()


def waiting(id: str, position: int, until: Instant, *keys: str) -> Firing:
    awaited = Awaited(("ana",), until, "the rule asks for it")
    return replace(a_firing(id, position, *keys), verdict=Verdict.WAITING, awaited=awaited, answer=b'{"a":1}')


def test_what_waits_is_not_given_out_and_is_listed_by_urgency(outbox_place: OutboxPlace) -> None:
    outbox = outbox_place.open()
    assert decide(outbox, waiting("f1", 7, Instant(T0 + 9), "k1"), waiting("f2", 8, Instant(T0 + 5), "k2"))
    outbox.close()

    again = outbox_place.open()
    assert again.lease(SOON, Instant(SOON + HOUR)) is None
    found = again.waiting(10)
    assert [it.urn.rpartition(":")[2] for it in found] == ["f2", "f1"]
    assert [it.urn.rpartition(":")[2] for it in again.waiting(1)] == ["f2"]
    assert found[0].awaited == Awaited(("ana",), Instant(T0 + 5), "the rule asks for it")
    assert (found[0].data, found[0].answered, [it.state for it in found[0].actions]) == ({"a": 1}, None, ["waiting"])
    again.close()


@pytest.mark.parametrize(
    ("approved", "verdict", "state", "given"), [(True, "fired", "pending", True), (False, "refused", "refused", False)]
)
def test_an_answer_is_given_once_and_reported(
    outbox: Outbox, approved: bool, verdict: str, state: str, given: bool
) -> None:
    assert decide(outbox, waiting("f1", 7, SOON, "k1"), a_firing("f2", 8))
    said = Answered(approved=approved, by="ana", at=T0, note="yes or no")

    outbox.answer("f1", said, NewEnvelope("approval", "rules", b"said", b"{}"))

    found = outbox.firing("f1")
    assert found is not None and (found.verdict, found.answered) == (verdict, said)
    assert [it.state for it in found.actions] == [state]
    assert outbox.waiting(10) == []
    assert (outbox.lease(SOON, Instant(SOON + HOUR)) is not None) is given
    assert [it.key for _, it in outbox.unreported(10)] == [b"said"]
    with pytest.raises(Conflict, match=f"does not wait: it is {verdict}"):
        outbox.answer("f1", said, NewEnvelope("approval", "rules", b"again", b"{}"))
    with pytest.raises(Conflict):
        outbox.answer("f2", said, NewEnvelope("approval", "rules", b"again", b"{}"))
    with pytest.raises(NotFound):
        outbox.answer("f3", said, NewEnvelope("approval", "rules", b"again", b"{}"))
    assert len(outbox.unreported(10)) == 1


def test_what_fired_is_counted_by_rule_subject_and_time(outbox: Outbox) -> None:
    later = Instant(T0 + HOUR)
    assert decide(
        outbox,
        a_firing("f1", 5),
        replace(a_firing("f2", 6), subject="urn:andon:run:a:other", fired_at=later),
        replace(a_firing("f3", 7), verdict=Verdict.SHADOW, fired_at=later),
        replace(a_firing("f4", 8), verdict=Verdict.LIMITED, fired_at=later),
        replace(a_firing("f5", 9), rule="another", fired_at=later),
    )
    before = Instant(T0 - 1)

    assert outbox.fired("a-rule", before, Position(10), None) == 3
    assert outbox.fired("a-rule", T0, Position(10), None) == 2, "since is exclusive"
    assert outbox.fired("a-rule", before, Position(7), None) == 2, "so is below"
    assert outbox.fired("a-rule", before, Position(10), RUN) == 2
    assert outbox.fired("nobody", before, Position(10), None) == 0

"""Carries out what is due in the outbox, and reports decisions and outcomes to the journal."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from graph.errors import InvalidInput, Unavailable
from graph.model import Instant, NewEnvelope
from rules import record
from rules.actions.delivery import Delivered, Deliverer, HasTarget, Outcome, Postponed, Refused, Underway
from rules.outbox import ActionState, Intended, Leased, Outbox, Settlement
from rules.targets import Held, Targets

LEASE = timedelta(seconds=60)
"""Well over the time any action may take; a worker that is killed holds its action up for this long."""

WITHIN = timedelta(days=1)
"""How long an action that does not say may be under way at its target."""

_REPORTS = 100  # in one step

_log = logging.getLogger("andon.rules")


@dataclass(frozen=True, slots=True)
class Patience:
    """When to try again: after `first`, then twice as long each time up to `longest`; `attempts` in all.

    A wait is between half of that and all of it, so that actions which failed together do not return
    together.
    """

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=15)
    attempts: int = 8

    def wait(self, attempt: int, chance: float) -> timedelta:
        """The wait after the `attempt`-th failure (from 1); `chance` is in [0, 1)."""
        doubled: timedelta = self.first * 2 ** min(attempt - 1, 30)
        return min(doubled, self.longest) * (0.5 + chance / 2)


class Worker:
    """Does one thing at a time. `actions` are by kind, `append` is the journal's, `chance` gives [0, 1)."""

    def __init__(
        self,
        outbox: Outbox,
        actions: Mapping[str, Deliverer],
        append: Callable[[NewEnvelope], object],
        clock: Callable[[], Instant],
        *,
        patience: Patience | None = None,
        targets: Targets | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._actions = actions
        self._append = append
        self._clock = clock
        self._patience = patience or Patience()
        self._chance = chance
        self._targets = targets or Targets()
        self._reached: tuple[Leased, Outcome | Held] | None = None
        """What is not written down yet: an outbox that is away for a moment must not have it done again."""
        self._report_from = Instant(0)  # no reporting before, since the journal asked to wait

    def step(self) -> bool:
        """Carry out the action longest due and report what is unreported; False if there was neither."""
        delivered = self._deliver()
        return self._report() or delivered

    def _deliver(self) -> bool:
        if self._reached is None:
            now = self._clock()
            leased = self._outbox.lease(now, _later(now, LEASE))
            if leased is None:
                return False
            self._reached = leased, self._attempt(leased, now)
        leased, outcome = self._reached
        self._outbox.settle(leased, self._settlement(leased, outcome))
        self._reached = None
        return True

    def _attempt(self, leased: Leased, now: Instant) -> Outcome | Held:
        if leased.attempt > self._patience.attempts:  # its worker died in every attempt
            return Refused("no attempt came to an end")
        action = self._actions.get(leased.action.kind)
        if action is None:
            return Refused(f"there is no action {leased.action.kind!r}")
        target = _target(action, leased.action)
        if target is not None and (held := self._targets.admit(target, now)) is not None:
            return held
        outcome = self._delivered(action, leased, now)
        if target is not None:
            self._targets.ended(target, self._clock(), failed=isinstance(outcome, Postponed))
        return outcome

    def _delivered(self, action: Deliverer, leased: Leased, now: Instant) -> Outcome:
        try:
            return action.deliver(leased.action, now)
        except Exception as error:  # the edge of one action: it must not stop the others
            # Neither text nor traceback: they may hold what the action was given.
            _log.error("action %s broke: %s", leased.action.key, type(error).__name__)
            return Postponed(f"the action broke ({type(error).__name__})")

    def _settlement(self, leased: Leased, outcome: Outcome | Held) -> Settlement:
        at = self._clock()
        match outcome:
            case Held(until, reason):
                return Settlement(state=_before(leased), at=at, error=reason, due_at=until, held=True)
            case Delivered(result):
                return _final(leased, ActionState.DELIVERED, at, None, result)
            case Underway() | Postponed() if _deadline(leased, at) <= at:
                return _final(leased, ActionState.DEAD, at, f"still under way {_within(leased)} after it was started")
            case Underway(progress, after):
                due_at = min(_later(at, after), _deadline(leased, at))
                return Settlement(state=ActionState.UNDERWAY, at=at, due_at=due_at, progress=progress)
            case Postponed(reason, after) if leased.attempt < self._patience.attempts:
                wait = max(self._patience.wait(leased.attempt, self._chance()), after or timedelta())
                return Settlement(state=ActionState.FAILED, at=at, error=reason, due_at=_later(at, wait))
            case Postponed(reason):
                return _final(leased, ActionState.DEAD, at, f"{reason}; given up after {leased.attempt} attempts")
            case Refused(reason):
                return _final(leased, ActionState.DEAD, at, reason)

    def _report(self) -> bool:
        if self._clock() < self._report_from:
            return False
        waiting = self._outbox.unreported(_REPORTS)
        for number, envelope in waiting:
            try:
                self._append(envelope)
            except Unavailable as error:
                self._report_from = _later(self._clock(), timedelta(seconds=error.retry_after))
                return False
            self._outbox.reported(number)
        return bool(waiting)


def _final(
    leased: Leased, state: ActionState, at: Instant, error: str | None, result: Mapping[str, object] | None = None
) -> Settlement:
    report = record.outcome(leased, state, at, error, result)
    kept = json.dumps(result, separators=(",", ":")) if result is not None else None
    return Settlement(state=state, at=at, error=error, result=kept, report=report)


def _target(action: Deliverer, intended: Intended) -> str | None:
    """None where there is none, or it cannot be told: then the attempt says why."""
    if not isinstance(action, HasTarget):
        return None
    try:
        return action.target(intended)
    except InvalidInput:
        return None


def _before(leased: Leased) -> ActionState:
    """The state that an action was in before it was leased."""
    if leased.action.progress is not None:
        return ActionState.UNDERWAY
    return ActionState.FAILED if leased.attempt > 1 else ActionState.PENDING


def _within(leased: Leased) -> timedelta:
    return leased.action.within if leased.action.within is not None else WITHIN


def _deadline(leased: Leased, at: Instant) -> Instant:
    """When an action that was started, `at` at the latest, must have come to its end."""
    started_at = leased.started_at if leased.started_at is not None else at
    return _later(started_at, _within(leased))


def _later(instant: Instant, wait: timedelta) -> Instant:
    return Instant(instant + round(wait.total_seconds() * 1_000_000))

"""What a target can take: so many actions a minute, and none for a while after it failed several times in a row.

A target that is down holds up its own actions and nobody else's: they wait without a failed attempt, one is let through
when the pause is over, and the rest follow once that one was taken. All of this is in memory and of one worker: after a
restart a target that is still down has to fail again before it is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from graph.model import Instant

_BURST = 10  # that may go at once after a while without any
_FORGOTTEN = 10_000  # targets beyond which those that are well are forgotten


@dataclass(frozen=True, slots=True)
class Tolerance:
    """`rate`: actions a minute to one target, `failures`: in a row after which it is left alone, first for `pause`,
    then twice as long each time up to `longest`.
    """

    rate: int = 600
    failures: int = 5
    pause: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=15)


@dataclass(slots=True)
class _Target:
    free_at: int = 0  # when one more may go at an even pace; what goes sooner is a part of the burst
    last_slot: int = 0  # the last time that was given to one that had to wait
    failures: int = 0
    shut_until: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """Not now but at `until`, and why."""

    until: Instant
    reason: str


class Targets:
    """Of one worker, which does one thing at a time: what was let through has ended before the next is asked for."""

    def __init__(self, tolerance: Tolerance | None = None) -> None:
        self._tolerance = tolerance or Tolerance()
        self._interval = round(60_000_000 / self._tolerance.rate)  # microseconds
        self._known: dict[str, _Target] = {}

    def admit(self, name: str, now: Instant) -> Held | None:
        """None where an action may go now, which takes its place."""
        target = self._known.setdefault(name, _Target())
        if now < target.shut_until:
            reason = f"its target failed {target.failures} times in a row and is left alone for a while"
            return Held(self._slot(target, target.shut_until), reason)
        if target.free_at - now > _BURST * self._interval:
            return Held(self._slot(target, now), f"its target gets at most {self._tolerance.rate} actions a minute")
        target.free_at = max(target.free_at, now) + self._interval
        return None

    def ended(self, name: str, now: Instant, *, failed: bool) -> None:
        """How an action that was let through went; it has not failed where the target said no."""
        target = self._known[name]
        target.failures = target.failures + 1 if failed else 0
        beyond = target.failures - self._tolerance.failures
        if beyond >= 0:
            pause = min(self._tolerance.pause * 2 ** min(beyond, 20), self._tolerance.longest)
            target.shut_until = now + round(pause.total_seconds() * 1_000_000)
        if len(self._known) > _FORGOTTEN:
            self._known = {key: it for key, it in self._known.items() if it.failures or it.free_at > now}

    def _slot(self, target: _Target, earliest: int) -> Instant:
        """A time of its own for each that waits, so that they do not all come back at once, to wait again."""
        target.last_slot = max(target.last_slot + self._interval, earliest)
        return Instant(target.last_slot)

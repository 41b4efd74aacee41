"""The port of what carries actions out: carry out what was intended, once, and say how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from graph.errors import InvalidInput
from graph.model import Instant
from rules.outbox import Intended

MAX_PROGRESS = 4_000  # characters


@dataclass(frozen=True, slots=True)
class Delivered:
    """The target has done it. `result`: what is to be remembered of it, a few of JSON's values by name."""

    result: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Underway:
    """It was started at the target, and is to be looked at again after `after`: no failure, and no end either.

    `progress` is what the next `deliver` needs to know of it, as `intended.progress`; it holds no secret.
    """

    progress: str
    after: timedelta

    def __post_init__(self) -> None:
        if len(self.progress) > MAX_PROGRESS:
            raise InvalidInput(f"progress has {len(self.progress)} characters, expected at most {MAX_PROGRESS}")


@dataclass(frozen=True, slots=True)
class Postponed:
    """It did not work this time; `after` is the wait that the target asked for."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot work until somebody changes something, here or at the target."""

    reason: str


Outcome = Delivered | Underway | Postponed | Refused


@runtime_checkable
class HasTarget(Protocol):
    """What a deliverer that speaks to targets also has, so that one which is down holds up nobody else's actions."""

    def target(self, intended: Intended) -> str:
        """Whom it speaks to, such as scheme, host and port; never shown or kept. Raises `InvalidInput`."""


class Deliverer(Protocol):
    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        """Carry it out, within seconds; `intended.key` goes along so that a repetition is recognised.

        What takes longer is started, and `Underway`: it is given back with what that said. A crash before that was
        written down has it started again, under the same key.

        A reason never holds a secret, any part of the resolved address, or text that the target sent.
        """

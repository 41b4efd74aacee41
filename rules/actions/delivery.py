"""The port of what carries actions out: carry out what was intended, once, and say how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from graph.model import Instant
from rules.outbox import Intended


@dataclass(frozen=True, slots=True)
class Delivered:
    """The target has done it. `result`: what is to be remembered of it, a few of JSON's values by name."""

    result: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """It did not work this time; `after` is the wait that the target asked for."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot work until somebody changes something, here or at the target."""

    reason: str


Outcome = Delivered | Postponed | Refused


class Deliverer(Protocol):
    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        """Carry it out, within seconds; `intended.key` goes along so that a repetition is recognised.

        A reason never holds a secret, any part of the resolved address, or text that the target sent.
        """

"""Stops: a rule pulls the cord on what is hit, by an envelope in the journal as a person does by a mutation.

The stop is named by the action's key, so that pulling twice is pulling once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from graph.errors import Unavailable
from graph.model import Instant, NewEnvelope
from rules.actions.delivery import Delivered, Outcome, Postponed
from rules.outbox import Intended
from rules.rule import Rule, Stop


class _Order(msgspec.Struct, frozen=True):
    cause: str
    policy: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """A stop to be said: `name` is the stop's own, `by` who pulls the cord."""

    name: str
    cause: str
    policy: str
    owner: str
    by: str
    at: Instant


_read = msgspec.json.Decoder(_Order).decode


def order(action: Stop, rule: Rule) -> bytes:
    """What is kept of a stop until it is carried out."""
    return msgspec.json.encode(_Order(action.cause, action.policy, rule.name))


class Stops:
    """`envelope(target, order)` makes the envelope of a stop; `append` is the journal's."""

    def __init__(
        self, envelope: Callable[[str, StopOrder], NewEnvelope], append: Callable[[NewEnvelope], object]
    ) -> None:
        self._envelope = envelope
        self._append = append

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        said = _read(intended.body)
        pulled = StopOrder(
            name=intended.key,
            cause=said.cause,
            policy=said.policy,
            owner=intended.owner,
            by=f"rule:{said.rule}",
            at=at,
        )
        try:
            self._append(self._envelope(intended.target, pulled))
        except Unavailable as error:
            return Postponed(str(error))
        return Delivered()

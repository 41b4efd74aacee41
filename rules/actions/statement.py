"""Statements: a rule says something in the graph, by an envelope in the journal as a person does by a mutation.

It pulls the cord, opens an incident, gives a tag. What it says is named by the action's key, so that saying it twice is
saying it once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from graph.errors import Unavailable
from graph.model import Instant, NewEnvelope
from rules.actions.delivery import Delivered, Outcome, Postponed
from rules.outbox import Intended
from rules.rule import Incident, Rule, Statement, Stop, Tag


class _Order(msgspec.Struct, frozen=True):
    op: str
    arguments: dict[str, Any]
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """To be said of `target`: the mutation's `op` and arguments, under a name of its own, `by` whom."""

    name: str
    op: str
    target: str
    arguments: dict[str, Any]
    firing: str
    by: str
    at: Instant


_read = msgspec.json.Decoder(_Order).decode


def order(action: Statement, rule: Rule, owner: str) -> bytes:
    """What is kept of a statement until it is said; `owner` is who is to end it, where there is something to end."""
    said: tuple[str, dict[str, Any]]
    match action:
        case Stop():
            said = "stop", {"cause": action.cause, "policy": action.policy, "owner": owner, "causedBy": []}
        case Incident():
            said = "openIncident", {"title": action.title, "severity": action.severity, "owner": owner}
        case Tag():
            said = "addTag", {"key": action.key, "value": action.value}
    return msgspec.json.encode(_Order(*said, rule.name))


class Statements:
    """`envelope(saying)` makes the envelope of what is said; `append` is the journal's."""

    def __init__(self, envelope: Callable[[Saying], NewEnvelope], append: Callable[[NewEnvelope], object]) -> None:
        self._envelope = envelope
        self._append = append

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        said = _read(intended.body)
        saying = Saying(
            name=intended.key,
            op=said.op,
            target=intended.target,
            arguments=said.arguments,
            firing=intended.firing,
            by=f"rule:{said.rule}",
            at=at,
        )
        try:
            self._append(self._envelope(saying))
        except Unavailable as error:
            return Postponed(str(error))
        return Delivered()

"""Statements: a rule says something in the graph, by an envelope in the journal as a person does by a mutation.

It pulls the cord, opens an incident, gives a tag. What it says is named by the action's key, so that saying it twice is
saying it once. `stewardship` has the other things that a rule can say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from yaml.nodes import Node

from graph.cord import STRENGTH
from graph.errors import InvalidInput, Unavailable
from graph.model import Instant, NewEnvelope, make_urn
from graph.reader import EntityRecord, Owner
from rules.action import SEEN, Moot, Occasion, Order
from rules.actions.delivery import Delivered, Outcome, Postponed
from rules.conditions import Values
from rules.document import Document
from rules.impact import Hit
from rules.outbox import Intended
from rules.text import Text

MAX_CAUSE = 10_000  # characters
MAX_TAG = 200
SEVERITIES = ("critical", "high", "medium", "low")


class _One(msgspec.Struct, frozen=True):
    """Of what is said of several: of `urn`, with these arguments besides."""

    urn: str
    arguments: dict[str, Any]


class _Said(msgspec.Struct, frozen=True):
    op: str
    arguments: dict[str, Any]
    rule: str
    each: list[_One] = []


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


_read = msgspec.json.Decoder(_Said).decode


@dataclass(frozen=True, slots=True)
class Stop:
    """Pull the cord on what is hit; `owner` is who is to end it, None for the rule's, else the entity's first owner."""

    cause: Text
    policy: str = "block"
    owner: str | None = None
    kind = "stop"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order:
        ends = _owner(self.owner, occasion, hit)
        cause = _said(self.cause, "cause", MAX_CAUSE, occasion.seen(key, hit))
        said = {"cause": cause, "policy": self.policy, "owner": ends, "causedBy": list[str]()}
        return order_of("stop", occasion, said)


@dataclass(frozen=True, slots=True)
class Incident:
    """Open an incident on what is hit, unless this rule's is open there still; `owner` as for a stop."""

    title: Text
    severity: str = "medium"
    owner: str | None = None
    kind = "incident"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order | Moot:
        if open_ones := open_incidents(occasion, occasion.rule.name, hit.entity):
            return Moot(f"its incident is open still: {open_ones[0]}")
        ends = _owner(self.owner, occasion, hit)
        title = _said(self.title, "title", MAX_CAUSE, occasion.seen(key, hit))
        return order_of("openIncident", occasion, {"title": title, "severity": self.severity, "owner": ends})


@dataclass(frozen=True, slots=True)
class Tag:
    """Give what is hit a tag."""

    key: str
    value: Text | None = None
    kind = "tag"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order:
        value = _said(self.value, "value", MAX_CAUSE, occasion.seen(key, hit)) if self.value is not None else None
        if value is not None and len(value) > MAX_TAG:
            raise InvalidInput(f"comes to more than {MAX_TAG} characters", field="value")
        return order_of("addTag", occasion, {"key": self.key, "value": value})


def read_stop(document: Document, node: Node, path: str) -> Stop:
    fields = document.mapping(node, path, ("cause",), ("policy", "owner"))
    policy = fields.get("policy")
    return Stop(
        cause=document.words(fields["cause"], f"{path}.cause", MAX_CAUSE, SEEN),
        policy="block" if policy is None else document.one_of(policy, f"{path}.policy", tuple(STRENGTH)),
        owner=document.text(fields["owner"], f"{path}.owner") if "owner" in fields else None,
    )


def read_incident(document: Document, node: Node, path: str) -> Incident:
    fields = document.mapping(node, path, ("title",), ("severity", "owner"))
    severity = fields.get("severity")
    return Incident(
        title=document.words(fields["title"], f"{path}.title", MAX_CAUSE, SEEN),
        severity="medium" if severity is None else document.one_of(severity, f"{path}.severity", SEVERITIES),
        owner=document.text(fields["owner"], f"{path}.owner") if "owner" in fields else None,
    )


def read_tag(document: Document, node: Node, path: str) -> Tag:
    fields = document.mapping(node, path, ("key",), ("value",))
    return Tag(
        key=document.up_to(fields["key"], f"{path}.key", MAX_TAG),
        value=document.words(fields["value"], f"{path}.value", MAX_CAUSE, SEEN) if "value" in fields else None,
    )


def _owner(said: str | None, occasion: Occasion, hit: Hit) -> str:
    owners = [it.name for it in hit.entity.owners]
    return said or occasion.rule.owner or next(iter(owners), f"rule:{occasion.rule.name}")


def _said(text: Text, name: str, most: int, values: Values) -> str:
    """Raises `InvalidInput` where it comes to nothing: what is said needs words."""
    said = text.said(values, most)
    if not said.strip():
        raise InvalidInput("comes to nothing", field=name)
    return said


def order_of(
    op: str, occasion: Occasion, arguments: dict[str, Any], each: Sequence[tuple[str, dict[str, Any]]] = ()
) -> Order:
    """The order to say it of what is hit or, where there are such, of `each` urn with the arguments besides."""
    said = _Said(op, arguments, occasion.rule.name, [_One(*it) for it in each])
    return Order(msgspec.json.encode(said), arguments.get("owner", ""))


def open_incidents(occasion: Occasion, rule: str, entity: EntityRecord) -> list[str]:
    """The incidents that a rule opened on an entity and nobody has closed, those on their way to the graph too."""
    snapshot = occasion.snapshot
    if snapshot is None:
        return []
    found = []
    for it in snapshot.related_from(entity, "raisedOn"):
        said = snapshot.attributes(it.source)
        if said.get("openedBy") == f"rule:{rule}" and "closedAt" not in said:
            found.append(it.source.urn)
    pending = (make_urn("incident", "andon", key) for key in occasion.raised(rule, entity.urn))
    return found + [urn for urn in pending if snapshot.entity(urn) is None]


class Statements:
    """`envelope(saying)` makes the envelope of what is said; `append` is the journal's."""

    def __init__(self, envelope: Callable[[Saying], NewEnvelope], append: Callable[[NewEnvelope], object]) -> None:
        self._envelope = envelope
        self._append = append

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        said = _read(intended.body)
        sayings = [
            Saying(
                name=intended.key if not said.each else f"{intended.key} {index}",
                op=said.op,
                target=it.urn,
                arguments=said.arguments | it.arguments,
                firing=intended.firing,
                by=f"rule:{said.rule}",
                at=at,
            )
            for index, it in enumerate(said.each or [_One(intended.target, {})])
        ]
        try:
            for saying in sayings:
                self._append(self._envelope(saying))
        except Unavailable as error:
            return Postponed(str(error))
        return Delivered()

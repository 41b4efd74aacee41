"""Statements of people: made by GraphQL's mutations, journalled as JSON, decoded like any producer's events.

An envelope's body is `{"id", "op", "urn", "by", "at", ...}`: `op` names the mutation, `at` (ISO 8601) is its
valid time, `by` who said it, `id` makes two equal statements two facts. A redaction is `{"id", "op":
"redact", "position", "reason", "by", "at"}`, of kind `redaction`, and says nothing about the graph.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from graph.attributes import TAG, attribute_key, relation_key, tag_key
from graph.cord import STOP
from graph.errors import InvalidInput
from graph.model import Envelope, Instant, Name, NewEnvelope, isoformat, parse_instant, parse_urn
from graph.statements import Declared, Digested, Facet, FacetSet, Flows, Rank, Role, Said, Statements
from ingest.characters import without_nul
from ingest.registers import facet_set

KIND = "mutation"
REDACTION = "redaction"
INCIDENT = "incident"
"""The kind of an incident's urn."""
TAG_REGISTER = TAG
"""Facet key of a tag that a person gave, followed by the tag's key: a register of its own for each tag."""

NAMESPACE = "andon"
"""Of stops, and of incidents that are opened here."""

_NAMED = {"stop": "stop", "openIncident": "incident"}
"""Operations that make an entity, and the argument that is its name."""

Arguments = Mapping[str, Any]


def envelope(op: str, urn: str, arguments: Arguments, by: str, at: Instant) -> NewEnvelope:
    """The envelope of one statement: `arguments` are those of `OPERATIONS[op]`."""
    if op not in OPERATIONS:
        raise InvalidInput(f"expected one of {', '.join(OPERATIONS)}, found {op!r}", field="op")
    return _new(KIND, {"op": op, "urn": urn, **arguments}, by, at)


def new_name() -> str:
    """The name of a stop or an incident that is about to be said, which is among its arguments."""
    return secrets.token_hex(8)


def said_by_rule(name: str, op: str, urn: str, arguments: Arguments, by: str, at: Instant) -> NewEnvelope:
    """The envelope of what a rule says; said again under the same name, it is the same envelope."""
    named = {_NAMED[op]: name} if op in _NAMED else {}
    said = _new(KIND, {"op": op, "urn": urn, **named, **arguments}, by, at)
    return NewEnvelope(KIND, by, _digest(KIND.encode(), op.encode(), name.encode()), said.body)


def firing_of(envelope: Envelope) -> str | None:
    """The firing by which a rule had this said; None for what people and tools say."""
    if envelope.kind != KIND or envelope.body is None or not envelope.source.startswith("rule:"):
        return None
    found = msgspec.json.decode(envelope.body).get("firing")
    return found if isinstance(found, str) else None


def redaction(position: int, reason: str, by: str, at: Instant) -> NewEnvelope:
    """The record that somebody had the envelope at `position` redacted."""
    return _new(REDACTION, {"op": "redact", "position": position, "reason": reason}, by, at)


def redacted_by(envelope: Envelope) -> int | None:
    """The position that a redaction is about; None for any other envelope."""
    if envelope.kind != REDACTION or envelope.body is None:
        return None
    found = msgspec.json.decode(envelope.body).get("position")
    return found if isinstance(found, int) else None


def _new(kind: str, said: Arguments, by: str, at: Instant) -> NewEnvelope:
    body = msgspec.json.encode({"id": secrets.token_hex(8), **said, "by": by, "at": isoformat(at)})
    return NewEnvelope(kind, by, _digest(kind.encode(), body), body)


def decode(envelope: Envelope) -> Statements:
    """What a person said; a redacted statement, like a redaction, says nothing."""
    if envelope.body is None:
        return Statements(envelope.received_at)
    said: dict[str, Any] = msgspec.json.decode(without_nul(envelope.body))
    at = parse_instant(said["at"])
    if envelope.kind == REDACTION:
        return Statements(at)
    return OPERATIONS[said["op"]](parse_urn(said["urn"]), said, at)


def _set_owners(subject: Name, said: Arguments, at: Instant) -> Statements:
    return _facet(subject, "ownership", {"owners": said["owners"]}, at)


def _add_tag(subject: Name, said: Arguments, at: Instant) -> Statements:
    column = said.get("column", "")
    tag = {"key": said["key"], "value": said["value"], "source": said["by"]} | ({"field": column} if column else {})
    return _facet(subject, tag_key(said["key"], column), tag, at)


def _remove_tag(subject: Name, said: Arguments, at: Instant) -> Statements:
    return _facet(subject, tag_key(said["key"], said.get("column", "")), None, at)


def _describe(subject: Name, said: Arguments, at: Instant) -> Statements:
    return _facet(subject, "documentation", {"description": said["description"]}, at)


def _retire_job(subject: Name, said: Arguments, at: Instant) -> Statements:
    flows: Digested[Flows] | None = None
    if said.get("retired", True):
        flows = Digested(_digest(b"flows", b""), Flows)
    return Statements(at, declared=(Declared(subject, Rank.PERSON, flows, register=True),))


def _stop(subject: Name, said: Arguments, at: Instant) -> Statements:
    """The stop is an entity of its own, named by `stop`; what it stops is the subject."""
    registers: dict[str, object] = {
        attribute_key("cause"): said["cause"],
        attribute_key("stopPolicy"): said["policy"],
        attribute_key("openedAt"): isoformat(at),
        attribute_key("stoppedBy"): said["by"],
        relation_key("stopOf"): [subject.urn],
        "ownership": {"owners": [{"name": said["owner"]}]},
    }
    if said["causedBy"]:
        registers[relation_key("causedBy")] = sorted(said["causedBy"])
    stop = Name(STOP, NAMESPACE, said["stop"])
    return Statements(at, said=(Said(stop, Role.LISTED, facet_set(registers), Rank.PERSON),))


def _open_incident(subject: Name, said: Arguments, at: Instant) -> Statements:
    """The incident is an entity of its own, named by `incident`; the subject is what it is raised on."""
    registers: dict[str, object] = {
        "documentation": {"description": said["title"]},
        attribute_key("severity"): said["severity"],
        attribute_key("openedAt"): isoformat(at),
        attribute_key("openedBy"): said["by"],
        relation_key("raisedOn"): [subject.urn],
        "ownership": {"owners": [{"name": said["owner"]}]},
    }
    incident = Name(INCIDENT, NAMESPACE, said["incident"])
    return Statements(at, said=(Said(incident, Role.LISTED, facet_set(registers), Rank.PERSON),))


def _close_incident(subject: Name, said: Arguments, at: Instant) -> Statements:
    registers = {attribute_key("closedAt"): isoformat(at)}
    return Statements(at, said=(Said(subject, Role.PERSON, facet_set(registers), Rank.PERSON),))


def _assign_incident(subject: Name, said: Arguments, at: Instant) -> Statements:
    return _set_owners(subject, {"owners": [{"name": said["owner"]}]}, at)


def _deprecate(subject: Name, said: Arguments, at: Instant) -> Statements:
    return _mark(subject, "deprecated", said, at, holds=said.get("deprecated", True))


def _certify(subject: Name, said: Arguments, at: Instant) -> Statements:
    return _mark(subject, "certified", said, at, holds=said.get("certified", True))


def _mark(subject: Name, mark: str, said: Arguments, at: Instant, *, holds: bool) -> Statements:
    """Since when it is so, by whose word and why; or that it is so no longer."""
    registers = {
        attribute_key(f"{mark}At"): isoformat(at) if holds else None,
        attribute_key(f"{mark}By"): said["by"] if holds else None,
        attribute_key(f"{mark}Because"): said.get("note") if holds else None,
    }
    return Statements(at, said=(Said(subject, Role.PERSON, facet_set(registers), Rank.PERSON),))


def _restart(subject: Name, said: Arguments, at: Instant) -> Statements:
    registers = {attribute_key("closedAt"): isoformat(at), attribute_key("restartedBy"): said["by"]}
    if said["override"] is not None:
        registers[attribute_key("restartOverride")] = said["override"]
    return Statements(at, said=(Said(subject, Role.PERSON, facet_set(registers), Rank.PERSON),))


def _switch_rule(subject: Name, said: Arguments, at: Instant) -> Statements:
    return _facet(subject, "switch", {"mode": said["mode"], "version": said["version"]}, at)


OPERATIONS: dict[str, Callable[[Name, Arguments, Instant], Statements]] = {
    "setOwners": _set_owners,
    "addTag": _add_tag,
    "removeTag": _remove_tag,
    "describe": _describe,
    "retireJob": _retire_job,
    "stop": _stop,
    "restart": _restart,
    "openIncident": _open_incident,
    "closeIncident": _close_incident,
    "switchRule": _switch_rule,
    "assignIncident": _assign_incident,
    "deprecate": _deprecate,
    "certify": _certify,
}


def _facet(subject: Name, key: str, value: object, at: Instant) -> Statements:
    """One register of the subject, said by a person; None removes it."""
    content = msgspec.json.encode(value) if value is not None else None
    facet = Facet(key, content, _digest(key.encode(), content or b"null"))
    facets = Digested(facet.digest, lambda: FacetSet((facet,)))
    return Statements(at, said=(Said(subject, Role.PERSON, facets, Rank.PERSON),))


def _digest(*parts: bytes) -> bytes:
    """16 bytes; each part's length goes in, so that no two lists of parts run into each other."""
    hashed = blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.digest()

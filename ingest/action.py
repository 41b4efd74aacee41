"""Reads envelopes of kind `action`: what a rule decided, and how an action that it intended ended.

`rules.record` writes them. A firing becomes an entity `urn:andon:firing:andon:<id>`, everything said of it in
facets: `rule`, `evidence` and `outcome` by the decision, `answer` too where its rule asked something, `approval` by
what somebody said to it, one `action_<key>` by the outcome of each of its
actions.
"""

from __future__ import annotations

from typing import Any

import msgspec

from graph.attributes import attribute_key, relation_key
from graph.errors import InvalidInput
from graph.model import Envelope, Name, parse_instant
from graph.statements import Role, Said, Statements
from ingest.characters import without_nul
from ingest.registers import facet_set


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """What decisions and outcomes have in common."""

    firing: str
    rule: str
    version: str
    subject: str
    at: str
    evidence: list[int]


class _Awaited(msgspec.Struct, frozen=True):
    by: list[str]
    until: str


class _Decision(_Body, frozen=True, kw_only=True, tag="decision", tag_field="about"):
    verdict: str
    reason: str | None
    depth: int
    cause: str | None
    actions: list[str]
    answer: msgspec.Raw | None = None
    awaited: _Awaited | None = None


class _Approval(_Body, frozen=True, kw_only=True, tag="approval", tag_field="about"):
    approved: bool
    by: str | None
    note: str | None


class _Outcome(_Body, frozen=True, kw_only=True, tag="outcome", tag_field="about"):
    key: str
    action: str
    target: str
    owner: str
    state: str
    attempts: int
    error: str | None
    result: dict[str, Any] | None = None


_read = msgspec.json.Decoder(_Decision | _Approval | _Outcome).decode


def decode(envelope: Envelope) -> Statements:
    """What one `action` envelope says of its firing; a redacted one says nothing.

    Raises `InvalidInput` for a body that `rules.record` would not have written.
    """
    if envelope.body is None:
        return Statements(envelope.received_at)
    try:
        body = _read(without_nul(envelope.body))
        at = parse_instant(body.at)
    except msgspec.DecodeError as error:
        raise InvalidInput(str(error)) from None
    except ValueError as error:
        raise InvalidInput(str(error), field="at") from None
    firing = Said(Name("firing", "andon", body.firing), Role.SUBJECT, facet_set(_registers(body)))
    return Statements(at, said=(firing,))


def _registers(body: _Decision | _Approval | _Outcome) -> dict[str, object]:
    match body:
        case _Decision():
            return _of_decision(body)
        case _Approval():
            return {"approval": {"approved": body.approved, "by": body.by, "note": body.note, "at": body.at}}
        case _Outcome():
            return {f"action_{body.key}": _of_outcome(body)}


def _of_decision(body: _Decision) -> dict[str, object]:
    outcome: dict[str, object] = {
        "verdict": body.verdict,
        "reason": body.reason,
        "depth": body.depth,
        "cause": body.cause,
        "actions": body.actions,
    }
    if body.awaited is not None:
        outcome["awaited"] = {"by": body.awaited.by, "until": body.awaited.until}
    answer: dict[str, object] = {} if body.answer is None else {"answer": {"data": body.answer}}
    return {
        "rule": {"name": body.rule, "version": body.version},
        "evidence": {"subject": body.subject, "positions": body.evidence},
        "outcome": outcome,
        **answer,
        attribute_key("firedAt"): body.at,
        attribute_key("ruleVersion"): body.version,
        relation_key("firedBy"): [_rule(body).urn],
        relation_key("firedOn"): [body.subject],
    }


def _rule(body: _Body) -> Name:
    return Name("rule", "andon", body.rule)


def _of_outcome(body: _Outcome) -> dict[str, object]:
    result: dict[str, object] = {} if body.result is None else {"result": body.result}
    return {
        "key": body.key,
        "kind": body.action,
        "target": body.target,
        "owner": body.owner,
        "state": body.state,
        "attempts": body.attempts,
        "error": body.error,
        "evidence": body.evidence,
        **result,
    }

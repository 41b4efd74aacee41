"""Reads envelopes of kind `action`: what a rule decided, and how an action that it intended ended.

`rules.record` writes them. A firing becomes an entity `urn:andon:firing:andon:<id>`, everything said of it in
facets: `rule`, `evidence` and `outcome` by the decision, one `action_<key>` by the outcome of each of its
actions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from graph.errors import InvalidInput
from graph.model import Envelope, Name, parse_instant
from graph.statements import Digested, Facet, FacetSet, Role, Said, Statements
from ingest.characters import without_nul


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """What decisions and outcomes have in common."""

    firing: str
    rule: str
    version: str
    subject: str
    at: str
    evidence: list[int]


class _Decision(_Body, frozen=True, kw_only=True, tag="decision", tag_field="about"):
    verdict: str
    reason: str | None
    depth: int
    cause: str | None
    actions: list[str]


class _Outcome(_Body, frozen=True, kw_only=True, tag="outcome", tag_field="about"):
    key: str
    action: str
    target: str
    owner: str
    state: str
    attempts: int
    error: str | None
    result: dict[str, Any] | None = None


_read = msgspec.json.Decoder(_Decision | _Outcome).decode


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
    facets = _of_decision(body) if isinstance(body, _Decision) else _of_outcome(body)
    digest = hashlib.blake2b(b"".join(facet.digest for facet in facets), digest_size=16).digest()
    said = Said(Name("firing", "andon", body.firing), Role.SUBJECT, Digested(digest, lambda: FacetSet(facets=facets)))
    return Statements(at, said=(said,))


def _of_decision(body: _Decision) -> tuple[Facet, ...]:
    outcome = {
        "verdict": body.verdict,
        "reason": body.reason,
        "depth": body.depth,
        "cause": body.cause,
        "actions": body.actions,
    }
    return (
        _facet("rule", {"name": body.rule, "version": body.version}),
        _facet("evidence", {"subject": body.subject, "positions": body.evidence}),
        _facet("outcome", outcome),
    )


def _of_outcome(body: _Outcome) -> tuple[Facet, ...]:
    action: dict[str, object] = {
        "key": body.key,
        "kind": body.action,
        "target": body.target,
        "owner": body.owner,
        "state": body.state,
        "attempts": body.attempts,
        "error": body.error,
        "evidence": body.evidence,
    }
    if body.result is not None:
        action["result"] = body.result
    return (_facet(f"action_{body.key}", action),)


def _facet(key: str, value: Mapping[str, object]) -> Facet:
    raw = msgspec.json.encode(value)
    return Facet(key, raw, hashlib.blake2b(raw, digest_size=16).digest())

"""Reads envelopes of kind `rule`: what a rule says, that it is gone, and that its time has come.

`rules.record` writes them. A rule is an entity `urn:andon:rule:andon:<name>` with the facets `definition` (version,
since when, text, mode, severity, runbook and controls) and `tick` (when its time came last).
"""

from __future__ import annotations

import msgspec

from graph.errors import InvalidInput
from graph.model import Envelope, Name, parse_instant
from graph.statements import Role, Said, Statements
from ingest.characters import without_nul
from ingest.registers import facet_set

KIND = "rule"


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    rule: str
    at: str


class _Definition(_Body, frozen=True, kw_only=True, tag="definition", tag_field="about"):
    version: str
    text: str
    description: str
    mode: str
    severity: str
    owner: str | None
    runbook: str | None
    controls: list[str]


class _Withdrawal(_Body, frozen=True, kw_only=True, tag="withdrawal", tag_field="about"):
    pass


class _Tick(_Body, frozen=True, kw_only=True, tag="tick", tag_field="about"):
    """`at` is when the rule's time came by its schedule, which may be a while before it was noticed."""


_read = msgspec.json.Decoder(_Definition | _Withdrawal | _Tick).decode


def decode(envelope: Envelope) -> Statements:
    """What one envelope says of its rule; a redacted one says nothing.

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
    rule = Name(KIND, "andon", body.rule)
    return Statements(at, said=(_said(rule, body),))


def _said(rule: Name, body: _Definition | _Withdrawal | _Tick) -> Said:
    match body:
        case _Definition():
            return Said(rule, Role.LISTED, facet_set(_registers(body)))
        case _Withdrawal():
            return Said(rule, Role.DROPPED)
        case _Tick():
            return Said(rule, Role.SUBJECT, facet_set({"tick": {"at": body.at}}))


def _registers(body: _Definition) -> dict[str, object]:
    definition = {
        "version": body.version,
        "at": body.at,
        "text": body.text,
        "mode": body.mode,
        "severity": body.severity,
        "runbook": body.runbook,
        "controls": body.controls,
    }
    return {
        "definition": definition,
        "documentation": {"description": body.description} if body.description else None,
        "ownership": {"owners": [{"name": body.owner}]} if body.owner else None,
    }

"""Decisions and outcomes as envelopes of kind `action`, so that the journal and the graph know them.

The body is JSON. Of all: `about` ("decision", "approval" or "outcome"), `firing`, `rule`, `version`, `subject` (urn of
what changed), `at` (ISO 8601), `evidence` (positions). Of a decision: `verdict`, `reason`, `depth`, `cause`,
`actions` (keys), and where there are: `answer` (to the rule's query), `awaited` (`by`, `until`). Of an approval:
`approved`, `by`, `note`. Of an outcome: `key`, `action` (its kind), `target`, `owner`, `state`, `attempts`, `error`,
and `result` where there is one.
`ingest.action` is the reader; `rules.audit` adds `number` and `previous`. Neither addresses nor credentials are in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from graph.model import Instant, NewEnvelope, isoformat, parse_urn
from rules.audit import KIND, SOURCE
from rules.outbox import ActionState, Answered, Firing, FiringRecord, Leased
from rules.rule import Rule

RULE = "rule"


def decision(firing: Firing) -> NewEnvelope:
    """The envelope that says what a rule decided."""
    body: dict[str, object] = {
        "about": "decision",
        "firing": firing.id,
        "rule": firing.rule,
        "version": firing.rule_version,
        "subject": firing.subject,
        "at": isoformat(firing.fired_at),
        "evidence": firing.evidence,
        "verdict": firing.verdict,
        "reason": firing.reason,
        "depth": firing.depth,
        "cause": firing.cause,
        "actions": [action.key for action in firing.actions],
    }
    if firing.answer is not None:
        body["answer"] = json.loads(firing.answer)
    if firing.awaited is not None:
        body["awaited"] = {"by": firing.awaited.by, "until": isoformat(firing.awaited.until)}
    return _envelope(body, "decision", firing.id)


def approval(firing: FiringRecord, answered: Answered) -> NewEnvelope:
    """The envelope that says what somebody said to a firing that waited."""
    body: dict[str, object] = {
        "about": "approval",
        "firing": parse_urn(firing.urn).name,
        "rule": firing.rule,
        "version": firing.rule_version,
        "subject": firing.subject,
        "at": isoformat(answered.at),
        "evidence": firing.evidence,
        "approved": answered.approved,
        "by": answered.by,
        "note": answered.note,
    }
    return _envelope(body, "approval", firing.urn)


def outcome(
    leased: Leased, state: ActionState, at: Instant, error: str | None, result: Mapping[str, object] | None = None
) -> NewEnvelope:
    """The envelope that says how an action ended; the same end of the same attempt is the same envelope."""
    action = leased.action
    body: dict[str, object] = {
        "about": "outcome",
        "firing": action.firing,
        "rule": leased.rule,
        "version": leased.rule_version,
        "subject": leased.subject,
        "at": isoformat(at),
        "evidence": action.evidence,
        "key": action.key,
        "action": action.kind,
        "target": action.target,
        "owner": action.owner,
        "state": state,
        "attempts": leased.attempts,
        "error": error,
    }
    if result is not None:
        body["result"] = result
    return _envelope(body, "outcome", action.key, str(leased.attempts))


def definition(rule: Rule, at: Instant) -> NewEnvelope:
    """The envelope that says what a rule says, from `at` on; `ingest.rule` is its reader, and that of the next two."""
    body = {
        "about": "definition",
        "rule": rule.name,
        "at": isoformat(at),
        "version": rule.version_id,
        "text": rule.text,
        "description": rule.description,
        "mode": rule.mode,
        "severity": rule.severity,
        "owner": rule.owner,
        "runbook": rule.runbook,
        "controls": rule.controls,
    }
    return _of_rule(body, "definition", rule.name, rule.version_id, str(at))


def withdrawal(rule: str, at: Instant) -> NewEnvelope:
    """The envelope that says that a rule is no more."""
    return _of_rule({"about": "withdrawal", "rule": rule, "at": isoformat(at)}, "withdrawal", rule, str(at))


def tick(rule: str, due: Instant) -> NewEnvelope:
    """The envelope that says that a rule's time came; the same time is the same envelope, whoever noticed it."""
    return _of_rule({"about": "tick", "rule": rule, "at": isoformat(due)}, "tick", rule, str(due))


def _of_rule(body: Mapping[str, object], *identity: str) -> NewEnvelope:
    key = hashlib.blake2b("\0".join((RULE, *identity)).encode(), digest_size=16).digest()
    return NewEnvelope(RULE, SOURCE, key, json.dumps(body, separators=(",", ":")).encode())


def _envelope(body: Mapping[str, object], *identity: str) -> NewEnvelope:
    key = hashlib.blake2b("\0".join((KIND, *identity)).encode(), digest_size=16).digest()
    return NewEnvelope(KIND, SOURCE, key, json.dumps(body, separators=(",", ":")).encode())

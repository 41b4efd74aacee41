"""Decisions and outcomes as envelopes of kind `action`, so that the journal and the graph know them.

The body is JSON. Of both: `about` ("decision" or "outcome"), `firing`, `rule`, `version`, `subject` (urn of
what changed), `at` (ISO 8601), `evidence` (positions). Of a decision: `verdict`, `reason`, `depth`, `cause`,
`actions` (keys). Of an outcome: `key`, `action` (its kind), `target`, `owner`, `state`, `attempts`, `error`.
`ingest.action` is the reader; `rules.audit` adds `number` and `previous`. Neither addresses nor credentials are in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from graph.model import Instant, NewEnvelope, isoformat
from rules.audit import KIND, SOURCE
from rules.outbox import ActionState, Firing, Leased


def decision(firing: Firing) -> NewEnvelope:
    """The envelope that says what a rule decided."""
    body = {
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
    return _envelope(body, "decision", firing.id)


def outcome(leased: Leased, state: ActionState, at: Instant, error: str | None) -> NewEnvelope:
    """The envelope that says how an action ended; the same end of the same attempt is the same envelope."""
    action = leased.action
    body = {
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
    return _envelope(body, "outcome", action.key, str(leased.attempts))


def _envelope(body: Mapping[str, object], *identity: str) -> NewEnvelope:
    key = hashlib.blake2b("\0".join((KIND, *identity)).encode(), digest_size=16).digest()
    return NewEnvelope(KIND, SOURCE, key, json.dumps(body, separators=(",", ":")).encode())

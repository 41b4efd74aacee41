"""Why a rule fired: the change, the envelopes that it rests on, the rule's version, and what became of each action."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import strawberry

from api.graphql import shapes
from api.graphql.services import Firing, FiringAction
from api.graphql.shapes import about
from graph.journal import JournalReader
from graph.model import Instant, isoformat


@strawberry.type
class Premise:
    """An envelope without which the firing would not have been."""

    position: int
    kind: str
    source: str
    received_at: Instant
    digest: str = about("By which the journal knows the envelope; in hexadecimal.")
    redacted: str | None = about("Why its bytes are gone; null where they are there.")


@strawberry.type
class Proof:
    firing: shapes.Firing
    premises: list[Premise]
    text: str = about("The same for people, a line a step.")


@dataclass(frozen=True, slots=True)
class PremiseAnswer:
    position: int
    kind: str
    source: str
    received_at: Instant
    digest: str
    redacted: str | None


@dataclass(frozen=True, slots=True)
class ProofAnswer:
    firing: Firing
    premises: Sequence[PremiseAnswer]
    text: str


def proof_of(firing: Firing, journal: JournalReader) -> ProofAnswer:
    premises = [it for position in firing.evidence for it in _premises(position, journal)]
    return ProofAnswer(firing, premises, "\n".join(_lines(firing, premises)))


def _premises(position: int, journal: JournalReader) -> Iterator[PremiseAnswer]:
    envelope = journal.envelope(position)
    if envelope is not None:
        redacted = journal.redaction(position) if envelope.body is None else None
        yield PremiseAnswer(
            position, envelope.kind, envelope.source, envelope.received_at, envelope.digest.hex(), redacted
        )


def _lines(firing: Firing, premises: Sequence[PremiseAnswer]) -> Iterator[str]:
    reason = f" ({firing.reason})" if firing.reason else ""
    yield f"{firing.rule} {firing.rule_version}: {firing.verdict}{reason}"
    yield f"  at {isoformat(firing.fired_at)}, on {firing.what} of {firing.subject} at position {firing.position}"
    if firing.cause is not None:
        yield f"  because of {firing.cause}"
    for it in premises:
        gone = f", bytes removed: {it.redacted}" if it.redacted is not None else ""
        yield f"  from {it.kind} {it.position} of {it.source}, received {isoformat(it.received_at)}, {it.digest}{gone}"
    for action in firing.actions:
        yield f"  {_done(action)}"


def _done(action: FiringAction) -> str:
    error = f": {action.last_error}" if action.last_error else ""
    result = f", {json.dumps(action.result)}" if action.result is not None else ""
    return f"{action.kind} on {action.target}: {action.state} after {action.attempts} attempts{error}{result}"

"""Why a rule fired: the change, what that rests on, the rule's version, and what became of each action."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import strawberry

from api.graphql import shapes
from api.graphql.shapes import about
from api.provenance import provenance, told
from graph.journal import JournalReader
from graph.model import Instant, isoformat, make_urn
from graph.rdf.documents import text as rdf_text
from graph.rdf.terms import Terms
from graph.reader import GraphSnapshot
from ontology import Ontology
from rules.grounds import Ground as GroundRecord
from rules.outbox import ActionRecord, FiringRecord


@strawberry.type
class Ground:
    """A fact of the graph that the firing rests on; without all envelopes that say it, it would not have fired so."""

    what: str = about(
        "change, was (there before), said (under the keys of `registers`), writes or derivedFrom `other`."
    )
    of: str
    other: str | None
    registers: list[str]
    evidence: list[int] = about("The newest 20 envelopes that say it.")
    count: int = about("How many say it.")


@strawberry.type
class Premise:
    """The newest envelope of one of the grounds."""

    position: int
    kind: str
    source: str
    received_at: Instant
    digest: str = about("By which the journal knows the envelope; in hexadecimal.")
    redacted: str | None = about("Why its bytes are gone; null where they are there.")


@strawberry.type
class Proof:
    firing: shapes.Firing
    rule_text: str | None = about(
        "The version of the rule that decided, as it was written; null where the graph has it not."
    )
    grounds: list[Ground]
    premises: list[Premise]
    text: str = about("The same for people, a line a step.")
    prov: str = about("The same in PROV-O, as Turtle.")


@dataclass(frozen=True, slots=True)
class GroundAnswer:
    what: str
    of: str
    other: str | None
    registers: Sequence[str]
    evidence: Sequence[int]
    count: int


MAX_ANSWER = 2_000
"""Characters of an answer that are told in words; the firing's `data` has all."""


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
    firing: FiringRecord
    rule_text: str | None
    grounds: Sequence[GroundAnswer]
    premises: Sequence[PremiseAnswer]
    text: str
    prov: str


def proof_of(
    firing: FiringRecord, journal: JournalReader, ontology: Ontology, owner: str | None, rule_text: str | None
) -> ProofAnswer:
    """`owner` is the rule's, `rule_text` what its version says."""
    premises = premises_of(firing, journal)
    grounds = [
        GroundAnswer(it.what, it.of, it.other, it.registers, it.support, it.count) for it in firing.grounds
    ]  # fmt: skip
    prov = "".join(rdf_text([provenance(firing, premises, owner, rule_text)], Terms(ontology), "turtle"))
    return ProofAnswer(firing, rule_text, grounds, premises, "\n".join(_lines(firing, premises)), prov)


def rule_text(firing: FiringRecord, snapshot: GraphSnapshot) -> str | None:
    """What the graph knows of the rule, if that is of the version that decided."""
    rule = snapshot.entity(make_urn("rule", "andon", firing.rule))
    facet = snapshot.facets(rule).get("definition") if rule is not None else None
    said = json.loads(facet) if facet is not None else {}
    return said["text"] if said.get("version") == firing.rule_version else None


def premises_of(firing: FiringRecord, journal: JournalReader) -> list[PremiseAnswer]:
    return [it for position in firing.evidence for it in _premises(position, journal)]


def _premises(position: int, journal: JournalReader) -> Iterator[PremiseAnswer]:
    envelope = journal.envelope(position)
    if envelope is not None:
        redacted = journal.redaction(position) if envelope.body is None else None
        yield PremiseAnswer(
            position, envelope.kind, envelope.source, envelope.received_at, envelope.digest.hex(), redacted
        )


def _lines(firing: FiringRecord, premises: Sequence[PremiseAnswer]) -> Iterator[str]:
    reason = f" ({firing.reason})" if firing.reason else ""
    yield f"{firing.rule} {firing.rule_version}: {firing.verdict}{reason}"
    yield f"  at {isoformat(firing.fired_at)}, on {firing.what} of {firing.subject} at position {firing.position}"
    if firing.cause is not None:
        yield f"  because of {firing.cause}"
    for ground in firing.grounds:
        if ground.what != "change":
            yield f"  since {told(ground)}, by {_said_by(ground)}"
    for it in premises:
        gone = f", bytes removed: {it.redacted}" if it.redacted is not None else ""
        yield f"  from {it.kind} {it.position} of {it.source}, received {isoformat(it.received_at)}, {it.digest}{gone}"
    if firing.answer is not None:
        yield f"  asked the graph, which answered {firing.answer.decode()[:MAX_ANSWER]}"
    yield from _approval(firing)
    for action in firing.actions:
        yield f"  {_done(action)}"


def _approval(firing: FiringRecord) -> Iterator[str]:
    if firing.awaited is not None:
        whose = ", ".join(firing.awaited.by) or "whoever may write"
        yield f"  asked {whose} until {isoformat(firing.awaited.until)}: {firing.awaited.reason}"
    if firing.answered is not None:
        said = "approved" if firing.answered.approved else "refused"
        note = f" ({firing.answered.note})" if firing.answered.note else ""
        by = f" by {firing.answered.by}" if firing.answered.by is not None else ""
        yield f"  {said}{by} at {isoformat(firing.answered.at)}{note}"


def _said_by(ground: GroundRecord) -> str:
    if ground.count == 1:
        return f"envelope {ground.support[0]}"
    return f"{ground.count} envelopes, the newest {ground.support[-1]}"


def _done(action: ActionRecord) -> str:
    error = f": {action.last_error}" if action.last_error else ""
    result = f", {json.dumps(action.result)}" if action.result is not None else ""
    return f"{action.kind} on {action.target}: {action.state} after {action.attempts} attempts{error}{result}"

"""A firing's proof in PROV-O (https://www.w3.org/TR/prov-o/): what was used, what came of it, by whose plan and when.

The firing and each action are activities; the change, its grounds, the envelopes that say them, the decision, each
outcome and the rule's version are entities; the rule, its owner and the sources of envelopes are agents. Parts have the
firing's IRI with a `#`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol
from urllib.parse import quote

from graph.model import Instant, isoformat, make_urn
from graph.rdf.mapping import agent_urn
from graph.rdf.syntax import TYPE, Quad, iri, literal, typed
from graph.rdf.terms import term
from rules.grounds import Ground
from rules.outbox import ActionRecord, ActionState, FiringRecord

_LABEL = term("rdfs:label")
_SUBJECT, _IDENTIFIER, _DESCRIPTION = term("dcterms:subject"), term("dcterms:identifier"), term("dcterms:description")


class Source(Protocol):
    """An envelope that a firing rests on."""

    @property
    def position(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def received_at(self) -> Instant: ...
    @property
    def digest(self) -> str: ...
    @property
    def redacted(self) -> str | None: ...


def provenance(
    firing: FiringRecord, envelopes: Sequence[Source], owner: str | None = None, rule_text: str | None = None
) -> Iterator[Quad]:
    """The proof, by subject; `owner` is the rule's, `rule_text` what its version says."""
    part = _Parts(firing.urn)
    rule = iri(make_urn("rule", "andon", firing.rule))
    plan = iri(f"{make_urn('rule', 'andon', firing.rule)}#{quote(firing.rule_version, safe='-._~')}")
    yield from _are(part.whole, "Activity", f"{firing.rule} on {firing.what} of {firing.subject}")
    yield part.whole, TYPE, term("andon:Firing"), ""
    yield part.whole, term("prov:startedAtTime"), _time(firing.fired_at), ""
    yield part.whole, term("prov:wasAssociatedWith"), rule, ""
    yield part.whole, term("prov:qualifiedAssociation"), part("association"), ""
    if firing.cause is not None:
        yield part.whole, term("prov:wasInformedBy"), iri(firing.cause), ""
    used = [part("change"), *(part(f"ground-{number}") for number, _ in _numbered(firing))]
    for entity in (*used, *(envelope_iri(it.position) for it in envelopes)):
        yield part.whole, term("prov:used"), entity, ""
    yield part("association"), TYPE, term("prov:Association"), ""
    yield part("association"), term("prov:agent"), rule, ""
    yield part("association"), term("prov:hadPlan"), plan, ""
    yield from _are(rule, "SoftwareAgent", firing.rule)
    if owner is not None:
        yield rule, term("prov:actedOnBehalfOf"), iri(agent_urn(owner)), ""
        yield from _are(iri(agent_urn(owner)), "Agent", owner)
    yield from _are(plan, "Plan", f"{firing.rule} {firing.rule_version}")
    yield plan, TYPE, term("prov:Entity"), ""
    yield plan, _IDENTIFIER, literal(firing.rule_version), ""
    if rule_text is not None:
        yield plan, term("prov:value"), literal(rule_text), ""
    yield from _are(part("change"), "Entity", f"{firing.what} of {firing.subject}")
    yield part("change"), _SUBJECT, iri(firing.subject), ""
    yield part("change"), term("prov:wasDerivedFrom"), envelope_iri(firing.position), ""
    for number, ground in _numbered(firing):
        yield from _ground(part(f"ground-{number}"), ground)
    for envelope in envelopes:
        yield from _envelope(envelope)
    yield from _are(part("decision"), "Entity", firing.verdict)
    if firing.reason is not None:
        yield part("decision"), _DESCRIPTION, literal(firing.reason), ""
    yield part("decision"), term("prov:wasGeneratedBy"), part.whole, ""
    yield part("decision"), term("prov:generatedAtTime"), _time(firing.fired_at), ""
    yield from _asked(part, firing)
    for action in firing.actions:
        yield from _action(part, action, rule)


def _asked(part: _Parts, firing: FiringRecord) -> Iterator[Quad]:
    """The graph's answer to the rule's query, and somebody's to the question whether to act."""
    if firing.answer is not None:
        yield from _are(part("answer"), "Entity", "what the graph answered")
        yield part("answer"), term("prov:value"), literal(firing.answer.decode()), ""
        yield part.whole, term("prov:used"), part("answer"), ""
    if firing.answered is None:
        return
    subject = part("approval")
    yield from _are(subject, "Activity", "approved" if firing.answered.approved else "refused")
    yield subject, term("prov:used"), part("decision"), ""
    yield subject, term("prov:endedAtTime"), _time(firing.answered.at), ""
    if firing.answered.note is not None:
        yield subject, _DESCRIPTION, literal(firing.answered.note), ""
    if firing.answered.by is not None:
        agent = iri(agent_urn(firing.answered.by))
        yield subject, term("prov:wasAssociatedWith"), agent, ""
        yield from _are(agent, "Agent", firing.answered.by)


def envelope_iri(position: int) -> str:
    return iri(make_urn("envelope", "andon", str(position)))


class _Parts:
    def __init__(self, urn: str) -> None:
        self._urn = urn
        self.whole = iri(urn)

    def __call__(self, name: str) -> str:
        return iri(f"{self._urn}#{name}")


def _numbered(firing: FiringRecord) -> list[tuple[int, Ground]]:
    return list(enumerate((it for it in firing.grounds if it.what != "change"), start=1))


def _ground(subject: str, ground: Ground) -> Iterator[Quad]:
    yield from _are(subject, "Entity", told(ground))
    for urn in (ground.of, ground.other):
        if urn is not None:
            yield subject, _SUBJECT, iri(urn), ""
    for position in ground.support:
        yield subject, term("prov:wasDerivedFrom"), envelope_iri(position), ""


def told(ground: Ground) -> str:
    """In words: `urn:...:daily derivedFrom urn:...:orders`."""
    if ground.other is not None:
        return f"{ground.of} {ground.what} {ground.other}"
    if ground.what == "was":
        return f"{ground.of} was there"
    if ground.registers:
        return f"{', '.join(ground.registers)} of {ground.of}"
    return f"{ground.what} of {ground.of}"


def _envelope(envelope: Source) -> Iterator[Quad]:
    subject, agent = envelope_iri(envelope.position), iri(agent_urn(envelope.source))
    yield from _are(subject, "Entity", f"{envelope.kind} {envelope.position}")
    yield subject, _IDENTIFIER, literal(envelope.digest), ""
    yield subject, term("prov:generatedAtTime"), _time(envelope.received_at), ""
    yield subject, term("prov:wasAttributedTo"), agent, ""
    if envelope.redacted is not None:
        yield subject, _DESCRIPTION, literal(f"its bytes were removed: {envelope.redacted}"), ""
    yield from _are(agent, "Agent", envelope.source)


def _action(part: _Parts, action: ActionRecord, rule: str) -> Iterator[Quad]:
    subject, outcome = part(f"action-{action.key}"), part(f"outcome-{action.key}")
    yield from _are(subject, "Activity", f"{action.kind} on {action.target}")
    yield subject, term("prov:wasInformedBy"), part.whole, ""
    yield subject, term("prov:used"), part("decision"), ""
    yield subject, term("prov:wasAssociatedWith"), rule, ""
    yield subject, _SUBJECT, iri(action.target), ""
    if action.settled_at is None or action.state not in (ActionState.DELIVERED, ActionState.DEAD):
        return
    yield subject, term("prov:endedAtTime"), _time(action.settled_at), ""
    yield from _are(outcome, "Entity", f"{action.state} after {action.attempts} attempts")
    if action.last_error is not None:
        yield outcome, _DESCRIPTION, literal(action.last_error), ""
    yield outcome, term("prov:wasGeneratedBy"), subject, ""
    yield outcome, term("prov:generatedAtTime"), _time(action.settled_at), ""


def _are(subject: str, type: str, label: str) -> Iterator[Quad]:
    yield subject, TYPE, term(f"prov:{type}"), ""
    yield subject, _LABEL, literal(label), ""


def _time(instant: Instant) -> str:
    return typed(isoformat(instant), "dateTime")

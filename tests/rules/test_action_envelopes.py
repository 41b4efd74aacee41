"""What `rules.record` writes, `ingest.action` reads: the two ends of one format."""

from __future__ import annotations

import json

import pytest

from graph.errors import InvalidInput
from graph.model import Envelope, Instant, Name, NewEnvelope, Position, isoformat
from graph.statements import Role, Statements
from ingest import action
from rules import record
from rules.outbox import ActionState, Leased
from tests.rules.deciding import a_firing, an_action
from tests.rules.estate import HOUR, RUN, T0


def arrived(new: NewEnvelope) -> Envelope:
    return Envelope(Position(12), new.kind, new.source, Instant(T0 + HOUR), b"digest", new.body)


def facets(statements: Statements) -> dict[str, object]:
    said = statements.said[0]
    assert said.facets is not None
    return {facet.key: json.loads(facet.value or b"null") for facet in said.facets.load().facets}


def an_outcome(attempts: int = 2) -> NewEnvelope:
    leased = Leased(
        action=an_action("k1"),
        rule="a-rule",
        rule_version="1+abc",
        subject=RUN,
        lease="secret lease",
        attempt=1,
        attempts=attempts,
    )
    return record.outcome(leased, ActionState.DEAD, T0, "answered 404")


def test_a_decision_becomes_a_firing_with_rule_evidence_and_outcome() -> None:
    statements = action.decode(arrived(record.decision(a_firing("f1", 9, "k1"))))

    (firing,) = statements.said
    assert (firing.subject, firing.role, statements.at) == (Name("firing", "andon", "f1"), Role.SUBJECT, T0)
    assert facets(statements) == {
        "rule": {"name": "a-rule", "version": "1+abc"},
        "evidence": {"subject": RUN, "positions": [9]},
        "outcome": {"verdict": "fired", "reason": None, "depth": 1, "cause": None, "actions": ["k1"]},
        "attribute:firedAt": isoformat(T0),
        "attribute:ruleVersion": "1+abc",
        "relation:firedBy": ["urn:andon:rule:andon:a-rule"],
        "relation:firedOn": [RUN],
    }


def test_an_outcome_becomes_a_facet_of_its_own_of_the_same_firing() -> None:
    statements = action.decode(arrived(an_outcome()))

    assert statements.said[0].subject == Name("firing", "andon", "f1")
    assert facets(statements) == {
        "action_k1": {
            "key": "k1",
            "kind": "webhook",
            "target": "urn:andon:dashboard:l:sales",
            "owner": "ana",
            "state": "dead",
            "attempts": 2,
            "error": "answered 404",
            "evidence": [3, 9],
        }
    }


def test_address_credential_and_lease_are_not_in_the_envelope() -> None:
    body = an_outcome().body.decode()

    assert all(hidden not in body for hidden in ("HOOK", "SECRET", "token", "secret lease"))


def test_the_same_end_of_the_same_attempt_is_the_same_envelope_and_another_attempt_is_not() -> None:
    assert an_outcome(2).key == an_outcome(2).key
    assert an_outcome(2).key != an_outcome(3).key


def test_a_redacted_envelope_says_nothing() -> None:
    gone = Envelope(Position(12), "action", "rules", T0, b"digest", None)

    assert action.decode(gone) == Statements(T0)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"about":"decision"}', b'{"about":"else"}', an_outcome().body.replace(b"2026-", b"x")],
    ids=["nothing", "a list", "fields missing", "about something else", "no time"],
)
def test_a_body_that_no_rule_wrote_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        action.decode(Envelope(Position(12), "action", "rules", T0, b"digest", body))

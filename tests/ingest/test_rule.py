"""Envelopes about rules: what is told of one, that it is gone, that its time has come."""

from __future__ import annotations

import pytest

import ontology
from graph.errors import InvalidInput
from graph.model import Envelope, Instant, Name, NewEnvelope, Position, parse_instant
from graph.statements import Role, Statements
from ingest import rule
from rules import read_rule, record

AT = parse_instant("2026-03-01T07:00:00Z")
RULE = Name("rule", "andon", "late")
TEXT = """rule: late
version: 2
description: What is late.
on: {schedule: "0 7 * * *"}
do: [{tag: {key: late}}]
owner: ana
controls: ["SOC2:CC7.2"]
"""


def told(new: NewEnvelope) -> Statements:
    return rule.decode(Envelope(Position(1), new.kind, new.source, Instant(AT + 1), new.key, new.body))


def facets(statements: Statements) -> dict[str, bytes | None]:
    said = statements.said[0].facets
    return {it.key: it.value for it in said.load().facets} if said is not None else {}


def test_a_definition_says_version_text_and_owner() -> None:
    found = read_rule(TEXT.encode(), "late.yaml", ontology.load(), {})

    statements = told(record.definition(found, AT))

    assert (statements.at, statements.said[0].subject, statements.said[0].role) == (AT, RULE, Role.LISTED)
    definition = facets(statements)["definition"]
    assert definition is not None
    for part in (found.version_id, "2026-03-01T07:00:00Z", "SOC2:CC7.2", "on: {schedule: ", "live", "warning"):
        assert part.encode() in definition.replace(b"\\", b"")
    assert facets(statements)["ownership"] == b'{"owners":[{"name":"ana"}]}'
    assert facets(statements)["documentation"] == b'{"description":"What is late."}'


def test_a_tick_is_valid_when_it_was_due_and_is_one_envelope() -> None:
    statements = told(record.tick("late", AT))

    assert (statements.at, statements.said[0].subject) == (AT, RULE)
    assert facets(statements) == {"tick": b'{"at":"2026-03-01T07:00:00Z"}'}
    assert record.tick("late", AT).key == record.tick("late", AT).key != record.tick("late", Instant(AT + 1)).key


def test_a_rule_that_is_withdrawn_is_dropped() -> None:
    assert told(record.withdrawal("late", AT)).said[0].role is Role.DROPPED


def test_a_redacted_envelope_says_nothing() -> None:
    gone = Envelope(Position(1), rule.KIND, "rules", AT, b"digest", None)
    assert rule.decode(gone) == Statements(AT)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"about":"tick","rule":"late"}', b'{"about":"tick","rule":"a","at":"x"}']
)
def test_a_body_that_no_rule_wrote_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        rule.decode(Envelope(Position(1), rule.KIND, "rules", AT, b"digest", body))

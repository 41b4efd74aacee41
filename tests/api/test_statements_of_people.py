"""What people say, from the mutation to the statements that are folded."""

import json
from dataclasses import replace

import pytest

from graph.errors import InvalidInput
from graph.model import Envelope, Instant, Name, NewEnvelope, Position, make_urn
from graph.statements import Declared, Facet, Flows, Rank, Role, Statements
from ingest import mutation

AT = Instant(1_767_225_600_123_456)
ORDERS = Name("dataset", "postgres://shop", "orders")
JOB = Name("job", "airflow", "copy")


def journalled(new: NewEnvelope) -> Envelope:
    return Envelope(Position(1), new.kind, new.source, Instant(AT + 5), new.key, new.body)


def said(op: str, subject: Name = ORDERS, **arguments: object) -> Statements:
    return mutation.decode(journalled(mutation.envelope(op, subject.urn, arguments, "maria", AT)))


def facet(statements: Statements) -> Facet:
    [one] = statements.said
    assert (one.role, one.rank) == (Role.PERSON, Rank.PERSON)
    assert one.facets is not None
    [facet] = one.facets.load().facets
    return facet


@pytest.mark.parametrize(
    ("op", "arguments", "key", "value"),
    [
        ("setOwners", {"owners": [{"name": "team:x"}]}, "ownership", {"owners": [{"name": "team:x"}]}),
        ("describe", {"description": "All\norders"}, "documentation", {"description": "All\norders"}),
        (
            "addTag",
            {"key": "pii", "value": None},
            "tag:pii",
            {"key": "pii", "value": None, "source": "maria"},
        ),
        ("removeTag", {"key": "pii"}, "tag:pii", None),
    ],
)
def test_a_statement_sets_one_register_at_its_time(
    op: str, arguments: dict[str, object], key: str, value: object
) -> None:
    statements = said(op, **arguments)

    found = facet(statements)
    assert statements.at == AT
    assert statements.said[0].subject == ORDERS
    assert found.key == key
    assert (json.loads(found.value) if found.value is not None else None) == value


def test_registers_that_differ_have_digests_that_differ() -> None:
    statements = [
        said("addTag", key="a", value="b"),
        said("addTag", key="a", value=None),
        said("addTag", key="b", value="b"),
        said("removeTag", key="a"),
        said("removeTag", key="b"),
        said("describe", description="a"),
        said("setOwners", owners=[]),
    ]

    digests = {one.said[0].facets.digest for one in statements if one.said[0].facets is not None}

    assert len(digests) == len(statements)


def test_a_job_is_retired_by_declaring_that_it_has_no_lineage_and_withdrawn_by_none() -> None:
    [retired] = said("retireJob", JOB, retired=True).declared
    [withdrawn] = said("retireJob", JOB, retired=False).declared

    assert retired.flows is not None and retired.flows.load() == Flows()
    assert withdrawn == Declared(JOB, Rank.PERSON, None, register=True)
    assert retired.register


def test_two_equal_statements_are_two_facts() -> None:
    one, other = (mutation.envelope("removeTag", ORDERS.urn, {"key": "a"}, "maria", AT) for _ in range(2))

    assert one.key != other.key


def test_a_redaction_and_what_is_redacted_say_nothing() -> None:
    redaction = journalled(mutation.redaction(3, "a secret", "maria", AT))
    assert redaction.kind == mutation.REDACTION
    assert mutation.decode(redaction) == Statements(AT)

    redacted = replace(journalled(mutation.envelope("removeTag", ORDERS.urn, {"key": "a"}, "m", AT)), body=None)
    assert mutation.decode(redacted) == Statements(redacted.received_at)


def test_an_unknown_operation_is_refused_before_it_is_journalled() -> None:
    with pytest.raises(InvalidInput, match="expected one of"):
        mutation.envelope("dropTable", make_urn("dataset", "a", "b"), {}, "maria", AT)

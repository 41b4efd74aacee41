"""What rules say in the graph as stewards do: tried as cases, with what is said folded again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.app import limits_of, said_by_rule
from api.rule_cases import Case, run_case
from api.settings import Settings
from graph.errors import InvalidInput
from graph.model import Envelope, Instant, NewEnvelope, Position
from graph.snapshot import Snapshot
from graph.sqlite import SqliteGraph
from ingest import mutation
from ontology import Ontology
from rules.actions.statement import Statements
from rules.backtest import backtest
from rules.reading import read_rule
from rules.sources import Sources
from tests.contract.telling import tell
from tests.reference.events import Json, dataset, dataset_event, ds, schema
from tests.reference.events import mutation as person

TARGET = ds("orders")


@pytest.fixture
def graph(tmp_path: Path, words: Ontology) -> Iterator[SqliteGraph]:
    with closing(SqliteGraph(tmp_path / "graph.db", words)) as graph:
        yield graph


def done(
    graph: SqliteGraph, words: Ontology, action: str, on: str = "[entity.opened, schema.changed]"
) -> list[dict[str, Any]]:
    """Have a rule decide about all that the graph knows, fold what it says, and answer that."""
    rule = read_rule(f"rule: r\nversion: 1\non: {{change: {on}}}\ndo: [{action}]".encode(), "r", words, {})
    sources = Sources(graph.changes, graph.snapshot, lambda position: Instant(10**15))
    found = backtest([rule], sources, after=Position(0), upto=graph.position(), ignore_age=True)
    said: list[NewEnvelope] = []
    for intended in (it for firing in found for it in firing.actions):
        Statements(said_by_rule, said.append).deliver(intended, Instant(2 * 10**15))
        Statements(said_by_rule, said.append).deliver(intended, Instant(3 * 10**15))
    once: dict[bytes, NewEnvelope] = {}
    for new in said:  # as a journal has them
        once.setdefault(new.key, new)
    for position, it in enumerate(once.values(), start=graph.position() + 1):
        envelope = Envelope(Position(position), it.kind, it.source, Instant(2 * 10**15), it.key, it.body)
        with graph.transaction():
            graph.fold(envelope, mutation.decode(envelope))
        graph.commit(Position(position))
    return [json.loads(it.body) for it in once.values()]


def orders(at: int, *columns: str) -> Json:
    return dataset_event(at, dataset("orders", schema(*columns)))


def columns_tagged(graph: SqliteGraph, tag: str) -> dict[str, str | None]:
    with graph.snapshot() as snapshot:
        record = snapshot.entity(TARGET)
        assert record is not None
        return {it.path: found.value for it in snapshot.columns(record) for found in it.tags if found.key == tag}


def shown(graph: SqliteGraph, urn: str = TARGET) -> tuple[list[str], dict[str, object]]:
    """(owners, attributes)"""
    with graph.snapshot() as snapshot:
        assert isinstance(snapshot, Snapshot)
        record = snapshot.entity(urn)
        assert record is not None
        return [it.name for it in record.owners], snapshot.attributes(record)


def test_columns_are_classified_by_their_names_once(graph: SqliteGraph, words: Ontology) -> None:
    classify = "classify: {tag: pii, value: mail, columns: ['*E-Mail*', '*email*', 'ssn']}"
    tell(graph, [orders(1, "id", "customer_EMAIL", "ssn", "ssn_count")])

    said = done(graph, words, classify)

    assert sorted(it["column"] for it in said) == ["customer_EMAIL", "ssn"]
    assert {(it["op"], it["urn"], it["by"]) for it in said} == {("addTag", TARGET, "rule:r")}
    assert columns_tagged(graph, "pii") == {"customer_EMAIL": "mail", "ssn": "mail"}
    tell(graph, [orders(2, "id", "customer_EMAIL", "ssn", "ssn_count", "email2")])
    assert [it["column"] for it in done(graph, words, classify)[-1:]] == ["email2"]


def test_a_person_takes_a_column_s_tag_away_and_leaves_the_other_s(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, [
        orders(1, "a#b", "c"),
        person(2, "addTag", TARGET, key="pii", value=None, column="a#b"),
        person(2, "addTag", TARGET, key="pii", value="x", column="c"),
        person(2, "addTag", TARGET, key="pii", value="whole"),
    ])  # fmt: skip
    assert columns_tagged(graph, "pii") == {"a#b": None, "c": "x"}

    tell(graph, [person(3, "removeTag", TARGET, key="pii", column="a#b")])

    assert columns_tagged(graph, "pii") == {"c": "x"}
    with graph.snapshot() as snapshot:
        record = snapshot.entity(TARGET)
        assert record is not None and [(it.value, it.field) for it in record.tags] == [("whole", None), ("x", "c")]


@pytest.mark.parametrize(
    ("action", "owners", "attributes"),
    [
        ("set_owner: {owner: team:data, type: steward}", ["team:data"], {}),
        (
            "deprecate: {note: Take orders_v2.}",
            [],
            {"deprecatedAt": "2033-05-18T03:33:20Z", "deprecatedBy": "rule:r", "deprecatedBecause": "Take orders_v2."},
        ),
        ("certify: {}", [], {"certifiedAt": "2033-05-18T03:33:20Z", "certifiedBy": "rule:r"}),
    ],
)
def test_what_is_said_once_is_so_and_is_not_said_again(
    graph: SqliteGraph, words: Ontology, action: str, owners: list[str], attributes: dict[str, object]
) -> None:
    tell(graph, [orders(1, "id")])

    assert len(done(graph, words, action)) == 1
    assert shown(graph) == (owners, attributes)
    tell(graph, [orders(2, "id", "total")])
    assert len(done(graph, words, action)) == 1  # of the change before it was so


def test_a_certificate_is_taken_back(graph: SqliteGraph) -> None:
    tell(graph, [orders(1, "id"), person(2, "certify", TARGET, note="Good.", certified=True)])
    assert shown(graph)[1]["certifiedBecause"] == "Good."

    tell(graph, [person(3, "certify", TARGET, note=None, certified=False)])

    assert shown(graph)[1] == {}


def opened(at: int, name: str, by: str) -> Json:
    return {**person(at, "openIncident", TARGET, incident=name, title="T", severity="low", owner="ana"), "by": by}


def test_an_incident_is_closed_and_assigned_by_the_rule_that_opened_it(graph: SqliteGraph, words: Ontology) -> None:
    of_rule, of_person = (f"urn:andon:incident:andon:{name}" for name in ("one", "two"))
    tell(graph, [orders(1, "id"), opened(2, "one", "rule:late"), opened(2, "two", "ana"), orders(3, "id", "total")])

    [assigned] = done(graph, words, "assign_incident: {of: late, owner: ben}")
    assert assigned["urn"] == of_rule
    assert (shown(graph, of_rule)[0], shown(graph, of_person)[0]) == (["ben"], ["ana"])
    [closed] = done(graph, words, "close_incident: {of: late}")
    assert (closed["op"], closed["urn"]) == ("closeIncident", of_rule)
    assert "closedAt" in shown(graph, of_rule)[1] and "closedAt" not in shown(graph, of_person)[1]


def test_an_incident_that_is_hit_itself_is_assigned_and_nothing_else_is(words: Ontology) -> None:
    text = b"rule: r\nversion: 1\non: {change: entity.opened, type: Entity}\ndo: [assign_incident: {owner: ben}]"
    case = Case(
        case="a new incident",
        when=[
            {"op": "openIncident", "urn": TARGET, "incident": "x", "title": "T", "severity": "low", "owner": "ana",
             "at": "2026-01-01T00:00:00Z"},
            {"eventTime": "2026-01-01T00:00:00Z", "dataset": {"namespace": "db", "name": "orders"}},
        ],
        fires=[
            {"verdict": "fired", "actions": [{"kind": "assign_incident", "target": "urn:andon:incident:andon:x"}]},
            {"verdict": "undecided"},
        ],
    )  # fmt: skip

    assert run_case(read_rule(text, "r", words, {}), case, words, limits_of(Settings())).faults == ()


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("classify: {tag: pii, columns: []}", "columns: expected 1 to 50 patterns"),
        ("classify: {tag: pii}", "columns is missing"),
        ("set_owner: {}", "owner is missing"),
        ("deprecate: {because: x}", "unknown key 'because'"),
        ("assign_incident: {of: late}", "owner is missing"),
    ],
)
def test_what_is_not_said_in_full_is_refused(words: Ontology, action: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        read_rule(f"rule: r\nversion: 1\non: {{change: schema.changed}}\ndo: [{action}]".encode(), "r", words, {})


def test_a_pattern_that_means_a_thousand_columns_is_quick(graph: SqliteGraph, words: Ontology) -> None:
    hostile = "*a" * 90 + "b"
    tell(graph, [orders(1, *("a" * 150 + str(it) for it in range(50)))])

    assert done(graph, words, f"classify: {{tag: pii, columns: ['{hostile}']}}") == []

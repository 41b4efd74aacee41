"""Rules whose time comes: what they are about, what they ask, and that a standstill loses no time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import limits_of
from api.graphql.asking import Asker, checker
from api.settings import Settings
from graph.errors import InvalidInput
from graph.model import Instant, NewEnvelope, Position, isoformat, parse_instant
from graph.sqlite import SqliteGraph
from jobs.scheduler import Scheduler
from ontology import Ontology
from rules import Rule, read_rule, record
from rules.backtest import backtest
from rules.outbox import Firing, Verdict
from rules.rule import rule_urn
from rules.sources import Sources
from tests.contract.telling import tell
from tests.reference.events import START, dataset_event, ds, job, job_event, micros, mutation, run_event, tick

DAY = 86_400
TAG = "do: [{tag: {key: seen}}]\n"
LATE = 'on: {change: run.late, by: "07:00", jobs: ["airflow/load*"]}\n'


@pytest.fixture
def graph(tmp_path: Path, words: Ontology) -> Iterator[SqliteGraph]:
    graph = SqliteGraph(tmp_path / "graph.db", words)
    yield graph
    graph.close()


def rule(words: Ontology, text: str) -> Rule:
    queries = checker(words, limits_of(Settings()))
    return read_rule(f"rule: a-rule\nversion: 1\n{text}{TAG}".encode(), "rule.yaml", words, {}, queries)


def fired(graph: SqliteGraph, found: Rule) -> list[Firing]:
    ask = Asker(graph, graph.ontology, limits_of(Settings()))
    sources = Sources(graph.changes, graph.snapshot, lambda position: Instant(micros(1_000)), ask=ask)
    return backtest([found], sources, after=Position(0), upto=graph.position(), ignore_age=True)


def seven(day: int) -> int:
    """Seconds from `START` to seven in the morning, UTC, of a day after it."""
    midnight = START.replace(hour=0, minute=0, second=0, microsecond=0)
    return round((midnight - START).total_seconds()) + day * DAY + 7 * 3600


def test_a_job_is_late_of_which_no_run_ended_well_since_the_day_began(graph: SqliteGraph, words: Ontology) -> None:
    at = seven(2)
    tell(graph, [
        run_event(seven(1), "COMPLETE", job="load-orders", run="yesterday"),
        run_event(at - 3600, "FAIL", job="load-orders", run="today"),
        run_event(at - 1800, "COMPLETE", job="load-items", run="well"),
        run_event(at - 1800, "FAIL", job="other", run="not asked"),
        job_event(at - 1700, job="load-never"),
        tick(at),
    ])  # fmt: skip

    firings = fired(graph, rule(words, LATE))

    assert [(it.what, it.subject, it.verdict) for it in firings] == [
        ("run.late", job("load-never"), Verdict.FIRED),
        ("run.late", job("load-orders"), Verdict.FIRED),
    ]
    assert [it.actions[0].target for it in firings] == [job("load-never"), job("load-orders")]


def test_a_run_that_ended_well_only_afterwards_does_not_help(graph: SqliteGraph, words: Ontology) -> None:
    at = seven(2)
    tell(graph, [
        job_event(at - 1700, job="load"), tick(at), run_event(at + 60, "COMPLETE", job="load"), tick(at + DAY),
        run_event(at + DAY + 7, "COMPLETE", job="load", run="r2"),
    ])  # fmt: skip

    assert [it.position for it in fired(graph, rule(words, LATE))] == [2, 4]


def test_a_retired_job_is_not_waited_for_and_one_may_be_named_by_a_tag(graph: SqliteGraph, words: Ontology) -> None:
    at = seven(2)
    tell(graph, [
        *(job_event(at - 1700, job=name) for name in ("load-a", "load-b", "tagged")),
        mutation(at - 1600, "retireJob", job("load-b"), retired=True),
        mutation(at - 1600, "addTag", job("tagged"), key="nightly", value=None),
        tick(at),
    ])  # fmt: skip
    either = LATE.replace("jobs:", "tag: nightly, jobs:")

    assert [it.subject for it in fired(graph, rule(words, either))] == [job("load-a"), job("tagged")]


def test_a_window_may_reach_back_over_midnight(graph: SqliteGraph, words: Ontology) -> None:
    at = seven(2)
    tell(graph, [run_event(at - 9 * 3600, "COMPLETE", job="load"), tick(at)])

    assert len(fired(graph, rule(words, LATE))) == 1
    assert fired(graph, rule(words, LATE.replace("by:", "within: 10h, by:"))) == []


def test_a_question_is_answered_as_of_the_time_that_came(graph: SqliteGraph, words: Ontology) -> None:
    at = seven(1)
    tell(graph, [
        dataset_event(1, "a"), dataset_event(2, "b"), dataset_event(3, "c"),
        mutation(4, "setOwners", ds("b"), owners=[{"name": "ana"}]),
        tick(at),
        mutation(at + 1, "setOwners", ds("a"), owners=[{"name": "ben"}]),
        dataset_event(at + 2, "d"),
    ])  # fmt: skip
    unowned = (
        "on: {schedule: '0 7 * * *'}\n"
        "query: 'query($t: String!) { entities(type: $t, first: 50) { nodes { urn owners { name } } } }'\n"
        "variables: {t: \"'Dataset'\"}\n"
        'for_each: {urns: "data.entities.nodes.filter(n, size(n.owners) == 0).map(n, n.urn)"}\n'
    )

    [firing] = fired(graph, rule(words, unowned))

    assert (firing.what, firing.subject) == ("schedule", rule_urn("a-rule"))
    assert [it.target for it in firing.actions] == [ds("a"), ds("c")]
    assert firing.answer is not None and ds("b").encode() in firing.answer and ds("d").encode() not in firing.answer


def test_a_condition_may_ask_and_what_was_not_read_is_not_kept(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, [dataset_event(1, "a"), dataset_event(2, "b")])
    asks = "on: {change: entity.opened, type: Dataset}\nquery: '{ entities(type: \"Dataset\") { totalCount } }'\nwhen: "

    second = fired(graph, rule(words, f'{asks}"data.entities.totalCount > 1"\n'))
    every = fired(graph, rule(words, f'{asks}"true"\n'))

    assert [(it.subject, it.answer) for it in second] == [(ds("b"), b'{"entities":{"totalCount":2}}')]
    assert [it.answer for it in every] == [None, None]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ nothing }", "Cannot query field 'nothing'"),
        ("{ entities {", "Syntax Error"),
        ("mutation { loadRules { name } }", "a rule asks queries alone"),
        ("{ firings { urn } }", "a rule asks of "),
        ("{ status { positionReceived } }", "a rule asks of "),
        ("{ entities(asOf: {position: 3}) { totalCount } }", "leave asOf out"),
        ("{ __schema { types { name } } }", "a rule asks of "),
        ("query a { entities { totalCount } } query b { entities { totalCount } }", "expected one query"),
        ("{ entities { nodes " + "{ ... on Dataset { columns " * 12 + "{ urn }" + "} }" * 12 + " } }", "depth"),
    ],
)
def test_what_cannot_be_asked_is_refused_when_the_rule_is_read(words: Ontology, query: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as refused:
        rule(words, f"on: {{change: entity.opened}}\nquery: |\n  {query}\n")
    assert refused.value.field == "query"


class Journal:
    """What was said, told to the graph at once."""

    def __init__(self, graph: SqliteGraph) -> None:
        self.graph = graph
        self.said: list[NewEnvelope] = []

    def append(self, envelope: NewEnvelope) -> None:
        if envelope.key not in {it.key for it in self.said}:
            self.said.append(envelope)
            tell(self.graph, [json.loads(envelope.body)])

    @property
    def ticks(self) -> list[str]:
        bodies = [json.loads(it.body) for it in self.said]
        return [it["at"] for it in bodies if it["about"] == "tick"]


def test_a_time_is_said_once_whoever_looks_and_the_last_one_is_made_up_for(graph: SqliteGraph, words: Ontology) -> None:
    daily = rule(words, "on: {schedule: '0 7 * * *'}\n")
    journal, clock = Journal(graph), [parse_instant("2026-03-01T06:00:00Z")]
    journal.append(record.definition(daily, clock[0]))

    def scheduler() -> Scheduler:
        return Scheduler(lambda: [daily], graph.snapshot, journal.append, lambda: clock[0])

    one, other = scheduler(), scheduler()
    for it in (one, other):
        it.step()
    assert journal.ticks == []
    clock[0] = parse_instant("2026-03-01T07:00:00Z")
    for it in (one, other, scheduler()):
        it.step()
        it.step()
    assert journal.ticks == ["2026-03-01T07:00:00Z"]
    clock[0] = parse_instant("2026-03-05T12:00:00Z")  # nobody looked for four days
    for it in (scheduler(), one, other):
        it.step()
    assert journal.ticks == ["2026-03-01T07:00:00Z", "2026-03-05T07:00:00Z"]


def test_a_rule_that_was_known_before_the_service_stood_still_has_its_first_time(
    graph: SqliteGraph, words: Ontology
) -> None:
    daily = rule(words, "on: {schedule: '0 7 * * *'}\n")
    journal, known = Journal(graph), parse_instant("2026-03-01T06:00:00Z")
    journal.append(record.definition(daily, known))
    late = parse_instant("2026-03-01T09:00:00Z")

    Scheduler(lambda: [daily], graph.snapshot, journal.append, lambda: late).step()

    assert journal.ticks == [isoformat(parse_instant("2026-03-01T07:00:00Z"))]

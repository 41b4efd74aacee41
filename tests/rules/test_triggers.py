"""What sets a rule off, over the real graph: kinds of change, classes, conditions, shadow, and the backtest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from graph.model import Instant, Position
from graph.sqlite import SqliteGraph
from ontology import Ontology
from rules import Rule, read_rule
from rules.backtest import backtest
from rules.engine import Engine
from rules.outbox import Firing, Outbox, Verdict
from rules.sources import Sources
from rules.sqlite_outbox import SqliteOutbox
from tests.contract.telling import tell
from tests.reference.events import (
    Json,
    dataset,
    dataset_event,
    ds,
    fact,
    facts,
    job,
    lifecycle,
    micros,
    mutation,
    run,
    run_event,
    schema,
)
from tests.rules.conftest import REFERENCES

ACT = 'do: [{webhook: {url: "${ANDON_DEMO_WEBHOOK}", event_type: dev.andon.test}}]\n'


def rule(words: Ontology, text: str, name: str = "a-rule") -> Rule:
    return read_rule(f"rule: {name}\nversion: 1\n{text}\n{ACT}".encode(), "rule.yaml", words, REFERENCES)


@pytest.fixture
def graph(tmp_path: Path, words: Ontology) -> Iterator[SqliteGraph]:
    graph = SqliteGraph(tmp_path / "graph.db", words)
    yield graph
    graph.close()


def fired(graph: SqliteGraph, rules: Sequence[Rule], after: int = 0) -> list[Firing]:
    return backtest(rules, sources_of(graph), after=Position(after), upto=graph.position())


def sources_of(graph: SqliteGraph) -> Sources:
    return Sources(graph.changes, graph.snapshot, lambda position: Instant(micros(1_000 + position)))


def subjects(firings: Sequence[Firing]) -> list[str]:
    return [it.subject for it in firings]


def sent(firing: Firing) -> list[dict[str, Any]]:
    return [json.loads(it.body)["data"] for it in firing.actions]


def columns(*said: str, at: int) -> Json:
    """A table `orders` with columns such as `id:int`."""
    fields = [dict(zip(("name", "type"), it.split(":"), strict=True)) for it in said]
    return dataset_event(at, dataset("orders", schema(*fields)))


def test_a_schema_change_is_told_by_how_it_changed(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, [
        columns("id:int", "total:decimal(10,2)", at=1),
        columns("id:bigint", "total:decimal(10,2)", "note:text", at=2),
        columns("id:bigint", "total:decimal(8,2)", at=3),
    ])  # fmt: skip
    breaking = rule(words, "on: {change: schema.changed, type: Dataset, how: [removed, narrowed]}")
    widening = rule(words, "on: {change: schema.changed, how: widened}", "widening")
    told = rule(words, "on: {change: schema.changed}\nwhen: change.removed == ['note']", "told")

    assert [(it.rule, it.position) for it in fired(graph, [breaking, widening, told], after=1)] == [
        ("widening", 2), ("a-rule", 3), ("told", 3),
    ]  # fmt: skip


def test_what_it_attaches_says_which_columns_and_from_what_to_what(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, [columns("id:int", "note:text", at=1), columns("id:bigint", at=2)])
    attach = read_rule(
        f"rule: a\nversion: 1\non: {{change: schema.changed}}\n"
        f"{ACT.replace('dev.andon.test', 'dev.andon.test, attach: {how: change.columns, table: after.name}')}".encode(),
        "a.yaml", words, REFERENCES,
    )  # fmt: skip

    [firing] = fired(graph, [attach], after=1)

    [data] = sent(firing)
    assert data["attached"] == {
        "table": "orders",
        "how": [
            {"how": "widened", "path": "id", "before": "int", "after": "bigint", "former": None},
            {"how": "removed", "path": "note", "before": "text", "after": None, "former": None},
        ],
    }
    assert (data["owner"], data["path"]) == (None, [ds("orders")])


def test_what_an_action_says_is_written_from_the_change_the_rule_and_what_is_hit(
    graph: SqliteGraph, words: Ontology
) -> None:
    tell(graph, [mutation(1, "setOwners", job(), owners=[{"name": "ana"}]), run_event(2, "FAIL")])
    text = """\
rule: a
version: 2
on: {change: run.failed}
do:
  - incident: {title: "{{ hit.name }} of {{ hit.owners }} {{ after.state }} ({{ rule.name }}, {{ firing.id }})"}
  - tag: {key: state, value: "{{ after.state }}"}
"""

    [firing] = fired(graph, [read_rule(text.encode(), "a.yaml", words, {})], after=1)

    incident, tag = (json.loads(it.body)["arguments"] for it in firing.actions)
    assert incident["title"] == f'{job().rpartition(":")[2]} of ["ana"] FAIL (a, {firing.id})'
    assert tag == {"key": "state", "value": "FAIL"}


def test_a_class_means_its_subclasses_and_nothing_else(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, [run_event(1, "COMPLETE", inputs=["a"], outputs=["b"])])

    def opened(name: str) -> list[str]:
        return subjects(fired(graph, [rule(words, f"on: {{change: entity.opened, type: {name}}}")]))

    assert opened("Dataset") == [ds("a"), ds("b")]
    assert opened("Job") == [job()]
    assert opened("Dashboard") == []
    assert set(opened("Entity")) >= {ds("a"), ds("b"), job()}


def test_before_and_after_are_the_entity_on_either_side_of_the_change(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, [
        dataset_event(1, "a"),
        mutation(2, "addTag", ds("a"), key="pii", value=None),
        mutation(3, "addTag", ds("a"), key="gold", value=None),
    ])  # fmt: skip
    tagged = rule(words, "on: {change: entity.altered}\nwhen: \"'pii' in after.tags && !('pii' in before.tags)\"")

    assert [it.position for it in fired(graph, [tagged])] == [2]


def test_an_entity_that_went_is_read_as_it_was(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, [dataset_event(1, "a"), dataset_event(2, dataset("a", lifecycle("DROP")))])
    gone = rule(words, "on: {change: entity.closed, type: Dataset}\nowner: team:data")

    [firing] = fired(graph, [gone])

    assert (firing.position, firing.subject, firing.verdict) == (2, ds("a"), Verdict.FIRED)
    assert sent(firing)[0]["owner"] == {"name": "team:data", "type": None}


def test_a_run_speaks_for_its_job(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, [mutation(1, "setOwners", job(), owners=[{"name": "ana"}]), run_event(2, "FAIL")])
    failed = rule(words, "on: {change: [run.failed, run.aborted]}\nwhen: job.name == 'j' && after.state == 'FAIL'")

    [firing] = fired(graph, [failed])

    assert firing.subject == run()
    assert [(it["target"]["urn"], it["owner"]["name"]) for it in sent(firing)] == [(job(), "ana")]


def test_a_condition_that_cannot_be_told_is_recorded_as_undecided(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, [dataset_event(1, "a")])
    [firing] = fired(graph, [rule(words, "on: {change: entity.opened}\nwhen: after.attributes.tier == 'gold'")])

    assert (firing.verdict, firing.actions) == (Verdict.UNDECIDED, ())
    assert firing.reason is not None and "there is no 'tier' here" in firing.reason


def live(outbox: Outbox, graph: SqliteGraph, rules: Sequence[Rule]) -> None:
    engine = Engine(rules, sources_of(graph), outbox)
    while engine.step():
        pass


def test_shadow_records_and_does_nothing_and_off_does_neither(
    graph: SqliteGraph, words: Ontology, tmp_path: Path
) -> None:
    tell(graph, [dataset_event(1, "a")])
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    on = "on: {change: entity.opened, type: Dataset}"

    live(outbox, graph, [rule(words, f"{on}\nmode: shadow", "shadow"), rule(words, f"{on}\nmode: off", "never")])

    [firing] = outbox.firings(10)
    assert (firing.rule, firing.verdict, firing.actions) == ("shadow", Verdict.SHADOW, ())
    assert firing.reason == f"would have acted 1 times, first for nobody in particular on {ds('a')}"
    assert outbox.lease(Instant(micros(10_000)), Instant(micros(20_000))) is None
    outbox.close()


def test_a_backtest_finds_what_live_fired(graph: SqliteGraph, words: Ontology, tmp_path: Path) -> None:
    tell(graph, [
        run_event(1, "START", inputs=["a"], outputs=["b"]),
        run_event(2, "FAIL"),
        columns("id:int", at=3),
        columns("id:bigint", at=4),
        facts(5, fact("Product", "shop", "p")) if "Product" in words.classes else dataset_event(5, "c"),
        dataset_event(6, dataset("a", lifecycle("DROP"))),
    ])  # fmt: skip
    rules = [
        rule(words, "on: {change: run.failed}\nfor_each: {downstream: Dataset}", "failed"),
        rule(words, "on: {change: schema.changed}", "schema"),
        rule(words, "on: {change: [entity.opened, entity.closed]}\nwhen: after != null", "entity"),
        rule(words, "on: {change: [relation.opened, relation.closed]}", "relation"),
    ]
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    live(outbox, graph, rules)

    found = fired(graph, rules)

    kept = {it.urn: (it.rule, it.position, it.verdict, it.evidence, len(it.actions)) for it in outbox.firings(1_000)}
    assert {it.urn: (it.rule, it.position, it.verdict, it.evidence, len(it.actions)) for it in found} == kept
    assert {it.rule for it in found} == {"failed", "schema", "entity", "relation"}
    outbox.close()


def checked(at: int, run_id: str, **held: bool) -> Json:
    """A run that read `orders` and checked these assertions."""
    assertions = [{"assertion": name, "success": success} for name, success in held.items()]
    read = dataset("orders", inputFacets={"dataQualityAssertions": {"assertions": assertions}})
    return run_event(at, "COMPLETE", [read], job="check", run=run_id)


def test_an_assertion_that_fails_is_told_when_it_begins_to(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, [
        checked(1, "r1", unique=True, fresh=True),
        checked(2, "r2", unique=False, fresh=True),
        checked(3, "r3", unique=False, fresh=True),
        checked(4, "r4", unique=False, fresh=False),
        checked(5, "r5", unique=True, fresh=True),
        facts(6, fact("Assertion", "a", {"lastOutcome": "pass"})),
        facts(7, fact("Assertion", "a", {"lastOutcome": "error"})),
        facts(8, fact("Assertion", "a", {"lastOutcome": "fail"})),
        dataset_event(9, dataset("orders", {"dataQualityAssertions": {"assertions": "odd"}})),
    ])  # fmt: skip

    found = fired(graph, [rule(words, "on: {change: assertion.failed}")])

    assert [(it.position, it.verdict) for it in found] == [(2, "fired"), (4, "fired"), (7, "fired")]
    assert subjects(found)[:2] == [ds("orders"), ds("orders")]


def test_a_model_version_is_told_when_it_gets_a_stage_or_an_alias(graph: SqliteGraph, words: Ontology) -> None:
    def version(at: int, number: int, *aliases: str, stage: str | None = None) -> Json:
        said = {"versionAlias": [*aliases], "stage": stage}
        return facts(at, fact("ModelVersion", f"churn/{number}", said))

    tell(graph, [
        version(1, 1), version(2, 1, "champion"), version(3, 1, "champion", stage="Production"),
        version(4, 1, stage="Production"), version(5, 2, "champion"),
    ])  # fmt: skip
    champion = "on: {change: model.staged}\nwhen: \"'champion' in after.attributes.versionAlias\""

    assert [it.position for it in fired(graph, [rule(words, "on: {change: model.staged}")])] == [2, 3, 5]
    assert [it.position for it in fired(graph, [rule(words, champion)]) if it.verdict == "fired"] == [2, 3, 5]


def test_an_incident_is_told_when_it_opens_and_not_when_it_changes_or_ends(graph: SqliteGraph, words: Ontology) -> None:
    def incident(at: int, **more: object) -> Json:
        return facts(at, fact("Incident", "i1", {"openedAt": "2026-01-01T00:00:00Z", **more}))

    tell(graph, [
        incident(1), incident(2, severity="high"), incident(3, closedAt="2026-01-02T00:00:00Z"),
        incident(4, closedAt=None),
    ])  # fmt: skip

    assert [it.position for it in fired(graph, [rule(words, "on: {change: incident.opened}")])] == [1, 4]

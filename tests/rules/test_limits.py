"""How often a rule acts, whom it asks first, and what somebody switched it to; live and in a backtest alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.model import Instant, Position
from graph.sqlite import SqliteGraph
from ontology import Ontology
from rules import Rule, read_rule
from rules.backtest import backtest
from rules.engine import Engine
from rules.outbox import Answered, Firing, FiringRecord, Outbox, Verdict
from rules.rule import rule_urn
from rules.sources import Sources
from rules.sqlite_outbox import SqliteOutbox
from tests.contract.telling import tell
from tests.reference.events import dataset_event, ds, job, micros, mutation, run_event, tick
from tests.rules.deciding import a_report

FAILED = "on: {change: run.failed}\n"
HOUR = 3_600


@pytest.fixture
def graph(tmp_path: Path, words: Ontology) -> Iterator[SqliteGraph]:
    graph = SqliteGraph(tmp_path / "graph.db", words)
    yield graph
    graph.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[SqliteOutbox]:
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    yield outbox
    outbox.close()


def rule(words: Ontology, text: str, version: int = 1) -> Rule:
    said = f"rule: a-rule\nversion: {version}\n{text}do: [{{tag: {{key: seen}}}}]\n"
    return read_rule(said.encode(), "rule.yaml", words, {})


def sources(graph: SqliteGraph) -> Sources:
    """Each envelope is received a quarter of an hour after the one before."""
    return Sources(graph.changes, graph.snapshot, lambda position: Instant(micros(position * HOUR // 4)))


def live(graph: SqliteGraph, outbox: Outbox, *rules: Rule) -> list[FiringRecord]:
    """All firings, oldest first."""
    engine = Engine(rules, sources(graph), outbox)
    while engine.step():
        pass
    return outbox.firings(1_000)[::-1]


def backtested(graph: SqliteGraph, found: Rule, after: int = 0, outbox: Outbox | None = None) -> list[Firing]:
    return backtest([found], sources(graph), after=Position(after), upto=graph.position(), before=outbox)


def test_within_the_cooldown_a_subject_is_acted_for_once(
    graph: SqliteGraph, outbox: SqliteOutbox, words: Ontology
) -> None:
    found = rule(words, "on: {change: tag.given}\nlimits: {cooldown: 1h}\n")
    tell(graph, [
        dataset_event(1, "a"), dataset_event(2, "b"),
        *(mutation(10 + it, "addTag", ds("a"), key=f"k{it}", value=None) for it in range(3, 9)),
        mutation(30, "addTag", ds("b"), key="k", value=None),
    ])  # fmt: skip

    firings = live(graph, outbox, found)

    # Envelope 3 is acted for; until one hour has passed, which it has with 7, those of the same table are not.
    assert [(it.position, it.verdict) for it in firings] == [
        (3, "fired"), (4, "limited"), (5, "limited"), (6, "limited"), (7, "fired"), (8, "limited"), (9, "fired"),
    ]  # fmt: skip
    assert firings[1].reason == "it fired for this within the last 1:00:00"
    assert [it.verdict for it in backtested(graph, found)] == [it.verdict for it in firings]
    assert [it.verdict for it in backtested(graph, found, 5, outbox)] == ["limited", "fired", "limited", "fired"]
    assert [it.verdict for it in backtested(graph, found, 5)] == ["fired", "limited", "limited", "fired"]


def test_a_rate_bounds_all_subjects_together(graph: SqliteGraph, outbox: SqliteOutbox, words: Ontology) -> None:
    found = rule(words, "on: {change: entity.opened, type: Dataset}\nlimits: {rate: {firings: 2, in: 1h}}\n")
    tell(graph, [dataset_event(it, f"d{it}") for it in range(1, 7)])

    firings = live(graph, outbox, found)

    # A quarter of an hour apart: with 5 the first one is an hour ago.
    assert [it.verdict for it in firings] == ["fired", "fired", "limited", "limited", "fired", "fired"]
    assert firings[2].reason == "it fired 2 times within the last 1:00:00"
    assert [it.verdict for it in backtested(graph, found)] == [it.verdict for it in firings]


def test_one_change_of_many_counts_each_of_its_firings(
    graph: SqliteGraph, outbox: SqliteOutbox, words: Ontology
) -> None:
    found = rule(words, "on: {change: entity.opened, type: Dataset}\nlimits: {rate: {firings: 2, in: 1h}}\n")
    tell(graph, [run_event(1, inputs=["a", "b"], outputs=["c"])])

    assert sorted(it.verdict for it in live(graph, outbox, found)) == ["fired", "fired", "limited"]


def test_what_needs_an_approval_waits_and_is_done_once_it_is_given(
    graph: SqliteGraph, outbox: SqliteOutbox, words: Ontology
) -> None:
    found = rule(words, f"{FAILED}owner: ana\napproval: {{by: [owner, ben], within: 2h}}\n")
    tell(graph, [run_event(1, "FAIL")])

    [firing] = live(graph, outbox, found)

    assert (firing.verdict, [it.state for it in firing.actions]) == ("waiting", ["waiting"])
    assert firing.awaited is not None
    assert (firing.awaited.by, firing.awaited.reason) == (("ana", "ben"), "the rule asks for it")
    assert firing.awaited.until == firing.fired_at + 2 * HOUR * 1_000_000
    assert outbox.lease(Instant(micros(10**6)), Instant(micros(10**7))) is None, "what waits is not done"
    outbox.answer(firing.urn.rsplit(":", 1)[1], Answered(approved=True, by="ben", at=Instant(micros(HOUR))), a_report())
    leased = outbox.lease(Instant(micros(10**6)), Instant(micros(10**7)))
    assert leased is not None and leased.action.target == job()
    assert [it.verdict for it in backtested(graph, found)] == ["waiting"]


def test_the_owners_of_what_is_hit_are_asked_where_the_rule_has_none(
    graph: SqliteGraph, outbox: SqliteOutbox, words: Ontology
) -> None:
    tell(graph, [
        dataset_event(1, "a"), mutation(2, "setOwners", ds("a"), owners=[{"name": "cem"}, {"name": "dea"}]),
        mutation(3, "addTag", ds("a"), key="pii", value=None),
    ])  # fmt: skip

    [firing] = live(graph, outbox, rule(words, "on: {change: tag.given, tag: pii}\napproval: owner\n"))

    assert firing.awaited is not None and firing.awaited.by == ("cem", "dea")


@pytest.mark.parametrize(("affected", "verdict"), [(1, "waiting"), (2, "fired")])
def test_a_rule_that_hits_too_many_asks_first(
    graph: SqliteGraph, outbox: SqliteOutbox, words: Ontology, affected: int, verdict: str
) -> None:
    tell(graph, [
        run_event(1, inputs=["a"], outputs=["b"], job="one", run="r0"),
        run_event(2, "FAIL", outputs=["a"], job="two", run="r1"),
    ])  # fmt: skip
    found = rule(words, f"{FAILED}for_each: {{downstream: Dataset}}\nlimits: {{affected: {affected}}}\n")

    [firing] = live(graph, outbox, found)

    assert (firing.verdict, len(firing.actions)) == (verdict, 2)
    assert firing.awaited is None or firing.awaited.reason == "2 would be hit, more than 1"


def test_a_switch_holds_for_the_version_that_it_was_said_of_and_from_then_on(
    graph: SqliteGraph, outbox: SqliteOutbox, words: Ontology
) -> None:
    one, two = rule(words, FAILED), rule(words, FAILED, version=2)
    switch = {"op": "switchRule", "urn": rule_urn("a-rule"), "version": one.version_id}
    tell(graph, [
        tick(1),
        run_event(1, "FAIL", run="r1"),
        mutation(2, mode="shadow", **switch), run_event(3, "FAIL", run="r2"),
        mutation(4, mode="off", **switch), run_event(5, "FAIL", run="r3"),
        mutation(6, mode="live", **switch), run_event(7, "FAIL", run="r4"),
    ])  # fmt: skip

    verdicts = [(it.position, it.verdict) for it in live(graph, outbox, one)]
    again = SqliteOutbox(Path(":memory:"))

    assert verdicts == [(2, "fired"), (4, "shadow"), (8, "fired")]
    assert [it.verdict for it in live(graph, again, two)] == ["fired"] * 4, "said of another version"
    assert [it.verdict for it in backtested(graph, one)] == [Verdict.FIRED] * 4, (
        "a backtest looks at what a rule would do"
    )
    again.close()


def test_a_switch_is_heard_by_an_engine_that_begins_after_it(
    graph: SqliteGraph, outbox: SqliteOutbox, words: Ontology
) -> None:
    found = rule(words, FAILED)
    tell(graph, [tick(1), mutation(1, "switchRule", rule_urn("a-rule"), mode="off", version=found.version_id)])
    live(graph, outbox, found)
    tell(graph, [run_event(2, "FAIL")])

    assert live(graph, outbox, found) == []


def test_a_run_that_ends_well_after_one_that_did_not_is_a_recovery(
    graph: SqliteGraph, outbox: SqliteOutbox, words: Ontology
) -> None:
    tell(graph, [
        run_event(1, "COMPLETE", run="r1"), run_event(2, "COMPLETE", run="r2"), run_event(3, "FAIL", run="r3"),
        run_event(4, "START", run="r4"), run_event(5, "COMPLETE", run="r4"), run_event(6, "COMPLETE", run="r5"),
        run_event(7, "ABORT", run="r6"), run_event(8, "COMPLETE", run="r7"),
        run_event(9, "COMPLETE", job="another", run="r8"),
    ])  # fmt: skip

    found = live(graph, outbox, rule(words, "on: {change: run.recovered}\n"))

    assert [(it.position, it.what) for it in found] == [(5, "run.completed"), (8, "run.completed")]


def test_a_tag_that_comes_and_goes_is_told_from_all_else_that_changes(
    graph: SqliteGraph, outbox: SqliteOutbox, words: Ontology
) -> None:
    tell(graph, [
        dataset_event(1, "a"), mutation(2, "addTag", ds("a"), key="pii", value=None),
        mutation(3, "describe", ds("a"), description="orders"), mutation(4, "addTag", ds("a"), key="gold", value=None),
        mutation(5, "addTag", ds("a"), key="pii", value="name"), mutation(6, "removeTag", ds("a"), key="pii"),
    ])  # fmt: skip

    came = backtested(graph, rule(words, "on: {change: tag.given, tag: pii}\n"))
    any_came = backtested(graph, rule(words, "on: {change: tag.given}\n"))
    went = backtested(graph, rule(words, "on: {change: [tag.taken]}\n"))

    assert [[it.position for it in found] for found in (came, any_came, went)] == [[2, 5], [2, 4, 5], [5, 6]], (
        "pii=name is another tag than pii"
    )

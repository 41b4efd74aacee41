"""One message while it lasts, one when it is over, each for all that is hit: decided from what was decided before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.model import Position, make_urn
from graph.sqlite import SqliteGraph
from ontology import Ontology
from rules import Rule, RuleFault, read_rule
from rules.actions.notify import Message, read_message
from rules.backtest import backtest
from rules.engine import Engine
from rules.outbox import Firing, Verdict
from rules.sqlite_outbox import SqliteOutbox
from tests.contract.telling import tell
from tests.reference.events import Json, job, mutation, run_event
from tests.rules.test_triggers import fired, sources_of

URLS = {"ANDON_ALL": "slack://a/b/c", "ANDON_SALES": "discord://a/b"}
NOTIFY = '{notify: {url: "${ANDON_ALL}"}}'
OVER = "resolve: {change: run.completed}\n"
BI = "looker://shop"


def rule(words: Ontology, more: str = "", do: str = NOTIFY) -> Rule:
    text = f"rule: told\nversion: 1\ndescription: It failed\non: {{change: run.failed}}\n{more}do: [{do}]\n"
    return read_rule(text.encode(), "rule.yaml", words, URLS)


@pytest.fixture
def graph(tmp_path: Path, words: Ontology) -> Iterator[SqliteGraph]:
    graph = SqliteGraph(tmp_path / "graph.db", words)
    yield graph
    graph.close()


def runs(*said: tuple[int, str]) -> list[Json]:
    """A run each of one job: its time and how it ended."""
    return [run_event(at, how, run=f"r{at}") for at, how in said]


def messages(firing: Firing) -> list[Message]:
    return [read_message(it.body) for it in firing.actions]


def test_it_is_said_once_until_it_is_over_and_then_again(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, runs((1, "FAIL"), (2, "FAIL"), (3, "COMPLETE"), (4, "COMPLETE"), (5, "FAIL")))

    found = fired(graph, [rule(words, OVER)])

    assert [(it.position, it.verdict) for it in found] == [(1, "fired"), (2, "lasting"), (3, "resolved"), (5, "fired")]
    first, lasting, over, again = found
    [opened], [ended] = first.actions, over.actions
    assert lasting.reason == f"{first.urn} said so, and it lasts"
    assert (ended.target, ended.address) == (opened.target, opened.address) == (job(), "${ANDON_ALL}")
    assert [it.resolves for it in messages(over)] == [opened.key]
    assert [it.title for it in messages(first) + messages(over)] == ["It failed", "Resolved: It failed"]
    assert over.evidence == (1, 3)
    assert again.actions[0].key != opened.key


def test_without_a_word_on_when_it_is_over_each_firing_says_so(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, runs((1, "FAIL"), (2, "FAIL"), (3, "COMPLETE")))

    assert [it.verdict for it in fired(graph, [rule(words)])] == [Verdict.FIRED, Verdict.FIRED]


def test_what_the_rule_does_besides_is_done_each_time(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, runs((1, "FAIL"), (2, "FAIL")))
    both = rule(words, OVER, f"{NOTIFY}, {{tag: {{key: failed}}}}")

    assert [[it.kind for it in firing.actions] for firing in fired(graph, [both])] == [
        ["tag", "notify"], ["tag"],
    ]  # fmt: skip


def test_a_run_that_ended_before_the_failure_takes_nothing_back(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, runs((5, "FAIL"), (4, "COMPLETE"), (6, "COMPLETE")))

    assert [(it.position, it.verdict) for it in fired(graph, [rule(words, OVER)])] == [(1, "fired"), (3, "resolved")]


def test_a_condition_tells_what_is_over(graph: SqliteGraph, words: Ontology) -> None:
    tell(graph, runs((1, "FAIL"), (2, "COMPLETE"), (3, "COMPLETE")))
    named = rule(words, "resolve: {change: run.completed, when: \"after.name == 'r3'\"}\n")

    assert [(it.position, it.verdict) for it in fired(graph, [named])] == [(1, "fired"), (3, "resolved")]


def test_another_process_and_a_backtest_decide_by_what_was_said_before(
    graph: SqliteGraph, words: Ontology, tmp_path: Path
) -> None:
    told = rule(words, OVER)
    found = []
    for said in runs((1, "FAIL"), (2, "FAIL"), (3, "COMPLETE")):
        tell(graph, [said])
        outbox = SqliteOutbox(tmp_path / "outbox.db")
        engine = Engine([told], sources_of(graph), outbox)
        while engine.step():
            pass
        found.append(outbox.firings(1)[0].verdict)
        outbox.close()
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    later = backtest([told], sources_of(graph), after=Position(1), upto=graph.position(), before=outbox)

    assert found == ["fired", "lasting", "resolved"]
    assert [it.verdict for it in later] == ["lasting", "resolved"]
    assert [it.actions[0].key for it in later[1:]] == [it.key for it in outbox.firings(1)[0].actions]
    outbox.close()


def test_shadow_says_nothing_that_could_be_over(graph: SqliteGraph, words: Ontology, tmp_path: Path) -> None:
    tell(graph, runs((1, "FAIL"), (2, "COMPLETE")))
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    engine = Engine([rule(words, f"{OVER}mode: shadow\n")], sources_of(graph), outbox)
    while engine.step():
        pass

    assert [(it.position, it.verdict) for it in outbox.firings(9)] == [(1, "shadow")]
    outbox.close()


def test_one_message_a_channel_lists_who_is_hit(graph: SqliteGraph, words: Ontology) -> None:
    boards = [f"d{number:02}" for number in range(23)]
    outputs = [{"namespace": BI, "name": it} for it in boards]
    tell(graph, [
        run_event(1, "COMPLETE", ["daily"], outputs, job="bi", run="b1"),
        mutation(2, "setOwners", make_urn("dashboard", BI, "d00"), owners=[{"name": "sales"}]),
        run_event(3, "FAIL", outputs=["daily"]),
    ])  # fmt: skip
    do = '{notify: {url: "${ANDON_ALL}", title: "{{ job.name }}: {{ size(hits) }}", owners: {sales: "${ANDON_SALES}"}}}'

    [firing] = fired(graph, [rule(words, "for_each: {downstream: Dashboard}\n", do)])

    assert [(it.address, it.owner, it.target) for it in firing.actions] == [
        ("${ANDON_SALES}", "sales", job()), ("${ANDON_ALL}", "", job()),
    ]  # fmt: skip
    sales, others = messages(firing)
    assert (sales.title, others.title) == ("j: 1", "j: 22")
    assert "- Dashboard d00 in looker://shop (sales)" in sales.body
    listed = [it for it in others.body.splitlines() if it.startswith(("- ", "and "))]
    assert [it.split()[2] for it in listed[:20]] == boards[1:21]
    assert listed[20:] == ["and 2 more"]


@pytest.mark.parametrize(
    ("more", "do", "reason"),
    [
        ("", '{notify: {url: "slack://a/b/c"}}', "a channel's URL holds secrets"),
        ("", '{notify: {url: "${ANDON_LOCAL}"}}', "no service that rules may use"),
        ("", '{notify: {url: "${ANDON_PLAIN}"}}', "expected one URL as Apprise writes it"),
        (OVER, "{incident: {title: It failed}}", "is for a rule that does notify"),
    ],
)
def test_what_cannot_be_is_refused_without_the_url(words: Ontology, more: str, do: str, reason: str) -> None:
    urls = {"ANDON_LOCAL": "dbus://canary", "ANDON_PLAIN": "canary"}
    text = f"rule: told\nversion: 1\non: {{change: run.failed}}\n{more}do: [{do}]\n"
    with pytest.raises(RuleFault) as caught:
        read_rule(text.encode(), "rule.yaml", words, urls)

    assert reason in str(caught.value) and "canary" not in str(caught.value)

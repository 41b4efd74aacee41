"""What a decision rests on, in a small estate whose envelopes are counted by hand."""

from __future__ import annotations

import pytest

from graph.model import Instant, Position
from ontology import Ontology
from rules.backtest import backtest
from rules.reading import read_rule
from rules.sources import Sources
from tests.property.folded import graph_of
from tests.reference.events import (
    Json,
    dataset,
    dataset_event,
    documentation,
    ds,
    envelopes,
    mutation,
    run_event,
    schema,
)

A, B, C = ds("a"), ds("b"), ds("c")
HISTORY: list[Json] = [
    run_event(1, "COMPLETE", ["a"], ["b"], job="j", run="r1"),  # 1
    run_event(2, "COMPLETE", ["b"], ["c"], job="k", run="r2"),  # 2
    run_event(3, "COMPLETE", ["b"], ["c"], job="k", run="r3"),  # 3
    mutation(3, "setOwners", C, owners=[{"name": "ann"}]),  # 4
    mutation(3, "addTag", A, key="pii", value=None),  # 5
    mutation(4, "addTag", A, key="pii", value=None),  # 6
    dataset_event(4, dataset("a", documentation("all"))),  # 7
    dataset_event(5, dataset("a", schema("x", "y"))),  # 8
    run_event(6, "START", [], ["b"], job="j", run="r4"),  # 9
    run_event(7, "FAIL", [], [], job="j", run="r4"),  # 10
]


def grounds(words: Ontology, rule: str, position: int) -> dict[tuple[str, ...], tuple[tuple[int, ...], int]]:
    """(what, of, other or registers) -> (support, count) of the firing at a position."""
    read = read_rule(f"rule: r\nversion: 1\n{rule}".encode(), "r", words, {})
    with graph_of(envelopes(HISTORY)) as graph:
        sources = Sources(graph.changes, graph.snapshot, lambda position: Instant(0))
        [firing] = backtest([read], sources, after=Position(position - 1), upto=Position(position), ignore_age=True)
    assert firing.evidence == tuple(sorted({it.support[-1] for it in firing.grounds}))
    return {
        (it.what, it.of, *((it.other,) if it.other else it.registers)): (it.support, it.count) for it in firing.grounds
    }


def test_a_hit_rests_on_the_run_s_output_and_on_each_edge_to_it(words: Ontology) -> None:
    hook = '{webhook: {url: "https://x.com", event_type: a}}'
    text = f"on: {{change: run.failed}}\nfor_each: {{downstream: Dataset, depth: 1}}\ndo: [{hook}]"

    found = grounds(words, text, 10)

    run = next(of for what, of, *_ in found if what == "change")
    assert found == {
        ("change", run): ((10,), 1),
        ("writes", run, B): ((9,), 1),
        ("derivedFrom", C, B): ((2, 3), 2),
        ("said", C, "ownership"): ((4,), 1),
    }


TAGGED = ("said", A, "tag:pii", "tags")


@pytest.mark.parametrize(
    ("when", "rests_on"),
    [
        ("'pii' in after.tags", {TAGGED: ((5, 6), 2)}),
        ("'pii' in after.tags && 'pii' in before.tags", {TAGGED: ((5, 6), 2)}),
        ("'pii' in after.tags && after.description == 'all'",
         {TAGGED: ((5, 6), 2), ("said", A, "documentation"): ((7,), 1)}),
        ("'pii' in after.tags || after.description == 'all'",  # either would do: both must go
         {("said", A, "documentation", "tag:pii", "tags"): ((5, 6, 7), 3)}),
        ("!('secret' in after.tags) || 'pii' in after.tags", {}),
        ("size(after.owners) == 0", {}),
        ("after.facets.documentation.description.startsWith('a')", {("said", A, "documentation"): ((7,), 1)}),
    ],
)  # fmt: skip
def test_a_condition_rests_on_what_it_cannot_do_without(
    words: Ontology, when: str, rests_on: dict[tuple[str, ...], tuple[tuple[int, ...], int]]
) -> None:
    found = grounds(words, f'on: {{change: schema.changed}}\nwhen: "{when}"\ndo: [{{tag: {{key: seen}}}}]', 8)

    was = {("change", A): ((8,), 1), ("was", A): ((1, 5, 6, 7), 4)}
    assert found == was | rests_on

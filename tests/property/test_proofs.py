"""A proof is minimal: without one of its grounds, the rule would not have decided so.

A ground is taken away with all envelopes that say it; the rest is folded anew, in its old places, and the rule is asked
again.
"""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from graph.model import AsOf, Instant, Position
from graph.reader import Direction, LineageQuery
from rules.backtest import backtest
from rules.grounds import SHOWN, Ground
from rules.outbox import Firing, Verdict
from rules.reading import read_rule
from rules.rule import Rule
from rules.sources import Sources
from tests.property.folded import ONTOLOGY, Graph, graph_of
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
from tests.reference.histories import Bodies, distinct, histories

TABLES, JOBS = "abcde", "jkl"
times = st.integers(1, 9)
tables = st.sampled_from(TABLES)
some = st.lists(tables, min_size=1, max_size=2, unique=True)


@st.composite
def running(draw: st.DrawFn) -> Json:
    kind = draw(st.sampled_from(["COMPLETE", "COMPLETE", "START", "FAIL"]))
    run = f"r{draw(st.integers(1, 4))}"
    return run_event(draw(times), kind, draw(some), draw(some), job=draw(st.sampled_from(JOBS)), run=run)


@st.composite
def describing(draw: st.DrawFn) -> Json:
    name, at = draw(tables), draw(times)
    said = [
        dataset_event(at, dataset(name, schema(*draw(st.lists(st.sampled_from("xyz"), unique=True, max_size=3))))),
        dataset_event(at, dataset(name, documentation(draw(st.sampled_from(["one", "two"]))))),
        mutation(at, "addTag", ds(name), key="pii", value="high"),
        mutation(at, "describe", ds(name), description="a person's words"),
        mutation(at, "setOwners", ds(name), owners=[{"name": draw(st.sampled_from(["ann", "ben"]))}]),
    ]
    return draw(st.sampled_from(said))


stories = st.lists(st.one_of(running(), running(), describing()), min_size=6, max_size=20).map(distinct)

HOOK = '{webhook: {url: "https://hooks.example.com", event_type: com.example.x}}'
TAG = "{tag: {key: seen}}"
RULES = (
    f"on: {{change: [run.completed, run.failed]}}\nfor_each: {{downstream: Dataset}}\ndo: [{TAG}]",
    f"on: {{change: run.completed}}\nfor_each: {{downstream: Dataset, depth: 1}}\ndo: [{HOOK}]",
    f"on: {{change: [entity.altered, schema.changed]}}\nfor_each: {{downstream: Dataset}}\ndo: [{TAG}]",
    f"on: {{change: [entity.opened, entity.altered, schema.changed, entity.closed], type: Dataset}}\ndo: [{HOOK}]",
    f"on: {{change: [schema.changed, entity.altered]}}\nwhen: \"'pii=high' in after.tags\"\ndo: [{TAG}]",
    f"on: {{change: [schema.changed, entity.altered]}}\n"
    f"when: \"'pii=high' in after.tags || has(after.facets.documentation)\"\ndo: [{TAG}]",
    f"on: {{change: entity.altered}}\nwhen: \"has(before.facets.documentation)\"\ndo: [{TAG}]",
    f"on: {{change: schema.changed, how: [added, removed]}}\ndo: [{HOOK}]",
    f"on: {{change: [run.completed, run.failed]}}\nwhen: \"has(job.facets.documentation)\"\ndo: [{TAG}]",
)  # fmt: skip


def a_rule(text: str) -> Rule:
    return read_rule(f"rule: r\nversion: 1\n{text}\n".encode(), "r.yaml", ONTOLOGY, {})


def fired(graph: Graph, rule: Rule) -> list[Firing]:
    sources = Sources(graph.changes, graph.snapshot, lambda position: Instant(0))
    return backtest([rule], sources, after=Position(0), upto=graph.position(), ignore_age=True)


Conclusion = tuple[str, frozenset[tuple[str, str]], frozenset[tuple[str, str, str | None]]]


def conclusion(firing: Firing) -> Conclusion:
    """Which change it is about, whom it hits and for whom, and by which way."""
    way = {(it.what, it.of, it.other) for it in firing.grounds if it.other is not None}
    return firing.id, frozenset((it.target, it.owner) for it in firing.actions), frozenset(way)


def said_by(graph: Graph, firing: Firing, ground: Ground) -> set[int]:
    """All envelopes that say it, also those that have no say at present but would have, were the others gone."""
    found = set(map(int, ground.support))
    as_of = AsOf(position=firing.position)
    with graph.snapshot(as_of) as snapshot:
        if ground.what == "derivedFrom" and ground.other is not None:
            query = LineageQuery((ground.other,), Direction.DOWNSTREAM, 1, history=True, limit=10**6)
            for edge in snapshot.lineage(query).edges:
                if (edge.source, edge.target) == (ground.other, ground.of):
                    found.update(edge.evidence)
    return found


@settings(
    max_examples=150, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@given(
    st.one_of(stories, stories, histories(with_symlinks=False, with_renames=False)), st.sampled_from(RULES), st.data()
)
def test_without_a_ground_the_conclusion_does_not_follow(bodies: Bodies, text: str, data: st.DataObject) -> None:
    rule = a_rule(text)
    received = envelopes(bodies)
    with graph_of(received) as graph:
        firings = [it for it in fired(graph, rule) if it.verdict == Verdict.FIRED]
        proofs: dict[tuple[str, ...], list[tuple[Firing, Ground]]] = {}
        for firing in firings:
            for it in firing.grounds:
                proofs.setdefault((it.what, *it.registers), []).append((firing, it))
        chosen = [data.draw(st.sampled_from(proofs[kind])) for kind in sorted(proofs) if kind != ("change",)]
        removals = [(firing, it, said_by(graph, firing, it)) for firing, it in chosen]
    for firing, ground, gone in removals:
        event(f"{ground.what} {' '.join(ground.registers)}")
        with graph_of([it for it in received if it.position not in gone]) as graph:
            again = {conclusion(it) for it in fired(graph, rule)}
        told = "\n".join(f"{it.position}: {it.body.decode()}" for it in received)
        assert conclusion(firing) not in again, f"{ground} without {sorted(gone)} of\n{told}\n{text}"


@settings(max_examples=50, deadline=None)
@given(histories(), st.sampled_from(RULES))
def test_the_evidence_is_the_newest_envelope_of_each_ground_and_no_later_one(bodies: Bodies, text: str) -> None:
    with graph_of(envelopes(bodies)) as graph:
        for firing in fired(graph, a_rule(text)):
            if firing.grounds:
                assert firing.evidence == tuple(sorted({it.support[-1] for it in firing.grounds}))
                assert max(firing.evidence) == firing.position
                assert all(len(it.support) == min(it.count, SHOWN) for it in firing.grounds)

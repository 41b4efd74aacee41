"""A backtest over a journal fires exactly what live fired, whatever the rule, however late the engine looked, and
however often it was begun anew.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from api.app import said_by_rule
from graph.model import Envelope, Instant, NewEnvelope, Position
from graph.sqlite import SqliteGraph
from graph.statements import Statements
from ingest import action, mutation
from ingest.openlineage import Decoder
from rules import engine
from rules.actions.statement import Statements as Sayings
from rules.audit import verify
from rules.backtest import backtest
from rules.engine import Engine
from rules.outbox import ActionState, Firing, Settlement
from rules.reading import read_rule
from rules.record import outcome
from rules.rule import Rule
from rules.sources import Sources
from rules.sqlite_outbox import SqliteOutbox
from tests.property.folded import ONTOLOGY
from tests.property.test_proofs import describing, running
from tests.reference.events import envelopes
from tests.reference.histories import Bodies, distinct

CHANGES = ("run.started", "run.completed", "run.failed", "entity.opened", "entity.altered", "schema.changed",
           "column.opened", "column.closed", "relation.opened", "relation.closed")  # fmt: skip
CONDITIONS = (
    "'pii=high' in after.tags", "!('seen' in after.tags)", "before == null || size(before.owners) == 0",
    "has(after.facets.documentation)", "size(change.others) == 1", "job.name == 'j'", "change.position % 2 == 0",
)  # fmt: skip
ACTIONS = (
    "tag: {key: seen}", "incident: {title: It was.}", "set_owner: {owner: ann}", "close_incident: {of: one}",
    "classify: {tag: pii, columns: ['x*']}", 'webhook: {url: "https://hooks.example.com", event_type: a.b}',
)  # fmt: skip
FAR = Instant(2**60)


@st.composite
def rules(draw: st.DrawFn, name: str) -> Rule:
    changes = draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=3, unique=True))
    type = draw(st.sampled_from(["", "", ", type: Dataset", ", type: Entity", ", type: Incident"]))
    text = f"rule: {name}\nversion: 1\non: {{change: [{', '.join(changes)}]{type}}}\n"
    if draw(st.integers(0, 2)) == 0:
        text += f'when: "{draw(st.sampled_from(CONDITIONS))}"\n'
    if draw(st.booleans()):
        text += f"for_each: {{downstream: Dataset, depth: {draw(st.integers(0, 3))}}}\n"
    mode = draw(st.sampled_from(["live", "live", "shadow"]))
    # Of an incident that it only would have opened, a rule in shadow mode cannot say that it is open still.
    known = ACTIONS if mode == "live" else tuple(it for it in ACTIONS if "incident" not in it)
    chosen = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
    text += "do:\n" + "".join(f"  - {it}\n" for it in chosen) + f"mode: {mode}\nlimits: {{max_age: 30000d}}\n"
    return read_rule(text.encode(), name, ONTOLOGY, {})


stories = st.lists(st.one_of(running(), running(), describing()), min_size=4, max_size=14).map(distinct)
DECODE: dict[str, Callable[[Envelope], Statements]] = {
    "openlineage": Decoder(ONTOLOGY.kind_for_namespace), "mutation": mutation.decode, "action": action.decode,
}  # fmt: skip


@dataclass
class Live:
    """An installation in one thread: what comes in is folded at once, and looked at by rules when it is told to."""

    rules: list[Rule]
    graph: SqliteGraph
    outbox: SqliteOutbox
    journal: list[Envelope] = field(default_factory=list)

    def receive(self, kind: str, source: str, key: bytes, body: bytes) -> None:
        if any(it.digest == key for it in self.journal):
            return
        position = Position(len(self.journal) + 1)
        envelope = Envelope(position, kind, source, self.received_at(position), key, body)
        self.journal.append(envelope)
        with self.graph.transaction():
            self.graph.fold(envelope, DECODE[kind](envelope))
        self.graph.commit(position)

    def append(self, new: NewEnvelope) -> None:
        self.receive(new.kind, new.source, new.key, new.body)

    def received_at(self, position: int) -> Instant:
        return Instant(1_000_000 * position)

    def cause(self, position: Position) -> str | None:
        return mutation.firing_of(self.journal[position - 1])

    def look(self) -> None:
        """An engine that has just been started decides a batch."""
        Engine(self.rules, self.sources, self.outbox).step()

    @property
    def sources(self) -> Sources:
        return Sources(self.graph.changes, self.graph.snapshot, self.received_at, self.cause)

    def act(self) -> bool:
        leased = self.outbox.lease(FAR, Instant(FAR + 1))
        if leased is not None:
            if leased.action.kind != "webhook":
                Sayings(said_by_rule, self.append).deliver(leased.action, self.received_at(len(self.journal)))
            at = self.received_at(len(self.journal))
            report = outcome(leased, ActionState.DELIVERED, at, None)
            self.outbox.settle(leased, Settlement(state=ActionState.DELIVERED, at=at, report=report))
        return leased is not None

    def report(self) -> None:
        for number, envelope in self.outbox.unreported(100):
            self.append(envelope)
            self.outbox.reported(number)

    def settle_down(self) -> None:
        while (self.outbox.checkpoint() or 0) < len(self.journal):
            self.look()
            while self.act():
                pass
            self.report()
            if not self.graph.changes(self.outbox.checkpoint() or 0, 1):
                break


@contextmanager
def living(rules: list[Rule]) -> Iterator[Live]:
    with tempfile.TemporaryDirectory() as folder:
        graph, outbox = SqliteGraph(Path(folder) / "graph.db", ONTOLOGY), SqliteOutbox(Path(folder) / "outbox.db")
        # Two rules that open incidents about incidents are two to the power of the limit: cut sooner.
        with closing(graph), closing(outbox), patch.object(engine, "CHAIN_LIMIT", 3):
            yield Live(rules, graph, outbox)


@settings(
    max_examples=80, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@given(stories, rules("one"), rules("two"), st.data())
def test_a_backtest_fires_what_live_fired(bodies: Bodies, one: Rule, two: Rule, data: st.DataObject) -> None:
    with living([one, two]) as live:
        decided: list[Firing] = []
        decide = live.outbox.decide

        def noted(after: Position, upto: Position, firings: list[Firing], reports: list[NewEnvelope]) -> bool:
            decided.extend(firings)
            return decide(after, upto, firings, reports)

        live.outbox.decide = noted  # type: ignore[method-assign, assignment]
        for it in envelopes(bodies):
            live.receive(it.kind, "test", b"%d" % it.position, it.body)
            step = data.draw(st.sampled_from(["", "", "look", "look and act", "report"]))
            if "look" in step:
                live.look()
            if "act" in step:
                live.act()
            if step == "report":
                live.report()
        live.settle_down()

        found = backtest([one, two], live.sources, after=Position(0), upto=Position(len(live.journal)))
        audit = verify(lambda: live.journal, outbox=live.outbox)

    told = "\n".join(f"{it.position}: {(it.body or b'').decode()[:300]}" for it in live.journal)
    assert [shadowed(it, {one.name: one, two.name: two}) for it in found] == decided, told
    assert audit.fault is None
    for verdict in {it.verdict for it in decided}:
        event(verdict)


def shadowed(firing: Firing, by_name: dict[str, Rule]) -> Firing:
    """What live decides of a rule that is in shadow mode, which a backtest takes for live."""
    if by_name[firing.rule].mode != "shadow" or not firing.actions:
        return firing
    first, owner = min((it.target, it.owner) for it in firing.actions)
    reason = f"would have acted {len(firing.actions)} times, first for {owner or 'nobody in particular'} on {first}"
    return replace(firing, verdict="shadow", reason=reason, actions=())  # type: ignore[arg-type]

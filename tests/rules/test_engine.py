from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from graph.cause import CAUSE_FACET, run_id
from graph.errors import Unavailable
from graph.model import AsOf, Change, Instant, Position
from graph.reader import GraphSnapshot
from rules import FiringRecord, Rule, engine
from rules.engine import CHAIN_LIMIT, Engine
from rules.outbox import Outbox, firing_urn
from rules.sources import Sources
from tests.contract.adapters import OutboxPlace
from tests.rules.estate import (
    HOUR,
    JOB,
    RUN,
    T0,
    Committed,
    Estate,
    dashboard,
    dataset,
    failed,
    run_urn,
    shop,
)


def an_engine(
    outbox: Outbox,
    rules: list[Rule],
    changes: list[Change],
    estate: Estate | None = None,
    received_at: Callable[[Position], Instant] = lambda position: Instant(T0 + 1_000_000),
) -> Engine:
    return Engine(rules, Sources(Committed(changes), (estate or shop()).snapshot, received_at), outbox)


def decided(
    outbox: Outbox, rules: list[Rule], changes: list[Change], estate: Estate | None = None
) -> list[FiringRecord]:
    """All firings after the engine has taken every change, oldest first."""
    deciding = an_engine(outbox, rules, changes, estate)
    while deciding.step():
        pass
    return outbox.firings(1_000)[::-1]


def intended(outbox: Outbox) -> list[dict[str, object]]:
    """The bodies of the actions that wait, as JSON."""
    bodies = []
    while (leased := outbox.lease(Instant(T0 + HOUR), Instant(T0 + 2 * HOUR))) is not None:
        bodies.append(json.loads(leased.action.body))
    return bodies


def test_every_owner_of_every_dashboard_downstream_is_told_once(outbox: Outbox, rule: Rule) -> None:
    (firing,) = decided(outbox, [rule], [failed(9)])

    assert [(action.target, action.owner) for action in firing.actions] == [
        (dashboard("revenue"), "ana"),
        (dashboard("sales"), "ana"),
        (dashboard("sales"), "ben"),
    ]
    assert (firing.verdict, firing.subject, firing.position) == ("fired", RUN, 9)
    assert firing.reason == f"1 without an owner, first {dashboard('forgotten')}"


def test_the_evidence_is_the_change_and_the_newest_envelope_of_each_edge_on_the_path(
    outbox: Outbox, rule: Rule
) -> None:
    (firing,) = decided(outbox, [rule], [failed(9)])

    assert firing.evidence == (1, 2, 3, 9)


def test_the_event_is_a_cloud_event_that_explains_itself(outbox: Outbox, rule: Rule) -> None:
    (firing,) = decided(outbox, [rule], [failed(9)])

    event = intended(outbox)[-1]

    assert event == {
        "specversion": "1.0",
        "id": firing.actions[-1].key,
        "source": "/andon/rules/failed-run-notifies-dashboard-owners",
        "type": "dev.andon.run.failed",
        "subject": dashboard("sales"),
        "time": "2026-09-21T14:13:21Z",
        "datacontenttype": "application/json",
        "data": {
            "rule": {"name": rule.name, "version": rule.version_id, "severity": "warning"},
            "firing": firing.urn.rpartition(":")[2],
            "change": {"what": "run.failed", "urn": RUN, "position": 9, "validAt": "2026-09-21T14:13:20Z"},
            "job": {"urn": JOB, "type": "Job", "namespace": "shop", "name": "load"},
            "target": {
                "urn": dashboard("sales"),
                "type": "Dashboard",
                "namespace": "looker://shop",
                "name": "sales",
            },
            "owner": {"name": "ben", "type": None},
            "path": [dataset("orders"), dataset("daily"), dashboard("sales")],
            "evidence": [1, 2, 9],
        },
    }


def test_the_graph_is_read_as_of_the_position_of_the_change(outbox: Outbox, rule: Rule) -> None:
    estate = shop()

    decided(outbox, [rule], [failed(9)], estate)

    assert estate.opened == [AsOf(position=Position(9))]


def test_a_run_that_named_no_output_yet_stands_for_the_outputs_of_its_job(outbox: Outbox, rule: Rule) -> None:
    estate = shop()
    estate.run_outputs[RUN] = ()
    estate.job_outputs[JOB] = (dataset("daily"),)

    (firing,) = decided(outbox, [rule], [failed(9)], estate)

    assert {action.target for action in firing.actions} == {dashboard("sales"), dashboard("revenue")}


def test_a_dashboard_that_the_run_writes_itself_is_hit_and_a_dropped_one_is_not(outbox: Outbox, rule: Rule) -> None:
    estate = shop()
    estate.run_outputs[RUN] = (dashboard("sales"), dataset("orders"))
    estate.entities[dashboard("revenue")] = replace(estate.entities[dashboard("revenue")], dropped=True)

    (firing,) = decided(outbox, [rule], [failed(9)], estate)

    assert {action.target for action in firing.actions} == {dashboard("sales")}


def test_depth_bounds_how_far_down_is_looked(outbox: Outbox, rule: Rule) -> None:
    near = replace(rule, targets=replace(rule.targets, depth=1))

    (firing,) = decided(outbox, [near], [failed(9)])

    assert (firing.verdict, firing.actions) == ("no_targets", ())
    assert firing.reason == f"1 without an owner, first {dashboard('forgotten')}"


def test_a_lineage_that_was_cut_off_is_said_so(outbox: Outbox, rule: Rule) -> None:
    estate = shop()
    estate.limit = 2

    (firing,) = decided(outbox, [rule], [failed(9)], estate)

    assert firing.reason == "the lineage was cut off, so that a Dashboard may have been missed"


def test_a_cycle_in_the_lineage_ends(outbox: Outbox, rule: Rule) -> None:
    estate = shop()
    estate.flow(dataset("daily"), dataset("orders"), 5)

    (firing,) = decided(outbox, [rule], [failed(9)], estate)

    assert len(firing.actions) == 3


def test_other_changes_fire_nothing_and_are_passed(outbox: Outbox, rule: Rule) -> None:
    other = replace(failed(9), what="run.completed")

    assert decided(outbox, [rule], [other]) == []
    assert outbox.checkpoint() == 9


def test_a_change_is_evaluated_once_per_rule_version_over_restarts(outbox: Outbox, rule: Rule) -> None:
    changes = [failed(9)]
    for _ in range(3):
        firings = decided(outbox, [rule], changes)

    assert len(firings) == 1


def test_a_new_rule_version_sees_only_changes_after_it_was_loaded(outbox: Outbox, rule: Rule) -> None:
    changes = [failed(9)]
    decided(outbox, [rule], changes)
    changes.append(failed(10))

    firings = decided(outbox, [replace(rule, version=2)], changes)

    assert [(firing.position, firing.rule_version[:2]) for firing in firings] == [(9, "1+"), (10, "2+")]


def test_a_position_that_is_cut_in_two_by_a_batch_is_still_decided_whole(
    outbox: Outbox, rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BATCH", 2)
    estate = shop()
    for number in range(2, 6):
        estate.add_run(f"run-{number}", dataset("orders"))
    changes = [failed(7), *(failed(8, run_urn(f"run-{number}")) for number in range(1, 6)), failed(9)]

    firings = decided(outbox, [rule], changes, estate)

    assert [firing.position for firing in firings] == [7, 8, 8, 8, 8, 8, 9]


def test_two_engines_on_one_outbox_decide_once(outbox_place: OutboxPlace, outbox: Outbox, rule: Rule) -> None:
    rival = outbox_place.open()
    estate = shop()

    def overtaking(position: Position) -> Instant:
        while an_engine(rival, [rule], [failed(9)], estate).step():
            pass
        return T0

    an_engine(outbox, [rule], [failed(9)], estate, received_at=overtaking).step()
    rival.close()

    assert len(outbox.firings(10)) == 1
    assert len(outbox.unreported(10)) == 1


def test_a_change_older_than_max_age_when_received_is_recorded_and_not_acted_on(outbox: Outbox, rule: Rule) -> None:
    late, in_time = failed(9, at=T0 - 25 * HOUR), failed(10, at=T0 - 23 * HOUR)

    firings = decided(outbox, [rule], [late, in_time])

    assert [(firing.verdict, len(firing.actions)) for firing in firings] == [("too_old", 0), ("fired", 3)]
    assert firings[0].reason == "the change was older than 1 day, 0:00:00 when it was received"


def test_changes_of_firings_set_off_no_rule(outbox: Outbox, rule: Rule) -> None:
    own = [failed(9, firing_urn("abc")), replace(failed(10), kind="firing")]

    assert decided(outbox, [rule], own) == []


def chained(outbox: Outbox, rule: Rule, length: int, *, through_parent: bool = False) -> list[FiringRecord]:
    """A run fails, its firing starts a run which fails, and so on."""
    estate = shop()
    firings = decided(outbox, [rule], [failed(1)], estate)
    changes = [failed(1)]
    for number in range(2, length + 1):
        cause = json.dumps({"firing": firings[-1].urn.rpartition(":")[2]}).encode()
        name = f"run-{number}"
        if through_parent:
            estate.add_run(f"parent-{number}", facets={CAUSE_FACET: cause})
            estate.parents[run_urn(name)] = run_urn(f"parent-{number}")
        estate.add_run(name, dataset("orders"), facets=None if through_parent else {CAUSE_FACET: cause})
        changes.append(failed(number, run_urn(name)))
        firings = decided(outbox, [rule], changes, estate)
    return firings


@pytest.mark.parametrize("through_parent", [False, True])
def test_a_chain_of_firings_that_cause_one_another_is_cut_after_eight(
    outbox: Outbox, rule: Rule, through_parent: bool
) -> None:
    firings = chained(outbox, rule, 10, through_parent=through_parent)

    assert [firing.depth for firing in firings] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert [firing.verdict for firing in firings] == ["fired"] * CHAIN_LIMIT + ["loop_cut"] * 2
    assert firings[8].actions == ()
    assert firings[8].reason == "8 firings caused one another before this one"


def test_a_dag_run_that_an_action_started_goes_on_with_the_chain(outbox: Outbox, rule: Rule) -> None:
    estate = shop()
    [first] = decided(outbox, [rule], [failed(1)], estate)
    id = first.urn.rpartition(":")[2]
    estate.add_run("run-2", dataset("orders"), facets={
        "airflow": json.dumps({"dagRun": {"run_id": run_id(id, "b2" * 16)}}).encode()
    })  # fmt: skip

    second = decided(outbox, [rule], [failed(1), failed(2, run_urn("run-2"))], estate)[-1]

    assert (second.depth, second.cause) == (2, first.urn)


@pytest.mark.parametrize(
    "facet", [b"not json", b"[]", b'{"firing": 3}', b'{"firing": "nobody knows", "depth": 99}', b"null"]
)
def test_a_cause_that_is_not_a_firing_of_ours_starts_a_new_chain(outbox: Outbox, rule: Rule, facet: bytes) -> None:
    estate = shop()
    estate.facets[RUN] = {CAUSE_FACET: facet}

    (firing,) = decided(outbox, [rule], [failed(9)], estate)

    assert (firing.depth, firing.verdict) == (1, "fired")


def test_a_run_that_the_graph_does_not_have_is_recorded_as_undecided(outbox: Outbox, rule: Rule) -> None:
    unknown = run_urn("unknown")

    firings = decided(outbox, [rule], [failed(9, unknown), failed(10)])

    assert [firing.verdict for firing in firings] == ["undecided", "fired"]
    assert firings[0].reason == f"{unknown} is not in the graph as of its change"


def test_a_graph_that_is_unavailable_is_asked_again_and_nothing_is_passed(outbox: Outbox, rule: Rule) -> None:
    estate = shop()
    trouble = [Unavailable("busy")] * 20

    def snapshot(as_of: AsOf) -> AbstractContextManager[GraphSnapshot]:
        if trouble:
            raise trouble.pop()
        return estate.snapshot(as_of)

    shaky = Engine([rule], Sources(Committed([failed(9)]), snapshot, lambda position: T0), outbox)
    for _ in range(20):
        with pytest.raises(Unavailable):
            shaky.step()
    shaky.step()

    assert [firing.verdict for firing in outbox.firings(10)] == ["fired"]


def test_an_evaluation_that_keeps_breaking_is_recorded_and_holds_up_nobody(outbox: Outbox, rule: Rule) -> None:
    estate = shop()
    estate.add_run("run-2", dataset("orders"))
    estate.run_outputs[RUN] = ("urn that breaks the estate with a canary-4711",)
    broken = an_engine(outbox, [rule], [failed(9), failed(10, run_urn("run-2"))], estate)

    for _ in range(4):
        with pytest.raises(KeyError):
            broken.step()
        assert outbox.checkpoint() is None
    broken.step()

    assert [(firing.position, firing.verdict) for firing in outbox.firings(10)] == [
        (10, "fired"),
        (9, "undecided"),
    ]
    assert outbox.firings(10)[1].reason == "the evaluation broke 5 times: KeyError"


def test_every_decision_waits_for_the_journal_with_the_keys_of_its_actions(outbox: Outbox, rule: Rule) -> None:
    (firing,) = decided(outbox, [rule], [failed(9)])

    ((_, envelope),) = outbox.unreported(10)
    body = json.loads(envelope.body)

    assert (envelope.kind, envelope.source, body["about"]) == ("action", "rules", "decision")
    assert body["actions"] == [action.key for action in firing.actions]
    assert body["evidence"] == [1, 2, 3, 9]

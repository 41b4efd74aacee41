"""The reference agrees with the answers written by hand, and keeps the promises it is there to judge."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.events import Json, envelopes, iso, micros
from tests.reference.histories import features, histories
from tests.reference.nasty import CASES, Case, disagreements
from tests.reference.state import EdgeState, Envelope, State, state

ORDERS = ["given", "reversed", "shuffle 1", "shuffle 2", "shuffle 3"]
IN_EVERY_ORDER = [(case, order) for case in CASES for order in ORDERS if order == "given" or not case.positions_matter]
EXAMPLES = settings(max_examples=100, deadline=None)
MOMENTS = st.none() | st.integers(0, 9)


def positions_of(length: int, order: str) -> list[int]:
    """The position of each body."""
    positions = list(range(1, length + 1))
    if order == "reversed":
        positions.reverse()
    elif order.startswith("shuffle"):
        random.Random(order).shuffle(positions)
    return positions


def placed(bodies: Sequence[Json], positions: Sequence[int]) -> list[Envelope]:
    said = [replace(one, position=p) for one, p in zip(envelopes(bodies), positions, strict=True)]
    return sorted(said, key=lambda one: one.position)


def at(seconds: int | None) -> int | None:
    return None if seconds is None else micros(seconds)


def without(edge: EdgeState, *fields: str) -> EdgeState:
    blank: dict[str, Any] = {"evidence": [], "evidence_count": 0, "valid_to": None}
    return replace(edge, **{name: blank[name] for name in fields})


def edges_without(found: State, *fields: str) -> State:
    return replace(found, edges={key: without(edge, *fields) for key, edge in found.edges.items()})


@pytest.mark.parametrize(("case", "order"), IN_EVERY_ORDER, ids=[f"{c.name} [{o}]" for c, o in IN_EVERY_ORDER])
def test_the_reference_gives_the_answer_written_by_hand(case: Case, order: str) -> None:
    positions = positions_of(len(case.bodies), order)
    received = placed(case.bodies, positions)
    found = []
    for look in case.looks:
        if look.known is not None and order != "given":
            continue  # what was known then is a matter of the order of receipt
        known = received[: look.known]
        history = None if not look.asks_history else state(known, at(look.at), history=True)
        wrong = disagreements(state(known, at(look.at)), history, look, positions)
        found += [f"at {look.at}: {one}" for one in wrong]
    assert not found, "\n".join(found)


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@EXAMPLES
@given(histories(), MOMENTS, st.randoms(use_true_random=False))
def test_the_order_of_receipt_changes_nothing_but_the_positions(
    bodies: list[Json], moment: int | None, shuffler: random.Random
) -> None:
    given_order = list(range(1, len(bodies) + 1))
    positions = given_order[:]
    shuffler.shuffle(positions)
    one = state(placed(bodies, given_order), at(moment))
    other = state(placed(bodies, positions), at(moment))
    assert edges_without(one, "evidence") == edges_without(other, "evidence")
    for key, edge in one.edges.items():
        if edge.evidence_count <= 20:
            assert sorted(positions[p - 1] for p in edge.evidence) == other.edges[key].evidence


@EXAMPLES
@given(histories(), MOMENTS, st.booleans(), st.data())
def test_duplicates_change_nothing_but_evidence(
    bodies: list[Json], moment: int | None, history: bool, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(bodies), max_size=4))
    fields = ("evidence", "evidence_count")
    once = edges_without(state(envelopes(bodies), at(moment), history), *fields)
    assert once == edges_without(state(envelopes([*bodies, *again]), at(moment), history), *fields)


@EXAMPLES
@given(histories(with_symlinks=False), st.integers(0, 9))
def test_without_symlinks_the_future_moves_nothing_but_the_ends_of_edges(bodies: list[Json], moment: int) -> None:
    known = envelopes(bodies)
    past = [e for e, body in zip(known, bodies, strict=True) if said_at(body) <= iso(moment)]
    for history in (False, True):
        whole = edges_without(state(known, micros(moment), history), "valid_to")
        assert whole == edges_without(state(past, None, history), "valid_to")


def said_at(body: Json) -> str:
    """In one format, so that texts compare as times do."""
    return str(body.get("eventTime") or body["at"])


@EXAMPLES
@given(histories(with_symlinks=False, with_renames=False), st.integers(1, 9))
def test_without_symlinks_and_renames_an_edge_holds_within_its_span_and_not_beside_it(
    bodies: list[Json], moment: int
) -> None:
    known = envelopes(bodies)
    states = {second: state(known, micros(second)) for second in range(-1, 12)}
    for key, edge in states[moment].edges.items():
        if key[0] == "COLUMN":
            continue  # closed columns hide their edges within their spans
        for second, then in states.items():
            held = edge.valid_from <= micros(second) and (edge.valid_to is None or micros(second) < edge.valid_to)
            if held:
                assert then.edges[key].valid_from == edge.valid_from
            elif micros(second) in (edge.valid_to, edge.valid_from - 1_000_000):
                assert key not in then.edges


@EXAMPLES
@given(histories(), MOMENTS)
def test_a_state_hangs_together(bodies: list[Json], moment: int | None) -> None:
    valid = at(moment)
    found = state(envelopes(bodies), valid)
    datasets = {u for u in found.entities if u.split(":")[2] in ("dataset", "model", "dashboard")}
    assert set(found.columns) == datasets
    assert {u for u in found.entities if u.split(":")[2] == "run"} == set(found.runs)
    assert datasets <= set(found.resolves)
    for old, new in found.resolves.items():
        assert new in datasets
        assert old == new or old not in datasets
    for dataset_urn, job_urn in found.reads | {(d, j) for j, d in found.writes}:
        assert {dataset_urn, job_urn} <= set(found.entities)
    for (level, source, target), edge in found.edges.items():
        assert {source, target, *edge.via} <= set(found.entities)
        assert level == "COLUMN" or source != target
        assert valid is None or edge.valid_from <= valid
        assert edge.valid_to is None or (valid is not None and valid < edge.valid_to)
        assert 0 < len(edge.evidence) <= 20 and len(edge.evidence) <= edge.evidence_count
    assert set(found.edges) <= set(state(envelopes(bodies), valid, history=True).edges)


def test_the_histories_reach_everything_that_is_hard() -> None:
    seen: set[str] = set()

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(histories())
    def look(bodies: list[Json]) -> None:
        assert 1 <= len(bodies) <= 25
        seen.update(features(bodies))

    look()
    wanted = {f"type {kind}" for kind in ("START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER", None)}
    wanted |= {f"op {op}" for op in ("retireJob", "setOwners", "addTag", "removeTag", "describe")}
    wanted |= {"RunEvent", "JobEvent", "DatasetEvent", "_deleted", "RENAME", "DROP", "CREATE", "swap"}
    wanted |= {
        "column lineage",
        "SQL",
        "null fields",
        "dataset-wide",
        "old transformationType",
        "entries",
        "streaming",
    }
    wanted |= {"symlink to a table", "symlink to a path", "withdrawn symlinks", "parent", "schema"}
    wanted |= {"schema of an input", "empty event of a run", "tie", "out of order"}
    wanted |= {"two jobs say one edge", "a job's runs differ"}
    assert wanted <= seen, wanted - seen

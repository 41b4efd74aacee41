"""The fold gives what the naive reference gives: promises 2, 3 and 4 of the design, on hand-written sequences
and on generated histories."""

from __future__ import annotations

import random
from dataclasses import asdict, fields, is_dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.folded import graph_of, read
from tests.reference.events import Json
from tests.reference.histories import histories
from tests.reference.nasty import CASES, Case, disagreements
from tests.reference.state import State, state
from tests.reference.test_reference import ORDERS, at, placed, positions_of

IN_EVERY_ORDER = [
    (case, order) for case in CASES for order in ORDERS[:3] if order == "given" or not case.positions_matter
]
EXAMPLES = settings(max_examples=150, deadline=None)
MOMENTS = st.none() | st.integers(0, 9)


def differences(wanted: State, found: State) -> list[str]:
    """What differs, one line a key. A column counts as old as its dataset, where the reference dates its naming."""
    wanted, found = _without_ages_of_columns(wanted), _without_ages_of_columns(found)
    lines = []
    for part in fields(State):
        one, other = getattr(wanted, part.name), getattr(found, part.name)
        if isinstance(one, dict):
            for key in sorted(one.keys() | other.keys(), key=repr):
                if one.get(key) != other.get(key):
                    lines += [f"{part.name} {key}", *_fields_that_differ(one.get(key), other.get(key))]
        elif one != other:
            lines.append(f"{part.name}: reference {one - other}, fold {other - one}")
    return lines


def _without_ages_of_columns(one: State) -> State:
    undated = {
        urn: replace(entity, created=0) if urn.startswith("urn:andon:column:") else entity
        for urn, entity in one.entities.items()
    }
    return replace(one, entities=undated)


def _fields_that_differ(wanted: object, found: object) -> list[str]:
    if not (is_dataclass(wanted) and is_dataclass(found)):
        return [f"   reference {wanted}, fold {found}"]
    one, other = asdict(wanted), asdict(found)  # type: ignore[call-overload]
    return [f"   {key}: reference {one[key]}, fold {other[key]}" for key in one if one[key] != other[key]]


@pytest.mark.parametrize(("case", "order"), IN_EVERY_ORDER, ids=[f"{c.name} [{o}]" for c, o in IN_EVERY_ORDER])
def test_the_fold_gives_the_answer_written_by_hand(case: Case, order: str) -> None:
    positions = positions_of(len(case.bodies), order)
    received = placed(case.bodies, positions)
    found = []
    with graph_of(received) as graph:
        for look in case.looks:
            if look.known is not None and order != "given":
                continue  # what was known then is a matter of the order of receipt
            history = None if look.history is None else read(graph, at(look.at), look.known, history=True)
            wrong = disagreements(read(graph, at(look.at), look.known), history, look, positions)
            found += [f"at {look.at}: {one}" for one in wrong]
    assert not found, "\n".join(found)


@EXAMPLES
@given(histories(), MOMENTS, st.booleans(), st.randoms(use_true_random=False))
def test_the_fold_agrees_with_the_reference_in_any_order(
    bodies: list[Json], moment: int | None, history: bool, shuffler: random.Random
) -> None:
    positions = list(range(1, len(bodies) + 1))
    shuffler.shuffle(positions)
    received = placed(bodies, positions)
    with graph_of(received) as graph:
        found = read(graph, at(moment), history=history)
    wanted = state(received, at(moment), history)
    if history:  # that it was ever said is what is promised; when, is present lineage's
        assert wanted.edges.keys() == found.edges.keys()
        wanted, found = replace(wanted, edges={}), replace(found, edges={})
    assert not differences(wanted, found)


@EXAMPLES
@given(histories(), MOMENTS, st.data())
def test_a_past_position_answers_like_a_graph_that_never_heard_more(
    bodies: list[Json], moment: int | None, data: st.DataObject
) -> None:
    received = placed(bodies, list(range(1, len(bodies) + 1)))
    position = data.draw(st.integers(1, len(bodies)))
    batches = data.draw(st.lists(st.integers(1, 5), max_size=10))
    with graph_of(received, batches) as graph:
        found = read(graph, at(moment), position)
    assert not differences(state(received[:position], at(moment)), found)

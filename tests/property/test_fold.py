"""The fold gives what the naive reference gives: promises 2, 3 and 4 of the design, on hand-written sequences
and on generated histories."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, is_dataclass, replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.property.folded import Empty, embedded, graph_of, read
from tests.reference.events import Json
from tests.reference.histories import histories
from tests.reference.nasty import CASES, Case, disagreements
from tests.reference.state import Envelope, State, state
from tests.reference.test_reference import ORDERS, at, placed, positions_of

IN_EVERY_ORDER = [
    (case, order) for case in CASES for order in ORDERS[:3] if order == "given" or not case.positions_matter
]
EXAMPLES = settings(max_examples=120, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
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
    if not is_dataclass(wanted) or not is_dataclass(found) or isinstance(wanted, type) or isinstance(found, type):
        return [f"   reference {wanted}, fold {found}"]
    one, other = asdict(wanted), asdict(found)
    return [f"   {key}: reference {one[key]}, fold {other[key]}" for key in one if one[key] != other[key]]


@pytest.mark.parametrize(("case", "order"), IN_EVERY_ORDER, ids=[f"{c.name} [{o}]" for c, o in IN_EVERY_ORDER])
def test_the_fold_gives_the_answer_written_by_hand(case: Case, order: str) -> None:
    assert_answered(case, order)


def assert_answered(case: Case, order: str, empty: Empty = embedded) -> None:
    positions = positions_of(len(case.bodies), order)
    received = placed(case.bodies, positions)
    found = []
    with graph_of(received, empty=empty) as graph:
        for look in case.looks:
            if look.known is not None and order != "given":
                continue  # what was known then is a matter of the order of receipt
            history = None if not look.asks_history else read(graph, at(look.at), look.known, history=True)
            wrong = disagreements(read(graph, at(look.at), look.known), history, look, positions)
            found += [f"at {look.at}: {one}" for one in wrong]
    assert not found, "\n".join(found)


def unlike(
    received: Sequence[Envelope], valid: int | None, history: bool = False, empty: Empty = embedded
) -> list[str]:
    """What the fold answers at `valid` otherwise than the reference."""
    with graph_of(received, empty=empty) as graph:
        found = read(graph, valid, history=history)
    wanted = state(received, valid, history)
    if not history:
        return differences(wanted, found)
    # That it was ever said is what is promised; when, is present lineage's.
    lines = [f"said or not: {key}" for key in sorted(wanted.edges.keys() ^ found.edges.keys())]
    return lines + differences(replace(wanted, edges={}), replace(found, edges={}))


def unlike_at(
    received: Sequence[Envelope],
    valid: int | None,
    position: int,
    batches: Sequence[int] = (),
    empty: Empty = embedded,
) -> list[str]:
    """What the fold answers as of `position` otherwise than the reference that never heard more."""
    with graph_of(received, batches, empty) as graph:
        found = read(graph, valid, position)
    return differences(state([it for it in received if it.position <= position], valid), found)


def assert_alike(received: Sequence[Envelope], compare: Callable[[Sequence[Envelope]], list[str]]) -> None:
    """Says what differs, and with how few of the envelopes: Hypothesis' own shrinking takes minutes here."""
    lines = compare(received)
    for one in list(received) if lines else ():
        fewer = [it for it in received if it is not one]
        if fewer and (still := compare(fewer)):
            received, lines = fewer, still
    assert not lines, "\n".join([*(f"{it.position}: {it.body.decode()}" for it in received), *lines])


@EXAMPLES
@given(histories(), MOMENTS, st.booleans(), st.randoms(use_true_random=False))
def test_the_fold_agrees_with_the_reference_in_any_order(
    bodies: list[Json], moment: int | None, history: bool, shuffler: random.Random
) -> None:
    positions = list(range(1, len(bodies) + 1))
    shuffler.shuffle(positions)
    assert_alike(placed(bodies, positions), lambda received: unlike(received, at(moment), history))


@EXAMPLES
@given(histories(), st.data())
def test_a_fold_that_remembers_nothing_of_former_batches_agrees_with_the_reference(
    bodies: list[Json], data: st.DataObject
) -> None:
    batches = data.draw(st.lists(st.integers(1, 5), max_size=10))

    def unlike_when_forgetful(received: Sequence[Envelope]) -> list[str]:
        with graph_of(received, batches, forgetful=True) as graph:
            return differences(state(received, None), read(graph))

    assert_alike(placed(bodies, list(range(1, len(bodies) + 1))), unlike_when_forgetful)


@EXAMPLES
@given(histories(), MOMENTS, st.data())
def test_a_past_position_answers_like_a_graph_that_never_heard_more(
    bodies: list[Json], moment: int | None, data: st.DataObject
) -> None:
    received = placed(bodies, list(range(1, len(bodies) + 1)))
    position = data.draw(st.integers(1, len(bodies)))
    batches = data.draw(st.lists(st.integers(1, 5), max_size=10))
    assert_alike(received, lambda fewer: unlike_at(fewer, at(moment), position, batches))

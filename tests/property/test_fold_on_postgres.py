"""The same promises as `test_fold`'s, where the fold state stands in PostgreSQL; fewer examples, as each costs more."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.property.folded import Empty
from tests.property.test_fold import IN_EVERY_ORDER, MOMENTS, assert_alike, assert_answered, unlike, unlike_at
from tests.reference.events import Json
from tests.reference.histories import histories
from tests.reference.nasty import Case
from tests.reference.test_reference import at, placed

EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow),
)


@pytest.mark.parametrize(
    ("case", "order"), IN_EVERY_ORDER[::3], ids=[f"{c.name} [{o}]" for c, o in IN_EVERY_ORDER[::3]]
)
def test_the_fold_gives_the_answer_written_by_hand(case: Case, order: str, empty: Empty) -> None:
    assert_answered(case, order, empty)


@EXAMPLES
@given(histories(), MOMENTS, st.booleans(), st.randoms(use_true_random=False))
def test_the_fold_agrees_with_the_reference_in_any_order(
    empty: Empty, bodies: list[Json], moment: int | None, history: bool, shuffler: random.Random
) -> None:
    positions = list(range(1, len(bodies) + 1))
    shuffler.shuffle(positions)
    assert_alike(placed(bodies, positions), lambda received: unlike(received, at(moment), history, empty))


@EXAMPLES
@given(histories(), MOMENTS, st.data())
def test_a_past_position_answers_like_a_graph_that_never_heard_more(
    empty: Empty, bodies: list[Json], moment: int | None, data: st.DataObject
) -> None:
    received = placed(bodies, list(range(1, len(bodies) + 1)))
    position = data.draw(st.integers(1, len(bodies)))
    batches = data.draw(st.lists(st.integers(1, 5), max_size=10))
    assert_alike(received, lambda fewer: unlike_at(fewer, at(moment), position, batches, empty))

"""GraphQL, SPARQL and docs/questions.md give each question one answer: of the demo estate, now and in the past."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from examples.questions import asking
from examples.questions.page import PAGE, in_order, page
from examples.questions.question import PRESENT, Instant, Question, Rows, instants, questions
from tests.end_to_end.service import Service

ROOT = Path(__file__).parents[2]
QUESTIONS, INSTANTS = questions(), instants()
PAST = [it.name for it in INSTANTS if it.as_of]


@pytest.fixture(scope="module")
def asked(estate: Service) -> asking.Service:
    return asking.Service(estate.url)


@pytest.fixture(scope="module")
def received(asked: asking.Service) -> int:
    return asked.received()


def differing(found: Rows, wanted: Rows) -> str:
    return f"too much {in_order(found - wanted)[:5]}, missing {in_order(wanted - found)[:5]}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("instant", INSTANTS, ids=[it.name for it in INSTANTS])
@pytest.mark.parametrize("question", QUESTIONS, ids=[it.id for it in QUESTIONS])
def test_both_languages_give_the_answer_of_the_page(
    asked: asking.Service, received: int, question: Question, instant: Instant
) -> None:
    wanted = question.answer(instant.name)

    graphql = asked.graphql(question, instant, received)
    sparql = asked.sparql(question, instant, received)

    assert graphql == wanted, f"in GraphQL: {differing(graphql, wanted)}"
    assert sparql == wanted, f"in SPARQL: {differing(sparql, wanted)}"


def test_each_question_finds_something_in_the_present() -> None:
    assert len({it.id for it in QUESTIONS}) == len(QUESTIONS) >= 30
    assert [it.id for it in QUESTIONS if not it.answer(PRESENT)] == []


def test_the_instants_tell_past_from_present_and_from_one_another() -> None:
    """Who answered each question as of now, or as of the wrong instant, would be found out many times."""
    assert len(PAST) >= 3
    for one, other in itertools.combinations([PRESENT, *PAST], 2):
        told_apart = [it.id for it in QUESTIONS if it.answer(one) != it.answer(other)]
        assert len(told_apart) >= 10, f"{one} and {other}: {told_apart}"


def test_the_page_is_made_of_these_questions_and_answers() -> None:
    assert (ROOT / PAGE).read_text("utf-8") == page(QUESTIONS, INSTANTS), "python -m examples.questions page"

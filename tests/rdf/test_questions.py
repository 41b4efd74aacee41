"""GraphQL and SPARQL agree on the competency questions, on the demo estate, now and as of three past instants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from examples.shop.beside import load_beside
from tests.end_to_end.service import Service
from tests.rdf.questions import PROLOGUE, Question, Rows, questions
from tests.rdf.test_equality import SHOP

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
INSTANTS: dict[str, dict[str, Any]] = {
    "now": {},
    "valid then": {"valid": "2026-11-20T12:00:00Z"},
    "known then": {"position": 300},
    "known and valid then": {"valid": "2026-11-21T12:00:00Z", "position": 412},
}
QUESTIONS = questions()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("questions") / "data"
    with Service(data, "--graphql-timeout", "60", "--graphql-max-cost", "1000000", "--position-wait", "60") as service:
        service.post_batch(SHOP)
        load_beside(service.url, now=NOW)
        service.graphql("{ __typename }", min_position=service.position())
        yield service


def both(service: Service, question: Question, as_of: Mapping[str, Any]) -> tuple[Rows, Rows]:
    data = service.graphql(question.graphql, {"asOf": dict(as_of) or None})
    parameters = {"query": PROLOGUE + question.sparql, **as_of}
    headers = {"Accept": "application/sparql-results+json"}
    if not as_of:
        headers["Andon-Min-Position"] = str(service.position())
    answer = service.client.get("/sparql", params=parameters, headers=headers, timeout=120)
    assert answer.status_code == 200, answer.text
    return question.of_graphql(data), question.of_sparql(answer.json())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("when", INSTANTS)
@pytest.mark.parametrize("question", QUESTIONS, ids=[it.id for it in QUESTIONS])
def test_both_give_the_same_rows(service: Service, question: Question, when: str) -> None:
    graphql, sparql = both(service, question, INSTANTS[when])
    assert graphql == sparql, (
        f"GraphQL alone {sorted(graphql - sparql)[:5]}, SPARQL alone {sorted(sparql - graphql)[:5]}"
    )
    assert graphql or (question.empty and when != "now"), "a question that finds nothing tells nothing"


def test_each_question_has_a_name_of_its_own() -> None:
    assert len({it.id for it in QUESTIONS}) == len(QUESTIONS) >= 30

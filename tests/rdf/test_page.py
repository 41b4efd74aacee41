"""The queries in docs/rdf.md run on the demo estate and find something; each setting is named there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.settings import PREFIX, ROWS
from examples.questions.question import PROLOGUE
from tests.end_to_end.service import Service
from tests.rdf.test_equality import SHOP

PAGE = (Path(__file__).parents[2] / "docs" / "rdf.md").read_text()
QUERIES = re.findall(r"^```sparql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("page") / "data") as service:
        service.post_batch(SHOP)
        service.graphql("{ __typename }", min_position=len(SHOP))
        yield service


def test_the_page_has_queries() -> None:
    assert len(QUERIES) >= 6


@pytest.mark.parametrize("query", QUERIES, ids=[it.split("{")[0].strip()[:60] for it in QUERIES])
def test_each_query_finds_something(service: Service, query: str) -> None:
    headers = {"Accept": "application/sparql-results+json", "Andon-Min-Position": str(len(SHOP))}
    answer = service.client.get("/sparql", params={"query": PROLOGUE + query}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"]["bindings"], "it finds nothing"


def test_the_session_at_its_head_is_as_shown(service: Service) -> None:
    shown = re.search(r"query=\n(.*?)'\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    answer = service.client.post("/sparql", data={"query": shown[1]}, headers={"Accept": "text/csv"})
    assert answer.text.split() == shown[2].split()


def test_each_prefix_and_setting_is_named() -> None:
    names = {row.name for row in ROWS if row.name.startswith(("rdf", "sparql"))}
    said = set(re.findall(r"`((?:rdf|sparql)[a-z_]*)`", PAGE))
    assert names - said - {"sparql_queue"} == set()
    assert all(PREFIX + it.upper() in PAGE for it in ("sparql_url", "sparql_update_url"))

"""The page on Neo4j: every block of Cypher runs on the demo estate and finds something."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openlineage.client.serde import Serde

from api.settings import ROWS
from examples.shop.history import history
from graph.neo4j.words import SEARCH_INDEX, TYPES, definitions
from ontology import load
from tests.contract.telling import tell
from tests.neo4j.projected import Projected, projected
from tests.servers.neo4j import Neo4jServer

PAGE = (Path(__file__).parents[2] / "docs" / "neo4j.md").read_text()
BLOCKS = re.findall(r"```cypher\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def shop(neo4j: Neo4jServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projected]:
    with projected(tmp_path_factory.mktemp("shop"), neo4j, load()) as store:
        events = history(datetime(2026, 11, 23, 8, tzinfo=UTC))
        tell(store, [json.loads(Serde.to_json(event)) for event in events], 200)
        with store.connection.reading() as ask:
            ask("CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh()")
        yield store


@pytest.mark.parametrize("block", BLOCKS, ids=lambda it: it.splitlines()[0][:40])
def test_every_block_of_cypher_finds_something(shop: Projected, block: str) -> None:
    with shop.connection.reading() as ask:
        assert ask(block)


def test_the_page_names_every_relation_setting_and_index() -> None:
    for word in {*TYPES.values(), "HAS_COLUMN"}:
        assert f"`:{word}`" in PAGE
    for row in ROWS:
        assert not row.name.startswith("neo4j_") or f"`{row.name}`" in PAGE
    assert SEARCH_INDEX in PAGE and SEARCH_INDEX in definitions(load())

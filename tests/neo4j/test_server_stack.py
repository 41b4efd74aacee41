"""The server stack, PostgreSQL and Neo4j, answers as the embedded store does: the present, the past, the changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from graph.model import PRESENT, AsOf, Instant, Position
from graph.postgres import PostgresGraph
from graph.sqlite import SqliteGraph
from ontology import load
from tests.contract.telling import dump, tell
from tests.neo4j.projected import Projected
from tests.neo4j.test_equality import OWN, SHARED
from tests.reference.events import Json
from tests.reference.nasty import CASES
from tests.servers.neo4j import Neo4jServer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.systems


def recorded(path: Path) -> list[Json]:
    """The events of a corpus that a door lets in."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [it["event"] for it in lines if it["grade"] != "reject"] if "event" in lines[0] else lines


def moments(embedded: SqliteGraph) -> list[AsOf]:
    """The present, what was known after each quarter of the events, and what was so half of the changes ago."""
    last = embedded.position()
    known = [Position(last * quarter // 4) for quarter in (1, 2, 3)]
    instants = sorted({it.valid_at for it in embedded.changes(0, 10**6)})
    then = Instant(instants[len(instants) // 2])
    return [PRESENT, *(AsOf(position=it) for it in known), AsOf(then), AsOf(then, known[1])]


def assert_alike(postgres: PostgresServer, neo4j: Neo4jServer, folder: Path, bodies: Sequence[Json]) -> None:
    words = load()
    embedded = SqliteGraph(folder / "graph.db", words)
    url, schema = postgres.new_schema()
    server = Projected(PostgresGraph(url, words, schema=schema), neo4j, words)
    try:
        for store in (embedded, server):
            tell(store, bodies, 30)
        assert server.changes(0, 10**6) == embedded.changes(0, 10**6)
        for as_of in moments(embedded):
            assert dump(server, as_of) == dump(embedded, as_of), as_of
        assert server.projection.walks > 0, "or Neo4j answered nothing"
    finally:
        embedded.close()
        server.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "path", sorted(SHARED.glob("*/replay.ndjson")) or [None], ids=lambda it: it.parent.name if it else "absent"
)
def test_both_stacks_answer_alike_about_events_of_other_projects(
    postgres: PostgresServer, neo4j: Neo4jServer, tmp_path: Path, path: Path | None
) -> None:
    if path is None:
        pytest.skip("../shared is absent")
    assert_alike(postgres, neo4j, tmp_path, recorded(path))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", sorted(OWN.glob("*.ndjson")), ids=lambda it: it.stem)
def test_both_stacks_answer_alike_about_our_own_scenarios(
    postgres: PostgresServer, neo4j: Neo4jServer, tmp_path: Path, path: Path
) -> None:
    assert_alike(postgres, neo4j, tmp_path, recorded(path))


@pytest.mark.timeout(300)
def test_both_stacks_answer_alike_about_nasty_histories(
    postgres: PostgresServer, neo4j: Neo4jServer, tmp_path: Path
) -> None:
    assert_alike(postgres, neo4j, tmp_path, [body for case in CASES[::3] for body in case.bodies])

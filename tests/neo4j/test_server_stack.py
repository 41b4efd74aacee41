"""The server stack, PostgreSQL and Neo4j, answers what the embedded store answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graph.model import PRESENT, AsOf, Position
from graph.postgres import PostgresGraph
from graph.sqlite import SqliteGraph
from ontology import load
from tests.contract.telling import dump, tell
from tests.neo4j.projected import Projected
from tests.neo4j.test_equality import corpora
from tests.reference.events import Json
from tests.reference.nasty import CASES
from tests.servers.neo4j import Neo4jServer
from tests.servers.postgres import PostgresServer


def nasty() -> list[Json]:
    return [body for case in CASES[::3] for body in case.bodies]


def recorded(path: Path) -> list[Json]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [it["event"] for it in lines if it.get("grade") != "reject"] if "event" in lines[0] else lines


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", [None, *corpora()], ids=lambda it: f"{it.parent.name}-{it.stem}" if it else "nasty")
def test_both_stacks_answer_alike(
    postgres: PostgresServer, neo4j: Neo4jServer, tmp_path: Path, path: Path | None
) -> None:
    words = load()
    bodies = recorded(path) if path else nasty()
    embedded = SqliteGraph(tmp_path / "graph.db", words)
    server = Projected(PostgresGraph(postgres.new_database(), words), neo4j, words)
    try:
        for store in (embedded, server):
            tell(store, bodies, 30)
        for as_of in (PRESENT, AsOf(position=Position(len(bodies) // 2))):
            assert dump(server, as_of) == dump(embedded, as_of)
    finally:
        embedded.close()
        server.close()

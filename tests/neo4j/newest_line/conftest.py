"""A server of the newest line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.neo4j import NEWEST, Missing, Neo4jServer


@pytest.fixture(scope="session")
def neo4j(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """Stands for the fixture of that name, for all that is in this folder."""
    try:
        server = Neo4jServer(tmp_path_factory.mktemp("neo4j"), line=NEWEST)
    except Missing as why:
        pytest.skip(f"no Neo4j: {why}")
    try:
        server.start()
        yield server
    finally:
        server.kill()

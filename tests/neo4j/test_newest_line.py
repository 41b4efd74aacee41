"""The projection, the service and the connection over Neo4j's newest line: the very tests of the long-term one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.neo4j.projected import connect
from tests.neo4j.test_connection import *  # noqa: F403  # pytest finds the tests and fixtures under these names here
from tests.neo4j.test_projection import *  # noqa: F403
from tests.neo4j.test_service import *  # noqa: F403
from tests.servers.neo4j import NEWEST, Missing, Neo4jServer

pytestmark = [pytest.mark.systems, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def neo4j(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """Stands for the fixture of that name, for all that is in this module."""
    try:
        server = Neo4jServer(tmp_path_factory.mktemp("neo4j"), line=NEWEST)
    except Missing as why:
        pytest.skip(f"no Neo4j: {why}")
    try:
        server.start()
        yield server
    finally:
        server.kill()


def test_it_is_that_line(neo4j: Neo4jServer) -> None:
    connection = connect(neo4j)
    with connection.reading() as ask:
        [[version]] = ask("CALL dbms.components() YIELD name, versions WHERE name = 'Neo4j Kernel' RETURN versions[0]")
    connection.close()
    assert version.startswith("2026.")

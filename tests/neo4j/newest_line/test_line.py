"""It is another line, or the other tests of this folder say nothing."""

import pytest

from tests.neo4j.projected import connect
from tests.servers.neo4j import Neo4jServer

pytestmark = [pytest.mark.systems, pytest.mark.timeout(600)]


def test_it_is_the_newest_line(neo4j: Neo4jServer) -> None:
    connection = connect(neo4j)
    with connection.reading() as ask:
        [[version]] = ask("CALL dbms.components() YIELD name, versions WHERE name = 'Neo4j Kernel' RETURN versions[0]")
    connection.close()
    assert version.startswith("2026.")

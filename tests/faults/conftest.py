"""An installation of the test's own, and the figures that tests measure, shown at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.installation import Installation, target
from tests.servers.neo4j import Neo4jServer
from tests.servers.postgres import Missing, PostgresServer, postgres_server

measured = pytest.StashKey[list[str]]()


@pytest.fixture
def installation(tmp_path: Path, postgres: PostgresServer, neo4j: Neo4jServer) -> Iterator[Installation]:
    """On the session's servers."""
    with target() as receiver:
        yield Installation(tmp_path, postgres, neo4j, receiver)


@pytest.fixture
def restartable(tmp_path: Path, neo4j: Neo4jServer) -> Iterator[Installation]:
    """On a PostgreSQL of its own, which waits for the disk as it must outside tests."""
    server = postgres_server(durable=True)
    try:
        postgres = server.__enter__()
    except Missing as why:
        pytest.skip(f"no PostgreSQL: {why}")
    try:
        with target() as receiver:
            yield Installation(tmp_path, postgres, neo4j, receiver)
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Show a figure in the summary."""
    figures = request.config.stash.setdefault(measured, [])
    return lambda text: figures.append(f"{request.node.name}: {text}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if figures := config.stash.get(measured, []):
        terminalreporter.section("measured")
        for line in figures:
            terminalreporter.line(line)

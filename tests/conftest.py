"""Skipped tests are counted, and under CI each must have been allowed here, by its reason.

A test that cannot run on some machine says why with `pytest.skip(reason)`. On a developer's machine that is
enough. With CI=true a skip whose reason does not begin with a key of ALLOWED_SKIPS fails the session, so that
a test that has quietly stopped running is noticed.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.durability.stacks import Stack
    from tests.servers.neo4j import Neo4jServer
    from tests.servers.postgres import PostgresServer

ALLOWED_SKIPS: dict[str, str] = {
    # "how the skip's reason begins": "why it is right that CI does not run it"
    "../shared is absent": "events of other projects, kept beside the repository; tests/data holds our own",
    "no Neo4j: no Java for the 2026 line": "that line needs a newer Java than the long-term one, which must be there",
}


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL; each test takes a database of its own from it."""
    from tests.servers.postgres import Missing, postgres_server

    try:
        server = postgres_server()
        running = server.__enter__()
    except Missing as why:
        pytest.skip(f"no PostgreSQL: {why}")
    try:
        yield running
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def neo4j(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """A real Neo4j, running; its one database is handed on from test to test as it is."""
    from tests.servers.neo4j import Missing, Neo4jServer

    try:
        server = Neo4jServer(tmp_path_factory.mktemp("neo4j"))
    except Missing as why:
        pytest.skip(f"no Neo4j: {why}")
    try:
        server.start()
        yield server
    finally:
        server.kill()  # nothing of it is kept, and an orderly end takes it a quarter of a minute


@pytest.fixture(params=["embedded", "server"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Stack:
    """An installation of each kind, with nothing in it."""
    from tests.durability.stacks import Embedded, Server

    if request.param == "embedded":
        return Embedded(tmp_path / "data")
    return Server(tmp_path / "data", request.getfixturevalue("postgres").new_database())


skipped = pytest.StashKey[list[tuple[str, str]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[skipped] = []


def _note(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    config.stash[skipped].append((report.nodeid, reason.removeprefix("Skipped: ")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _note(item.config, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _note(collector.config, report)
    return report


def _unlisted(config: pytest.Config) -> list[tuple[str, str]]:
    return [(test, reason) for test, reason in config.stash[skipped] if not reason.startswith(tuple(ALLOWED_SKIPS))]


def _under_ci() -> bool:
    return os.environ.get("CI") == "true"


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _under_ci() and _unlisted(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _under_ci() and (unlisted := _unlisted(config)):
        terminalreporter.section("skipped without an allowed reason (ALLOWED_SKIPS in tests/conftest.py)", red=True)
        for test, reason in unlisted:
            terminalreporter.line(f"{test}: {reason}")
    terminalreporter.line(f"tests skipped: {len(config.stash[skipped])}")

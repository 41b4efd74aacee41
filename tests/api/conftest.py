"""A journal for each test, and GraphQL over a fake graph."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.sqlite_journal import SqliteJournal
from tests.api.fake_graph import FakeGraph, estate
from tests.api.graphql_services import Asking, asking, journal_in


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    journal = journal_in(tmp_path)
    yield journal
    journal.close()


@pytest.fixture
def graph() -> FakeGraph:
    """Three tables in a row."""
    return estate(3)


@pytest.fixture
def graphql(graph: FakeGraph, journal: SqliteJournal) -> Asking:
    return asking(graph, journal)

"""What most tests of rules need: the ontology, a rule, an outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ontology
from ontology import Ontology
from rules import Rule, read_rule
from rules.outbox import Outbox
from rules.postgres_outbox import PostgresOutbox
from rules.sqlite_outbox import SqliteOutbox

RULE = b"""\
rule: failed-run-notifies-dashboard-owners
version: 1
description: Tell the owners of dashboards that a failed run leaves stale.
on: {change: run.failed}
for_each: {downstream: Dashboard}
do:
  - webhook: {url: "${ANDON_DEMO_WEBHOOK}", event_type: dev.andon.run.failed}
"""
REFERENCES = {"ANDON_DEMO_WEBHOOK": "https://hooks.example.com/canary-4711?token=canary-4712"}


@pytest.fixture(scope="session")
def words() -> Ontology:
    return ontology.load()


@pytest.fixture(scope="session")
def rule(words: Ontology) -> Rule:
    return read_rule(RULE, "failed.yaml", words, REFERENCES)


@pytest.fixture(params=["sqlite", "postgres"])
def open_outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Outbox]:
    """Opens one and the same outbox of each kind, empty at first."""
    if request.param == "sqlite":
        return lambda: SqliteOutbox(tmp_path / "outbox.db")
    url = request.getfixturevalue("postgres").new_database()
    return lambda: PostgresOutbox(url)


@pytest.fixture
def outbox(open_outbox: Callable[[], Outbox]) -> Iterator[Outbox]:
    outbox = open_outbox()
    yield outbox
    outbox.close()

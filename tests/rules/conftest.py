"""What most tests of rules need: the ontology, a rule, an outbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ontology
from ontology import Ontology
from rules import Rule, read_rule
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


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[SqliteOutbox]:
    outbox = SqliteOutbox(tmp_path / "outbox.db")
    yield outbox
    outbox.close()

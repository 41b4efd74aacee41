"""What most tests of rules need: the ontology, a rule, an outbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ontology
from ontology import Ontology
from rules import Rule, read_rule
from rules.outbox import Outbox
from tests.contract.adapters import OUTBOXES, SERVER_OUTBOXES, OutboxPlace

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


@pytest.fixture(params=[*OUTBOXES, *SERVER_OUTBOXES])
def outbox_place(request: pytest.FixtureRequest, tmp_path: Path) -> OutboxPlace:
    """Where an outbox of each kind can be opened."""
    kind = str(request.param)
    if kind in OUTBOXES:
        return OUTBOXES[kind](tmp_path)
    return SERVER_OUTBOXES[kind](request.getfixturevalue("postgres"))


@pytest.fixture
def outbox(outbox_place: OutboxPlace) -> Iterator[Outbox]:
    """An outbox of each kind, empty at first."""
    outbox = outbox_place.open()
    yield outbox
    outbox.close()

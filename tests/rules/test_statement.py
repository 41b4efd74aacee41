"""What a rule says is said once, whatever happens between saying it and noting that it was said."""

from __future__ import annotations

import json
from pathlib import Path

from api.app import said_by_rule
from graph.errors import Unavailable
from graph.model import Instant, NewEnvelope, Position
from graph.sqlite_journal import SqliteJournal
from rules.actions.delivery import Delivered, Postponed
from rules.actions.statement import Statements
from rules.outbox import Intended

ORDER = json.dumps({
    "op": "stop", "rule": "late",
    "arguments": {"cause": "It failed.", "policy": "warn", "owner": "team:ops", "causedBy": []},
}).encode()  # fmt: skip
INTENDED = Intended(
    key="5f3a",
    firing="f1",
    kind="stop",
    target="urn:andon:dataset:db:orders",
    owner="team:ops",
    address="",
    credential=None,
    body=ORDER,
    evidence=(Position(3),),
)


def test_a_stop_that_is_delivered_again_is_one_envelope(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    stops = Statements(said_by_rule, lambda envelope: journal.append((envelope,)))

    outcomes = [stops.deliver(INTENDED, Instant(1_000_000)), stops.deliver(INTENDED, Instant(9_000_000))]

    assert outcomes == [Delivered(), Delivered()]
    [envelope] = journal.read(Position(0), 10)
    assert envelope.body is not None
    said = json.loads(envelope.body)
    assert (said["op"], said["stop"], said["urn"]) == ("stop", "5f3a", INTENDED.target)
    assert (said["cause"], said["policy"], said["owner"], said["by"]) == ("It failed.", "warn", "team:ops", "rule:late")
    assert said["at"] == "1970-01-01T00:00:01Z"
    journal.close()


def test_a_journal_that_is_away_is_tried_again() -> None:
    def append(envelope: NewEnvelope) -> None:
        raise Unavailable("the disk is full")

    assert Statements(said_by_rule, append).deliver(INTENDED, Instant(0)) == Postponed("the disk is full")

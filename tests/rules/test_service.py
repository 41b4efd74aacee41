from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from graph.errors import NotFound
from graph.model import Change, Instant, NewEnvelope, Position
from ontology import Ontology
from rules import RuleService, RulesRejected
from rules.sources import Sources
from tests.rules.conftest import RULE
from tests.rules.estate import Committed, Estate, dataset, failed, run_urn, shop
from tests.rules.receiver import Receiver, status

SECRET = "canary-0123456789abcdef"
SIGNED = RULE.replace(b"dev.andon.run.failed}", b'dev.andon.run.failed, secret: "${HOOK_SECRET}"}')


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


class Life:
    """A service on a data folder with its surroundings: graph, changes, journal, target."""

    def __init__(self, data: Path, receiver: Receiver, words: Ontology) -> None:
        self.estate: Estate = shop()
        self.changes: list[Change] = []
        self.journal: list[NewEnvelope] = []
        self._data, self._receiver, self._words = data, receiver, words

    @contextmanager
    def service(self) -> Iterator[RuleService]:
        (self._data / "rules").mkdir(exist_ok=True)
        (self._data / "rules" / "failed.yaml").write_bytes(SIGNED)
        service = RuleService(
            rules_dir=self._data / "rules",
            data_dir=self._data,
            sources=Sources(Committed(self.changes), self.estate.snapshot, lambda position: now()),
            append=self.journal.append,
            references={"ANDON_DEMO_WEBHOOK": f"{self._receiver.url}?token={SECRET}", "HOOK_SECRET": SECRET},
            allowed_hosts=frozenset({f"127.0.0.1:{self._receiver.port}"}),
            last_position=lambda: self.estate.position,
            ontology=self._words,
        )
        service.start()
        try:
            yield service
        finally:
            service.stop()

    def happens(self, service: RuleService, change: Change) -> None:
        self.changes.append(change)
        service.notice([change])


def now() -> Instant:
    return Instant(time.time_ns() // 1000)


def states(service: RuleService) -> list[str]:
    return [action.state for firing in service.firings(10) for action in firing.actions]


def test_a_failed_run_reaches_the_owners_of_the_dashboards_below_it(tmp_path: Path, words: Ontology) -> None:
    with Receiver() as receiver:
        life = Life(tmp_path, receiver, words)
        with life.service() as service:
            life.happens(service, failed(9, at=now()))
            until(lambda: states(service) == ["delivered"] * 3)
            until(lambda: len(life.journal) == 5)

    told = [(event["subject"].rpartition(":")[2], event["data"]["owner"]["name"]) for event in events(receiver)]
    assert sorted(told) == [("revenue", "ana"), ("sales", "ana"), ("sales", "ben")]
    assert [json.loads(envelope.body)["about"] for envelope in life.journal] == [
        "definition", "decision", *["outcome"] * 3,
    ]  # fmt: skip


def events(receiver: Receiver) -> list[dict[str, Any]]:
    return [received.event for received in receiver.received]


def test_what_was_missed_while_stopped_is_acted_on_once_after_the_next_start(tmp_path: Path, words: Ontology) -> None:
    with Receiver() as receiver:
        life = Life(tmp_path, receiver, words)
        with life.service() as service:
            life.happens(service, failed(9, at=now()))
            until(lambda: states(service) == ["delivered"] * 3)
        life.changes.append(failed(10, at=now()))
        with life.service() as service:
            until(lambda: states(service) == ["delivered"] * 6)
        with life.service() as service:
            life.happens(service, failed(11, run_urn("unknown"), at=now()))
            until(lambda: len(service.firings(10)) == 3)

    assert len(receiver.received) == 6


def test_a_first_start_on_a_graph_with_a_past_acts_on_none_of_it(tmp_path: Path, words: Ontology) -> None:
    with Receiver() as receiver:
        life = Life(tmp_path, receiver, words)
        life.changes = [failed(8, at=now()), failed(9, at=now())]
        life.estate.add_run("run-2", dataset("orders"))
        life.estate.position = Position(9)
        with life.service() as service:
            life.happens(service, failed(10, run_urn("run-2"), at=now()))
            until(lambda: states(service) == ["delivered"] * 3)
            assert [firing.subject for firing in service.firings(10)] == [run_urn("run-2")]


def test_a_dead_action_can_be_replayed(tmp_path: Path, words: Ontology) -> None:
    with Receiver(status(404), status(404), status(404), status(204)) as receiver:
        life = Life(tmp_path, receiver, words)
        with life.service() as service:
            life.happens(service, failed(9, at=now()))
            until(lambda: states(service) == ["dead"] * 3)
            service.replay(service.firings(1)[0].actions[1].key)
            until(lambda: states(service) == ["dead", "delivered", "dead"])
            with pytest.raises(NotFound):
                service.replay("no such key")


def test_no_secret_is_in_outbox_journal_firings_or_log(
    tmp_path: Path, words: Ontology, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Receiver(status(204), status(404), status(500)) as receiver:
        life = Life(tmp_path, receiver, words)
        with life.service() as service:
            life.happens(service, failed(9, at=now()))
            until(lambda: sorted(states(service)) == ["dead", "delivered", "failed"])
            until(lambda: len(life.journal) == 4)
            shown = repr(service.firings(10))
            on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())

    assert SECRET in receiver.received[0].path
    assert b"failed-run-notifies" in on_disk
    assert SECRET.encode() not in on_disk + b"".join(envelope.body for envelope in life.journal)
    assert SECRET not in shown + caplog.text
    assert "${ANDON_DEMO_WEBHOOK}" in shown


def test_a_bad_rule_keeps_the_service_from_being_built(tmp_path: Path, words: Ontology) -> None:
    with Receiver() as receiver:
        life = Life(tmp_path, receiver, words)
        (tmp_path / "rules").mkdir()
        (tmp_path / "rules" / "z.yaml").write_bytes(b"rule: 1\n")

        with pytest.raises(RulesRejected, match=r"z\.yaml, line 1"), life.service():
            pass

    assert not (tmp_path / "outbox.db").exists()


def test_a_service_without_rules_passes_changes_and_fires_nothing(tmp_path: Path) -> None:
    service = RuleService(
        rules_dir=None,
        data_dir=tmp_path,
        sources=Sources(Committed([failed(9)]), shop().snapshot, lambda position: now()),
        append=list[NewEnvelope]().append,
        references={},
        last_position=lambda: 0,
    )
    service.start()
    until(lambda: service.checkpoint() == 9)

    assert (service.rules, service.firings(10)) == ((), [])
    service.stop()

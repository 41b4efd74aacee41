"""A process that decides, acts and records, and is killed by SIGKILL on the way; run by test_crashes.

    python -m tests.rules.crashing DATA URL STEP SECONDS [saying]

STEP names where it dies ("" for nowhere), SECONDS is how far its clock is ahead; `saying`: the rule pulls the cord
rather than send a message. Everything but the graph is
real: outbox and journal, in the folder DATA or, where ANDON_POSTGRES_URL names one, in that database; the webhook to
URL. Without a crash it ends when nothing is left.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import ontology
from api.app import said_by_rule
from graph.journal import Journal
from graph.model import Instant, NewEnvelope, Position
from graph.postgres_journal import PostgresJournal
from graph.sqlite_journal import SqliteJournal
from rules.actions.outbound import Outbound
from rules.actions.statement import Statements
from rules.actions.webhook import Webhooks
from rules.engine import Engine
from rules.outbox import Firing, Leased, Outbox, Settlement
from rules.postgres_outbox import PostgresOutbox
from rules.reading import read_rule
from rules.sources import Sources
from rules.sql_outbox import SqlOutbox
from rules.sqlite_outbox import SqliteOutbox
from rules.worker import Worker
from tests.rules.conftest import RULE
from tests.rules.estate import T0, Committed, failed, shop

STEPS = (
    "decided",  # the decision is made, not committed
    "intended",  # decision and actions are committed
    "leased",  # an action is taken, not sent
    "sent",  # the target has it and has not answered (the test kills then)
    "answered",  # the target has answered, which is not yet written down
    "settled",  # the outcome is in the outbox, not in the journal
    "recording",  # it is on its way to the journal
    "recorded",  # the journal has it, which the outbox does not know yet
)


SAYING = b"rule: cord\nversion: 1\non: {change: run.failed}\ndo: [{stop: {cause: It failed., owner: ana}}]\n"


def die_at(here: str) -> None:
    if sys.argv[3] == here:
        os.kill(os.getpid(), signal.SIGKILL)


class Crashing(SqlOutbox):
    """To be mixed into an outbox."""

    def decide(
        self, after: Position, upto: Position, firings: Sequence[Firing], reports: Sequence[NewEnvelope]
    ) -> bool:
        die_at("decided")
        committed = super().decide(after, upto, firings, reports)
        die_at("intended")
        return committed

    def lease(self, now: Instant, until: Instant) -> Leased | None:
        leased = super().lease(now, until)
        if leased is not None:
            die_at("leased")
        return leased

    def settle(self, leased: Leased, settlement: Settlement) -> bool:
        die_at("answered")
        settled = super().settle(leased, settlement)
        die_at("settled")
        return settled

    def reported(self, number: int) -> None:
        die_at("recorded")
        super().reported(number)


class CrashingSqlite(Crashing, SqliteOutbox):
    pass


class CrashingPostgres(Crashing, PostgresOutbox):
    pass


def opened(data: Path, database: str | None) -> tuple[Outbox, Journal]:
    if database is None:
        return CrashingSqlite(data / "outbox.db"), SqliteJournal(data / "journal.db")
    return CrashingPostgres(database), PostgresJournal(database)


def main() -> None:
    data, url, ahead = Path(sys.argv[1]), sys.argv[2], int(sys.argv[4])
    references = {"ANDON_DEMO_WEBHOOK": url}
    rule = read_rule(SAYING if sys.argv[5:] else RULE, "failed.yaml", ontology.load(), references)
    outbox, journal = opened(data, os.environ.get("ANDON_POSTGRES_URL"))

    def append(envelope: NewEnvelope) -> None:
        die_at("recording")
        journal.append([envelope])

    engine = Engine([rule], Sources(Committed([failed(9)]), shop().snapshot, lambda position: T0), outbox)
    worker = Worker(
        outbox,
        {
            "webhook": Webhooks(references, Outbound(frozenset({url.split("/")[2]}))),
            "stop": Statements(said_by_rule, lambda envelope: journal.append([envelope])),
        },
        append,
        lambda: Instant(time.time_ns() // 1000 + ahead * 1_000_000),
    )
    while engine.step() or worker.step():
        pass
    journal.close()
    outbox.close()


if __name__ == "__main__":
    main()

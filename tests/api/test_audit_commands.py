"""`andon audit verify` on the data folder of an installation."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from api.cli import main
from graph.model import Position
from graph.sqlite_journal import SqliteJournal
from rules import record
from rules.sqlite_outbox import SqliteOutbox
from tests.rules.deciding import a_firing


def reported(data: Path, count: int) -> None:
    """Have an outbox decide, and all but the last decision brought to the journal."""
    outbox, journal = SqliteOutbox(data / "outbox.db"), SqliteJournal(data / "journal.db")
    outbox.decide(Position(0), Position(9), [], [record.decision(a_firing(f"f{it}")) for it in range(count)])
    for number, envelope in outbox.unreported(count - 1):
        journal.append([envelope])
        outbox.reported(number)
    journal.close()
    outbox.close()


def test_a_sound_log_a_head_to_keep_and_a_broken_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify = ["audit", "verify", "--data", str(tmp_path)]
    reported(tmp_path, 4)

    assert main(verify) == 0
    summary, waiting, head = capsys.readouterr().out.splitlines()
    assert summary.startswith("4 records, 20")
    assert waiting == "1 of them are still on their way to the journal"
    assert head.startswith("head 4:")
    assert main([*verify, "--expect", head.removeprefix("head ")]) == 0
    assert main([*verify, "--expect", "4"]) == 2
    assert main([*verify, "--expect", "2:" + "0" * 64]) == 1
    capsys.readouterr()

    connection = sqlite3.connect(tmp_path / "journal.db")
    connection.execute("UPDATE envelope SET body = CAST(replace(body, 'fired', 'shadow') AS BLOB) WHERE position = 2")
    connection.commit()
    connection.close()
    assert main([*verify, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["records"], found["fault"]) == (
        1, {"record": 2, "position": 2, "reason": "does not say what it said"},
    )  # fmt: skip


def test_where_there_is_no_journal_there_is_no_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--data", str(tmp_path)]) == 1
    assert "there is no journal" in capsys.readouterr().err

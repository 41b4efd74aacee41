from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from graph.errors import Conflict
from rules.sqlite_outbox import _MIGRATIONS, SqliteOutbox
from tests.rules.estate import T0


def test_an_outbox_of_a_newer_andon_is_left_alone(tmp_path: Path) -> None:
    SqliteOutbox(tmp_path / "outbox.db").close()
    connection = sqlite3.connect(tmp_path / "outbox.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(Conflict, match="newer Andon"):
        SqliteOutbox(tmp_path / "outbox.db")


def test_an_outbox_of_an_older_andon_keeps_what_is_still_to_be_done(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "outbox.db")
    connection.executescript(_MIGRATIONS[0] + "PRAGMA user_version = 1;")
    connection.execute(
        "INSERT INTO firing VALUES (1, 'f1', 'r', '1', 9, 'run.failed', 's', 0, 'fired', NULL, 1, NULL, '[]')"
    )
    connection.execute(
        "INSERT INTO action (key, firing, kind, target, owner, address, body, evidence, due_at)"
        " VALUES ('k1', 'f1', 'webhook', 't', '', 'a', x'7b7d', '[]', 0)"
    )
    connection.commit()
    connection.close()

    outbox = SqliteOutbox(tmp_path / "outbox.db")
    leased = outbox.lease(T0, T0)
    outbox.close()

    assert leased is not None
    assert (leased.action.key, leased.action.within, leased.action.progress) == ("k1", None, None)

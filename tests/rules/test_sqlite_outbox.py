from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from graph.errors import Conflict
from rules.sqlite_outbox import SqliteOutbox


def test_an_outbox_of_a_newer_andon_is_left_alone(tmp_path: Path) -> None:
    SqliteOutbox(tmp_path / "outbox.db").close()
    connection = sqlite3.connect(tmp_path / "outbox.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(Conflict, match="newer Andon"):
        SqliteOutbox(tmp_path / "outbox.db")

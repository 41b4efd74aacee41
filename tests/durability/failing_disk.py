"""A service whose journal stands on a disk that fails to make a commit durable, from when a file says so.

    python -m tests.durability.failing_disk DATA

It serves DATA on a free port like `andon serve`; as soon as the file DATA/fail is there, every fsync of the
journal fails.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

from api import app, server
from api.settings import Settings
from graph.sqlite_journal import SqliteJournal

Connect = Callable[[Path], sqlite3.Connection]


def connecting(fails: Callable[[], bool], name: str = "SQLITE_IOERR_FSYNC") -> Connect:
    """Opens connections whose COMMIT ends in SQLite's error `name` where `fails`, as on EIO from fsync."""

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, /, *parameters: object) -> sqlite3.Cursor:
            if sql == "COMMIT" and fails():
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorname = name
                raise error
            return super().execute(sql, *parameters)  # type: ignore[arg-type]

    return lambda path: sqlite3.connect(path, check_same_thread=False, factory=Connection)


def announce(url: str) -> None:
    sys.stdout.write(f"listening on {url}\n")
    sys.stdout.flush()


def main() -> None:
    data = Path(sys.argv[1])
    failing = partial(SqliteJournal, connect=connecting((data / "fail").exists))
    with mock.patch.object(app, "SqliteJournal", failing):
        serve(data)


def serve(data: Path) -> None:
    server.serve(Settings(data=data, port=0), announce)


if __name__ == "__main__":
    main()

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from graph.errors import Conflict
from graph.model import Position
from graph.postgres_database import parse_url
from graph.postgres_journal import migrate
from rules import postgres_outbox, sqlite_outbox
from rules.audit import OLDER
from rules.outbox import Outbox
from rules.postgres_outbox import PostgresOutbox
from rules.sqlite_outbox import SqliteOutbox
from tests.rules.deciding import a_firing, a_report
from tests.servers.postgres import PostgresServer


def test_an_outbox_of_a_newer_andon_is_left_alone(tmp_path: Path) -> None:
    SqliteOutbox(tmp_path / "outbox.db").close()
    connection = sqlite3.connect(tmp_path / "outbox.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(Conflict, match="newer Andon"):
        SqliteOutbox(tmp_path / "outbox.db")


FIRST = (
    "INSERT INTO checkpoint VALUES (1, 9)",
    "INSERT INTO report (kind, source, key, body) VALUES ('action', 'rules', 'k', '{}')",
)


def continues(outbox: Outbox) -> None:
    """It has what it had, and its log begins behind records that were not linked."""
    assert (outbox.checkpoint(), outbox.chain()[0]) == (9, OLDER)
    assert outbox.decide(Position(9), Position(10), [a_firing("f2", 10, "k1")], [a_report()])
    assert [it.body for _, it in outbox.unreported(10)] == [b"{}", b'{"number":1,"previous":"00"}']
    outbox.close()


def test_an_outbox_of_the_first_shape_is_brought_to_the_newest(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "outbox.db")
    connection.executescript(sqlite_outbox._MIGRATIONS[0] + "PRAGMA user_version = 1;")
    connection.execute(FIRST[0])
    connection.execute(FIRST[1].replace("'k', '{}'", "x'6b', x'7b7d'"))
    connection.commit()
    connection.close()

    continues(SqliteOutbox(tmp_path / "outbox.db"))


def test_one_in_postgresql_too(postgres: PostgresServer) -> None:
    url, schema = postgres.new_schema()
    migrate(parse_url(url), schema, "outbox", postgres_outbox._MIGRATIONS[:1])
    with psycopg.connect(url, options=f"-c search_path={schema}") as connection:
        for statement in FIRST:
            connection.execute(statement)

    continues(PostgresOutbox(url, schema=schema))

"""PostgreSQL under the SQL port: connections, translation, and writes that travel together.

Nothing here is imported by an embedded installation, which needs no driver.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8BinaryDumper

from .conditions import json_type
from .errors import InvalidInput, Unavailable
from .reader import AttributeCondition
from .schema import SCHEMA

_log = logging.getLogger("andon.postgres")

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]

_APPLICATION = "andon"
# A machine that went away without a word is noticed after about ten seconds, at either end.
_KEEPALIVE: Mapping[str, Any] = {
    "connect_timeout": 5, "keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}  # fmt: skip
_STANDSTILL = 10  # seconds
_SPEAK_AFTER = 1.0  # seconds
_SESSION = {
    "tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": f"{_STANDSTILL}s",
}  # fmt: skip
_ROWS_AT_ONCE = 64
_MARKS = re.compile(r"\?")
_LIST = "IN (SELECT value FROM json_each(?))"
_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)")
_SETS = r" DO UPDATE SET (?:\w+ = excluded\.\w+(?:, |$))+"
_INSERT = re.compile(
    r"(INSERT INTO \w+ \(([^)]*)\) VALUES )(\(\?(?:, \?)*\))( ON CONFLICT DO NOTHING| ON CONFLICT \(([^)]*)\)"
    + _SETS
    + r"|)"
)


def parse_url(url: str) -> str:
    """The connection string in its plain form. Raises `InvalidInput` that repeats nothing of it: it holds a secret."""
    try:
        return make_conninfo(url)
    except psycopg.Error:
        reason = "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        raise InvalidInput(reason, field="postgres_url") from None


def connect(conninfo: str, *, search_path: str = "", settings: Mapping[str, str] | None = None) -> Connection:
    """A connection in autocommit mode, with values in binary. Raises `Unavailable`."""
    options = {"search_path": search_path, **_SESSION, **(settings or {})}
    given = conninfo_to_dict(conninfo).get("options") or ""
    said = " ".join([str(given), *(f"-c {name}={_escaped(value)}" for name, value in options.items() if value)])
    defaults = {key: value for key, value in _KEEPALIVE.items() if f"{key}=" not in conninfo}
    with unavailable():
        connection = psycopg.connect(
            conninfo,
            autocommit=True,
            cursor_factory=psycopg.RawCursor,
            application_name=_APPLICATION,
            options=said.strip(),
            **defaults,
        )
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    connection.adapters.register_dumper(IntEnum, Int8BinaryDumper)
    connection.prepare_threshold = 2
    connection.prepared_max = 1_000
    return connection


def end_standstill(conninfo: str) -> None:
    """End the sessions of processes that stand still in the middle of a write, as where one was paused.

    For those who wait for what such a session holds. The server does it by itself where a session rests between two
    statements, and not where it has the first half of a pipeline, nor after one at whose end the driver asked for what
    had come already. Raises `Unavailable`.
    """
    with connect(conninfo) as connection, unavailable():
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND usename = current_user AND application_name = $1 AND backend_xid IS NOT NULL"
            " AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - $2 * interval '1 second'",
            (_APPLICATION, float(_STANDSTILL)),
        )
    if ended.rowcount:
        _log.warning("ended %d sessions of processes that stood still for %d s", ended.rowcount, _STANDSTILL)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The server's clock in SQL, as an `Instant`."""

_PASSING = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,  # these two are "internal errors"
    psycopg.errors.ReadOnlySqlTransaction,  # the server is a standby, or has just become one
)


@contextmanager
def unavailable() -> Iterator[None]:
    """A lost connection or a server that cannot now is `Unavailable`; values that it refuses are `ValueError`."""
    try:
        yield
    except psycopg.errors.ProgramLimitExceeded as error:  # a name longer than an index takes: no try will ever do
        raise ValueError(f"PostgreSQL refuses it: {type(error).__name__}") from error
    except _PASSING as error:
        what = f"{type(error).__name__} {error.sqlstate}" if error.sqlstate else type(error).__name__
        raise Unavailable(f"PostgreSQL cannot do it now ({what})", retry_after=2) from error
    except psycopg.errors.UndefinedTable as error:
        raise Unavailable("the graph was made anew a moment ago", retry_after=1) from error
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise ValueError(f"PostgreSQL refuses it: {type(error).__name__}") from error


def wait_for_readers(connection: Connection, seconds: float = 10.0) -> None:
    """Wait until no snapshot is older than this moment: as long, the rows deleted before are kept.

    Raises `Unavailable` where that takes longer.
    """
    deadline = time.monotonic() + seconds
    older = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_xmin IS NOT NULL AND backend_xmin::text::bigint <= $1"
    )
    with unavailable():
        row = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        assert row is not None
        transaction = row[0] % 2**32
        while True:
            row = connection.execute(older, (transaction,)).fetchone()
            if row is not None and not row[0]:
                return
            if time.monotonic() > deadline:
                raise Unavailable("what was deleted still stands in the database, as somebody reads it: try again")
            time.sleep(0.05)


def identifier(name: str) -> str:
    """A name that can stand in SQL as it is. Raises `InvalidInput`."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,40}", name):
        raise InvalidInput(f"expected lower-case letters, digits and _, found {name!r}", field="postgres_schema")
    return name


@lru_cache(maxsize=4_096)
def translate(statement: str) -> str:
    """The shared SQL as PostgreSQL reads it: `$1` for `?`, an array for a JSON list, LIKE without regard to case."""
    statement = statement.replace(_LIST, "= ANY(translate(?, '[]', '{}')::bigint[])").replace(" LIKE ", " ILIKE ")
    numbers = iter(range(1, statement.count("?") + 1))
    return _MARKS.sub(lambda _: f"${next(numbers)}", statement)


def tables() -> str:
    """The fold state's tables as PostgreSQL makes them; text is ordered by code point, as everywhere in Andon."""
    search = (
        "CREATE TABLE IF NOT EXISTS entity_search (rowid BIGINT PRIMARY KEY, name TEXT NOT NULL,"
        " namespace TEXT NOT NULL, description TEXT NOT NULL, words TEXT NOT NULL"
        " GENERATED ALWAYS AS (name || E'\\n' || namespace || E'\\n' || description) STORED);"
    )
    made = re.sub(r"CREATE VIRTUAL TABLE [^;]*;", search.replace("\\", r"\\"), SCHEMA)
    made = made.replace(" WITHOUT ROWID", "").replace(" INTEGER", " BIGINT").replace(" BLOB", " BYTEA")
    return re.sub(r" TEXT\b", ' TEXT COLLATE "C"', made)


class PostgresDialect:
    def has_words(self, words: Sequence[str]) -> tuple[str, list[object]]:
        each = " AND ".join([r"words LIKE ? ESCAPE '\'"] * len(words))
        escaped = (it.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for it in words)
        return f"id IN (SELECT rowid FROM entity_search WHERE {each})", [f"%{it}%" for it in escaped]

    def has_value(self, condition: AttributeCondition) -> tuple[str, list[object]]:
        type, many = json_type(condition.values[0]), json.dumps(list(condition.values))
        said = "jsonb_path_query(coalesce(entity.attributes, '{}')::jsonb, ?::jsonpath)"
        path = f'$."{condition.name}"[*]'
        if condition.comparison == "=":
            compared = "it IN (SELECT value FROM jsonb_array_elements(?::jsonb) AS wanted (value))"
        elif type == "string":
            trimmed = "rtrim({}, 'Z')" if condition.is_instant else "({})"
            value, wanted = trimmed.format("it #>> '{}'"), trimmed.format("?::jsonb ->> 0")
            compared = f'{value} COLLATE "C" {condition.comparison} {wanted} COLLATE "C"'
        else:
            compared = f"it {condition.comparison} (?::jsonb -> 0)"
        return (
            f"EXISTS (SELECT 1 FROM {said} AS it WHERE CASE WHEN jsonb_typeof(it) = '{type}' THEN {compared} END)",
            [path, many],
        )

    def has_any(self, column: str, key: str, wanted: Iterable[str]) -> tuple[str, list[object]]:
        return (
            f"EXISTS (SELECT 1 FROM json_array_elements(coalesce(entity.{column}, '[]')::json) AS it"
            f" WHERE it.value ->> '{key}' IN (SELECT value FROM json_array_elements_text(?::json)))",
            [json.dumps(sorted(wanted))],
        )


class ReadDatabase:
    """`graph.database.Database` over one connection, to read."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def execute(self, statement: str, parameters: Sequence[object] = (), /) -> Any:
        with unavailable():
            return self.connection.execute(translate(statement), parameters, binary=True)

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Any:
        raise NotImplementedError("reads only")


class WriteDatabase:
    """`graph.database.Database` whose writes wait until something reads their table, or `flush`.

    So that most of what a batch writes goes over in one round trip, many rows a statement. Within a table the order
    stays as said.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._waiting: dict[str, list[tuple[str, Sequence[object]]]] = {}
        self._spoke_at = 0.0
        self.trips = 0

    def execute(self, statement: str, parameters: Sequence[object] = (), /) -> Any:
        is_read, named = _read_of(statement)
        if not is_read:
            self._waiting.setdefault(named[0], []).append((statement, parameters))
            return None
        self._go()
        touched = [it for it in named if it in self._waiting]
        with unavailable():
            if not touched:
                return self.connection.execute(translate(statement), parameters, binary=True)
            with self.connection.pipeline():
                for table in touched:
                    self._send(self._waiting.pop(table))
                return self.connection.execute(translate(statement), parameters, binary=True)

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Any:
        _, named = _read_of(statement)
        listed = [(statement, row) for row in rows]
        if listed:
            self._waiting.setdefault(named[0], []).extend(listed)

    def flush(self) -> None:
        if not self._waiting:
            return
        self._go()
        waiting, self._waiting = self._waiting, {}
        with unavailable(), self.connection.pipeline():
            for writes in waiting.values():
                self._send(writes)

    def forget(self) -> None:
        self._waiting.clear()

    def speak(self) -> None:
        """Between two pieces of work on a transaction: the server shall not take a long one for a standstill."""
        if time.monotonic() - self._spoke_at > _SPEAK_AFTER:
            self._go()
            with unavailable():
                self.connection.execute("SELECT 1")

    def _go(self) -> None:
        self.trips += 1
        self._spoke_at = time.monotonic()

    def _send(self, writes: Sequence[tuple[str, Sequence[object]]]) -> None:
        start = 0
        while start < len(writes):
            statement = writes[start][0]
            end = start + 1
            while end < len(writes) and writes[end][0] == statement:
                end += 1
            rows = _last_of_each(statement, [row for _, row in writes[start:end]])
            for size, many in _grouped(statement, len(rows)):
                part, rows = rows[:size], rows[size:]
                self.connection.execute(translate(many), [it for row in part for it in row])
            start = end


def _grouped(statement: str, count: int) -> Iterator[tuple[int, str]]:
    """(rows, statement that takes so many), for all of them; few sizes, so that they stay prepared."""
    size = _ROWS_AT_ONCE
    while count:
        while size > count:
            size //= 2
        many = _insert_of(statement, size)
        taken = size if many is not None else 1
        yield taken, many or statement
        count -= taken


@lru_cache(maxsize=1_024)
def _insert_of(statement: str, rows: int) -> str | None:
    """An insertion of so many rows; None where the statement is none, or makes something of what it finds."""
    if rows == 1:
        return statement
    match = _INSERT.fullmatch(statement)
    return f"{match[1]}{', '.join([match[3]] * rows)}{match[4]}" if match else None


@lru_cache(maxsize=1_024)
def _key_of(statement: str) -> tuple[int, ...]:
    """Which of its values say the row, in an insertion that else writes over all of it; () for other statements."""
    match = _INSERT.fullmatch(statement)
    if match is None or not match[5]:
        return ()
    columns = match[2].split(", ")
    return tuple(columns.index(key) for key in match[5].split(", "))


def _last_of_each(statement: str, rows: list[Sequence[object]]) -> list[Sequence[object]]:
    """One statement may not write a row twice: the last word on each counts."""
    key = _key_of(statement)
    if not key or len(rows) < 2:
        return rows
    return list({tuple(row[at] for at in key): row for row in rows}.values())


@lru_cache(maxsize=1_024)
def _read_of(statement: str) -> tuple[bool, tuple[str, ...]]:
    """(whether it only reads, the tables it names)."""
    return statement.lstrip().startswith("SELECT"), tuple(dict.fromkeys(_TABLE.findall(statement)))


class Watch:
    """Hears what is notified on one channel, in a thread; says nothing while the server is away, and comes back.

    `heard(payload)` is called for each notice, and with "" after each new connection: something may have been missed.
    """

    def __init__(self, conninfo: str, channel: str, heard: Callable[[str], None]) -> None:
        self._conninfo = conninfo
        self._channel = identifier(channel)
        self._heard = heard
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"andon-{channel}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause = 0.2
        while not self._stopping.is_set():
            try:
                with connect(self._conninfo) as connection:
                    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
                    self._heard("")
                    pause = 0.2
                    while not self._stopping.is_set():
                        for notice in connection.notifies(timeout=0.25):
                            self._heard(notice.payload)
            except (Unavailable, psycopg.Error) as error:
                _log.debug("no notices now: %s", type(error).__name__)
                self._stopping.wait(pause)
                pause = min(2 * pause, 2.0)

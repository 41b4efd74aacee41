"""The SQL port that fold state and reads stand on, and its embedded adapter.

The SQL of this package keeps to what SQLite and PostgreSQL share, so that another adapter is a connection, not a
copy of the queries: `?` marks each with a value of its own, `ON CONFLICT`, whole numbers for truth, ids given by the
writer (`Ids`), `IN (SELECT value FROM json_each(?))` for a list of numbers as JSON. The little that cannot be said in
both is `Dialect`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from .conditions import json_type
from .errors import Conflict
from .reader import AttributeCondition
from .schema import SCHEMA, SCHEMA_VERSION, TABLES

Row = tuple[Any, ...]
Item = TypeVar("Item")


class Database(Protocol):
    """One connection; rows are tuples. Not to be shared between threads."""

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> Any:
        """Run one statement; answers an iterable of rows with `fetchone` and `fetchall`."""

    def executemany(self, sql: str, rows: Iterable[Sequence[object]], /) -> Any: ...


class Dialect(Protocol):
    """What databases say differently: conditions on the table `entity`, as SQL and its parameters."""

    def has_words(self, words: Sequence[str]) -> tuple[str, list[object]]:
        """Each of the words, of three letters or more and in lower case, stands in name, namespace or description."""

    def has_value(self, condition: AttributeCondition) -> tuple[str, list[object]]:
        """The JSON object in `attributes` holds, under the attribute's name, such a value or an array with one."""

    def has_any(self, column: str, key: str, wanted: Iterable[str]) -> tuple[str, list[object]]:
        """The JSON array in `column` has an object whose `key` is one of the wanted."""


_SQLITE_TYPES = {"string": "'text'", "number": "'integer', 'real'", "boolean": "'true', 'false'"}


class SqliteDialect:
    def has_words(self, words: Sequence[str]) -> tuple[str, list[object]]:
        quoted = " ".join('"' + it.replace('"', '""') + '"' for it in words)
        return "id IN (SELECT rowid FROM entity_search WHERE entity_search MATCH ?)", [quoted]

    def has_value(self, condition: AttributeCondition) -> tuple[str, list[object]]:
        types = _SQLITE_TYPES[json_type(condition.values[0])]
        said, path = "json_each(entity.attributes, ?)", f'$."{condition.name}"'
        value, wanted = ("rtrim(it.value, 'Z')", "rtrim(value, 'Z')") if condition.is_instant else ("it.value", "value")
        if condition.comparison == "=":
            compared = f"{value} IN (SELECT {wanted} FROM json_each(?))"
        else:
            compared = f"{value} {condition.comparison} (SELECT {wanted} FROM json_each(?))"
        return (
            f"EXISTS (SELECT 1 FROM {said} AS it WHERE it.type IN ({types}) AND {compared})",
            [path, json.dumps(list(condition.values))],
        )

    def has_any(self, column: str, key: str, wanted: Iterable[str]) -> tuple[str, list[object]]:
        return (
            f"EXISTS (SELECT 1 FROM json_each(coalesce(entity.{column}, '[]')) AS it"
            f" WHERE json_extract(it.value, '$.{key}') IN (SELECT value FROM json_each(?)))",
            [json.dumps(sorted(wanted))],
        )


def in_chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


class Ids:
    """Gives the rows of a table their ids: there is one writer, so it need not ask for each."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table
        self._next = 0

    def new(self) -> int:
        if not self._next:
            rows = self._database.execute(f"SELECT coalesce(max(id), 0) FROM {self._table}")
            self._next = rows.fetchone()[0]
        self._next += 1
        return self._next

    def clear(self) -> None:
        """Look again what the greatest is."""
        self._next = 0


def open_writer(path: Path, *, synchronous: str = "NORMAL") -> sqlite3.Connection:
    """The projector's connection; makes the tables.

    NORMAL is enough here: a power cut may undo the last commits together with their checkpoint, and the journal
    brings them again.
    """
    connection = _connect(path)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        connection.close()
        raise Conflict(f"{path.name} was written by a newer Andon")
    if 0 < version < SCHEMA_VERSION:
        drop_all(connection)  # everything here is a projection: the journal brings it again, in the new shape
    connection.executescript(SCHEMA)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return connection


def drop_all(connection: sqlite3.Connection) -> None:
    """Forget the projection; the next run of the projector makes it anew from the journal."""
    for table in TABLES:
        connection.execute(f"DROP TABLE IF EXISTS {table}")


def open_reader(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -16384")
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=30, cached_statements=512)
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


class Cached:
    """A dictionary of at most `size` answers; emptied when full, which keeps the common case one look-up."""

    __slots__ = ("_compute", "_found", "_size")

    def __init__(self, compute: Callable[[Any], Any], size: int) -> None:
        self._compute = compute
        self._found: dict[Any, Any] = {}
        self._size = size

    def __call__(self, key: Any) -> Any:
        try:
            return self._found[key]
        except KeyError:
            if len(self._found) >= self._size:
                self._found.clear()
            value = self._found[key] = self._compute(key)
            return value

    def __contains__(self, key: Any) -> bool:
        return key in self._found

    def put(self, key: Any, value: Any) -> None:
        if len(self._found) >= self._size:
            self._found.clear()
        self._found[key] = value

    def drop(self, key: Any) -> None:
        self._found.pop(key, None)

    def clear(self) -> None:
        self._found.clear()

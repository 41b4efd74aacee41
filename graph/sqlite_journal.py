"""The embedded journal: one SQLite file of its own, so that accepting never waits for projecting.

WAL with `synchronous=FULL` makes every commit an fsync; a single writer thread commits whatever has gathered
while the last fsync ran (group commit), so the rate grows with the number of clients.
"""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from . import failpoint
from .errors import Conflict, JournalBroken, NotFound, Unavailable
from .group_commit import GroupCommit, Request
from .journal import Appended, DeadLetter
from .model import Envelope, Instant, NewEnvelope, Position, storable
from .packing import PLAIN, pack, unpack

# Forward only; a change is a new entry. Each runs once, under the lock file, in the transaction that notes it.
_MIGRATIONS = (
    """
CREATE TABLE IF NOT EXISTS envelope (
    position INTEGER PRIMARY KEY, kind TEXT NOT NULL, source TEXT NOT NULL, received_at INTEGER NOT NULL,
    key BLOB NOT NULL UNIQUE, codec INTEGER NOT NULL, body BLOB, redacted TEXT
);
CREATE INDEX IF NOT EXISTS envelope_received ON envelope (received_at);
CREATE TABLE IF NOT EXISTS dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL,
    field TEXT NOT NULL, body BLOB, position INTEGER
);
""",
)
_COLUMNS = "position, kind, source, received_at, key, codec, body"
_ENDS = "SELECT (SELECT max(position) FROM envelope), (SELECT max(received_at) FROM envelope)"  # two look-ups, no scan
_Item = TypeVar("_Item")
_DEAD_LETTERS_KEPT = 10_000

# A failed fsync may have dropped the dirty pages: trying again would report success for bytes that are gone.
_FATAL = {"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC", "SQLITE_CORRUPT", "SQLITE_NOTADB"}


class SqliteJournalFile:
    """The journal in the file `path`, to read: safe beside the process that writes it, and from any thread."""

    def __init__(
        self,
        path: Path,
        *,
        synchronous: str = "FULL",
        connect: Callable[[Path], sqlite3.Connection] | None = None,
    ) -> None:
        self._path = path
        self._synchronous = synchronous
        self._connect = connect or (lambda where: sqlite3.connect(where, check_same_thread=False, timeout=30))
        self._readers = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []

    def _open(self) -> sqlite3.Connection:
        connection = self._connect(self._path)
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = self._readers.connection = self._open()
            self._reader_connections.append(connection)
        return connection

    def read(self, after: int, limit: int) -> list[Envelope]:
        rows = self._reader().execute(
            f"SELECT {_COLUMNS} FROM envelope WHERE position > ? ORDER BY position LIMIT ?", (after, limit)
        )
        return [_envelope(row) for row in rows]

    def envelope(self, position: int) -> Envelope | None:
        row = self._reader().execute(f"SELECT {_COLUMNS} FROM envelope WHERE position = ?", (position,)).fetchone()
        return _envelope(row) if row else None

    def position_at(self, instant: Instant) -> Position:
        row = (
            self._reader()
            .execute(
                "SELECT position FROM envelope WHERE received_at <= ? ORDER BY received_at DESC, position DESC LIMIT 1",
                (instant,),
            )
            .fetchone()
        )
        return Position(row[0] if row else 0)

    def redaction(self, position: int) -> str | None:
        row = self._reader().execute("SELECT redacted FROM envelope WHERE position = ?", (position,)).fetchone()
        return row[0] if row else None

    def last_position(self) -> Position:
        return Position(self._reader().execute("SELECT coalesce(max(position), 0) FROM envelope").fetchone()[0])

    def dead_letters(self, first: int, before: int | None = None) -> list[DeadLetter]:
        rows = self._reader().execute(
            "SELECT id, received_at, source, reason, field, body, position FROM dead_letter WHERE id < ?"
            " ORDER BY id DESC LIMIT ?",
            (before if before is not None else 2**62, first),
        )
        return [DeadLetter(*row) for row in rows]

    def dead_letter(self, id: int) -> DeadLetter | None:
        row = (
            self._reader()
            .execute(
                "SELECT id, received_at, source, reason, field, body, position FROM dead_letter WHERE id = ?",
                (id,),
            )
            .fetchone()
        )
        return DeadLetter(*row) if row else None

    def dead_letter_count(self) -> int:
        count: int = self._reader().execute("SELECT count(*) FROM dead_letter").fetchone()[0]
        return count

    def close(self) -> None:
        for connection in self._reader_connections:
            connection.close()


class SqliteJournal(SqliteJournalFile):
    """`graph.journal.Journal` in the file `path`; one process at a time (a lock file beside it says so).

    `max_pending` bounds the envelopes that wait for their commit; past it `append` raises `Unavailable`.
    `on_broken` is called once, from the writer thread, when the disk did not keep its word.
    """

    def __init__(
        self,
        path: Path,
        *,
        synchronous: str = "FULL",
        max_pending: int = 8_192,
        max_pending_bytes: int = 128 * 1024 * 1024,
        on_broken: Callable[[], None] | None = None,
        connect: Callable[[Path], sqlite3.Connection] | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path, synchronous=synchronous, connect=connect)
        self._clock = clock
        self._lock_file = open(path.with_name(path.name + ".lock"), "w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock_file.close()
            raise Conflict(f"the journal {path.name} is in use by another process") from None
        self._writer_connection = self._open()
        self._migrate()
        self._last, self._last_received = _ends(self._writer_connection)
        self._appended = threading.Condition()
        self._group = GroupCommit(
            self._commit,
            _explain,
            max_pending=max_pending,
            max_pending_bytes=max_pending_bytes,
            on_broken=on_broken,
        )

    def _migrate(self) -> None:
        version = self._writer_connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_MIGRATIONS):
            raise Conflict(f"the journal {self._path.name} was written by a newer Andon")
        for number, migration in enumerate(_MIGRATIONS[version:], start=version + 1):
            self._writer_connection.executescript(f"BEGIN IMMEDIATE;{migration}PRAGMA user_version = {number};COMMIT;")

    # Writing -----------------------------------------------------------------------------------------------

    def append(self, envelopes: Sequence[NewEnvelope]) -> list[Appended]:
        return self._group.append(envelopes)

    def now(self) -> Instant:
        return Instant(self._clock())

    def append_async(self, envelopes: Sequence[NewEnvelope]) -> asyncio.Future[list[Appended]]:
        return self._group.append_async(envelopes)

    def add_dead_letter(
        self, source: str, reason: str, field: str, body: bytes | None, position: int | None = None
    ) -> None:
        now = self._clock()

        def write(connection: sqlite3.Connection) -> None:
            if position is not None:  # a rebuild meets the same fault again
                connection.execute("DELETE FROM dead_letter WHERE position = ?", (position,))
            cursor = connection.execute(
                "INSERT INTO dead_letter (received_at, source, reason, field, body, position)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (now, storable(source), storable(reason), storable(field), body, position),
            )
            connection.execute("DELETE FROM dead_letter WHERE id <= ?", ((cursor.lastrowid or 0) - _DEAD_LETTERS_KEPT,))

        self._group.run(write)

    def remove_dead_letter(self, id: int) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM dead_letter WHERE id = ?", (id,))

        self._group.run(write)

    def redact(self, position: int, reason: str) -> None:
        if self.envelope(position) is None:
            raise NotFound(f"there is no envelope at position {position}")

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(
                "UPDATE envelope SET body = NULL, codec = 0, redacted = ? WHERE position = ?",
                (reason, position),
            )
            connection.execute("UPDATE dead_letter SET body = NULL WHERE position = ?", (position,))

        self._group.run(write)
        # The old bytes still stand in the write-ahead log until it is folded back.
        busy = self._reader().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise Unavailable(
                "the redacted bytes may still stand in the journal's log: somebody reads it; redact again"
            )

    def import_envelopes(self, envelopes: Sequence[Envelope], reasons: Mapping[int, str]) -> None:
        refused: list[str] = []

        def write(connection: sqlite3.Connection) -> None:
            if (why := _not_to_follow(connection, envelopes)) is not None:
                refused.append(why)  # an error here would fail those who share the commit
                return
            connection.executemany(
                f"INSERT INTO envelope ({_COLUMNS}, redacted) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((*_row(envelope), reasons.get(envelope.position)) for envelope in envelopes),
            )

        self._group.run(write)
        if refused:
            raise Conflict(refused[0])

    def import_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        def write(connection: sqlite3.Connection) -> None:
            for letter in letters:
                if _is_known(connection, letter):
                    continue
                free = connection.execute("SELECT 1 FROM dead_letter WHERE id = ?", (letter.id,)).fetchone() is None
                connection.execute(
                    "INSERT INTO dead_letter (id, received_at, source, reason, field, body, position)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        letter.id if free else None,
                        letter.received_at,
                        letter.source,
                        letter.reason,
                        letter.field,
                        letter.body,
                        letter.position,
                    ),
                )

        self._group.run(write)

    def _commit(self, group: Sequence[Request]) -> list[list[Appended]]:
        connection = self._writer_connection
        last, received = self._last, self._last_received
        clock = self._clock()
        answers: list[list[Appended]] = []
        connection.execute("BEGIN IMMEDIATE")
        try:
            for request in group:
                if request.job is not None:
                    request.job(connection)
                    last, received = _ends(connection)  # an import moves them
            now = max(clock, received)
            positions = _known(connection, [it.key for request in group for it in request.envelopes])
            rows: list[tuple[Any, ...]] = []
            for request in group:
                answer: list[Appended] = []
                for envelope in request.envelopes:
                    first = positions.get(envelope.key)
                    if first is None:
                        last += 1
                        received = now
                        positions[envelope.key] = last
                        codec, body = pack(envelope.body)
                        rows.append((last, envelope.kind, envelope.source, now, envelope.key, codec, body))
                    answer.append(Appended(Position(first or last), first is not None))
                answers.append(answer)
            _insert(connection, rows)
            failpoint.reach("journal.before_commit")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        with self._appended:
            self._last, self._last_received = last, received
            self._appended.notify_all()
        return answers

    def last_position(self) -> Position:
        return Position(self._last)

    def wait_for(self, after: int, timeout: float) -> bool:
        with self._appended:
            return (
                self._appended.wait_for(lambda: self._last > after or self._group.is_closing, timeout)
                and self._last > after
            )

    @property
    def is_writable(self) -> bool:
        return self._group.is_writable

    def close(self) -> None:
        """Write what is pending, then let go of the file."""
        self._group.close()
        with self._appended:
            self._appended.notify_all()
        self._writer_connection.close()
        super().close()
        self._lock_file.close()


def _ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """The last position and the last received time, 0 where there is none."""
    position, received = connection.execute(_ENDS).fetchone()
    return position or 0, received or 0


def _not_to_follow(connection: sqlite3.Connection, envelopes: Sequence[Envelope]) -> str | None:
    """Why these cannot stand behind what the journal has; None if they can."""
    last, received = _ends(connection)
    known = _known(connection, [envelope.digest for envelope in envelopes])
    for envelope in envelopes:
        if envelope.position != last + 1:
            return f"position {envelope.position} cannot follow position {last}"
        if envelope.received_at < received:
            return f"position {envelope.position} was received before the one it follows"
        if envelope.digest in known:
            return f"the envelope of position {envelope.position} stands at position {known[envelope.digest]} already"
        last, received = envelope.position, envelope.received_at
        known[envelope.digest] = last
    return None


def _is_known(connection: sqlite3.Connection, letter: DeadLetter) -> bool:
    if letter.position is not None:
        rows = connection.execute("SELECT 1 FROM dead_letter WHERE position = ?", (letter.position,))
    else:
        rows = connection.execute(
            "SELECT 1 FROM dead_letter WHERE position IS NULL AND received_at = ? AND source = ? AND reason = ?"
            " AND field = ? AND body IS ?",
            (letter.received_at, letter.source, letter.reason, letter.field, letter.body),
        )
    return rows.fetchone() is not None


def _known(connection: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, int]:
    """The positions of those keys that stand in the journal already."""
    found: dict[bytes, int] = {}
    for part in _in_chunks(keys):
        marks = ", ".join("?" * len(part))
        found.update(connection.execute(f"SELECT key, position FROM envelope WHERE key IN ({marks})", part).fetchall())
    return found


def _insert(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    """One statement for many rows: each statement lets go of the interpreter, and waits to get it back."""
    for part in _in_chunks(rows):
        marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(part))
        connection.execute(f"INSERT INTO envelope ({_COLUMNS}) VALUES {marks}", [it for row in part for it in row])


def _in_chunks(items: list[_Item]) -> Iterator[list[_Item]]:
    """Pieces of 64, 32, ..., 1: few lengths, so that their statements stay prepared."""
    size = 64
    while items:
        while size > len(items):
            size //= 2
        yield items[:size]
        items = items[size:]


def _row(envelope: Envelope) -> tuple[Any, ...]:
    """The values of `_COLUMNS`."""
    codec, body = pack(envelope.body) if envelope.body is not None else (PLAIN, None)
    return envelope.position, envelope.kind, envelope.source, envelope.received_at, envelope.digest, codec, body


def _envelope(row: tuple[Any, ...]) -> Envelope:
    position, kind, source, received_at, key, codec, body = row
    return Envelope(position, kind, source, received_at, key, unpack(codec, body))


def _explain(error: Exception) -> Unavailable:
    name = getattr(error, "sqlite_errorname", "")
    if name in _FATAL:
        return JournalBroken("the journal could not be made durable; Andon must be restarted")
    return Unavailable(f"the journal cannot be written now ({name or type(error).__name__})", retry_after=5)

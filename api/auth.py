"""Who calls: bearer keys, kept hashed in DATA/keys.db, each with a name and scopes.

A key reads `andon_<id>_<secret>`; the id (8 hex digits) finds the row, the secret (32 random bytes) is
compared by its SHA-256. A slow password hash would add nothing: it protects guessable secrets, and 256 random
bits are not guessable, while every request pays for it.

Where no key was ever made the service is open, and `serve` refuses to listen beyond loopback. A revoked key
still counts: revoking the last one locks the service, it does not open it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from graph.errors import Conflict, InvalidInput, NotAllowed, NotAuthenticated, NotFound, Unavailable
from graph.model import Instant

if TYPE_CHECKING:
    from api.settings import Settings

KEYS_FILE = "keys.db"
"""Its name in the data folder."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS key (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, secret_sha256 BLOB NOT NULL, scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL, revoked_at INTEGER
)
"""
_RELOAD_AFTER = 0.5  # seconds within which a key made or revoked by another process is noticed


class Scope(Enum):
    EMIT = "emit"  # send events
    READ = "read"  # ask
    WRITE = "write"  # change what people say: owners, tags, descriptions, redactions
    ADMIN = "admin"  # change the words themselves: the ontology


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what for they may."""

    name: str
    scopes: frozenset[Scope]

    def require(self, scope: Scope) -> None:
        """Raises `NotAllowed` unless the caller has the scope."""
        if scope not in self.scopes:
            raise NotAllowed(f"the key {self.name!r} lacks the scope {scope.value!r}")


ANYONE = Caller("anonymous", ALL_SCOPES)
"""The caller where the service is open."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: never its secret, only that secret's hash."""

    id: str
    name: str
    secret_sha256: bytes
    scopes: frozenset[Scope]
    created_at: Instant
    revoked_at: Instant | None


def parse_scopes(text: str) -> frozenset[Scope]:
    """`emit,read` as scopes; raises `InvalidInput` for a word that is none."""
    known = {scope.value: scope for scope in Scope}
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in known]
    if unknown or not words:
        raise InvalidInput(f"expected some of {', '.join(known)}, found {text!r}", field="scope")
    return frozenset(known[word] for word in words)


Row = tuple[str, str, bytes, str, int, int | None]
"""(id, name, hash of the secret, scopes, made at, revoked at)."""


class KeyTable(Protocol):
    """Where keys are kept; used by one thread at a time."""

    def version(self) -> int:
        """Another number whenever the rows may be others."""

    def rows(self) -> Sequence[Row]: ...

    def insert(self, row: Row) -> bool:
        """False where the name is taken."""

    def revoke(self, name: str, at: int) -> bool:
        """False where there is no such key, or it is revoked already."""

    def close(self) -> None: ...


class KeyFile:
    """Keys in a SQLite file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        path.chmod(0o600)
        self._connection.execute(_SCHEMA)

    def version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def rows(self) -> Sequence[Row]:
        return self._connection.execute(
            "SELECT id, name, secret_sha256, scopes, created_at, revoked_at FROM key"
        ).fetchall()

    def insert(self, row: Row) -> bool:
        try:
            self._connection.execute("INSERT INTO key VALUES (?, ?, ?, ?, ?, ?)", row)
        except sqlite3.IntegrityError:
            return False
        return True

    def revoke(self, name: str, at: int) -> bool:
        done = self._connection.execute(
            "UPDATE key SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL", (at, name)
        )
        return bool(done.rowcount)

    def close(self) -> None:
        self._connection.close()


class Keys:
    """The keys in one file or table; safe to use from several threads and processes."""

    def __init__(self, place: Path | KeyTable, clock: Callable[[], int] = lambda: time.time_ns() // 1_000) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._table = KeyFile(place) if isinstance(place, Path) else place
        self._version = -1
        self._checked_at = 0.0
        self._by_id: dict[str, Key] = {}
        self._refresh()

    def close(self) -> None:
        self._table.close()

    def list(self) -> list[Key]:
        """All keys, revoked ones too, oldest first."""
        with self._lock:
            return sorted(self._read(), key=lambda key: (key.created_at, key.name))

    def add(self, name: str, scopes: Iterable[Scope]) -> str:
        """Make a key; returns it in full, which is the only time it can be seen. Raises `Conflict` for a
        taken name.
        """
        if not name or not name.isprintable() or len(name) > 100:
            raise InvalidInput("expected 1 to 100 printable characters", field="name")
        id, secret = secrets.token_hex(4), secrets.token_hex(32)
        row = (id, name, _hash(secret), ",".join(sorted(scope.value for scope in scopes)), self._clock(), None)
        with self._lock:
            if not self._table.insert(row):
                raise Conflict(f"there is a key called {name!r} already")
            self._version = -1
        return f"andon_{id}_{secret}"

    def revoke(self, name: str) -> None:
        """The key of this name opens nothing from now on. Raises `NotFound`."""
        with self._lock:
            done = self._table.revoke(name, self._clock())
            self._version = -1
        if not done:
            raise NotFound(f"there is no key called {name!r} that could be revoked")

    @property
    def required(self) -> bool:
        """Whether callers must bring a key."""
        self._refresh()
        return bool(self._by_id)

    def authenticate(self, authorization: bytes) -> Caller:
        """The caller behind an Authorization header (b"" if there is none). Raises `NotAuthenticated`."""
        self._refresh()
        if not self._by_id:
            return ANYONE
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            raise NotAuthenticated("this needs a key: send the header 'Authorization: Bearer <key>'")
        prefix, _, rest = token.strip().decode("latin-1").partition("_")
        id, _, secret = rest.partition("_")
        key = self._by_id.get(id)
        expected = key.secret_sha256 if key is not None else bytes(32)
        matches = hmac.compare_digest(_hash(secret), expected)
        if key is None or not matches or prefix != "andon" or key.revoked_at is not None:
            raise NotAuthenticated("the key is unknown or was revoked")
        return Caller(key.name, key.scopes)

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._version >= 0 and now - self._checked_at < _RELOAD_AFTER:
            return
        with self._lock:
            try:
                version = self._table.version()
                if version != self._version:
                    self._by_id = {key.id: key for key in self._read()}
                    self._version = version
            except Unavailable:
                if self._version < 0:  # nothing is known; else what was known a moment ago counts
                    raise
            self._checked_at = now

    def _read(self) -> Iterable[Key]:
        for id, name, secret, scopes, created_at, revoked_at in self._table.rows():
            yield Key(
                id, name, secret, parse_scopes(scopes), Instant(created_at), Instant(revoked_at) if revoked_at else None
            )


def open_keys(settings: Settings) -> Keys:
    """Where these settings keep them."""
    if settings.postgres_url:
        from api.postgres_keys import PostgresKeyTable  # optional: only who names a PostgreSQL needs its driver

        return Keys(PostgresKeyTable(settings.postgres_url))
    return Keys(settings.data / KEYS_FILE)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()

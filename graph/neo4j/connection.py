"""The way to Neo4j: the official driver, with its errors turned into ours and the password kept out of sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from graph.errors import Conflict, InvalidInput, Unavailable

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction, Session

T = TypeVar("T")

_CONNECT_SECONDS = 3.0
_RETRY_SECONDS = 4.0  # a new leader is there in less; who waits longer begins again with what is new by then
_WRITE_SECONDS = 120.0  # a transaction that takes longer is ended by the server: its process may stand still
_POOL = 50


class Connection:
    """One database of one server or cluster; safe to use from any thread, which each get sessions of their own.

    A `neo4j://` URI is a way in: the driver asks there who leads and who reads, and again when that changes. All
    sessions share their bookmarks, so that a read sees what was written here before, whichever member of a cluster
    answers it. Raises `Conflict` where the driver is not installed, `InvalidInput` where the URI is none of its.
    """

    def __init__(self, uri: str, user: str, password: str, database: str = "") -> None:
        try:
            import neo4j  # optional: only who names a Neo4j needs its driver
        except ImportError:
            raise Conflict("neo4j_uri is set and the driver is not installed: pip install 'andon[server]'") from None
        self._database = database or None
        self._address = urlsplit(uri).netloc.rpartition("@")[2]
        self._bookmarks = neo4j.GraphDatabase.bookmark_manager()
        self._read, self._write = neo4j.READ_ACCESS, neo4j.WRITE_ACCESS
        self._errors = neo4j.exceptions
        self._unit_of_work = neo4j.unit_of_work
        self._away = (neo4j.exceptions.DriverError, neo4j.exceptions.Neo4jError, OSError)
        try:
            self._driver: Driver = neo4j.GraphDatabase.driver(
                uri,
                auth=(user, password),
                connection_timeout=_CONNECT_SECONDS,
                connection_acquisition_timeout=_CONNECT_SECONDS,
                max_transaction_retry_time=_RETRY_SECONDS,
                max_connection_pool_size=_POOL,
                keep_alive=True,
                notifications_min_severity="OFF",
                user_agent="andon",
            )
        except (neo4j.exceptions.ConfigurationError, ValueError):  # which repeat the URI, and a password within it
            raise InvalidInput("expected a URI such as neo4j://host:7687", field="neo4j_uri") from None

    def __repr__(self) -> str:
        return "Connection(neo4j)"

    def write(self, work: Callable[[ManagedTransaction], T]) -> T:
        """Run `work` in one transaction, again where the cause of a failure passes (a deadlock, a new leader).

        `work` may thus run several times, the last of which counts. Raises `Unavailable`.
        """
        with self._session(self._write) as session:
            return session.execute_write(self._unit_of_work(timeout=_WRITE_SECONDS)(work))

    @contextmanager
    def reading(self) -> Iterator[Callable[..., list[Any]]]:
        """A read transaction: a call runs one statement and answers its rows, each a list of values.

        Tried once: the fold state answers sooner than another try would. Raises `Unavailable`.
        """
        with self._session(self._read) as session, session.begin_transaction() as transaction:

            def ask(statement: str, **parameters: Any) -> list[Any]:
                return transaction.run(statement, parameters).values()

            yield ask

    @contextmanager
    def _session(self, access: str) -> Iterator[Session]:
        try:
            with self._driver.session(
                database=self._database, default_access_mode=access, bookmark_manager=self._bookmarks
            ) as session:
                yield session
        except self._away as error:
            raise Unavailable(self._told(error)) from error

    def _told(self, error: Exception) -> str:
        """In one line, and without what the driver says: that may take several, and name what it was given."""
        code = getattr(error, "code", None) or type(error).__name__
        if code.startswith("Neo.ClientError.Security."):
            return f"Neo4j at {self._address} refuses neo4j_user and neo4j_password ({code})"
        if code == "Neo.ClientError.Database.DatabaseNotFound":
            return f"Neo4j at {self._address} has no database {self._database} ({code})"
        if isinstance(error, self._errors.ServiceUnavailable | OSError):
            return f"Neo4j cannot be reached at {self._address} ({code})"
        return f"Neo4j at {self._address} does not answer as it should ({code})"

    def close(self) -> None:
        self._driver.close()

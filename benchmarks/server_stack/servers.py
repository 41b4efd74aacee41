"""PostgreSQL and Neo4j of the benchmark's own, and Andon's processes on them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg

import ontology
from benchmarks.service import Andon, bytes_in
from graph.neo4j import Connection
from graph.postgres import PostgresGraph
from tests.servers.neo4j import Neo4jServer
from tests.servers.postgres import PostgresServer, postgres_server

NOTE = (
    "PostgreSQL as it comes, waiting for the disk; Neo4j Community 5.26 with 1 GB of heap and 512 MB of page cache;"
    " servers, Andon and clients share the machine's cores"
)
_POSTGRES = ("shared_buffers=128MB",)
_HEAP = "1g"
_NEO4J = {
    "server.memory.pagecache.size": "512m",
    "db.checkpoint.interval.time": "10s",  # as it comes 15 min: its files should tell how large they are
}
_CHECKPOINT = re.compile(r"\[neo4j/.* checkpoint (started|completed)")
_CHECKPOINT_WITHIN = 120.0


class Servers:
    """A PostgreSQL that waits for the disk, and a Neo4j for each estate; all end with the context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._stacks = 0
        self._postgres: PostgresServer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def stack(self) -> Stack:
        """An empty database in each."""
        if self._postgres is None:
            self._postgres = self._open.enter_context(postgres_server(durable=True, settings=_POSTGRES))
        self._stacks += 1
        folder = self._folder / f"stack-{self._stacks}"
        folder.mkdir()
        neo4j = Neo4jServer(folder, heap=_HEAP, settings=_NEO4J)
        neo4j.start()
        self._open.callback(neo4j.kill)  # nothing of it is kept
        stack = Stack(folder, self._postgres, neo4j)
        self._open.callback(stack.close)
        return stack


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds of each server so far."""

    postgres: float
    neo4j: float


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes on disk."""

    journal: int  # in PostgreSQL, with its indexes
    fold: int  # everything else in PostgreSQL's database; without its write-ahead log, which is of a bounded size
    neo4j: int  # its store; without its transaction log, which is kept for as long as its settings say


class Stack:
    """One estate on the server stack: a database of the shared PostgreSQL, and a Neo4j."""

    def __init__(self, folder: Path, postgres: PostgresServer, neo4j: Neo4jServer) -> None:
        self.neo4j = Connection(neo4j.uri, neo4j.user, neo4j.password)
        self._folder = folder
        self._postgres = postgres
        self._neo4j = neo4j
        self._url = postgres.new_database()
        self._processes = 0
        self._fold: PostgresGraph | None = None

    def environment(self, *, neo4j: bool = True) -> Mapping[str, str]:
        settings = {"ANDON_POSTGRES_URL": self._url}
        if neo4j:
            settings |= {
                "ANDON_NEO4J_URI": self._neo4j.uri, "ANDON_NEO4J_USER": self._neo4j.user,
                "ANDON_NEO4J_PASSWORD": self._neo4j.password,
            }  # fmt: skip
        return settings

    def serve(self, *arguments: str, neo4j: bool = True) -> Andon:
        """One more process of Andon."""
        self._processes += 1
        data = self._folder / f"andon-{self._processes}"
        return Andon(data, *arguments, environment=self.environment(neo4j=neo4j))

    def folded(self) -> int:
        """The position that the fold state has, asked of PostgreSQL itself; one thread at a time."""
        if self._fold is None:
            self._fold = PostgresGraph(self._url, ontology.load())
        return self._fold.position()

    def projected(self) -> int:
        """The position that Neo4j has, asked of itself; 0 while it has no whole generation."""
        with self.neo4j.reading() as ask:
            rows = ask("MATCH (a:Andon) RETURN a.position, a.tidy")
        return int(rows[0][0]) if rows and rows[0][0] is not None and not rows[0][1] else 0

    def used(self) -> Used:
        parent = psutil.Process(self._postgres.pid)
        times = [parent.cpu_times(), *(it.cpu_times() for it in parent.children())]
        gone = times[0].children_user + times[0].children_system  # those that have ended
        postgres = gone + sum(it.user + it.system for it in times)
        neo4j = psutil.Process(self._neo4j.pid).cpu_times()
        return Used(postgres, neo4j.user + neo4j.system)

    def neo4j_resident_mib(self) -> float:
        return float(psutil.Process(self._neo4j.pid).memory_info().rss) / 2**20

    def stored(self) -> Stored:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            whole, journal = connection.execute(
                "SELECT pg_database_size(current_database()), sum(pg_total_relation_size(oid)) FROM pg_class"
                " WHERE relkind = 'r' AND relnamespace = 'andon'::regnamespace AND relname LIKE 'envelope%'"
            ).fetchone() or (0, 0)
        self._await_checkpoint()
        return Stored(int(journal), int(whole - journal), bytes_in(self._neo4j.store))

    def _await_checkpoint(self) -> None:
        """Until Neo4j has written all that it has committed to the files of its store."""
        begun, _ = self._checkpoints()
        # It makes one only if something was committed since the last, and the one at hand may lack the newest.
        self.neo4j.write(lambda it: it.run("MATCH (a:Andon) SET a.lockedAt = timestamp()").consume())
        deadline = time.monotonic() + _CHECKPOINT_WITHIN
        while self._checkpoints()[1] <= begun:
            if time.monotonic() > deadline:
                raise RuntimeError("Neo4j makes no checkpoint")
            time.sleep(0.2)

    def _checkpoints(self) -> tuple[int, int]:
        """How many were begun and ended."""
        found = _CHECKPOINT.findall(self._neo4j.debug_log.read_text(errors="replace"))
        return found.count("started"), found.count("completed")

    def close(self) -> None:
        if self._fold is not None:
            self._fold.close()
        self.neo4j.close()

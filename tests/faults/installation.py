"""The server stack as an operator runs it, in a test's hands."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tests.end_to_end.service import Service, wait_until
from tests.faults.sending import seed
from tests.rules.receiver import Answer, Receiver, status
from tests.servers.neo4j import Neo4jServer
from tests.servers.postgres import PostgresServer

_COLD_NEO4J = 120.0  # seconds; its first statements take it long where others want the processor too

_RULE = """\
rule: failed-run-tells-dashboards
version: 1
description: A run failed - one message for each dashboard downstream of it.
on: {change: run.failed}
for_each: {downstream: Dashboard}
do:
  - webhook: {url: "${ANDON_FAULTS_WEBHOOK}", event_type: com.example.run.failed}
"""

# Each commit of the fold's checkpoint, as the database saw it.
_WATCH = """
CREATE SCHEMA watched;
CREATE TABLE watched.commit (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, former BIGINT, position BIGINT NOT NULL,
    token BIGINT NOT NULL, holder TEXT NOT NULL, process TEXT, at FLOAT8 NOT NULL
);
CREATE FUNCTION watched.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watched.commit (former, position, token, holder, process, at)
    SELECT CASE WHEN TG_OP = 'UPDATE' THEN OLD.value END, NEW.value, token, holder,
        current_setting('faults.process', true), extract(epoch FROM clock_timestamp())
    FROM andon.lease WHERE name = 'projector';
    RETURN NULL;
END $$;
CREATE TRIGGER noted AFTER INSERT OR UPDATE ON andon_graph_1.meta
    FOR EACH ROW WHEN (NEW.key = 'position') EXECUTE FUNCTION watched.note();
"""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the fold: by which process, under which lease. `at`: seconds of the database's clock."""

    former: int | None
    position: int
    token: int
    holder: str
    process: str
    at: float

    @property
    def holder_pid(self) -> int:
        return _pid(self.holder)


def slowly(handler: Any) -> None:
    """What a target answers that takes its time, so that some delivery is always under way."""
    time.sleep(0.05)
    status(204)(handler)


class Installation:
    """One database, one Neo4j, one rule with its target; `process` makes what runs on them."""

    def __init__(self, folder: Path, postgres: PostgresServer, neo4j: Neo4jServer, receiver: Receiver) -> None:
        self._folder = folder
        self.postgres = postgres
        self.neo4j = neo4j
        self.receiver = receiver
        self.url = postgres.new_database()
        self._rules = folder / "rules"
        self._rules.mkdir()
        (self._rules / "failed.yaml").write_text(_RULE)

    def process(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Service:
        """A process of all roles, not yet started; `name` says in `commits` whose they are."""
        own = {
            "ANDON_POSTGRES_URL": f"{self.url}?options={quote(f'-c faults.process={name}')}",
            "ANDON_NEO4J_URI": self.neo4j.uri,
            "ANDON_NEO4J_USER": self.neo4j.user,
            "ANDON_NEO4J_PASSWORD": self.neo4j.password,
            "ANDON_FAULTS_WEBHOOK": self.receiver.url,
            "ANDON_WEBHOOK_HOSTS": f"127.0.0.1:{self.receiver.port}",
            "ANDON_RULES": str(self._rules),
        }
        return Service(self._folder / name, *arguments, environment=own | dict(environment or {}))

    @contextmanager
    def running(self, *processes: Service) -> Iterator[None]:
        """All of them, one after the other, so that the first folds; with the estate that `sending` needs."""
        with ExitStack() as stack:
            for process in processes:
                stack.enter_context(process)
                if process is processes[0]:
                    wait_until(lambda: self.folding_pid() == process.pid, 20, "the first process folds")  # noqa: B023
                    seeded = process.accept_all(seed())
                    process.graphql("{ __typename }", min_position=seeded)
                    wait_until(
                        lambda: metric(process, "andon_neo4j_position") >= seeded,  # noqa: B023
                        _COLD_NEO4J,
                        "Neo4j has it too",
                    )
                    watch(self.url)
            yield

    def folding_pid(self) -> int:
        """The process that has the lease; 0 where it has run out, or nobody ever had it."""
        row = self._row("SELECT holder FROM andon.lease WHERE name = 'projector' AND expires_at > clock_timestamp()")
        return _pid(row[0]) if row is not None and row[0] else 0

    def folds(self, processes: Sequence[Service]) -> Service:
        """Which of these has the lease."""
        [found] = [it for it in processes if it.alive and it.pid == self.folding_pid()]
        return found

    def position(self) -> int:
        """How far the fold has come."""
        row = self._row("SELECT value FROM andon_graph_1.meta WHERE key = 'position'")
        return int(row[0]) if row is not None else 0

    def commits(self) -> list[Commit]:
        """All since the watch was set, in their order."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "SELECT former, position, token, holder, process, at FROM watched.commit ORDER BY number"
            ).fetchall()
        return [Commit(*row) for row in rows]

    def _row(self, statement: str) -> tuple[Any, ...] | None:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchone()


def watch(url: str) -> None:
    """Have the database note each commit of the fold."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_WATCH)


def metric(service: Service, name: str) -> float:
    lines = service.client.get("/metrics").text.splitlines()
    [value] = [line.split()[-1] for line in lines if line.split()[0] == name]
    return float(value)


def _pid(holder: str) -> int:
    return int(holder.rsplit(":", 2)[1])


def target() -> Receiver:
    """Of the rule's messages."""
    answer: Answer = slowly
    return Receiver(answer)

"""What must be so once the fault is over and the load has ended."""

from __future__ import annotations

import json
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from api.app import decoders
from graph.model import PRESENT, AsOf, Envelope, Position
from graph.neo4j import Connection, Neo4jGraph
from graph.postgres import PostgresGraph
from graph.postgres_journal import PostgresJournal
from graph.projector import Projector
from graph.sqlite import SqliteGraph
from ontology import Ontology, load
from rules.outbox import FiringRecord
from rules.postgres_outbox import PostgresOutbox
from tests.contract.telling import dump
from tests.end_to_end.service import wait_until
from tests.faults.installation import Commit, Installation
from tests.faults.sending import Sent

_ACTS_WITHIN = 120.0  # seconds: an action whose worker was killed is held up for its lease, a minute
_FOLDS_WITHIN = 60.0


def assert_nothing_lost_or_doubled(installation: Installation, sent: Sent, folder: Path, deaths: int = 0) -> None:
    """Journal, graph, Neo4j and rules all say what was sent, each thing once.

    `deaths`: how many processes ended in the middle of what they did; each may have left a message that its target had
    got while nobody could write that down any more. Ends once the rules have acted on everything.
    """
    assert not sent.given_up, "never answered for"
    assert len(sent.runs) > 20, "too little was sent to say anything"
    assert_acted_once(installation, sent, deaths)
    words = load()
    journal = PostgresJournal(installation.url)
    try:
        envelopes = journal.read(0, 10**6)
        assert_journal_holds(envelopes, sent)
        assert_folded_as_if_nothing_had_been(installation, journal, words, folder)
    finally:
        journal.close()


def assert_journal_holds(envelopes: list[Envelope], sent: Sent) -> None:
    stored = [it for it in envelopes if it.kind == "openlineage" and it.body is not None]
    bodies = [(it.position, json.loads(it.body or b"")) for it in stored]
    found = {body["run"]["runId"]: position for position, body in bodies if body["job"]["name"] != "publish"}
    assert len(found) == len(bodies) - 1, "an event stands in the journal twice"
    assert found.keys() == sent.runs.keys()
    assert {
        run: found[run] for run, position in sent.runs.items() if position is not None and position != found[run]
    } == {}
    assert [it.position for it in envelopes] == list(range(1, len(envelopes) + 1))
    received = [it.received_at for it in envelopes]
    assert received == sorted(received)


def assert_folded_as_if_nothing_had_been(
    installation: Installation, journal: PostgresJournal, words: Ontology, folder: Path
) -> None:
    """The graph in PostgreSQL, and the one in Neo4j, are those of a fold of the same journal without any fault."""
    last = journal.last_position()
    wait_until(lambda: installation.position() >= last, _FOLDS_WITHIN, "all of the journal is folded")
    alone = SqliteGraph(folder / "alone.db", words)
    graph = PostgresGraph(installation.url, words)
    connection = Connection(installation.neo4j.uri, installation.neo4j.user, installation.neo4j.password)
    reader = Neo4jGraph(graph, lambda: _Folded(graph), connection, words, token=lambda: 0)
    try:
        Projector(journal, alone, decoders(words)).catch_up()
        last = alone.position()
        wait_until(lambda: graph.position() >= last, _FOLDS_WITHIN, "all of the journal is folded")
        assert graph.changes(0, 10**6) == alone.changes(0, 10**6)
        present = dump(alone, PRESENT)
        assert dump(graph, PRESENT) == present
        half = AsOf(position=Position(last // 2))
        assert dump(graph, half) == dump(alone, half)
        assert_neo4j_shows(reader, present, last)
    finally:
        connection.close()
        graph.close()
        alone.close()


def assert_neo4j_shows(reader: Neo4jGraph, present: dict[str, Any], last: int) -> None:
    def there() -> bool:
        reader.projection.step()
        return reader.projection.position >= last

    wait_until(there, _FOLDS_WITHIN, "Neo4j has all of it")
    walks = reader.projection.walks
    assert dump(reader, PRESENT) == present  # type: ignore[arg-type]  # it only reads
    assert reader.projection.walks > walks, "or it was not Neo4j that answered"


def assert_acted_once(installation: Installation, sent: Sent, deaths: int) -> None:
    """Each failed run fired the rule once, and its target was told once, or again in the very same words."""
    outbox = PostgresOutbox(installation.url)

    def settled() -> bool:
        firings = outbox.firings(10**6)
        return len(firings) >= len(sent.failed) and {it.state for it in _actions(firings)} == {"delivered"}

    try:
        wait_until(settled, _ACTS_WITHIN, "the rules have acted on every failed run")
        firings = outbox.firings(10**6)
    finally:
        outbox.close()
    assert sorted(it.subject.rsplit(":", 1)[1] for it in firings) == sorted(sent.failed)
    actions = _actions(firings)
    assert len(actions) == len(sent.failed), "one owner of one dashboard"
    received = installation.receiver.received
    told = Counter(it.headers["idempotency-key"] for it in received)
    assert told.keys() == {it.key for it in actions}
    assert sum(told.values()) - len(told) <= deaths, told.most_common(3)
    assert len({(it.headers["idempotency-key"], it.body) for it in received}) == len(told)


def _actions(firings: list[FiringRecord]) -> list[Any]:
    return [action for firing in firings for action in firing.actions]


def assert_one_folded_at_a_time(commits: list[Commit]) -> None:
    """Each commit went on where the one before it ended, under its own process's lease and no earlier one."""
    assert [(one.position, two.former) for one, two in pairwise(commits) if one.position != two.former] == []
    assert [(one.token, two.token) for one, two in pairwise(commits) if one.token > two.token] == []
    under = {(it.token, it.process, it.holder_pid) for it in commits}
    assert len({token for token, _, _ in under}) == len(under), "two processes under one lease"
    assert len({(process, pid) for _, process, pid in under}) == len({pid for _, _, pid in under}), "another's lease"


def gap(commits: list[Commit]) -> float:
    """The longest time between a commit of one process and the next of another, in seconds."""
    return max(two.at - one.at for one, two in pairwise(commits) if one.process != two.process)


class _Folded:
    """How far the graph is that other processes fold."""

    def __init__(self, graph: PostgresGraph) -> None:
        self._graph = graph

    @property
    def position(self) -> int:
        return self._graph.position()

    def await_position(self, position: int, timeout: float) -> bool:
        until = time.monotonic() + timeout
        while self._graph.position() < position:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def rebuild(self) -> None:
        raise NotImplementedError("reads only")

"""The way to Neo4j: routing, bookmarks, tries, and what is said where it cannot be reached."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from neo4j import ManagedTransaction

from graph.errors import InvalidInput, Unavailable
from graph.model import PRESENT
from graph.neo4j import Connection, Neo4jGraph
from graph.reader import LineageQuery
from graph.sqlite import SqliteGraph
from ontology import Ontology, load
from tests.contract.telling import tell
from tests.end_to_end.service import Service, wait_until
from tests.neo4j.projected import connect
from tests.neo4j.test_service import LINEAGE, SHOP, environment, everything, metric, settle
from tests.reference.events import run_event
from tests.servers.neo4j import Neo4jServer
from tests.servers.postgres import free_port
from tests.servers.relay import Relay

HUSH = "hush4711-never-shown"
BOOKMARK = re.compile(rb"FB:[A-Za-z0-9+/=]+")
HUB = "urn:andon:dataset:postgres%3A%2F%2Fdb%3A5432:hub"


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


@pytest.fixture
def connection(neo4j: Neo4jServer) -> Iterator[Connection]:
    connection = connect(neo4j)
    yield connection
    connection.close()


def routed(server: Neo4jServer) -> str:
    """The server by a URI for which the driver first asks who leads and who reads."""
    return server.uri.replace("bolt://", "neo4j://")


# Addresses


@pytest.mark.parametrize(
    "uri",
    [
        "neo4j://graph.example:7687",
        "neo4j://graph.example:7687?policy=europe",
        "neo4j+s://0123abcd.databases.neo4j.io",
        "neo4j+ssc://graph.example",
        "bolt://127.0.0.1:7687",
        "bolt+s://graph.example:7687",
        "bolt+ssc://[::1]:7687",
    ],
)
def test_addresses_that_the_driver_takes(uri: str) -> None:
    Connection(uri, "neo4j", HUSH).close()


@pytest.mark.parametrize("uri", ["graph.example:7687", "neo4j://neo4j:" + HUSH + "@graph.example", "bolt://h?a=b"])
def test_other_addresses_are_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Connection(uri, "neo4j", "x")

    assert refused.value.field == "neo4j_uri"
    assert HUSH not in str(refused.value) and "graph.example" not in str(refused.value)


# Routing


def test_a_walk_by_a_routing_address_is_the_same(neo4j: Neo4jServer, words: Ontology, tmp_path: Path) -> None:
    fold = SqliteGraph(tmp_path / "graph.db", words)
    connection = Connection(routed(neo4j), neo4j.user, neo4j.password, "neo4j")
    graph = Neo4jGraph(fold, lambda: _Folded(fold), connection, words)
    tell(fold, [run_event(second, "COMPLETE", ["hub"], [f"t{second}"], job=f"j{second}") for second in range(1, 6)])
    graph.projection.step()

    with graph.snapshot(PRESENT) as snapshot:
        answer = snapshot.lineage(LineageQuery((HUB,)))

    assert (len(answer.edges), graph.projection.walks) == (5, 1)
    connection.close()
    fold.close()


def test_a_service_with_a_routing_address_answers_from_neo4j(neo4j: Neo4jServer, tmp_path: Path) -> None:
    with (
        Service(tmp_path / "data", environment={**environment(neo4j), "ANDON_NEO4J_URI": routed(neo4j)}) as service,
        Service(tmp_path / "plain") as plain,
    ):
        for one in (service, plain):
            one.accept_all(SHOP[:60])
        plain.graphql("{ __typename }", min_position=plain.position())
        settle(service, neo4j)

        assert everything(service) == everything(plain)
        assert metric(service, "andon_neo4j_walks_total") > 0


# Bookmarks


def test_a_walk_carries_the_bookmark_of_the_write_that_it_is_to_see(
    neo4j: Neo4jServer, words: Ontology, tmp_path: Path
) -> None:
    """On a cluster it may go to another member, which waits until it has what the bookmark names."""
    fold = SqliteGraph(tmp_path / "graph.db", words)
    with Relay(neo4j.bolt_port) as relay:
        connection = Connection(f"bolt://127.0.0.1:{relay.port}", neo4j.user, neo4j.password)
        graph = Neo4jGraph(fold, lambda: _Folded(fold), connection, words)
        seen: set[bytes] = set()
        for second in range(1, 4):
            tell(fold, [run_event(second, "COMPLETE", ["hub"], [f"t{second}"], job=f"j{second}")])
            graph.projection.step()
            newest = BOOKMARK.findall(relay.received)[-1]
            assert newest not in seen, "each write has one of its own"
            seen.add(newest)
            sent_before = len(relay.sent)

            with graph.snapshot(PRESENT) as snapshot:
                assert len(snapshot.lineage(LineageQuery((HUB,))).edges) == second

            assert graph.projection.walks == second
            assert newest in relay.sent[sent_before:]
        connection.close()
    fold.close()


# Tries


def test_a_deadlock_is_tried_again_until_both_are_done(connection: Connection) -> None:
    """Two transactions that each hold what the other wants next: the server ends one of them."""
    connection.write(
        lambda it: it.run("MERGE (:Deadlock {name: 'a', n: 0}) MERGE (:Deadlock {name: 'b', n: 0})").consume()
    )
    both_hold = threading.Barrier(2)
    tries: list[str] = []

    def writer(first: str, second: str) -> Callable[[ManagedTransaction], Any]:
        def work(transaction: ManagedTransaction) -> None:
            is_first_try = first not in tries
            tries.append(first)
            step = "MATCH (d:Deadlock {name: $name}) SET d.n = d.n + 1"
            transaction.run(step, name=first).consume()
            if is_first_try:
                both_hold.wait(10)
            transaction.run(step, name=second).consume()

        return work

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(connection.write, [writer("a", "b"), writer("b", "a")]))

    assert len(tries) >= 3, "there was a deadlock, or this test says nothing"
    with connection.reading() as ask:
        assert ask("MATCH (d:Deadlock) RETURN d.n") == [[2], [2]]
    connection.write(lambda it: it.run("MATCH (d:Deadlock) DELETE d").consume())


def test_a_write_that_is_cut_off_is_made_by_another_connection(neo4j: Neo4jServer) -> None:
    with Relay(neo4j.bolt_port) as relay:
        connection = Connection(f"bolt://127.0.0.1:{relay.port}", neo4j.user, neo4j.password)
        tries = 0

        def work(transaction: ManagedTransaction) -> None:
            nonlocal tries
            tries += 1
            transaction.run("CREATE (:Cut {try: $tries})", tries=tries).consume()
            if tries == 1:
                relay.cut()

        connection.write(work)

        with connection.reading() as ask:
            assert ask("MATCH (c:Cut) RETURN c.try") == [[2]]
        connection.write(lambda it: it.run("MATCH (c:Cut) DELETE c").consume())
        connection.close()


def test_a_walk_that_is_cut_off_is_made_by_the_fold_state_and_the_next_by_neo4j(
    neo4j: Neo4jServer, words: Ontology, tmp_path: Path
) -> None:
    fold = SqliteGraph(tmp_path / "graph.db", words)
    tell(fold, [run_event(1, "COMPLETE", ["hub"], ["t"], job="j")])
    with Relay(neo4j.bolt_port) as relay:
        connection = Connection(f"bolt://127.0.0.1:{relay.port}", neo4j.user, neo4j.password)
        graph = Neo4jGraph(fold, lambda: _Folded(fold), connection, words)
        graph.projection.step()
        relay.cut_at = b"n.key IN $keys"
        for walks in (0, 1):
            with graph.snapshot(PRESENT) as snapshot:
                assert len(snapshot.lineage(LineageQuery((HUB,))).edges) == 1
            assert graph.projection.walks == walks
            assert relay.cut_at == b""
            graph.projection.step()
        connection.close()
    fold.close()


# What is said


def refusal(connection: Connection) -> str:
    with pytest.raises(Unavailable) as raised, connection.reading() as ask:
        ask("RETURN 1")
    connection.close()
    return str(raised.value)


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
def test_what_is_wrong_is_said_in_a_line_without_the_password(neo4j: Neo4jServer, scheme: str) -> None:
    address = f"127.0.0.1:{neo4j.bolt_port}"
    nobody = f"127.0.0.1:{free_port()}"
    told = {
        "refuses neo4j_user and neo4j_password": refusal(Connection(f"{scheme}://{address}", "somebody", HUSH)),
        "no-such-host.invalid:7687": refusal(Connection(f"{scheme}://no-such-host.invalid:7687", "neo4j", HUSH)),
        f"cannot be reached at {nobody}": refusal(Connection(f"{scheme}://{nobody}", "neo4j", HUSH)),
        "cannot be reached": refusal(Connection(f"{scheme}+s://{address}", "neo4j", HUSH)),
        "has no database nowhere": refusal(
            Connection(f"{scheme}://{address}", neo4j.user, neo4j.password, "nowhere")
        ),
    }  # fmt: skip

    for expected, line in told.items():
        assert expected in line
        assert "\n" not in line and len(line) < 120
        assert HUSH not in line and neo4j.password not in line


def test_a_service_says_once_that_the_password_is_wrong_and_goes_on(neo4j: Neo4jServer, tmp_path: Path) -> None:
    wrong = {"ANDON_NEO4J_URI": routed(neo4j), "ANDON_NEO4J_USER": "somebody", "ANDON_NEO4J_PASSWORD": HUSH}
    with Service(tmp_path / "data", environment=wrong) as service:
        service.accept_all(SHOP[:5])
        wait_until(lambda: "refuses neo4j_user" in service.printed(), 30, "it says so")
        urn = service.graphql('{ entities(type: "Dataset") { nodes { urn } } }', min_position=service.position())
        first = urn["entities"]["nodes"][0]["urn"]
        assert service.graphql(LINEAGE, {"urn": first, "level": "DATASET"})["lineage"]["nodes"]
        assert service.client.get("/readyz").status_code == 200
        printed = service.printed()

    lines = [line for line in printed.splitlines() if "neo4j" in line.lower()]
    assert len(lines) == 1 and "WARNING andon.neo4j" in lines[0], printed
    assert "Traceback" not in printed and HUSH not in printed


class _Folded:
    def __init__(self, fold: SqliteGraph) -> None:
        self._fold = fold

    @property
    def position(self) -> int:
        return self._fold.position()

    def await_position(self, position: int, timeout: float) -> bool:
        return self.position >= position

    def rebuild(self) -> None: ...

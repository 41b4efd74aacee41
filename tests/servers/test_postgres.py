"""What PostgreSQL adds to the ports' promises: many processes, one of which folds, and a server that goes away."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

import psycopg
import pytest

from graph import postgres_database, postgres_journal
from graph.errors import Conflict, InvalidInput, Unavailable
from graph.journal import Journal
from graph.model import PRESENT, NewEnvelope, Position
from graph.postgres import PostgresGraph
from graph.postgres_database import connect, parse_url, unavailable
from graph.postgres_journal import PostgresJournal, migrate
from graph.projector import Projector
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ingest.openlineage import Decoder, accept
from ontology import Ontology, load
from tests.contract.telling import dump, fold, tell
from tests.end_to_end.events import new_run_id, run_event
from tests.end_to_end.service import Event, Service, wait_until
from tests.reference.events import dataset_event
from tests.servers.postgres import Missing, PostgresServer, postgres_server

pytestmark = pytest.mark.systems

DATA = Path(__file__).resolve().parents[1] / "data" / "openlineage"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "openlineage"
NAMESPACE = "fault://test"


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def restartable() -> Iterator[PostgresServer]:
    """A server of the test's own, which it may stop."""
    try:
        server = postgres_server()
        running = server.__enter__()
    except Missing as why:
        pytest.skip(f"no PostgreSQL: {why}")
    yield running
    server.__exit__(None, None, None)


def new(body: str) -> NewEnvelope:
    return NewEnvelope("openlineage", "test", blake2b(body.encode(), digest_size=16).digest(), body.encode())


def event(number: int) -> Event:
    return run_event(NAMESPACE, f"job_{number % 7}", new_run_id(), inputs=["a"], outputs=[f"t{number % 11}"])


# Many receivers


def test_positions_of_several_receivers_follow_commit_order_without_a_gap(url: str) -> None:
    journals = [PostgresJournal(url, partition=50) for _ in range(3)]
    reader = PostgresJournal(url)
    over = threading.Event()
    seen: list[int] = []

    def write(receiver: int) -> list[int]:
        return [
            it.position
            for batch in range(40)
            for it in journals[receiver % 3].append([new(f"{receiver} {batch} {n}") for n in range(3)])
        ]

    def follow() -> None:
        while True:
            was_over = over.is_set()
            found = [it.position for it in reader.read(seen[-1] if seen else 0, 1_000)]
            seen.extend(found)
            if was_over and not found:
                return

    with ThreadPoolExecutor(7) as threads:
        following = threads.submit(follow)
        written = [position for positions in threads.map(write, range(6)) for position in positions]
        over.set()
        following.result(30)

    assert sorted(written) == list(range(1, 721))
    assert seen == list(range(1, 721)), "who reads on from the last position misses nothing"
    for journal in (*journals, reader):
        journal.close()


def test_one_envelope_at_two_receivers_is_one(url: str) -> None:
    one, other = PostgresJournal(url), PostgresJournal(url)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: (one, other)[n % 2].append([new("the same")])[0], range(8)))

    assert {it.position for it in answers} == {1}
    assert sum(not it.duplicate for it in answers) == 1
    one.close()
    other.close()


def test_clocks_that_differ_by_a_minute_do_not_turn_received_times_back(url: str) -> None:
    now = 1_700_000_000_000_000
    ahead = PostgresJournal(url, clock=lambda: now + 60_000_000)
    behind = PostgresJournal(url, clock=lambda: now)
    for number in range(4):
        (ahead, behind)[number % 2].append([new(str(number))])

    received = [it.received_at for it in behind.read(0, 10)]
    assert received == sorted(received)
    ahead.close()
    behind.close()


def test_a_receiver_wakes_those_who_wait_in_other_processes(url: str) -> None:
    one, other = PostgresJournal(url), PostgresJournal(url)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(other.wait_for, 0, 20)
        time.sleep(0.5)
        one.append([new("a")])
        assert waiting.result(5)
    one.close()
    other.close()


def test_what_is_redacted_is_not_in_what_the_planner_has_sampled(postgres: PostgresServer, url: str) -> None:
    journal = PostgresJournal(url)
    journal.append([new(f"{word} {number}") for number in range(30) for word in ("salmon", "swordfish-4711")])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")

    for position in range(2, 61, 2):
        journal.redact(position, "a password")

    assert b"salmon" in postgres.files_of(url)
    assert b"swordfish-4711" not in postgres.files_of(url)
    journal.close()


# One folds


def test_one_process_folds_and_another_takes_over_when_it_ends(url: str, words: Ontology) -> None:
    first, second = PostgresGraph(url, words), PostgresGraph(url, words)
    tell(first, [dataset_event(1, "a")])

    assert first.lead()
    assert not second.lead()
    with pytest.raises(Unavailable, match="another process folds"), second.transaction():
        pass
    first.close()

    assert second.lead()
    assert tell(second, [dataset_event(2, "b")]) == 2
    second.close()


def test_who_lost_the_lease_commits_nothing_more(url: str, words: Ontology) -> None:
    first, second = PostgresGraph(url, words, lease_seconds=0.3), PostgresGraph(url, words, lease_seconds=30)
    tell(first, [dataset_event(1, "a")])
    wait_until(lambda: bool(second.lead()), 10, "the lease of one that does not renew it runs out")
    tell(second, [dataset_event(2, "b")])

    with pytest.raises(Unavailable, match="another process folds"), first.transaction():
        fold(first, dataset_event(3, "never"), 2)

    assert second.position() == 2
    before = dump(second, PRESENT)
    assert dump(first, PRESENT) == before
    first.close()
    second.close()


def test_a_lease_cannot_be_taken_in_the_middle_of_a_transaction(url: str, words: Ontology) -> None:
    first, second = PostgresGraph(url, words, lease_seconds=0.3), PostgresGraph(url, words)
    with first.transaction():
        fold(first, dataset_event(1, "a"), 1)
        time.sleep(0.6)
        assert not second.lead()
    first.commit(Position(1))

    assert second.position() == 1
    first.close()
    second.close()


def test_after_a_takeover_the_fold_goes_on_from_the_tables(url: str, words: Ontology) -> None:
    """What the first remembered is of no use once the second has folded."""
    graphs = [PostgresGraph(url, words, lease_seconds=0.3) for _ in range(2)]
    bodies = [dataset_event(second, f"t{second % 3}") for second in range(1, 9)]
    for index, body in enumerate(bodies):
        graph = graphs[index % 2]
        wait_until(lambda graph=graph: bool(graph.lead()), 10, "its turn")  # type: ignore[misc]
        tell(graph, [body])

    alone = PostgresGraph(url, words, schema="alone")
    tell(alone, bodies)
    assert dump(graphs[0], PRESENT) == dump(alone, PRESENT)
    for graph in (*graphs, alone):
        graph.close()


# A process that stands still


@contextmanager
def half_a_pipeline(url: str, *statements: str) -> Iterator[None]:
    """What a process leaves that is paused: the server waits for the rest, and never ends such a session itself."""
    connection = connect(parse_url(url))
    try:
        with suppress(psycopg.Error), connection.pipeline():
            for statement in ("BEGIN", *statements):
                connection.execute(statement).fetchone() if "RETURNING" in statement else connection.execute(statement)
            yield
    finally:
        connection.close()


def test_a_receiver_that_stands_still_holds_up_the_others_for_a_while_only(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_database, "_STANDSTILL", 0.5)
    monkeypatch.setattr(postgres_journal, "_LOCK_WITHIN", "700ms")
    journal = PostgresJournal(url)
    with half_a_pipeline(url, "UPDATE andon.journal_head SET position = 7 RETURNING position"):
        assert journal.append([new("a")])[0].position == 1
    journal.close()


def test_a_folding_process_that_stands_still_loses_the_lease(
    url: str, words: Ontology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_database, "_STANDSTILL", 0.5)
    paused, other = PostgresGraph(url, words, lease_seconds=0.3), PostgresGraph(url, words)
    assert paused.lead()
    with half_a_pipeline(url, "UPDATE andon.lease SET expires_at = clock_timestamp() RETURNING token"):
        wait_until(lambda: bool(other.lead()), 20, "the other folds")
        assert tell(other, [dataset_event(1, "a")]) == 1
    paused.close()
    other.close()


def test_a_session_that_rests_in_a_transaction_is_ended_by_the_server_and_that_passes(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres_database._SESSION, "idle_in_transaction_session_timeout", "100ms")
    with closing(connect(parse_url(url))) as connection, pytest.raises(Unavailable), unavailable():
        connection.execute("BEGIN")
        time.sleep(0.5)
        connection.execute("SELECT 1")


def test_a_transaction_that_the_server_has_ended_is_begun_again(url: str, words: Ontology) -> None:
    graph = PostgresGraph(url, words)
    with psycopg.connect(url, autocommit=True) as operator, pytest.raises(Unavailable), graph.transaction():
        operator.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state = 'idle in transaction'"
        )
        fold(graph, dataset_event(1, "a"), 1)

    assert tell(graph, [dataset_event(1, "a")]) == 1
    graph.close()


def test_a_long_transaction_is_not_taken_for_a_standstill(
    url: str, words: Ontology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres_database._SESSION, "idle_in_transaction_session_timeout", "2s")
    graph = PostgresGraph(url, words)
    with graph.transaction():
        for position in range(1, 5):
            fold(graph, dataset_event(1, "a"), position)  # the same again, which nothing has to be looked up for
            time.sleep(1.1)
    graph.commit(Position(4))

    assert graph.position() == 4
    graph.close()


# Tables


def test_tables_are_made_once_however_many_start_at_once(url: str, words: Ontology) -> None:
    def start(_: int) -> int:
        journal, graph = PostgresJournal(url), PostgresGraph(url, words)
        found = journal.last_position() + graph.position()
        journal.close()
        graph.close()
        return found

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(start, range(6))) == [0] * 6


def test_migrations_run_forward_once_and_a_newer_shape_is_left_alone(url: str) -> None:
    steps = ("CREATE TABLE {schema}.thing (a BIGINT)", "ALTER TABLE {schema}.thing ADD b BIGINT")
    migrate(parse_url(url), "andon", "thing", steps[:1])
    migrate(parse_url(url), "andon", "thing", steps)
    migrate(parse_url(url), "andon", "thing", steps)

    with pytest.raises(Conflict, match="newer Andon"):
        migrate(parse_url(url), "andon", "thing", steps[:1])


# What it cannot hold


def test_a_name_too_long_for_an_index_is_a_dead_letter_and_does_not_stop_the_fold(url: str, words: Ontology) -> None:
    journal, graph = PostgresJournal(url), PostgresGraph(url, words)
    letters = random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6_000)
    events = [event(1), run_event(NAMESPACE, "".join(letters), new_run_id()), event(2)]
    journal.append([accept(json.dumps(it).encode()) for it in events])

    Projector(journal, graph, {"openlineage": Decoder(words.kind_for_namespace)}).catch_up()

    [letter] = journal.dead_letters(10)
    assert (graph.position(), letter.position) == (3, 2)
    assert "ProgramLimitExceeded" in letter.reason
    with graph.snapshot() as snapshot:
        assert snapshot.counts()["Run"] == 2
    journal.close()
    graph.close()


# Both stacks


@pytest.mark.timeout(600)
def test_both_stacks_answer_alike_on_real_events(tmp_path: Path, url: str, words: Ontology) -> None:
    journals = SqliteJournal(tmp_path / "journal.db", synchronous="OFF"), PostgresJournal(url, partition=500)
    envelopes = [accept(body) for body in _real_events()]
    graphs = SqliteGraph(tmp_path / "graph.db", words), PostgresGraph(url, words)
    stacks: list[tuple[Journal, SqliteGraph | PostgresGraph]] = list(zip(journals, graphs, strict=True))
    for journal, graph in stacks:
        for start in range(0, len(envelopes), 200):
            journal.append(envelopes[start : start + 200])
        Projector(journal, graph, {"openlineage": Decoder(words.kind_for_namespace)}).catch_up()

    assert journals[0].last_position() == journals[1].last_position() > 50
    assert graphs[1].changes(0, 10**6) == graphs[0].changes(0, 10**6)
    assert dump(graphs[1], PRESENT) == dump(graphs[0], PRESENT)
    for one in (*journals, *graphs):
        one.close()


def _real_events() -> Iterator[bytes]:
    """Our own, and those of other projects where they are kept beside the repository."""
    for file in sorted(DATA.glob("*.ndjson")):
        yield from file.read_bytes().splitlines()
    for file in sorted(SHARED.rglob("replay.ndjson")):
        lines = [json.loads(line) for line in file.read_bytes().splitlines()]
        yield from (json.dumps(line["event"]).encode() for line in lines if line["grade"] != "reject")


# Faults, with whole services


def states(service: Service, min_position: int) -> dict[str, str]:
    query = """query($after: String, $namespace: String!) {
        entities(type: "Run", filter: {namespaces: [$namespace]}, first: 1000, after: $after) {
            nodes { name ... on Run { state } } pageInfo { hasNextPage endCursor } } }"""
    found: dict[str, str] = {}
    after: str | None = None
    while True:
        page = service.graphql(query, {"after": after, "namespace": NAMESPACE}, min_position)["entities"]
        found |= {node["name"]: node["state"] for node in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@pytest.mark.timeout(180)
def test_a_server_that_goes_away_is_503_and_then_all_goes_on(tmp_path: Path, restartable: PostgresServer) -> None:
    environment = {"ANDON_POSTGRES_URL": restartable.new_database()}
    with Service(tmp_path / "data", environment=environment) as service:
        taken = [event(number) for number in range(20)]
        service.accept_all(taken)

        restartable.kill()
        refused = [service.post_event(event(number)) for number in range(3)]
        assert {it.status_code for it in refused} == {503}
        assert all(int(it.headers["Retry-After"]) >= 1 for it in refused)
        assert service.client.get("/healthz").status_code == 200
        assert service.client.get("/readyz").status_code == 503
        assert restartable.password not in json.dumps([it.text for it in refused])

        restartable.start()
        wait_until(lambda: service.client.get("/readyz").status_code == 200, 20, "it is ready again")
        more = [event(number) for number in range(20)]
        last = service.accept_all(more)

        found = states(service, last)
        assert {it["run"]["runId"] for it in taken + more} == found.keys()
        assert restartable.password not in service.printed()


def test_a_receiver_takes_events_that_another_process_folds(tmp_path: Path, url: str) -> None:
    environment = {"ANDON_POSTGRES_URL": url}
    receiver = Service(tmp_path / "receiver", "--role", "receiver", environment=environment)
    reader = Service(tmp_path / "reader", "--role", "api", environment=environment)
    projector = Service(tmp_path / "projector", "--role", "projector,scheduler", environment=environment)
    with receiver, reader, projector:
        sent = [event(number) for number in range(5)]
        last = receiver.accept_all(sent)

        assert states(reader, last).keys() == {it["run"]["runId"] for it in sent}
        assert receiver.post_graphql("{ status { positionProjected } }").status_code == 404
        assert reader.post_event(event(9)).status_code == 404
        assert projector.client.get("/readyz").status_code == 200


# The secret


@pytest.mark.parametrize("text", ["postgresql://u:hush4711@[broken", "host=x password='hush4711"])
def test_a_url_that_cannot_be_read_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_url(text)

    assert "hush4711" not in str(refused.value)

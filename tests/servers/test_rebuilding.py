"""A graph on PostgreSQL made anew beside the one in use: nobody sees a gap, and a crash leaves one of the two."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from graph.errors import Conflict, Unavailable
from graph.model import PRESENT, Position
from graph.postgres import PostgresGraph
from graph.postgres_generations import Generations
from graph.postgres_journal import PostgresJournal
from graph.postgres_rebuilding import Rebuilder, rebuild
from graph.projector import Projector
from graph.schema import SCHEMA_VERSION
from ingest import mutation
from ingest.openlineage import Decoder, accept
from ontology import Ontology, load
from tests.contract.telling import dump, tell
from tests.durability.estate import EVENTS, as_bytes
from tests.end_to_end.events import documented, new_run_id, run_event
from tests.end_to_end.graph_reading import differing, everything
from tests.end_to_end.service import REPOSITORY, Service, clean_environment, command, wait_until
from tests.reference.events import dataset_event, ds
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.systems

NAMESPACE = "rebuild://test"
SECRET = "my-password-is-swordfish-4711"
CSRF = {"X-Andon-Csrf": "1"}


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def journal(url: str) -> Iterator[PostgresJournal]:
    """A small estate, and enough runs after it to take several batches."""
    journal = PostgresJournal(url)
    journal.append([accept(as_bytes(event)) for event in EVENTS])
    journal.append([accept(as_bytes(some_run(number))) for number in range(480)])
    yield journal
    journal.close()


@pytest.fixture
def graph(url: str, journal: PostgresJournal, words: Ontology) -> Iterator[PostgresGraph]:
    """The running graph, at the journal's end."""
    graph = PostgresGraph(url, words, lease_seconds=1)
    Projector(journal, graph, decoders(words)).catch_up()
    yield graph
    graph.close()


def decoders(words: Ontology) -> dict[str, Any]:
    return {
        "openlineage": Decoder(words.kind_for_namespace),
        mutation.KIND: mutation.decode,
        mutation.REDACTION: mutation.decode,
    }


def some_run(number: int) -> dict[str, Any]:
    return run_event(NAMESPACE, f"job_{number % 7}", new_run_id(), "COMPLETE", number, ["a"], [f"t{number % 11}"])


def generations(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'andon_graph_%'").fetchall()
    return sorted(int(name.rpartition("_")[2]) for (name,) in rows)


def folded(url: str, number: int) -> int:
    """How far a generation is; 0 where it has not begun."""
    try:
        with psycopg.connect(url) as connection:
            row = connection.execute(f"SELECT value FROM andon_graph_{number}.meta WHERE key = 'position'").fetchone()
    except psycopg.errors.UndefinedTable:
        return 0
    return int(row[0]) if row is not None else 0


def is_outdated(graph: PostgresGraph) -> bool:
    return graph.generations.is_outdated(graph.generations.look())


# What readers see


def test_readers_see_the_whole_graph_until_the_new_one_takes_its_place(
    url: str, journal: PostgresJournal, graph: PostgresGraph, words: Ontology
) -> None:
    before = dump(graph, PRESENT)
    seen: list[tuple[int, int]] = []

    def look(done: int, of: int) -> None:
        seen.append((done, of))
        assert dump(graph, PRESENT) == before
        assert generations(url) == [1, 2]

    position = rebuild(journal, Generations(url), words, decoders(words), look)

    assert position == journal.last_position() == seen[-1][0]
    assert len(seen) > 2
    assert generations(url) == [2]
    assert graph.position() == position
    assert dump(graph, PRESENT) == before


def test_who_reads_while_it_is_replaced_reads_on_and_the_former_tables_go_when_that_ends(
    url: str, journal: PostgresJournal, graph: PostgresGraph, words: Ontology
) -> None:
    with graph.snapshot() as before_anything_is_asked, graph.snapshot() as snapshot:
        counted = snapshot.counts()
        rebuild(journal, Generations(url), words, decoders(words))

        assert generations(url) == [1, 2]
        assert snapshot.counts() == before_anything_is_asked.counts() == counted
        with graph.snapshot() as new:
            assert new.counts() == counted
    wait_until(lambda: bool(graph.lead()) and generations(url) == [2], 10, "the former tables go")


def test_events_meanwhile_are_in_the_running_graph_at_once_and_in_the_new_one_too(
    url: str, journal: PostgresJournal, graph: PostgresGraph, words: Ontology
) -> None:
    projector = Projector(journal, graph, decoders(words), leadership=graph)
    sent: list[str] = []

    def send(_done: int, _of: int) -> None:
        if len(sent) < 5:
            event = some_run(10_000 + len(sent))
            sent.append(event["run"]["runId"])
            journal.append([accept(as_bytes(event))])
            projector.catch_up()
        assert named(graph, sent)

    def named(graph: PostgresGraph, runs: list[str]) -> bool:
        with graph.snapshot() as snapshot:
            return all(snapshot.find(frozenset({"run"}), NAMESPACE, run) is not None for run in runs)

    rebuild(journal, Generations(url), words, decoders(words), send)

    assert len(sent) >= 3
    assert graph.position() == journal.last_position()
    assert named(graph, sent)


@pytest.mark.timeout(240)
def test_under_load_no_reader_sees_less_than_before(
    url: str, journal: PostgresJournal, graph: PostgresGraph, words: Ontology
) -> None:
    """One process folds what others send, two rebuild in turn, many read: positions and counts only ever grow."""
    projector = Projector(journal, graph, decoders(words), leadership=graph)
    projector.start()
    over = threading.Event()

    def send() -> int:
        number = 20_000
        while not over.is_set():
            number += 1
            journal.append([accept(as_bytes(some_run(number)))])
            over.wait(0.005)
        return number - 20_000

    def read() -> int:
        looks, position, runs = 0, 0, 0
        while not over.is_set():
            with graph.snapshot() as snapshot:
                now, counted = snapshot.position(), snapshot.counts()["Run"]
            assert (now, counted) >= (position, runs), "less than before"
            position, runs = now, counted
            looks += 1
            over.wait(0.01)
        return looks

    with ThreadPoolExecutor(3) as threads:
        sending, *reading = threads.submit(send), threads.submit(read), threads.submit(read)
        try:
            for _ in range(2):
                rebuild(journal, Generations(url), words, decoders(words))
        finally:
            over.set()
        sent = sending.result(30)
        looks = sum(it.result(30) for it in reading)
    projector.await_position(journal.last_position(), 30)
    projector.stop()

    assert projector.failure is None
    assert sent > 20 and looks > 20
    assert generations(url)[-1] == 3
    alone = PostgresGraph(url, words, schema="alone")
    Projector(journal, alone, decoders(words)).catch_up()
    assert dump(graph, PRESENT) == dump(alone, PRESENT)
    alone.close()


# Who makes it


def test_a_rebuild_that_one_process_wants_is_made_by_one_with_a_rebuilder(
    url: str, journal: PostgresJournal, words: Ontology
) -> None:
    graphs = [PostgresGraph(url, words, lease_seconds=1) for _ in range(2)]
    projectors = [Projector(journal, graph, decoders(words), leadership=graph) for graph in graphs]
    rebuilders = [Rebuilder(journal, graph, words, decoders(words)) for graph in graphs]
    last = journal.last_position()
    threads: list[Projector | Rebuilder] = [*rebuilders, *projectors]
    for thread in threads:
        thread.start()
    assert all(projector.await_position(last, 30) for projector in projectors)

    projectors[1].rebuild()

    wait_until(lambda: generations(url) == [2], 30, "it is made anew, once")
    assert not is_outdated(graphs[0])
    last = journal.append([accept(as_bytes(some_run(1_000)))])[0].position
    assert all(projector.await_position(last, 20) for projector in projectors)
    for thread in threads:
        thread.stop()
    assert [graph.position() for graph in graphs] == [last, last]
    for graph in graphs:
        graph.close()


def test_only_one_is_made_at_a_time(url: str, journal: PostgresJournal, graph: PostgresGraph, words: Ontology) -> None:
    def again(_done: int, _of: int) -> None:
        with pytest.raises(Conflict, match="rebuilt by another process"):
            rebuild(journal, Generations(url), words, decoders(words))

    rebuild(journal, Generations(url), words, decoders(words), again)
    assert generations(url) == [2]


def test_one_that_is_ended_leaves_nothing_behind(
    url: str, journal: PostgresJournal, graph: PostgresGraph, words: Ontology
) -> None:
    before = dump(graph, PRESENT)

    def end(_done: int, _of: int) -> None:
        raise Unavailable("that is enough")

    with pytest.raises(Unavailable, match="enough"):
        rebuild(journal, Generations(url), words, decoders(words), end)

    assert generations(url) == [1]
    assert dump(graph, PRESENT) == before
    assert rebuild(journal, Generations(url), words, decoders(words)) == journal.last_position()


def test_reset_drops_all_at_once(url: str, words: Ontology) -> None:
    graph = PostgresGraph(url, words)
    tell(graph, [dataset_event(1, "a")])
    graph.reset()
    graph.reset()
    with graph.snapshot() as snapshot:
        assert snapshot.entity(ds("a")) is None
    graph.close()

    assert generations(url) == [3]


# Redaction


ESTATE = """{ entities(filter: {namespaces: ["postgres://shop:5432"]}) { totalCount nodes { urn } }
    lineage(urns: ["urn:andon:dataset:postgres%3A%2F%2Fshop%3A5432:orders"], depth: 5, level: COLUMN) {
        edges { source target via evidence } } }"""


def leaky(journal: PostgresJournal) -> Position:
    body = json.dumps(documented("secret://place", "leaky", SECRET, 50)).encode()
    return journal.append([accept(body)])[0].position


def test_a_redaction_meanwhile_has_it_begin_again(
    postgres: PostgresServer, url: str, journal: PostgresJournal, words: Ontology
) -> None:
    position = leaky(journal)
    graph = PostgresGraph(url, words, lease_seconds=1)
    Projector(journal, graph, decoders(words)).catch_up()
    assert SECRET.encode() in postgres.files_of(url), "it can be found before, or this test says nothing"
    seen: list[int] = []

    def redact_at_the_end(done: int, of: int) -> None:
        if done == of and of not in seen:
            journal.redact(position, "a password")
            graph.want_rebuild()
        seen.append(done)

    rebuild(journal, Generations(url), words, decoders(words), redact_at_the_end)

    assert seen == seen[: len(seen) // 2] * 2
    assert not is_outdated(graph)
    assert generations(url) == [3]
    assert SECRET.encode() not in postgres.files_of(url)
    graph.close()


def test_what_is_redacted_leaves_the_graph_and_the_disk_while_all_else_can_be_read(
    postgres: PostgresServer, tmp_path: Path, url: str
) -> None:
    with Service(tmp_path / "data", environment={"ANDON_POSTGRES_URL": url}) as service:
        last = service.accept_all(EVENTS[:20])
        everything_before = everything(service, last)
        before = service.graphql(ESTATE, min_position=last)
        held = service.accept(documented("secret://place", "leaky", SECRET, 50))
        service.graphql("{ __typename }", min_position=held)
        assert SECRET.encode() in postgres.files_of(url), "it can be found before, or this test says nothing"

        answer = service.post_graphql(
            'mutation($position: Int!) { redact(position: $position, reason: "a password") { position } }',
            {"position": held},
            CSRF,
        ).json()
        assert "errors" not in answer, answer
        while generations(url) != [2]:
            assert service.graphql(ESTATE) == before
        after = answer["data"]["redact"]["position"]
        service.graphql("{ __typename }", min_position=after)

        assert differing(everything(service, after), everything_before) == {}
        wait_until(lambda: SECRET.encode() not in postgres.files_of(url), 20, "no byte of it stays")


# Crashes


@contextmanager
def andon_rebuild(url: str) -> Iterator[subprocess.Popen[str]]:
    """The command, under way."""
    process = subprocess.Popen(
        command("rebuild"), cwd=REPOSITORY, env=clean_environment({"ANDON_POSTGRES_URL": url}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def many(count: int) -> list[dict[str, Any]]:
    return [some_run(number) for number in range(count)]


SHOWN = """{ runs: entities(type: "Run", first: 1) { totalCount } jobs: entities(type: "Job", first: 1) { totalCount }
    lineage(urns: ["urn:andon:dataset:rebuild%3A%2F%2Ftest:a"], depth: 5) { totalNodes
        edges { source target via validFrom evidenceCount } } }"""


@pytest.mark.systems
@pytest.mark.timeout(240)
def test_a_rebuild_that_is_killed_leaves_the_running_graph_and_its_half_is_cleared_away(
    tmp_path: Path, url: str
) -> None:
    with Service(tmp_path / "data", environment={"ANDON_POSTGRES_URL": url}) as service:
        service.post_batch(many(2_500))
        last = service.position()
        before = service.graphql(SHOWN, min_position=last)
        assert before["runs"]["totalCount"] == 2_500

        with andon_rebuild(url) as process:
            wait_until(lambda: folded(url, 2) > 0 or process.poll() is not None, 60, "it has begun")
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        assert 0 < folded(url, 2) < last, "in the middle"

        assert service.graphql(SHOWN) == before
        wait_until(lambda: generations(url) == [1], 30, "the half is cleared away by who folds")
        last = service.accept(some_run(9_999))
        before = service.graphql(SHOWN, min_position=last)

        with andon_rebuild(url) as process:
            out, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        assert out.startswith(f"folded {last} envelopes"), out
        assert folded(url, 3) == last
        assert service.graphql(SHOWN) == before
        last = service.accept(some_run(10_000))
        assert service.graphql(SHOWN, min_position=last)["runs"]["totalCount"] == 2_502


@pytest.mark.systems
@pytest.mark.timeout(240)
def test_a_service_that_is_killed_while_it_rebuilds_does_so_after_its_next_start(
    postgres: PostgresServer, tmp_path: Path, url: str
) -> None:
    with Service(tmp_path / "data", environment={"ANDON_POSTGRES_URL": url}) as service:
        held = service.accept(documented("secret://place", "leaky", SECRET, 50))
        service.post_batch(many(2_500))
        last = service.position()
        service.graphql("{ __typename }", min_position=last)
        service.post_graphql('mutation { redact(position: 1, reason: "a password") { position } }', {}, CSRF)
        assert held == 1
        wait_until(lambda: 0 < folded(url, 2), 60, "it is being made anew")
        service.kill()
        assert 0 < folded(url, 2) < last, "in the middle"

        service.start()
        service.graphql("{ __typename }", min_position=last)
        wait_until(lambda: generations(url) == [3], 90, "it is made anew after all")
        wait_until(lambda: SECRET.encode() not in postgres.files_of(url), 60, "no byte of it stays")


# Another shape


def test_tables_of_an_older_shape_are_used_until_those_of_the_newer_are_there(
    url: str, journal: PostgresJournal, graph: PostgresGraph, words: Ontology
) -> None:
    """An older Andon goes on; the newer one's questions are answered once it has made the graph anew."""
    before = dump(graph, PRESENT)
    newer = PostgresGraph(url, words, lease_seconds=1, version=SCHEMA_VERSION + 1)
    older = Projector(journal, graph, decoders(words), leadership=graph)
    assert is_outdated(newer)
    assert newer.lead() == 0
    assert graph.lead() != 0
    with pytest.raises(Unavailable, match="being made anew for this Andon"), newer.snapshot():
        pass

    def look(done: int, of: int) -> None:
        if done < of:
            assert dump(graph, PRESENT) == before
        elif of == journal.last_position() and of < before_sending + 1:
            journal.append([accept(as_bytes(some_run(30_000)))])
            older.catch_up()

    before_sending = journal.last_position()
    position = rebuild(journal, newer.generations, words, decoders(words), look)

    assert position == before_sending + 1 == newer.position()
    with newer.snapshot() as snapshot:
        assert snapshot.position() == position
    with pytest.raises(Unavailable, match="a newer Andon"), graph.snapshot():
        pass
    with pytest.raises(Conflict, match="a newer Andon"):
        until_it_looks(graph.lead)
    wait_until(lambda: newer.lead() != 0, 10, "the newer one folds")
    with pytest.raises(Conflict, match="a newer Andon"):
        PostgresGraph(url, words)
    newer.close()


def until_it_looks(lead: Callable[[], int]) -> None:
    wait_until(lambda: lead() < 0, 10, "it looks at what the graph is")

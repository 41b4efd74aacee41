"""`andon rebuild`: a new graph beside the old one, which takes its place whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph import rebuilding
from graph.errors import Conflict
from graph.model import PRESENT
from graph.projector import Projector
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ingest.openlineage import Decoder, accept
from ontology import Ontology, load
from tests.contract.telling import dump
from tests.durability.estate import EVENTS, as_bytes
from tests.end_to_end.events import documented
from tests.end_to_end.graph_reading import differing, everything
from tests.end_to_end.service import Service, run_andon

BESIDE = ("graph.db.growing", "graph.db.rebuilt")


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "journal.db", synchronous="OFF")
    journal.append([accept(as_bytes(event)) for event in EVENTS])
    yield journal
    journal.close()


def decoders(words: Ontology) -> dict[str, Decoder]:
    return {"openlineage": Decoder(words.kind_for_namespace)}


def beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("graph.db.*"))


def test_the_old_graph_stays_until_the_new_one_is_whole(
    tmp_path: Path, journal: SqliteJournal, words: Ontology
) -> None:
    graph = SqliteGraph(tmp_path / "graph.db", words)
    Projector(journal, graph, decoders(words)).catch_up()
    before = dump(graph, PRESENT)
    seen = []

    def look(done: int, of: int) -> None:
        seen.append((done, of))
        assert dump(graph, PRESENT) == before

    position = rebuilding.rebuild(journal, tmp_path / "graph.db", words, decoders(words), look)

    assert position == len(EVENTS) == seen[-1][0] == seen[-1][1]
    assert dump(graph, PRESENT) == before
    assert beside(tmp_path) == ["graph.db.rebuilt"]
    graph.close()
    graph = SqliteGraph(tmp_path / "graph.db", words)
    assert dump(graph, PRESENT) == before
    assert graph.position() == len(EVENTS)
    assert beside(tmp_path) == []
    graph.close()


def test_an_old_graph_that_is_damaged_is_replaced(tmp_path: Path, journal: SqliteJournal, words: Ontology) -> None:
    (tmp_path / "graph.db").write_bytes(b"rubbish" * 1_000)
    (tmp_path / "graph.db-wal").write_bytes(b"more rubbish" * 1_000)

    rebuilding.rebuild(journal, tmp_path / "graph.db", words, decoders(words))
    assert rebuilding.swap_in(tmp_path / "graph.db")

    graph = SqliteGraph(tmp_path / "graph.db", words)
    assert graph.position() == len(EVENTS)
    graph.close()


def test_the_log_of_the_old_graph_is_never_read_into_the_new_one(
    tmp_path: Path, journal: SqliteJournal, words: Ontology
) -> None:
    """A process that was killed leaves its log behind; its pages would overwrite the new graph's."""
    graph = SqliteGraph(tmp_path / "graph.db", words)
    Projector(journal, graph, decoders(words)).catch_up()
    left = {name: (tmp_path / name).read_bytes() for name in ("graph.db", "graph.db-wal")}
    expected = dump(graph, PRESENT)
    graph.close()
    rebuilding.rebuild(journal, tmp_path / "graph.db", words, decoders(words))
    for name, content in left.items():
        (tmp_path / name).write_bytes(content)

    graph = SqliteGraph(tmp_path / "graph.db", words)

    assert dump(graph, PRESENT) == expected
    graph.close()


def test_a_rebuild_that_was_cut_off_is_begun_again(tmp_path: Path, journal: SqliteJournal, words: Ontology) -> None:
    (tmp_path / BESIDE[0]).write_bytes(b"half a graph")
    (tmp_path / f"{BESIDE[0]}-wal").write_bytes(b"half a log")

    rebuilding.rebuild(journal, tmp_path / "graph.db", words, decoders(words))

    assert rebuilding.swap_in(tmp_path / "graph.db")


def test_a_redaction_meanwhile_has_it_begin_again(tmp_path: Path, journal: SqliteJournal, words: Ontology) -> None:
    secret = "my-password-is-swordfish-4711"
    [held] = journal.append([accept(json.dumps(documented("secret://place", "leaky", secret, 50)).encode())])
    graph = SqliteGraph(tmp_path / "graph.db", words)
    begun = 0

    def redact_once(_done: int, _of: int) -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            journal.redact(held.position, "a password")
            graph.reset()

    rebuilding.rebuild(journal, tmp_path / "graph.db", words, decoders(words), redact_once)
    graph.close()

    assert begun == 2
    assert [path.name for path in tmp_path.iterdir() if secret.encode() in path.read_bytes()] == []


def test_a_redaction_afterwards_takes_the_waiting_graph_away(
    tmp_path: Path, journal: SqliteJournal, words: Ontology
) -> None:
    graph = SqliteGraph(tmp_path / "graph.db", words)
    rebuilding.rebuild(journal, tmp_path / "graph.db", words, decoders(words))

    graph.reset()
    graph.close()

    assert beside(tmp_path) == []


def test_only_one_rebuild_at_a_time(tmp_path: Path, journal: SqliteJournal, words: Ontology) -> None:
    def again(_done: int, _of: int) -> None:
        with pytest.raises(Conflict, match="rebuilt by another process"):
            rebuilding.rebuild(journal, tmp_path / "graph.db", words, decoders(words))

    rebuilding.rebuild(journal, tmp_path / "graph.db", words, decoders(words), again)


def test_a_running_service_goes_on_and_takes_the_new_graph_at_its_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Service(data) as service:
        last = service.accept_all(EVENTS[:-5])
        before = everything(service, last, with_evidence=True)

        rebuilt = run_andon("rebuild", "--data", str(data))

        assert rebuilt.returncode == 0, rebuilt.stderr
        assert "takes the new graph when it is next started" in rebuilt.stdout
        assert differing(everything(service, last, with_evidence=True), before) == {}
        last = service.accept_all(EVENTS[-5:])
        before = everything(service, last, with_evidence=True)
        (waiting,) = data.glob("graph.db.*")
        inode = waiting.stat().st_ino
        service.restart()
        assert differing(everything(service, last, with_evidence=True), before) == {}
        assert (data / "graph.db").stat().st_ino == inode
        assert list(data.glob("graph.db.*")) == []

"""A power cut may tear the last write: the files are cut and garbled at many places, and open all the same.

A copy of the files of an open database, without its shared memory, is what a crash leaves behind.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from graph.journal import Journal
from graph.model import PRESENT, NewEnvelope, Position
from graph.projector import Projector
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ingest.openlineage import Decoder, accept
from ontology import Ontology, load
from tests.contract.telling import dump
from tests.durability.estate import EVENTS, as_bytes

Harm = Callable[[Path, str, int, int], None]

CUTS = (1, 23, 24, 25, 31, 100, 4_000, 4_119, 4_120, 4_121, 6_000)
"""Bytes of the last commit that reached the disk; a frame is 24 bytes and a page of 4,096."""


def new(name: str) -> NewEnvelope:
    body = random.Random(name).randbytes(6_000)  # more than a page
    return NewEnvelope("openlineage", "test", name.encode().ljust(16, b"_"), body)


def crash(folder: Path, name: str, image: Path) -> Path:
    """What a crash would leave of the database `name`; its write-ahead log is `<name>-wal`."""
    image.mkdir()
    for file in (name, name + "-wal"):
        shutil.copy(folder / file, image / file)
    return image


def torn(image: Path, name: str, acknowledged: int, written: int) -> None:
    """Cut the log so many bytes after what was acknowledged."""
    log = image / (name + "-wal")
    assert acknowledged + written < log.stat().st_size
    with log.open("r+b") as file:
        file.truncate(acknowledged + written)


def garbled(image: Path, name: str, acknowledged: int, written: int) -> None:
    """Overwrite the log from there on with noise, as blocks that were allotted and not yet written."""
    log = image / (name + "-wal")
    length = log.stat().st_size
    with log.open("r+b") as file:
        file.seek(acknowledged + written)
        file.write(random.Random(written).randbytes(length - acknowledged - written))


@pytest.mark.parametrize("harm", [torn, garbled], ids=lambda it: it.__name__)
@pytest.mark.parametrize("written", CUTS)
def test_a_journal_with_a_torn_last_commit_has_all_before_it(tmp_path: Path, harm: Harm, written: int) -> None:
    folder = tmp_path / "running"
    journal = SqliteJournal(folder / "journal.db")
    acknowledged = [new(f"event {number}") for number in range(5)]
    for envelope in acknowledged:
        journal.append([envelope])
    size = (folder / "journal.db-wal").stat().st_size
    journal.append([new("under way")])
    image = crash(folder, "journal.db", tmp_path / "image")
    journal.close()

    harm(image, "journal.db", size, written)
    after = SqliteJournal(image / "journal.db")

    assert [it.body for it in after.read(0, 10)] == [it.body for it in acknowledged]
    again = after.append([*acknowledged, new("under way")])
    assert [(it.position, it.duplicate) for it in again] == [*((n, True) for n in range(1, 6)), (6, False)]
    after.close()


def test_a_journal_whose_last_commit_is_whole_has_it(tmp_path: Path) -> None:
    folder = tmp_path / "running"
    journal = SqliteJournal(folder / "journal.db")
    journal.append([new("first")])
    journal.append([new("last")])
    image = crash(folder, "journal.db", tmp_path / "image")
    journal.close()
    with (image / "journal.db-wal").open("ab") as file:
        file.write(random.Random(1).randbytes(5_000))  # what a longer log left behind

    after = SqliteJournal(image / "journal.db")

    assert [it.position for it in after.read(0, 10)] == [1, 2]
    after.close()


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    journal = SqliteJournal(tmp_path_factory.mktemp("whole") / "journal.db")
    journal.append([accept(as_bytes(event)) for event in EVENTS])
    return journal


def projector(journal: Journal, graph: SqliteGraph, words: Ontology) -> Projector:
    return Projector(journal, graph, {"openlineage": Decoder(words.kind_for_namespace)})


@pytest.mark.parametrize("harm", [torn, garbled], ids=lambda it: it.__name__)
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_a_graph_with_a_torn_log_catches_up_from_its_checkpoint(
    tmp_path: Path, journal: Journal, words: Ontology, harm: Harm, part: float
) -> None:
    running = SqliteGraph(tmp_path / "running" / "graph.db", words)
    half = len(EVENTS) // 2
    projecting = projector(journal, running, words)
    projecting.project(journal.read(0, half))
    size = (tmp_path / "running" / "graph.db-wal").stat().st_size
    projecting.catch_up()
    expected, changes = dump(running, PRESENT), running.changes(0, 10_000)
    image = crash(tmp_path / "running", "graph.db", tmp_path / "image")
    running.close()

    whole = (image / "graph.db-wal").stat().st_size
    harm(image, "graph.db", size, int((whole - size) * part))
    after = SqliteGraph(image / "graph.db", words)

    assert after.position() == half, "the torn transaction is gone together with its checkpoint"
    projector(journal, after, words).catch_up()
    assert after.position() == Position(len(EVENTS))
    assert dump(after, PRESENT) == expected
    assert after.changes(0, 10_000) == changes
    after.close()

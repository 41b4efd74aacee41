"""`andon backup` while events come in, and `andon restore`: the same graph, or a clear refusal."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.auth import Keys, parse_scopes
from api.cli import main
from graph.model import AsOf, Position
from graph.sqlite import SqliteGraph
from ontology import load as load_words
from tests.contract.telling import dump
from tests.durability.estate import EVENTS
from tests.end_to_end.service import Service, run_andon
from tests.end_to_end.test_crash import Acknowledged, load, states

pytestmark = pytest.mark.systems

MANIFEST = "andon-backup.json"
WORDS = load_words()


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the estate with its graph, in a folder."""
    folder = tmp_path_factory.mktemp("backed up")
    with Service(folder / "data") as service:
        last = service.accept_all(EVENTS)
        service.graphql("{ status { positionProjected } }", min_position=last)
    assert main(["backup", str(folder / "backup"), "--with-graph", "--data", str(folder / "data")]) == 0
    return folder / "backup"


@pytest.mark.parametrize(
    ("target", "options"),
    [("backup", []), ("backup.tar", ["--with-graph"]), ("backup.tar.gz", [])],
)
def test_a_backup_under_load_restores_to_the_same_graph(tmp_path: Path, target: str, options: list[str]) -> None:
    data, restored = tmp_path / "data", tmp_path / "restored"
    seen = Acknowledged()
    with Service(data) as service:
        service.accept_all(EVENTS)
        with load(service, seen):
            time.sleep(0.5)
            before = {run_id: position for run_id, (_, position) in seen.events.copy().items()}
            made = run_andon("backup", str(tmp_path / target), *options, "--data", str(data))
            assert made.returncode == 0, made.stderr
            time.sleep(0.2)
        assert seen.unexpected == []
        last = service.position()
        service.graphql("{ status { positionProjected } }", min_position=last)
    assert run_andon("restore", str(tmp_path / target), "--data", str(restored)).returncode == 0

    with Service(restored) as copy:
        position = copy.position()
        assert len(EVENTS) + len(before) <= position < last
        assert before.keys() - states(copy, position).keys() == set(), "what was acknowledged before is in it"
        assert copy.accept(EVENTS[0]) == 1, "what it holds is known to it"
    assert whole(restored, position) == whole(data, position)


def whole(data: Path, position: int) -> dict[str, Any]:
    """Everything that the graph in the folder says as of the position."""
    graph = SqliteGraph(data / "graph.db", WORDS)
    try:
        return dump(graph, AsOf(position=Position(position)))
    finally:
        graph.close()


def test_keys_and_decisions_come_along(tmp_path: Path) -> None:
    data = tmp_path / "data"
    Service(data).__enter__().stop()
    Keys(data / "keys.db").add("airflow", parse_scopes("emit"))
    assert main(["backup", str(tmp_path / "backup"), "--data", str(data)]) == 0
    assert main(["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "restored")]) == 0

    assert [key.name for key in Keys(tmp_path / "restored" / "keys.db").list()] == ["airflow"]
    assert sorted(path.name for path in (tmp_path / "restored").iterdir()) == ["journal.db", "keys.db", "outbox.db"]


def test_a_backup_is_only_for_its_owner_and_says_what_it_holds(backup: Path) -> None:
    manifest = json.loads((backup / MANIFEST).read_bytes())

    assert manifest["position"] == len(EVENTS)
    assert set(manifest["files"]) == {path.name for path in backup.iterdir()} - {MANIFEST}
    assert {path.stat().st_mode & 0o077 for path in backup.iterdir() if path.name != MANIFEST} == {0}
    assert backup.stat().st_mode & 0o077 == 0


def test_nothing_is_ever_written_over(tmp_path: Path, backup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious").touch()

    assert main(["restore", str(backup), "--data", str(tmp_path / "data")]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["precious"]
    assert main(["backup", str(backup), "--data", str(backup)]) == 1
    assert "there is something at" in capsys.readouterr().err


def test_an_empty_folder_or_what_a_restore_left_behind_is_no_hindrance(tmp_path: Path, backup: Path) -> None:
    (tmp_path / "data" / ".restoring").mkdir(parents=True)
    (tmp_path / "data" / ".restoring" / "journal.db").write_bytes(b"half")

    assert main(["restore", str(backup), "--data", str(tmp_path / "data")]) == 0
    assert not (tmp_path / "data" / ".restoring").exists()


def test_what_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", str(tmp_path / "none"), "--data", str(tmp_path / "data")]) == 1
    assert "there is no backup" in capsys.readouterr().err
    assert main(["backup", str(tmp_path / "backup"), "--data", str(tmp_path / "typo")]) == 1
    assert "there is no journal" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "altered", "missing", "no manifest", "another position", "a path outside"])
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    tmp_path: Path, backup: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "backup"
    shutil.copytree(backup, copy)
    journal = copy / "journal.db"
    whole = journal.read_bytes()
    manifest = json.loads((copy / MANIFEST).read_bytes())
    match damage:
        case "cut":
            journal.write_bytes(whole[:-4096])
        case "altered":
            journal.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
        case "missing":
            journal.unlink()
        case "no manifest":
            (copy / MANIFEST).unlink()
        case "another position":
            manifest["position"] += 1
        case "a path outside":
            manifest["files"]["../outside"] = manifest["files"]["journal.db"]
    if damage != "no manifest":
        (copy / MANIFEST).write_text(json.dumps(manifest))

    assert main(["restore", str(copy), "--data", str(tmp_path / "data")]) == 2
    assert capsys.readouterr().err.startswith("andon: ")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_an_archive_that_is_cut_off_is_refused(
    tmp_path: Path, backup: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / f"backup{ending}"
    with tarfile.open(archive, "w:gz" if ending == ".tar.gz" else "w") as file:
        for path in sorted(backup.iterdir()):
            file.add(path, path.name)
    whole = archive.read_bytes()
    assert main(["restore", str(archive), "--data", str(tmp_path / "whole")]) == 0

    for part in range(0, 8):
        archive.write_bytes(whole[: len(whole) * part // 8])
        assert main(["restore", str(archive), "--data", str(tmp_path / "data")]) == 2, part
        assert not (tmp_path / "data").exists()
    assert "Traceback" not in capsys.readouterr().err


def test_a_copy_is_of_one_moment_however_much_is_written_meanwhile(tmp_path: Path) -> None:
    """Two numbers that always change together are equal in the copy, though each step finds the file changed."""
    from api.keeping import _copy

    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE pair (one INTEGER, other INTEGER, filling BLOB)")
        writer.execute("INSERT INTO pair VALUES (0, 0, zeroblob(40000000))")
        writer.execute("INSERT INTO pair VALUES (0, 0, NULL)")
        steps = 0

        def write(_done: int, _of: int) -> None:
            nonlocal steps
            steps += 1
            writer.execute("UPDATE pair SET one = ?, other = ?", (steps, steps))

        _copy(tmp_path / "a.db", tmp_path / "b.db", write)

    with closing(sqlite3.connect(tmp_path / "b.db")) as copy:
        assert copy.execute("SELECT DISTINCT one, other FROM pair").fetchall() == [(0, 0)]
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert steps > 3

"""`andon rules` on folders and on the past of a real installation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.cli import main
from graph.model import NewEnvelope, Position
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ontology import load
from tests.contract.telling import fold
from tests.reference.events import Json, dataset, dataset_event, ds, schema

RULE = """\
rule: schema
version: 1
on: {change: schema.changed, type: Dataset}
when: "'id' in change.widened"
do: [{webhook: {url: "https://hooks.example.com/x", event_type: com.example.schema}}]
"""


def test_check_says_each_fault_with_its_line_and_otherwise_what_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.yaml").write_text(RULE)
    assert main(["rules", "check", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("schema\t1+")

    (tmp_path / "bad.yaml").write_text(RULE.replace("schema.changed", "schema.altered"))
    (tmp_path / "worse.yaml").write_text(RULE.replace("'id' in", "'id' of"))
    assert main(["rules", "check", str(tmp_path)]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("bad.yaml, line 3: on.change: expected one of")
    assert second.startswith("worse.yaml, line 4: when: is not CEL")


def test_a_folder_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "check", "--data", str(tmp_path)]) == 2
    assert "FOLDER" in capsys.readouterr().err


def columns(at: int, *types: str) -> Json:
    return dataset_event(at, dataset("orders", schema(*({"name": "id", "type": it} for it in types))))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of an installation that saw a column grow twice, long ago."""
    folder = tmp_path / "data"
    folder.mkdir()
    journal, graph = SqliteJournal(folder / "journal.db"), SqliteGraph(folder / "graph.db", load())
    for position, body in enumerate((columns(1, "smallint"), columns(2, "int"), columns(3, "bigint")), start=1):
        journal.append([NewEnvelope("openlineage", "test", b"%d" % position, json.dumps(body).encode())])
        with graph.transaction():
            fold(graph, body, position)
        graph.commit(Position(position))
    journal.close()
    graph.close()
    return folder


def test_backtest_says_what_a_rule_would_have_done(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = tmp_path / "schema.yaml"
    rule.write_text(RULE + "mode: off\n")

    assert main(["rules", "backtest", str(rule), "--data", str(data), "--ignore-age"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("schema 1+") and said[0].endswith(": 2 fired; 2 actions")
    assert [f"schema.changed of {ds('orders')}" in it for it in said[2:]] == [True, True]

    assert main(["rules", "backtest", str(rule), "--data", str(data), "--from", "2", "--json", "--ignore-age"]) == 0
    [firing] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (firing["position"], firing["verdict"], firing["subject"]) == (3, "fired", ds("orders"))
    assert firing["actions"] == [{"kind": "webhook", "target": ds("orders"), "owner": None}]


def test_what_came_late_is_not_acted_on_in_a_backtest_either(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = tmp_path / "schema.yaml"
    rule.write_text(RULE)
    assert main(["rules", "backtest", str(rule), "--data", str(data)]) == 0
    assert ": 2 too_old; 0 actions" in capsys.readouterr().out


@pytest.mark.parametrize("flag", ["--from", "--to"])
def test_a_moment_that_is_none_is_refused(
    data: Path, tmp_path: Path, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = tmp_path / "schema.yaml"
    rule.write_text(RULE)
    assert main(["rules", "backtest", str(rule), "--data", str(data), flag, "yesterday"]) == 2
    assert f"{flag}: expected a position or an instant" in capsys.readouterr().err

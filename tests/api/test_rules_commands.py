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


def event(at: int, *columns: str) -> str:
    fields = ", ".join(f"{{name: {it}, type: int}}" for it in columns)
    return (
        f"{{eventTime: 2026-01-0{at}T00:00:00Z, dataset: {{namespace: 'pg://shop', name: orders,"
        f" facets: {{schema: {{fields: [{fields}]}}}}}}}}"
    )


CASES = f"""\
- case: a column goes
  given: [{event(1, "a", "b")}]
  when: [{event(2, "a")}]
  fires: [{{verdict: fired, subject: "urn:andon:dataset:pg%3A%2F%2Fshop:orders", actions: [{{owner: null}}]}}]
- case: a column comes
  given: [{event(1, "a")}]
  when: [{event(2, "a", "b")}]
  fires: []
"""
GONE = RULE.replace("'id' in change.widened", "size(change.removed) > 0")


def test_cases_of_a_rule_are_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "schema.yaml").write_text(GONE)
    (tmp_path / "schema.test.yaml").write_text(CASES)

    assert main(["rules", "test", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ok  schema: a column goes", "ok  schema: a column comes", "2 cases of 1 rules, 0 failed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "cases", "said"),
    [
        (GONE.replace("> 0", "> 1"), CASES, "expected 1 firings, found 0: nothing"),
        (GONE.replace("removed", "added"), CASES, "expected 0 firings, found 1: fired on urn:andon:dataset:"),
        (GONE, CASES.replace("owner: null", "owner: ana"), "fires[0].actions[0].owner: expected 'ana', found None"),
        (GONE, CASES.replace("verdict: fired", "vredict: fired"), "fires[0]: there is no 'vredict'"),
        (GONE, CASES.replace("2026-01-02T00:00:00Z", "yesterday"), "when[0].eventTime: expected an instant"),
        (GONE, CASES.replace("name: orders", "nmae: orders"), "given[0]: "),
    ],
)
def test_a_case_that_comes_out_otherwise_says_in_what(
    tmp_path: Path, rule: str, cases: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "schema.yaml").write_text(rule)
    (tmp_path / "schema.test.yaml").write_text(cases)

    assert main(["rules", "test", str(tmp_path)]) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ("- {case: x, when: [], fires: [], given: &a [*a]}", "anchors and aliases"),
        ("- {case: x, when: [], fires: [], if: 1}", "schema.test.yaml: Object contains unknown field `if`"),
        ("case: x", "schema.test.yaml: Expected `array`"),
        ("[", "schema.test.yaml"),
    ],
)
def test_cases_that_cannot_be_read_are_refused(
    tmp_path: Path, cases: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "schema.yaml").write_text(GONE)
    (tmp_path / "schema.test.yaml").write_text(cases)

    assert main(["rules", "test", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err

"""`andon sql`, called with its arguments."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from ingest.sql.records import answer
from tests.end_to_end.service import command, run_andon

LOAD = """INSERT INTO shop.revenue (total)
SELECT SUM(o.amount) AS total FROM shop.orders AS o;
INSERT INTO shop.report (total, twice) SELECT total, total * 2 FROM shop.revenue
"""
STAGED = """SELECT id INTO #recent FROM shop.orders;
INSERT INTO shop.copy (id) SELECT id FROM #recent
"""
BROKEN = "SELECT ((( FROM"
KEYS = ["id", "in_tables", "out_tables", "column_edges", "statements", "errors"]

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def load(tmp_path: Path) -> str:
    path = tmp_path / "load.sql"
    path.write_text(LOAD)
    return str(path)


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def records(printed: Printed) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.readouterr().out.splitlines()]


def flows(printed: Printed) -> list[list[str]]:
    return [[flow["source"], flow["target"]] for flow in json.loads(printed.readouterr().out)["flows"]]


# --- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("mermaid", '-->|"amount → total"|'),
        ("dot", '[label="amount → total\\l"]'),
        ("json", '"source_column": "amount"'),
        ("table", "AGGREGATION"),
    ],
)
def test_a_file_is_drawn_in_each_format(load: str, format: str, expected: str, capsys: Printed) -> None:
    assert main(["sql", "lineage", load, "--format", format]) == 0

    printed = capsys.readouterr()
    assert expected in printed.out and printed.err == ""


def test_the_level_of_tables_leaves_columns_out(load: str, capsys: Printed) -> None:
    assert main(["sql", "lineage", load, "--format", "mermaid", "--level", "table"]) == 0

    assert "amount" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        ("hops", [["shop.orders", "shop.revenue"], ["shop.revenue", "shop.report"]]),
        ("temp_collapsed", [["shop.orders", "shop.revenue"], ["shop.revenue", "shop.report"]]),
        ("end_to_end", [["shop.orders", "shop.report"]]),
    ],
)
def test_conventions_decide_what_lies_between(
    load: str, convention: str, expected: list[list[str]], capsys: Printed
) -> None:
    assert main(["sql", "lineage", load, "--convention", convention, "--format", "json"]) == 0

    assert flows(capsys) == expected


def test_a_folder_is_one_picture_of_all_its_sql_files(tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "one.sql").write_text("INSERT INTO b (x) SELECT x FROM a")
    (tmp_path / "deep" / "two.SQL").write_text("INSERT INTO c (x) SELECT x FROM b")
    (tmp_path / "notes.txt").write_text("INSERT INTO d (x) SELECT x FROM c")
    (tmp_path / ".git" / "three.sql").write_text("INSERT INTO e (x) SELECT x FROM c")

    assert main(["sql", "lineage", str(tmp_path), str(tmp_path / "one.sql"), "--format", "json"]) == 0

    content = json.loads(capsys.readouterr().out)
    assert [[flow["source"], flow["target"]] for flow in content["flows"]] == [["a", "b"], ["b", "c"]]
    assert [Path(script["name"]).name for script in content["scripts"]] == ["one.sql", "two.SQL"]


def test_standard_input_is_read_for_a_dash(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    standard_input(monkeypatch, LOAD.encode())

    assert main(["sql", "lineage", "-", "--format", "json"]) == 0
    assert len(flows(capsys)) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_come_in_the_encodings_of_their_tools(tmp_path: Path, encoding: str, capsys: Printed) -> None:
    path = tmp_path / "load.sql"
    path.write_bytes('INSERT INTO maß (x) SELECT x FROM "größe"'.encode(encoding))

    assert main(["sql", "lineage", str(path), "--format", "json"]) == 0
    assert flows(capsys) == [["größe", "maß"]]


def test_what_is_not_read_is_told_with_file_line_and_column(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "load.sql"
    path.write_text(f"{LOAD};\n{BROKEN}\n")

    assert main(["sql", "lineage", str(path)]) == 0

    printed = capsys.readouterr()
    [line] = printed.err.splitlines()
    name, number, column, reason = line.split(":", 3)
    assert (name, number) == (str(path), "5") and int(column) >= 1 and reason.strip()
    assert "shop.report" in printed.out


def test_where_nothing_can_be_read_the_status_is_1(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "load.sql"
    path.write_text(BROKEN)

    assert main(["sql", "lineage", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"{path}:1:")


def test_an_empty_file_is_no_failure_and_an_empty_folder_is_one(tmp_path: Path, capsys: Printed) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "empty.sql").write_text("-- nothing yet\n")

    assert main(["sql", "lineage", str(tmp_path / "empty.sql")]) == 0
    assert main(["sql", "lineage", str(folder)]) == 1
    assert "no .sql file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--jsonl", "-", "a.sql"],
        ["there/is/no/such.sql"],
        ["--dialect", "klingon", "-"],
        ["--schema", "there/is/no/such.json", "-"],
        ["--manifest", "there/is/no/such.json", "-"],
        ["--manifest", "there/is/no/such.json", "--jsonl", "-"],
        ["--format", "openlineage", "-"],
        ["--format", "openlineage", "--namespace", "n", "-"],
        ["--format", "openlineage", "--namespace", "n", "--job", "j", "--level", "table", "-"],
        ["--format", "openlineage", "--namespace", "n", "--job", "j", "--convention", "hops", "-"],
        ["--format", "openlineage", "--namespace", "n", "--jsonl", "-"],
        ["--namespace", "n", "-"],
        ["--job", "j", "-"],
        ["--dataset-namespace", "n", "--jsonl", "-"],
    ],
)
def test_wrong_arguments_have_status_2_and_one_line(arguments: list[str], capsys: Printed) -> None:
    assert main(["sql", "lineage", *arguments]) == 2

    printed = capsys.readouterr()
    assert printed.err.startswith("andon: ") and printed.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--format", "png"], ["--convention", "all"], ["--level", "row"]])
def test_unknown_words_have_status_2_too(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sql", "lineage", "-", *arguments])

    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("schema.json", '{"shop.orders": {"id": "int", "amount": null}}'),
        ("schema.yaml", "shop.orders: {id: int, amount: }\n"),
        ("schema.yml", "shop.orders: [id, amount]\n"),
    ],
)
def test_a_schema_expands_stars(tmp_path: Path, name: str, content: str, capsys: Printed) -> None:
    (tmp_path / name).write_text(content)
    (tmp_path / "load.sql").write_text("INSERT INTO copy SELECT * FROM shop.orders")

    assert main(["sql", "lineage", str(tmp_path / "load.sql"), "--schema", str(tmp_path / name)]) == 0

    rows = [line.split()[:4] for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [["shop.orders", column, "copy", column] for column in ("amount", "id")]


@pytest.mark.parametrize("content", ["[1, 2]", '{"t": 3}', '{"t": [1]}', "{", '{"t": {"a": "int"}'])
def test_a_schema_of_another_shape_is_refused(tmp_path: Path, content: str, capsys: Printed) -> None:
    (tmp_path / "schema.json").write_text(content)

    assert main(["sql", "lineage", "-", "--schema", str(tmp_path / "schema.json")]) == 2
    assert "--schema" in capsys.readouterr().err


def test_names_are_completed_by_the_defaults(load: str, capsys: Printed) -> None:
    assert main(["sql", "lineage", load, "--default-db", "dwh", "--format", "json"]) == 0

    assert flows(capsys)[0] == ["dwh.shop.orders", "dwh.shop.revenue"]


def test_a_manifest_says_what_a_ref_is_and_where_a_model_goes(tmp_path: Path, capsys: Printed) -> None:
    def model(name: str, database: str | None) -> dict[str, Any]:
        about = {"resource_type": "model", "name": name, "package_name": "shop", "alias": name}
        return {f"model.shop.{name}": {**about, "schema": "Mart", "database": database}}

    manifest = {"metadata": {"adapter_type": "postgres"}, "sources": {}}
    nodes = {**model("orders", None), **model("paid", "dwh")}
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "nodes": nodes}))
    (tmp_path / "paid.sql").write_text("SELECT id FROM {{ ref('orders') }}")
    (tmp_path / "copy.sql").write_text("INSERT INTO copy (id) SELECT id FROM {{ ref('paid') }}")

    assert main(["sql", "lineage", str(tmp_path), "--manifest", str(tmp_path / "manifest.json"), "--format=json"]) == 0

    content = json.loads(capsys.readouterr().out)
    assert [[flow["source"], flow["target"]] for flow in content["flows"]] == [
        ["dwh.mart.paid", "copy"],
        ["mart.orders", "dwh.mart.paid"],
    ]
    assert content["flows"][1]["columns"][0]["target_column"] == "id"
    assert [script["dialect"] for script in content["scripts"]] == ["postgres", "postgres"]


def test_without_a_manifest_templates_are_guessed_at_and_it_is_said_where(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "copy.sql"
    path.write_text("{% if unknown %}\nINSERT INTO copy (id)\nSELECT id FROM {{ ref('orders') }}\n{% endif %}")

    assert main(["sql", "lineage", str(path), "--format", "json"]) == 0

    printed = capsys.readouterr()
    content = json.loads(printed.out)
    assert [[flow["source"], flow["target"]] for flow in content["flows"]] == [["orders", "copy"]]
    assert content["scripts"][0]["statements"][0]["line"] == 2
    assert f"{path}:" in printed.err


def test_what_was_guessed_of_a_template_is_noted_and_not_called_unread(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "copy.sql"
    path.write_text("INSERT INTO copy (id)\nSELECT id FROM orders WHERE id = {{ unknown }}")

    assert main(["sql", "lineage", str(path), "--format", "json"]) == 0

    printed = capsys.readouterr()
    [script] = json.loads(printed.out)["scripts"]
    assert script["unread"] == [] and [note["line"] for note in script["notes"]] == [2]
    assert printed.err.startswith(f"{path}:2:1: unknown ")


# --- OpenLineage events -------------------------------------------------------------------------------------------


def openlineage(*arguments: str) -> int:
    return main(["sql", "lineage", *arguments, "--format", "openlineage", "--namespace", "etl"])


def jobs(printed: Printed) -> list[str]:
    return [event["job"]["name"] for event in json.loads(printed.readouterr().out)]


def test_events_are_one_array_an_event_a_line(load: str, capsys: Printed) -> None:
    assert openlineage(load, "--dataset-namespace", "postgres://shop") == 0

    text = capsys.readouterr().out
    events = json.loads(text)
    assert [json.loads(line.strip("[],")) for line in text.splitlines()] == events
    assert [event["job"]["name"] for event in events] == ["load", "load.1-insert", "load.2-insert"]
    assert {event["job"]["namespace"] for event in events} == {"etl"}
    assert {one["namespace"] for event in events for one in event["inputs"]} == {"postgres://shop"}


def test_a_file_s_job_is_named_by_hand_or_by_its_place_below_the_folder(tmp_path: Path, capsys: Printed) -> None:
    for name in ("a/load.sql", "b/load.sql"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("DELETE FROM t")
    one, other = str(tmp_path / "a/load.sql"), str(tmp_path / "b/load.sql")

    assert openlineage(str(tmp_path)) == 0
    assert jobs(capsys) == ["a.load", "a.load.1-delete", "b.load", "b.load.1-delete"]
    assert openlineage(one, "--job", "nightly") == 0
    assert jobs(capsys) == ["nightly", "nightly.1-delete"]
    assert openlineage(one, other) == openlineage(one, other, "--job", "nightly") == 2
    assert "would both be the job 'load'" in capsys.readouterr().err


def test_standard_input_is_a_job_by_name(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    standard_input(monkeypatch, b"DELETE FROM t")

    assert openlineage("-", "--job", "clean") == 0

    assert jobs(capsys) == ["clean", "clean.1-delete"]


def test_texts_that_move_nothing_are_no_events_and_those_that_cannot_be_read_have_status_1(
    tmp_path: Path, capsys: Printed
) -> None:
    (tmp_path / "nothing.sql").write_text("SELECT 1")
    (tmp_path / "broken.sql").write_text(BROKEN)

    assert openlineage(str(tmp_path / "nothing.sql")) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert openlineage(str(tmp_path / "broken.sql")) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out) == [] and "broken.sql:1:" in printed.err


def test_columns_of_a_schema_are_told(load: str, tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "schema.json").write_text('{"shop.orders": {"Amount": "money"}}')

    assert openlineage(load, "--schema", str(tmp_path / "schema.json")) == 0

    [orders] = json.loads(capsys.readouterr().out)[1]["inputs"]
    assert orders["facets"]["schema"]["fields"] == [{"name": "Amount", "type": "money"}]


def test_names_cannot_write_to_the_terminal(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "load.sql"
    path.write_text('INSERT INTO b (x) SELECT "x\x1b[2J" FROM a')

    assert main(["sql", "lineage", str(path)]) == 0
    assert main(["sql", "explain", str(path)]) == 0

    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err


# --- records ------------------------------------------------------------------------------------------------------


def test_each_line_is_answered_in_order(tmp_path: Path, capsys: Printed) -> None:
    lines = [
        {"id": 1, "dialect": "", "sql": LOAD, "convention": "end_to_end", "expected": "ignored"},
        {"id": "two", "dialect": "tsql", "sql": STAGED, "convention": "hops_temp_collapsed", "default_schema": None},
        {
            "id": None,
            "sql": "SELECT a FROM t",
            "default_db": "d",
            "default_schema": "s",
            "schemas": {"d.s.t": {"a": ""}},
        },
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")

    assert main(["sql", "lineage", "--jsonl", str(tmp_path / "in.jsonl")]) == 0

    first, second, third = records(capsys)
    assert [list(one) for one in (first, second, third)] == [KEYS] * 3
    assert (first["id"], first["in_tables"], first["out_tables"]) == (1, ["shop.orders"], ["shop.report"])
    assert first["column_edges"] == [
        ["shop.orders", "amount", "shop.report", "total"],
        ["shop.orders", "amount", "shop.report", "twice"],
    ]
    assert [(one["category"], one["line"], one["inputs"], one["outputs"]) for one in first["statements"]] == [
        ("DML", 1, ["shop.orders"], ["shop.revenue"]),
        ("DML", 3, ["shop.revenue"], ["shop.report"]),
    ]
    assert (second["in_tables"], second["out_tables"]) == (["shop.orders"], ["shop.copy"])
    assert third["column_edges"] == [["d.s.t", "a", "", "a"]]


@pytest.mark.parametrize("name", ["temp_collapsed", "hops_temp_collapsed"])
def test_collapsing_temporary_tables_has_two_names(name: str) -> None:
    found = answer({"id": 1, "dialect": "tsql", "sql": STAGED, "convention": name})

    assert found["column_edges"] == [["shop.orders", "id", "shop.copy", "id"]]
    assert [one["outputs"] for one in found["statements"]] == [[], ["shop.copy"]]


@pytest.mark.parametrize(
    ("line", "id", "reason"),
    [
        ("{", None, "no JSON"),
        ("[1]", None, "expected an object"),
        ('{"id": 7}', 7, "sql"),
        ('{"id": 7, "sql": 1}', 7, "sql"),
        ('{"id": 7, "sql": "", "dialect": "klingon"}', 7, "klingon"),
        ('{"id": 7, "sql": "", "dialect": []}', 7, "dialect"),
        ('{"id": 7, "sql": "", "convention": "all"}', 7, "convention"),
        ('{"id": 7, "sql": "", "schemas": [1]}', 7, "schemas"),
        ('{"id": 7, "sql": "", "schemas": {"t": 1}}', 7, "schemas.t"),
        ('{"id": 7, "sql": "", "default_db": 1}', 7, "default_db"),
        ("\udcff", None, "no JSON"),
    ],
)
def test_a_line_that_cannot_be_read_says_why_and_the_next_is_answered(
    line: str, id: object, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    content = line.encode(errors="surrogateescape") + b'\n{"id": 8, "sql": "SELECT a FROM t"}\n'
    standard_input(monkeypatch, content)

    assert main(["sql", "lineage", "--jsonl", "-"]) == 0

    first, second = records(capsys)
    assert first["id"] == id and reason in first["errors"][0]["reason"]
    assert (second["id"], second["in_tables"], second["errors"]) == (8, ["t"], [])


def test_what_was_not_understood_stands_in_errors_with_its_place() -> None:
    found = answer({"id": 1, "sql": f"SELECT a FROM t;\n{BROKEN}"})

    assert found["in_tables"] == ["t"]
    [error] = found["errors"]
    assert error["line"] == 2 and error["column"] >= 1 and error["reason"]


def test_flags_stand_in_for_what_a_record_does_not_say(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    lines = [{"id": 1, "sql": STAGED}, {"id": 2, "sql": STAGED, "convention": "hops"}]
    standard_input(monkeypatch, "\n".join(map(json.dumps, lines)).encode())
    flags = ["--dialect", "tsql", "--convention", "temp_collapsed", "--default-db", "dwh"]

    assert main(["sql", "lineage", "--jsonl", "-", *flags]) == 0

    first, second = records(capsys)
    assert first["in_tables"] == ["dwh.shop.orders"]
    assert "#recent" in second["in_tables"]


def test_records_are_templates_by_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    about = {"resource_type": "model", "name": "orders", "package_name": "shop", "alias": "orders", "schema": "core"}
    manifest = {"metadata": {"adapter_type": "postgres"}, "sources": {}, "nodes": {"model.shop.orders": about}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    standard_input(monkeypatch, json.dumps({"id": 1, "sql": "SELECT id FROM {{ ref('orders') }}"}).encode())

    assert main(["sql", "lineage", "--jsonl", "-", "--manifest", str(tmp_path / "manifest.json")]) == 0

    [found] = records(capsys)
    assert found["in_tables"] == ["core.orders"] and list(found) == KEYS


def test_an_answer_comes_before_the_next_question() -> None:
    with subprocess.Popen(
        command("sql", "lineage", "--jsonl", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for number in range(2):
            process.stdin.write(json.dumps({"id": number, "sql": "SELECT 1"}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(20) == 0


def test_a_reader_that_has_seen_enough_gets_no_traceback(tmp_path: Path) -> None:
    lines = [json.dumps({"id": number, "sql": LOAD}) for number in range(500)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))

    with subprocess.Popen(
        command("sql", "lineage", "--jsonl", str(tmp_path / "in.jsonl")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""


# --- explain ------------------------------------------------------------------------------------------------------


def test_explain_says_which_expression_makes_which_column(load: str, capsys: Printed) -> None:
    assert main(["sql", "explain", load]) == 0

    lines = capsys.readouterr().out.splitlines()
    start = lines.index("shop.revenue.total")
    assert lines[start + 1].startswith(f"  {load}:2:") and "SUM(o.amount)" in lines[start + 1]
    assert lines[start + 2] == "    from shop.orders.amount: AGGREGATION"


@pytest.mark.parametrize("name", ["twice", "report.twice", "shop.report.twice", "SHOP.Report.Twice"])
def test_explain_takes_as_much_of_a_column_s_name_as_one_likes(load: str, name: str, capsys: Printed) -> None:
    assert main(["sql", "explain", load, "--column", name]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["shop.report.twice"]


def test_explain_tells_of_doubt_and_of_temporary_tables(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "load.sql"
    path.write_text("SELECT * INTO #t FROM shop.orders WHERE day > 7")

    assert main(["sql", "explain", str(path), "--dialect", "tsql"]) == 0

    printed = capsys.readouterr().out
    assert "#t (temporary).*" in printed
    assert "from shop.orders.*: IDENTITY (confidence 0." in printed
    assert "#t (temporary): all columns" in printed and "by shop.orders.day: FILTER" in printed


def test_explain_of_a_column_that_is_not_written_has_status_1(load: str, capsys: Printed) -> None:
    assert main(["sql", "explain", load, "--column", "shop.orders.amount"]) == 1
    assert "writes no column" in capsys.readouterr().err


# --- model --------------------------------------------------------------------------------------------------------

STAR = """CREATE TABLE dim_customer (customer_key INT PRIMARY KEY, name TEXT);
CREATE TABLE dim_day (day_key INT PRIMARY KEY, weekday TEXT);
CREATE TABLE fact_sales (
  customer_key INT REFERENCES dim_customer (customer_key), day_key INT REFERENCES dim_day (day_key), amount DECIMAL
);
"""
REPORT = """SELECT c.name, d.weekday, SUM(f.amount) AS amount FROM fact_sales f
JOIN dim_customer c ON c.customer_key = f.customer_key JOIN dim_day d ON d.day_key = f.day_key
GROUP BY c.name, d.weekday
"""


def test_a_star_is_recognised_over_all_files(tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "tables.sql").write_text(STAR)
    (tmp_path / "report.sql").write_text(REPORT)

    assert main(["sql", "model", str(tmp_path), "--format", "json"]) == 0
    [star] = json.loads(capsys.readouterr().out)
    assert main(["sql", "model", str(tmp_path)]) == 0
    header, *rows = (line.split() for line in capsys.readouterr().out.splitlines())

    roles = {member["table"]: member["role"] for member in star["members"]}
    assert star["kind"] == "star" and 0 < star["confidence"] <= 1
    assert roles == {"fact_sales": "fact", "dim_customer": "dimension", "dim_day": "dimension"}
    assert header == ["MODEL", "TABLE", "ROLE", "CONFIDENCE", "EVIDENCE"]
    assert {row[2]: row[3] for row in rows} == roles


def test_what_is_no_model_gives_an_empty_list(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "one.sql"
    path.write_text("SELECT a FROM t")

    assert main(["sql", "model", str(path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


# --- the progress bar ---------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_for_several_files_on_a_terminal_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.sql").write_text(BROKEN if number == 1 else LOAD)
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    assert main(["sql", "lineage", str(tmp_path)]) == 0

    shown = terminal.getvalue()
    assert "\r\x1b[K[..." in shown and "0 %" in shown and shown.endswith("\r\x1b[K")
    assert "\x1b[K" + str(tmp_path / "1.sql") + ":1:" in shown


def test_no_bar_is_shown_for_one_file_or_where_nobody_looks(
    load: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    (tmp_path / "more.sql").write_text(LOAD)
    assert main(["sql", "lineage", load, str(tmp_path / "more.sql")]) == 0
    assert capsys.readouterr().err == ""

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert main(["sql", "lineage", load]) == 0
    assert terminal.getvalue() == ""


# --- the rest of the command line ---------------------------------------------------------------------------------


def test_help_names_the_commands_and_does_not_wait_for_the_parser() -> None:
    shown = run_andon("sql", "--help").stdout
    assert all(name in shown for name in ("lineage", "explain", "model"))

    asked = "import sys; from api import cli; cli._parser(); print([n for n in sys.modules if 'sqlglot' in n])"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def manual(language: str) -> list[str]:
    """The blocks of that language in the manual."""
    text = (Path(__file__).parents[2] / "docs" / "sql.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_manual_s_call_answers_as_it_says() -> None:
    [code] = manual("python")
    *before, last = code.strip().splitlines()
    question, answered = last.split("  # ")
    names: dict[str, Any] = {}

    exec("\n".join(before), names)

    assert eval(question, names) == ast.literal_eval(answered)


def test_the_manual_s_script_is_explained_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    [script] = manual("sql")
    command, *expected = manual("console")[1].splitlines()
    (tmp_path / "load.sql").write_text(script)
    monkeypatch.chdir(tmp_path)

    assert main(command.removeprefix("$ andon ").split()) == 0
    assert capsys.readouterr().out.splitlines() == expected


def test_the_manual_s_record_is_answered_as_it_says_and_its_flags_exist() -> None:
    question, expected = map(json.loads, manual("json"))
    flags = set(re.findall(r"`(--[a-z-]+)", (Path(__file__).parents[2] / "docs" / "sql.md").read_text()))
    shown = "".join(run_andon("sql", verb, "--help").stdout for verb in ("lineage", "explain", "model"))

    assert answer(question) == expected
    assert {flag for flag in flags if f"{flag} " not in shown} == set()


def test_the_manual_names_every_reason_for_doubt() -> None:
    """Reasons are the texts beside a confidence, wherever the package has one."""
    folder = Path(__file__).parents[2]
    told = " ".join((folder / "docs" / "sql.md").read_text().split())
    code = "".join(path.read_text() for path in sorted((folder / "ingest" / "sql").glob("*.py")))
    reasons = set(re.findall(r"Via\([^()]*?0\.\d+, \"([^\"]+)\"\)", code))

    assert {reason for reason in reasons if reason not in told} == set()

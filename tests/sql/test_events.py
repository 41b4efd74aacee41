"""A script's lineage as OpenLineage events: valid, read by Andon's own decoder, and saying exactly what flows."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from graph.model import Envelope, Instant, Name, Position
from graph.statements import Flows, Statements
from ingest.openlineage import Decoder
from ingest.openlineage.accept import accept
from ingest.sql import lineage
from ingest.sql.events import Event, job_events
from ingest.sql.result import Category, Hop, Place, SqlLineage, Statement, Table
from tests.sql.json_schema import Schemas

SPECIFICATION = Path(__file__).resolve().parents[3] / "shared" / "data" / "openlineage" / "spec"
CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
DATABASE = "db://shop"
BY_WAY_OF_A_TEMPORARY_TABLE = """CREATE PROCEDURE dbo.LoadRevenue AS
BEGIN
  CREATE TABLE #Recent (Day DATE, Amount MONEY);
  INSERT INTO #Recent (Day, Amount) SELECT o.Day, o.Amount FROM staging.Orders o WHERE o.Paid = 1;
  INSERT INTO main.Revenue (Day, Total) SELECT Day, SUM(Amount) FROM #Recent GROUP BY Day;
  TRUNCATE TABLE main.Waiting;
  DROP TABLE #Recent;
END
"""
SCRIPTS = {
    "tsql": BY_WAY_OF_A_TEMPORARY_TABLE,
    "postgres": "CREATE TEMP TABLE t AS SELECT * FROM a; INSERT INTO b SELECT x, 1 FROM t, c; COPY d FROM 's3://in/d.csv'",
    "snowflake": "MERGE INTO b USING a ON a.id = b.id WHEN MATCHED THEN UPDATE SET n = b.n + a.n; DROP TABLE a",
    "oracle": "CREATE TRIGGER tr AFTER INSERT ON a FOR EACH ROW BEGIN INSERT INTO log (n) VALUES (:new.n); END;",
    "": "SELECT COUNT(*) FROM a; UPDATE b SET x = x + 1; CREATE VIEW v AS SELECT SUM(x) FROM b; SELECT 1",
}


def events(sql: str, dialect: str = "", job: str = "script", **changes: Any) -> list[Event]:
    known = {key: changes.pop(key) for key in ("default_db", "default_schema") if key in changes}
    result = lineage(sql, dialect, changes.get("schema"), **known, explain=True)
    settings = {"namespace": "jobs", "dataset_namespace": DATABASE, "produced_at": datetime(2026, 3, 1, tzinfo=UTC)}
    return job_events(result, job=job, **{**settings, **changes})


def named(found: list[Event]) -> dict[str, Event]:
    return {event["job"]["name"]: event for event in found}


def sides(event: Event) -> tuple[list[str], list[str]]:
    return [one["name"] for one in event["inputs"]], [one["name"] for one in event["outputs"]]


def columns(output: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    fields = output["facets"]["columnLineage"]["fields"]
    return {column: [(one["name"], one["field"]) for one in field["inputFields"]] for column, field in fields.items()}


def decoded(event: Event) -> Statements:
    new = accept(msgspec.json.encode(event))
    envelope = Envelope(Position(1), new.kind, new.source, Instant(0), new.key, new.body)
    return Decoder(lambda namespace: "dataset")(envelope)


def flows(event: Event) -> Flows:
    [declared] = decoded(event).declared
    assert declared.flows is not None
    return declared.flows.load()


@pytest.mark.parametrize("dialect", SCRIPTS)
def test_events_are_valid_by_the_specification(dialect: str) -> None:
    if not SPECIFICATION.is_dir():
        pytest.skip("../shared is absent")
    schemas = Schemas(SPECIFICATION)

    found = events(SCRIPTS[dialect], dialect, schema={"a": {"id": "int", "n": ""}})

    assert found
    for event in found:
        assert schemas.errors(event, f"{CORE}#/$defs/JobEvent") == []
        assert schemas.errors(event, CORE) == []
        for owner in (event["job"], *event["inputs"], *event["outputs"]):
            for facet in owner["facets"].values():
                assert schemas.errors(facet, facet["_schemaURL"]) == []


@pytest.mark.parametrize("dialect", SCRIPTS)
def test_andon_accepts_and_decodes_them(dialect: str) -> None:
    for event in events(SCRIPTS[dialect], dialect):
        found = flows(event)

        assert [name.name for name in found.inputs] == [one["name"] for one in event["inputs"]]
        assert [name.name for name in found.outputs] == [one["name"] for one in event["outputs"]]


def test_a_procedure_has_what_lasts_and_its_steps_every_hop() -> None:
    found = named(events(BY_WAY_OF_A_TEMPORARY_TABLE, "tsql"))

    assert {name: sides(event) for name, event in found.items()} == {
        "dbo.LoadRevenue": (["staging.Orders"], ["main.Revenue", "main.Waiting"]),
        "dbo.LoadRevenue.1-create-table": ([], ["dbo.LoadRevenue/#Recent"]),
        "dbo.LoadRevenue.2-insert": (["staging.Orders"], ["dbo.LoadRevenue/#Recent"]),
        "dbo.LoadRevenue.3-insert": (["dbo.LoadRevenue/#Recent"], ["main.Revenue"]),
        "dbo.LoadRevenue.4-truncate": ([], ["main.Waiting"]),
    }
    whole, step = found["dbo.LoadRevenue"], found["dbo.LoadRevenue.3-insert"]
    assert columns(whole["outputs"][0]) == {
        "Day": [("staging.Orders", "Day")],
        "Total": [("staging.Orders", "Amount")],
    }
    assert columns(step["outputs"][0]) == {
        "Day": [("dbo.LoadRevenue/#Recent", "Day")],
        "Total": [("dbo.LoadRevenue/#Recent", "Amount")],
    }


def test_jobs_say_what_they_are_and_steps_whose_they_are_and_their_text() -> None:
    whole, create, *_ = events(BY_WAY_OF_A_TEMPORARY_TABLE, "tsql")
    script, *_ = events("INSERT INTO b SELECT x FROM a")

    types = [one["job"]["facets"]["jobType"]["jobType"] for one in (whole, create, script)]
    assert types == ["PROCEDURE", "STATEMENT", "SCRIPT"]
    facets = create["job"]["facets"]
    assert (facets["sql"]["query"], facets["sql"]["dialect"]) == (
        "CREATE TABLE #Recent (Day DATE, Amount MONEY)",
        "tsql",
    )
    assert facets["andon_parent"]["job"] == {"namespace": "jobs", "name": "dbo.LoadRevenue"}
    assert "andon_parent" not in whole["job"]["facets"]


def test_temporary_tables_are_marked() -> None:
    [temporary] = events(BY_WAY_OF_A_TEMPORARY_TABLE, "tsql")[3]["inputs"]

    facet = temporary["facets"]["datasetType"]
    assert (facet["datasetType"], facet["subType"]) == ("TABLE", "TEMPORARY")


def test_temporary_tables_of_one_name_never_meet() -> None:
    one, other = (events("SELECT x INTO #t FROM a; INSERT INTO b SELECT x FROM #t", "tsql", job) for job in "mn")
    assert sides(one[2])[0] == ["m/#t"]
    assert sides(other[2])[0] == ["n/#t"]

    body = "AS BEGIN SELECT x INTO #t FROM {0}; INSERT INTO {0}2 SELECT x FROM #t; END"
    both = f"CREATE PROCEDURE p {body.format('a')}\nGO\nCREATE PROCEDURE q {body.format('b')}"
    found = named(events(both, "tsql"))
    assert sides(found["p.2-insert"]) == (["p/#t"], ["a2"])
    assert sides(found["q.2-insert"]) == (["q/#t"], ["b2"])


def test_a_temporary_table_of_the_caller_is_the_callers() -> None:
    sql = """CREATE PROCEDURE fill AS BEGIN INSERT INTO #t SELECT x FROM a; END
GO
CREATE TABLE #t (x INT); EXEC fill; INSERT INTO b SELECT x FROM #t"""

    found = named(events(sql, "tsql"))

    assert sides(found["fill.1-insert"]) == (["a"], ["script/#t"])
    assert sides(found["script.2-insert"]) == (["script/#t"], ["b"])


def test_what_decides_over_all_rows_is_told_of_the_dataset() -> None:
    [_, step] = events("INSERT INTO b (x) SELECT x FROM a WHERE y > 1")

    [decides] = step["outputs"][0]["facets"]["columnLineage"]["dataset"]
    assert (decides["field"], decides["transformations"]) == (
        "y",
        [{"type": "INDIRECT", "subtype": "FILTER", "masking": False}],
    )
    assert [(flow.column, flow.target_column) for flow in flows(step).column_lineage[0].flows or ()] == [
        ("x", "x"),
        ("y", None),
    ]


def test_descriptions_tell_the_expression_and_the_doubt() -> None:
    sql = "INSERT INTO c (x, y, z) SELECT a.x, SUM(q), a.z + b.z FROM a, b"
    [_, step] = events(sql, schema={"a": {"x": "", "z": ""}})

    fields = step["outputs"][0]["facets"]["columnLineage"]["fields"]
    told = {
        (column, one["name"], how.get("description"))
        for column, field in fields.items()
        for one in field["inputFields"]
        for how in one["transformations"]
    }
    doubt = "the only table here whose columns are not known"
    assert told == {
        ("x", "a", None),
        ("y", "b", f"SUM(q) (confidence 0.9: {doubt})"),
        ("z", "a", "a.z + b.z"),
        ("z", "b", "a.z + b.z"),
    }


def test_a_job_says_outright_what_feeds_what_where_its_columns_do_not() -> None:
    first, *steps = events("INSERT INTO b (x) SELECT x FROM a; INSERT INTO d SELECT * FROM c; INSERT INTO e VALUES (1)")

    assert [
        (one.target.name, one.source and one.source.name, one.target_column) for one in flows(first).entries or ()
    ] == [
        ("b", "a", None),
        ("b", "a", "x"),
        ("d", "c", None),
    ]
    assert all("lineage" not in step["job"]["facets"] for step in steps)
    assert "columnLineage" not in first["outputs"][1]["facets"]


def test_what_is_only_read_and_what_is_only_written_are_not_joined() -> None:
    first, *_ = events("DELETE FROM a; SELECT x FROM b; UPDATE c SET n = n + 1")

    assert sides(first) == (["b"], ["a", "c"])
    assert [(one.target.name, one.source and one.source.name) for one in flows(first).entries or ()] == [("c", "c")]


def test_a_script_of_many_tables_takes_seconds() -> None:
    def statement(number: int) -> Statement:
        hop = Hop((Table((f"s{number}",)),), (Table((f"t{number}",)),))
        return Statement("INSERT", Category.DML, Place(number, 1), "", hop, hop)

    result = SqlLineage("", tuple(statement(number) for number in range(1, 20_001)))
    start = time.process_time()

    found = job_events(result, namespace="n", job="j", dataset_namespace="d", produced_at=datetime.now(UTC))

    assert len(found) == 20_001
    assert time.process_time() - start < 20


def test_stars_open_sources_and_columns_without_a_name_make_no_columns() -> None:
    [_, step] = events("CREATE TABLE t AS SELECT COUNT(*), SUM(a.x), y FROM a, b")

    assert "columnLineage" not in step["outputs"][0]["facets"]
    assert sides(step) == (["a", "b"], ["t"])


def test_columns_are_told_where_they_are_known() -> None:
    schema = {"Shop.Orders": {"Id": "int", "Amount": ""}}
    [_, step] = events("INSERT INTO b (x) SELECT amount FROM shop.orders", schema=schema)

    assert step["inputs"][0]["facets"]["schema"]["fields"] == [{"name": "Id", "type": "int"}, {"name": "Amount"}]
    assert "schema" not in step["outputs"][0]["facets"]


def test_names_are_spelled_as_the_text_or_the_defaults_spell_them() -> None:
    [_, step] = events('INSERT INTO "Sales".Orders ("Id") SELECT ID2 FROM Raw', default_db="Dwh", default_schema="Web")

    assert sides(step) == (["Dwh.Web.Raw"], ["Dwh.Sales.Orders"])
    assert columns(step["outputs"][0]) == {"Id": [("Dwh.Web.Raw", "ID2")]}


def test_what_lies_in_a_bucket_has_the_buckets_namespace() -> None:
    [_, step] = events("COPY orders FROM 's3://lake/in/orders.csv'", "postgres")

    assert [(one["namespace"], one["name"]) for one in step["inputs"]] == [("s3://lake", "in/orders.csv")]


def test_drops_and_what_was_rolled_back_are_no_steps() -> None:
    assert events("DROP TABLE a; BEGIN; INSERT INTO b SELECT x FROM c; ROLLBACK;", "postgres") == []
    assert events("SELECT 1; SET x = 2") == []


def test_steps_keep_their_names_when_what_moves_nothing_comes_between() -> None:
    before = events("INSERT INTO b SELECT x FROM a; UPDATE b SET x = 1")
    after = events("SET y = 1; INSERT INTO b SELECT x FROM a; DROP TABLE z; UPDATE b SET x = 1")

    assert list(named(before)) == list(named(after)) == ["script", "script.1-insert", "script.2-update"]


def test_a_routine_called_as_the_script_is_one_job_with_it() -> None:
    found = events("CREATE PROCEDURE p AS BEGIN INSERT INTO b SELECT x FROM a; END\nGO\nDELETE FROM c", "tsql", job="p")

    assert list(named(found)) == ["p", "p.1-insert", "p.2-delete"]
    assert len(found) == 3


def test_all_happens_at_the_moment_that_was_given() -> None:
    assert {one["eventTime"] for one in events(BY_WAY_OF_A_TEMPORARY_TABLE, "tsql")} == {"2026-03-01T00:00:00Z"}


def test_the_decoder_names_the_jobs_and_their_datasets() -> None:
    said = decoded(events(BY_WAY_OF_A_TEMPORARY_TABLE, "tsql")[2])

    assert said.declared[0].job == Name("job", "jobs", "dbo.LoadRevenue.2-insert")
    assert {one.subject.name for one in said.said if one.subject.kind == "dataset"} == {
        *("staging.Orders", "dbo.LoadRevenue/#Recent")
    }

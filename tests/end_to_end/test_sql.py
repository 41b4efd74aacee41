"""SQL in the running service: a procedure that is loaded as events, and `sql` facets of producers' own events."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.events import PRODUCER, dataset, facet, new_run_id, run_event
from tests.end_to_end.graph_reading import column_of, urn_of
from tests.end_to_end.service import BATCH, Event, Service, run_andon

DATABASE = "sqlserver://warehouse:1433"
PROCEDURE = """CREATE PROCEDURE dbo.LoadRevenue AS
BEGIN
  CREATE TABLE #Recent (Day DATE, Amount MONEY);
  INSERT INTO #Recent (Day, Amount)
    SELECT o.Day, o.Amount * r.Rate FROM staging.Orders o JOIN staging.Rates r ON r.Currency = o.Currency;
  INSERT INTO main.Revenue (Day, Total)
    SELECT Day, SUM(Amount) FROM #Recent GROUP BY Day;
  DROP TABLE #Recent;
END
"""
TEMPORARY = "dbo.LoadRevenue/#Recent"
LINEAGE = """query($urns: [String!]!, $level: LineageLevel!, $direction: Direction! = BOTH) {
  lineage(urns: $urns, direction: $direction, depth: 5, level: $level) {
    nodes { urn type name } edges { source target via kind transformations } } }"""
JOB = """query($namespace: String!, $name: String!) {
  entity(type: "Job", namespace: $namespace, name: $name) {
    urn type facets ... on Job { inputs { name type } outputs { name type } parent { name } } } }"""


@pytest.fixture(scope="module")
def loaded(shared_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The service that has been sent what `andon sql lineage --format openlineage` printed."""
    path = tmp_path_factory.mktemp("sql") / "LoadRevenue.sql"
    path.write_text(PROCEDURE)
    printed = events_of(path)
    answer = shared_service.post(printed.stdout.encode(), path=BATCH)
    assert answer.json()["status"] == "success", answer.text
    return shared_service


def events_of(path: Path) -> subprocess.CompletedProcess[str]:
    found = run_andon(
        *("sql", "lineage", str(path), "--dialect", "tsql", "--format", "openlineage"),
        *("--namespace", "procedures://warehouse", "--dataset-namespace", DATABASE),
    )
    assert (found.returncode, found.stderr) == (0, "")
    return found


def table(name: str) -> str:
    return urn_of("dataset", DATABASE, name)


def job(name: str) -> str:
    return urn_of("job", "procedures://warehouse", name)


def lineage(service: Service, urns: list[str], level: str) -> dict[str, Any]:
    variables = {"urns": urns, "level": level}
    found: dict[str, Any] = service.graphql(LINEAGE, variables, service.position())["lineage"]
    return found


def job_of(service: Service, name: str) -> dict[str, Any]:
    variables = {"namespace": "procedures://warehouse", "name": name}
    found: dict[str, Any] = service.graphql(JOB, variables, service.position())["entity"]
    return found


def test_a_procedure_is_a_job_and_its_steps_are_its_children(loaded: Service) -> None:
    def told(name: str) -> tuple[list[str], list[str], str | None]:
        found = job_of(loaded, name)
        sides = ([one["name"] for one in found[side]] for side in ("inputs", "outputs"))
        return (*sides, found["parent"] and found["parent"]["name"])  # type: ignore[return-value]

    assert told("dbo.LoadRevenue") == (["staging.Orders", "staging.Rates"], ["main.Revenue"], None)
    assert told("dbo.LoadRevenue.1-create-table") == ([], [TEMPORARY], "dbo.LoadRevenue")
    assert told("dbo.LoadRevenue.2-insert") == (["staging.Orders", "staging.Rates"], [TEMPORARY], "dbo.LoadRevenue")
    assert told("dbo.LoadRevenue.3-insert") == ([TEMPORARY], ["main.Revenue"], "dbo.LoadRevenue")
    step = job_of(loaded, "dbo.LoadRevenue.3-insert")
    assert step["facets"]["sql"]["query"].startswith("INSERT INTO main.Revenue")
    assert step["facets"]["jobType"]["jobType"] == "STATEMENT"


def test_datasets_are_seen_by_way_of_the_temporary_table_and_without_it(loaded: Service) -> None:
    found = lineage(loaded, [table("main.Revenue")], "DATASET")

    via = {(one["source"], one["target"]): one["via"] for one in found["edges"]}
    procedure, fill, write = (job(f"dbo.LoadRevenue{step}") for step in ("", ".2-insert", ".3-insert"))
    assert via == {
        (table("staging.Orders"), table(TEMPORARY)): [fill],
        (table("staging.Rates"), table(TEMPORARY)): [fill],
        (table(TEMPORARY), table("main.Revenue")): [write],
        (table("staging.Orders"), table("main.Revenue")): [procedure],
        (table("staging.Rates"), table("main.Revenue")): [procedure],
    }
    types = {one["name"]: one["type"] for one in found["nodes"]}
    assert types[TEMPORARY] == "TemporaryTable"
    assert types["main.Revenue"] != "TemporaryTable"


def test_columns_are_seen_by_way_of_the_temporary_table_and_without_it(loaded: Service) -> None:
    found = lineage(loaded, [table("main.Revenue")], "COLUMN")

    pairs = {
        kind: {
            (column_of(one["source"]), column_of(one["target"]))
            for one in found["edges"]
            if any(how["type"] == kind for how in one["transformations"])
        }
        for kind in ("DIRECT", "INDIRECT")
    }
    orders, rates, revenue = table("staging.Orders"), table("staging.Rates"), table("main.Revenue")
    temporary = table(TEMPORARY)
    assert pairs["DIRECT"] == {
        ((orders, "Day"), (temporary, "Day")),
        ((orders, "Amount"), (temporary, "Amount")),
        ((rates, "Rate"), (temporary, "Amount")),
        ((temporary, "Day"), (revenue, "Day")),
        ((temporary, "Amount"), (revenue, "Total")),
        ((orders, "Day"), (revenue, "Day")),
        ((orders, "Amount"), (revenue, "Total")),
        ((rates, "Rate"), (revenue, "Total")),
    }
    decides = {(source, into) for source, (into, _) in pairs["INDIRECT"]}
    assert decides == {
        *(((one, "Currency"), into) for one in (orders, rates) for into in (temporary, revenue)),
        ((temporary, "Day"), revenue),
        ((orders, "Day"), revenue),
    }
    [summed] = [
        one["transformations"]
        for one in found["edges"]
        if (one["source"], one["target"]) == (column_urn(temporary, "Amount"), column_urn(revenue, "Total"))
    ]
    assert [(one["type"], one["subtype"], one["description"]) for one in summed] == [
        ("DIRECT", "AGGREGATION", "SUM(Amount)")
    ]


def column_urn(dataset_urn: str, path: str) -> str:
    return f"{dataset_urn.replace('urn:andon:dataset:', 'urn:andon:column:')}:{path}"


def test_jobs_feed_each_other_step_by_step(loaded: Service) -> None:
    found = lineage(loaded, [job("dbo.LoadRevenue.3-insert")], "JOB")

    assert {(one["source"], one["target"]) for one in found["edges"]} == {
        (job("dbo.LoadRevenue.1-create-table"), job("dbo.LoadRevenue.3-insert")),
        (job("dbo.LoadRevenue.2-insert"), job("dbo.LoadRevenue.3-insert")),
    }


def test_loading_it_again_changes_nothing(loaded: Service, tmp_path: Path) -> None:
    before = lineage(loaded, [table("main.Revenue")], "DATASET")
    path = tmp_path / "LoadRevenue.sql"
    path.write_text(PROCEDURE)

    assert loaded.post(events_of(path).stdout.encode(), path=BATCH).json()["status"] == "success"

    assert lineage(loaded, [table("main.Revenue")], "DATASET") == before


def sql_run(namespace: str, run_id: str, sql: str, second: float, output: dict[str, Any]) -> Event:
    event = run_event(namespace, "load", run_id, second=second)
    event["job"]["facets"] = {"sql": facet("sql", query=sql)}
    event["inputs"] = [dataset(namespace, "shop.public.orders")]
    event["outputs"] = [output]
    return event


def columns_into(service: Service, namespace: str, name: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
    urn = urn_of("dataset", namespace, name)
    found = lineage(service, [urn], "COLUMN")
    return {
        (column_of(one["source"])[1], column_of(one["target"])[1]): one["transformations"] for one in found["edges"]
    }


def test_columns_are_inferred_from_the_sql_of_an_event_that_says_none(shared_service: Service, namespace: str) -> None:
    sql = "INSERT INTO revenue (total) SELECT SUM(amount) FROM orders"
    shared_service.accept(sql_run(namespace, new_run_id(), sql, 0, dataset(namespace, "shop.public.revenue")))

    found = columns_into(shared_service, namespace, "shop.public.revenue")

    assert list(found) == [("amount", "total")]
    [how] = found["amount", "total"]
    assert (how["type"], how["subtype"], how["inferred"]) == ("DIRECT", "AGGREGATION", True)
    assert 0 < how["confidence"] < 1


def test_what_a_producer_says_of_columns_is_never_overridden(shared_service: Service, namespace: str) -> None:
    sql = "INSERT INTO revenue (total) SELECT SUM(amount) FROM orders"
    said = {"namespace": namespace, "name": "shop.public.orders", "field": "price"}
    fields = {"total": {"inputFields": [{**said, "transformations": [{"type": "DIRECT", "subtype": "IDENTITY"}]}]}}
    output = dataset(namespace, "shop.public.revenue", columnLineage=facet("ColumnLineageDatasetFacet", fields=fields))
    run_id = new_run_id()
    shared_service.accept(sql_run(namespace, run_id, sql, 0, output))
    shared_service.accept(sql_run(namespace, run_id, sql, 1, dataset(namespace, "shop.public.revenue")))

    found = columns_into(shared_service, namespace, "shop.public.revenue")

    assert list(found) == [("price", "total")]
    assert not any(one.get("inferred") for one in found["price", "total"])


def test_printed_events_are_an_array_with_an_event_on_each_line(tmp_path: Path) -> None:
    path = tmp_path / "LoadRevenue.sql"
    path.write_text(PROCEDURE)

    printed = events_of(path).stdout

    lines = [json.loads(line.strip("[],\n")) for line in printed.splitlines()]
    assert json.loads(printed) == lines
    assert [line["job"]["name"].removeprefix("dbo.LoadRevenue") for line in lines] == [
        *("", ".1-create-table", ".2-insert", ".3-insert")
    ]
    assert {line["producer"] for line in lines} == {"urn:andon:sql"} != {PRODUCER}

"""The demo estate: what it holds, that its events are right, and that the real client sends them."""

from __future__ import annotations

import http.server
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import requests
from openlineage.client.serde import Serde

from examples.shop.declare import Select, influences
from examples.shop.history import history
from examples.shop.load import load, main

NOW = datetime(2026, 11, 23, 9, 41, 7, tzinfo=UTC)


class Name(NamedTuple):
    """A dataset's or a job's namespace and name."""

    namespace: str
    name: str


def name_in(found: dict[str, Any]) -> Name:
    return Name(found["namespace"], found["name"])


def events_at(now: datetime = NOW, **more: int) -> list[dict[str, Any]]:
    """The history as it goes over the wire."""
    return [json.loads(Serde.to_json(event)) for event in history(now, **more)]


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return events_at()


def datasets_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    static = [event["dataset"]] if "dataset" in event else []
    return [*event.get("inputs", []), *event.get("outputs", []), *static]


def lifecycle(event: dict[str, Any], change: str) -> list[dict[str, Any]]:
    return [
        dataset
        for dataset in datasets_of(event)
        if dataset["facets"].get("lifecycleStateChange", {}).get("lifecycleStateChange") == change
    ]


def renames(events: list[dict[str, Any]]) -> dict[Name, Name]:
    """Former name -> present name."""
    return {
        name_in(dataset["facets"]["lifecycleStateChange"]["previousIdentifier"]): name_in(dataset)
        for event in events
        for dataset in lifecycle(event, "RENAME")
    }


def runs_of(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if "run" in event:
            runs[event["run"]["runId"]].append(event)
    return runs


def entries_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    facets = event.get("job", {}).get("facets", {})
    entries: list[dict[str, Any]] = facets.get("lineage", {}).get("entries", [])
    return entries


def sources_of_columns(event: dict[str, Any]) -> Iterator[tuple[Name, str, Name, str]]:
    """(output, its column, source, its column) for all that is said of columns; '' is the whole output."""
    for output in event.get("outputs", []):
        facet = output["facets"].get("columnLineage", {})
        for column, made in facet.get("fields", {}).items():
            for source in made["inputFields"]:
                yield name_in(output), column, name_in(source), source["field"]
        for source in facet.get("dataset", []):
            yield name_in(output), "", name_in(source), source["field"]
    for entry in entries_of(event):
        for column, made in entry["fields"].items():
            for source in made["inputs"]:
                yield name_in(entry), column, name_in(source), source["field"]


def edges(events: list[dict[str, Any]]) -> set[tuple[Name, Name]]:
    """Which dataset feeds which, by present name: explicit lineage, else that of columns, else all inputs."""
    present = renames(events)
    found = set()
    for event in events:
        by_column = defaultdict(set)
        for output, _, source, _ in sources_of_columns(event):
            by_column[output].add(source)
        for entry in entries_of(event):
            by_column[name_in(entry)].update(map(name_in, entry["inputs"]))
        inputs = {name_in(source) for source in event.get("inputs", [])}
        for output in map(name_in, event.get("outputs", [])):
            for source in by_column.get(output, inputs):
                found.add((present.get(source, source), present.get(output, output)))
    return found


def downstream_of(start: set[Name], edges_: set[tuple[Name, Name]]) -> set[Name]:
    reached, frontier = set(start), set(start)
    while frontier:
        frontier = {target for source, target in edges_ if source in frontier} - reached
        reached |= frontier
    return reached


def failed_run(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The FAIL event of the one run with outputs that failed."""
    (event,) = [event for event in events if event.get("eventType") == "FAIL" and event["outputs"]]
    return event


def test_the_estate_has_about_60_datasets_40_jobs_and_200_runs(events: list[dict[str, Any]]) -> None:
    present = renames(events)
    datasets = {present.get(name, name) for event in events for name in map(name_in, datasets_of(event))}
    jobs = {name_in(event["job"]) for event in events if "job" in event}
    assert 55 <= len(datasets) <= 68
    assert 38 <= len(jobs) <= 48
    assert 180 <= len(runs_of(events)) <= 220
    assert 380 <= len(events) <= 450


def test_dashboards_models_topics_files_and_tables_are_all_there(events: list[dict[str, Any]]) -> None:
    names = {name_in(dataset) for event in events for dataset in datasets_of(event)}
    schemes = Counter(name.namespace.partition(":")[0] for name in names)
    assert schemes["looker"] == 3
    assert schemes["mlflow"] == 2
    assert {"postgres", "s3", "kafka", "snowflake"} <= schemes.keys()


def test_every_run_starts_and_ends_once_but_for_the_stream_that_goes_on(events: list[dict[str, Any]]) -> None:
    endless = []
    for run in runs_of(events).values():
        types = [event["eventType"] for event in run]
        assert types[0] == "START" and types.count("START") == 1
        ends = [type_ for type_ in types if type_ in {"COMPLETE", "FAIL", "ABORT"}]
        if not ends:
            endless.append(run[0]["job"]["name"])
        else:
            assert len(ends) == 1 and types[-1] == ends[0]
    assert endless == ["click_stream.enrich"]


def test_every_dataset_that_a_run_writes_has_owners_and_a_description(events: list[dict[str, Any]]) -> None:
    described = {
        name_in(dataset)
        for event in events
        for dataset in datasets_of(event)
        if dataset["facets"].get("ownership", {}).get("owners")
        and dataset["facets"].get("documentation", {}).get("description")
    }
    written = {name_in(output) for event in events for output in event.get("outputs", [])}
    assert written <= described


def test_column_lineage_has_every_kind_of_transformation_and_some_masking(
    events: list[dict[str, Any]],
) -> None:
    kinds = set()
    masked = set()
    for event in events:
        for output in event.get("outputs", []):
            facet = output["facets"].get("columnLineage", {"fields": {}})
            made = [(column, source) for column, of in facet["fields"].items() for source in of["inputFields"]]
            for column, source in (*made, *(("", source) for source in facet.get("dataset", []))):
                for way in source["transformations"]:
                    kinds.add((way["type"], way["subtype"]))
                    if way.get("masking"):
                        masked.add((source["field"], column))
    assert kinds == {
        ("DIRECT", "IDENTITY"),
        ("DIRECT", "TRANSFORMATION"),
        ("DIRECT", "AGGREGATION"),
        ("INDIRECT", "JOIN"),
        ("INDIRECT", "FILTER"),
        ("INDIRECT", "GROUP_BY"),
        ("INDIRECT", "WINDOW"),
    }
    assert masked == {("email", "email_hash"), ("ip_address", "network")}


def test_every_event_has_what_openlineage_requires(events: list[dict[str, Any]]) -> None:
    for event in events:
        assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        assert event["producer"].startswith("https://")
        kind = event["schemaURL"].rpartition("/")[2]
        assert ("run" in event, "job" in event, "dataset" in event) == {
            "RunEvent": (True, True, False),
            "JobEvent": (False, True, False),
            "DatasetEvent": (False, False, True),
        }[kind]
        if "run" in event:
            assert str(UUID(event["run"]["runId"])) == event["run"]["runId"]
        for named in (*datasets_of(event), *([event["job"]] if "job" in event else [])):
            assert named["namespace"] and named["name"]
        for facet in facets_of(event):
            assert facet["_producer"].startswith("https://")
            assert facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/")


def facets_of(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for holder in (event.get("run", {}), event.get("job", {}), *datasets_of(event)):
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from holder.get(kind, {}).values()


def test_column_lineage_names_only_columns_of_the_schemas_in_force(events: list[dict[str, Any]]) -> None:
    schemas: dict[Name, set[str]] = {}
    checked = 0
    for event in events:
        for dataset in datasets_of(event):
            if "schema" in dataset["facets"]:
                fields = dataset["facets"]["schema"]["fields"]
                schemas[name_in(dataset)] = {field["name"] for field in fields}
        for output, column, source, field in sources_of_columns(event):
            assert field in schemas[source], f"{source} has no column {field}"
            assert not column or column in schemas[output], f"{output} has no column {column}"
            checked += 1
    assert checked > 1000


def test_every_column_of_a_mart_but_load_times_comes_from_somewhere(events: list[dict[str, Any]]) -> None:
    made = {(output, column) for event in events for output, column, _, _ in sources_of_columns(event)}
    for event in events:
        for output in event.get("outputs", []):
            if output["name"].startswith(("analytics.marts.", "analytics.staging.")):
                for field in output["facets"].get("schema", {}).get("fields", []):
                    assert (name_in(output), field["name"]) in made


def test_events_come_oldest_first_and_none_lies_in_the_future(events: list[dict[str, Any]]) -> None:
    times = [datetime.fromisoformat(event["eventTime"]) for event in events]
    assert times == sorted(times)
    assert NOW - timedelta(days=8) < times[0]
    assert times[-1] <= NOW


@pytest.mark.parametrize("hour", [0, 11, 23])
def test_no_event_lies_in_the_future_at_any_hour(hour: int) -> None:
    for minute in (0, 59):
        now = NOW.replace(hour=hour, minute=minute, second=0)
        assert datetime.fromisoformat(history(now)[-1].eventTime.replace("Z", "+00:00")) <= now


def test_the_same_hour_and_seed_give_the_same_bytes(events: list[dict[str, Any]]) -> None:
    assert events_at(NOW.replace(minute=2)) == events


def test_another_seed_gives_other_run_ids_and_the_same_estate(events: list[dict[str, Any]]) -> None:
    other = events_at(seed=7)
    assert not runs_of(events).keys() & runs_of(other).keys()
    assert edges(other) == edges(events)


def test_no_dataset_feeds_itself_and_a_dashboard_hangs_on_every_source_system(
    events: list[dict[str, Any]],
) -> None:
    found = edges(events)
    assert all(source != target for source, target in found)
    feeding = {(target, source) for source, target in found}
    dashboards = {target for _, target in found if target.namespace.startswith("looker:")}
    systems = {name.namespace for name in downstream_of(dashboards, feeding)}
    assert {
        "postgres://pg-shop.kanban.coffee:5432",
        "postgres://pg-stock.kanban.coffee:5432",
        "kafka://kafka.kanban.coffee:9092",
        "s3://kanban-landing",
        "s3://kanban-lake",
        "mlflow://shop-ml",
    } <= systems


def test_one_model_fails_today_and_two_dashboards_of_three_stand_downstream(
    events: list[dict[str, Any]],
) -> None:
    failed = failed_run(events)
    assert name_in(failed["job"]) == Name("dbt://kanban-shop", "shop_marts.fct_payments")
    assert "1,35 EUR" in failed["run"]["facets"]["errorMessage"]["message"]
    assert NOW - timedelta(hours=4) < datetime.fromisoformat(failed["eventTime"]) < NOW
    reached = downstream_of(set(map(name_in, failed["outputs"])), edges(events))
    assert {name.name for name in reached if name.namespace == "looker://shop"} == {
        "dashboards/revenue_overview",
        "dashboards/customer_growth",
    }


def test_a_failed_data_test_says_why_the_model_fails(events: list[dict[str, Any]]) -> None:
    broken = [
        (dataset["name"], test["column"])
        for event in events
        for dataset in event.get("inputs", [])
        for test in dataset.get("inputFacets", {}).get("dataQualityAssertions", {}).get("assertions", [])
        if not test["success"]
    ]
    assert broken == [("analytics.staging.stg_settlements", "fee")]


def test_what_waits_for_the_failed_model_does_not_run_today(events: list[dict[str, Any]]) -> None:
    failed = failed_run(events)
    missing = downstream_of(set(map(name_in, failed["outputs"])), edges(events))
    later = [event for event in events if event["eventTime"] >= failed["eventTime"]]
    written_later = {
        name_in(output)
        for event in later
        if event.get("eventType") == "COMPLETE"
        for output in event.get("outputs", [])
    }
    assert written_later
    assert not written_later & missing
    dag_end = [event for event in later if event.get("job", {}).get("name") == "shop_marts"]
    assert [event["eventType"] for event in dag_end] == ["FAIL"]


def test_the_columns_of_orders_change_once_and_the_copies_follow(events: list[dict[str, Any]]) -> None:
    seen: dict[str, list[frozenset[str]]] = defaultdict(list)
    for event in events:
        for dataset in datasets_of(event):
            if "schema" in dataset["facets"]:
                fields = frozenset(field["name"] for field in dataset["facets"]["schema"]["fields"])
                if not seen[dataset["name"]] or seen[dataset["name"]][-1] != fields:
                    seen[dataset["name"]].append(fields)
    changed = {name: versions for name, versions in seen.items() if len(versions) > 1}
    assert changed.keys() == {
        "shop.public.orders",
        "raw.shop.orders",
        "analytics.staging.stg_orders",
        "analytics.marts.fct_orders",
    }
    before, after = changed["shop.public.orders"]
    assert before - after == {"coupon"}
    assert after - before == {"discount_code", "discount_cents"}


def test_a_mart_is_renamed_and_not_written_under_its_old_name_again(events: list[dict[str, Any]]) -> None:
    ((old, new),) = renames(events).items()
    assert (old.name, new.name) == (
        "analytics.marts.mart_ad_performance",
        "analytics.marts.mart_marketing_roi",
    )
    moved = next(number for number, event in enumerate(events) if lifecycle(event, "RENAME"))
    before = {name_in(output) for event in events[:moved] for output in event.get("outputs", [])}
    after = {name_in(output) for event in events[moved:] for output in event.get("outputs", [])}
    assert old in before and new not in before
    assert new in after and old not in after


def test_the_scratch_table_is_dropped_after_its_last_write(events: list[dict[str, Any]]) -> None:
    writes = [
        ("drop" if lifecycle(event, "DROP") else "write")
        for event in events
        for output in event.get("outputs", [])
        if output["name"] == "analytics.tmp.ltv_backfill"
    ]
    assert writes == ["write", "drop"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a.x", [("x", "IDENTITY", False)]),
        ("round(a.x / 100, 2)", [("x", "TRANSFORMATION", False)]),
        ("sum(a.x * b.y)", [("x", "AGGREGATION", False), ("y", "AGGREGATION", False)]),
        ("sha2(lower(a.x), 256)", [("x", "TRANSFORMATION", True)]),
        ("lag(a.x) over (order by b.y)", [("x", "TRANSFORMATION", False), ("y", "WINDOW", False)]),
        ("current_timestamp", []),
    ],
)
def test_an_expression_says_how_its_columns_act(expression: str, expected: list[tuple[str, str, bool]]) -> None:
    found = [(way.of.column, way.subtype, way.masking) for way in influences(expression)]
    assert found == expected


def test_a_select_refuses_a_table_it_does_not_read() -> None:
    with pytest.raises(ValueError, match="'typo.x' names typo"):
        Select(into="b", source="a", columns={"x": "typo.x"})


class Recorder(http.server.ThreadingHTTPServer):
    """Takes what an OpenLineage client posts, answers `status` and counts connections."""

    def __init__(self, status: int = 201) -> None:
        super().__init__(("127.0.0.1", 0), RecorderHandler)
        self.status = status
        self.taken: list[tuple[str, str | None, bytes]] = []
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class RecorderHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_load_sends_the_whole_history_in_order_over_one_connection(
    recorder: Recorder, events: list[dict[str, Any]]
) -> None:
    told: list[tuple[int, int]] = []
    sent = load(recorder.url, now=NOW, progress=lambda done, of: told.append((done, of)))
    assert sent == len(events)
    taken = [json.loads(body) for _, _, body in recorder.taken]
    for event in taken:
        if "run" in event:  # the client tags runs with its version
            tags = event["run"]["facets"].pop("tags")["tags"]
            assert [tag["key"] for tag in tags] == ["openlineage_client_version"]
    assert taken == events
    assert {path for path, _, _ in recorder.taken} == {"/api/v1/lineage"}
    assert {key for _, key, _ in recorder.taken} == {None}
    assert recorder.connections == 1
    assert told[0] == (50, sent) and told[-1] == (sent, sent)


def test_load_shows_its_key_and_keeps_a_path_in_the_address(recorder: Recorder) -> None:
    load(f"{recorder.url}/behind/proxy", api_key="k-123", now=NOW)
    assert {(path, key) for path, key, _ in recorder.taken} == {("/behind/proxy/api/v1/lineage", "Bearer k-123")}


def test_load_stops_at_the_first_refusal(recorder: Recorder) -> None:
    recorder.status = 401
    with pytest.raises(requests.HTTPError):
        load(recorder.url, now=NOW)
    assert len(recorder.taken) == 1


def test_load_says_when_the_client_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    with pytest.raises(RuntimeError, match="OPENLINEAGE_DISABLED"):
        load("http://127.0.0.1:1", now=NOW)


def test_the_command_line_tells_how_many_it_sent(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", recorder.url, "--now", "2026-11-23T09:41:07", "--events-only"]) == 0
    assert f"sent {len(recorder.taken)} events in" in capsys.readouterr().out


def test_the_command_line_names_the_address_that_refuses(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.status = 422
    assert main(["--url", recorder.url]) == 1
    assert f"into {recorder.url}" in capsys.readouterr().err

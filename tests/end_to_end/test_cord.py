"""The cord, end to end: stopped and restarted over GraphQL, asked for at the gate, by HTTP and by the command."""

import json
import re
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.events import new_run_id, run_event
from tests.end_to_end.graph_reading import urn_of
from tests.end_to_end.keys import add_key
from tests.end_to_end.service import REPOSITORY, GraphQLErrors, Service, clean_environment, command, wait_until
from tests.servers.postgres import PostgresServer

GATE = "/api/v1/gate"
STOP = """
mutation($urn: String!, $cause: String!, $policy: StopPolicy, $owner: String, $causedBy: [String!]) {
  stop(urn: $urn, cause: $cause, policy: $policy, owner: $owner, causedBy: $causedBy) { position entity { urn } } }
"""
RESTART = """
mutation($urn: String!, $override: String) { restart(urn: $urn, override: $override) { position entity { urn } } }
"""


class Line:
    """A little production line in a namespace of its own: orders -> load -> clean -> report -> totals."""

    def __init__(self, service: Service, namespace: str) -> None:
        self.service = service
        self.namespace = namespace
        self.orders, self.clean, self.totals = (self.dataset(it) for it in ("orders", "clean", "totals"))
        self.load, self.report = (urn_of("job", namespace, it) for it in ("load", "report"))
        self.position = service.accept_all(
            [
                run_event(namespace, "load", new_run_id(), inputs=["orders"], outputs=["clean"]),
                run_event(namespace, "report", new_run_id(), inputs=["clean"], outputs=["totals"]),
            ]
        )
        self.gate(job=self.load)

    def dataset(self, name: str) -> str:
        return urn_of("dataset", self.namespace, name)

    def stop(self, urn: str, cause: str = "half of the rows are missing", **said: Any) -> str:
        answer = self.mutate(STOP, {"urn": urn, "cause": cause, **said})["stop"]
        return str(answer["entity"]["urn"])

    def restart(self, urn: str, override: str | None = "maria/the rows are back") -> None:
        self.mutate(RESTART, {"urn": urn, "override": override})

    def mutate(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"X-Andon-Csrf": "1", "Andon-Min-Position": str(self.position)}
        answer = self.service.post_graphql(query, variables, headers).json()
        if answer.get("errors"):
            raise GraphQLErrors(answer["errors"], self.service.printed())
        data: dict[str, Any] = answer["data"]
        return data

    def gate(self, **asked: Any) -> dict[str, Any]:
        answer = ask(self.service, asked, {"Andon-Min-Position": str(self.position)})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def ask(service: Service, asked: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> httpx.Response:
    return service.client.get(GATE, params=asked, headers=service.headers(headers))


@pytest.fixture
def line(shared_service: Service, namespace: str) -> Line:
    return Line(shared_service, namespace)


def gate_command(service: Service, *arguments: str, url: str = "") -> subprocess.Popen[str]:
    environment = clean_environment({"ANDON_API_KEY": service.key} if service.key else {})
    return subprocess.Popen(
        command("gate", "--url", url or service.url, *arguments),
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_gate(service: Service, *arguments: str, url: str = "") -> tuple[int, str, str]:
    process = gate_command(service, *arguments, url=url)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


# What stands ------------------------------------------------------------------------------------------------------


def test_what_nobody_stopped_goes(line: Line) -> None:
    answer = line.gate(job=line.load)

    assert (answer["go"], answer["policy"], answer["stops"], answer["notes"]) == (True, None, [], [])
    assert answer["position"] >= line.position


def test_a_blocked_dataset_stops_everything_downstream_and_tells_the_way(line: Line) -> None:
    stop = line.stop(line.orders, owner="team:sales")

    answer = line.gate(job=line.report)

    assert (answer["go"], answer["policy"]) == (False, "block")
    [found] = answer["stops"]
    assert found["via"] == [line.orders, line.load, line.clean, line.report]
    assert (found["urn"], found["owner"], found["cause"]) == (stop, "team:sales", "half of the rows are missing")
    assert line.gate(dataset=line.totals)["go"] is False
    assert line.gate(dataset=line.orders)["stops"][0]["via"] == [line.orders]


def test_who_writes_what_is_stopped_may_go_and_mend_it(line: Line) -> None:
    line.stop(line.clean)

    assert line.gate(job=line.load)["go"] is True
    assert line.gate(job=line.report)["go"] is False


def test_a_stopped_job_stands_itself_and_so_does_what_it_writes(line: Line) -> None:
    line.stop(line.load)

    assert line.gate(dataset=line.orders)["go"] is True
    assert line.gate(job=line.load)["go"] is False
    assert line.gate(dataset=line.totals)["go"] is False


def test_isolate_stops_the_direct_readers_and_nobody_further_down(line: Line) -> None:
    line.stop(line.orders, policy="ISOLATE")

    answer = line.gate(job=line.load)

    assert (answer["go"], answer["policy"]) == (False, "isolate")
    assert answer["stops"][0]["via"] == [line.orders, line.load]
    assert line.gate(dataset=line.orders)["go"] is False
    assert line.gate(dataset=line.clean)["go"] is True
    assert line.gate(job=line.report)["go"] is True


def test_isolating_a_job_stops_what_it_writes_and_those_who_read_that(line: Line) -> None:
    line.stop(line.load, policy="ISOLATE")

    assert line.gate(dataset=line.clean)["go"] is False
    assert line.gate(job=line.report)["stops"][0]["via"] == [line.load, line.clean, line.report]
    assert line.gate(dataset=line.totals)["go"] is True


def test_a_warning_lets_go_all_the_way_down(line: Line) -> None:
    line.stop(line.orders, policy="WARN")

    answer = line.gate(dataset=line.totals)

    assert (answer["go"], answer["policy"], len(answer["stops"])) == (True, "warn", 1)


def test_of_several_stops_the_strongest_policy_counts(line: Line) -> None:
    line.stop(line.orders, policy="WARN")
    line.stop(line.clean, policy="BLOCK")

    answer = line.gate(job=line.report)

    assert (answer["go"], answer["policy"]) == (False, "block")
    assert [it["policy"] for it in answer["stops"]] == ["block", "warn"]


def test_a_new_reader_stands_from_its_first_event_on(line: Line) -> None:
    line.stop(line.orders)
    line.position = line.service.accept(
        run_event(line.namespace, "late", new_run_id(), inputs=["clean"], outputs=["later"])
    )

    assert line.gate(job=urn_of("job", line.namespace, "late"))["go"] is False
    assert line.gate(dataset=line.dataset("later"))["go"] is False


def test_a_data_product_stands_with_a_part_of_it_and_hands_nothing_on_to_the_others(line: Line) -> None:
    product = put_into_product(line, "sales", ["clean", "aside"])
    line.stop(line.orders)

    assert line.gate(product=product)["stops"][0]["via"] == [line.orders, line.load, line.clean, product]
    assert line.gate(dataset=line.dataset("aside"))["go"] is True


def test_a_stopped_data_product_stops_its_parts_and_who_reads_them(line: Line) -> None:
    product = put_into_product(line, "sales", ["clean"])
    line.stop(product)

    assert line.gate(product=product)["go"] is False
    assert line.gate(job=line.report)["stops"][0]["via"] == [product, line.clean, line.report]

    put_into_product(line, "sales", ["totals"], at="2026-03-02T00:00:00Z")
    assert line.gate(dataset=line.totals)["stops"][0]["via"] == [product, line.totals]


def put_into_product(line: Line, product: str, parts: Sequence[str], at: str = "2026-03-01T00:00:00Z") -> str:
    """A data product by facts, with these datasets as its parts; its urn."""
    urn = urn_of("dataproduct", line.namespace, product)
    document = {
        "id": new_run_id(),
        "source": "test",
        "at": at,
        "entities": [
            {"type": "DataProduct", "namespace": line.namespace, "name": product},
            *(
                {"type": "Dataset", "namespace": line.namespace, "name": it, "relations": {"partOfProduct": [urn]}}
                for it in parts
            ),
        ],
    }
    answer = line.service.post(json.dumps(document).encode(), path="/api/v1/facts")
    assert answer.status_code == 201, answer.text
    line.position = int(answer.headers["Andon-Position"])
    return urn


# Letting go -------------------------------------------------------------------------------------------------------


def test_a_restart_needs_a_resolved_cause_or_a_named_override(line: Line) -> None:
    line.stop(line.orders)

    with pytest.raises(GraphQLErrors, match="nothing says when the cause of .* is resolved"):
        line.restart(line.orders, None)
    with pytest.raises(GraphQLErrors, match="override: expected who/why"):
        line.restart(line.orders, "because")
    assert line.gate(job=line.report)["go"] is False

    line.restart(line.orders, "maria/the rows are back")
    assert line.gate(job=line.report)["go"] is True


def test_an_incident_that_is_closed_lets_go(line: Line) -> None:
    incident = open_incident(line)
    stop = line.stop(line.orders, causedBy=[incident])

    with pytest.raises(GraphQLErrors, match="has no closedAt"):
        line.restart(stop, None)
    line.mutate(
        'mutation($urn: String!) { setAttribute(urn: $urn, name: "closedAt", value: "2026-03-01T09:00:00Z")'
        " { position } }",
        {"urn": incident},
    )
    line.restart(stop, None)

    assert line.gate(job=line.report)["go"] is True


def open_incident(line: Line) -> str:
    document = {
        "id": new_run_id(),
        "source": "test",
        "at": "2026-03-01T00:00:00Z",
        "entities": [{"type": "Incident", "namespace": line.namespace, "name": "half-of-orders"}],
    }
    answer = line.service.post(json.dumps(document).encode(), path="/api/v1/facts")
    assert answer.status_code == 201, answer.text
    line.position = int(answer.headers["Andon-Position"])
    return urn_of("incident", line.namespace, "half-of-orders")


def test_what_was_stopped_upstream_is_restarted_there(line: Line) -> None:
    stop = line.stop(line.orders)

    with pytest.raises(GraphQLErrors, match=f"restart {stop}"):
        line.restart(line.totals)
    line.restart(stop)
    with pytest.raises(GraphQLErrors, match="was restarted already"):
        line.restart(stop)
    with pytest.raises(GraphQLErrors, match="it is not stopped"):
        line.restart(line.totals)


def test_facts_neither_pull_the_cord_nor_let_go(line: Line) -> None:
    stop = line.stop(line.orders)
    said = {"type": "Stop", "namespace": "andon", "name": stop.rpartition(":")[2]}
    let_go = {**said, "attributes": {"closedAt": "2026-03-01T00:00:00Z"}}
    about = {"id": new_run_id(), "source": "test", "at": "2026-03-01T00:00:00Z"}

    for document in ({**about, "entities": [let_go]}, {**about, "dropped": [stop]}):
        answer = line.service.post(json.dumps(document).encode(), path="/api/v1/facts")
        assert answer.status_code == 400
        assert "restart" in answer.json()["detail"]
    with pytest.raises(GraphQLErrors, match="no fact may say it"):
        line.mutate(
            'mutation($urn: String!) { setAttribute(urn: $urn, name: "closedAt", value: "2026-03-01T09:00:00Z") '
            "{ position } }",
            {"urn": stop},
        )
    assert line.gate(job=line.report)["go"] is False


# In every answer --------------------------------------------------------------------------------------------------


def test_every_answer_about_an_entity_has_its_stops_now_and_as_of_then(line: Line) -> None:
    before = line.service.position()
    stop = line.stop(line.orders, owner="team:sales")
    during = line.service.position()
    line.restart(stop)

    query = """
    query($urn: String!, $asOf: AsOf) {
      entity(urn: $urn, asOf: $asOf) { stopped { policy cause owner since via stop { urn stoppedBy } } stops { via } }
      stops(asOf: $asOf) { urn cause stopPolicy stopOf { urn } openedAt closedAt restartedBy restartOverride } }
    """

    def at(position: int | None) -> dict[str, Any]:
        as_of = None if position is None else {"position": position}
        return line.service.graphql(query, {"urn": line.totals, "asOf": as_of})

    found = at(during)
    assert found["entity"]["stopped"]["via"] == [line.orders, line.load, line.clean, line.report, line.totals]
    assert found["entity"]["stopped"]["owner"] == "team:sales"
    assert found["entity"]["stopped"]["stop"] == {"urn": stop, "stoppedBy": "anonymous"}
    [listed] = [it for it in found["stops"] if it["urn"] == stop]
    assert (listed["stopPolicy"], listed["stopOf"]["urn"], listed["closedAt"]) == ("block", line.orders, None)
    for position in (before, None):
        assert at(position)["entity"] == {"stopped": None, "stops": []}
        assert stop not in [it["urn"] for it in at(position)["stops"]]


def test_a_restarted_stop_stays_on_record(line: Line) -> None:
    stop = line.stop(line.orders)
    line.restart(stop, "maria/the rows are back")

    query = "query($urn: String!) { entity(urn: $urn) { hasStop { urn closedAt restartedBy restartOverride } } }"
    [found] = line.service.graphql(query, {"urn": line.orders})["entity"]["hasStop"]

    assert (found["urn"], found["restartedBy"]) == (stop, "anonymous")
    assert found["restartOverride"] == "maria/the rows are back"
    assert found["closedAt"] is not None


def test_columns_and_runs_stand_with_their_dataset_and_job(service: Service, namespace: str) -> None:
    event = run_event(namespace, "load", (run := new_run_id()), inputs=["orders"], outputs=["clean"])
    event["outputs"][0]["facets"]["schema"] = {
        "_producer": "https://example.com/",
        "_schemaURL": "https://example.com/",
        "fields": [{"name": "id"}],
    }
    service.accept(event)
    line = Line(service, namespace)
    line.stop(line.orders)

    query = "query($urn: String!) { entity(urn: $urn) { stopped { via } } status { stops } }"
    for urn, last in (
        (urn_of("column", namespace, "clean", "id"), line.clean),
        (urn_of("run", namespace, run), line.load),
    ):
        found = service.graphql(query, {"urn": urn})
        assert found["entity"]["stopped"]["via"][-1] == last
        assert found["status"]["stops"] == 1


# Asking wrongly, or too early -------------------------------------------------------------------------------------


def test_a_job_that_nobody_has_told_of_goes_with_a_note(line: Line) -> None:
    answer = line.gate(job=f"{line.namespace}/first-time")

    assert answer["go"] is True
    assert "nobody has told of a job" in answer["notes"][0]


@pytest.mark.parametrize(
    ("asked", "status", "reason"),
    [
        ({}, 400, "job: give a job, dataset or product"),
        ({"job": "load"}, 400, "job: expected namespace/name or a urn"),
        ({"job": "urn:andon:dataset:a:b"}, 400, "job: expected a job, found the urn of a dataset"),
        ({"job": "urn:andon:job"}, 400, "job: 'urn:andon:job' is not a urn"),
        ({"dataset": "nowhere/nothing"}, 404, "dataset: nobody has told of 'nowhere/nothing'"),
        ({"product": "nowhere/nothing"}, 404, "product: nobody has told of 'nowhere/nothing'"),
        ({"job": "a/b", "wait": "soon"}, 400, "wait: expected seconds"),
        ({"job": "a/b", "pipeline": "x"}, 400, "pipeline: is no parameter of the gate"),
        ({"job": ["a/b"] * 102}, 400, "expected at most 100 of job, dataset and product"),
    ],
)
def test_the_gate_says_what_is_wrong_with_a_question(
    shared_service: Service, asked: dict[str, Any], status: int, reason: str
) -> None:
    answer = ask(shared_service, asked)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert reason in answer.json()["detail"]


def test_names_with_slashes_are_found_as_they_are_written(line: Line) -> None:
    line.stop(line.orders)

    assert line.gate(dataset=f"{line.namespace}/totals")["asked"] == [line.totals]
    assert line.gate(job=f"{line.namespace}/report", dataset=f"{line.namespace}/orders")["go"] is False


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"cause": " "}, "cause: expected"),
        ({"owner": "\n"}, "owner: expected"),
        ({"causedBy": ["urn:andon:incident:nowhere:nothing"]}, "there is no urn:andon:incident:nowhere:nothing"),
        ({"causedBy": ["nothing"]}, "causedBy: 'nothing' is not a urn"),
    ],
)
def test_a_stop_is_refused_by_field(line: Line, said: dict[str, Any], reason: str) -> None:
    with pytest.raises(GraphQLErrors, match=reason):
        line.stop(line.orders, **said)


def test_only_what_can_stand_is_stopped(line: Line) -> None:
    incident = open_incident(line)

    with pytest.raises(GraphQLErrors, match="urn: expected a job, a data product or something"):
        line.stop(incident)
    with pytest.raises(GraphQLErrors, match="causedBy: expected an incident or a finding, found a Dataset"):
        line.stop(line.orders, causedBy=[line.orders])


# Waiting, and the command -----------------------------------------------------------------------------------------


def test_who_waits_at_the_gate_is_let_go_at_the_restart(line: Line) -> None:
    stop = line.stop(line.orders)
    answers: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(line.service, {"job": line.report, "wait": 30})))
    waiting.start()

    line.restart(stop)
    waiting.join(20)

    assert [it.json()["go"] for it in answers] == [True]


def test_the_command_goes_on_waiting_while_the_service_is_away(tmp_path: Path, namespace: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with Service(tmp_path / "data", "--port", port) as service:
        line = Line(service, namespace)
        stop = line.stop(line.orders)
        process = gate_command(service, "--job", line.report, "--wait", "1m")
        assert process.stderr is not None
        assert process.stderr.readline() == "stopped (block)\n"
        service.stop()
        while "trying again" not in process.stderr.readline():
            assert process.poll() is None
        service.start()

        line.restart(stop)

        assert process.communicate(timeout=40)[0] == "go\n"
        assert process.returncode == 0


def test_a_wait_that_is_over_answers_as_it_stands(line: Line) -> None:
    line.stop(line.orders)

    answer = line.gate(job=line.report, wait=0.3)

    assert answer["go"] is False


def test_the_command_says_by_its_status_whether_to_go(line: Line) -> None:
    job = f"{line.namespace}/report"
    assert run_gate(line.service, "--job", job) == (0, "go\n", "")

    line.stop(line.orders, owner="team:sales")
    status, out, _ = run_gate(line.service, "--job", job)

    assert status == 1
    assert out.startswith("stopped (block)\n  block: half of the rows are missing (since ")
    assert f"via {line.orders} > {line.load} > {line.clean} > {line.report}" in out
    assert json.loads(run_gate(line.service, "--job", job, "--json")[1])["go"] is False
    assert run_gate(line.service, "--dataset", "nowhere/nothing")[0] == 2
    assert run_gate(line.service)[0] == 2
    assert run_gate(line.service, "--job", job, "--wait", "soon")[0] == 2


def test_the_command_waits_for_the_restart(line: Line) -> None:
    stop = line.stop(line.orders)
    process = gate_command(line.service, "--job", f"{line.namespace}/report", "--wait", "1m")
    assert process.stderr is not None
    assert process.stderr.readline() == "stopped (block)\n"

    line.restart(stop)
    out, _ = process.communicate(timeout=30)

    assert (process.returncode, out) == (0, "go\n")


def test_a_service_that_does_not_answer_stops_unless_told_otherwise(shared_service: Service) -> None:
    nowhere = "http://127.0.0.1:9"

    status, out, err = run_gate(shared_service, "--job", "a/b", url=nowhere)
    assert (status, out) == (3, "")
    assert "does not answer (ConnectionError); not going on" in err

    status, _, err = run_gate(shared_service, "--job", "a/b", "--if-unreachable", "go", url=nowhere)
    assert status == 0
    assert "going on all the same" in err


# Rules that pull the cord -----------------------------------------------------------------------------------------

RULE = """
rule: failed-run-stops-what-it-writes
version: 1
on: {change: run.failed}
for_each: {downstream: DataAsset, depth: 0}
do:
  - stop: {cause: The run that should have written it failed., policy: block, owner: team:ops}
"""


def test_a_rule_pulls_the_cord_on_what_a_failed_run_should_have_written(tmp_path: Path, namespace: str) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "failed-runs.yaml").write_text(RULE)
    with Service(tmp_path / "data", "--rules", str(tmp_path / "rules")) as service:
        line = Line(service, namespace)
        now = datetime.now(UTC).isoformat()
        failed = run_event(namespace, "load", new_run_id(), "FAIL", inputs=["orders"], outputs=["clean"])
        line.position = service.accept({**failed, "eventTime": now})

        wait_until(lambda: not line.gate(job=line.report)["go"], 20, "the rule to pull the cord")

        [stop] = line.gate(job=line.report)["stops"]
        assert (stop["cause"], stop["owner"]) == ("The run that should have written it failed.", "team:ops")
        assert stop["via"] == [line.clean, line.report]
        assert line.gate(job=line.load)["go"] is True
        query = "{ stops { urn stoppedBy } firings { verdict actions { kind state target } } }"

        def delivered() -> bool:
            return [it["state"] for it in service.graphql(query)["firings"][0]["actions"]] == ["delivered"]

        wait_until(delivered, 20, "the action to be settled")
        found = service.graphql(query)
        assert found["stops"] == [{"urn": stop["urn"], "stoppedBy": "rule:failed-run-stops-what-it-writes"}]
        [firing] = found["firings"]
        assert firing["actions"] == [{"kind": "stop", "state": "delivered", "target": line.clean}]


# Keys, and several processes --------------------------------------------------------------------------------------


def test_asking_needs_a_key_that_reads_and_stopping_one_that_writes(tmp_path: Path, namespace: str) -> None:
    data = tmp_path / "data"
    keys = {scope: add_key(data, f"{scope}-er", scope) for scope in ("read", "emit", "write")}
    everything = add_key(data, "maria", "emit,read,write")
    with Service(data, key=everything) as service:
        line = Line(service, namespace)
        asked = {"job": line.report}
        statuses = {
            scope: ask(service, asked, {"Authorization": f"Bearer {key}"}).status_code for scope, key in keys.items()
        }
        assert statuses == {"read": 200, "emit": 403, "write": 403}
        assert service.client.get(GATE, params=asked).status_code == 401

        headers = {"X-Andon-Csrf": "1", "Authorization": f"Bearer {keys['read']}"}
        refused = service.post_graphql(STOP, {"urn": line.orders, "cause": "no"}, headers).json()
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        refused = service.post_graphql(RESTART, {"urn": line.orders}, headers).json()
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"

        line.stop(line.orders)
        [stop] = service.graphql("{ stops { stoppedBy owners { name } } }")["stops"]
        assert stop == {"stoppedBy": "maria", "owners": [{"name": "maria"}]}
        assert run_gate(service, "--job", line.report)[0] == 1
        service.key = None
        status, _, err = run_gate(service, "--job", line.report)
        assert status == 2
        assert "the key is the setting api_key" in err


def test_who_waits_at_one_process_is_let_go_by_a_restart_at_another(
    tmp_path: Path, namespace: str, postgres: PostgresServer
) -> None:
    url = {"ANDON_POSTGRES_URL": postgres.new_database()}
    with (
        Service(tmp_path / "one", environment=url) as one,
        Service(tmp_path / "other", "--role", "api", environment=url) as other,
    ):
        line = Line(one, namespace)
        stop = line.stop(line.orders)
        process = gate_command(other, "--job", line.report, "--wait", "1m")
        assert process.stderr is not None
        assert process.stderr.readline() == "stopped (block)\n"

        line.restart(stop)

        assert process.communicate(timeout=30)[0] == "go\n"
        assert process.returncode == 0


# SPARQL -----------------------------------------------------------------------------------------------------------


def test_sparql_tells_what_stands(line: Line) -> None:
    stop = line.stop(line.orders)
    page = (REPOSITORY / "docs" / "cord.md").read_text()
    [question] = re.findall(r"^```sparql\n(.*?)^```", page, re.MULTILINE | re.DOTALL)

    def asked() -> list[str]:
        answer = line.service.client.get(
            "/sparql", params={"query": question}, headers={"Andon-Min-Position": str(line.service.position())}
        )
        assert answer.status_code == 200, answer.text
        rows = answer.json()["results"]["bindings"]
        return [it["entity"]["value"] for it in rows if it["stop"]["value"] == stop]

    assert asked() == sorted([line.orders, line.load, line.clean, line.report, line.totals])
    line.restart(stop)
    assert asked() == []

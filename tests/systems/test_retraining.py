"""A finding about stale data leads to a real MLflow run, a registered version and a promotion, if it is better."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from api.ingest_commands import bring_mlflow
from api.settings import Settings
from graph.model import make_urn
from tests.end_to_end.service import Service, wait_until
from tests.rules.receiver import Receiver, status
from tests.servers.mlflow import Missing, MlflowServer

pytestmark = [pytest.mark.systems, pytest.mark.timeout(600)]

RULE = """\
rule: stale-data-trains-again
version: 1
on: {change: entity.opened, type: Finding}
when: "'stale' in after.tags"
do:
  - retrain:
      server: "${ANDON_MLFLOW}"
      model: churn
      start:
        mlflow_project:
          server: "${ANDON_MLFLOW}"
          project: churn
          parameters: {auc: "{{ after.description }}"}
      guard: [{metric: auc, better: higher, by: 0.01}]
      within: 10m
"""
BY_PIPELINE = """\
rule: stale-data-starts-a-pipeline
version: 1
on: {change: entity.opened, type: Finding}
when: "'ageing' in after.tags"
do:
  - retrain:
      server: "${ANDON_MLFLOW}"
      model: churn
      start: {http: {url: "${ANDON_PIPELINE}", json: {key: "{{ action.key }}"}}}
      guard: [{metric: auc, better: higher}]
      promote: ask
"""
ACTIONS = "{ firings(first: 10) { urn actions { kind state result lastError } } }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    try:
        server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    except Missing as why:
        pytest.skip(f"no MLflow: {why}")
    with server:
        yield server


def stale(name: str, auc: str, tag: str) -> dict[str, Any]:
    """A finding, after which a training comes to this quality."""
    about = {"type": "Table", "namespace": "postgres://shop", "name": "customers"}
    finding = {
        "type": "Finding", "namespace": "checks", "name": name, "description": auc, "tags": [tag],
        "relations": {"findingOn": [about]},
    }  # fmt: skip
    return {"id": name, "source": "checks", "at": datetime.now(UTC).isoformat(), "entities": [about, finding]}


def test_a_better_version_takes_the_champion_s_place_and_a_worse_one_does_not(
    server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    client = MlflowClient(server.url)
    experiment = client.create_experiment("by-hand")
    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "auc", 0.91)
    client.create_registered_model("churn")
    client.create_model_version("churn", "s3://models/churn/first", run)
    client.set_registered_model_alias("churn", "champion", "1")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "retrain.yaml").write_text(RULE)
    (rules / "pipeline.yaml").write_text(BY_PIPELINE)
    pipeline = Receiver(lambda handler: trained(handler))
    host = server.url.removeprefix("http://")
    arguments = ("--rules", str(rules), "--webhook-hosts", f"{host},127.0.0.1:{pipeline.port}")
    projects = ("--mlflow-projects", str(Path(__file__).parent / "projects"))

    environment = {"ANDON_MLFLOW": server.url, "ANDON_PIPELINE": pipeline.url}

    def trained(handler: BaseHTTPRequestHandler) -> None:
        """A pipeline that trains elsewhere, and says whose its run is."""
        training = client.create_run(experiment, tags={"andon.key": pipeline.received[-1].event["key"]}).info.run_id
        client.log_metric(training, "auc", 0.99)
        client.create_model_version("churn", "s3://models/churn/elsewhere", training)
        status(202)(handler)

    with pipeline, Service(tmp_path / "data", *arguments, *projects, environment=environment) as service:

        def outcome(name: str, auc: str, tag: str = "stale", *, killed: bool = False) -> tuple[str, dict[str, Any]]:
            """The firing that a finding led to, and how its action ended."""
            known = {it["urn"] for it in service.graphql(ACTIONS)["firings"]}
            answer = service.client.post("/api/v1/facts", content=json.dumps(stale(name, auc, tag)))
            assert answer.status_code == 201, answer.text

            def in_state(*states: str) -> list[dict[str, Any]]:
                new = [it for it in service.graphql(ACTIONS)["firings"] if it["urn"] not in known]
                return [it for it in new if it["actions"] and it["actions"][0]["state"] in states]

            if killed:
                wait_until(lambda: bool(in_state("underway")), 60, "the training begins")
                service.kill()
                service.start()
            wait_until(lambda: bool(in_state("delivered", "dead")), 120, "the training ends")
            [firing] = in_state("delivered", "dead")
            [action] = firing["actions"]
            assert action["state"] == "delivered", action
            return firing["urn"], action["result"]

        firing, better = outcome("late-1", "0.95", killed=True)
        assert client.get_model_version_by_alias("churn", "champion").version == "2"
        _, worse = outcome("late-2", "0.955")
        _, asked_first = outcome("old-1", "", "ageing")
        assert bring_mlflow(Settings(data=tmp_path / "data"), service.url, server.url, None, None) == 0
        namespace = server.url.replace("http://", "mlflow://")
        run_of = make_urn("run", namespace, client.get_model_version("churn", "2").run_id)
        asked = "query($urn: String) { entity(urn: $urn) { type relations { name outgoing entity { urn } } } }"
        linked = service.graphql(asked, {"urn": run_of}, service.position())["entity"]

    assert better == {
        "model": "churn", "version": "2", "champion": "1", "metrics": {"auc": [0.95, 0.91]}, "promoted": True,
    }  # fmt: skip
    assert (worse["version"], worse["promoted"]) == ("3", False)
    assert worse["why"] == "auc: the challenger has 0.955, the champion 0.95, expected it higher by 0.01"
    assert client.get_model_version_by_alias("churn", "champion").version == "2"
    assert linked["type"] == "TrainingRun"
    assert {"name": "startedBy", "outgoing": True, "entity": {"urn": firing}} in linked["relations"]
    assert (asked_first["version"], asked_first["promoted"], asked_first["metrics"]) == (
        "4",
        False,
        {"auc": [0.99, 0.95]},
    )
    of_two = client.get_run(client.get_model_version("churn", "2").run_id)
    runs = client.search_runs([of_two.info.experiment_id])
    assert sorted(it.data.metrics["auc"] for it in runs) == [
        0.95,
        0.955,
    ]  # one run each, though it was looked for twice
    assert (of_two.info.status, of_two.data.tags["andon.firing"]) == ("FINISHED", firing)
    assert client.get_model_version("churn", "3").tags["andon.guard"] == worse["why"]

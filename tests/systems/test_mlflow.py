"""`andon ingest mlflow` against a real MLflow server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.ingest_commands import bring_mlflow
from api.settings import Settings
from graph.model import make_urn
from tests.end_to_end.events import new_run_id, run_event
from tests.end_to_end.service import Service
from tests.servers.mlflow import Missing, MlflowServer

pytestmark = [pytest.mark.systems, pytest.mark.timeout(600)]
SHOP = "postgres://shop"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    try:
        server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    except Missing as why:
        pytest.skip(f"no MLflow: {why}")
    with server:
        yield server


def test_a_registry_s_models_versions_runs_and_inputs_reach_the_graph_and_leave_it(
    server: MlflowServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, DatasetInput, InputTag

    client = MlflowClient(server.url)
    run = client.create_run(client.create_experiment("churn"), run_name="nightly").info.run_id
    client.log_metric(run, "auc", 0.91)
    client.log_param(run, "api_key", "hunter2")
    context = [InputTag("mlflow.data.context", "training")]
    dataset = Dataset("shop.customers", "d1", "code", "{}")
    lake = Dataset("clicks", "d2", "s3", '{"uri": "s3://lake/clicks"}')
    client.log_inputs(run, [DatasetInput(dataset, context), DatasetInput(lake, context)])
    client.set_terminated(run)
    client.create_registered_model("churn", {"team": "ml"}, "Who leaves.")
    first = client.create_model_version("churn", "s3://models/churn/1", run)
    client.create_model_version("churn", "s3://models/churn/2", run)
    client.set_registered_model_alias("churn", "champion", "2")
    client.create_registered_model("old")

    with Service(tmp_path / "data") as service:
        position = service.accept(run_event(SHOP, "copy", new_run_id(), "COMPLETE", outputs=["shop.customers"]))
        service.graphql("{ status { version } }", min_position=position)
        settings = Settings(data=tmp_path / "data")

        assert bring_mlflow(settings, service.url, server.url, None, None) == 0
        assert "2 models with 2 versions, 0 withdrawn" in capsys.readouterr().out

        namespace = server.url.replace("http://", "mlflow://")
        version = make_urn("modelversion", namespace, "churn/2")
        fields = """description ... on Model { hasVersion { name } }
            ... on ModelVersion { versionOf { name description } versionAlias status metrics parameters artifactUrl
                trainedOn { urn } trainedIn { name type inExperiment { name } } }"""
        asked = f"query($urn: String) {{ entity(urn: $urn) {{ {fields} }} }}"
        customers = make_urn("dataset", SHOP, "shop.customers")
        clicks = make_urn("dataset", "s3://lake", "clicks")
        last = service.position()
        assert service.graphql(asked, {"urn": version}, last)["entity"] == {
            "description": None, "versionOf": {"name": "churn", "description": "Who leaves."},
            "versionAlias": ["champion"], "status": "READY", "metrics": '{"auc": 0.91}',
            "parameters": '{"api_key": "***"}', "artifactUrl": "s3://models/churn/2",
            "trainedOn": [{"urn": customers}, {"urn": clicks}],
            "trainedIn": {"name": run, "type": "TrainingRun", "inExperiment": {"name": "churn"}},
        }  # fmt: skip
        downstream = service.graphql(
            "query($urns: [String!]!) { lineage(urns: $urns, direction: DOWNSTREAM) { nodes { name } } }",
            {"urns": [customers]},
        )
        assert sorted(it["name"] for it in downstream["lineage"]["nodes"]) == ["churn/1", "churn/2", "shop.customers"]

        client.delete_model_version("churn", first.version)
        client.delete_registered_model("old")
        assert bring_mlflow(settings, service.url, server.url, None, None) == 0
        assert "1 models with 1 versions, 2 withdrawn" in capsys.readouterr().out
        listed = service.graphql(
            "query($filter: EntityFilter) { entities(filter: $filter) { nodes { name } } }",
            {"filter": {"types": ["Model", "ModelVersion"], "namespaces": [namespace]}},
            service.position(),
        )
        assert [it["name"] for it in listed["entities"]["nodes"]] == ["churn", "churn/2"]

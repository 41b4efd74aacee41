"""MLflow's registry as facts, read by MLflow's own client from a store in files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from graph.errors import InvalidInput
from graph.model import Instant, make_urn
from ingest import facts
from ingest.mlflow import Crawler, clean, namespace_of, place_of
from ontology import load

pytest.importorskip("mlflow")
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.exceptions import MlflowException

WORDS = load()
SHOP = "mlflow://shop"
ORDERS = make_urn("dataset", "pg", "shop.orders")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    yield MlflowClient(tracking_uri=f"file://{tmp_path}/mlruns")


def by_name(names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    return {name: {"shop.orders": [ORDERS], "twins": [ORDERS, ORDERS + "2"]}.get(name, []) for name in names}


def is_missing(error: Exception) -> bool:
    return isinstance(error, MlflowException) and error.error_code == "RESOURCE_DOES_NOT_EXIST"


def crawl(client: MlflowClient, page: str = "") -> tuple[dict[str, facts.Fact], Crawler]:
    crawler = Crawler(client, SHOP, by_name, page, is_missing)
    read = facts.read(facts.document("1", "mlflow", Instant(0), list(crawler.entities())), WORDS)
    return {it.subject.urn: it for it in read.said}, crawler


def trained(client: MlflowClient, *inputs: DatasetInput) -> str:
    experiment = client.get_experiment_by_name("churn")
    id = experiment.experiment_id if experiment is not None else client.create_experiment("churn")
    history = json.dumps([{"flavors": {"python_function": {}, "sklearn": {}}}])
    run = client.create_run(id, run_name="nightly", tags={"mlflow.log-model.history": history}).info.run_id
    client.log_metric(run, "auc", 0.91)
    client.log_metric(run, "lost", float("nan"))
    for key, value in {"depth": "5", "db_password": "hunter2", "db": "postgres://ann:hunter2@pg/shop"}.items():
        client.log_param(run, key, value)
    client.log_inputs(run, list(inputs))
    return str(run)


def used(name: str, source_type: str = "code", source: Mapping[str, Any] | None = None, **tags: str) -> DatasetInput:
    dataset = Dataset(name=name, digest="d", source_type=source_type, source=json.dumps(source or {}))
    return DatasetInput(dataset, [InputTag(key.replace("_", "."), value) for key, value in tags.items()])


def test_a_version_says_what_it_is_where_it_is_from_and_what_it_was_trained_on(client: MlflowClient) -> None:
    run = trained(
        client,
        used("customers", "s3", {"uri": "s3://lake/customers.parquet"}, mlflow_data_context="training"),
        used("shop.orders"),
        used("twins"),
    )
    client.create_registered_model("churn", {"team": "ml", "api_token": "t0ps3cret"}, "Who leaves.")
    source = "https://ann:hunter2@store.example.com/churn?X-Amz-Signature=abc"
    client.create_model_version("churn", source, run, {"checked": "yes"}, description="The first.")
    client.set_registered_model_alias("churn", "champion", "1")
    client.set_registered_model_alias("churn", "best", "1")

    said, crawler = crawl(client, "http://mlflow:5000/")

    model = said["urn:andon:model:mlflow%3A%2F%2Fshop:churn"]
    assert model.registers == {
        "documentation": {"description": "Who leaves."},
        "tags": {"tags": [{"key": "api_token", "value": "***"}, {"key": "team", "value": "ml"}]},
        "attribute:type": "Model",
        "attribute:sourceIri": "models:/churn",
        "attribute:landingPage": "http://mlflow:5000/#/models/churn",
    }
    version = said["urn:andon:modelversion:mlflow%3A%2F%2Fshop:churn%2F1"]
    attributes = {key.removeprefix("attribute:"): it for key, it in version.registers.items() if "attribute" in key}
    assert attributes == {
        "type": "ModelVersion", "versionNumber": "1", "versionAlias": ["best", "champion"], "stage": None,
        "status": "READY", "artifactUrl": "https://store.example.com/churn", "sourceIri": "models:/churn/1",
        "landingPage": "http://mlflow:5000/#/models/churn/versions/1", "metrics": '{"auc": 0.91}',
        "parameters": '{"db": "postgres://pg/shop", "db_password": "***", "depth": "5"}', "algorithm": "sklearn",
    }  # fmt: skip
    training = make_urn("run", SHOP, run)
    assert {relation: [it.urn for it in targets] for relation, targets in version.targets.items()} == {
        "versionOf": [model.subject.urn],
        "trainedIn": [training],
        "trainedOn": [ORDERS, "urn:andon:dataset:s3%3A%2F%2Flake:customers.parquet"],
    }
    assert said[training].registers["attribute:type"] == "TrainingRun"
    assert said[training].registers["attribute:displayName"] == "nightly"
    assert [it.name for it in said[training].targets["inExperiment"]] == ["churn"]
    assert (crawler.seen.models, crawler.seen.versions, crawler.seen.unmapped) == (1, 1, {"twins"})
    assert crawler.seen.listed == {model.subject.urn, version.subject.urn}
    assert "hunter2" not in repr(said) and "t0ps3cret" not in repr(said)


def test_a_run_that_a_rule_had_started_names_its_firing(client: MlflowClient) -> None:
    firing = f"urn:andon:firing:andon:{'5f' * 16}"
    client.create_registered_model("churn")
    runs = []
    for said in (firing, "urn:andon:dataset:pg:orders"):
        runs.append(trained(client))
        client.set_tag(runs[-1], "andon.firing", said)
        client.create_model_version("churn", "s3://models/churn", runs[-1])

    told, _ = crawl(client)

    started, other = (told[make_urn("run", SHOP, it)].targets for it in runs)
    assert [it.urn for it in started["startedBy"]] == [firing]
    assert "startedBy" not in other


def test_a_version_whose_run_is_gone_says_what_is_left(client: MlflowClient) -> None:
    client.create_registered_model("it's")
    client.create_model_version("it's", "/models/x", "0" * 32)
    client.create_model_version("it's", "s3://models/y")

    said, crawler = crawl(client)

    for number, artifacts in (("1", "file:///models/x"), ("2", "s3://models/y")):
        version = said[make_urn("modelversion", SHOP, f"it's/{number}")]
        assert list(version.targets) == ["versionOf"]
        assert version.registers["attribute:artifactUrl"] == artifacts
        assert version.registers["attribute:landingPage"] is None
    assert crawler.seen.lost_runs == 1


def test_many_models_are_read_page_by_page_and_an_experiment_is_told_once(client: MlflowClient) -> None:
    run = trained(client)
    for number in range(103):
        client.create_registered_model(f"m{number}")
    for number in range(3):
        client.create_model_version("m0", f"s3://models/{number}", run)

    crawler = Crawler(client, SHOP, by_name)
    entities = list(crawler.entities())

    assert (crawler.seen.models, crawler.seen.versions) == (103, 3)
    assert [it["type"] for it in entities].count("Experiment") == 1


@pytest.mark.parametrize(
    ("source_type", "source", "place"),
    [
        ("s3", {"uri": "s3://lake/a/b.parquet"}, ("s3://lake", "a/b.parquet")),
        ("local", {"uri": "/data/a.csv"}, ("file", "/data/a.csv")),
        ("local", {"uri": "file:///data/a.csv"}, ("file", "/data/a.csv")),
        ("http", {"url": "https://ann:pw@data.example.com/a.csv?token=x"}, ("https://data.example.com", "a.csv")),
        ("delta_table", {"path": "abfss://c@acc.dfs.core.windows.net/t"}, ("abfss://c@acc.dfs.core.windows.net", "t")),
        ("hugging_face", {"path": "org/name"}, ("https://huggingface.co/datasets", "org/name")),
        ("delta_table", {"delta_table_name": "c.s.t"}, None),
        ("code", {"tags": {}}, None),
        ("s3", {"uri": "s3://lake"}, None),
    ],
)
def test_where_a_dataset_lies_is_said_as_openlineage_says_it(
    source_type: str, source: Mapping[str, Any], place: tuple[str, str] | None
) -> None:
    assert place_of(source_type, source) == place


def test_a_dataset_can_be_named_by_its_urn(client: MlflowClient) -> None:
    run = trained(client, used("anything", andon_urn=ORDERS), used("urn:andon:dataset:pg:other"))
    client.create_registered_model("m")
    client.create_model_version("m", "s3://models/y", run)

    said, _ = crawl(client)

    targets = said[make_urn("modelversion", SHOP, "m/1")].targets["trainedOn"]
    assert [it.urn for it in targets] == ["urn:andon:dataset:pg:other", ORDERS]


def test_a_server_s_address_is_its_models_namespace() -> None:
    assert namespace_of("https://ann:pw@mlflow.example.com:5000/path") == "mlflow://mlflow.example.com:5000"
    assert namespace_of("databricks") == "mlflow://databricks"
    with pytest.raises(InvalidInput, match="need a namespace"):
        namespace_of("sqlite:///mlflow.db")


def test_addresses_lose_their_secrets_wherever_they_stand() -> None:
    text = "see postgres://ann:hunter2@pg/shop, abfss://c@acc/t and https://x/y?a=1&sig=abc&token=def&b=2"

    assert clean(text) == "see postgres://pg/shop, abfss://c@acc/t and https://x/y?a=1&sig=***&token=***&b=2"

"""Costs, policies and a model registry, brought into a running service by `andon ingest`."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph.model import make_urn
from tests.end_to_end.events import new_run_id, run_event
from tests.end_to_end.keys import add_key
from tests.end_to_end.service import REPOSITORY, Service, clean_environment, command
from tests.ingest.test_focus import csv_of

SHOP = "postgres://shop"
TABLE = make_urn("dataset", SHOP, "made")
JOB = make_urn("job", SHOP, "copy")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    data = tmp_path / "data"
    key = add_key(data, "ingest", "emit,read")
    with Service(data, key=key) as service:
        position = service.accept(run_event(SHOP, "copy", new_run_id(), "COMPLETE", inputs=["from"], outputs=["made"]))
        service.graphql("{ status { version } }", min_position=position)
        yield service


def ingest(service: Service, *arguments: str, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        command("ingest", *arguments, "--url", service.url, "--data", str(service.data)),
        cwd=REPOSITORY,
        env=clean_environment({"ANDON_API_KEY": service.key or "", **environment}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended


def tell(service: Service, *entities: dict[str, Any], id: str = "by-hand") -> None:
    body = {"id": id, "source": "test", "at": "2026-01-01T00:00:00Z", "entities": list(entities)}
    answer = service.post(json.dumps(body).encode(), path="/api/v1/facts")
    assert answer.status_code == 201, answer.text
    service.graphql("{ status { version } }", min_position=int(answer.headers["Andon-Position"]))


def entity(service: Service, urn: str, fields: str) -> Any:
    query = f"query($urn: String) {{ entity(urn: $urn) {{ {fields} }} }}"
    return service.graphql(query, {"urn": urn}, min_position=service.position())["entity"]


def test_costs_are_joined_kept_and_known_again(service: Service, tmp_path: Path) -> None:
    tell(service, {"type": "Table", "namespace": SHOP, "name": "made", "attributes": {"resourceId": "arn:made"}})
    tell(
        service,
        {"type": "Service", "namespace": "k8s", "name": "api", "tags": [{"key": "app", "value": "web"}]},
        id="2",
    )
    export = tmp_path / "costs.csv.gz"
    rows: list[dict[str, str]] = [
        {"ResourceId": "arn:made", "BilledCost": "3.10"},
        {"ResourceId": "arn:other", "ResourceName": "", "Tags": '{"app": "web"}', "BilledCost": "2"},
        {"ResourceId": "arn:other", "ResourceName": "copy", "Tags": "", "SkuId": "2", "BilledCost": "1.5"},
        {"ResourceId": "arn:nobody", "ResourceName": "", "Tags": "", "BilledCost": "40"},
        {"ResourceId": "arn:bad", "BilledCost": "forty"},
    ]
    export.write_bytes(gzip.compress(csv_of(*rows).encode()))
    os.utime(export, (1_780_000_000, 1_780_000_000))

    ended = ingest(service, "focus", str(export), "--tag", "app", status=1)

    assert "4 charges: 1 by name, 1 by resource id, 1 by tag, 1 unmatched" in ended.stdout
    assert "unmatched: arn:nobody\t40 EUR" in ended.stdout
    assert "costs.csv.gz:6: BilledCost: expected a number" in ended.stderr
    costs = "hasCost { billedCost billingCurrency chargePeriodStart chargePeriodEnd billedTo { name displayName } }"
    made = {
        "billedCost": 3.1, "billingCurrency": "EUR", "chargePeriodStart": "2026-01-05T00:00:00Z",
        "chargePeriodEnd": "2026-01-06T00:00:00Z", "billedTo": {"name": "acc-9", "displayName": "Data"},
    }  # fmt: skip
    assert entity(service, TABLE, costs) == {"hasCost": [made]}
    assert entity(service, JOB, "hasCost { billedCost }") == {"hasCost": [{"billedCost": 1.5}]}
    assert entity(service, make_urn("service", "k8s", "api"), "hasCost { billedCost }")["hasCost"] == [
        {"billedCost": 2.0}
    ]
    items = '{ entities(type: "CostItem") { totalCount } }'
    assert service.graphql(items)["entities"]["totalCount"] == 4

    assert "1 of them known already" in ingest(service, "focus", str(export), "--tag", "app", status=1).stdout
    rows[0]["BilledCost"] = "3.20"
    export.write_bytes(gzip.compress(csv_of(*rows[:1]).encode()))
    ingest(service, "focus", str(export))
    assert entity(service, TABLE, "hasCost { billedCost }") == {"hasCost": [{"billedCost": 3.2}]}
    assert service.graphql(items)["entities"]["totalCount"] == 4


def test_policies_govern_what_is_told_of_and_go_with_their_files(service: Service, tmp_path: Path) -> None:
    tags = [{"key": "pii", "field": "email"}]
    columns = {"attributes": {"personalData": True}}
    tell(service, {"type": "Table", "namespace": SHOP, "name": "made", "tags": tags})
    tell(service, {"type": "Column", "namespace": SHOP, "name": "made", "path": "email"} | columns, id="2")
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "gdpr.yaml").write_text(
        "name: gdpr\ntype: AccessPolicy\ntargets:\n  - tag: pii\n  - {tag: pii, type: Column}\n  - type: Job\n"
        "permissions:\n  - {action: read, assignee: team:analytics}\nframeworks: {GDPR: [Art. 6]}\n"
    )
    (folder / "other.yaml").write_text("name: other\ntargets: [{tag: nobody}]\n")

    ended = ingest(service, "policies", str(folder))

    assert "2 policies, 0 policies and rules withdrawn" in ended.stdout
    assert "other.yaml:2: nothing is like that yet" in ended.stderr
    gdpr = make_urn("policy", "policies", "gdpr")
    found = entity(
        service, gdpr,
        "type ... on Policy { governs { urn } permits { action assignee { name } }"
        " implements { name inFramework { name } } }",
    )  # fmt: skip
    assert found == {
        "type": "AccessPolicy",
        "governs": [{"urn": make_urn("column", SHOP, "made", "email")}, {"urn": TABLE}, {"urn": JOB}],
        "permits": [{"action": ["read"], "assignee": [{"name": "analytics"}]}],
        "implements": [{"name": "GDPR/Art. 6", "inFramework": {"name": "GDPR"}}],
    }
    assert entity(service, TABLE, "... on Dataset { governedBy { name } }") == {"governedBy": [{"name": "gdpr"}]}

    (folder / "gdpr.yaml").write_text("name: gdpr\ntargets:\n  - type: Job\n")
    (folder / "other.yaml").unlink()
    assert "1 policies, 2 policies and rules withdrawn" in ingest(service, "policies", str(folder)).stdout
    policies = service.graphql(
        '{ entities(filter: {namespaces: ["policies"]}) { nodes { name } } }', min_position=service.position()
    )
    assert policies == {"entities": {"nodes": [{"name": "gdpr"}]}}
    assert entity(service, TABLE, "... on Dataset { governedBy { name } }") == {"governedBy": []}

    (folder / "bad.yaml").write_text("name: bad\nkind: x\n")
    refused = ingest(service, "policies", str(folder), status=2)
    assert "bad.yaml:1: object contains unknown field `kind`" in refused.stderr


def test_models_come_from_their_registry_and_go_with_it(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    store = f"file://{tmp_path}/mlruns"
    files = {"MLFLOW_ALLOW_FILE_STORE": "true"}
    monkeypatch.setenv(*next(iter(files.items())))
    client = mlflow.MlflowClient(tracking_uri=store)
    client.create_registered_model("churn")
    for _ in range(2):
        client.create_model_version("churn", "s3://models/churn")
    client.set_registered_model_alias("churn", "champion", "2")
    client.create_registered_model("old")

    assert "--namespace: the tracking URI" in ingest(service, "mlflow", "--tracking-uri", store, status=2).stderr
    arguments = ("mlflow", "--tracking-uri", store, "--namespace", "mlflow://shop")
    assert "2 models with 2 versions, 0 withdrawn" in ingest(service, *arguments, **files).stdout
    model = make_urn("model", "mlflow://shop", "churn")
    assert entity(service, model, "... on Model { hasVersion { name versionAlias status } }") == {
        "hasVersion": [
            {"name": "churn/1", "versionAlias": [], "status": "READY"},
            {"name": "churn/2", "versionAlias": ["champion"], "status": "READY"},
        ]
    }

    client.delete_registered_model("old")
    client.delete_model_version("churn", "1")
    assert "1 models with 1 versions, 2 withdrawn" in ingest(service, *arguments, **files).stdout
    found = service.graphql(
        '{ entities(filter: {namespaces: ["mlflow://shop"]}) { nodes { name } } }', min_position=service.position()
    )
    assert [it["name"] for it in found["entities"]["nodes"]] == ["churn", "churn/2"]


def test_a_key_that_may_not_is_told_so(service: Service, tmp_path: Path) -> None:
    export = tmp_path / "costs.csv"
    export.write_text(csv_of({}))

    refused = ingest(service, "focus", str(export), status=1, ANDON_API_KEY="wrong")

    assert "the key is unknown or was revoked; the key is the setting api_key" in refused.stderr

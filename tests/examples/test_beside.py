"""What stands beside the demo estate's events, in a running service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from examples.shop.beside import load_beside
from examples.shop.catalogue import documents
from examples.shop.costs import RESOURCES, export
from examples.shop.history import SEED, latest_batch
from examples.shop.load import load
from ingest import facts
from ontology import load as load_ontology
from tests.end_to_end.service import Service

NOW = datetime(2026, 11, 23, 9, 41, 7, tzinfo=UTC)
BATCH = latest_batch(NOW)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("shop") / "data") as service:
        load(service.url, now=NOW)
        load_beside(service.url, now=NOW)
        service.graphql("{ status { version } }", min_position=service.position())
        yield service


def nodes(service: Service, type: str, fields: str = "name", as_of: str = "") -> list[dict[str, Any]]:
    found = service.graphql(f'{{ entities(type: "{type}", first: 100{as_of}) {{ nodes {{ {fields} }} }} }}')
    listed: list[dict[str, Any]] = found["entities"]["nodes"]
    return listed


def test_the_catalogue_is_made_of_the_ontologys_words() -> None:
    words = load_ontology()

    said = [facts.read(json.dumps(it).encode(), words) for it in documents(BATCH)]

    assert [it.at for it in said] == sorted(it.at for it in said)


def test_all_of_it_is_taken_and_a_second_time_changes_nothing(service: Service) -> None:
    status = "{ status { positionReceived deadLetters counts { type count } } }"
    before = service.graphql(status)

    load_beside(service.url, now=NOW)

    assert service.graphql(status, min_position=service.position()) == before
    assert before["status"]["deadLetters"] == 0


def test_the_kinds_of_the_card_are_all_there(service: Service) -> None:
    for type in ("Dataset", "Job", "Schema", "Model", "ModelVersion", "CostItem", "Policy"):
        assert nodes(service, type), type
    for type in (
        "Service",
        "GlossaryTerm",
        "DataProduct",
        "Domain",
        "Contract",
        "Budget",
        "Resource",
        "Team",
        "Control",
    ):
        assert nodes(service, type), type


def test_costs_find_what_they_are_for_by_each_of_the_rules(service: Service) -> None:
    items = nodes(service, "CostItem", "... on CostItem { resourceName chargedTo { name } billedCost billingCurrency }")

    charged = {it["resourceName"]: sorted(one["name"] for one in it["chargedTo"]) for it in items}
    assert charged == {
        "TRANSFORM_WH": ["TRANSFORM_WH"],
        "lake": ["emr-lake"],
        "kanban-lake": sorted(
            ["kanban-lake", "table/lake/clicks", "table/lake/product_affinity", "table/lake/sessions"]
        ),
        "click-stream": ["click_stream.enrich"],
        "churn-training": ["churn.train"],
        "orders-api": ["orders-api"],
        "nat-0a1b": [],
    }
    assert len(items) == 6 * len(RESOURCES)
    assert {it["billingCurrency"] for it in items} == {"EUR"}


def test_an_estimate_gives_way_to_what_it_came_to(service: Service) -> None:
    early, late = export(BATCH, 3, SEED), export(BATCH, 0, SEED)
    assert not set(early.splitlines()) <= set(late.splitlines())

    def total(as_of: str) -> float:
        return sum(it["billedCost"] for it in nodes(service, "CostItem", "... on CostItem { billedCost }", as_of))

    before = total(', asOf: {valid: "2026-11-21T00:00:00Z"}')
    assert 0 < before < total("")


def test_models_have_the_versions_that_runs_made(service: Service) -> None:
    fields = (
        "name ... on Model { modelTask servedBy { name } hasVersion { name trainedOn { name } trainedIn { state } } }"
    )
    churn, demand = nodes(service, "Model", fields)

    assert churn == {
        "name": "churn_predictor", "modelTask": "classification", "servedBy": [{"name": "churn-api"}],
        "hasVersion": [{"name": "churn_predictor/8", "trainedIn": {"state": "COMPLETE"},
                        "trainedOn": [{"name": "analytics.features.churn_features"}]}],
    }  # fmt: skip
    assert [it["name"] for it in demand["hasVersion"]] == ["demand_forecast/10", "demand_forecast/7"]


def test_policies_govern_personal_data_down_to_its_columns(service: Service) -> None:
    policies = nodes(service, "Policy", "name type ... on Policy { governs(first: 100) { type name } }")
    governed = {it["name"]: {one["type"] for one in it["governs"]} for it in policies}
    assert governed == {
        "personal-data": {"Column", "Table", "Topic", "File"},
        "customer-retention": {"Table"},
        "margins-are-confidential": {"Column"},
    }


def test_what_net_revenue_means_changed_during_the_week(service: Service) -> None:
    def meaning(as_of: str) -> str:
        fields = "name ... on GlossaryTerm { definition }"
        [term] = [it for it in nodes(service, "GlossaryTerm", fields, as_of) if it["name"] == "net revenue"]
        return str(term["definition"])

    assert meaning("").startswith("Revenue without returns")
    assert meaning(', asOf: {valid: "2026-11-19T00:00:00Z"}').startswith("Revenue without the fees")

"""What `examples/README.md` says of the estate, and the rule beside it, hold."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from graphql import parse, validate
from openlineage.client.event_v2 import RunEvent

from api.graphql import build_schema
from examples.shop.estate import DATASETS, JOBS
from examples.shop.history import history
from ontology import load

EXAMPLES = Path(__file__).parents[2] / "examples"
README = (EXAMPLES / "README.md").read_text()


def urns(kind: str) -> set[tuple[str, ...]]:
    """The parts, decoded, of the README's urns of that kind."""
    found = re.findall(rf"urn:andon:{kind}:([^\"]+)\"", README)
    return {tuple(map(unquote, rest.split(":"))) for rest in found}


def test_the_readme_counts_what_there_is() -> None:
    events = history(datetime(2026, 11, 23, 12, tzinfo=UTC))
    runs = {event.run.runId for event in events if isinstance(event, RunEvent)}
    assert f"sends {len(events)} events" in README
    assert f"| {len(DATASETS)} datasets |" in README
    assert f"| {len(JOBS)} jobs |" in README
    assert f"| {len(runs)} runs |" in README


def test_the_readmes_urns_name_entities_of_the_estate() -> None:
    datasets = {(dataset.namespace, dataset.name) for dataset in DATASETS.values()}
    columns = {
        (dataset.namespace, dataset.name, column.name) for dataset in DATASETS.values() for column in dataset.columns
    }
    assert urns("dataset") and urns("dataset") <= datasets
    assert urns("column") and urns("column") <= columns
    assert urns("job") and urns("job") <= {(job.tool.namespace, job.name) for job in JOBS}


@pytest.mark.parametrize("question", re.findall(r"^```graphql\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
def test_the_readmes_questions_are_valid(question: str) -> None:
    assert validate(build_schema(load())[0], parse(question)) == []


def test_the_rule_waits_for_failed_runs_and_posts_for_each_dashboard_downstream() -> None:
    rule = yaml.safe_load((EXAMPLES / "rules" / "failed-run-notify.yaml").read_text())
    assert rule[True] == {"change": "run.failed"}  # `on`, which YAML 1.1 reads as true
    assert rule["for_each"] == {"downstream": "Dashboard"}
    (action,) = rule["do"]
    assert action["webhook"] == {"url": "${ANDON_DEMO_WEBHOOK}", "event_type": "dev.andon.run.failed"}

"""OpenLineage events as plain dictionaries, the smallest that say something."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.end_to_end.service import Event

PRODUCER = "https://andon.example/tests"
SPECIFICATION = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs"
FIRST_MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def moment(second: float = 0) -> str:
    """An event time, so many seconds after the first."""
    return (FIRST_MOMENT + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")


def new_run_id() -> str:
    return str(uuid.uuid4())


def dataset(namespace: str, name: str, **facets: Any) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, "facets": facets}


def facet(name: str, **content: Any) -> dict[str, Any]:
    """A facet with the two fields that each must have."""
    return {"_producer": PRODUCER, "_schemaURL": f"https://andon.example/facets/{name}.json", **content}


def run_event(
    namespace: str,
    job: str,
    run_id: str,
    kind: str | None = "COMPLETE",
    second: float = 0,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> Event:
    """A run of a job; its datasets are in the job's namespace."""
    event: Event = {
        "eventTime": moment(second),
        "producer": PRODUCER,
        "schemaURL": f"{SPECIFICATION}/RunEvent",
        "run": {"runId": run_id},
        "job": {"namespace": namespace, "name": job},
        "inputs": [dataset(namespace, name) for name in inputs],
        "outputs": [dataset(namespace, name) for name in outputs],
    }
    return event if kind is None else {**event, "eventType": kind}


def dataset_event(namespace: str, name: str, second: float = 0, **facets: Any) -> Event:
    return {
        "eventTime": moment(second),
        "producer": PRODUCER,
        "schemaURL": f"{SPECIFICATION}/DatasetEvent",
        "dataset": dataset(namespace, name, **facets),
    }


def documented(namespace: str, name: str, description: str, second: float = 0) -> Event:
    """A dataset's description, as of that second."""
    return dataset_event(namespace, name, second, documentation=facet("documentation", description=description))

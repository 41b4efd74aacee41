"""A small estate: jobs that run again and again, with columns, a symlink, a rename and a drop."""

from __future__ import annotations

import json
from pathlib import Path

from tests.end_to_end.events import dataset, dataset_event, documented, facet, run_event
from tests.end_to_end.service import Event

NAMESPACE = "postgres://shop:5432"
LAKE = "s3://lake"


def _copy(job: str, number: int, source: str, target: str) -> Event:
    """A run that copies column `id`."""
    event = run_event(NAMESPACE, job, f"{job} {number}", second=10 * number, inputs=[source])
    lineage = {"id": {"inputFields": [{"namespace": NAMESPACE, "name": source, "field": "id"}]}}
    schema = facet("schema", fields=[{"name": "id", "type": "int"}, {"name": f"c{number % 3}", "type": "text"}])
    facets = {"schema": schema, "columnLineage": facet("columnLineage", fields=lineage)}
    return {**event, "outputs": [dataset(NAMESPACE, target, **facets)]}


def _lifecycle(name: str, change: str, second: int, **more: object) -> Event:
    said = facet("lifecycleStateChange", lifecycleStateChange=change, **more)
    return dataset_event(NAMESPACE, name, second, lifecycleStateChange=said)


EVENTS: list[Event] = [
    *(_copy("load", number, "orders", "staged") for number in range(3)),
    *(_copy("build", number, "staged", "mart") for number in range(3)),
    documented(NAMESPACE, "orders", "What was ordered", 5),
    dataset_event(
        NAMESPACE,
        "mart",
        7,
        symlinks=facet("symlinks", identifiers=[{"namespace": LAKE, "name": "mart", "type": "LOCATION"}]),
    ),
    run_event(NAMESPACE, "scratch", "scratch 1", "START", 20, ["mart"], ["scratch"]),
    run_event(NAMESPACE, "scratch", "scratch 1", "FAIL", 22),
    _lifecycle("scratch", "DROP", 30),
    _lifecycle("mart_v2", "RENAME", 40, previousIdentifier={"namespace": NAMESPACE, "name": "mart"}),
    *(_copy("load", number, "orders", "staged") for number in range(5, 40)),
]


def as_bytes(event: Event) -> bytes:
    return json.dumps(event).encode()


def remove_graph(data: Path) -> None:
    """Delete the projection; the journal stays."""
    found = list(data.glob("graph.db*"))
    assert found, "there is a projection to delete"
    for path in found:
        path.unlink()

"""Small builders of OpenLineage events and envelopes. Times are small integers: seconds after `START`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.reference.state import Envelope, urn

Json = dict[str, Any]
START = datetime(2026, 1, 1, tzinfo=UTC)
DB = "postgres://db:5432"
LAKE = "s3://lake"
JOBS = "airflow"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
PRODUCER = "https://example.com/producer"
FACET: Json = {"_producer": PRODUCER, "_schemaURL": "https://openlineage.io/spec/facets/1-0-0/Facet.json"}


def micros(seconds: int) -> int:
    return (START - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) + seconds * 1_000_000


def iso(seconds: int) -> str:
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


# Urns of the default namespaces


def ds(name: str, namespace: str = DB) -> str:
    return urn("dataset", namespace, name)


def job(name: str = "j") -> str:
    return urn("job", JOBS, name)


def run(run_id: str = "r1") -> str:
    return urn("run", JOBS, run_id)


def col(dataset_name: str, path: str, namespace: str = DB) -> str:
    return urn("column", namespace, dataset_name, path)


# Facets: each builder gives {name: facet}, to be joined with |


def schema(*fields: str | Json) -> Json:
    """Names, or whole field objects (nested ones have `fields`)."""
    said = [{"name": f, "type": "string"} if isinstance(f, str) else f for f in fields]
    return {"schema": FACET | {"fields": said}}


def input_field(name: str, column: str, *transformations: Json, namespace: str = DB) -> Json:
    said: Json = {"namespace": namespace, "name": name, "field": column}
    return said | ({"transformations": list(transformations)} if transformations else {})


def direct(subtype: str = "IDENTITY", **more: Any) -> Json:
    return {"type": "DIRECT", "subtype": subtype} | more


def indirect(subtype: str = "FILTER", **more: Any) -> Json:
    return {"type": "INDIRECT", "subtype": subtype} | more


def column_lineage(fields: Mapping[str, Sequence[Json]] | None, dataset: Sequence[Json] | None = None) -> Json:
    """fields: output column -> its `input_field`s; None gives `fields: null`."""
    said = None if fields is None else {name: {"inputFields": list(inputs)} for name, inputs in fields.items()}
    return {"columnLineage": FACET | {"fields": said} | ({} if dataset is None else {"dataset": list(dataset)})}


def table(name: str, namespace: str = DB) -> Json:
    return {"namespace": namespace, "name": name, "type": "TABLE"}


def location(name: str, namespace: str = LAKE) -> Json:
    return {"namespace": namespace, "name": name, "type": "LOCATION"}


def symlinks(*identifiers: Json) -> Json:
    return {"symlinks": FACET | {"identifiers": list(identifiers)}}


def lifecycle(change: str, previous: str | None = None, namespace: str = DB) -> Json:
    said: Json = FACET | {"lifecycleStateChange": change}
    previous_identifier = {"previousIdentifier": {"namespace": namespace, "name": previous}}
    return {"lifecycleStateChange": said | (previous_identifier if previous is not None else {})}


def documentation(text: str) -> Json:
    return {"documentation": FACET | {"description": text}}


def deleted(facet: str) -> Json:
    return {facet: FACET | {"_deleted": True}}


def job_type(processing: str = "STREAMING") -> Json:
    return {"jobType": FACET | {"processingType": processing, "integration": "FLINK", "jobType": "JOB"}}


def sql(*arrows: str) -> Json:
    """The job facet, in a language of our own: each arrow is an edge that the SQL lets infer.

    `a.x>b.y`: a column into a column; `a.x>b`: into the whole of b; `a.*>b.*`: each column of a's schema into b's of
    that name. `@0.5` after it is the confidence, else 0.9. Tables are meant by their OpenLineage name.
    """
    return {"sql": FACET | {"query": " ".join(arrows)}}


def parent(job_name: str = "dag", run_id: str = "parent-run", namespace: str = JOBS) -> Json:
    return {"parent": FACET | {"job": {"namespace": namespace, "name": job_name}, "run": {"runId": run_id}}}


def lineage(*entries: Json) -> Json:
    """The job facet: entries made by `entry` and `job_entry`."""
    return {"lineage": FACET | {"entries": list(entries)}}


def dataset_lineage(*inputs: Json, fields: Mapping[str, Sequence[Json]] | None = None) -> Json:
    """The dataset facet of a DatasetEvent."""
    return {"lineage": FACET | {"inputs": list(inputs)} | entry_fields(fields)}


def entry(target: str, *inputs: Json, fields: Mapping[str, Sequence[Json]] | None = None, namespace: str = DB) -> Json:
    said: Json = {"namespace": namespace, "name": target, "type": "DATASET", "inputs": list(inputs)}
    return said | entry_fields(fields)


def entry_fields(fields: Mapping[str, Sequence[Json]] | None) -> Json:
    if fields is None:
        return {}
    return {"fields": {column: {"inputs": list(inputs)} for column, inputs in fields.items()}}


def job_entry(name: str | None, *inputs: Json, namespace: str = JOBS) -> Json:
    """name None: the event's own job."""
    named = {} if name is None else {"namespace": namespace, "name": name}
    return named | {"type": "JOB", "inputs": list(inputs)}


def source(name: str, column: str | None = None, *transformations: Json, namespace: str = DB) -> Json:
    said: Json = {"namespace": namespace, "name": name, "type": "DATASET"}
    said |= {} if column is None else {"field": column}
    return said | ({"transformations": list(transformations)} if transformations else {})


def job_source(name: str | None = None, namespace: str = JOBS) -> Json:
    return {"type": "JOB"} | ({} if name is None else {"namespace": namespace, "name": name})


# Events


def dataset(name: str, *facets: Json, namespace: str = DB, **more: Any) -> Json:
    """A dataset with facets; `inputFacets` or `outputFacets` by keyword."""
    said: Json = {"namespace": namespace, "name": name}
    joined: Json = {}
    for facet in facets:
        joined |= facet
    return said | ({"facets": joined} if joined else {}) | more


def datasets(said: Iterable[str | Json]) -> list[Json]:
    return [dataset(one) if isinstance(one, str) else one for one in said]


def facets(*said: Json) -> Json:
    joined: Json = {}
    for facet in said:
        joined |= facet
    return joined


def event(at: int, kind: str, **more: Any) -> Json:
    return {"eventTime": iso(at), "producer": PRODUCER, "schemaURL": SPEC + kind} | more


def run_event(
    at: int,
    type: str | None = "COMPLETE",
    inputs: Iterable[str | Json] = (),
    outputs: Iterable[str | Json] = (),
    *,
    job: str = "j",
    run: str = "r1",
    job_facets: Json | None = None,
    run_facets: Json | None = None,
) -> Json:
    said = event(at, "RunEvent", inputs=datasets(inputs), outputs=datasets(outputs))
    said["job"] = {"namespace": JOBS, "name": job, "facets": job_facets or {}}
    said["run"] = {"runId": run, "facets": run_facets or {}}
    return said | ({} if type is None else {"eventType": type})


def job_event(
    at: int,
    inputs: Iterable[str | Json] = (),
    outputs: Iterable[str | Json] = (),
    *,
    job: str = "j",
    job_facets: Json | None = None,
) -> Json:
    said = event(at, "JobEvent", inputs=datasets(inputs), outputs=datasets(outputs))
    return said | {"job": {"namespace": JOBS, "name": job, "facets": job_facets or {}}}


def dataset_event(at: int, said: str | Json) -> Json:
    return event(at, "DatasetEvent", dataset=datasets([said])[0])


def mutation(at: int, op: str, urn: str, **more: Any) -> Json:
    """The body of a mutation envelope."""
    return {"op": op, "urn": urn, "by": "ann", "at": iso(at)} | more


def stop(at: int, urn: str, policy: str = "block", name: str = "s", causes: Sequence[str] = ()) -> Json:
    """The body by which somebody pulls the cord."""
    said = {"stop": name, "cause": "it is wrong", "policy": policy, "owner": "ann", "causedBy": list(causes)}
    return mutation(at, "stop", urn, **said)


def restart(at: int, name: str = "s", override: str | None = "ann/it is right") -> Json:
    return mutation(at, "restart", stopped(name), override=override)


def stopped(name: str = "s") -> str:
    """The urn of a stop."""
    return urn("stop", "andon", name)


def facts(at: int, *entities: Json, dropped: Iterable[str] = (), by: str | None = None) -> Json:
    """The body of a facts envelope; with `by` what a person says."""
    said: Json = {"id": "1", "source": by or "crawl", "at": iso(at), "entities": list(entities)}
    said |= {"dropped": list(dropped)} if dropped else {}
    return said | ({} if by is None else {"by": by})


def fact(
    type: str,
    name: str,
    attributes: Json | None = None,
    relations: Mapping[str, Sequence[str | Json]] | None = None,
    *,
    namespace: str = DB,
    **more: Any,
) -> Json:
    """One entity of a facts body; `path`, `description`, `tags` and `owners` by keyword."""
    said: Json = {"type": type, "namespace": namespace, "name": name} | more
    said |= {"attributes": attributes} if attributes is not None else {}
    return said | ({"relations": dict(relations)} if relations is not None else {})


def tick(at: int, rule: str = "a-rule") -> Json:
    """The body by which a rule's time has come."""
    return {"about": "tick", "rule": rule, "at": iso(at)}


def kind_of(body: Json) -> str:
    """The kind of envelope that a body is of."""
    return (
        "mutation" if "op" in body else "facts" if "entities" in body else "rule" if "about" in body else "openlineage"
    )


def envelopes(bodies: Sequence[Json], received: Sequence[int] | None = None) -> list[Envelope]:
    """Positions 1, 2, ... in the order given. received: seconds, else one second after another."""
    return [
        Envelope(
            position=index + 1,
            received_at=micros(received[index] if received else 1_000 + index),
            kind=kind_of(body),
            body=json.dumps(body).encode(),
        )
        for index, body in enumerate(bodies)
    ]

"""The official OpenLineage Python client, over each of its HTTP transports, finds the receiver it expects."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)
from openlineage.client.facet_v2 import documentation_dataset, schema_dataset
from openlineage.client.transport.async_http import AsyncHttpConfig, AsyncHttpTransport
from openlineage.client.transport.http import HttpConfig, HttpTransport
from openlineage.client.transport.transport import Transport

from tests.end_to_end.events import PRODUCER, moment, new_run_id
from tests.end_to_end.graph_reading import edges_around, find, find_run, urn_of
from tests.end_to_end.keys import add_key
from tests.end_to_end.service import Service


def http(service: Service, **settings: Any) -> Transport:
    return HttpTransport(HttpConfig.from_dict({"url": service.url, **settings}))


def async_http(service: Service, **settings: Any) -> Transport:
    return AsyncHttpTransport(AsyncHttpConfig.from_dict({"url": service.url, **settings}))


def plain(service: Service) -> Transport:
    return http(service)


def compressed(service: Service) -> Transport:
    return http(service, compression="gzip")


def asynchronous(service: Service) -> Transport:
    return async_http(service)


def asynchronous_compressed(service: Service) -> Transport:
    return async_http(service, compression="gzip")


TRANSPORTS = (plain, compressed, asynchronous, asynchronous_compressed)


def emit_a_small_estate(client: OpenLineageClient, namespace: str, run_id: str) -> None:
    """One run from start to end, one declared job, one documented dataset."""
    job = Job(namespace=namespace, name="load")
    columns = [schema_dataset.SchemaDatasetFacetFields(name="id", type="INT")]
    written = OutputDataset(
        namespace=namespace,
        name="target",
        facets={"schema": schema_dataset.SchemaDatasetFacet(fields=columns)},
    )
    read = InputDataset(namespace=namespace, name="source")
    for second, kind in enumerate((RunState.START, RunState.RUNNING, RunState.COMPLETE)):
        client.emit(
            RunEvent(
                eventType=kind,
                eventTime=moment(second),
                run=Run(runId=run_id),
                job=job,
                inputs=[read] if kind is RunState.START else [],
                outputs=[written] if kind is RunState.COMPLETE else [],
                producer=PRODUCER,
            )
        )
    client.emit(
        JobEvent(
            eventTime=moment(),
            job=Job(namespace=namespace, name="declared"),
            inputs=[InputDataset(namespace=namespace, name="target")],
            outputs=[OutputDataset(namespace=namespace, name="report")],
            producer=PRODUCER,
        )
    )
    documentation = documentation_dataset.DocumentationDatasetFacet(description="What came in.")
    dataset = StaticDataset(namespace=namespace, name="source", facets={"documentation": documentation})
    client.emit(DatasetEvent(eventTime=moment(), dataset=dataset, producer=PRODUCER))


def assert_the_estate_is_in_the_graph(service: Service, namespace: str, run_id: str) -> None:
    service.graphql("{ status { version } }", min_position=service.position())
    source, target, report = (urn_of("dataset", namespace, name) for name in ("source", "target", "report"))
    assert set(edges_around(service, [target], "DATASET", False)) == {(source, target), (target, report)}
    run = find_run(service, namespace, run_id)
    assert run is not None
    assert run["state"] == "COMPLETE"
    assert ([i["urn"] for i in run["inputs"]], [o["urn"] for o in run["outputs"]]) == ([source], [target])
    described = find(service, "Dataset", (namespace, "source"))
    assert described is not None and described["facets"]["documentation"]["description"] == "What came in."


@pytest.mark.parametrize("transport", TRANSPORTS, ids=lambda transport: transport.__name__)
def test_what_the_client_emits_is_in_the_graph(
    transport: Callable[[Service], Transport], shared_service: Service, namespace: str
) -> None:
    run_id = new_run_id()
    client = OpenLineageClient(transport=transport(shared_service))
    emit_a_small_estate(client, namespace, run_id)
    assert client.close(30)
    assert_the_estate_is_in_the_graph(shared_service, namespace, run_id)


def test_many_runs_emitted_without_waiting_all_arrive(shared_service: Service, namespace: str) -> None:
    transport = AsyncHttpTransport(AsyncHttpConfig.from_dict({"url": shared_service.url}))
    client = OpenLineageClient(transport=transport)
    runs = [new_run_id() for _ in range(100)]
    for second, run_id in enumerate(runs):
        for offset, kind in ((0, RunState.START), (0.5, RunState.COMPLETE)):
            client.emit(
                RunEvent(
                    eventType=kind,
                    eventTime=moment(second + offset),
                    run=Run(runId=run_id),
                    job=Job(namespace=namespace, name="many"),
                    producer=PRODUCER,
                )
            )
    assert client.close(60)
    assert transport.get_stats()["failed"] == 0
    position = shared_service.position()
    assert {shared_service.run_state(namespace, run, position) for run in runs} == {"COMPLETE"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str]]:
    """A service with keys, asked with a key that may read, and a key that may emit."""
    data = tmp_path_factory.mktemp("guarded") / "data"
    emit, read = add_key(data, "emitter", "emit"), add_key(data, "reader", "read")
    with Service(data, key=read) as service:
        yield service, emit


def key_of(key: str) -> dict[str, str]:
    return {"type": "api_key", "apiKey": key}


@pytest.mark.parametrize("transport", (http, async_http), ids=lambda transport: transport.__name__)
def test_the_client_emits_with_its_api_key(
    transport: Callable[..., Transport], guarded: tuple[Service, str], namespace: str
) -> None:
    service, emit = guarded
    run_id = new_run_id()
    client = OpenLineageClient(transport=transport(service, auth=key_of(emit), compression="gzip"))
    emit_a_small_estate(client, namespace, run_id)
    assert client.close(30)
    assert_the_estate_is_in_the_graph(service, namespace, run_id)


def test_the_client_learns_at_once_that_its_key_is_wrong(guarded: tuple[Service, str], namespace: str) -> None:
    service, _ = guarded
    client = OpenLineageClient(transport=http(service, auth=key_of("no such key")))
    before = service.position()
    with pytest.raises(requests.HTTPError) as refused:
        emit_a_small_estate(client, namespace, new_run_id())
    assert refused.value.response is not None and refused.value.response.status_code == 401
    assert service.position() == before


def test_the_client_is_configured_by_its_environment_alone(
    shared_service: Service, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENLINEAGE_URL", shared_service.url)
    run_id = new_run_id()
    client = OpenLineageClient()
    emit_a_small_estate(client, namespace, run_id)
    client.close(30)
    assert_the_estate_is_in_the_graph(shared_service, namespace, run_id)

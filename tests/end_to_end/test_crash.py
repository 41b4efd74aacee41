"""Nothing acknowledged is lost: the service is killed under load, often, and every 2xx is in the graph."""

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from tests.durability.stacks import Stack, heavy_on_a_server
from tests.end_to_end.events import new_run_id, run_event
from tests.end_to_end.service import BATCH, LINEAGE, Event, Service, wait_until

pytestmark = pytest.mark.systems

TRIALS = int(os.environ.get("ANDON_CRASH_TRIALS", "20"))
WRITERS = 4
NAMESPACE = "crash://test"


@dataclass(slots=True)
class Acknowledged:
    """The events that were answered with a 2xx, by run id, with the position they were given."""

    events: dict[str, tuple[Event, int]] = field(default_factory=dict)
    in_batches: dict[str, Event] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)

    def runs(self) -> set[str]:
        return {*self.events, *self.in_batches}


def new_event(writer: int) -> tuple[str, Event]:
    run_id = new_run_id()
    names = [f"table_{random.randrange(50)}" for _ in range(2)]
    return run_id, run_event(NAMESPACE, f"job_{writer}", run_id, inputs=names[:1], outputs=names[1:])


def write_single(client: httpx.Client, writer: int, seen: Acknowledged) -> None:
    run_id, event = new_event(writer)
    answer = client.post(LINEAGE, json=event)
    if answer.is_success:
        seen.events[run_id] = event, int(answer.headers["Andon-Position"])
    elif answer.status_code != 503:
        seen.unexpected.append(f"{answer.status_code} {answer.text}")


def write_batch(client: httpx.Client, writer: int, seen: Acknowledged) -> None:
    events = dict(new_event(writer) for _ in range(5))
    answer = client.post(BATCH, json=list(events.values()))
    if answer.is_success:
        report = answer.json()
        failed = {item["index"] for item in report.get("failed_events") or ()}
        seen.in_batches |= {run: event for number, (run, event) in enumerate(events.items()) if number not in failed}
    elif answer.status_code != 503:
        seen.unexpected.append(f"{answer.status_code} {answer.text}")


def keep_writing(url: str, writer: int, seen: Acknowledged, over: threading.Event) -> None:
    """Post until told to end; what the kill cuts off counts as not acknowledged."""
    write = write_batch if writer == 0 else write_single
    with httpx.Client(base_url=url, timeout=10) as client:
        while not over.is_set():
            try:
                write(client, writer, seen)
            except httpx.TransportError:
                over.wait(0.01)


@contextmanager
def load(service: Service, seen: Acknowledged) -> Iterator[None]:
    """Writers at work while the block runs."""
    over = threading.Event()
    threads = [
        threading.Thread(target=keep_writing, args=(service.url, writer, seen, over)) for writer in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def projected(service: Service) -> int:
    return int(service.graphql("{ status { positionProjected } }")["status"]["positionProjected"])


def states(service: Service, min_position: int) -> dict[str, str]:
    """The state of every run of the test, by run id."""
    query = """query($after: String, $namespace: String!) {
        entities(type: "Run", filter: {namespaces: [$namespace]}, first: 1000, after: $after) {
            nodes { name ... on Run { state } } pageInfo { hasNextPage endCursor } } }"""
    found: dict[str, str] = {}
    after: str | None = None
    while True:
        page = service.graphql(query, {"after": after, "namespace": NAMESPACE}, min_position)["entities"]
        found |= {node["name"]: node["state"] for node in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@heavy_on_a_server
@pytest.mark.timeout(240 + 10 * TRIALS)
def test_every_acknowledged_event_survives_being_killed_at_any_moment(stack: Stack) -> None:
    seen = Acknowledged()
    service = stack.service()
    for _ in range(TRIALS):
        service.start()
        try:
            with load(service, seen):
                time.sleep(random.uniform(0.1, 1.2))  # the moment of the kill is what varies
                service.kill()
        finally:
            service.kill()
    assert seen.unexpected == []
    assert len(seen.runs()) > 5 * TRIALS, "too little was written to say anything"

    with service:
        received = service.position()
        wait_until(lambda: projected(service) >= received, 120, "all of it is folded")
        found = states(service, received)
        assert seen.runs() - found.keys() == set()
        assert {found[run] for run in seen.runs()} == {"COMPLETE"}
        assert all(position <= received for _, position in seen.events.values())
        assert len({position for _, position in seen.events.values()}) == len(seen.events)

        for event, position in random.sample(list(seen.events.values()), min(200, len(seen.events))):
            again = service.post(json.dumps(event).encode())
            assert (again.status_code, int(again.headers["Andon-Position"])) == (200, position)
        everything = [event for event, _ in seen.events.values()] + list(seen.in_batches.values())
        for start in range(0, len(everything), 1000):
            report = service.post_batch(everything[start : start + 1000]).json()
            assert report["status"] == "success", report
        assert service.position() == received, "an event that was acknowledged was stored again"

"""Corpora of real OpenLineage events give the graph of a reference reading, however the events arrive.

Two sources: the events of other projects beside the repository (`../shared`, skipped where it is absent)
and our own (`tests/data`). Each corpus is sent four ways to an empty service; each time the graph is
compared with the truth, and with the graph that the first way gave.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.graph_reading import differing, everything
from tests.end_to_end.service import REPOSITORY, Event, Service
from tests.end_to_end.truth import Comparison, Truth

pytestmark = pytest.mark.systems

SHARED = REPOSITORY.parent / "shared"
OWN = REPOSITORY / "tests" / "data" / "openlineage"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Events and what they mean; `broken` ones lack a run id or a job name and are refused."""

    name: str
    events: tuple[Event, ...]
    broken: tuple[Event, ...]
    truth: Truth


def shared_corpus(folder: Path) -> Corpus:
    lines = [json.loads(line) for line in (folder / "replay.ndjson").read_text().splitlines()]
    return Corpus(
        folder.name,
        tuple(line["event"] for line in lines if line["grade"] != "reject"),
        tuple(line["event"] for line in lines if line["grade"] == "reject"),
        Truth.read(folder / "truth.json"),
    )


def own_corpus(path: Path) -> Corpus:
    events = tuple(json.loads(line) for line in path.read_text().splitlines())
    return Corpus(f"own {path.stem}", events, (), Truth.read(path.with_suffix(".truth.json")))


def one_by_one(service: Service, corpus: Corpus) -> int:
    """In their order, each in a request of its own."""
    return service.accept_all(corpus.events)


def reversed_batch(service: Service, corpus: Corpus) -> int:
    """The last first, all in one batch."""
    return _send_batch(service, corpus.events[::-1])


def shuffled_batches(service: Service, corpus: Corpus) -> int:
    """In an arbitrary order, seven in a batch."""
    events = list(corpus.events)
    random.Random(corpus.name).shuffle(events)
    return max(_send_batch(service, events[start : start + 7]) for start in range(0, len(events), 7))


def every_event_twice(service: Service, corpus: Corpus) -> int:
    """Each twice at once, and then all again from the end, as clients do that never saw the answer."""
    doubled = [event for event in corpus.events for _ in range(2)]
    return _send_batch(service, [*doubled, *corpus.events[::-1]])


def _send_batch(service: Service, events: list[Event] | tuple[Event, ...]) -> int:
    answer = service.post_batch(events)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["status"] == "success", report
    assert report["summary"]["successful"] == len(events), report
    return service.position()


WAYS: tuple[Callable[[Service, Corpus], int], ...] = (
    one_by_one,
    reversed_batch,
    shuffled_batches,
    every_event_twice,
)


@pytest.fixture(scope="module")
def first_graphs() -> dict[str, dict[str, str]]:
    """The whole graph by corpus, as the first way to send it gave it."""
    return {}


def check(corpus: Corpus, way: Callable[[Service, Corpus], int], data: Path, graphs: dict[str, dict[str, str]]) -> None:
    with Service(data) as service:
        position = way(service, corpus)
        graph = everything(service, position)
        differences = Comparison(service, corpus.truth).run()
    assert not differences, "\n".join(differences)
    assert differing(graphs.setdefault(corpus.name, graph), graph) == {}


def shared_folders() -> list[Path | None]:
    return [path.parent for path in sorted(SHARED.glob("data/openlineage/events/*/replay.ndjson"))] or [None]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("folder", shared_folders(), ids=lambda folder: folder.name if folder else "absent")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_real_events_give_the_graph_of_the_reference_reading(
    folder: Path | None,
    way: Callable[[Service, Corpus], int],
    tmp_path: Path,
    first_graphs: dict[str, dict[str, str]],
) -> None:
    if folder is None:
        pytest.skip("../shared is absent")
    check(shared_corpus(folder), way, tmp_path / "data", first_graphs)


@pytest.mark.parametrize("path", sorted(OWN.glob("*.ndjson")), ids=lambda path: path.stem)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_our_own_scenarios_give_the_graph_written_by_hand(
    path: Path,
    way: Callable[[Service, Corpus], int],
    tmp_path: Path,
    first_graphs: dict[str, dict[str, str]],
) -> None:
    check(own_corpus(path), way, tmp_path / "data", first_graphs)


@pytest.mark.parametrize("folder", shared_folders(), ids=lambda folder: folder.name if folder else "absent")
def test_events_without_a_run_or_a_job_are_refused_and_nothing_else_is(
    folder: Path | None, shared_service: Service
) -> None:
    if folder is None:
        pytest.skip("../shared is absent")
    corpus = shared_corpus(folder)
    refused = [shared_service.post_event(event).status_code for event in corpus.broken]
    assert set(refused) <= {400, 422}
    taken = [shared_service.post_event(event).status_code for event in corpus.events]
    assert set(taken) <= {200, 201}

"""The process is killed at each place that `graph.failpoint` names; a second life finds all that was answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from graph.failpoint import PLACES
from tests.durability.estate import EVENTS, remove_graph
from tests.end_to_end.graph_reading import differing, everything
from tests.end_to_end.service import Event, Service, ServiceDidNotStart, wait_until

PROJECTORS = [place for place in PLACES if place.startswith("projector.")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The whole graph of `EVENTS` in a service that nobody killed."""
    with Service(tmp_path_factory.mktemp("undisturbed") / "data") as service:
        return everything(service, service.accept_all(EVENTS), with_evidence=True)


def send_until_death(service: Service, events: Sequence[Event]) -> dict[int, int]:
    """Send one event after another, each projected before the next; index -> position of what was answered.

    The wait for the graph makes every envelope a commit and a batch of its own, so that the n-th passing of a
    place is the n-th event's.
    """
    answered: dict[int, int] = {}
    for index, event in enumerate(events):
        try:
            answered[index] = service.accept(event)
            service.graphql("{ status { positionProjected } }", min_position=answered[index])
        except httpx.TransportError:
            break
    wait_until(lambda: not service.alive, 10, "the process is dead")
    return answered


def assert_all_there_and_nothing_twice(data: Path, answered: dict[int, int], undisturbed: dict[str, str]) -> None:
    with Service(data) as service:
        assert service.position() in (len(answered), len(answered) + 1), "the one under way may be there"
        for index, position in answered.items():
            again = service.post(json.dumps(EVENTS[index]).encode())
            assert (again.status_code, int(again.headers["Andon-Position"])) == (200, position)
        last = service.accept_all(EVENTS)
        assert last == service.position() == len(EVENTS)
        assert differing(everything(service, last, with_evidence=True), undisturbed) == {}


@pytest.mark.parametrize("passing", [1, 4])
@pytest.mark.parametrize("place", PLACES)
def test_a_kill_there_loses_nothing_that_was_answered(
    place: str, passing: int, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    data = tmp_path / "data"
    service = Service(data, "--failpoint", f"{place}:{passing}")
    service.start()
    try:
        answered = send_until_death(service, EVENTS)
    finally:
        service.kill()

    expected = passing - 1 if place.startswith("journal.") else passing
    assert len(answered) in (expected, expected - 1)
    assert_all_there_and_nothing_twice(data, answered, undisturbed)


@pytest.mark.parametrize(("place", "kept"), [("journal.before_commit", 1), ("journal.after_commit", 9)])
def test_a_batch_is_there_whole_or_not_at_all(place: str, kept: int, tmp_path: Path) -> None:
    data = tmp_path / "data"
    service = Service(data, "--failpoint", f"{place}:2")
    service.start()
    try:
        service.accept(EVENTS[0])
        with pytest.raises(httpx.TransportError):
            service.post_batch(EVENTS[1:9])
    finally:
        service.kill()

    with Service(data) as service:
        assert service.position() == kept
        assert service.post_batch(EVENTS[:9]).json()["status"] == "success"
        assert service.position() == 9


@pytest.mark.parametrize("place", PROJECTORS)
def test_a_kill_while_the_graph_is_made_anew_only_delays_it(
    place: str, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    data = tmp_path / "data"
    with Service(data) as service:
        last = service.accept_all(EVENTS)
    remove_graph(data)

    dying = Service(data, "--failpoint", place)
    try:
        dying.start()
        wait_until(lambda: not dying.alive, 10, "the process is dead")
    except ServiceDidNotStart:
        pass  # it died before it was ready
    finally:
        dying.kill()

    with Service(data) as service:
        assert differing(everything(service, last, with_evidence=True), undisturbed) == {}

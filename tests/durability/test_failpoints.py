"""The process is killed at each place that `graph.failpoint` names; its next life finds all that was answered."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from graph.failpoint import PLACES
from tests.durability.estate import EVENTS
from tests.durability.stacks import Stack, heavy_on_a_server
from tests.end_to_end.graph_reading import differing, everything
from tests.end_to_end.service import Service, ServiceDidNotStart, wait_until

pytestmark = pytest.mark.systems


@dataclass(frozen=True, slots=True)
class Life:
    """The process dies at the n-th passing of `place`; `batch` events are sent at a time."""

    place: str
    passing: int
    batch: int = 1
    while_rebuilding: bool = False


LIVES = (
    Life("journal.before_commit", 4),
    Life("projector.before_fold", 3),
    Life("journal.after_commit", 3),
    Life("projector.during_fold", 2),
    Life("journal.before_commit", 2, batch=5),
    Life("projector.before_commit", 3),
    Life("journal.after_commit", 2, batch=5),
    Life("projector.after_commit", 2),
    Life("projector.during_fold", 9, while_rebuilding=True),
    Life("projector.before_commit", 1, while_rebuilding=True),
)


@dataclass(slots=True)
class Sent:
    """What was answered: the position of each event by its index, and the size of what was under way at the end."""

    positions: list[int] = field(default_factory=list)
    under_way: int = 0

    def allowed_positions(self, place: str) -> set[int]:
        """Where the journal may stand after a death at `place`."""
        answered, all_sent = len(self.positions), len(self.positions) + self.under_way
        return {
            "journal.before_commit": {answered},
            "journal.after_commit": {all_sent},
        }.get(place, {answered, all_sent})


def send_until_death(service: Service, sent: Sent, batch: int) -> None:
    """Send on from the first event that was not answered; each waits for the graph to have it."""
    while True:
        chunk = EVENTS[len(sent.positions) :][:batch]
        assert len(chunk) == batch, "the process should have died before"
        sent.under_way = batch
        try:
            if batch == 1:
                sent.positions.append(service.accept(chunk[0]))
            else:
                assert service.post_batch(chunk).json()["status"] == "success"
                first = len(sent.positions) + 1
                sent.positions += range(first, first + batch)
            sent.under_way = 0
            service.graphql("{ status { positionProjected } }", min_position=sent.positions[-1])
        except httpx.TransportError:
            wait_until(lambda: not service.alive, 10, "the process is dead")
            return


def live(stack: Stack, life: Life, sent: Sent) -> None:
    """Run the service until it dies as this life is to."""
    if life.while_rebuilding:
        stack.remove_graph()
    service = stack.service("--failpoint", f"{life.place}:{life.passing}")
    try:
        service.start()
        if life.while_rebuilding:
            wait_until(lambda: not service.alive, 10, "the process is dead")
        else:
            send_until_death(service, sent, life.batch)
    except ServiceDidNotStart:
        assert life.while_rebuilding, service.printed()  # it died before it was ready
    finally:
        service.kill()


def position_at_rest(stack: Stack) -> int:
    journal = stack.journal()
    position = journal.last_position()
    journal.close()
    return position


def test_every_place_is_died_at() -> None:
    assert {life.place for life in LIVES} == set(PLACES)


@heavy_on_a_server
@pytest.mark.timeout(300)
def test_a_kill_at_any_place_loses_nothing_that_was_answered_and_doubles_nothing(tmp_path: Path, stack: Stack) -> None:
    sent = Sent()
    for life in LIVES:
        live(stack, life, sent)
        assert position_at_rest(stack) in sent.allowed_positions(life.place), life

    with stack.service() as service:
        for event, position in zip(EVENTS, sent.positions, strict=False):
            again = service.post(json.dumps(event).encode())
            assert (again.status_code, int(again.headers["Andon-Position"])) == (200, position)
        last = service.accept_all(EVENTS)
        assert last == service.position() == len(EVENTS)
        survived = everything(service, last, with_evidence=True)

    with Service(tmp_path / "undisturbed") as service:
        assert service.post_batch(EVENTS).json()["status"] == "success"
        assert differing(survived, everything(service, last, with_evidence=True)) == {}

"""OpenLineage's door: what is acknowledged, what is refused and how, and what is kept of it."""

import asyncio
import gzip
import json
from collections.abc import Iterator, Sequence

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp

from api.auth import ANYONE
from api.doors import DEAD_LETTER_BYTES
from api.front import CALLER
from api.metrics import Metrics
from api.openlineage import BatchDoor, EventDoor
from graph.errors import Unavailable
from graph.journal import Appended
from graph.model import NewEnvelope
from graph.sqlite_journal import SqliteJournal
from ingest import openlineage
from tests.api.asgi import call
from tests.api.events import encoded, run_event

JSON = {"Content-Type": "application/json"}
LIMIT = 200_000


@pytest.fixture
def metrics(journal: SqliteJournal) -> Metrics:
    return Metrics(journal.last_position, lambda: 0, journal.dead_letter_count)


@pytest.fixture
def door(journal: SqliteJournal, metrics: Metrics) -> ASGIApp:
    return _for_anyone(EventDoor(journal, metrics, LIMIT, openlineage.accept))


@pytest.fixture
def batch_door(journal: SqliteJournal, metrics: Metrics) -> ASGIApp:
    return _for_anyone(BatchDoor(journal, metrics, LIMIT, openlineage.split_batch))


def _for_anyone(app: ASGIApp) -> ASGIApp:
    async def admitted(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        scope[CALLER] = ANYONE
        await app(scope, receive, send)

    return admitted


def post(app: ASGIApp, body: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(app, "POST", "/", content=body, headers=JSON | named)


def counted(metrics: Metrics) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        sample.labels["outcome"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "andon_events_total" and sample.value
    }


def test_an_event_is_journalled_byte_for_byte_and_answered_with_its_position(
    door: ASGIApp, journal: SqliteJournal
) -> None:
    body = encoded(run_event()) + b" \n"

    answer = post(door, body)

    assert (answer.status_code, answer.headers["andon-position"], answer.content) == (201, "1", b"")
    envelope = journal.envelope(1)
    assert envelope is not None and envelope.body == body and envelope.kind == "openlineage"


def test_the_same_event_again_is_answered_with_the_first_ones_position(
    door: ASGIApp, journal: SqliteJournal, metrics: Metrics
) -> None:
    post(door, encoded(run_event("r1")))
    post(door, encoded(run_event("r2")))

    again = post(door, encoded(dict(reversed(run_event("r1").items()))))

    assert (again.status_code, again.headers["andon-position"]) == (200, "1")
    assert journal.last_position() == 2
    assert counted(metrics) == {"accepted": 2, "duplicate": 1}


def test_a_gzipped_event_is_taken_in_chunks_without_a_length(door: ASGIApp, journal: SqliteJournal) -> None:
    packed = gzip.compress(encoded(run_event()))

    async def chunks():  # type: ignore[no-untyped-def]
        yield packed[:20]
        yield packed[20:]

    answer = call(door, "POST", "/", content=chunks(), headers=JSON | {"Content-Encoding": "gzip, gzip"})

    assert answer.status_code == 201
    envelope = journal.envelope(1)
    assert envelope is not None and json.loads(envelope.body or b"") == run_event()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"{", ""),
        (b"\xff\xfe{}", ""),
        (b"[]", ""),
        (encoded(run_event()) * 2, ""),
        (encoded(run_event(eventTime="2026-01-15")), "eventTime"),
        (encoded(run_event(run={})), "run.runId"),
        (encoded(run_event(job={"namespace": "a", "name": ""})), "job.name"),
        (encoded(run_event(inputs=[{"namespace": "n", "name": "a"}, {"namespace": "n"}])), "inputs[1].name"),
    ],
)
def test_what_can_never_be_read_is_told_so_with_its_field_and_kept(
    door: ASGIApp, journal: SqliteJournal, metrics: Metrics, body: bytes, field: str
) -> None:
    answer = post(door, body)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["field"], problem["type"]) == (
        400,
        field,
        "urn:andon:problem:bad-user-input",
    )
    assert problem["detail"] and problem["title"]
    [letter] = journal.dead_letters(10)
    assert (letter.field, letter.body, letter.position) == (field, body, None)
    assert journal.last_position() == 0
    assert counted(metrics) == {"rejected": 1}


def test_of_a_large_refused_body_the_beginning_is_kept(door: ASGIApp, journal: SqliteJournal) -> None:
    post(door, b"x" * 150_000)

    assert journal.dead_letters(1)[0].body == b"x" * DEAD_LETTER_BYTES


def test_a_body_over_the_limit_is_413_and_noted(door: ASGIApp, journal: SqliteJournal) -> None:
    answer = post(door, b" " * (LIMIT + 1))

    assert answer.status_code == 413
    [letter] = journal.dead_letters(1)
    assert letter.body is None and str(LIMIT) in letter.reason


def test_an_encoding_that_is_not_read_is_415(door: ASGIApp) -> None:
    assert post(door, b"...", Content_Encoding="br").status_code == 415


def test_only_post_does_something(door: ASGIApp) -> None:
    assert call(door, "GET", "/").status_code == 405


class FullJournal(SqliteJournal):
    """A journal that takes nothing now."""

    def append_async(self, envelopes: Sequence[NewEnvelope]) -> asyncio.Future[list[Appended]]:
        raise Unavailable("too many events are waiting", retry_after=3)

    def add_dead_letter(self, *_args: object, **_kwargs: object) -> None:
        raise Unavailable("too many events are waiting")


@pytest.fixture
def full(tmp_path) -> Iterator[FullJournal]:  # type: ignore[no-untyped-def]
    journal = FullJournal(tmp_path / "full.db")
    yield journal
    journal.close()


@pytest.mark.parametrize("batch", [False, True])
def test_what_cannot_be_taken_now_is_503_with_the_time_to_try_again(full: FullJournal, batch: bool) -> None:
    metrics = Metrics(full.last_position, lambda: 0, full.dead_letter_count)
    app: ASGIApp = EventDoor(full, metrics, LIMIT, openlineage.accept)
    if batch:
        app = BatchDoor(full, metrics, LIMIT, openlineage.split_batch)

    answer = post(_for_anyone(app), encoded([run_event()] if batch else run_event()))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert full.dead_letters(1) == []
    assert counted(metrics) == {"overloaded": 1}


def test_a_refusal_stands_when_it_cannot_be_kept(full: FullJournal) -> None:
    metrics = Metrics(full.last_position, lambda: 0, full.dead_letter_count)

    assert post(_for_anyone(EventDoor(full, metrics, LIMIT, openlineage.accept)), b"{").status_code == 400


def test_a_batch_answers_for_each_event_and_takes_the_good_ones(
    batch_door: ASGIApp, journal: SqliteJournal, metrics: Metrics
) -> None:
    events = [run_event("r1"), {"odd": 1}, run_event("r2"), run_event("r1"), 7]

    answer = post(batch_door, encoded(events))

    assert answer.status_code == 200 and answer.headers["andon-position"] == "2"
    report = answer.json()
    assert report["status"] == "partial_success"
    assert report["summary"] == {
        "received": 5,
        "successful": 3,
        "failed": 2,
        "retriable": 0,
        "non_retriable": 2,
    }
    assert [(one["index"], one["retriable"]) for one in report["failed_events"]] == [(1, False), (4, False)]
    assert all(one["reason"] for one in report["failed_events"])
    assert [letter.body for letter in journal.dead_letters(10)] == [b"7", b'{"odd": 1}']
    assert counted(metrics) == {"accepted": 2, "duplicate": 1, "rejected": 2}


def test_a_batch_without_fault_or_without_events_is_a_success(batch_door: ASGIApp) -> None:
    assert post(batch_door, encoded([run_event()])).json()["status"] == "success"
    assert post(batch_door, b"[]").json()["summary"]["received"] == 0


@pytest.mark.parametrize("body", [b"{}", b"7", b"[{}", b""])
def test_a_batch_that_is_no_array_is_400(batch_door: ASGIApp, body: bytes) -> None:
    assert post(batch_door, body).status_code == 400


def test_sixteen_clients_that_send_one_event_at_once_get_one_position(door: ASGIApp, journal: SqliteJournal) -> None:
    async def send_all() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            body = encoded(run_event())
            return await asyncio.gather(*(client.post("/", content=body, headers=JSON) for _ in range(16)))

    answers = asyncio.run(send_all())

    assert {answer.headers["andon-position"] for answer in answers} == {"1"}
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert journal.last_position() == 1

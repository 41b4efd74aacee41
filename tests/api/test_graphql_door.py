"""GraphQL's door when operations are slow or many: callers are answered in time, threads stay few."""

import asyncio
import threading
from collections.abc import Iterator

import httpx
import pytest
from starlette.types import ASGIApp

from api.auth import ANYONE
from api.front import CALLER
from api.graphql import GraphQLDoor
from api.metrics import Metrics
from graph.reader import EntityQuery, Page
from graph.sqlite_journal import SqliteJournal
from tests.api.asgi import call
from tests.api.fake_graph import FakeGraph, estate
from tests.api.graphql_services import FixedProgress, asking

SLOW = {"query": "{ entities { totalCount } }"}
QUICK = {"query": "{ status { version } }"}


class HeldGraph(FakeGraph):
    """Lists entities only once it is let go, whatever the time."""

    def __init__(self) -> None:
        super().__init__(estate(1).records)
        self.entered = threading.Semaphore(0)
        self.let_go = threading.Event()

    def entities(self, query: EntityQuery) -> Page:
        self.entered.release()
        assert self.let_go.wait(30)
        return super().entities(query)


@pytest.fixture
def held() -> Iterator[HeldGraph]:
    graph = HeldGraph()
    yield graph
    graph.let_go.set()


def door(graph: FakeGraph, journal: SqliteJournal, *, queue: int = 10, timeout: float = 5) -> ASGIApp:
    """A door with one thread."""
    graphql = GraphQLDoor(
        asking(graph, journal).engine,
        FixedProgress(),
        Metrics(journal.last_position, lambda: 0, journal.dead_letter_count),
        threads=1,
        queue=queue,
        timeout=timeout,
        position_wait=0.05,
        max_batch=5,
        max_body_bytes=10_000,
    )

    async def admitted(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        scope[CALLER] = ANYONE
        await graphql(scope, receive, send)

    return admitted


def code(answer: httpx.Response) -> str:
    found: str = answer.json()["errors"][0]["extensions"]["code"]
    return found


def test_an_operation_that_does_not_end_in_time_is_answered_timeout(held: HeldGraph, journal: SqliteJournal) -> None:
    async def ask_all() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=door(held, journal, timeout=0.05))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answers = [await client.post("/graphql", json=SLOW) for _ in range(3)]
        held.let_go.set()
        return answers

    first, second, third = asyncio.run(ask_all())

    assert [(answer.status_code, code(answer)) for answer in (first, second)] == [(504, "TIMEOUT")] * 2
    assert (third.status_code, code(third)) == (
        503,
        "UNAVAILABLE",
    )  # two threads are stuck; no third is started


def test_more_operations_than_may_wait_are_503_and_those_that_wait_are_answered(
    held: HeldGraph, journal: SqliteJournal
) -> None:
    async def ask_all() -> tuple[httpx.Response, list[httpx.Response]]:
        transport = httpx.ASGITransport(app=door(held, journal, queue=1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            running = asyncio.create_task(client.post("/graphql", json=SLOW))
            await asyncio.to_thread(held.entered.acquire, timeout=10)
            both = [asyncio.create_task(client.post("/graphql", json=QUICK)) for _ in range(2)]
            [refused], [waiting] = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            held.let_go.set()
            return await refused, [await running, await waiting]

    refused, answered = asyncio.run(ask_all())

    assert (refused.status_code, code(refused), refused.headers["retry-after"]) == (503, "UNAVAILABLE", "1")
    assert [list(answer.json()) for answer in answered] == [["data"], ["data"]]


def test_a_request_has_a_type_and_a_bounded_body(journal: SqliteJournal) -> None:
    app = door(estate(1), journal)

    assert call(app, "POST", "/graphql", content=b'{"query": "{ status { version } }"}').status_code == 415
    assert call(app, "POST", "/graphql", json={"query": "#" * 20_000}).status_code == 413
    assert call(app, "PUT", "/graphql", json=QUICK).status_code == 405


def test_the_editor_asks_nothing_of_other_servers(journal: SqliteJournal) -> None:
    app = door(estate(1), journal)

    for path, kind in [("", "text/html"), ("/editor.js", "text/javascript"), ("/editor.css", "text/css")]:
        answer = call(app, "GET", f"/graphql{path}")
        assert answer.headers["content-type"].startswith(kind)
        assert "http:" not in answer.text and "https:" not in answer.text

"""RDF at a real server that is killed and comes back, with what it had or empty; a service that writes to one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import requests

from graph.errors import Unavailable
from graph.model import AsOf, Position
from graph.rdf.asking import Rdf
from graph.rdf.projection import Projection
from graph.rdf.question import Asked, Limits
from graph.rdf.remote import RemoteStore
from graph.rdf.terms import Terms
from graph.sqlite import SqliteGraph
from tests.contract.telling import tell
from tests.end_to_end.service import Service, wait_until
from tests.rdf.conftest import AnyServer
from tests.rdf.projected import Projected, described, held
from tests.rdf.test_equality import SHOP

pytestmark = pytest.mark.timeout(300)
StartServer = Callable[..., AnyServer]

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
WITNESS = "<urn:witness> <urn:of> <urn:this> ."
LIMITS = Limits(seconds=20, max_bytes=20_000_000, workers=1, memory=10**9, past_states=2, past_triples=10**6)


@contextmanager
def brought_along(fold: SqliteGraph, server: AnyServer, terms: Terms) -> Iterator[Projection]:
    projection = Projection(fold, fold.position, RemoteStore(server.server), terms, always=True)
    projection.start()
    try:
        yield projection
    finally:
        projection.stop()


def await_all(projection: Projection, fold: SqliteGraph) -> None:
    wait_until(lambda: projection.position == fold.position(), 60, "RDF has all of it")


def witnessed(server: AnyServer) -> None:
    """Put something there that a build takes away, and updates do not."""
    RemoteStore(server.server)._update([f"INSERT DATA {{ {WITNESS} }}"])


def test_a_server_that_is_back_with_what_it_had_gets_what_it_missed(
    start_server: StartServer, fold: SqliteGraph, terms: Terms
) -> None:
    server = start_server(keeps=True)
    tell(fold, SHOP[:60], 10)
    with brought_along(fold, server, terms) as projection:
        await_all(projection, fold)
        witnessed(server)
        server.stop()
        for first in range(60, 120, 10):
            tell(fold, SHOP[first : first + 10], 5)
            projection.notice()
        wait_until(lambda: projection.why_away is not None, 30, "it is seen to be away")
        assert "cannot be reached" in str(projection.why_away)
        server.start()
        await_all(projection, fold)
        tell(fold, SHOP[120:150], 10)
        projection.notice()
        await_all(projection, fold)
    assert held(RemoteStore(server.server)) == described(fold, terms) | {WITNESS}


def test_a_projector_that_starts_again_goes_on_where_it_was(
    start_server: StartServer, fold: SqliteGraph, terms: Terms
) -> None:
    server = start_server(keeps=True)
    for first, last in ((0, 60), (60, 61), (61, 150)):
        tell(fold, SHOP[first:last], 10)
        with brought_along(fold, server, terms) as projection:
            await_all(projection, fold)
        if first == 0:
            witnessed(server)
        server.stop()
        server.start()
    assert held(RemoteStore(server.server)) == described(fold, terms) | {WITNESS}


class _Killing(RemoteStore):
    """Calls `kill` once it has written `writes` times."""

    def __init__(self, server: AnyServer, writes: int) -> None:
        super().__init__(server.server)
        self._left = writes
        self._kill = server.stop
        self._reads = server.server.query_url

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        answer = super()._send(method, url, **options)
        self._left -= url != self._reads
        if self._left == 0:
            self._kill()
        return answer


@pytest.mark.parametrize("writes", [1, 2, 4])
def test_a_server_that_is_killed_while_it_is_loaded_is_loaded_again(
    start_server: StartServer, fold: SqliteGraph, terms: Terms, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    monkeypatch.setattr("graph.rdf.remote._LOAD_BYTES", 100_000)
    server = start_server(keeps=True)
    tell(fold, SHOP[:100], 50)
    with pytest.raises(Unavailable):
        Projected(fold, _Killing(server, writes), terms)
    server.start()
    assert RemoteStore(server.server).held() is None, "it is not taken for whole"
    with brought_along(fold, server, terms) as projection:
        await_all(projection, fold)
    assert held(RemoteStore(server.server)) == described(fold, terms)


@pytest.mark.parametrize("writes", [1, 2, 5])
def test_a_server_that_is_killed_in_the_middle_of_a_large_update_has_all_of_it_in_the_end(
    start_server: StartServer, fold: SqliteGraph, terms: Terms, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    monkeypatch.setattr("graph.rdf.remote._UPDATE_BYTES", 20_000)
    monkeypatch.setattr("graph.rdf.updating.AT_ONCE", 50)
    server = start_server(keeps=True)
    tell(Projected(fold, RemoteStore(server.server), terms), SHOP[:10], 10)
    tell(fold, SHOP[10:80], 70)
    with pytest.raises(Unavailable):
        Projected(fold, _Killing(server, writes), terms)
    server.start()
    with brought_along(fold, server, terms) as projection:
        await_all(projection, fold)
    assert held(RemoteStore(server.server)) == described(fold, terms)


# Callers


def counted(rdf: Rdf, **asked: Any) -> int:
    answer, _ = rdf.ask(Asked(query=COUNT, **asked), 60)
    return int(msgspec.json.decode(answer.body)["results"]["bindings"][0]["n"]["value"])


@pytest.fixture
def rdf(start_server: StartServer, fold: SqliteGraph, terms: Terms, tmp_path: Path) -> Iterator[tuple[Rdf, AnyServer]]:
    """At a server that forgets all when it is killed."""
    server = start_server()
    rdf = Rdf(fold, fold.position, terms, tmp_path / "rdf", LIMITS, server=server.server)
    rdf.start()
    yield rdf, server
    rdf.stop()


def test_a_server_that_is_back_empty_answers_only_once_it_is_filled_again(
    rdf: tuple[Rdf, AnyServer], fold: SqliteGraph
) -> None:
    asked, server = rdf
    tell(fold, SHOP[:60], 10)
    before = counted(asked)
    assert before > 1_000
    server.stop()
    server.start()
    assert counted(asked) == before


def test_the_past_is_answered_while_the_server_is_away(
    rdf: tuple[Rdf, AnyServer], fold: SqliteGraph, terms: Terms
) -> None:
    asked, server = rdf
    tell(fold, SHOP[:60], 10)
    counted(asked)
    server.stop()
    with pytest.raises(Unavailable, match="cannot be reached"):
        asked.ask(Asked(query=COUNT), 0.5)
    then = AsOf(position=Position(30))
    assert counted(asked, as_of=then) == len(
        {it for it in described(fold, terms, then) if "/urn:andon:graph" not in it}
    )
    server.start()


# A service


def of_service(service: Service, position: int) -> httpx.Response:
    headers = {"Andon-Min-Position": str(position), "Accept": "text/csv"}
    return service.client.get("/sparql", params={"query": COUNT}, headers=headers)


def test_a_service_takes_events_while_its_server_is_away(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(keeps=True)
    urls = server.server
    at = ("--sparql-url", urls.query_url, "--sparql-update-url", urls.update_url, "--sparql-store-url", urls.store_url)
    environment = {"ANDON_SPARQL_USER": urls.user, "ANDON_SPARQL_PASSWORD": urls.password}
    limits = ("--rdf", "always", "--position-wait", "1")
    third = len(SHOP) // 3
    with Service(tmp_path / "data", *at, *limits, environment=environment) as service:
        service.post_batch(SHOP[:third])
        wait_until(lambda: of_service(service, third).status_code == 200, 60, "RDF has the first third")
        witnessed(server)
        server.stop()
        service.post_batch(SHOP[third : 2 * third])
        assert service.graphql("{ status { positionProjected } }", min_position=2 * third)
        answer = of_service(service, 2 * third)
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
        assert int(answer.headers["Retry-After"]) >= 1
        assert urls.password == "" or urls.password not in answer.text
        service.kill()
        service.start()
        service.post_batch(SHOP[2 * third :])
        server.start()
        wait_until(lambda: of_service(service, len(SHOP)).status_code == 200, 120, "RDF has all of it")
        found = of_service(service, len(SHOP)).text
    with Service(tmp_path / "plain", "--position-wait", "60") as plain:
        plain.post_batch(SHOP)
        alone = of_service(plain, len(SHOP)).text
    assert int(found.split()[1]) == int(alone.split()[1]) + 1, "and the witness: it was not built anew"

"""Triple stores of every kind, each behind the same port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from examples.questions.question import NOW
from examples.shop.beside import load_beside
from examples.shop.load import load as load_events
from graph.rdf.oxigraph import OxigraphStore
from graph.rdf.remote import RemoteStore, Server
from graph.rdf.terms import Terms
from graph.sqlite import SqliteGraph
from ontology import Ontology, load
from tests.end_to_end.service import Service
from tests.rdf.listening import Listening
from tests.rdf.projected import AnyStore, Projected
from tests.servers.fuseki import FusekiServer
from tests.servers.fuseki import Missing as NoFuseki
from tests.servers.oxigraph import Missing as NoOxigraph
from tests.servers.oxigraph import OxigraphServer

DISK, OXIGRAPH, FUSEKI = "oxigraph on disk", "oxigraph server", "fuseki"
KINDS = (DISK, OXIGRAPH, pytest.param(FUSEKI, marks=pytest.mark.systems))


@pytest.fixture(scope="session")
def words() -> Ontology:
    return load()


@pytest.fixture(scope="session")
def terms(words: Ontology) -> Terms:
    return Terms(words)


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with default settings and the whole demo estate, for those who only read."""
    with Service(tmp_path_factory.mktemp("estate") / "data") as service:
        load_events(service.url, now=NOW)
        load_beside(service.url, now=NOW)
        service.graphql("{ __typename }", min_position=service.position())
        yield service


@pytest.fixture(scope="session")
def oxigraph_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OxigraphServer]:
    """A real Oxigraph server, running; what is in it is handed on from test to test."""
    try:
        server = OxigraphServer(tmp_path_factory.mktemp("oxigraph"))
    except NoOxigraph as why:
        pytest.skip(f"no Oxigraph server: {why}")
    with server:
        yield server


@pytest.fixture(scope="session")
def fuseki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FusekiServer]:
    """A real Fuseki, running; what is in it is handed on from test to test."""
    try:
        server = FusekiServer(tmp_path_factory.mktemp("fuseki"))
    except NoFuseki as why:
        pytest.skip(f"no Fuseki: {why}")
    with server:
        yield server


@pytest.fixture
def outside() -> Iterator[Listening]:
    listening = Listening()
    yield listening
    listening.stop()


AnyServer = OxigraphServer | FusekiServer


@pytest.fixture(params=KINDS[1:])
def start_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., AnyServer]]:
    """Starts a server of each kind of one's own, which may be killed; with `keeps=True` it keeps what it has."""
    with ExitStack() as stack:

        def start(*, keeps: bool = False) -> AnyServer:
            try:
                make = OxigraphServer if request.param == OXIGRAPH else FusekiServer
                return stack.enter_context(make(tmp_path, keeps=keeps))
            except (NoOxigraph, NoFuseki) as why:
                pytest.skip(f"no {request.param}: {why}")

        yield start


def emptied(server: Server) -> RemoteStore:
    store = RemoteStore(server)
    store._update(["CLEAR ALL"])  # whatever anybody left there
    return store


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Server | None:
    """A server of each kind, empty; None for the disk."""
    if request.param == DISK:
        return None
    server: Server = request.getfixturevalue("oxigraph_server" if request.param == OXIGRAPH else "fuseki").server
    emptied(server)
    return server


@pytest.fixture
def open_store(place: Server | None, tmp_path: Path) -> Callable[[], AnyStore]:
    """Opens one and the same triple store of each kind, empty at first."""
    return lambda: OxigraphStore(tmp_path / "rdf") if place is None else RemoteStore(place)


@pytest.fixture
def fold(words: Ontology, tmp_path: Path) -> Iterator[SqliteGraph]:
    fold = SqliteGraph(tmp_path / "graph.db", words)
    yield fold
    fold.close()


@pytest.fixture
def projected(open_store: Callable[[], AnyStore], fold: SqliteGraph, terms: Terms) -> Iterator[Projected]:
    """A fold state with its projection in a store of each kind."""
    store = open_store()
    yield Projected(fold, store, terms)
    store.close()

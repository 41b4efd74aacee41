"""The graph is a projection: deleted, or of an older shape, it comes back from the journal and answers the same."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openlineage.client.serde import Serde

from examples.shop.history import history
from graph import database
from graph.errors import Conflict
from graph.journal import Journal
from graph.model import PRESENT, AsOf, Position, to_instant
from graph.projector import ProjectedStore, Projector
from graph.schema import SCHEMA_VERSION, TABLES
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ingest.openlineage import Decoder, accept
from ontology import Ontology, load
from tests.contract.adapters import Store
from tests.contract.telling import dump
from tests.durability.estate import EVENTS
from tests.durability.stacks import Stack, heavy_on_a_server
from tests.end_to_end.events import documented
from tests.end_to_end.graph_reading import differing, everything
from tests.end_to_end.service import Service

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
SHOP = [Serde.to_json(event).encode() for event in history(NOW)]


@pytest.fixture(scope="module")
def words() -> Ontology:
    return load()


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    """The demo estate's week."""
    journal = SqliteJournal(tmp_path_factory.mktemp("shop") / "journal.db", synchronous="OFF")
    for event in SHOP:  # one commit each: received at different times
        journal.append([accept(event)])
    return journal


def projected(folder: Path, journal: Journal, words: Ontology) -> SqliteGraph:
    """The graph in that folder, at the journal's end."""
    graph = SqliteGraph(folder / "graph.db", words)
    catch_up(journal, graph, words)
    return graph


def catch_up(journal: Journal, graph: ProjectedStore, words: Ontology) -> None:
    Projector(journal, graph, {"openlineage": Decoder(words.kind_for_namespace)}).catch_up()


def answers(graph: Store) -> dict[str, Any]:
    """The whole graph now, on two nights of the week, and as far as it was known after half of the events."""
    nights = [AsOf(valid=to_instant(NOW - timedelta(days=days))) for days in (1, 4)]
    asked = [PRESENT, *nights, AsOf(nights[0].valid, Position(len(SHOP) // 2))]
    return {str(as_of): dump(graph, as_of) for as_of in asked}


@heavy_on_a_server
def test_a_graph_made_again_from_the_journal_answers_the_same_about_now_and_then(stack: Stack, words: Ontology) -> None:
    journal = stack.journal()
    for start in range(0, len(SHOP), 3):
        journal.append([accept(event) for event in SHOP[start : start + 3]])
    graph = stack.graph(words)
    catch_up(journal, graph, words)
    before, changes = answers(graph), graph.changes(0, 10**6)
    graph.close()
    assert all(len(found) > 100 for found in before.values())

    stack.remove_graph()
    graph = stack.graph(words)
    assert graph.position() == 0
    catch_up(journal, graph, words)

    assert answers(graph) == before
    assert graph.changes(0, 10**6) == changes
    graph.close()
    journal.close()


def test_a_graph_of_an_older_shape_is_made_anew(
    tmp_path: Path, journal: Journal, words: Ontology, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = projected(tmp_path, journal, words)
    before = dump(graph, PRESENT)
    graph.close()

    monkeypatch.setattr(database, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    graph = SqliteGraph(tmp_path / "graph.db", words)
    assert graph.position() == 0
    graph.close()

    graph = projected(tmp_path, journal, words)
    assert dump(graph, PRESENT) == before
    graph.close()
    graph = SqliteGraph(tmp_path / "graph.db", words)
    assert graph.position() == len(SHOP), "it is made anew once, not at every start"
    graph.close()


@pytest.mark.parametrize("dropped", [1, 15])
def test_a_migration_that_is_cut_off_is_begun_again(
    tmp_path: Path, journal: Journal, words: Ontology, monkeypatch: pytest.MonkeyPatch, dropped: int
) -> None:
    graph = projected(tmp_path, journal, words)
    before = dump(graph, PRESENT)
    graph.close()

    monkeypatch.setattr(database, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with monkeypatch.context() as cut, pytest.raises(RuntimeError, match="the power is gone"):
        cut.setattr(database, "drop_all", lambda connection: drop_some(connection, dropped))
        SqliteGraph(tmp_path / "graph.db", words)

    graph = projected(tmp_path, journal, words)
    assert dump(graph, PRESENT) == before
    graph.close()


def drop_some(connection: sqlite3.Connection, count: int) -> None:
    for table in TABLES[:count]:
        connection.execute(f"DROP TABLE {table}")
    connection.close()
    raise RuntimeError("the power is gone")


def test_a_graph_of_a_newer_andon_is_left_alone(
    tmp_path: Path, words: Ontology, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(database, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        SqliteGraph(tmp_path / "graph.db", words).close()
    content = (tmp_path / "graph.db").read_bytes()

    with pytest.raises(Conflict, match="newer"):
        SqliteGraph(tmp_path / "graph.db", words)

    assert (tmp_path / "graph.db").read_bytes() == content


def test_a_graph_that_is_deleted_while_the_service_is_stopped_comes_back_by_itself(stack: Stack) -> None:
    with stack.service() as service:
        last = service.accept_all(EVENTS)
        before = everything(service, last, with_evidence=True)
    stack.remove_graph()

    with stack.service() as service:
        assert differing(everything(service, last, with_evidence=True), before) == {}


SECRET = "my-password-is-swordfish-4711"


def test_a_redacted_envelope_leaves_nothing_in_the_data_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Service(data) as service:
        service.accept_all(EVENTS[:5])
        position = service.accept(documented("secret://place", "leaky", SECRET, 50))
        service.graphql("{ status { positionProjected } }", min_position=position)
        assert traces(data), "it can be found before, or this test says nothing"
        answer = service.post_graphql(
            'mutation($position: Int!) { redact(position: $position, reason: "a password") { position } }',
            {"position": position},
            {"X-Andon-Csrf": "1"},
        )
        assert "errors" not in answer.json(), answer.text
        redaction = answer.json()["data"]["redact"]["position"]
        service.graphql("{ status { positionProjected } }", min_position=redaction)

    assert traces(data) == []


def traces(data: Path) -> list[str]:
    """The files that hold the secret."""
    return [path.name for path in sorted(data.iterdir()) if SECRET.encode() in path.read_bytes()]

"""The two ways to run, as a test of what survives sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from graph.journal import Journal
from graph.postgres import PostgresGraph
from graph.postgres_journal import PostgresJournal
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ontology import Ontology
from tests.contract.adapters import Store
from tests.durability.estate import remove_graph
from tests.end_to_end.service import Service

heavy_on_a_server = pytest.mark.parametrize(
    "stack", ["embedded", pytest.param("server", marks=pytest.mark.systems)], indirect=True
)
"""For tests of a `stack` that take long where it is the server's."""


class Stack(Protocol):
    def service(self, *arguments: str) -> Service:
        """A service on what this installation holds, not yet started."""

    def journal(self) -> Journal: ...

    def graph(self, ontology: Ontology) -> Store: ...

    def remove_graph(self) -> None:
        """Delete the projection; the journal stays. No service may be running."""


class Embedded:
    def __init__(self, data: Path) -> None:
        self._data = data

    def service(self, *arguments: str) -> Service:
        return Service(self._data, *arguments)

    def journal(self) -> Journal:
        return SqliteJournal(self._data / "journal.db")

    def graph(self, ontology: Ontology) -> Store:
        return SqliteGraph(self._data / "graph.db", ontology)

    def remove_graph(self) -> None:
        remove_graph(self._data)


class Server:
    def __init__(self, data: Path, url: str) -> None:
        self._data = data
        self._url = url

    def service(self, *arguments: str) -> Service:
        return Service(self._data, *arguments, environment={"ANDON_POSTGRES_URL": self._url})

    def journal(self) -> Journal:
        return PostgresJournal(self._url)

    def graph(self, ontology: Ontology) -> Store:
        return PostgresGraph(self._url, ontology)

    def remove_graph(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'andon_graph_%'").fetchall()
            assert found, "there is a projection to delete"
            for (name,) in found:
                connection.execute(f'DROP SCHEMA "{name}" CASCADE')
            connection.execute("DELETE FROM andon.graph_generation")

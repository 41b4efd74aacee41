"""A PostgreSQL fold state for the properties that are to hold there too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from graph.postgres import PostgresGraph
from graph.schema import TABLES
from tests.property.folded import ONTOLOGY, Empty, Graph
from tests.servers.postgres import PostgresServer


@pytest.fixture(scope="module")
def empty(postgres: PostgresServer) -> Iterator[Empty]:
    """One graph, emptied by hand: a `reset` would make all its tables anew."""
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as connection:

        @contextmanager
        def emptied() -> Iterator[Graph]:
            graph = PostgresGraph(url, ONTOLOGY)
            try:
                yield graph
            finally:
                graph.close()
                connection.execute(f"TRUNCATE {', '.join(f'andon_graph_1.{table}' for table in TABLES)}")

        yield emptied

"""A restart with data is quick: nothing is replayed that the graph has, nothing is read that nobody asked for."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from graph.projector import Projector
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from ingest.openlineage import Decoder, accept
from ontology import load
from tests.end_to_end.events import run_event
from tests.end_to_end.service import Service

DATASETS = 10_000
MORE = 0.7
"""Seconds of work that the data may add."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of 10,000 datasets: 1,000 runs that write ten each."""
    folder = tmp_path_factory.mktemp("many") / "data"
    words = load()
    journal = SqliteJournal(folder / "journal.db", synchronous="OFF")
    events = [
        run_event(
            "many://test",
            f"job_{number}",
            f"run {number}",
            second=number,
            inputs=[f"table_{number * 10 - 1}"] if number else [],
            outputs=[f"table_{number * 10 + k}" for k in range(10)],
        )
        for number in range(DATASETS // 10)
    ]
    journal.append([accept(json.dumps(event).encode()) for event in events])
    graph = SqliteGraph(folder / "graph.db", words)
    Projector(journal, graph, {"openlineage": Decoder(words.kind_for_namespace)}).catch_up()
    graph.close()
    journal.close()
    return folder


def work_of_starting(data: Path) -> float:
    """Seconds of processor time until the service is ready; it must have the whole graph then."""
    with Service(data) as service:
        used = psutil.Process(service.pid).cpu_times()
        counts = service.graphql("{ status { positionReceived positionProjected } }")["status"]
        assert counts["positionProjected"] == counts["positionReceived"]
    return float(used.user + used.system)


def test_ten_thousand_datasets_make_a_start_hardly_longer(data: Path, tmp_path: Path) -> None:
    """The clock of a busy machine says little, so that the work is compared: with the data, and without any."""
    assert work_of_starting(data) < work_of_starting(tmp_path / "empty") + MORE

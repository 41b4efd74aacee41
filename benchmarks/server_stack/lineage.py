"""Lineage over GraphQL: walked in Neo4j, answered by PostgreSQL's fold state, and by SQLite's of the embedded stack."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from benchmarks.estate import Estate
from benchmarks.events import Size
from benchmarks.http import Connection
from benchmarks.questions import Question, Timed, ask, counts, questions
from benchmarks.report import Section, percentile
from benchmarks.server_stack.loading import Estates, Loaded
from benchmarks.server_stack.servers import NOTE
from benchmarks.service import Andon

TARGET_MS = 25.0
"""Depth 3 over 10,000 datasets, p50, by Neo4j."""

_OF_COLUMNS = "column lineage, depth 3"


def measure(estates: Estates) -> Section:
    section = Section(
        "lineage",
        "Lineage over HTTP (GraphQL; one client)",
        (
            "question", "datasets", "Neo4j p50 ms", "p95 ms", "PostgreSQL p50 ms", "p95 ms ", "embedded p50 ms",
            "p95 ms  ", "nodes", "edges",
        ),
    )  # fmt: skip
    for datasets in estates.sizes:
        _measure(section, estates, estates.estate(datasets))
    section.notes += [
        "Neo4j: the fold state still says what the nodes are; PostgreSQL: a process without Neo4j; embedded: SQLite in"
        " the process that answers",
        NOTE,
    ]
    return section


def _measure(section: Section, estates: Estates, loaded: Loaded) -> None:
    with ExitStack() as running:
        with_neo4j = running.enter_context(loaded.stack.serve("--role", "projector,api"))
        servers = [with_neo4j, running.enter_context(loaded.stack.serve("--role", "api", neo4j=False))]
        if loaded.embedded is not None:
            servers.append(running.enter_context(Andon(loaded.embedded)))
        for andon in servers:
            andon.wait_ready()
            andon.wait_projected(60)
        for question in _questions(loaded):
            walks = asyncio.run(_walks(with_neo4j.url))
            timed = [asyncio.run(ask(it.url, question, estates.bench.seconds(4, 1))) for it in servers]
            walked = asyncio.run(_walks(with_neo4j.url)) - walks
            _add(section, question, loaded, timed, walked)


def _questions(loaded: Loaded) -> list[Question]:
    """Lineage of datasets, and of a table's columns where the events spoke of any."""
    with_columns = loaded.size is Size.LARGE
    return [
        it
        for it in questions(Estate.of(loaded.datasets), loaded.datasets)
        if it.name.startswith("lineage, ") or (it.name == _OF_COLUMNS and with_columns)
    ]


def _add(section: Section, question: Question, loaded: Loaded, timed: list[Timed], walked: float) -> None:
    cells: list[float | None] = []
    for it in timed:
        if it.failed:
            section.notes.append(f"{question.name} over {loaded.datasets:,}: failed: {it.failed}")
        cells += (percentile(it.milliseconds, 0.5), percentile(it.milliseconds, 0.95))
    cells += [None] * (6 - len(cells))
    section.add(question.name, loaded.datasets, *cells, *counts(timed[0].largest))
    if walked < len(timed[0].milliseconds):
        section.notes.append(
            f"{question.name} over {loaded.datasets:,}: Neo4j answered {walked:.0f} of {len(timed[0].milliseconds)}"
        )
    if question.name == "lineage, depth 3" and loaded.datasets == 10_000:
        found = percentile(timed[0].milliseconds, 0.5)
        met = "met" if found <= TARGET_MS else "MISSED"
        section.notes.append(f"target over 10,000, depth 3: p50 of at most {TARGET_MS:.0f} ms: {met}, {found:.1f} ms")


async def _walks(url: str) -> float:
    connection = await Connection.open(url)
    try:
        lines = (await connection.get(b"/metrics")).body.decode().splitlines()
    finally:
        connection.close()
    return next(float(line.split()[1]) for line in lines if line.startswith("andon_neo4j_walks_total "))

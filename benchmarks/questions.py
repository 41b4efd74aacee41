"""Questions: lineage, look-up, search and lists over HTTP, one client, one question at a time."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from benchmarks import reference
from benchmarks.estate import Estate
from benchmarks.events import NAMESPACE, column
from benchmarks.http import Connection, RequestFailed, graphql_request
from benchmarks.report import Section, percentile
from benchmarks.service import Andon, Process
from benchmarks.workbench import Workbench

_LINEAGE = """query($urn: String!, $depth: Int!, $level: LineageLevel!) {
    lineage(urns: [$urn], direction: BOTH, depth: $depth, level: $level) {
        nodes { urn type name } edges { source target via } totalNodes truncated } }"""
_ENTITY = "query($urn: String!) { entity(urn: $urn) { urn type name } }"
_SEARCH = "query($text: String!) { entities(search: $text, first: 20) { nodes { urn type name } totalCount } }"
_TEN_FIELDS = "__typename id urn type namespace name description dropped createdAt updatedAt"
_LIST = f'{{ entities(type: "Dataset", first: 1000) {{ nodes {{ {_TEN_FIELDS} }} }} }}'
_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    requests: Sequence[bytes]
    reference: float | None  # milliseconds


@dataclass(frozen=True, slots=True)
class Timed:
    milliseconds: list[float]
    largest: bytes
    failed: str = ""


def urn_of(table: str) -> str:
    return f"urn:andon:dataset:{quote(NAMESPACE, safe='-._~')}:{quote(table, safe='-._~')}"


def _column_urn(table: str) -> str:
    """Of the first column of a table."""
    return f"{urn_of(table).replace(':dataset:', ':column:', 1)}:{column(table, 0)}"


def questions(estate: Estate, datasets: int) -> list[Question]:
    """Start points are tables of all layers, the same for the same estate."""
    chosen, hubs = random.Random(1).sample(estate.tables, 60), estate.hubs[:10]

    def lineage(depth: int, level: str, tables: Sequence[str]) -> list[bytes]:
        return [graphql_request(_LINEAGE, urn=urn_of(it), depth=depth, level=level) for it in tables]

    one_column = [graphql_request(_LINEAGE, urn=_column_urn(it), depth=3, level="COLUMN") for it in chosen]
    deep, columns = reference.DEPTH_20.get(datasets), reference.COLUMNS_DEPTH_3.get(datasets)
    return [
        Question("lineage, depth 3", lineage(3, "DATASET", chosen), reference.DEPTH_3.get(datasets)),
        Question("lineage, depth 3, of a hub", lineage(3, "DATASET", hubs), reference.DEPTH_3.get(datasets)),
        Question("lineage, depth 20", lineage(20, "DATASET", chosen), deep),
        Question("lineage, depth 20, of a hub", lineage(20, "DATASET", hubs), deep),
        Question("column lineage, depth 3", lineage(3, "COLUMN", chosen), columns),
        Question("column lineage, depth 3, of a hub", lineage(3, "COLUMN", hubs), columns),
        Question("column lineage, depth 3, of one column", one_column, None),
        Question("entity(urn)", [graphql_request(_ENTITY, urn=urn_of(it)) for it in chosen], None),
        Question(
            "search",
            [graphql_request(_SEARCH, text=table[-3:] if at % 2 else table[-6:]) for at, table in enumerate(chosen)],
            reference.SEARCH.get(datasets),
        ),
        Question("list of 1,000 x 10 fields", [graphql_request(_LIST)], None),
    ]


def measure(bench: Workbench) -> Section:
    section = Section(
        "lineage",
        "Questions over HTTP (GraphQL; one client)",
        (
            "question",
            "datasets",
            "p50 ms",
            "p99 ms",
            "asked",
            "kB",
            "nodes",
            "edges",
            f"p50 ms, {reference.HEADING}",
            "times",
        ),
    )
    for datasets in bench.datasets:
        data = bench.copy(datasets)
        estate = Estate.of(datasets)
        with Andon(data) as andon:
            andon.wait_ready()
            for question in questions(estate, datasets):
                timed = asyncio.run(ask(andon.url, question, bench.seconds(6, 1.5)))
                _add(section, question, datasets, timed)
                if question.name.startswith("list"):
                    _add_graphql_core(section, bench, question, datasets, timed)
        bench.discard(data)
    section.notes += [
        "kB, nodes and edges: of the largest answer; lineage in both directions, with nodes { urn type name } and"
        " edges { source target via }",
        reference.NOTE,
    ]
    return section


async def ask(url: str, question: Question, seconds: float) -> Timed:
    """Ask in turn, for so long, at least once each warm-up aside; stops at the first answer with errors."""
    connection = await Connection.open(url)
    milliseconds: list[float] = []
    largest = b""
    try:
        for request in itertools.islice(itertools.cycle(question.requests), _WARM_UP):
            answer = await connection.post(b"/graphql", request)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until or len(milliseconds) < 3:
            request = question.requests[len(milliseconds) % len(question.requests)]
            begun = time.perf_counter()
            answer = await connection.post(b"/graphql", request)
            milliseconds.append(1000 * (time.perf_counter() - begun))
            if answer.status != 200 or b'"errors"' in answer.body[:200]:
                return Timed(milliseconds, largest, f"{answer.status} {answer.body[:200].decode(errors='replace')}")
            if len(answer.body) > len(largest):
                largest = answer.body
    except RequestFailed as error:
        return Timed(milliseconds, largest, str(error))
    finally:
        connection.close()
    return Timed(milliseconds, largest)


def _add(section: Section, question: Question, datasets: int, timed: Timed) -> None:
    if timed.failed:
        section.notes.append(f"{question.name} over {datasets:,}: failed: {timed.failed}")
    if not timed.milliseconds or timed.failed:
        section.add(question.name, datasets, *[None] * (len(section.headings) - 2))
        return
    p50 = percentile(timed.milliseconds, 0.5)
    nodes, edges = counts(timed.largest)
    section.add(
        question.name, datasets, p50, percentile(timed.milliseconds, 0.99), len(timed.milliseconds),
        len(timed.largest) / 1000, nodes, edges, question.reference,
        question.reference / p50 if question.reference else None,
    )  # fmt: skip


def counts(body: bytes) -> tuple[int | None, int | None]:
    """(nodes, edges) of an answer, where it has them."""
    [answer] = msgspec.json.decode(body)["data"].values()
    nodes = answer.get("nodes") if isinstance(answer, dict) else None
    edges = answer.get("edges") if isinstance(answer, dict) else None
    return len(nodes) if nodes is not None else None, len(edges) if edges is not None else None


def _add_graphql_core(section: Section, bench: Workbench, question: Question, datasets: int, ours: Timed) -> None:
    """The same answer from graphql-core over a list in memory, by the bare server."""
    nodes: list[dict[str, Any]] = msgspec.json.decode(ours.largest)["data"]["entities"]["nodes"]
    entities: Path = bench.folder / "entities.json"
    entities.write_bytes(msgspec.json.encode(nodes))
    plain = Question("the same, plain graphql-core", question.requests, None)
    with Process(["-m", "benchmarks.bare", str(entities)], bench.folder / "bare.log") as bare:
        timed = asyncio.run(ask(bare.url, plain, bench.seconds(6, 1.5)))
    _add(section, plain, datasets, timed)
    if timed.milliseconds and ours.milliseconds:
        ratio = percentile(ours.milliseconds, 0.5) / percentile(timed.milliseconds, 0.5)
        section.notes.append(f"list over {datasets:,}: {ratio:.2f} times the time of plain graphql-core")

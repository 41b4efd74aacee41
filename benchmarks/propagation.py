"""Propagation: how long a tag takes from being said of a hub's column until 10,000 columns show it, and back."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from benchmarks.events import JOBS, NAMESPACE, PRODUCER
from benchmarks.http import Connection, graphql_request
from benchmarks.load import LINEAGE
from benchmarks.report import Section
from benchmarks.service import Andon
from benchmarks.workbench import Workbench
from ingest.propagation import MAX_TARGETS

COLUMNS = 10_000  # that the tag reaches
_OTHERS = 10  # columns of each table that it does not
_BATCH = 500
_WITHIN = 60.0
_LOOKED_AT = 100
_HUB = "core.customers"
_EMAIL = "email"
_SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_PROPAGATION = "propagate: pii\nversion: 1\ntags: [pii]\nbreakers: {transformations: [AGGREGATION]}\n"
_STATUS = graphql_request("{ status { positionProjected } }")
_TAGS = "query($urn: String!) { entity(urn: $urn) { tags { key derived { origin } } } }"


def measure(bench: Workbench) -> Section:
    section = Section(
        "propagation",
        f"A tag from a hub's column to {COLUMNS:,} columns (seconds until the graph shows it at all of them)",
        ("tables", "columns of each", "spread", "slowest", "taken back", "slowest taken back", "rounds"),
    )
    rules = bench.folder / "propagations"
    rules.mkdir(exist_ok=True)
    (rules / "pii.yaml").write_text(_PROPAGATION)
    rounds = 3 if bench.quick else 7
    for number, tables in enumerate((COLUMNS // 10, COLUMNS)):
        data = bench.folder / f"propagation-{number}"
        with Andon(data, "--rules", str(rules)) as andon:
            andon.wait_ready()
            spread, back = asyncio.run(_measure(andon, tables, rounds, section))
        each = COLUMNS // tables
        section.add(tables, each, statistics.median(spread), max(spread), statistics.median(back), max(back), rounds)
        bench.discard(data)
    section.notes += [
        "from before the event is sent, over HTTP, until the last envelope that it leads to can be queried; the service"
        " is asked for its position every 10 ms meanwhile",
        f"each table is written by a job of its own, with {_OTHERS} more columns; {_LOOKED_AT} columns are looked at",
    ]
    return section


async def _measure(andon: Andon, tables: int, rounds: int, section: Section) -> tuple[list[float], list[float]]:
    connection = await Connection.open(andon.url)
    names = [f"marts.table_{index:05d}" for index in range(tables)]
    columns = [f"contact_{index}" for index in range(COLUMNS // tables)]
    for events in _batches(names, columns):
        answer = await connection.post(LINEAGE + b"/batch", msgspec.json.encode(events))
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {answer.body[:200]!r}")
    await asyncio.to_thread(andon.wait_projected, _WITHIN * 5)
    await asyncio.sleep(2)  # the edges were followed while they came; nothing travels yet
    looked_at = [(random.Random(at).choice(names), columns[at % len(columns)]) for at in range(_LOOKED_AT)]
    spread, back = [], []
    for at in range(rounds):
        spread.append(await _said(connection, 2 * at, tagged=True))
        await _check(connection, looked_at, 1, section)
        back.append(await _said(connection, 2 * at + 1, tagged=False))
        await _check(connection, looked_at, 0, section)
    connection.close()
    return spread, back


async def _said(connection: Connection, at: int, tagged: bool) -> float:
    """Seconds until all that follows is in the graph."""
    tags = [{"key": "pii", "field": _EMAIL}] if tagged else []
    event = _event("DatasetEvent", f"2026-02-01T00:{at:02d}:00Z")
    event["dataset"] = {"namespace": NAMESPACE, "name": _HUB, "facets": {"tags": _facet(tags=tags)}}
    body = msgspec.json.encode(event)
    begun = time.perf_counter()
    answer = await connection.post(LINEAGE, body)
    position = int(answer.header(b"andon-position") or 0)
    if not position:
        raise RuntimeError(f"{answer.status} {answer.body[:200]!r}")
    last = position + COLUMNS // MAX_TARGETS
    while (await connection.graphql(_STATUS))["status"]["positionProjected"] < last:
        if time.perf_counter() - begun > _WITHIN:
            raise RuntimeError(f"not at position {last} within {_WITHIN:.0f} s")
        await asyncio.sleep(0.01)
    return time.perf_counter() - begun


async def _check(connection: Connection, columns: list[tuple[str, str]], expected: int, section: Section) -> None:
    origin = f"urn:andon:column:postgres%3A%2F%2Fwarehouse%3A5432:{_HUB}:{_EMAIL}"
    for table, column in columns:
        urn = f"urn:andon:column:postgres%3A%2F%2Fwarehouse%3A5432:{table}:{column}"
        tags = (await connection.graphql(graphql_request(_TAGS, urn=urn)))["entity"]["tags"]
        wanted = [{"key": "pii", "derived": [{"origin": origin}]}] * expected
        if tags != wanted:
            section.broken = True
            section.notes.append(f"{urn} has {tags}, expected {wanted}")
            return


def _batches(tables: list[str], columns: list[str]) -> Iterator[list[Mapping[str, Any]]]:
    for start in range(0, len(tables), _BATCH):
        yield [_loading(table, columns) for table in tables[start : start + _BATCH]]


def _loading(table: str, columns: list[str]) -> Mapping[str, Any]:
    source = {"namespace": NAMESPACE, "name": _HUB, "field": _EMAIL}
    fields = [{"name": it, "type": "text"} for it in (*columns, *(f"other_{index}" for index in range(_OTHERS)))]
    facets = {
        "schema": _facet(fields=fields),
        "columnLineage": _facet(fields={it: {"inputFields": [source]} for it in columns}),
    }
    return _event("JobEvent", "2026-01-01T00:00:00Z") | {
        "job": {"namespace": JOBS, "name": f"load_{table}"},
        "inputs": [{"namespace": NAMESPACE, "name": _HUB}],
        "outputs": [{"namespace": NAMESPACE, "name": table, "facets": facets}],
    }


def _event(kind: str, time: str) -> dict[str, Any]:
    return {"eventTime": time, "producer": PRODUCER, "schemaURL": _SPEC + kind}


def _facet(**content: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": "https://openlineage.io/spec/facets/1-0-0/Facet.json", **content}

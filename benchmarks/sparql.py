"""SPARQL over HTTP: questions to a generated estate, and the competency questions to the demo estate."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec
import requests
from openlineage.client.serde import Serde

from benchmarks.estate import Estate
from benchmarks.http import Connection, RequestFailed
from benchmarks.questions import urn_of
from benchmarks.rdf import COUNT
from benchmarks.report import Section, percentile
from benchmarks.service import Andon
from benchmarks.workbench import Workbench
from examples.questions.question import NOW, PROLOGUE
from examples.questions.question import questions as competency_questions
from examples.shop.beside import load_beside
from examples.shop.history import history

_WARM_UP = 3
_LEAST = 3  # times that each is asked
_WITHIN = "600"  # seconds that a question may wait for RDF to be written
_ESTATE = {
    "an entity's triples": "SELECT ?p ?o { <%s> ?p ?o }",
    "what it is made of, all the way": "SELECT DISTINCT ?it { <%s> andon:derivedFrom+ ?it }",
    "what is made of it, all the way": "SELECT DISTINCT ?it { ?it andon:derivedFrom+ <%s> }",
    "its columns' sources": "SELECT ?c ?s { <%s> andon:hasColumn ?c . ?c andon:columnDerivedFrom ?s }",
}
_WHOLE = {
    "all triples counted": COUNT,
    "jobs by number of outputs": "SELECT ?job (COUNT(?it) AS ?n) { ?job andon:writes ?it } GROUP BY ?job"
    " ORDER BY DESC(?n) LIMIT 10",
}


def measure(bench: Workbench) -> Section:
    section = Section(
        "sparql",
        "SPARQL over HTTP (Oxigraph on disk; one client)",
        ("question", "of", "p50 ms", "p99 ms", "asked", "rows", "GraphQL p50 ms"),
    )
    for datasets in bench.datasets[:1]:
        data = bench.copy(datasets)
        with Andon(data, "--rdf", "always", "--position-wait", _WITHIN) as andon:
            andon.wait_ready()
            _estate(section, andon, datasets, bench.seconds(4, 1))
        bench.discard(data)
    with Andon(bench.folder / "shop", "--rdf", "always", "--position-wait", _WITHIN) as andon:
        andon.wait_ready()
        _load_shop(andon)
        questions(section, andon, bench.seconds(1, 0.2))
    section.notes.append(
        "each question runs in a process beside the service's; the first ones, which start it, are left out"
    )
    return section


def _estate(section: Section, andon: Andon, datasets: int, seconds: float) -> None:
    estate = Estate.of(datasets)
    chosen, hubs = random.Random(1).sample(estate.tables, 40), estate.hubs[:10]
    for name, query in _ESTATE.items():
        for start, tables in (("a table", chosen), ("a hub", hubs)):
            asked = [_path(query % urn_of(it)) for it in tables]
            _add(section, f"{name}, of {start}", f"{datasets:,} datasets", andon, asked, seconds)
    for name, query in _WHOLE.items():
        _add(section, name, f"{datasets:,} datasets", andon, [_path(query)], seconds)


def questions(section: Section, andon: Andon, seconds: float) -> None:
    """The competency questions, each in SPARQL and in GraphQL, to a service that has the demo estate."""
    for question in competency_questions():
        body = msgspec.json.encode({"query": question.graphql, "variables": {**question.variables, "asOf": None}})
        graphql = asyncio.run(_ask(andon.url, [body], seconds))[0]
        _add(section, question.id, "the demo", andon, [_path(question.sparql)], seconds, percentile(graphql, 0.5))


def _load_shop(andon: Andon) -> None:
    events = [msgspec.json.decode(Serde.to_json(event)) for event in history(NOW)]
    answer = requests.post(f"{andon.url}/api/v1/lineage/batch", json=events, timeout=60)
    answer.raise_for_status()
    load_beside(andon.url, now=NOW)
    position, _ = andon.wait_projected(60)
    fresh = requests.get(
        f"{andon.url}/sparql", params={"query": "ASK {}"}, headers={"Andon-Min-Position": str(position)}, timeout=600
    )
    fresh.raise_for_status()


def _path(query: str) -> bytes:
    return f"/sparql?{urlencode({'query': PROLOGUE + query})}".encode()


def _add(
    section: Section, name: str, of: str, andon: Andon, asked: Sequence[bytes], seconds: float,
    graphql: float | None = None,
) -> None:  # fmt: skip
    milliseconds, largest = asyncio.run(_ask(andon.url, asked, seconds))
    rows = len(msgspec.json.decode(largest)["results"]["bindings"])
    section.add(
        name, of, percentile(milliseconds, 0.5), percentile(milliseconds, 0.99), len(milliseconds), rows, graphql
    )  # fmt: skip


async def _ask(url: str, asked: Sequence[bytes], seconds: float) -> tuple[list[float], bytes]:
    """(milliseconds, the largest answer): in turn, for so long; a path is a question by GET, else one of GraphQL's."""
    connection = await Connection.open(url)
    milliseconds: list[float] = []
    largest = b""
    until = None
    for request in itertools.cycle(asked):
        begun = time.perf_counter()
        if until is None and len(milliseconds) == _WARM_UP:
            milliseconds, until = [], begun + seconds
        if until is not None and begun > until and len(milliseconds) >= _LEAST:
            break
        is_path = request.startswith(b"/")
        answer = await (connection.get(request) if is_path else connection.post(b"/graphql", request))
        milliseconds.append(1000 * (time.perf_counter() - begun))
        if answer.status != 200 or b'"errors"' in answer.body[:200]:
            raise RequestFailed(f"{answer.status} {answer.body[:500].decode(errors='replace')}")
        largest = max(largest, answer.body, key=len)
    connection.close()
    return milliseconds, largest

"""SIGKILL under load, again and again: is every acknowledged event in the graph afterwards?"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.estate import Estate
from benchmarks.events import Mix, Run, Size
from benchmarks.http import Connection, RequestFailed, graphql_request
from benchmarks.load import LINEAGE
from benchmarks.report import Section
from benchmarks.service import Andon
from benchmarks.workbench import Workbench

_WRITERS = 6
_DATASETS = 200
_LEAST_ACKNOWLEDGED = 10_000
_EXPECTED_RATE = 400  # acknowledged events a second, on a slow and busy machine
_RUNS = """query($after: String) {
    entities(type: "Run", first: 1000, after: $after) {
        nodes { name ... on Run { state } } pageInfo { hasNextPage endCursor } } }"""


@dataclass(slots=True)
class Acknowledged:
    """By run id, the state that its acknowledged events amount to; positions that were given out."""

    states: dict[str, str] = field(default_factory=dict)
    positions: list[int] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


def measure(bench: Workbench, kills: int) -> Section:
    seen = Acknowledged()
    data = bench.folder / "crash"
    runs = iter(Mix(Estate.of(_DATASETS).jobs, Size.SMALL, seed=1))
    chosen = random.Random(7)
    longest = min(1.6, 2 * _LEAST_ACKNOWLEDGED / kills / _EXPECTED_RATE)
    begun = time.perf_counter()
    for _ in range(kills):
        with Andon(data) as andon:
            asyncio.run(_write_until_killed(andon, runs, chosen.uniform(0.02, longest), seen))
    seconds = time.perf_counter() - begun
    with Andon(data) as andon:
        andon.wait_projected(300)
        found = asyncio.run(_states(andon.url))
        received, projected = asyncio.run(_positions(andon))
    bench.discard(data)
    missing = [run for run in seen.states if run not in found]
    wrong = [run for run, state in seen.states.items() if state == "COMPLETE" and found.get(run) != "COMPLETE"]
    section = Section(
        "crash",
        "Killed with SIGKILL under load",
        ("kills", "acknowledged", "runs", "runs missing", "runs in a wrong state", "positions given twice",
         "received", "projected", "s a kill"),
    )  # fmt: skip
    twice = len(seen.positions) - len(set(seen.positions))
    section.add(
        kills,
        len(seen.positions),
        len(seen.states),
        len(missing),
        len(wrong),
        twice,
        received,
        projected,
        seconds / kills,
    )
    if len(seen.positions) < _LEAST_ACKNOWLEDGED:
        section.notes.append(f"too little to say much: fewer than {_LEAST_ACKNOWLEDGED:,} acknowledged")
    if received < max(seen.positions, default=0):
        section.notes.append(f"LOST: position {max(seen.positions)} was given out, the journal ends at {received}")
    section.broken = bool(missing or wrong or twice or seen.unexpected) or projected < max(seen.positions, default=0)
    section.notes += [f"unexpected: {it}" for it in seen.unexpected[:10]]
    return section


async def _write_until_killed(andon: Andon, runs: Iterator[Run], seconds: float, seen: Acknowledged) -> None:
    writers = [asyncio.create_task(_write(andon.url, runs, seen)) for _ in range(_WRITERS)]
    await asyncio.sleep(seconds)  # the moment of the kill is what varies
    andon.kill()
    await asyncio.gather(*writers)


async def _write(url: str, runs: Iterator[Run], seen: Acknowledged) -> None:
    """Send until the connection is lost; what the kill cuts off counts as not acknowledged."""
    try:
        connection = await Connection.open(url)
        while True:
            run = next(runs)
            for state, body in (("RUNNING", run.start()), ("COMPLETE", run.complete())):
                answer = await connection.post(LINEAGE, body)
                if answer.status == 201:
                    seen.states[run.id] = state
                    seen.positions.append(int(answer.header(b"andon-position") or -1))
                elif answer.status != 503:
                    seen.unexpected.append(f"{answer.status} {answer.body[:200]!r}")
    except (OSError, RequestFailed):
        return


async def _positions(andon: Andon) -> tuple[int, int]:
    connection = await Connection.open(andon.url)
    try:
        return await andon.positions(connection)
    finally:
        connection.close()


async def _states(url: str) -> dict[str, str]:
    """The state of every run in the graph, by run id."""
    connection = await Connection.open(url)
    found: dict[str, str] = {}
    after: str | None = None
    try:
        while True:
            page = (await connection.graphql(graphql_request(_RUNS, after=after)))["entities"]
            found |= {node["name"]: node["state"] for node in page["nodes"]}
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]
    finally:
        connection.close()

"""Estates of both stacks from one exported journal: what an operator does who moves, timed.

Each job has one run, told by its COMPLETE. Up to `WIDE_UP_TO` datasets the events are the large ones, with 20 columns
a table and their lineage; beyond, the small ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.estate import Estate
from benchmarks.events import Size, first_runs
from benchmarks.projector import append
from benchmarks.report import Section
from benchmarks.server_stack.servers import NOTE, Servers, Stack
from benchmarks.service import Andon, run_andon
from benchmarks.workbench import Workbench
from graph.sqlite_journal import SqliteJournal

WIDE_UP_TO = 10_000
_EMBEDDED_UP_TO = 10_000  # beyond, folding the same once more would take most of the time
_LOOK = 20.0  # seconds in which a service that folds has folded something
_BUILT_WITHIN = 1_800.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """An estate in both stacks, with nobody on it; `embedded` is None where it was left out."""

    datasets: int
    size: Size
    events: int
    stack: Stack
    embedded: Path | None
    imported: float  # seconds
    folded: float  # seconds, by PostgreSQL
    folded_embedded: float | None
    projected: float  # seconds, a generation of Neo4j
    nodes: int
    relations: int


@dataclass(slots=True)
class Estates:
    """Loads each estate the first time it is asked for; measuring adds to it."""

    bench: Workbench
    servers: Servers
    _loaded: dict[tuple[int, Size], Loaded] = field(default_factory=dict)

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.bench.datasets

    @property
    def middle(self) -> int:
        """The estate that load is put on: the largest that is loaded whole."""
        return max((it for it in self.sizes if it <= WIDE_UP_TO), default=self.sizes[0])

    def estate(self, datasets: int, size: Size | None = None) -> Loaded:
        size = size or (Size.LARGE if datasets <= WIDE_UP_TO else Size.SMALL)
        key = (datasets, size)
        if key not in self._loaded:
            self._loaded[key] = _load(self.bench.folder, self.servers.stack(), datasets, size)
        return self._loaded[key]


def measure(estates: Estates) -> Section:
    section = Section(
        "loading",
        "Loading an exported journal",
        (
            "datasets", "events", "import, events/s", "folded, events/s", "folded embedded", "nodes", "relations",
            "Neo4j built, s", "of both/s", "PostgreSQL, journal MB", "fold state MB", "Neo4j MB",
        ),
    )  # fmt: skip
    for datasets in estates.sizes:
        found = estates.estate(datasets)
        stored = found.stack.stored()
        section.add(
            datasets, f"{found.events:,} of {found.size}", found.events / found.imported, found.events / found.folded,
            found.events / found.folded_embedded if found.folded_embedded else None, found.nodes, found.relations,
            found.projected, (found.nodes + found.relations) / found.projected, stored.journal / 1e6, stored.fold / 1e6,
            stored.neo4j / 1e6,
        )  # fmt: skip
    section.notes += ["one COMPLETE of each job; folding without Neo4j, and Neo4j's generation from all of it", NOTE]
    return section


def _load(folder: Path, stack: Stack, datasets: int, size: Size) -> Loaded:
    data = folder / f"loaded-{datasets}-{size.name.lower()}"
    exported = data.with_suffix(".ndjson")
    events = _write_journal(data, datasets, size)
    run_andon(["journal", "export", str(exported), "--data", str(data)])
    without = stack.environment(neo4j=False)
    imported = _timed(lambda: run_andon(["journal", "import", str(exported), "--data", str(data)], without))
    exported.unlink()
    with stack.serve("--role", "projector,api", neo4j=False) as andon:
        folded = _folded(andon, events)
    with stack.serve("--role", "projector,api"):
        projected = _timed(lambda: _until(lambda: stack.projected() >= events))
    with stack.neo4j.reading() as ask:
        [[nodes]] = ask("MATCH (n:Entity) RETURN count(n)")
        [[relations]] = ask("MATCH ()-[r]->() RETURN count(r)")
    folded_embedded = None
    if datasets <= _EMBEDDED_UP_TO:
        with Andon(data) as andon:
            folded_embedded = _folded(andon, events)
    return Loaded(
        datasets, size, events, stack, data if folded_embedded else None, imported, folded, folded_embedded, projected,
        nodes, relations,
    )  # fmt: skip


def _write_journal(data: Path, datasets: int, size: Size) -> int:
    """An embedded data folder with nothing but the journal."""
    data.mkdir()
    journal = SqliteJournal(data / "journal.db", synchronous="OFF")
    try:
        append(journal, (run.complete() for run in first_runs(Estate.of(datasets).jobs, size)))
        return journal.last_position()
    finally:
        journal.close()


def _folded(andon: Andon, events: int) -> float:
    """Seconds until everything is in the graph, from the first that is."""
    seconds, reached = 0.0, -1
    while True:
        position, waited = andon.wait_projected(_LOOK)
        seconds += waited
        if position >= events:
            return seconds
        if position == reached:
            raise RuntimeError(f"loading: {position} of {events} are in the graph after {seconds:.0f} s")
        reached = position


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _BUILT_WITHIN
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError("loading: Neo4j has not come along")
        time.sleep(0.05)

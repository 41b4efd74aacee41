"""The projector alone: journal -> decode -> fold -> commit, in this process, without a server around it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ontology
from benchmarks.estate import Estate
from benchmarks.events import Mix, Size, bodies, first_runs
from benchmarks.report import Section
from graph.model import Change, Envelope, Position
from graph.projector import Projector
from graph.sqlite import SqliteGraph
from graph.sqlite_journal import SqliteJournal
from graph.statements import Statements
from ingest import openlineage

_APPENDED_AT_ONCE = 256


class Timed:
    """A `ProjectedStore` and a decoder that add up the seconds spent in each step of the projector."""

    def __init__(self, store: SqliteGraph, decode: Callable[[Envelope], Statements]) -> None:
        self._store = store
        self._decode = decode
        self.decoding = self.folding = self.committing = 0.0
        self.changes = 0

    def decode(self, envelope: Envelope) -> Statements:
        start = time.perf_counter()
        try:
            return self._decode(envelope)
        finally:
            self.decoding += time.perf_counter() - start

    def position(self) -> Position:
        return self._store.position()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._store.transaction():
            yield
            start = time.perf_counter()
        self.committing += time.perf_counter() - start  # what is gathered over the batch is written on the way out

    def expect(self, statements: Iterable[Statements]) -> None:
        start = time.perf_counter()
        self._store.expect(statements)
        self.folding += time.perf_counter() - start

    def fold(self, envelope: Envelope, statements: Statements) -> list[Change]:
        start = time.perf_counter()
        changes = self._store.fold(envelope, statements)
        self.folding += time.perf_counter() - start
        self.changes += len(changes)
        return changes

    def commit(self, position: Position) -> None:
        start = time.perf_counter()
        self._store.commit(position)
        self.committing += time.perf_counter() - start

    def reset(self) -> None:
        self._store.reset()


@contextmanager
def prepared(folder: Path, datasets: int, size: Size) -> Iterator[tuple[SqliteJournal, SqliteGraph, Timed]]:
    """An empty journal and a graph in `folder`, with an estate of so many datasets already projected."""
    words = ontology.load()
    journal = SqliteJournal(folder / "journal.db", synchronous="OFF")  # the journal is not what is measured here
    store = SqliteGraph(folder / "graph.db", words)
    timed = Timed(store, openlineage.Decoder(words.kind_for_namespace))
    try:
        append(journal, bodies(first_runs(Estate.of(datasets).jobs, size)))
        Projector(journal, timed, {"openlineage": timed.decode}).catch_up()
        yield journal, store, timed
    finally:
        journal.close()
        store.close()


def append(journal: SqliteJournal, events: Iterable[bytes]) -> None:
    for chunk in _chunks(events, _APPENDED_AT_ONCE):
        journal.append([openlineage.accept(body) for body in chunk])


def _chunks(events: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    rest = iter(events)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk


def measure(folder: Path, datasets: Sequence[int], events: int) -> Section:
    """Events of the mix projected onto estates of each size. All times are microseconds an event."""
    section = Section(
        "projector",
        "Projector alone (in process, no server)",
        (
            "events",
            "datasets",
            "events/s",
            "us an event",
            "read",
            "decode",
            "fold",
            "commit",
            "changes an event",
        ),
    )
    for count in datasets:
        for size in Size:
            place = folder / f"projector-{count}-{size.name}"
            place.mkdir()
            with prepared(place, count, size) as (journal, _, timed):
                append(journal, itertools.islice(bodies(Mix(Estate.of(count).jobs, size, seed=7)), events))
                timed.decoding = timed.folding = timed.committing = 0.0
                timed.changes = 0
                projector = Projector(journal, timed, {"openlineage": timed.decode})
                start = time.perf_counter()
                projector.catch_up()
                seconds = time.perf_counter() - start
            known = timed.decoding, timed.folding, timed.committing
            micros = [1e6 * it / events for it in (seconds, seconds - sum(known), *known)]
            section.add(f"{events:,} of {size}", count, events / seconds, *micros, timed.changes / events)
    section.notes.append("read: the journal's rows, unpacked, and what is left over")
    return section

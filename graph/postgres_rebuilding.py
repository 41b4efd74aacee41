"""Folding the graph on PostgreSQL anew beside the one in use, and replacing it in one transaction.

The new generation grows in tables of its own, under a lease of its own, in whichever process is at it: one that
serves, or `andon rebuild`. Meanwhile the running one is read and folded into as ever. At the end who folds is held off
for as long as it takes to fold the last few envelopes and to name the new one. A crash before that leaves the running
graph as it is, and half a generation that the next one to look clears away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, closing, suppress

import psycopg

from ontology import Ontology

from .errors import AndonError, Conflict, Unavailable
from .journal import Journal
from .model import Change, Envelope, Position
from .postgres import PostgresGraph
from .postgres_database import connect, unavailable
from .postgres_folding import Folding
from .postgres_generations import PROJECT, REBUILD, Generations
from .postgres_lease import Lease, hold_off
from .projector import Decode, Projector
from .schema import TABLES
from .statements import Statements

_log = logging.getLogger("andon.postgres")

_BATCH = 256
_LEASE_SECONDS = 6.0
_AT_LAST = 64
_HELD_OFF = {"lock_timeout": "3s"}
_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 10.0  # after a failure

Progress = Callable[[int, int], None]


def rebuild(
    journal: Journal,
    generations: Generations,
    ontology: Ontology,
    decoders: Mapping[str, Decode],
    progress: Progress = lambda done, of: None,
) -> Position:
    """Fold the journal into a new generation and put it in the running one's place; returns its position.

    Begins again if an envelope is redacted meanwhile. `progress` hears of each batch, and what it raises ends it all.
    Raises `Conflict` where another process is at it, and `Unavailable`.
    """
    with closing(Building(generations, ontology)) as building:
        while (position := _fold(journal, building, decoders, progress)) is None:
            building.reset()
    with suppress(Unavailable):  # `Rebuilder` tries again
        generations.purge()
    return position


def _fold(journal: Journal, building: Building, decoders: Mapping[str, Decode], progress: Progress) -> Position | None:
    """Fold the journal until what is made is in use, up to the position returned; None where it is outdated before."""
    projector = Projector(journal, building, decoders)
    while not building.is_outdated:
        batch = journal.read(projector.position, _BATCH)
        if batch:
            projector.project(batch)
            progress(projector.position, journal.last_position())
        if len(batch) < _BATCH and building.replace(journal, projector):
            return projector.position
    return None


class Building:
    """The generation that this process makes: what a projector folds to, until it replaces the running one.

    Raises `Conflict` where another process makes one.
    """

    def __init__(self, generations: Generations, ontology: Ontology) -> None:
        self._generations = generations
        self._ontology = ontology
        self._lease = Lease(generations.conninfo, REBUILD, schema=generations.schema, seconds=_LEASE_SECONDS)
        self._folding: Folding | None = None
        self._is_analysed = False
        try:
            if not self._lease.hold():
                raise Conflict("the graph is being rebuilt by another process")
            self.reset()
        except BaseException:
            self._lease.release()
            raise

    def reset(self) -> None:
        """Begin with an empty generation; the one so far is dropped."""
        if self._folding is not None:
            self._folding.close()
        begun = self._begun = self._generations.begin()
        self._folding = Folding(
            self._generations, begun.building, self._lease, self._ontology, lambda row: row.building == begun.building
        )
        self._is_analysed = False
        self._generations.drop_idle()

    @property
    def is_outdated(self) -> bool:
        """Whether it may have read what was redacted since it was begun."""
        seen = self._now.seen
        return seen is not None and seen.wanted != self._begun.wanted

    @property
    def _now(self) -> Folding:
        assert self._folding is not None
        return self._folding

    def position(self) -> Position:
        return self._now.position()

    def transaction(self) -> AbstractContextManager[None]:
        return self._now.transaction()

    def expect(self, statements: Iterable[Statements]) -> None:
        self._now.expect(statements)

    def adopt(self, ontology: Ontology) -> None:
        """Fold by these words from now on."""
        self._ontology = ontology
        self._now.adopt(ontology)

    def fold(self, envelope: Envelope, statements: Statements) -> list[Change]:
        return self._now.fold(envelope, statements)

    def commit(self, position: Position) -> None:
        self._now.commit(position)

    def replace(self, journal: Journal, projector: Projector) -> bool:
        """Fold what the running generation has read and this has not, while nobody folds there, and replace it.

        False where that is too much to hold others off for, or this generation is outdated: go on then.
        """
        self._analyse()
        generations = self._generations
        try:
            with (
                connect(generations.conninfo, settings=_HELD_OFF) as connection,
                unavailable(),
                connection.transaction(),
            ):
                hold_off(connection, generations.schema, PROJECT)
                found = self._now.seen = generations.read(connection)
                if found.building != self._begun.building or found.version > generations.version:
                    raise Conflict("another process has made the graph anew meanwhile")
                lacking = generations.position(connection, found.number) - projector.position
                if lacking > _BATCH or self.is_outdated:
                    return False
                while lacking > 0 and (batch := journal.read(projector.position, min(lacking, _AT_LAST))):
                    projector.project(batch)
                    lacking -= len(batch)
                    connection.execute("SELECT 1")  # else the server takes it for a process that stands still
                return generations.replace(connection, self._begun)
        except Unavailable as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
            self._lease.hold()
            return False

    def _analyse(self) -> None:
        """Have the planner know what is in the new tables before somebody asks them; once."""
        if not self._is_analysed:
            path = self._generations.path(self._now.number)
            with connect(self._generations.conninfo, search_path=path) as connection:
                for table in TABLES:
                    with unavailable():
                        connection.execute(f"ANALYZE {table}")
                    self._lease.hold()  # a large table takes its time
            self._is_analysed = True

    def close(self) -> None:
        """Let go of it; a generation that has not become the running one is dropped."""
        if self._folding is not None:
            self._folding.close()
        self._lease.release()
        with suppress(AndonError):
            self._generations.drop_idle()


class Rebuilder:
    """Makes the graph anew whenever somebody wants that or its shape is an older Andon's, in a thread.

    Several processes may have one: the first to get the lease does it. Each knows of the wish by its `graph`, which
    its projector keeps looking at.
    """

    def __init__(
        self, journal: Journal, graph: PostgresGraph, ontology: Ontology, decoders: Mapping[str, Decode]
    ) -> None:
        self._journal = journal
        self._graph = graph
        self._generations = graph.generations
        self._ontology = ontology
        self._decoders = decoders
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="andon-rebuilder", daemon=True)

    def adopt(self, ontology: Ontology, decoders: Mapping[str, Decode]) -> None:
        """Make the next one by these words."""
        self._ontology, self._decoders = ontology, decoders

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and stop; a rebuild that is not done begins again elsewhere or at the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                self._look()
            except (Conflict, _Stopped):
                continue  # another process is at it, or will be
            except AndonError as error:
                _log.warning("looking again in %.0f s whether the graph is to be made anew: %s", _PAUSE_SECONDS, error)
                self._stopping.wait(_PAUSE_SECONDS)
            except Exception:  # the thread's edge: the running graph goes on
                _log.exception("the graph could not be made anew")
                self._stopping.wait(_PAUSE_SECONDS)

    def _look(self) -> None:
        seen = self._graph.running
        if self._generations.is_outdated(seen) or seen.answered > seen.purged:
            found = self._generations.look()  # what was seen may be of some seconds ago
            if self._generations.is_outdated(found):
                self._rebuild()
            elif found.answered > found.purged:
                self._generations.purge()

    def _rebuild(self) -> None:
        began = time.monotonic()
        position = rebuild(self._journal, self._generations, self._ontology, self._decoders, self._go_on)
        _log.info("the graph is made anew up to position %d, in %.1f s", position, time.monotonic() - began)

    def _go_on(self, _done: int, _of: int) -> None:
        if self._stopping.is_set():
            raise _Stopped("stopped while the graph was being made anew")


class _Stopped(Unavailable):
    """This process ends."""

"""Folding the embedded graph anew beside the one in use, and swapping the two.

The new graph grows in a file of its own; finished, it waits under a second name and takes the old one's place when
the graph is next opened. It never does so under a running service: SQLite's log belongs to a name, and connections to
the old file would write into the new one's. A crash at any moment leaves the old graph or the new one, whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ontology import Ontology

from .errors import Conflict, Unavailable
from .journal import Journal
from .model import Position
from .projector import Decode, Projector

_GROWING, _WAITING = ".growing", ".rebuilt"
_BATCH = 256


def rebuild(
    journal: Journal,
    path: Path,
    ontology: Ontology,
    decoders: Mapping[str, Decode],
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Position:
    """Fold the journal into a new graph that waits to take the place of the one at `path`; returns its position.

    Begins again if an envelope is redacted meanwhile. Raises `Conflict` where another process is at it.
    """
    while True:
        with _alone(path):
            discard(path)
            growing = _beside(path, _GROWING)
            try:
                position = _fold(journal, growing, ontology, decoders, progress)
                os.rename(growing, _beside(path, _WAITING))
            except (Unavailable, OSError, sqlite3.Error):
                if growing.exists():
                    raise
                continue  # it was discarded, since it may hold what was redacted
            _sync(path.parent)
            return position


def swap_in(path: Path) -> bool:
    """Let a graph that waits take the place of the one at `path`, which nobody may have open; whether there was one."""
    waiting = _beside(path, _WAITING)
    if not waiting.exists():
        return False
    if path.exists():
        with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(path)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):  # before the name means another file: a log left behind would be read into that
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    _sync(path.parent)
    os.rename(waiting, path)
    _sync(path.parent)
    return True


def discard(path: Path) -> None:
    """Forget what was folded beside the graph at `path`, finished or not."""
    for name in (_GROWING, _WAITING):
        for suffix in ("", "-wal", "-shm"):
            beside = _beside(path, name)
            beside.with_name(beside.name + suffix).unlink(missing_ok=True)


def _fold(
    journal: Journal,
    growing: Path,
    ontology: Ontology,
    decoders: Mapping[str, Decode],
    progress: Callable[[int, int], None],
) -> Position:
    from .sqlite import SqliteGraph  # which needs this module too

    graph = SqliteGraph(growing, ontology)
    try:
        projector = Projector(journal, graph, decoders)
        while batch := journal.read(projector.position, _BATCH):
            projector.project(batch)
            progress(projector.position, journal.last_position())
            if len(batch) < _BATCH:  # a running service takes more all the time; the rest is folded once it is in use
                break
        position = projector.position
    finally:
        graph.close()  # which writes the log back
    if growing.exists():
        _sync(growing)
    return position


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with open(_beside(path, _GROWING + ".lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict("the graph is being rebuilt by another process") from None
        try:
            yield
        finally:
            os.unlink(lock.name)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

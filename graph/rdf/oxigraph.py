"""An Oxigraph on disk, in a folder of this process's own.

Each building of the store has a folder of its own, `store-INCARNATION-N`; the newest whole one counts. Queries never
read it but a *checkpoint*: a copy of one moment that costs hard links, so that processes which may be killed can read
it while it is written to here.

pyoxigraph has no transactions but one update, and does not wait for the disk: after a power cut the store is at an
earlier mark, and is brought along again.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from graph.errors import Unavailable

from .delta import Delta
from .store import held_of
from .syntax import Quad, n_quads
from .updating import MARK_QUERY, Held, Rows, mark_quads, read_mark, statements, update_of

if TYPE_CHECKING:
    from pyoxigraph import Store

_log = logging.getLogger("andon.rdf")

FAULTS = (OSError, RuntimeError)
"""What pyoxigraph raises for a disk that does not work, and for files that are spoiled."""

_LOADER = Path(__file__).with_name("loading.py")
_STORE, _MAKING, _READING = "store-", "making-", "reading-"


@dataclass(slots=True)
class Checkpoint:
    """A folder with the store as it was at `held`; `readers` look at it."""

    folder: Path
    held: Held
    readers: int = 0


class OxigraphStore:
    """A `TripleStore` in `folder`, and checkpoints of it; opened when it is first asked what it holds.

    Raises `Unavailable` where another process has it open.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._checkpoints: list[Checkpoint] = []
        self._made = 0
        self._number = 0
        self._place: Path | None = None
        self._store: Store | None = None
        self._held: Held | None = None
        self._is_open = False

    def _open(self) -> None:
        """The newest whole store; what others left is removed."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        places = sorted(self._folder.glob(f"{_STORE}*"), key=_number_of)
        if places:
            self._number, self._place = _number_of(places[-1]), places[-1]
            self._store = open_store(places[-1])
        for it in self._folder.iterdir():
            if it != self._place:
                shutil.rmtree(it, ignore_errors=True)
        self._held = self._read_mark()
        self._is_open = True

    def _read_mark(self) -> Held | None:
        if self._store is None:
            return None
        try:
            return read_mark(self.select(MARK_QUERY))
        except FAULTS as error:
            _log.warning("the RDF store on disk is spoiled and is built anew: %s", error)
            return None

    def select(self, query: str) -> Rows:
        assert self._store is not None
        for solution in self._store.query(query):  # type: ignore[union-attr]  # the queries of this package select
            yield ["" if term is None else str(term) for term in solution]

    def held(self) -> Held | None:
        with self._lock:
            if not self._is_open:
                self._open()
            return self._held

    def apply(self, delta: Delta, before: Held, after: Held) -> None:
        assert self._store is not None
        update = update_of(delta, held_of(delta, self))
        try:
            self._store.update(";\n".join(statements(update, after, delta.terms)))
        except FAULTS as error:
            if not isinstance(error, OSError):
                self._held = None  # it is spoiled, and built anew
            raise Unavailable(f"the RDF store on disk cannot be written: {error}") from error
        with self._lock:
            self._held = after

    def build(self, parts: Iterable[Iterable[Quad]], held: Held) -> None:
        for it in self._folder.glob(f"{_MAKING}*"):
            shutil.rmtree(it, ignore_errors=True)
        former = self._place
        place = self._folder / f"{_STORE}{held.mark.incarnation}-{self._number + 1}"
        load(place, parts, mark_quads(held))
        with self._lock:
            self._number += 1
            self._place, self._store, self._held = place, open_store(place), held
            self._clear_checkpoints()
        if former is not None:
            shutil.rmtree(former, ignore_errors=True)

    def forget_others(self, incarnation: int) -> None:
        with self._lock:
            for place in self._folder.glob(f"{_STORE}*"):
                if not place.name.startswith(f"{_STORE}{incarnation}-"):
                    if place == self._place:
                        self._place = self._store = self._held = None
                    shutil.rmtree(place, ignore_errors=True)
            self._clear_checkpoints()

    @contextmanager
    def reading(self) -> Iterator[Checkpoint]:
        """A checkpoint of now. Raises `Unavailable` where there is nothing yet."""
        with self._lock:
            checkpoint = self._checkpoint()
            checkpoint.readers += 1
        try:
            yield checkpoint
        finally:
            with self._lock:
                checkpoint.readers -= 1
                self._clear_checkpoints(but=self._held)

    def _checkpoint(self) -> Checkpoint:
        if self._store is None or self._held is None:
            raise Unavailable("the graph is being written as RDF for the first time", retry_after=5)
        for it in self._checkpoints:
            if it.held == self._held:
                return it
        self._made += 1
        folder = self._folder / f"{_READING}{self._number}-{self._made}"
        try:
            self._store.backup(folder)
        except FAULTS as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise Unavailable(f"the RDF store on disk cannot be read: {error}") from error
        found = Checkpoint(folder, self._held)
        self._checkpoints.append(found)
        self._clear_checkpoints(but=self._held)
        return found

    def _clear_checkpoints(self, but: Held | None = None) -> None:
        for it in list(self._checkpoints):
            if not it.readers and it.held != but:
                self._checkpoints.remove(it)
                shutil.rmtree(it.folder, ignore_errors=True)

    def close(self) -> None:
        with self._lock:
            self._store = None
            self._clear_checkpoints()


def _number_of(place: Path) -> int:
    return int(place.name.rpartition("-")[2])


def open_store(folder: Path) -> Store | None:
    """None for a folder that holds no sound store. Raises `Unavailable` where another process has it open."""
    from pyoxigraph import Store  # optional: only who has RDF needs it

    try:
        return Store(folder)
    except FAULTS as error:
        if "lock" in str(error).lower():
            raise Unavailable("another process has the RDF store open", retry_after=5) from error
        _log.warning("the RDF store on disk cannot be opened and is built anew: %s", error)
        return None


def load(folder: Path, parts: Iterable[Iterable[Quad]], last: Iterable[Quad] = ()) -> int:
    """Make a store of these quads, in another process; answers how many were given to it.

    It is made beside `folder`, in a place that nobody else has: where this process is killed, the other one may outlive
    it for a while. Raises `Unavailable` where that process fails; what it has made is removed.
    """
    count = 0
    making = folder.with_name(f"{_MAKING}{secrets.token_hex(8)}")
    command = [sys.executable, "-P", str(_LOADER), str(making)]
    loader = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert loader.stdin is not None and loader.stderr is not None
    try:
        for part in chain(parts, (last,)):
            text = list(n_quads(part))
            count += len(text)
            loader.stdin.write("".join(text).encode())
        loader.stdin.close()
        complaint = loader.stderr.read().decode(errors="replace")
        if loader.wait():
            raise BrokenPipeError(complaint.strip()[-500:])
        making.rename(folder)
    except OSError as error:
        raise Unavailable(f"the RDF store could not be built: {error}", retry_after=5) from error
    finally:
        if loader.poll() is None:
            loader.kill()
            loader.wait()
        shutil.rmtree(making, ignore_errors=True)
        with suppress(OSError):
            loader.stdin.close()
        loader.stderr.close()
    return count

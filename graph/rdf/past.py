"""The graph as of past instants: each is made into a store once, and kept as long as there is room.

A state is asked for by (valid, known position). What a state says does not change, but for corrections by what comes in
later where no position is given: such a state is used again for a minute.
"""

from __future__ import annotations

import itertools
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from graph.errors import AndonError, TooLarge, Unavailable
from graph.model import AsOf, Instant, Position
from graph.reader import GraphSnapshot
from graph.snapshot import Snapshot

from .delta import whole
from .oxigraph import load
from .syntax import Quad
from .terms import Terms

_log = logging.getLogger("andon.rdf")

_FRESH_SECONDS = 60.0

OpenSnapshot = Callable[[AsOf], AbstractContextManager[GraphSnapshot]]


@dataclass(slots=True)
class State:
    """One past state in a folder; `made` once it is whole. `readers` look at it."""

    valid: Instant | None
    position: Position
    incarnation: int
    terms: Terms
    folder: Path
    made: threading.Event = field(default_factory=threading.Event)
    why_not: AndonError | None = None
    triples: int = 0
    readers: int = 0
    begun: float = field(default_factory=time.monotonic)
    used: float = 0.0


class Past:
    """Keeps at most `states` of them with `triples` triples together, in `folder`, which is this process's own."""

    def __init__(self, open_snapshot: OpenSnapshot, terms: Terms, folder: Path, *, states: int, triples: int) -> None:
        self._open = open_snapshot
        self._terms = terms
        self._folder = folder
        self._max_states = states
        self._max_triples = triples
        self._states: list[State] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()
        self._closed = False
        shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def reading(self, as_of: AsOf, timeout: float) -> Iterator[State]:
        """The state as of then. Raises `Unavailable` where making it takes longer, which goes on; ask again."""
        state = self._find(as_of)
        try:
            if not state.made.wait(timeout):
                raise Unavailable("the graph as of then is being written as RDF", retry_after=5)
            if state.why_not is not None:
                raise state.why_not
            yield state
        finally:
            with self._lock:
                state.readers -= 1
                state.used = time.monotonic()
                self._make_room()

    def _find(self, as_of: AsOf) -> State:
        """The state, perhaps begun only now; one more reader looks at it."""
        with self._open(as_of) as snapshot:
            assert isinstance(snapshot, Snapshot)
            incarnation, position = snapshot.incarnation, snapshot.position()
        with self._lock:
            for state in self._states:
                if (state.incarnation, state.valid, state.terms) == (
                    incarnation,
                    as_of.valid,
                    self._terms,
                ) and self._serves(state, as_of, position):
                    state.readers += 1
                    return state
            if sum(not it.made.is_set() for it in self._states) >= self._max_states:
                raise Unavailable("too many past states are being written as RDF", retry_after=10)
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            state = State(
                as_of.valid,
                position,
                incarnation,
                self._terms,
                self._folder / f"state-{next(self._numbers)}",
                readers=2,
            )
            self._states.append(state)
        exact = AsOf(as_of.valid, position)
        threading.Thread(target=self._make, args=(state, exact), name="andon-rdf-past", daemon=True).start()
        return state

    def _serves(self, state: State, as_of: AsOf, position: Position) -> bool:
        if state.position == position:
            return True
        return as_of.position is None and time.monotonic() - state.begun < _FRESH_SECONDS

    def _make(self, state: State, as_of: AsOf) -> None:
        try:
            with self._one_at_a_time, self._open(as_of) as snapshot:
                assert isinstance(snapshot, Snapshot)
                began = time.monotonic()
                state.triples = load(state.folder, self._bounded(whole(snapshot, state.terms)))
                _log.info("the graph as of %s is written as RDF, in %.1f s", as_of, time.monotonic() - began)
        except AndonError as error:
            state.why_not = error
        except Exception:  # a thread's edge
            _log.exception("the graph as of %s could not be written as RDF", as_of)
            state.why_not = Unavailable("the log says why the graph as of then could not be written as RDF")
        finally:
            with self._lock:
                state.readers -= 1
                if state.why_not is not None:
                    self._states.remove(state)
            state.made.set()

    def _bounded(self, parts: Iterator[list[Quad]]) -> Iterator[list[Quad]]:
        count = 0
        for part in parts:
            count += len(part)
            if count > self._max_triples:
                raise TooLarge(f"the graph as of then has more than {self._max_triples} triples", field="asOf")
            if self._closed:
                raise Unavailable("Andon is stopping")
            yield part

    def _make_room(self) -> None:
        """Let go what was used longest ago, until the rest is within bounds."""
        for state in sorted(self._states, key=lambda it: it.used):
            kept = len(self._states), sum(it.triples for it in self._states)
            if kept[0] <= self._max_states and kept[1] <= self._max_triples:
                return
            self._let_go(state)

    def _let_go(self, state: State) -> None:
        if not state.readers:
            self._states.remove(state)
            shutil.rmtree(state.folder, ignore_errors=True)

    def adopt(self, terms: Terms) -> None:
        """Make states of other terms from now on."""
        with self._lock:
            self._terms = terms

    def forget(self, incarnation: int) -> None:
        """Keep nothing of other makings of the fold state than this: what they say may be there no more."""
        with self._lock:
            for state in [it for it in self._states if it.incarnation != incarnation]:
                self._let_go(state)

    def close(self) -> None:
        self._closed = True
        with self._lock:
            for state in self._states:
                shutil.rmtree(state.folder, ignore_errors=True)
            self._states.clear()

"""The projection's thread: whenever the fold state has moved, Neo4j is brought to the same position.

Events are accepted and folded whether Neo4j is there or not; what it misses is read from the fold state once it is
back. A backlog greater than `_REBUILD_ROWS`, another fold state than the one Neo4j was made from, or relations that
contradict a constraint are ended by a new generation, built beside the running one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from graph.changed import Mark, mark_of
from graph.errors import AndonError, Unavailable
from graph.model import Change, Position
from graph.reader import GraphReader
from graph.snapshot import Snapshot
from ontology import Ontology

from .connection import Connection
from .delta import Delta, Hashes, difference, first_key, whole
from .words import Labels, definitions
from .writing import Fenced, State, Writer

_log = logging.getLogger("andon.neo4j")

_REBUILD_ROWS = 50_000
_LOOK_SECONDS = 0.25  # between two looks at the fold state where nobody tells that it moved
_REST_SECONDS = (0.25, 1.0)  # after each write, unless somebody waits: what comes meanwhile is written together
_PATIENCE_SECONDS = 2.0  # of a reader, before the fold state answers it
_STOP_SECONDS = 5.0
_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)


class Projection:
    """Keeps Neo4j at the fold state's position.

    `fold` opens snapshots of the fold state, `folded` says how far it is. `token` gives the fencing token of the lease
    under which this process folds, any number but 0 where there are no leases; while it is 0 another process writes,
    and this one looks how far that has come.
    """

    def __init__(
        self,
        fold: GraphReader,
        folded: Callable[[], int],
        connection: Connection,
        ontology: Ontology,
        token: Callable[[], int],
    ) -> None:
        self._fold = fold
        self._folded = folded
        self._connection = connection
        self._ontology = ontology
        self._words: Ontology | None = None
        self._token = token
        self._writer = Writer(connection, Labels(ontology), token)
        self._state: State | None = None
        self._is_away = True
        self._moved = threading.Condition()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._stopping = threading.Event()
        self._rebuild = threading.Event()
        self._thread = threading.Thread(target=self._run, name="andon-neo4j", daemon=True)
        self._walks = 0
        self._hashes: dict[int, int] = {}  # of entities as Neo4j has them, for as long as nobody else writes there
        self.promised = 0
        """Callers were told that this position can be read: an answer from Neo4j has to have it."""

    # For readers ---------------------------------------------------------------------------------------------

    @property
    def position(self) -> Position:
        """How far Neo4j has been brought; 0 while that is not known."""
        return Position(0) if self._state is None else self._state.mark.position

    @property
    def generation(self) -> int:
        """Which building of the graph in Neo4j is the running one; 0 while that is not known."""
        return 0 if self._state is None else self._state.generation

    @property
    def is_readable(self) -> bool:
        """Whether Neo4j was there last time, with a generation of this very fold state."""
        return not self._is_away

    @property
    def walks(self) -> int:
        """How many walks Neo4j has answered."""
        return self._walks

    def note_walk(self) -> None:
        self._walks += 1

    def note_failure(self) -> None:
        """A read failed: until Neo4j has been seen to be there the fold state answers."""
        self._set_away()
        self._wake.set()

    def await_position(self, position: int, timeout: float) -> None:
        """Block until Neo4j has `position`, at most `timeout` seconds; the fold state has it already.

        Not long, and not at all where Neo4j is away: from then on the fold state answers until Neo4j has it.
        """
        self._wake.set()
        self._hurry.set()
        with self._moved:
            self._moved.wait_for(lambda: self._is_away or self.position >= position, min(timeout, _PATIENCE_SECONDS))
        self.promised = max(self.promised, position)

    # The thread ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the transaction at hand, if that is soon done, and stop."""
        self._stopping.set()
        self._wake.set()
        self._hurry.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)  # what is cut off then is written after the next start
        self._connection.close()

    def notice(self, _changes: Sequence[Change] = ()) -> None:
        """The fold state has moved."""
        self._wake.set()

    def rebuild(self) -> None:
        """Build a new generation from the fold state, beside the running one, and put it in that one's place."""
        self._rebuild.set()
        self._wake.set()

    def adopt(self, ontology: Ontology) -> None:
        """Label by these words from now on: in a new generation, beside the running one."""
        self._words = ontology
        self._wake.set()

    def _take_words(self, ontology: Ontology) -> None:
        self._ontology, self._words = ontology, None
        self._writer = Writer(self._connection, Labels(ontology), self._token)
        self._state = None  # constraints are looked at again
        self._rebuild.set()

    def _run(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                if not self.step():
                    self._wake.wait(_LOOK_SECONDS)
                    self._wake.clear()
                else:
                    self._hurry.wait(_rest(time.monotonic() - began))
                    self._hurry.clear()
                tries = 0
            except Fenced as error:
                self._set_away()
                _log.warning("looking again: %s", error)
                self._stopping.wait(_RETRY_SECONDS[0])
            except AndonError as error:
                self._set_away()
                pause = _RETRY_SECONDS[min(tries, len(_RETRY_SECONDS) - 1)]
                (_log.warning if tries == 0 else _log.debug)("trying again from time to time: %s", error)
                tries += 1
                self._stopping.wait(pause)
            except Exception:  # a thread's edge: Neo4j stays behind, the service goes on by the fold state
                self._set_away()
                _log.exception("Neo4j could not be brought to the fold state's position")
                self._stopping.wait(_RETRY_SECONDS[-1])

    def _set_away(self) -> None:
        with self._moved:
            self._is_away = True
            self._state = None
            self._moved.notify_all()
        self._hashes.clear()  # another process may write meanwhile

    def _set_state(self, state: State) -> None:
        with self._moved:
            self._state = state
            self._is_away = False
            self._moved.notify_all()

    def step(self) -> bool:
        """Bring Neo4j to where the fold state is now, or look how far it has been; False if it is there already."""
        if not self._token():
            return self._follow()
        if self._words is not None:
            self._take_words(self._words)
        held = self._state if self._state is not None else self._connect()
        if not self._is_away and not self._rebuild.is_set() and self._folded() == held.mark.position:
            return False
        with self._fold.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            mark = mark_of(snapshot)
            if self._rebuild.is_set() or not _follows(mark, held):
                self._rebuild.clear()
                state = self._build(snapshot, held, mark)
            elif mark.position == held.mark.position:
                state = held
            else:
                delta = difference(snapshot, held.mark, held.generation, _REBUILD_ROWS, self._hashes_in(held))
                if delta is None:
                    state = self._build(snapshot, held, mark)
                else:
                    state = self._writer.apply(delta, held)
                    self._hashes.update(delta.hashes)
        self._set_state(state)
        return True

    def _follow(self) -> bool:
        self._hashes.clear()
        state = self._writer.state()
        with self._fold.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            if state.generation and state.mark.incarnation == snapshot.incarnation:
                self._set_state(state)
            else:
                self._set_away()
        return self._folded() > state.mark.position

    def _connect(self) -> State:
        with self._connection.reading() as ask:
            known = {row[0] for what in ("CONSTRAINTS", "INDEXES") for row in ask(f"SHOW {what} YIELD name")}
        missing = [statement for name, statement in definitions(self._ontology).items() if name not in known]
        if missing:
            self._connection.write(lambda it: [it.run(statement).consume() for statement in missing])
        return self._writer.tidy(self._writer.state())

    def _build(self, snapshot: Snapshot, held: State, mark: Mark) -> State:
        generation = max(held.generation, held.building) + 1
        self._hashes.clear()
        began = time.monotonic()
        state = self._writer.build(self._noted(whole(snapshot, generation)), held, generation, mark)
        _log.info("generation %d is built, in %.1f s", generation, time.monotonic() - began)
        return state

    def _hashes_in(self, held: State) -> Hashes:
        """By what was written here, or else by what Neo4j has: a process that begins knows none."""
        first = first_key(held.generation)

        def known(entities: Sequence[int]) -> Mapping[int, int]:
            unknown = [it for it in entities if it not in self._hashes]
            if unknown:
                found = self._writer.hashes([first + it for it in unknown])
                self._hashes.update((key - first, hash) for key, hash in found.items())
            return self._hashes

        return known

    def _noted(self, parts: Iterable[Delta]) -> Iterator[Delta]:
        for part in parts:
            if self._stopping.is_set():
                raise Unavailable("stopped while a generation was being built")
            yield part
            self._hashes.update(part.hashes)


def _rest(took: float) -> float:
    """Seconds to rest after a write: as long as it took, so that under load the fold gets half of the time."""
    least, most = _REST_SECONDS
    return min(max(took, least), most)


def _follows(mark: Mark, held: State) -> bool:
    """Whether what Neo4j holds is an earlier state of this very fold state."""
    return (
        held.generation > 0
        and held.mark.incarnation == mark.incarnation
        and held.mark.position <= mark.position
        and held.mark.last_edge <= mark.last_edge
    )

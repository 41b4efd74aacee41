"""The projection's thread: brings a triple store to the fold state's position, while somebody asks it or always.

Events are accepted and folded whether the store is there or not; it is brought along by what has changed since. A
backlog greater than `_REBUILD_ROWS`, another fold state than the one the store was made from, or other terms are ended
by building it anew.

Writing RDF costs twice what folding does, so after each step the thread rests as long as that took, unless somebody
waits: the store lags in bursts, and ingest keeps the processor.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from graph.changed import mark_of
from graph.errors import AndonError, Unavailable
from graph.model import Change, Position
from graph.reader import GraphReader
from graph.snapshot import Snapshot

from .delta import Seen, difference, whole
from .store import TripleStore
from .syntax import Quad
from .terms import Terms
from .updating import Held

_log = logging.getLogger("andon.rdf")

_REBUILD_ROWS = 50_000
_LOOK_SECONDS = 0.25  # between two looks at the fold state where nobody tells that it moved
_REST_SECONDS = 0.1  # after each write at least, unless somebody waits: what comes meanwhile is written together
_REST_SHARE = 1  # times as long as a write took
_ASKED_SECONDS = 900.0  # how long a question keeps the store being brought along
_STOP_SECONDS = 5.0
_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)


class Projection:
    """Keeps `store` at the fold state's position.

    `fold` opens snapshots of the fold state, `folded` says how far it is. Where several processes could write to one
    store, `token` is 0 in those that may not: they look how far the others have come. `on_new_fold` is told the
    incarnation of a fold state that was made anew.
    """

    def __init__(
        self,
        fold: GraphReader,
        folded: Callable[[], int],
        store: TripleStore,
        terms: Terms,
        *,
        always: bool = False,
        token: Callable[[], int] = lambda: 1,
        on_new_fold: Callable[[int], None] = lambda incarnation: None,
    ) -> None:
        self._fold = fold
        self._folded = folded
        self._store = store
        self._terms = terms
        self._always = always
        self._token = token
        self._on_new_fold = on_new_fold
        self._incarnation: int | None = None
        self._held: Held | None = None
        self._seen: dict[int, Seen] = {}
        self._asked_until = 0.0
        self._steps = 0
        self._moved = threading.Condition()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._stopping = threading.Event()
        self._rebuild = threading.Event()
        self._noticed = threading.Event()
        self._doubted = threading.Event()
        self._thread = threading.Thread(target=self._run, name="andon-rdf", daemon=True)
        self.why_away: AndonError | None = None
        """What keeps the store from being brought along, if anything does."""

    # For those who ask ---------------------------------------------------------------------------------------

    @property
    def position(self) -> Position:
        """How far the store has been brought; 0 while that is not known."""
        return Position(0) if self._held is None else self._held.mark.position

    def expects(self, found: Held | None) -> bool:
        """Whether a store may hold this, which was brought along as is known here, and perhaps further by now."""
        known = self._held
        return found is not None and (known is None or _follows(found, known))

    def await_fresh(self, position: int, timeout: float, *, doubted: bool = False) -> None:
        """Somebody asks: block until the store has `position`, and if it was resting, what the fold state has now.

        `doubted`: the store was found without what it was known to hold, and is looked at again before anything else.
        Raises `Unavailable` after `timeout` seconds.
        """
        with self._moved:
            was_resting = not self._is_wanted()
            self._asked_until = time.monotonic() + _ASKED_SECONDS
            steps = self._steps
            wanted = self._folded() if was_resting else 0
            self._wake.set()
            if doubted:
                self._doubted.set()
            if was_resting or doubted or self.position < position:
                self._hurry.set()
            came = self._moved.wait_for(
                lambda: (
                    self._held is not None
                    and not self._doubted.is_set()
                    and self.position >= position
                    and (not was_resting or self._steps > steps or self.position >= wanted)
                ),
                timeout,
            )
        if not came:
            why = f": {self.why_away}" if self.why_away is not None else ", or for the first time"
            raise Unavailable(f"the graph is still being written as RDF, up to position {self._folded()}{why}")

    # The thread ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the update at hand, if that is soon done, and stop."""
        self._stopping.set()
        self._wake.set()
        self._hurry.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)  # what is cut off then is written after the next start
        self._store.close()

    def notice(self, _changes: Sequence[Change] = ()) -> None:
        """The fold state has moved."""
        self._noticed.set()
        self._wake.set()

    def adopt(self, terms: Terms) -> None:
        """Say everything by other terms: the store is built anew."""
        self._terms = terms
        self._wake.set()

    def rebuild(self) -> None:
        """Build the store anew from the fold state."""
        self._rebuild.set()
        self._wake.set()

    def _is_wanted(self) -> bool:
        return self._always or self._rebuild.is_set() or time.monotonic() < self._asked_until

    def _run(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            if not self._is_wanted():
                self._wake.clear()
                if not (self._is_wanted() or self._stopping.is_set()):
                    self._wake.wait()
                    self._stopping.wait(_LOOK_SECONDS)
                self._look_while_resting()
                continue
            try:
                began = time.monotonic()
                if not self.step():
                    self._wake.wait(_LOOK_SECONDS)
                    self._wake.clear()
                else:
                    self._hurry.wait(max(_REST_SECONDS, _REST_SHARE * (time.monotonic() - began)))
                    self._hurry.clear()
                tries = 0
            except AndonError as error:
                self._set_away(error)
                pause = _RETRY_SECONDS[min(tries, len(_RETRY_SECONDS) - 1)]
                (_log.warning if tries == 0 else _log.debug)("trying again from time to time: %s", error)
                tries += 1
                self._stopping.wait(pause)
            except Exception:  # a thread's edge: RDF stays behind, the service goes on
                self._set_away(Unavailable("the log says why"))
                _log.exception("the RDF store could not be brought to the fold state's position")
                self._stopping.wait(_RETRY_SECONDS[-1])

    def _look_while_resting(self) -> None:
        """Where the fold state was made anew, perhaps to forget something, RDF of the former one must not stay."""
        if self._is_wanted() or self._stopping.is_set() or not self._token():
            return
        try:
            with self._fold.snapshot() as snapshot:
                assert isinstance(snapshot, Snapshot)
                incarnation = snapshot.incarnation
            if incarnation and incarnation != self._incarnation:
                self._store.forget_others(incarnation)
                self._set_incarnation(incarnation)
        except AndonError as error:
            _log.debug("looking again: %s", error)

    def _set_incarnation(self, incarnation: int) -> None:
        if incarnation != self._incarnation:
            self._incarnation = incarnation
            self._held = None
            self._on_new_fold(incarnation)

    def _set_away(self, why: AndonError) -> None:
        with self._moved:
            self.why_away = why
            self._held = None
            self._seen.clear()

    def _set_held(self, held: Held) -> None:
        with self._moved:
            self.why_away = None
            self._held = held
            self._steps += 1
            self._moved.notify_all()

    def step(self) -> bool:
        """Bring the store to where the fold state is now, or look how far it has been; False if it is there already."""
        if self._doubted.is_set():
            self._look_again()
        if not self._token():
            return self._follow()
        terms = self._terms
        before = self._held if self._held is not None else self._store.held()
        if (
            before is not None
            and before is self._held
            and before.fingerprint == terms.fingerprint
            and not (self._rebuild.is_set() or self._noticed.is_set())
            and self._folded() == before.mark.position
        ):
            self._set_held(before)
            return False
        self._noticed.clear()  # what has moved may be as far as it was, and made anew
        with self._fold.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            now = Held(mark_of(snapshot), terms.fingerprint)
            self._set_incarnation(now.mark.incarnation)
            if self._rebuild.is_set() or before is None or not _follows(now, before):
                self._build(snapshot, now, terms)
            elif now.mark.position > before.mark.position:
                delta = difference(snapshot, before.mark, terms, _REBUILD_ROWS, self._seen)
                if delta is None:
                    self._build(snapshot, now, terms)
                else:
                    self._store.apply(delta, before, now)
                    self._seen.update(delta.seen)
        self._set_held(now)
        return now != before

    def _look_again(self) -> None:
        held = self._store.held()
        with self._moved:
            self._doubted.clear()
            if held != self._held:
                self._held = None
                self._seen.clear()

    def _follow(self) -> bool:
        held = self._store.held()
        with self._fold.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            now = Held(mark_of(snapshot), self._terms.fingerprint)
        if held is None or held.mark.incarnation != now.mark.incarnation or held.fingerprint != now.fingerprint:
            raise Unavailable("another process is to write the graph to the RDF store")
        self._set_held(held)
        return False

    def _build(self, snapshot: Snapshot, now: Held, terms: Terms) -> None:
        began = time.monotonic()
        self._seen.clear()
        is_asked = self._rebuild.is_set()
        self._store.build(self._until_stopped(whole(snapshot, terms, self._seen)), now)
        if is_asked:
            self._rebuild.clear()
        _log.info("the graph is written as RDF anew, in %.1f s", time.monotonic() - began)

    def _until_stopped(self, parts: Iterator[list[Quad]]) -> Iterator[list[Quad]]:
        for part in parts:
            if self._stopping.is_set():
                raise Unavailable("stopped while the RDF store was being built")
            if not self._token():
                raise Unavailable("another process is to write the graph to the RDF store")
            yield part


def _follows(now: Held, before: Held) -> bool:
    """Whether what the store holds is an earlier state of this very fold state, by these very terms."""
    return (
        before.fingerprint == now.fingerprint
        and before.mark.incarnation == now.mark.incarnation
        and before.mark.position <= now.mark.position
        and before.mark.last_edge <= now.mark.last_edge
    )

"""The projector: reads the journal in order, has envelopes decoded, folds them, moves the checkpoint.

One thread. Envelopes are taken in micro-batches, one transaction each, with the checkpoint in the same
transaction; what cannot be decoded or folded is put among the dead letters with its position and passed over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from ontology import Ontology

from . import failpoint
from .errors import InvalidInput, Unavailable
from .journal import Journal
from .model import Change, Envelope, Position
from .statements import Statements

_log = logging.getLogger("andon.projector")

Decode = Callable[[Envelope], Statements]
Listener = Callable[[Sequence[Change]], None]

_BATCH = 256
_RETRY_SECONDS = 1.0

# What a fold may raise for an envelope that no decoder should have let through: it goes to the dead letters.
_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


class ProjectedStore(Protocol):
    """Where the projector folds to. `fold` is all or nothing for its envelope; `commit` ends the transaction."""

    def position(self) -> Position: ...

    def transaction(self) -> AbstractContextManager[None]: ...

    def expect(self, statements: Iterable[Statements]) -> None:
        """What is folded next, so that it can be looked up at once; within the transaction."""

    def fold(self, envelope: Envelope, statements: Statements) -> list[Change]: ...

    def commit(self, position: Position) -> None: ...

    def reset(self) -> None: ...

    def adopt(self, ontology: Ontology) -> None:
        """Fold by these words from now on, and class what is there by them; nothing where they are those in force."""


class Leadership(Protocol):
    """Says whether this process is the one that folds, where several could."""

    def lead(self) -> int:
        """0 where another process does. Else a number that differs from the last one whenever the store may have
        moved in other hands since. Raises `Unavailable`.
        """

    def wait_for(self, after: int, timeout: float) -> bool:
        """Block until somebody has folded past `after`, at most `timeout` seconds."""

    def want_rebuild(self) -> None:
        """Have the projection made anew beside the running one, soon, in whichever process. Raises `Unavailable`."""


class Projector:
    """Keeps `store` at the journal's end. `decoders` by envelope kind; `listeners` hear of committed changes.

    With a `leadership` it folds while that is this process's, and follows whoever folds while it is not; with
    `follows_only` it never folds. Listeners of a follower hear that something changed, not what.
    """

    def __init__(
        self,
        journal: Journal,
        store: ProjectedStore,
        decoders: Mapping[str, Decode],
        listeners: Sequence[Listener] = (),
        on_failed: Callable[[], None] | None = None,
        leadership: Leadership | None = None,
        follows_only: bool = False,
    ) -> None:
        self._journal = journal
        self._store = store
        self._decoders = decoders
        self._listeners = tuple(listeners)
        self._on_failed = on_failed
        self._leadership = leadership
        self._follows_only = follows_only
        self._epoch = 0
        self._position = store.position()
        self._moved = threading.Condition()
        self._stopping = threading.Event()
        self._rebuild = threading.Event()
        self._words: tuple[Ontology, Mapping[str, Decode]] | None = None
        self._thread = threading.Thread(target=self._run, name="andon-projector", daemon=True)
        self.failure: BaseException | None = None

    @property
    def position(self) -> Position:
        return self._position

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and stop."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def rebuild(self) -> None:
        """Have the projection made anew from the journal: beside the running one where others could fold too, else in
        its place, from the next batch on.
        """
        if self._leadership is not None:
            self._leadership.want_rebuild()
        else:
            self._rebuild.set()

    def adopt(self, ontology: Ontology, decoders: Mapping[str, Decode]) -> None:
        """Decode and fold by these words from the next batch on."""
        self._words = ontology, decoders

    def await_position(self, position: int, timeout: float) -> bool:
        """Block until everything up to `position` can be read, at most `timeout` seconds."""
        with self._moved:
            return self._moved.wait_for(lambda: self._position >= position, timeout)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._step()
                except Unavailable as error:  # a full disk passes, a server comes back; readers keep what they have
                    _log.warning("projecting again in %.0f s: %s", _RETRY_SECONDS, error)
                    self._stopping.wait(_RETRY_SECONDS)
        except BaseException as error:
            self.failure = error
            _log.exception("the projector stopped at position %d", self._position)
            if self._on_failed is not None:
                self._on_failed()
            raise

    def _step(self) -> None:
        if not self._leads():
            self._follow()
            return
        if self._words is not None:
            ontology, self._decoders = words = self._words
            self._store.adopt(ontology)
            if self._words is words:
                self._words = None
        if self._rebuild.is_set():
            self._store.reset()
            self._rebuild.clear()
            self._position = Position(0)
        batch = self._journal.read(self._position, _BATCH)
        if batch:
            self.project(batch)
        else:
            self._journal.wait_for(self._position, 0.2)

    def _leads(self) -> bool:
        if self._leadership is None:
            return True
        epoch = 0 if self._follows_only else self._leadership.lead()
        if epoch != self._epoch:
            self._epoch = epoch
            if epoch:
                _log.info("this process folds")
            self._reach(self._store.position())
        return bool(epoch)

    def _follow(self) -> None:
        assert self._leadership is not None
        self._leadership.wait_for(self._position, 0.5)
        position = self._store.position()
        if position != self._position:
            self._reach(position)
            for listener in self._listeners:
                listener(())

    def _reach(self, position: Position) -> None:
        with self._moved:
            self._position = position
            self._moved.notify_all()

    def catch_up(self) -> None:
        """Project all there is, in the caller's thread (the projector must not be running)."""
        while batch := self._journal.read(self._position, _BATCH):
            self.project(batch)

    def project(self, batch: Sequence[Envelope]) -> None:
        """Fold a batch in one transaction; what cannot be folded is found by folding its envelopes one by one."""
        decoded = [(envelope, self._decode(envelope)) for envelope in batch]
        try:
            changes = self._fold(decoded)
        except _FAULTS as error:
            if len(batch) > 1:
                for envelope in batch:
                    self.project([envelope])
                return
            _log.exception("position %d could not be folded", batch[0].position)
            fault = InvalidInput(f"could not be folded: {type(error).__name__}: {error}")
            changes = self._fold([(batch[0], fault)])
        if changes:
            for listener in self._listeners:
                listener(changes)

    def _fold(self, decoded: Sequence[tuple[Envelope, Statements | InvalidInput | None]]) -> list[Change]:
        failpoint.reach("projector.before_fold")
        changes: list[Change] = []
        position = decoded[-1][0].position
        for envelope, statements in decoded:  # before the checkpoint moves past them; said again, they stay one
            if isinstance(statements, InvalidInput):
                self._journal.add_dead_letter(
                    envelope.source, str(statements), statements.field, envelope.body, envelope.position
                )
        with self._store.transaction():
            self._store.expect(it for _, it in decoded if isinstance(it, Statements))
            for envelope, statements in decoded:
                if isinstance(statements, Statements):
                    changes += self._store.fold(envelope, statements)
                failpoint.reach("projector.during_fold")
        failpoint.reach("projector.before_commit")
        self._store.commit(position)
        failpoint.reach("projector.after_commit")
        self._reach(position)
        return changes

    def _decode(self, envelope: Envelope) -> Statements | InvalidInput | None:
        """None for a redacted envelope, which says nothing any more."""
        if envelope.body is None:
            return None
        decode = self._decoders.get(envelope.kind)
        if decode is None:
            return InvalidInput(f"no decoder for envelopes of kind {envelope.kind!r}")
        try:
            return decode(envelope)
        except InvalidInput as error:
            return error
        except _FAULTS as error:
            _log.exception("position %d could not be decoded", envelope.position)
            return InvalidInput(f"could not be decoded: {type(error).__name__}: {error}")

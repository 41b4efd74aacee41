"""Group commit: one thread stores whatever has gathered while the last commit waited for the disk.

So the rate grows with the number of clients, and each is answered when its own bytes are durable.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from . import failpoint
from .errors import JournalBroken, Unavailable
from .journal import Appended
from .model import NewEnvelope

_log = logging.getLogger("andon.journal")

_GROUP = 512  # envelopes a commit takes at most

Job = Callable[[Any], None]
"""A piece of bookkeeping for the same transaction, over the adapter's connection."""

Answers = list[list[Appended]]


@dataclass(slots=True, eq=False)
class Request:
    """Envelopes, or a job, on their way to the writer thread."""

    envelopes: Sequence[NewEnvelope] = ()
    done: Future[list[Appended]] | None = None
    future: asyncio.Future[list[Appended]] | None = None
    loop: asyncio.AbstractEventLoop | None = None
    job: Job | None = None


class GroupCommit:
    """`commit` stores a group durably, all or nothing, and answers each request; called from the one thread.

    `explain` turns what it raised into what callers hear; a `JournalBroken` ends all further writing, and
    `on_broken` is called once. `max_pending` bounds the envelopes that wait; past it `Unavailable` is raised.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Request]], Answers],
        explain: Callable[[Exception], Unavailable],
        *,
        max_pending: int,
        max_pending_bytes: int,
        on_broken: Callable[[], None] | None = None,
    ) -> None:
        self._commit = commit
        self._explain = explain
        self._max_pending = max_pending
        self._max_pending_bytes = max_pending_bytes
        self._on_broken = on_broken
        self._pending: deque[Request] = deque()
        self._pending_count = 0
        self._pending_bytes = 0
        self._broken = False
        self._closing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._write_loop, name="andon-journal", daemon=True)
        self._thread.start()

    def append(self, envelopes: Sequence[NewEnvelope]) -> list[Appended]:
        done: Future[list[Appended]] = Future()
        self._submit(Request(envelopes, done=done))
        return done.result()

    def append_async(self, envelopes: Sequence[NewEnvelope]) -> asyncio.Future[list[Appended]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Appended]] = loop.create_future()
        self._submit(Request(envelopes, future=future, loop=loop))
        return future

    def run(self, job: Job) -> None:
        """Have a job done within a commit; returns when it is durable."""
        done: Future[list[Appended]] = Future()
        self._submit(Request(done=done, job=job))
        done.result()

    @property
    def is_closing(self) -> bool:
        return self._closing

    @property
    def is_writable(self) -> bool:
        return not self._broken and not self._closing and self._thread.is_alive()

    def close(self) -> None:
        """Write what is pending and take no more."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _submit(self, request: Request) -> None:
        size = sum(len(envelope.body) for envelope in request.envelopes)
        with self._wake:
            if self._broken:
                raise JournalBroken("the journal could not be made durable; Andon must be restarted")
            if self._closing:
                raise Unavailable("Andon is stopping", retry_after=5)
            if self._pending_count and (
                self._pending_count + len(request.envelopes) > self._max_pending
                or self._pending_bytes + size > self._max_pending_bytes
            ):
                raise Unavailable("too many events are waiting to be written", retry_after=1)
            self._pending.append(request)
            self._pending_count += len(request.envelopes)
            self._pending_bytes += size
            self._wake.notify()

    def _write_loop(self) -> None:
        while True:
            with self._wake:
                while not self._pending and not self._closing:
                    self._wake.wait()
                if not self._pending:
                    return
                group: list[Request] = []
                taken = 0
                while self._pending and (not group or taken + len(self._pending[0].envelopes) <= _GROUP):
                    request = self._pending.popleft()
                    taken += len(request.envelopes)
                    self._pending_bytes -= sum(len(envelope.body) for envelope in request.envelopes)
                    group.append(request)
                self._pending_count -= taken
            self._write(group)

    def _write(self, group: list[Request]) -> None:
        try:
            answers = self._commit(group)
        except Exception as error:  # whatever it is, those who wait must hear of it and the writer go on
            self._fail(group, error)
            return
        failpoint.reach("journal.after_commit")
        _resolve(group, answers)

    def _fail(self, group: list[Request], error: Exception) -> None:
        _log.error("%d requests could not be journalled", len(group), exc_info=error)
        answer = self._explain(error)
        self._broken = isinstance(answer, JournalBroken)
        _reject(group, answer)
        if self._broken and self._on_broken is not None:
            self._on_broken()


def _resolve(group: list[Request], answers: Answers) -> None:
    waiting: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[list[Appended]], list[Appended]]]] = {}
    for request, answer in zip(group, answers, strict=True):
        if request.done is not None:
            request.done.set_result(answer)
        elif request.loop is not None and request.future is not None:
            waiting.setdefault(request.loop, []).append((request.future, answer))
    for loop, pairs in waiting.items():  # one wake-up of the loop a commit, not one an event
        loop.call_soon_threadsafe(_set_results, pairs)


def _set_results(pairs: list[tuple[asyncio.Future[list[Appended]], list[Appended]]]) -> None:
    for future, answer in pairs:
        if not future.done():
            future.set_result(answer)


def _reject(group: list[Request], error: Unavailable) -> None:
    for request in group:
        if request.done is not None:
            request.done.set_exception(error)
        elif request.loop is not None and request.future is not None:
            request.loop.call_soon_threadsafe(_set_error, request.future, error)


def _set_error(future: asyncio.Future[list[Appended]], error: Unavailable) -> None:
    if not future.done():
        future.set_exception(error)

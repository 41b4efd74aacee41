"""What the doors for events and facts share, as plain ASGI because they are the hot path.

What comes in is checked, journalled and only then acknowledged. What can never be read is answered 4xx with field and
reason and kept as a dead letter; what cannot be taken now is answered 503 with Retry-After, which is the one status
that every OpenLineage client repeats (OpenLineage/client/python, transport/http; Java repeats none).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import anyio.to_thread
import msgspec
from starlette.types import Receive, Scope, Send

from api.auth import Caller
from api.auth import Scope as KeyScope
from api.bodies import JSON_MEDIA, read_body
from api.front import CALLER
from api.metrics import Metrics
from api.problems import MethodNotAllowed, problem
from graph.errors import AndonError, InvalidInput, Unavailable
from graph.journal import Appended, Journal
from graph.model import NewEnvelope

log = logging.getLogger("andon.doors")

DEAD_LETTER_BYTES = 64 * 1024
_INLINE_BYTES = 128 * 1024  # above, checking a body would keep other requests waiting too long

Accept = Callable[[bytes], NewEnvelope]
Split = Callable[[bytes], Sequence[NewEnvelope | InvalidInput]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


class Door:
    """Reads the body, answers, and keeps what was refused under `source`; what is in the body is for `take`."""

    source: str
    media: frozenset[str] = JSON_MEDIA

    def __init__(self, journal: Journal, metrics: Metrics, max_body_bytes: int) -> None:
        self._journal = journal
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body: bytes | None = None
        try:
            if scope["method"] != "POST":
                raise MethodNotAllowed(f"{scope['method']} does nothing here; POST what there is to tell")
            caller: Caller = scope[CALLER]
            caller.require(KeyScope.EMIT)
            body = await read_body(scope["headers"], receive, self._max_body_bytes, self.media)
            answer = await self.take(scope, body)
        except InvalidInput as error:
            await self._refused(error, body)
            answer = _of_problem(error)
        except Unavailable as error:
            self._metrics.overloaded.inc()
            answer = _of_problem(error)
        except AndonError as error:
            answer = _of_problem(error)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def take(self, scope: Scope, body: bytes) -> Answer:
        raise NotImplementedError

    async def take_one(self, body: bytes, accept: Accept) -> Answer:
        """201 with its position, 200 for what is known, with the position of the first."""
        if len(body) <= _INLINE_BYTES:
            envelope = accept(body)
        else:
            envelope = await anyio.to_thread.run_sync(accept, body)
        [appended] = await self._journal.append_async((envelope,))
        position = (b"andon-position", b"%d" % appended.position)
        if appended.duplicate:
            self._metrics.duplicate.inc()
            return Answer(200, [position, _EMPTY])
        self._metrics.accepted.inc()
        return Answer(201, [position, _EMPTY])

    async def take_many(self, body: bytes, split: Split, pieces: Callable[[bytes], Sequence[bytes]]) -> Answer:
        """Each gets its own answer, and a bad one harms no other; `pieces` finds the bytes of each again."""
        found = await anyio.to_thread.run_sync(split, body)
        good = [one for one in found if isinstance(one, NewEnvelope)]
        bad = {index: one for index, one in enumerate(found) if isinstance(one, InvalidInput)}
        appended = await self._journal.append_async(good) if good else []
        if bad:
            each = pieces(body)
            for index, error in bad.items():
                await self._refused(error, each[index])
        duplicates = sum(one.duplicate for one in appended)
        self._metrics.duplicate.inc(duplicates)
        self._metrics.accepted.inc(len(appended) - duplicates)
        return _report(len(found), bad, appended)

    async def _refused(self, error: InvalidInput, body: bytes | None) -> None:
        """Keep what was refused where it can be seen; failing to is logged, the refusal stands."""
        self._metrics.rejected.inc()
        kept = body[:DEAD_LETTER_BYTES] if body is not None else None
        try:
            await anyio.to_thread.run_sync(self._journal.add_dead_letter, self.source, error.reason, error.field, kept)
        except Unavailable as unavailable:
            log.warning("what was refused could not be kept: %s", unavailable)


_EMPTY = (b"content-length", b"0")


def _report(received: int, bad: Mapping[int, InvalidInput], appended: Sequence[Appended]) -> Answer:
    """The answer of OpenLineage's OpenAPI for a batch."""
    summary = {
        "received": received,
        "successful": received - len(bad),
        "failed": len(bad),
        "retriable": 0,
        "non_retriable": len(bad),
    }
    failed = [{"index": index, "reason": str(error), "retriable": False} for index, error in bad.items()]
    status = "partial_success" if bad else "success"
    body = msgspec.json.encode({"status": status, "summary": summary, "failed_events": failed})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if appended:
        headers.append((b"andon-position", b"%d" % max(one.position for one in appended)))
    return Answer(200, headers, body)


def _of_problem(error: AndonError) -> Answer:
    found = problem(error)
    return Answer(found.status, found.headers, found.body)

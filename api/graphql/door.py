"""GraphQL over HTTP: `POST /graphql` runs operations, `GET /graphql` is a page to write them in.

Follows the GraphQL-over-HTTP draft: a request that is none, or that the caller or the service keeps from
running, has a status of its own (400, 401, 403, 413, 415, 503, 504). An operation that is wrong (it does not
parse or validate, or asks for too much) has 400 where the client accepts
`application/graphql-response+json`, else 200.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec
from starlette.types import Receive, Scope, Send

from api.auth import Caller
from api.bodies import read_body
from api.front import CALLER
from api.graphql.engine import Engine, Outcome, Request, failure, timed_out
from api.graphql.services import Progress
from api.metrics import Metrics
from api.problems import MethodNotAllowed, UnsupportedMediaType
from api.reading import Patience, min_position
from graph.errors import AndonError, InvalidInput, Unavailable

RESPONSE = "application/graphql-response+json"
CSRF = b"x-andon-csrf"
_GRACE = 0.25  # seconds in which an operation may notice itself that its time is over

_EDITOR = Path(__file__).with_name("editor")
_EDITOR_FILES = {
    "/graphql": ("editor.html", b"text/html; charset=utf-8"),
    "/graphql/editor.js": ("editor.js", b"text/javascript; charset=utf-8"),
    "/graphql/editor.css": ("editor.css", b"text/css; charset=utf-8"),
}


class GraphQLDoor:
    """An ASGI application for `/graphql` and the files of its page."""

    def __init__(
        self,
        engine: Engine,
        progress: Progress,
        metrics: Metrics,
        *,
        threads: int,
        queue: int,
        timeout: float,
        position_wait: float,
        max_batch: int,
        max_body_bytes: int,
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._threads = threads
        self._queue = queue
        self._timeout = timeout
        self._max_batch = max_batch
        self._max_body_bytes = max_body_bytes
        self._limiter: anyio.CapacityLimiter | None = None
        self._patience = Patience(progress, position_wait)
        self._inside = 0  # operations that somebody waits for
        self._busy = 0  # threads at work, also those whose caller was told TIMEOUT
        self._busy_lock = threading.Lock()

    def use(self, engine: Engine) -> None:
        """Answer by another schema from the next operation on."""
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in ("GET", "HEAD"):
            await _send_editor(scope["path"], send)
            return
        headers = dict(scope["headers"])
        try:
            outcomes, batched = await self._answer(scope, headers, receive)
        except AndonError as error:
            refused = failure(error)
            await _send(refused.status, refused.body, headers, send)
            return
        if batched:
            await _send(200, b"[" + b",".join(one.body for one in outcomes) + b"]", headers, send)
            return
        [outcome] = outcomes
        lenient = outcome.status in (400, 404, 409) and not _accepts_response(headers)
        await _send(200 if lenient else outcome.status, outcome.body, headers, send)

    async def _answer(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive
    ) -> tuple[list[Outcome], bool]:
        if scope["method"] != "POST":
            raise MethodNotAllowed("GraphQL is asked by POST")
        body = await read_body(scope["headers"], receive, self._max_body_bytes)
        if b"content-type" not in headers:
            raise UnsupportedMediaType("expected application/json, found no type", field="Content-Type")
        requests, batched = _requests(body, scope[CALLER], CSRF in headers, self._max_batch)
        await self._patience.await_position(min_position(scope["headers"]))
        return [await self._run(request) for request in requests], batched

    async def _run(self, request: Request) -> Outcome:
        if self._limiter is None:  # made here because it belongs to the running event loop
            self._limiter = anyio.CapacityLimiter(self._threads)
        if self._inside >= self._threads + self._queue or self._busy >= 2 * self._threads:
            raise Unavailable("too many operations are waiting or have not noticed yet that their time is over")
        started = time.perf_counter()
        self._inside += 1
        outcome = timed_out()
        try:
            with anyio.move_on_after(self._timeout + _GRACE):
                outcome = await anyio.to_thread.run_sync(
                    self._run_in_thread, request, limiter=self._limiter, abandon_on_cancel=True
                )
        finally:
            self._inside -= 1
        label = "error" if outcome.failed else "ok"
        self._metrics.graphql_seconds.labels(label).observe(time.perf_counter() - started)
        return outcome

    def _run_in_thread(self, request: Request) -> Outcome:
        with self._busy_lock:
            self._busy += 1
        try:
            return self._engine.run(request, self._timeout)
        finally:
            with self._busy_lock:
                self._busy -= 1


def _requests(body: bytes, caller: Caller, from_our_page: bool, max_batch: int) -> tuple[list[Request], bool]:
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("the body is not JSON") from None
    if not isinstance(content, list):
        return [_request(content, caller, from_our_page)], False
    if not 1 <= len(content) <= max_batch:
        raise InvalidInput(f"expected 1 to {max_batch} operations in a batch, found {len(content)}")
    return [_request(one, caller, from_our_page) for one in content], True


def _request(content: Any, caller: Caller, from_our_page: bool) -> Request:
    if not isinstance(content, dict):
        raise InvalidInput('expected an object like {"query": "..."}')
    query, variables = content.get("query"), content.get("variables")
    name = content.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise InvalidInput("expected the operation's text", field="query")
    if variables is not None and not isinstance(variables, dict):
        raise InvalidInput("expected an object", field="variables")
    if name is not None and not isinstance(name, str):
        raise InvalidInput("expected a text", field="operationName")
    return Request(query, variables or {}, name or None, caller, from_our_page)


def _accepts_response(headers: Mapping[bytes, bytes]) -> bool:
    return RESPONSE.encode() in headers.get(b"accept", b"")


async def _send(status: int, body: bytes, headers: Mapping[bytes, bytes], send: Send) -> None:
    media_type = RESPONSE if _accepts_response(headers) else "application/json"
    answer = [
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    if status == 503:
        answer.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": answer})
    await send({"type": "http.response.body", "body": body})


async def _send_editor(path: str, send: Send) -> None:
    name, media_type = _EDITOR_FILES[path]
    body = await anyio.Path(_EDITOR / name).read_bytes()
    headers = [
        (b"content-type", media_type),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-cache"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

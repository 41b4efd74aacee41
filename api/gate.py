"""The gate: `GET /api/v1/gate?job=NS/NAME`, what a pipeline asks before it goes on (docs/cord.md).

Each of `job`, `dataset` and `product` may be given several times, as a urn or as namespace/name; the answer is about
all of them together. `wait` holds the answer back, that many seconds at most, until all may go.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
import msgspec
from starlette.types import Receive, Scope, Send

from api.auth import Scope as KeyScope
from api.front import CALLER
from api.problems import MethodNotAllowed
from api.reading import POSITION, Patience, min_position
from graph.cord import PRODUCT, STRENGTH, stoppable
from graph.errors import InvalidInput, NotFound, Unavailable
from graph.model import Change, isoformat, parse_urn
from graph.reader import EntityRecord, GraphReader, GraphSnapshot, StopHere
from ontology import Ontology

LONGEST_WAIT = 30.0  # seconds; who wants to wait longer asks again
MAX_ASKED = 100
_SHOWN = 100  # stops in one answer
_MAX_SLASHES = 50
_THREADS = 8
_WAITERS = 1_000
_PAUSE = 0.2  # seconds between two looks of one who waits, however much happens meanwhile


class StopAnswer(msgspec.Struct, frozen=True):
    """A stop for which something asked about stands: `via` leads from what was stopped to that."""

    urn: str
    policy: str
    cause: str
    owner: str | None
    since: str
    via: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True):
    """`policy` is the strongest of the stops', null without one; `go` is false where that is block or isolate."""

    go: bool
    policy: str | None
    stops: tuple[StopAnswer, ...]
    position: int
    asked: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One parameter: `field` is job, dataset or product, `text` the urn or namespace/name."""

    field: str
    text: str


class Changing:
    """Wakes those who wait in the event loop when the graph has changed: a listener for the projector."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None

    def notice(self, changes: Sequence[Change]) -> None:
        """From the projector's thread. Runs that come and go let nobody through; a follower isn't told what changed."""
        if self._loop is None or (changes and all(it.what.startswith("run.") for it in changes)):
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._ring)

    def next(self) -> asyncio.Event:
        """What is set at the next change; to be called in the event loop, before looking."""
        if self._event is None:
            self._loop, self._event = asyncio.get_running_loop(), asyncio.Event()
        return self._event

    def _ring(self) -> None:
        rung, self._event = self._event, asyncio.Event()
        if rung is not None:
            rung.set()


class GateDoor:
    """An ASGI application for `/api/v1/gate`."""

    def __init__(
        self, reader: GraphReader, patience: Patience, ontology: Callable[[], Ontology], changing: Changing
    ) -> None:
        self._reader = reader
        self._patience = patience
        self._ontology = ontology
        self._changing = changing
        self._limiter: anyio.CapacityLimiter | None = None
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{scope['method']} does nothing here; GET what the gate says")
        scope[CALLER].require(KeyScope.READ)
        asked, wait = read_question(scope["query_string"].decode("latin-1"))
        await self._patience.await_position(min_position(scope["headers"]))
        answer = await (self._wait(asked, wait) if wait else self._look(asked))
        body = msgspec.json.encode(answer)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (POSITION, b"%d" % answer.position),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body if scope["method"] == "GET" else b""})

    async def _look(self, asked: Sequence[Asked]) -> Answer:
        if self._limiter is None:  # made here because it belongs to the running event loop
            self._limiter = anyio.CapacityLimiter(_THREADS)
        return await anyio.to_thread.run_sync(self._read, asked, limiter=self._limiter)

    def _read(self, asked: Sequence[Asked]) -> Answer:
        with self._reader.snapshot() as snapshot:
            return answer_to(asked, snapshot, self._ontology())

    async def _wait(self, asked: Sequence[Asked], seconds: float) -> Answer:
        """The first answer that lets go, or the last one within that time."""
        if self._waiting >= _WAITERS:
            raise Unavailable("too many wait at the gate", retry_after=5)
        until = time.monotonic() + seconds
        self._waiting += 1
        try:
            while True:
                changed = self._changing.next()
                answer = await self._look(asked)
                if answer.go or time.monotonic() >= until:
                    return answer
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), max(until - time.monotonic(), 0))
                await asyncio.sleep(max(min(_PAUSE, until - time.monotonic()), 0))
        finally:
            self._waiting -= 1


def read_question(query: str) -> tuple[tuple[Asked, ...], float]:
    """(what is asked about, seconds to wait). Raises `InvalidInput` by parameter."""
    asked: dict[Asked, None] = {}
    wait = 0.0
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_ASKED + 1, errors="strict")
    except UnicodeDecodeError:
        raise InvalidInput("expected percent-encoded UTF-8") from None
    except ValueError:
        raise InvalidInput(f"expected at most {MAX_ASKED} of job, dataset and product") from None
    for name, text in pairs:
        if name in _KINDS:
            asked[Asked(name, text)] = None
        elif name == "wait":
            wait = _seconds(text)
        else:
            expected = f"{', '.join(_KINDS)} and wait"
            raise InvalidInput(f"is no parameter of the gate; there are {expected}", field=name[:100] or "query")
    if not asked:
        raise InvalidInput("give a job, dataset or product to ask about", field="job")
    return tuple(asked), wait


def answer_to(asked: Iterable[Asked], snapshot: GraphSnapshot, ontology: Ontology) -> Answer:
    """What the gate says of all that is asked. Raises `InvalidInput` and `NotFound` by field.

    A job that nobody has told of goes: a pipeline that starts for the first time has said nothing yet.
    """
    notes: list[str] = []
    urns: dict[str, None] = {}
    here: dict[str, StopHere] = {}
    for one in asked:
        entity = _entity(one, snapshot, ontology)
        if entity is None:
            if one.field != "job":
                raise NotFound(f"{one.field}: nobody has told of {one.text[:200]!r}")
            notes.append(f"nobody has told of a job {one.text[:200]!r} yet: it may go")
            continue
        urns[entity.urn] = None
        for stop in snapshot.stops_on(entity):
            held = here.get(stop.stop.urn)
            if held is None or len(stop.via) < len(held.via):
                here[stop.stop.urn] = stop
    ordered = sorted(here.values(), key=lambda it: (STRENGTH[it.stop.policy], len(it.via), it.stop.since, it.stop.urn))
    if len(ordered) > _SHOWN:
        notes.append(f"{len(ordered) - _SHOWN} more stops are not listed")
    policy = ordered[0].stop.policy if ordered else None
    return Answer(
        go=policy in (None, "warn"),
        policy=policy,
        stops=tuple(map(_shown, ordered[:_SHOWN])),
        position=snapshot.position(),
        asked=tuple(urns),
        notes=tuple(notes),
    )


def _shown(here: StopHere) -> StopAnswer:
    stop = here.stop
    return StopAnswer(stop.urn, stop.policy, stop.cause, stop.owner, isoformat(stop.since), here.via)


def _entity(asked: Asked, snapshot: GraphSnapshot, ontology: Ontology) -> EntityRecord | None:
    kinds = _KINDS[asked.field](ontology)
    if asked.text.startswith("urn:"):
        try:
            name = parse_urn(asked.text)
        except InvalidInput as error:
            raise InvalidInput(error.reason, field=asked.field) from None
        if name.kind not in kinds:
            raise InvalidInput(f"expected a {asked.field}, found the urn of a {name.kind[:100]}", field=asked.field)
        return snapshot.find(kinds & {name.kind}, name.namespace, name.name)
    names = list(_names(asked))
    found = {it.urn: it for name in names if (it := snapshot.find(kinds, *name)) is not None}
    if len(found) > 1:
        raise InvalidInput(f"may be {' or '.join(sorted(found))}: give the urn", field=asked.field)
    return next(iter(found.values()), None)


def _names(asked: Asked) -> Iterator[tuple[str, str]]:
    """Every (namespace, name) that a text may mean: both may have slashes of their own."""
    parts = asked.text.split("/")
    if len(parts) > _MAX_SLASHES:
        raise InvalidInput(f"has more than {_MAX_SLASHES} slashes: give the urn", field=asked.field)
    cuts = [("/".join(parts[:cut]), "/".join(parts[cut:])) for cut in range(1, len(parts))]
    named = [(namespace, name) for namespace, name in cuts if namespace and name]
    if not named:
        raise InvalidInput("expected namespace/name or a urn", field=asked.field)
    yield from named


def _assets(ontology: Ontology) -> frozenset[str]:
    return stoppable(ontology) - {"job", PRODUCT}


_KINDS: dict[str, Callable[[Ontology], frozenset[str]]] = {
    "job": lambda _: frozenset({"job"}),
    "dataset": _assets,
    "product": lambda _: frozenset({PRODUCT}),
}
"""The kinds of entities that each parameter is about."""


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise InvalidInput(f"expected seconds, of which {LONGEST_WAIT:.0f} are waited at most", field="wait")
    return min(seconds, LONGEST_WAIT)

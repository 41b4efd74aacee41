"""The graph as linked data: `GET /id/<kind>/<namespace>/<name>` for each entity, `GET /catalog` for harvesters.

An entity's address is its urn with slashes for colons, parts percent-encoded as they are there; the whole urn in one
part will do as well. People are led to the page, programs get the format they ask for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import IO
from urllib.parse import parse_qsl, quote, unquote, urlencode

import anyio
import anyio.to_thread
from starlette.types import Receive, Scope, Send

from api.accept import accept_of, choose
from api.auth import Caller
from api.auth import Scope as KeyScope
from api.front import CALLER, LINKED_DATA, NOBODY
from api.problems import Gone, NotAcceptable
from api.reading import PARAMETERS, POSITION, Patience, as_of, min_position
from graph.errors import InvalidInput, NotAuthenticated, NotFound, Unavailable
from graph.journal import Journal
from graph.model import AsOf, make_urn, parse_urn
from graph.rdf.documents import MEDIA_TYPES, OF_ONE_GRAPH, catalogue_text, document_text
from graph.rdf.linked import by_subject, document
from graph.rdf.syntax import Quad, iri
from graph.rdf.terms import Terms
from graph.reader import GraphReader
from graph.snapshot import Snapshot

HTML = "text/html"

_FORMATS = {MEDIA_TYPES[name]: name for name in OF_ONE_GRAPH}
_OFFERS = (*_FORMATS, HTML, "application/json")
_CATALOGUES_AT_ONCE = 2
_IN_MEMORY = 8_000_000  # bytes of a catalogue; a greater one is put on disk before it is sent
_BLOCK = 65_536

Headers = list[tuple[bytes, bytes]]


class LinkedData:
    """An ASGI application for all below `/id/`. `terms` are those in use, `proof` tells more of a firing."""

    def __init__(
        self,
        reader: GraphReader,
        journal: Journal,
        patience: Patience,
        terms: Callable[[], Terms],
        proof: Callable[[str], Iterable[Quad]] = lambda urn: (),
    ) -> None:
        self._proof = proof
        self._reader = reader
        self._journal = journal
        self._patience = patience
        self._terms = terms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        urn = _urn(scope)
        parameters = _parameters(scope)
        media = choose(accept_of(scope["headers"]), _OFFERS)
        if media is None:
            raise NotAcceptable(f"an entity can be had as {', '.join(_OFFERS)}", field="Accept")
        if media == HTML:
            await _lead(f"/ui/entity/{quote(urn, safe='')}", parameters, 303, send)
            return
        _allow(scope[CALLER])
        wanted = as_of(parameters, self._journal)
        await self._patience.await_position(max(min_position(scope["headers"]), wanted.position or 0))
        found, body, position = await anyio.to_thread.run_sync(self._read, urn, wanted, _FORMATS.get(media, "jsonld"))
        if found != urn:
            await _lead(address_of(found), parameters, 307, send)
            return
        headers = [(POSITION, str(position).encode()), (b"vary", b"accept"), (b"cache-control", b"no-cache")]
        await _send(media, body, headers, send, scope["method"])

    def _read(self, urn: str, wanted: AsOf, format: str) -> tuple[str, bytes, int]:
        """(the entity's own urn, its document, the position it is as of); no document under another urn."""
        terms = self._terms()
        with self._reader.snapshot(wanted) as snapshot:
            assert isinstance(snapshot, Snapshot)
            found = document(snapshot, urn, terms)
            if found is None:
                raise NotFound(f"there is no entity {urn}")
            if found.record.dropped:
                raise Gone(f"{found.record.urn} was dropped; ask with valid=... for when it was there")
            if found.record.urn != urn:
                return found.record.urn, b"", 0
            quads: Sequence[Quad] = found.quads
            if found.record.kind == "firing":
                quads = tuple(by_subject(dict.fromkeys([*quads, *self._proof(urn)]), iri(urn)))
            return urn, document_text(quads, terms, format).encode(), snapshot.position()


class CatalogueDoor:
    """An ASGI application for `/catalog`: the DCAT catalogue of the present, or as of any instant."""

    def __init__(self, reader: GraphReader, journal: Journal, patience: Patience, terms: Callable[[], Terms]) -> None:
        self._reader = reader
        self._journal = journal
        self._patience = patience
        self._terms = terms
        self._limiter: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _allow(scope[CALLER])
        media = choose(accept_of(scope["headers"]), (*_FORMATS, "application/json"))
        if media is None:
            raise NotAcceptable(f"the catalogue can be had as {', '.join(_FORMATS)}", field="Accept")
        wanted = as_of(_parameters(scope), self._journal)
        await self._patience.await_position(max(min_position(scope["headers"]), wanted.position or 0))
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_CATALOGUES_AT_ONCE)
        if self._limiter.available_tokens == 0:
            raise Unavailable("catalogues are being made for others", retry_after=10)
        format = _FORMATS.get(media, "jsonld")
        make = partial(self._make, wanted, format, f"{_origin(scope)}/catalog")
        file, position = await anyio.to_thread.run_sync(make, limiter=self._limiter)
        with file:
            headers = [(POSITION, str(position).encode()), (b"vary", b"accept"), (b"cache-control", b"no-cache")]
            await _send_file(media, file, headers, send, scope["method"])

    def _make(self, wanted: AsOf, format: str, address: str) -> tuple[IO[bytes], int]:
        """The whole of it before the first byte goes out: a slow reader holds no state of the graph."""
        terms = self._terms()
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY)
        try:
            with self._reader.snapshot(wanted) as snapshot:
                assert isinstance(snapshot, Snapshot)
                for piece in catalogue_text(snapshot, terms, format, address):
                    file.write(piece.encode())
                position = snapshot.position()
        except BaseException:
            file.close()
            raise
        return file, position


def address_of(urn: str) -> str:
    """Where an entity is to be had: `/id/dataset/postgres%3A%2F%2Fdb/public.orders`."""
    return LINKED_DATA + urn.removeprefix("urn:andon:").replace(":", "/")


def _urn(scope: Scope) -> str:
    """The urn that a path means, in the one form that urns have. Raises `InvalidInput`."""
    path = scope.get("raw_path", scope["path"].encode()).partition(b"?")[0].decode("latin-1")
    parts = path.removeprefix(LINKED_DATA).split("/")
    if len(parts) == 1:
        name = parse_urn(unquote(parts[0]) if "%3A" in parts[0].partition("andon")[0] else parts[0])
        return name.urn
    if not 3 <= len(parts) <= 4 or (len(parts) == 4) != (parts[0] == "column"):
        raise InvalidInput("expected /id/<kind>/<namespace>/<name>, each percent-encoded", field="path")
    try:
        return make_urn(*(unquote(it, errors="strict") for it in parts))
    except UnicodeDecodeError:
        raise InvalidInput("expected percent-encoded UTF-8", field="path") from None


def _parameters(scope: Scope) -> dict[str, str]:
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), max_num_fields=20)
    return {name: value for name, value in pairs if name in PARAMETERS}


def _allow(caller: Caller) -> None:
    if caller is NOBODY:
        raise NotAuthenticated("this needs a key: send the header 'Authorization: Bearer <key>'")
    caller.require(KeyScope.READ)


def _origin(scope: Scope) -> str:
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "localhost")
    return f"{scope.get('scheme', 'http')}://{host}"


async def _lead(where: str, parameters: dict[str, str], status: int, send: Send) -> None:
    address = where + (f"?{urlencode(parameters)}" if parameters else "")
    headers = [(b"location", address.encode()), (b"vary", b"accept"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _send(media: str, body: bytes, headers: Headers, send: Send, method: str) -> None:
    fixed = [(b"content-type", _with_charset(media)), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


async def _send_file(media: str, file: IO[bytes], headers: Headers, send: Send, method: str) -> None:
    size = file.tell()
    file.seek(0)
    fixed = [(b"content-type", _with_charset(media)), (b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": [*fixed, *headers]})
    for block in _blocks(file) if method != "HEAD" else ():
        await send({"type": "http.response.body", "body": block, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _with_charset(media: str) -> bytes:
    return f"{media}{'; charset=utf-8' if media.startswith('text/') else ''}".encode()

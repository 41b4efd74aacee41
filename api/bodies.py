"""Reads a request's body: never more of it than allowed, unpacked, as UTF-8.

Sources: OpenLineage's clients as measured (Java sends gzip in chunks without a length and may name the
encoding twice; Python sends gzip with a length), so the gzip signature is believed before the headers.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable

from starlette.types import Receive

from api.problems import UnsupportedMediaType
from graph.errors import InvalidInput, TooLarge, Unavailable

GZIP = b"\x1f\x8b"
MAX_RATIO = 100
RATIO_FREE_BYTES = 64 * 1024  # a small body may well repeat itself a hundredfold
JSON_MEDIA = frozenset({"", "application/json", "text/json"})
"""Media types of one JSON text, as are those that end in `+json`; "" where none is named."""

_LAYERS = 2

Headers = Iterable[tuple[bytes, bytes]]


async def read_body(headers: Headers, receive: Receive, limit: int, media: frozenset[str] = JSON_MEDIA) -> bytes:
    """The body's bytes, in UTF-8 and of one of the media types, at most `limit` of them both packed and unpacked.

    Raises `TooLarge` (by Content-Length before a byte is read), `UnsupportedMediaType`, and `InvalidInput`
    for packed bytes that do not unpack.
    """
    length = encoding = content_type = b""
    for name, value in headers:
        if name == b"content-length":
            length = value
        elif name == b"content-encoding":
            encoding = encoding + b"," + value
        elif name == b"content-type":
            content_type = value
    if length and int(length) > limit:  # the server has checked that it is a number
        raise too_large(limit)
    charset = _charset(content_type, media) if content_type != b"application/json" else ""
    gzip_named = _names_gzip(encoding) if encoding else False
    body = await _receive_all(receive, limit)
    if body[:2] == GZIP:
        body = unpack(body, limit)
    elif gzip_named:
        raise InvalidInput("Content-Encoding says gzip, but the body is not gzip")
    return _as_utf8(body, charset) if charset else body


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes")


async def _receive_all(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Unavailable("the connection ended before the body did")
        chunk: bytes = message.get("body", b"")
        if not message.get("more_body", False) and not chunks:
            chunks.append(chunk)
            size = len(chunk)
            break
        chunks.append(chunk)
        size += len(chunk)
        if size > limit or not message.get("more_body", False):
            break
    if size > limit:
        raise too_large(limit)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def unpack(body: bytes, limit: int) -> bytes:
    """Undo gzip, once or twice, into at most `limit` bytes and at most a hundred times the size packed."""
    packed = len(body)
    bound = min(limit, max(packed * MAX_RATIO, RATIO_FREE_BYTES))
    for _ in range(_LAYERS):
        body = _gunzip(body, bound, limit)
        if body[:2] != GZIP:
            return body
    raise InvalidInput("the body is gzip within gzip within gzip")


def _gunzip(body: bytes, bound: int, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while body:
        stream = zlib.decompressobj(wbits=31)
        try:
            part = stream.decompress(body, bound - size + 1)
        except zlib.error as error:
            raise InvalidInput(f"the body is not whole gzip: {error}") from None
        size += len(part)
        if size > bound:
            reason = f"the body unpacks to more than {MAX_RATIO} times its size"
            raise too_large(limit) if bound == limit else TooLarge(reason)
        if not stream.eof:
            raise InvalidInput("the body is not whole gzip: it ends too early")
        parts.append(part)
        body = stream.unused_data
    return b"".join(parts)


def _names_gzip(encoding: bytes) -> bool:
    names = {name.strip() for name in encoding.decode("latin-1").lower().split(",")} - {"", "identity"}
    unknown = names - {"gzip", "x-gzip"}
    if unknown:
        raise UnsupportedMediaType(
            f"Content-Encoding {', '.join(sorted(unknown))} is not read; send gzip or none",
            field="Content-Encoding",
        )
    return bool(names)


def _charset(content_type: bytes, allowed: frozenset[str]) -> str:
    """The charset to convert from, "" for UTF-8; refuses other media types than those allowed."""
    media, _, parameters = content_type.decode("latin-1").partition(";")
    media = media.strip().lower()
    if media not in allowed and not media.endswith("+json"):
        raise UnsupportedMediaType(f"expected application/json, found {media!r}", field="Content-Type")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return _known_charset(value.strip().strip("\"'"))
    return ""


def _known_charset(name: str) -> str:
    try:
        known = codecs.lookup(name).name
        "".encode(known)  # refuses codecs that are not of text
    except (LookupError, ValueError):
        raise UnsupportedMediaType(f"unknown charset {name[:40]!r}; send UTF-8", field="Content-Type") from None
    return "" if known in ("utf-8", "ascii") else known


def _as_utf8(body: bytes, charset: str) -> bytes:
    try:
        return body.decode(charset).encode()
    except UnicodeError:
        raise InvalidInput(f"the body is not {charset}") from None

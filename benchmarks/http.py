"""HTTP/1.1 with next to nothing around it, so that the client leaves the machine to Andon.

One connection, kept alive, one request at a time; answers need a Content-Length. Some
30 us a request, where httpx takes 500.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import urlsplit

import msgspec


class RequestFailed(Exception):
    """The connection was lost, or the answer is none that this client reads."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The value of a header, by its lower-case name."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip()
        return None


class Connection(asyncio.Protocol):
    """Opened with `await Connection.open(url)`."""

    def __init__(self, host: str) -> None:
        self._host = host.encode()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._received = bytearray()

    @classmethod
    async def open(cls, url: str) -> Self:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(lambda: cls(parts.netloc), parts.hostname or "", parts.port or 80)
        return protocol

    async def post(self, path: bytes, body: bytes, more: bytes = b"") -> Answer:
        """POST JSON, with `more` lines of head. Raises `RequestFailed`."""
        head = b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n"
        return await self._exchange(head % (path, self._host, len(body), more) + body)

    async def get(self, path: bytes) -> Answer:
        return await self._exchange(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, self._host))

    async def graphql(self, request: bytes) -> Any:
        """`data` of an encoded GraphQL request. Raises `RequestFailed` where there are errors."""
        answer = await self.post(b"/graphql", request, b"X-Andon-Csrf: 1\r\n")
        content = msgspec.json.decode(answer.body)
        if answer.status != 200 or content.get("errors"):
            raise RequestFailed(f"{answer.status} {answer.body[:500]!r}")
        return content["data"]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def _exchange(self, request: bytes) -> Answer:
        if self._transport is None or self._transport.is_closing():
            raise RequestFailed("the connection is closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(RequestFailed(f"the connection was lost: {exc}"))

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        end = received.find(b"\r\n\r\n")
        if end < 0 or self._waiting is None or self._waiting.done():
            return
        head = bytes(received[:end])
        length = _content_length(head)
        if length is None:
            self._waiting.set_exception(RequestFailed(f"no Content-Length in {head[:500]!r}"))
        elif len(received) >= end + 4 + length:
            body = bytes(received[end + 4 : end + 4 + length])
            received.clear()
            self._waiting.set_result(Answer(int(head[9:12]), head, body))


def _content_length(head: bytes) -> int | None:
    at = head.lower().find(b"\r\ncontent-length:")
    return None if at < 0 else int(head[at + 17 :].split(b"\r\n", 1)[0])


def graphql_request(query: str, **variables: object) -> bytes:
    return msgspec.json.encode({"query": query, "variables": variables})

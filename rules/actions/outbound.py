"""HTTP from here to targets: to vetted addresses only, over within its time, and nothing of it logged.

A redirect is an answer like any other and is never followed, so that a target cannot send what it is given elsewhere.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from graph.errors import InvalidInput
from rules.actions.address import AddressRefused, Resolver, resolve_within, vetted
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused
from rules.rule import MissingReference

TIMEOUT = 5.0
"""Seconds for all of a request: look-up, connection, request and answer."""

TIMEOUT_OF_APIS = 10.0
"""The same where a request makes somebody work."""

MAX_ANSWER = 262_144
"""Bytes of an answer's body that are read."""

_LATER = frozenset({408, 425, 429}) | frozenset(range(500, 600))
_LONGEST_WAIT = timedelta(hours=1)


class NoAnswer(Exception):
    """A request that got no answer, this time; the reason holds nothing of what was sent or came."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a target said; it has no repr since it may repeat a secret. `complete`: all of its body is here."""

    status: int
    body: bytes
    complete: bool
    retry_after: str | None


_KEPT_IN_PATH = "/%:@!$&'()*+,;=-._~"  # RFC 3986 section 3.3; what is encoded already stays so


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A URL taken apart; it has no repr since its path may be a secret."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def target(self) -> str:
        """Whose limits a request to it counts for; two paths of a server are one target."""
        return f"{'https' if self.secure else 'http'}://{self.host.lower()}:{self.port}"


def check_url(url: str) -> Endpoint:
    """The parts of a target's URL; raises `InvalidInput`, which never repeats the URL."""
    if any(ord(character) <= 32 or ord(character) == 127 or character == "\\" for character in url):
        raise InvalidInput("is not a URL")
    try:
        parsed = urlsplit(url)
        port = parsed.port
        name = parsed.hostname or ""
        host = name if name.isascii() else name.encode("idna").decode("ascii")
    except (UnicodeError, ValueError):
        raise InvalidInput("is not a URL") from None
    if parsed.scheme not in ("http", "https") or not host:
        raise InvalidInput("expected an http:// or https:// URL with a host")
    if parsed.username is not None or parsed.password is not None:
        raise InvalidInput("has a user name or password in its URL, which is not supported")
    if port == 0:
        raise InvalidInput("has port 0")
    secure = parsed.scheme == "https"
    target = quote(parsed.path or "/", safe=_KEPT_IN_PATH)
    if parsed.query:
        target += "?" + quote(parsed.query, safe=_KEPT_IN_PATH + "?")
    return Endpoint(secure, host, port or (443 if secure else 80), target)


class Outbound:
    """Makes requests; `allowed_hosts` are entries like `localhost:9000` that may be reached although not public.

    Without `resolve` the system's resolver is used, without `tls` the system's certificate authorities.
    """

    def __init__(
        self,
        allowed_hosts: frozenset[str] = frozenset(),
        *,
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._allowed_hosts = frozenset(_allowed_host(entry) for entry in allowed_hosts)
        self._resolve = resolve or resolve_within(timeout)
        self._tls = tls or ssl.create_default_context()
        self._timeout = timeout

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Raises `InvalidInput` for a URL or a header that is none, `AddressRefused`, and `NoAnswer`."""
        try:
            endpoint = check_url(url)
        except InvalidInput as error:
            raise InvalidInput(f"the URL {error.reason}") from None
        for name, value in headers.items():
            if not value.isascii() or any(ord(it) < 32 or ord(it) == 127 for it in value):
                raise InvalidInput(f"the header {name} has a value that no header can have")
        deadline = time.monotonic() + self._timeout
        try:
            addresses = vetted(endpoint.host, endpoint.port, self._allowed_hosts, self._resolve)
            connection = _Connection(endpoint, addresses, self._tls if endpoint.secure else None, deadline)
            return _exchanged(connection, method, endpoint.path, {**headers, "Connection": "close"}, body)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(_failure(error)) from None


def _exchanged(
    connection: _Connection, method: str, path: str, headers: Mapping[str, str], body: bytes | None
) -> Answer:
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        read, complete = b"", False
        with suppress(OSError, http.client.HTTPException):  # the status stands, whatever follows
            read = answer.read(MAX_ANSWER + 1)
            complete = len(read) <= MAX_ANSWER
        return Answer(answer.status, read[:MAX_ANSWER], complete, answer.getheader("Retry-After"))
    finally:
        connection.close()


def outcome_of(attempt: Callable[[], Outcome]) -> Outcome:
    """How an attempt ended, also where it ended with an error of `Outbound` or of a reference."""
    try:
        return attempt()
    except MissingReference as error:
        return Postponed(error.reason)
    except InvalidInput as error:
        return Refused(error.reason)
    except AddressRefused as error:
        return Refused(str(error))
    except NoAnswer as error:
        return Postponed(str(error))


def judged(answer: Answer) -> Outcome:
    """By its status alone, as HTTP means it."""
    status, retry_after = answer.status, answer.retry_after
    if 200 <= status < 300:
        return Delivered()
    if status in _LATER:
        asked = retry_after if retry_after and retry_after.isascii() and retry_after.isdigit() else None
        after = min(timedelta(seconds=int(asked[:9])), _LONGEST_WAIT) if asked else None
        return Postponed(f"the target answered {status}", after)
    if 300 <= status < 400:
        return Refused(f"the target answered {status}: redirects are not followed")
    return Refused(f"the target answered {status}")


def _allowed_host(entry: str) -> str:
    host, _, port = entry.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise InvalidInput(f"expected host:port, found {entry[:100]!r}", field="allowed_hosts")
    return entry.lower()


def _failure(error: Exception) -> str:
    """A reason by the kind of failure: the text of such errors may hold what the target sent."""
    if isinstance(error, TimeoutError):
        return "the target took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the target's certificate is not trusted (OpenSSL code {error.verify_code})"
    if isinstance(error, socket.gaierror):
        return "the host was not found"
    return f"the connection failed ({type(error).__name__})"


class _Connection(http.client.HTTPConnection):
    """HTTP/1.1 to an address chosen beforehand, over before `deadline` (of `time.monotonic`) whatever
    happens.

    `http.client` rather than httpx: it logs nothing, reads no proxy settings, follows no redirect, and lets
    one deadline span headers and body, so that a target that drips bytes cannot hold the worker.
    """

    def __init__(self, endpoint: Endpoint, addresses: list[str], tls: ssl.SSLContext | None, deadline: float) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self.default_port = 443 if endpoint.secure else 80
        self._addresses = addresses
        self._tls = tls
        self._deadline = deadline

    def connect(self) -> None:
        plain = self._reach()
        stream = plain
        if self._tls is not None:
            # The certificate is checked against the name that was asked for, not the address it led to.
            stream = self._tls.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = stream
        if isinstance(stream, ssl.SSLSocket):
            stream.settimeout(_remaining(self._deadline))
            stream.do_handshake()
        self.sock = _Timed(stream, self._deadline)  # what http.client uses of a socket

    def _reach(self) -> socket.socket:
        """A connection to the first address that takes one."""
        failure = OSError("no address")
        for address in self._addresses:
            try:
                return socket.create_connection((address, self.port), _remaining(self._deadline))
            except OSError as error:
                failure = error
        raise failure


class _Timed:
    """The part of a socket that `http.client` uses, every operation within what is left of the time."""

    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._stream.settimeout(_remaining(self._deadline))
        self._stream.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._stream, self._deadline))

    def close(self) -> None:
        self._stream.close()


class _TimedReader(io.RawIOBase):
    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline
        # Counts as a user of the socket: http.client closes it before the answer has been read.
        self._file = stream.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._stream.settimeout(_remaining(self._deadline))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def _remaining(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left

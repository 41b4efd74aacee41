"""How each error becomes an answer: one table for HTTP (problem details, RFC 9457) and GraphQL codes.

Errors of `AndonError` speak for themselves; anything else is ours, is logged with the request's id, and the
caller learns that id and nothing more.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass

import msgspec

from graph.errors import (
    AndonError,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TookTooLong,
    TooLarge,
    Unavailable,
)

log = logging.getLogger("andon.api")

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """What one class of errors is called: HTTP status, GraphQL code and a title for people."""

    status: int
    code: str
    title: str

    @property
    def type(self) -> str:
        return "urn:andon:problem:" + self.code.lower().replace("_", "-")


class UnsupportedMediaType(InvalidInput):
    """A body whose content type, encoding or charset Andon does not read."""


class MethodNotAllowed(InvalidInput):
    """A path that exists, asked by a method it does not have."""


class NotAcceptable(InvalidInput):
    """An answer of which the caller takes no format that there is."""


class Gone(NotFound):
    """What was named was there, and is no more."""


class TimedOut(TookTooLong):
    """The caller's question took longer than it may."""


INTERNAL = Kind(500, "INTERNAL", "Internal error")

KINDS: dict[type[AndonError], Kind] = {
    UnsupportedMediaType: Kind(415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type"),
    MethodNotAllowed: Kind(405, "METHOD_NOT_ALLOWED", "Method not allowed"),
    NotAcceptable: Kind(406, "NOT_ACCEPTABLE", "Not acceptable"),
    TooLarge: Kind(413, "TOO_LARGE", "Too large"),
    InvalidInput: Kind(400, "BAD_USER_INPUT", "Invalid input"),
    Gone: Kind(410, "GONE", "Gone"),
    NotFound: Kind(404, "NOT_FOUND", "Not found"),
    Conflict: Kind(409, "CONFLICT", "Conflict"),
    NotAuthenticated: Kind(401, "UNAUTHENTICATED", "Not authenticated"),
    NotAllowed: Kind(403, "FORBIDDEN", "Not allowed"),
    TookTooLong: Kind(504, "TIMEOUT", "Took too long"),
    Unavailable: Kind(503, "UNAVAILABLE", "Unavailable"),
}
"""Looked up along the error's class hierarchy, nearest first."""


def kind_of(error: BaseException) -> Kind:
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), INTERNAL)


@dataclass(frozen=True, slots=True)
class Problem:
    """An HTTP answer for an error: status, headers and the problem details as JSON."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def problem(error: Exception) -> Problem:
    """Problem details for an error; one that nobody foresaw is logged and answered by an id."""
    kind = kind_of(error)
    details: dict[str, str | int] = {"type": kind.type, "title": kind.title, "status": kind.status}
    if kind is INTERNAL:
        details["request_id"] = log_unforeseen(error)
        details["detail"] = "Andon failed; the log has the cause under this request's id"
    else:
        details["detail"] = str(error)
    if isinstance(error, InvalidInput):
        details["field"] = error.field
    body = msgspec.json.encode(details)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if isinstance(error, Unavailable):
        headers.append((b"retry-after", str(error.retry_after).encode()))
    if isinstance(error, NotAuthenticated):
        headers.append((b"www-authenticate", b'Bearer realm="andon"'))
    return Problem(kind.status, headers, body)


def log_unforeseen(error: BaseException) -> str:
    """Log an error with its traceback; returns the id to give to the caller."""
    request_id = secrets.token_hex(8)
    log.error("request %s failed", request_id, exc_info=error)
    return request_id

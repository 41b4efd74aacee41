"""Webhooks: a CloudEvents 1.0 JSON event by POST, signed, to public addresses only.

The event follows CloudEvents 1.0.2 (JSON format, structured mode). Signatures follow Standard Webhooks 1.0:
`webhook-id`, `webhook-timestamp` (seconds) and `webhook-signature: v1,<base64>`, an HMAC-SHA256 over
`<id>.<timestamp>.<body>`; a secret that begins with `whsec_` is base64 after that, any other is taken as it
stands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import io
import json
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from yaml.nodes import MappingNode, Node, ScalarNode

from graph.errors import InvalidInput
from graph.model import Instant, isoformat
from graph.reader import EntityRecord, Owner
from rules.action import SEEN, Occasion, Order
from rules.actions.address import AddressRefused, Resolver, resolve_within, vetted
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused
from rules.conditions import Expression
from rules.document import Document
from rules.impact import Hit
from rules.outbox import Intended
from rules.rule import MissingReference, Rule, Template

TIMEOUT = 5.0
"""Seconds for all of it: look-up, connection, request and answer."""

MAX_ANSWER = 65_536
"""Bytes of an answer's body that are read; nothing of it is kept."""

MAX_ATTACHED = 20

_EVENT_TYPE = re.compile(r"[a-z][a-zA-Z0-9]*([._-][a-zA-Z0-9]+){0,20}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LATER = frozenset({408, 425, 429}) | frozenset(range(500, 600))
_LONGEST_WAIT = timedelta(hours=1)
_USER_AGENT = "andon-webhook/1"


@dataclass(frozen=True, slots=True)
class Webhook:
    """POST a CloudEvent of `event_type` to `url`; signed if `secret`, which is always a bare reference.

    What the expressions of `attach` come to goes along, by name.
    """

    url: Template
    event_type: str
    secret: Template | None = None
    attach: Mapping[str, Expression] = field(default_factory=dict)
    kind = "webhook"
    for_owners = True

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order:
        return Order(
            body=event(key, self, occasion, hit, owner),
            owner=owner.name if owner is not None else "",
            address=self.url.text,
            credential=self.secret.text if self.secret is not None else None,
        )


def read(document: Document, node: Node, path: str) -> Webhook:
    fields = document.mapping(node, path, ("url", "event_type"), ("secret", "attach"))
    expected = "words joined by dots, as dev.andon.run.failed"
    return Webhook(
        url=document.template(fields["url"], f"{path}.url", check_url),
        event_type=document.matching(fields["event_type"], f"{path}.event_type", _EVENT_TYPE, expected),
        secret=document.secret(fields["secret"], f"{path}.secret") if "secret" in fields else None,
        attach=_attached(document, fields["attach"], f"{path}.attach") if "attach" in fields else {},
    )


def _attached(document: Document, node: Node, path: str) -> dict[str, Expression]:
    keys = [it.value for it, _ in node.value if isinstance(it, ScalarNode)] if isinstance(node, MappingNode) else []
    named = tuple(it for it in keys if _FIELD.fullmatch(it))[:MAX_ATTACHED]
    fields = document.mapping(node, path, (), named)
    return {name: document.expression(it, f"{path}.{name}", SEEN) for name, it in fields.items()}


def event(key: str, action: Webhook, occasion: Occasion, hit: Hit, owner: Owner | None) -> bytes:
    """The CloudEvent for one owner of one entity that was hit; the same arguments give the same bytes.

    `subject` is the urn of what was hit. `data` has `rule`, `firing`, `change`, `job`, `target`, `owner` (null where
    nobody is), `path` (urns, upstream first), `evidence` (journal positions), and `attached` where the rule attaches
    something. Raises `InvalidInput` where that cannot be told.
    """
    change, entity = occasion.change, hit.entity
    data: dict[str, object] = {
        "rule": _rule(occasion.rule),
        "firing": occasion.firing,
        "change": {
            "what": change.what,
            "urn": change.urn,
            "position": change.position,
            "validAt": isoformat(change.valid_at),
        },
        "job": _named(occasion.job) if occasion.job is not None else None,
        "target": _named(entity),
        "owner": {"name": owner.name, "type": owner.type} if owner is not None else None,
        "path": hit.path,
        "evidence": sorted({change.position, *hit.evidence}),
    }
    if action.attach:
        seen = occasion.seen(key, hit, owner)
        data["attached"] = {name: it.value(seen) for name, it in action.attach.items()}
    body = {
        "specversion": "1.0",
        "id": key,
        "source": f"/andon/rules/{occasion.rule.name}",
        "type": action.event_type,
        "subject": entity.urn,
        "time": isoformat(occasion.at),
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(body, separators=(",", ":"), default=str).encode()


def _rule(rule: Rule) -> dict[str, object]:
    told: dict[str, object] = {"name": rule.name, "version": rule.version_id, "severity": rule.severity}
    if rule.runbook is not None:
        told["runbook"] = rule.runbook
    return told


def _named(entity: EntityRecord) -> dict[str, str]:
    return {"urn": entity.urn, "type": entity.type, "namespace": entity.namespace, "name": entity.name}


_KEPT_IN_PATH = "/%:@!$&'()*+,;=-._~"  # RFC 3986 section 3.3; what is encoded already stays so


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A URL taken apart; it has no repr since its path may be a secret."""

    secure: bool
    host: str
    port: int
    path: str


def check_url(url: str) -> Endpoint:
    """The parts of a webhook's URL; raises `InvalidInput`, which never repeats the URL."""
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


class Webhooks:
    """Delivers webhooks. `references` are the values behind `${NAME}`, `allowed_hosts` entries like
    `localhost:9000`.

    Without `resolve` the system's resolver is used, without `tls` the system's certificate authorities.
    """

    def __init__(
        self,
        references: Mapping[str, str],
        allowed_hosts: frozenset[str] = frozenset(),
        *,
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._references = references
        self._allowed_hosts = frozenset(_allowed_host(entry) for entry in allowed_hosts)
        self._resolve = resolve or resolve_within(timeout)
        self._tls = tls or ssl.create_default_context()
        self._timeout = timeout

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        try:
            endpoint = check_url(Template(intended.address).resolve(self._references))
            headers = self._headers(intended, at)
            deadline = time.monotonic() + self._timeout
            addresses = vetted(endpoint.host, endpoint.port, self._allowed_hosts, self._resolve)
            tls = self._tls if endpoint.secure else None
            return _post(_Connection(endpoint, addresses, tls, deadline), endpoint.path, headers, intended.body)
        except MissingReference as error:
            return Postponed(error.reason)
        except InvalidInput as error:
            return Refused(f"the URL {error.reason}")
        except AddressRefused as error:
            return Refused(str(error))
        except (OSError, http.client.HTTPException) as error:
            return Postponed(_failure(error))

    def _headers(self, intended: Intended, at: Instant) -> dict[str, str]:
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "Content-Length": str(len(intended.body)),
            "User-Agent": _USER_AGENT,
            "Idempotency-Key": intended.key,
            "Connection": "close",
        }
        if intended.credential is not None:
            secret = Template(intended.credential).resolve(self._references)
            headers |= signature(secret, intended.key, at, intended.body)
        return headers


def _post(connection: _Connection, path: str, headers: dict[str, str], body: bytes) -> Outcome:
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        with suppress(OSError, http.client.HTTPException):  # the status has decided; what follows is politeness
            answer.read(MAX_ANSWER)
        return _judged(answer.status, answer.getheader("Retry-After"))
    finally:
        connection.close()


def signature(secret: str, key: str, at: Instant, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks; raises `InvalidInput` for a `whsec_` secret that is not base64."""
    try:
        known = base64.b64decode(secret[6:], validate=True) if secret.startswith("whsec_") else secret.encode()
    except binascii.Error:
        raise InvalidInput("has a secret that is not base64 after whsec_") from None
    timestamp = str(at // 1_000_000)
    signed = b".".join((key.encode(), timestamp.encode(), body))
    mac = base64.b64encode(hmac.new(known, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": key, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{mac}"}


def _allowed_host(entry: str) -> str:
    host, _, port = entry.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise InvalidInput(f"expected host:port, found {entry[:100]!r}", field="allowed_hosts")
    return entry.lower()


def _judged(status: int, retry_after: str | None) -> Outcome:
    if 200 <= status < 300:
        return Delivered()
    if status in _LATER:
        asked = retry_after if retry_after and retry_after.isascii() and retry_after.isdigit() else None
        after = min(timedelta(seconds=int(asked[:9])), _LONGEST_WAIT) if asked else None
        return Postponed(f"the target answered {status}", after)
    if 300 <= status < 400:
        return Refused(f"the target answered {status}: redirects are not followed")
    return Refused(f"the target answered {status}")


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

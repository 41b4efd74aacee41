"""What happens to every request before and after the rest sees it: who calls, from where, and how it is
answered.

One ASGI layer around the application: it finds the caller, refuses pages of other sites where no key protects
the service, adds security headers, and turns whatever was raised into problem details.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.approvals import PATH as APPROVALS
from api.auth import ANYONE, Caller, Keys
from api.problems import problem
from graph.errors import NotAllowed

OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/ui", "/favicon.ico"})
OPEN_FOLDERS = ("/ui/", APPROVALS)
LINKED_DATA = "/id/"
"""People come here without a key and are led to the page; programs need one."""
NOBODY = Caller("nobody", frozenset())
CALLER = "andon.caller"
"""Where in an ASGI scope the `Caller` stands."""

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        b"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Front:
    """`doors` answer the paths they are named by, past the routing and middleware of `app`, which would take
    half the time of an event; `app` answers all others. `known_host` says whether a Host header names this
    service; it is asked only where the service is open.
    """

    def __init__(
        self, app: ASGIApp, doors: Mapping[str, ASGIApp], keys: Keys, known_host: Callable[[str], bool]
    ) -> None:
        self._app = app
        self._doors = doors
        self._keys = keys
        self._known_host = known_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = ended = False

        async def send_secured(message: Message) -> None:
            nonlocal started, ended
            if message["type"] == "http.response.start":
                started = True
                own = [*message.get("headers", ())]
                said = {name for name, _ in own}
                message["headers"] = own + [it for it in SECURITY_HEADERS if it[0] not in said]
            else:
                ended = not message.get("more_body", False)
            await send(message)

        try:
            self._admit(scope)
            await self._doors.get(scope["path"], self._app)(scope, receive, send_secured)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the process edge: whatever it is, the caller gets an answer without a stack
            if ended:  # starlette raises again what it has answered (and we have logged)
                return
            answer = problem(error)
            if started:
                raise
            await send_secured({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            await send_secured({"type": "http.response.body", "body": answer.body})

    def _admit(self, scope: Scope) -> None:
        """Put the caller into the scope. Raises `NotAuthenticated` or `NotAllowed`."""
        authorization = host = site = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"host":
                host = value
            elif name == b"sec-fetch-site":
                site = value
        path: str = scope["path"]
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS):
            scope[CALLER] = ANYONE
            return
        if path.startswith(LINKED_DATA) and not authorization and self._keys.required:
            scope[CALLER] = NOBODY
            return
        scope[CALLER] = caller = self._keys.authenticate(authorization)
        if caller is ANYONE:
            self._check_origin(host.decode("latin-1"), site)

    def _check_origin(self, host: str, site: bytes) -> None:
        """Without keys the only guard is that a browser's other pages must not reach us (DNS rebinding,
        CSRF).
        """
        if not self._known_host(host):
            raise NotAllowed(f"this service is not called {host[:100]!r}; see the setting allowed_hosts")
        if site in (b"cross-site", b"same-site"):
            raise NotAllowed("a page of another site may not use a service that asks for no key")


def host_check(also: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a Host header names loopback or one of `also`, whatever the port; a client without one is no
    browser.
    """
    known = _LOOPBACK_NAMES | {name.lower() for name in also}

    def check(host: str) -> bool:
        name = host.lower()
        return not name or name in known or name.rpartition(":")[0] in known

    return check

"""Signed links by which those who are asked answer without a key: `/api/v1/approvals/FIRING?by=&until=&signature=`.

Who has the link is taken for whom it names, for this firing and until then; opening it only shows what is asked, since
mail programs open links on their own. The signature is an HMAC-SHA256 over all that the link says.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlencode

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from graph.errors import Conflict, InvalidInput, NotAllowed, NotFound
from graph.model import Instant, isoformat
from rules.outbox import FiringRecord, firing_urn

PATH = "/api/v1/approvals/"
MIN_KEY = 32
MAX_NOTE = 2_000
MAX_BODY = 20_000

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title} - Andon</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}}
dt{{font-weight:600}}dd{{margin:0 0 .6rem;overflow-wrap:anywhere}}
button{{font:inherit;padding:.4rem 1.2rem;margin-right:.6rem}}
textarea{{width:100%;font:inherit}}</style>
<h1>{title}</h1>{content}</html>"""


class Rules(Protocol):
    def firing(self, urn: str) -> FiringRecord | None: ...
    def answer(self, urn: str, approved: bool, by: str, note: str | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads links. `key` is the service's secret, "" for no links; `base` is where people reach the service.

    Raises `InvalidInput` for a key that could be guessed, and for a key without a base.
    """

    key: str
    base: str

    def __post_init__(self) -> None:
        if self.key and len(self.key) < MIN_KEY:
            raise InvalidInput(f"expected at least {MIN_KEY} characters", field="approval_key")
        if self.key and not self.base:
            raise InvalidInput("is needed for links by which people approve", field="public_url")

    def link(self, firing: str, by: str, until: Instant) -> str | None:
        if not self.key or not by:
            return None
        said = {"by": by, "until": int(until), "signature": self._signature(firing, by, until)}
        return f"{self.base.rstrip('/')}{PATH}{quote(firing, safe='')}?{urlencode(said)}"

    def read(self, firing: str, query: str, now: Instant) -> str:
        """Who answers by this link. Raises `NotAllowed`."""
        said = dict(parse_qsl(query))
        by, until = said.get("by", ""), said.get("until", "")
        if not self.key or not by or not (until.isascii() and until.isdigit() and len(until) < 20):
            raise NotAllowed("this is no link by which one can approve")
        signature = self._signature(firing, by, Instant(int(until)))
        if not hmac.compare_digest(signature.encode(), said.get("signature", "").encode()):
            raise NotAllowed("this is no link by which one can approve")
        if int(until) <= now:
            raise NotAllowed("the time to answer has passed")
        return by

    def _signature(self, firing: str, by: str, until: Instant) -> str:
        said = b"\0".join(part.encode() for part in ("andon-approval", firing, by, str(int(until))))
        return hmac.new(self.key.encode(), said, hashlib.sha256).hexdigest()


class ApprovalDoor:
    """What is under `PATH`: GET asks, POST answers."""

    def __init__(self, links: Links, rules: Rules, now: Callable[[], Instant]) -> None:
        self._links = links
        self._rules = rules
        self._now = now

    async def ask(self, request: Request) -> Response:
        by = self._links.read(request.path_params["firing"], request.url.query, self._now())
        firing = await anyio.to_thread.run_sync(self._firing, request)
        if firing.verdict != "waiting":
            return _page("This has been answered", _answered(firing))
        buttons = (
            f'<form method="post" action="?{escape(request.url.query)}"><p><label>Why, if you like to say'
            f' <textarea name="note" rows="3" maxlength="{MAX_NOTE}"></textarea></label></p>'
            '<button name="answer" value="approve">Approve</button><button name="answer" value="refuse">Refuse</button>'
            f"</form><p>You answer as {escape(by)}.</p>"
        )
        return _page(f"{firing.rule} asks", _asked(firing) + buttons)

    async def answer(self, request: Request) -> Response:
        by = self._links.read(request.path_params["firing"], request.url.query, self._now())
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise InvalidInput(f"expected at most {MAX_BODY} bytes", field="note")
        said = dict(parse_qsl(body.decode("utf-8", "replace")))
        answer, note = said.get("answer"), said.get("note", "").strip()[:MAX_NOTE] or None
        if answer not in ("approve", "refuse"):
            raise InvalidInput("expected approve or refuse", field="answer")
        firing = await anyio.to_thread.run_sync(self._firing, request)
        try:
            await anyio.to_thread.run_sync(self._rules.answer, firing.urn, answer == "approve", by, note)
        except Conflict:
            pass  # somebody was faster: what is shown says so
        return _page("Thank you", _answered(await anyio.to_thread.run_sync(self._firing, request)))

    def _firing(self, request: Request) -> FiringRecord:
        firing = self._rules.firing(firing_urn(request.path_params["firing"]))
        if firing is None:
            raise NotFound("there is no such firing")
        return firing


def _asked(firing: FiringRecord) -> str:
    actions = "".join(f"<dd>{escape(it.kind)} on {escape(it.target)}</dd>" for it in firing.actions[:50])
    until = isoformat(firing.awaited.until) if firing.awaited is not None else ""
    why = firing.awaited.reason if firing.awaited is not None else ""
    return (
        f"<dl><dt>Because of</dt><dd>{escape(firing.what)} of {escape(firing.subject)}</dd>"
        f"<dt>It would do</dt>{actions}<dt>Asked because</dt><dd>{escape(why)}</dd>"
        f"<dt>Until</dt><dd>{escape(until)}</dd></dl>"
    )


def _answered(firing: FiringRecord) -> str:
    said = firing.answered
    if said is None:
        return f"<p>It is {escape(firing.verdict)}.</p>"
    word = "approved" if said.approved else "refused"
    by = f" by {escape(said.by)}" if said.by is not None else ""
    return f"<p>{escape(firing.rule)}: {word}{by} at {escape(isoformat(said.at))}.</p>"


def _page(title: str, content: str) -> Response:
    return HTMLResponse(_PAGE.format(title=escape(title), content=content), headers=_HEADERS)

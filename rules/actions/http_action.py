"""`http`: any request that a rule can write down, and looking at what it started until that has ended.

What is to be sent is settled when the rule decides and is kept as parts, so that a value can be told from a literal
when references are put in place. What is to be made of the answer is kept beside it, as the rule says it then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

import msgspec
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from graph.errors import InvalidInput
from graph.model import Instant
from graph.reader import Owner
from rules.action import SEEN, Occasion, Order
from rules.actions import answers
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused, Underway
from rules.actions.json_body import names_in, rendered, resolved
from rules.actions.outbound import Answer, Outbound, check_url, judged, outcome_of
from rules.conditions import MAX_LENGTH, Expression, Values
from rules.document import Document
from rules.impact import Hit
from rules.outbox import Intended
from rules.rule import Template
from rules.text import Json, Rendered, Text, check_host, encoded, url_of

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MAX_URL = 2_000
MAX_HEADERS = 20
MAX_FIELDS = 50
MAX_KEPT = 10
MAX_BODY = 262_144
"""Bytes of all that is kept of one request."""
EVERY = timedelta(seconds=10)
WITHIN = timedelta(hours=1)

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_USER_AGENT = "andon/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Ask `url`, whose expressions may be over the first answer, `every` so often until `until` or `failed` holds."""

    url: Text
    until: Expression
    failed: Expression | None = None
    keep: Mapping[str, Expression] = field(default_factory=dict)
    every: timedelta = EVERY
    within: timedelta = WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """One request; `success` is over its answer, and an answer with a status of `accepted` says it was done before."""

    url: Text
    method: str = "POST"
    headers: Mapping[str, Text] = field(default_factory=dict)
    json: Json = None
    form: Mapping[str, Text] = field(default_factory=dict)
    success: Expression | None = None
    accepted: tuple[int, ...] = ()
    keep: Mapping[str, Expression] = field(default_factory=dict)
    poll: Poll | None = None
    kind = "http"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order:
        seen = occasion.seen(key, hit, owner)
        url = self.url.in_url(seen)
        call = _Call(
            method=self.method,
            url=url.parts,
            headers={name: it.in_header(seen).parts for name, it in self.headers.items()},
            json=rendered(self.json, seen) if self.json is not None else None,
            form={name: it.rendered(seen).parts for name, it in self.form.items()},
            success=self.success.text if self.success is not None else None,
            accepted=self.accepted,
            keep=_texts(self.keep),
            poll=_polling(self.poll, seen) if self.poll is not None else None,
        )
        body = msgspec.json.encode(call)
        if len(body) > MAX_BODY:
            raise InvalidInput(f"comes to {len(body)} bytes, expected at most {MAX_BODY}", field="http")
        return Order(body, address="".join(url.parts), within=self.poll.within if self.poll is not None else None)


class _Polling(msgspec.Struct, frozen=True):
    url: list[str]  # literals, and between them what was decided, encoded, or an expression over the answer
    later: list[int]  # which of them are expressions
    until: str
    failed: str | None
    keep: dict[str, str]
    every: int  # seconds


class _Call(msgspec.Struct, frozen=True):
    """An `Http` that was decided; parts are those of `Rendered`, `json` as `json_body.rendered` writes it."""

    method: str
    url: tuple[str, ...]
    headers: dict[str, tuple[str, ...]]
    json: object
    form: dict[str, tuple[str, ...]]
    success: str | None
    accepted: tuple[int, ...]
    keep: dict[str, str]
    poll: _Polling | None


class _Progress(msgspec.Struct, frozen=True):
    """Where to look at what was started, and what the first answer left to be kept."""

    url: tuple[str, ...]
    kept: dict[str, object]


_read = msgspec.json.Decoder(_Call).decode
_read_progress = msgspec.json.Decoder(_Progress).decode


def _texts(expressions: Mapping[str, Expression]) -> dict[str, str]:
    return {name: it.text for name, it in expressions.items()}


def _expressions(texts: Mapping[str, str]) -> dict[str, Expression]:
    return {name: Expression(it, answers.SEEN) for name, it in texts.items()}


def _polling(poll: Poll, seen: Values) -> _Polling:
    later = [index for index, it in enumerate(poll.url.expressions) if it.names & answers.SEEN]
    between = [it.text if index in later else encoded(it.value(seen)) for index, it in enumerate(poll.url.expressions)]
    parts = [poll.url.literals[0]]
    for value, literal in zip(between, poll.url.literals[1:], strict=True):
        parts += [value, literal]
    return _Polling(
        parts, [2 * index + 1 for index in later], poll.until.text,
        poll.failed.text if poll.failed is not None else None, _texts(poll.keep), round(poll.every.total_seconds()),
    )  # fmt: skip


# Reading


def read(document: Document, node: Node, path: str) -> Http:
    optional = ("method", "headers", "json", "form", "success", "accepted", "keep", "poll")
    fields = document.mapping(node, path, ("url",), optional)
    if "json" in fields and "form" in fields:
        raise document.fault(fields["form"], f"{path}.form", "there is a json body already")
    given = fields.get
    method = given("method")
    success, keep, poll, accepted = given("success"), given("keep"), given("poll"), given("accepted")
    return Http(
        url=document.words(fields["url"], f"{path}.url", MAX_URL, SEEN, check_url_text),
        method="POST" if method is None else document.one_of(method, f"{path}.method", METHODS),
        headers=_headers(document, fields["headers"], f"{path}.headers") if "headers" in fields else {},
        json=document.json(fields["json"], f"{path}.json", SEEN) if "json" in fields else None,
        form=_form(document, fields["form"], f"{path}.form") if "form" in fields else {},
        success=document.expression(success, f"{path}.success", answers.SEEN) if success is not None else None,
        accepted=_statuses(document, accepted, f"{path}.accepted") if accepted is not None else (),
        keep=_keep(document, keep, f"{path}.keep") if keep is not None else {},
        poll=_poll(document, poll, f"{path}.poll") if poll is not None else None,
    )


def check_url_text(text: Text, references: Mapping[str, str]) -> None:
    """That it is a URL whatever its values come to, and that none of them stands in its host."""
    check_url(text.resolve(references))
    if text.expressions:
        check_host(Template(text.literals[0]).resolve(references))


def _headers(document: Document, node: Node, path: str) -> dict[str, Text]:
    named = _named(document, node, path, _HEADER, MAX_HEADERS)
    if ours := [name for name in named if name.lower() in _OURS]:
        raise document.fault(node, path, f"{ours[0]} is not for a rule to say")
    return {name: document.words(it, f"{path}.{name}", MAX_LENGTH, SEEN, Text.resolve) for name, it in named.items()}


def _form(document: Document, node: Node, path: str) -> dict[str, Text]:
    named = _named(document, node, path, re.compile(r".{1,200}"), MAX_FIELDS)
    return {name: document.words(it, f"{path}.{name}", MAX_LENGTH, SEEN, Text.resolve) for name, it in named.items()}


def _keep(document: Document, node: Node, path: str) -> dict[str, Expression]:
    named = _named(document, node, path, _NAME, MAX_KEPT)
    return {name: document.expression(it, f"{path}.{name}", answers.SEEN) for name, it in named.items()}


def _named(document: Document, node: Node, path: str, pattern: re.Pattern[str], most: int) -> dict[str, Node]:
    keys = [it.value for it, _ in node.value if isinstance(it, ScalarNode)] if isinstance(node, MappingNode) else []
    if len(keys) > most:
        raise document.fault(node, path, f"expected at most {most} of them")
    return document.mapping(node, path, (), tuple(it for it in keys if pattern.fullmatch(it)))


def _statuses(document: Document, node: Node, path: str) -> tuple[int, ...]:
    if not isinstance(node, SequenceNode):
        raise document.fault(node, path, "expected a list of statuses, such as [409]")
    return tuple(document.whole(it, path, 300, 499) for it in node.value)


def _poll(document: Document, node: Node, path: str) -> Poll:
    fields = document.mapping(node, path, ("url", "until"), ("failed", "keep", "every", "within"))
    url = document.words(fields["url"], f"{path}.url", MAX_URL, SEEN | answers.SEEN, check_url_text)
    if any(it.names & answers.SEEN and it.names & SEEN for it in url.expressions):
        reason = "each expression is over the answer (status, body) or over what was decided, not over both"
        raise document.fault(fields["url"], f"{path}.url", reason)
    seconds, day = timedelta(seconds=1), timedelta(days=30)
    every = document.duration(fields["every"], f"{path}.every") if "every" in fields else EVERY
    within = document.duration(fields["within"], f"{path}.within") if "within" in fields else WITHIN
    if not seconds <= every <= within <= day:
        raise document.fault(node, path, "expected every to be at most within, and that at most 30d")
    return Poll(
        url=url,
        until=document.expression(fields["until"], f"{path}.until", answers.SEEN),
        failed=document.expression(fields["failed"], f"{path}.failed", answers.SEEN) if "failed" in fields else None,
        keep=_keep(document, fields["keep"], f"{path}.keep") if "keep" in fields else {},
        every=every,
        within=within,
    )


# Carrying out


class Requests:
    """Carries out `http`. `references` are the values behind `${NAME}`."""

    def __init__(self, references: Mapping[str, str], outbound: Outbound) -> None:
        self._references = references
        self._outbound = outbound

    def target(self, intended: Intended) -> str:
        call = _read(intended.body)
        return check_url(Rendered(call.url).url(self._references)).target

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        call = _read(intended.body)
        if intended.progress is None:
            return outcome_of(lambda: self._begin(call, intended.key))
        progress = _read_progress(intended.progress)
        return outcome_of(lambda: self._look(call, progress))

    def _begin(self, call: _Call, key: str) -> Outcome:
        headers = _added(self._headers(call), {"Idempotency-Key": key})
        body = None
        if call.json is not None:
            body = json.dumps(resolved(call.json, self._references)).encode()
            headers = _added(headers, {"Content-Type": "application/json"})
        elif call.form:
            fields = {name: Rendered(it).resolve(self._references) for name, it in call.form.items()}
            body = urlencode(fields).encode()
            headers = _added(headers, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self._outbound.request(call.method, Rendered(call.url).url(self._references), headers, body)
        if answer.status not in call.accepted and (refused := _unsuccessful(call, answer)) is not None:
            return refused
        kept = answers.kept(_expressions(call.keep), answer, self._secrets(call))
        if call.poll is None:
            return Delivered(kept or None)
        url = self._url_to_look_at(call.poll, answer, call)
        progress = msgspec.json.encode(_Progress(url.parts, kept)).decode()
        return Underway(progress, timedelta(seconds=call.poll.every))

    def _look(self, call: _Call, progress: _Progress) -> Outcome:
        poll = call.poll
        assert poll is not None
        answer = self._outbound.request("GET", Rendered(progress.url).url(self._references), self._headers(call))
        if answer.status == 404:  # not to be seen yet
            return Postponed("the target answered 404 when it was asked how it went")
        if not isinstance(judged(answer), Delivered):
            return judged(answer)
        until = Expression(poll.until, answers.SEEN)
        if answers.holds("until", until, answer):
            kept = progress.kept | answers.kept(_expressions(poll.keep), answer, self._secrets(call))
            return Delivered(kept or None)
        if poll.failed is not None and answers.holds("failed", Expression(poll.failed, answers.SEEN), answer):
            return Refused("what was started has failed, as `failed` has it")
        return Underway(msgspec.json.encode(progress).decode(), timedelta(seconds=poll.every))

    def _headers(self, call: _Call) -> dict[str, str]:
        headers = {name: Rendered(it).resolve(self._references) for name, it in call.headers.items()}
        return _added(headers, {"User-Agent": _USER_AGENT, "Accept": "application/json"})

    def _url_to_look_at(self, poll: _Polling, answer: Answer, call: _Call) -> Rendered:
        """The poll's URL, with what the answer says in place, which is kept and so is without secrets."""
        parts = [*poll.url]
        for index in poll.later:
            found = answers.told("poll.url", Expression(parts[index], answers.SEEN), answer)
            parts[index] = encoded(answers.without(self._secrets(call), found))
        return url_of(parts)

    def _secrets(self, call: _Call) -> list[str]:
        texts = [call.url, *call.headers.values(), *call.form.values(), *([call.poll.url] if call.poll else [])]
        names = [name for parts in texts for literal in parts[::2] for name in Template(literal).names]
        names += names_in(call.json) if call.json is not None else []
        return [self._references[name] for name in names if name in self._references]


def _added(headers: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Ours go along where the rule does not say otherwise, in capitals or without."""
    theirs = {name.lower() for name in headers}
    return {**headers, **{name: value for name, value in ours.items() if name.lower() not in theirs}}


def _unsuccessful(call: _Call, answer: Answer) -> Outcome | None:
    """Why an answer is no success, None where it is one."""
    by_status = judged(answer)
    if isinstance(by_status, Postponed):
        return by_status
    if call.success is None:
        return None if isinstance(by_status, Delivered) else by_status
    if answers.holds("success", Expression(call.success, answers.SEEN), answer):
        return None
    if isinstance(by_status, Delivered):
        return Refused(f"the target answered {answer.status}, which is no success as the rule has it")
    return by_status

"""Messages to people by Apprise (extra `notify`): Slack, PagerDuty, Opsgenie, Teams, e-mail and what else it knows.

**One message.** A `notify` is ordered once a firing, whatever is hit: it says what happened and lists who is hit, the
first twenty by name and of the rest the number. Where `owners` gives some owners a channel of their own, there is one
a channel: what is hit and owned by them goes there, the rest to `url`.

**One while it lasts.** A rule that says when its cause is gone (`resolve`) sends no second message for the same
subject until then, and one that says so when it is (`rules.lasting` decides that, from what was ordered before, so
that a restart, another process or a backtest decides the same). It goes to the channels that the first went to, as
that was told, not as the rule has become. PagerDuty, Opsgenie and their like are given the first message's key with
both, and so open one alert and end it. The second waits until the first has been sent or given up.

**Nothing but the message leaves.** A URL holds the secrets of its channel, so it is a bare `${NAME}`, and only
`sending`, a process of its own that vets every address, sees its value. A reason is one of ours, never what a plugin
or target said.

Most channels cannot recognise a message that they have had: a crash between sending and noting it, or one of several
recipients in one URL that fails, has it sent again. Those above can.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from yaml.nodes import MappingNode, Node, ScalarNode

from graph.errors import InvalidInput
from graph.model import Instant, isoformat
from rules.action import SEEN, Occasion, Order
from rules.actions.delivery import Delivered, Outcome, Postponed, Refused, Underway
from rules.actions.outbound import Answer, judged
from rules.actions.sending import SERVICES
from rules.document import Document
from rules.impact import Hit
from rules.outbox import Intended, firing_urn
from rules.rule import MissingReference, Template
from rules.text import Text

TIMEOUT = 12.0
"""Seconds for all of it, the start of the process included."""

MAX_TITLE = 200
MAX_BODY = 5_000
MAX_LISTED = 20
MAX_OWNERS = 100

NAMES = SEEN | {"hits"}
"""The variables of title and body: `hits` are all that the message is about, `hit` the first of them."""

_WAIT = timedelta(seconds=15)
_SENDING = Path(__file__).with_name("sending.py")


class Message(msgspec.Struct, frozen=True):
    """What is sent. `since`: when what it is about happened, an instant; `resolves`: the key of what it takes back."""

    title: str
    body: str
    severity: str
    since: int
    resolves: str | None = None


read_message = msgspec.json.Decoder(Message).decode


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell a channel about all that is hit; `url` and the values of `owners` are bare references."""

    url: Template
    title: Text | None = None
    body: Text | None = None
    owners: Mapping[str, Template] = field(default_factory=dict)
    kind = "notify"
    for_owners = False

    def groups(self, hits: Sequence[Hit]) -> Iterator[tuple[str, Sequence[Hit]]]:
        """(name, hits) of each channel: its reference, in the order in which they are first needed."""
        found: dict[str, list[Hit]] = {}
        for hit in hits:
            own = [self.owners[it.name].text for it in hit.entity.owners if it.name in self.owners]
            for channel in dict.fromkeys(own or [self.url.text]):
                found.setdefault(channel, []).append(hit)
        yield from found.items()

    def order_for(self, key: str, occasion: Occasion, channel: str, hits: Sequence[Hit]) -> Order:
        """Raises `InvalidInput` where title or body cannot be told."""
        rule, values = occasion.rule, {**occasion.seen(key, hits[0]), "hits": lambda: [_named(it) for it in hits]}
        title = self.title.said(values, MAX_TITLE) if self.title is not None else rule.description or rule.name
        said = self.body.said(values, MAX_BODY) if self.body is not None else _happened(occasion)
        message = Message(_line(title), _body(said, occasion, hits), str(rule.severity), occasion.change.valid_at)
        return Order(msgspec.json.encode(message), _owner(self, channel), channel)


def read(document: Document, node: Node, path: str) -> Notify:
    if importlib.util.find_spec("apprise") is None:
        raise document.fault(node, path, "needs Apprise: pip install 'andon[notify]'")
    fields = document.mapping(node, path, ("url",), ("title", "body", "owners"))
    words = {
        name: document.words(fields[name], f"{path}.{name}", MAX_BODY, NAMES)
        for name in ("title", "body") if name in fields
    }  # fmt: skip
    owners = _owners(document, fields["owners"], f"{path}.owners") if "owners" in fields else {}
    return Notify(_channel(document, fields["url"], f"{path}.url"), words.get("title"), words.get("body"), owners)


def _owners(document: Document, node: Node, path: str) -> dict[str, Template]:
    keys = [it.value for it, _ in node.value if isinstance(it, ScalarNode)] if isinstance(node, MappingNode) else []
    if len(keys) > MAX_OWNERS:
        raise document.fault(node, path, f"expected at most {MAX_OWNERS} owners")
    fields = document.mapping(node, path, (), tuple(dict.fromkeys(keys)))
    return {name: _channel(document, it, f"{path}.{name}") for name, it in fields.items()}


def _channel(document: Document, node: Node, path: str) -> Template:
    template = document.template(node, path, check_url)
    if not template.is_reference:
        raise document.fault(node, path, "a channel's URL holds secrets: it is a reference, ${NAME}, and nothing else")
    return template


def check_url(url: str) -> None:
    """Raises `InvalidInput`, which never repeats the URL."""
    scheme, found, rest = url.partition("://")
    if not found or not rest.strip() or any(ord(it) < 32 or ord(it) == 127 for it in url):
        raise InvalidInput("expected one URL as Apprise writes it, such as slack://...")
    if scheme.lower() not in SERVICES:
        raise InvalidInput(f"is for no service that rules may use, which are {', '.join(SERVICES)}")


def _named(hit: Hit) -> dict[str, object]:
    entity = hit.entity
    owners = [it.name for it in entity.owners]
    return {
        "urn": entity.urn, "type": entity.type, "namespace": entity.namespace, "name": entity.name, "owners": owners,
        "path": hit.path,
    }  # fmt: skip


def _happened(occasion: Occasion) -> str:
    change = occasion.change
    return f"{change.what} of {change.urn} at {isoformat(change.valid_at)}."


def _body(said: str, occasion: Occasion, hits: Sequence[Hit]) -> str:
    rule = occasion.rule
    listed = [_line(_shown(it)) for it in hits[:MAX_LISTED]]
    if len(hits) > MAX_LISTED:
        listed.append(f"and {len(hits) - MAX_LISTED} more")
    parts = [said, "\n".join(listed)]
    if rule.runbook is not None:
        parts.append(f"Runbook: {rule.runbook}")
    parts.append(f"{rule.name} {rule.version_id}, {firing_urn(occasion.firing)}")
    return "\n\n".join(parts)


def _shown(hit: Hit) -> str:
    entity = hit.entity
    owners = ", ".join(it.name for it in entity.owners[:5])
    return f"- {entity.type} {entity.name} in {entity.namespace}" + (f" ({owners})" if owners else "")


def _line(text: str) -> str:
    """One line: a title becomes a header of an e-mail, and names come from whoever sends events."""
    plain = "".join(it if it.isprintable() else " " for it in text)
    return " ".join(plain.split())[:MAX_TITLE]


def _owner(action: Notify, channel: str) -> str:
    """Whose channel it is, by name; "" for that of everybody else."""
    return next((name for name, it in action.owners.items() if it.text == channel), "")


def resolution(opened: Intended, firing: str, said: str) -> bytes:
    """The order that takes back a message, to the channel that it went to."""
    first = read_message(opened.body)
    body = f"{said}\n\n{firing_urn(opened.firing)}, ended by {firing_urn(firing)}"
    return msgspec.json.encode(Message(_line(f"Resolved: {first.title}"), body, "info", first.since, opened.key))


class Notifier:
    """Sends messages. `references` are the values behind `${NAME}`, `allowed_hosts` entries like `localhost:9000`;
    `state(key)` is that of another action. `command` starts the process that sends.
    """

    def __init__(
        self,
        references: Mapping[str, str],
        allowed_hosts: frozenset[str] = frozenset(),
        state: Callable[[str], str | None] = lambda _: None,
        *,
        command: Sequence[str] = (sys.executable, "-I", str(_SENDING)),
        timeout: float = TIMEOUT,
    ) -> None:
        self._references = references
        self._allowed_hosts = sorted(allowed_hosts)
        self._state = state
        self._command = [*command]
        self._timeout = timeout

    def target(self, intended: Intended) -> str:
        """The service, and the account or server there."""
        scheme, _, rest = Template(intended.address).resolve(self._references).partition("://")
        return f"{scheme.lower()}://{rest.partition('/')[0]}"

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        message = read_message(intended.body)
        if message.resolves is not None:
            first = self._state(message.resolves)
            if first not in (None, "delivered", "dead", "refused"):
                return Underway("the message that it takes back has not been sent yet", _WAIT)
            if first == "refused":
                return Delivered({"sent": False})  # nobody was ever told
        try:
            url = Template(intended.address).resolve(self._references)
            check_url(url)
        except MissingReference as error:
            return Postponed(error.reason)
        except InvalidInput as error:
            return Refused(f"the URL {error.reason}")
        return self._sent(url, message, intended.key)

    def _sent(self, url: str, message: Message, key: str) -> Outcome:
        told = {
            "url": url, "title": message.title, "body": message.body, "severity": message.severity,
            "key": message.resolves or key, "resolves": message.resolves is not None,
            "allowed": self._allowed_hosts,
        }  # fmt: skip
        said = self._run(json.dumps(told).encode())
        if said is None:
            return Postponed("the target took too long")
        if said.get("refused"):
            return Refused(str(said["refused"]))
        if said.get("sent"):
            return Delivered()
        if broke := said.get("broke"):
            return Postponed(f"Apprise broke ({broke})")
        failed = [it for it in said.get("statuses", ()) if not 200 <= it < 300]
        if failed:
            return judged(Answer(failed[-1], b"", True, said.get("retry_after")))
        return Postponed("the target could not be reached, or did not take it")

    def _run(self, told: bytes) -> dict[str, Any] | None:
        """What the process said; None where it did not end in time. It is in a group of its own, which is ended."""
        with subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"LANG": "C.UTF-8"}, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                output, _ = process.communicate(told, self._timeout)
            except subprocess.TimeoutExpired:
                return None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        try:
            said = json.loads(output)
        except ValueError:
            return {"broke": "no answer"}
        return said if isinstance(said, dict) else {"broke": "no answer"}

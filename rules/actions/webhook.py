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
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yaml.nodes import Node

from graph.errors import InvalidInput
from graph.model import Instant, isoformat
from graph.reader import EntityRecord, Owner
from rules.action import SEEN, Occasion, Order
from rules.actions.delivery import Outcome
from rules.actions.outbound import Outbound, check_url, judged, outcome_of
from rules.conditions import Expression
from rules.document import Document
from rules.impact import Hit
from rules.outbox import Intended
from rules.rule import Rule, Template

MAX_ATTACHED = 20

_EVENT_TYPE = re.compile(r"[a-z][a-zA-Z0-9]*([._-][a-zA-Z0-9]+){0,20}")
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
        attach=document.expressions(fields["attach"], f"{path}.attach", MAX_ATTACHED, SEEN)
        if "attach" in fields
        else {},
    )


def _attached(document: Document, node: Node, path: str) -> dict[str, Expression]:
    return document.expressions(node, path, MAX_ATTACHED, SEEN)


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


class Webhooks:
    """Delivers webhooks. `references` are the values behind `${NAME}`."""

    def __init__(self, references: Mapping[str, str], outbound: Outbound) -> None:
        self._references = references
        self._outbound = outbound

    def deliver(self, intended: Intended, at: Instant) -> Outcome:
        return outcome_of(lambda: self._deliver(intended, at))

    def _deliver(self, intended: Intended, at: Instant) -> Outcome:
        url = Template(intended.address).resolve(self._references)
        return judged(self._outbound.request("POST", url, self._headers(intended, at), intended.body))

    def _headers(self, intended: Intended, at: Instant) -> dict[str, str]:
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": _USER_AGENT,
            "Idempotency-Key": intended.key,
        }
        if intended.credential is not None:
            secret = Template(intended.credential).resolve(self._references)
            headers |= signature(secret, intended.key, at, intended.body)
        return headers


def signature(secret: str, key: str, at: Instant, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks; raises `InvalidInput` for a `whsec_` secret that is not base64."""
    try:
        known = base64.b64decode(secret[6:], validate=True) if secret.startswith("whsec_") else secret.encode()
    except binascii.Error:
        raise InvalidInput("the secret is not base64 after whsec_") from None
    timestamp = str(at // 1_000_000)
    signed = b".".join((key.encode(), timestamp.encode(), body))
    mac = base64.b64encode(hmac.new(known, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": key, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{mac}"}

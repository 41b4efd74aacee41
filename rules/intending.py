"""From a rule's actions and what is hit to what the outbox is to have done: the same decision, the same keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from graph.model import Change, Instant, isoformat
from graph.reader import Owner
from rules.action import Action, Moot, Occasion, Order, Together
from rules.impact import Hit, Impact
from rules.outbox import Awaited, Intended
from rules.rule import Rule

Link = Callable[[str, str, Instant], str | None]
"""(firing, by, until): where one who is asked may answer, without a key; None where there is no such place."""


def identity(change: Change, rule: Rule) -> tuple[str, ...]:
    return rule.name, rule.version_id, str(change.position), change.what, change.urn


def hashed(*parts: str) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def intended(occasion: Occasion, hit: Hit, owner: Owner | None, index: int) -> Intended | Moot:
    """The rule's action of that number for one that is hit, and for one owner of it where the action is for owners."""
    action = occasion.rule.actions[index]
    assert not isinstance(action, Together)
    names = [owner.name if owner is not None else ""] if action.for_owners else []
    key = hashed("action", *identity(occasion.change, occasion.rule), hit.entity.urn, *names, str(index))
    order = action.order(key, occasion, hit, owner)
    return order if isinstance(order, Moot) else _kept(occasion, action, key, order, hit.entity.urn, [hit])


def intended_of_all(occasion: Occasion, subject: str, impact: Impact) -> Iterator[Intended]:
    """What is ordered once for several that are hit."""
    for index, action in enumerate(occasion.rule.actions):
        if isinstance(action, Together):
            for group, hits in action.groups(impact.hits):
                key = hashed("action", *identity(occasion.change, occasion.rule), group, str(index))
                order = action.order_for(key, occasion, group, hits)
                yield _kept(occasion, action, key, order, subject, hits)


def asking(occasion: Occasion, approval: Awaited, hit: Hit, link: Link) -> Iterator[Intended]:
    """What tells those who may answer that something waits: done at once, for each of them."""
    rule = occasion.rule
    for name in approval.by or ("",):
        shown = {
            "by": name or None, "until": isoformat(approval.until), "reason": approval.reason,
            "link": link(occasion.firing, name, approval.until),
        }  # fmt: skip
        told = replace(occasion, values={**occasion.values, "approval": _always(shown)})
        for index, action in enumerate(rule.approval.ask if rule.approval is not None else ()):
            for key, order in _asked(told, action, index, name, hit):
                yield replace(_kept(told, action, key, order, hit.entity.urn, [hit]), at_once=True)


def _asked(
    occasion: Occasion, action: Action | Together, index: int, name: str, hit: Hit
) -> Iterator[tuple[str, Order]]:
    said = ("ask", *identity(occasion.change, occasion.rule), name, str(index))
    if isinstance(action, Together):
        for group, hits in action.groups([hit]):
            key = hashed(*said, group)
            yield key, action.order_for(key, occasion, group, hits)
        return
    order = action.order(hashed(*said), occasion, hit, Owner(name) if name else None)
    if isinstance(order, Order):
        yield hashed(*said), order


def _kept(
    occasion: Occasion, action: Action | Together, key: str, order: Order, target: str, hits: Sequence[Hit]
) -> Intended:
    return Intended(
        key=key,
        firing=occasion.firing,
        kind=action.kind,
        target=target,
        owner=order.owner,
        address=order.address,
        credential=order.credential,
        body=order.body,
        within=order.within,
        evidence=tuple(sorted({occasion.change.position}.union(*(it.evidence for it in hits)))),
    )


def _always(value: object) -> Callable[[], object]:
    return lambda: value

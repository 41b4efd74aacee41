"""Actions as a rule's decision leaves them in the outbox, for tests of what carries them out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import ontology
from rules import read_rule
from rules.action import Occasion
from rules.impact import Hit
from rules.intending import hashed
from rules.outbox import Intended
from tests.rules.estate import T0, dashboard, failed, shop

_words = cache(ontology.load)
FIRING = "f1" * 16
AFTER: dict[str, Any] = {"state": "FAIL", "name": "run-1", "tags": ["pii"]}


def intended(action: str, references: Mapping[str, str], *, index: int = 0, **after: object) -> Intended:
    """The action that YAML says, decided for the dashboard `sales`; `after` is what its expressions see."""
    text = f"rule: a-rule\nversion: 1\non: {{change: run.failed}}\ndo:\n{action}"
    rule = read_rule(text.encode(), "a.yaml", _words(), references)
    seen = AFTER | after
    occasion = Occasion(rule=rule, change=failed(9), firing=FIRING, at=T0, job=None, values={"after": lambda: seen})
    hit = Hit(shop().entities[dashboard("sales")], (dashboard("sales"),), ())
    key = hashed("action", str(index))
    order = rule.actions[0].order(key, occasion, hit, None)
    return Intended(
        key=key, firing=FIRING, kind=rule.actions[0].kind, target=hit.entity.urn, owner=order.owner,
        address=order.address, credential=order.credential, body=order.body, evidence=(), within=order.within,
    )  # fmt: skip

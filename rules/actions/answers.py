"""What expressions see of a target's answer, and what of it may be kept: nothing that was sent in secret.

A target may repeat what it was given. So nothing it said is in a reason, and what is kept of its answer is kept without
the values of references.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from graph.errors import InvalidInput
from rules.actions.outbound import Answer
from rules.conditions import Expression, Values, bounded

SEEN = frozenset({"status", "body"})
"""The variables of expressions over an answer; `body` is null where it is not JSON."""

MAX_KEPT = 500
"""Characters of a text that are kept."""

_SHORTEST_SECRET = 4  # characters; a shorter one hides nothing and would blot out everything
_MASK = "***"


def seen(answer: Answer) -> Values:
    return {"status": lambda: answer.status, "body": lambda: parsed(answer)}


def parsed(answer: Answer) -> Any:
    """The JSON of an answer, null where it is none, or not all of it was read."""
    if not answer.complete:
        return None
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def told(name: str, expression: Expression, answer: Answer) -> object:
    """What an expression of the rule comes to; the reason where it comes to nothing is without the answer."""
    try:
        return expression.value(seen(answer))
    except InvalidInput:
        what = "" if answer.complete else ", of which too much or too little came"
        raise InvalidInput(f"{name} cannot be told from the answer {answer.status}{what}") from None


def holds(name: str, expression: Expression, answer: Answer) -> bool:
    found = told(name, expression, answer)
    if not isinstance(found, bool):
        raise InvalidInput(f"{name} is neither true nor false of the answer {answer.status}")
    return found


def without(secrets: Iterable[str], value: object) -> object:
    """A value to be kept, without secrets and cut: a text, a number or a truth; of anything else, its JSON."""
    hidden = {form for it in secrets if len(it) >= _SHORTEST_SECRET for form in _forms(it)}
    clean = _masked(sorted(hidden, key=len, reverse=True), bounded(value))
    if clean is None or isinstance(clean, bool | int | float):
        return clean
    return (clean if isinstance(clean, str) else json.dumps(clean, ensure_ascii=False))[:MAX_KEPT]


def _forms(secret: str) -> tuple[str, ...]:
    """As it may come back: as it is, in a URL, and in base64 as servers write credentials."""
    return secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()


def _masked(hidden: Sequence[str], value: Any) -> Any:
    if isinstance(value, str):
        for it in hidden:
            value = value.replace(it, _MASK)
        return value
    if isinstance(value, dict):
        return {_masked(hidden, key): _masked(hidden, it) for key, it in value.items()}
    return [_masked(hidden, it) for it in value] if isinstance(value, list) else value


def kept(keep: Mapping[str, Expression], answer: Answer, secrets: Iterable[str]) -> dict[str, object]:
    """By name; what cannot be told is null, since the deed is done all the same."""
    secrets = [*secrets]
    found: dict[str, object] = {}
    for name, expression in keep.items():
        try:
            found[name] = without(secrets, expression.value(seen(answer)))
        except InvalidInput:
            found[name] = None
    return found

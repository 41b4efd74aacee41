"""JSON that a rule writes down, as it was decided: what of it is a reference stays told from what is a value."""

from __future__ import annotations

from collections.abc import Mapping

from rules.conditions import Values
from rules.rule import Template
from rules.text import Json, Rendered, Text


def rendered(tree: Json, seen: Values) -> object:
    """JSON as it was decided: `{"object": ...}`, `{"list": ...}`, `{"value": ...}`, and `{"text": parts}`."""
    if isinstance(tree, dict):
        return {"object": {name: rendered(it, seen) for name, it in tree.items()}}
    if isinstance(tree, list):
        return {"list": [rendered(it, seen) for it in tree]}
    value = tree.in_json(seen) if isinstance(tree, Text) else tree
    return {"text": value.parts} if isinstance(value, Rendered) else {"value": value}


def resolved(decided: object, references: Mapping[str, str]) -> object:
    """The JSON to send; raises `MissingReference`."""
    assert isinstance(decided, dict)
    ((kind, it),) = decided.items()
    if kind == "object":
        return {name: resolved(each, references) for name, each in it.items()}
    if kind == "list":
        return [resolved(each, references) for each in it]
    return Rendered(tuple(it)).resolve(references) if kind == "text" else it


def names_in(decided: object) -> list[str]:
    """The references of such JSON."""
    assert isinstance(decided, dict)
    ((kind, it),) = decided.items()
    if kind == "text":
        return [name for literal in it[::2] for name in Template(literal).names]
    within = it.values() if kind == "object" else it if kind == "list" else ()
    return [name for each in within for name in names_in(each)]

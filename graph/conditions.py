"""Conditions on attributes, as they hold of values at hand; `Dialect.has_value` says the same in SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import eq, gt, lt
from typing import Any

from .reader import AttributeCondition

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {"=": eq, "<": lt, ">": gt}


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def json_type(value: object) -> str:
    """`number`, `string`, `boolean` or, of what no condition compares, `other`."""
    if is_number(value):
        return "number"
    return {str: "string", bool: "boolean"}.get(type(value), "other")


def holds(condition: AttributeCondition, said: object) -> bool:
    """Whether a value, or any one of a list, is as the condition wants it. Values of another type never are."""
    compare, type = _COMPARE[condition.comparison], json_type(condition.values[0])
    wanted = [_ranked(it, condition) for it in condition.values]
    return any(
        compare(_ranked(value, condition), it)
        for value in (said if isinstance(said, list) else [said])
        if json_type(value) == type
        for it in wanted
    )


def _ranked(value: object, condition: AttributeCondition) -> object:
    """Instants are text that sorts by time without the Z: `00` before `00.5`."""
    return str(value).rstrip("Z") if condition.is_instant else value

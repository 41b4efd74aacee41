"""Conditions: one bounded CEL expression over a change, what was before and after it, and a query's answer.

CEL (the Common Expression Language, cel.dev) has no loops but its macros over lists, and no effects. What could still
take long is bounded before it is run: length, macros within macros, and the size of what they go over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cel

from graph.errors import InvalidInput

MAX_LENGTH = 2_000
MAX_ITEMS = 1_000
"""Items of a list, and MAX_TEXT characters of a text, that a condition sees; the rest is cut off."""
MAX_TEXT = 10_000
_MAX_MACROS = 5
_MAX_LEVELS = 12  # of lists and objects within one another

QUOTED = r"'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
"""A text as CEL writes one; a pattern for `re.DOTALL`."""
_TEXT = re.compile(QUOTED, re.DOTALL)
_MACRO = re.compile(r"\.\s*(all|exists_one|exists|filter|map)\s*\(\s*([A-Za-z_]\w*)\s*,|[()]")
_RAW = re.compile(r"\b[rRbB]{1,2}['\"]")

Values = Mapping[str, Callable[[], object]]
"""The variables, each read only if the expression names it."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A CEL expression that may be run; raises `InvalidInput` where it does not parse or is not bounded."""

    text: str
    known: frozenset[str] = field(repr=False)

    def __post_init__(self) -> None:
        bound = _bound_names(self.text)
        try:
            program = _program(self.text)
        except ValueError as error:
            raise InvalidInput(f"is not CEL: {_first_line(error)}") from None
        if unknown := sorted(set(program.variables()) - self.known - bound):
            raise InvalidInput(f"there is no {unknown[0]!r}; expected {', '.join(sorted(self.known))}")

    @property
    def names(self) -> frozenset[str]:
        """The variables that it reads."""
        return self.known.intersection(_program(self.text).variables())

    def value(self, values: Values) -> object:
        """Raises `InvalidInput` where it cannot be told, as where it reads a key that is not there."""
        try:
            return _program(self.text).execute({name: bounded(values[name]()) for name in self.names})
        except KeyError as error:
            raise InvalidInput(f"there is no {error.args[0]!r} here; has() tells whether there is") from None
        except (RuntimeError, TypeError, ValueError, ArithmeticError, IndexError) as error:
            raise InvalidInput(_first_line(error)) from None

    def holds(self, values: Values) -> bool:
        """Raises `InvalidInput` where it cannot be told, or is neither true nor false."""
        found = self.value(values)
        if not isinstance(found, bool):
            raise InvalidInput(f"expected true or false, found {type(found).__name__}")
        return found


@cache
def _program(text: str) -> cel.Program:
    return cel.compile(text)


def _bound_names(text: str) -> frozenset[str]:
    """The names that macros bind; raises `InvalidInput` where an expression is not bounded."""
    if len(text) > MAX_LENGTH:
        raise InvalidInput(f"has {len(text)} characters, expected at most {MAX_LENGTH}")
    plain = _TEXT.sub("''", text)
    if _RAW.search(plain) or "//" in plain:
        raise InvalidInput("raw texts and comments are not allowed")
    names: list[str] = []
    open_macros: list[bool] = []  # for each open parenthesis whether it is a macro's
    for found in _MACRO.finditer(plain):
        if found[0] == ")":
            open_macros[-1:] = []
            continue
        if found[2]:
            if any(open_macros):
                raise InvalidInput(f"{found[1]}() stands within another of its kind")
            names.append(found[2])
        open_macros.append(bool(found[2]))
    if len(names) > _MAX_MACROS:
        raise InvalidInput(f"has {len(names)} of all(), exists(), filter() and map(), expected at most {_MAX_MACROS}")
    return frozenset(names)


def bounded(value: object, level: int = 0) -> Any:
    """A value as an expression sees it: JSON's types, cut to size."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else float(value)
    if level == _MAX_LEVELS:
        return None
    if isinstance(value, Mapping):
        return {str(key): bounded(it, level + 1) for key, it in [*value.items()][:MAX_ITEMS]}
    if isinstance(value, list | tuple):
        return [bounded(it, level + 1) for it in value[:MAX_ITEMS]]
    return str(value)[:MAX_TEXT]


def _first_line(error: Exception) -> str:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0][:300]

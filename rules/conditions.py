"""Conditions: one bounded CEL expression over a change, what was before and after it, and a query's answer.

CEL (the Common Expression Language, cel.dev) has no loops but its macros over lists, and no effects. What could still
take long is bounded before it is run: length, macros within macros, and the size of what they go over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import cel

from graph.errors import InvalidInput

MAX_LENGTH = 2_000
MAX_ITEMS = 1_000
"""Items of a list, and MAX_TEXT characters of a text, that a condition sees; the rest is cut off."""
MAX_TEXT = 10_000
MAX_CHARACTERS = 200_000
"""Of all texts that one variable shows, one after the other; MAX_ENTRIES: of its lists and objects."""
MAX_ENTRIES = 20_000
_MAX_MACROS = 5
_MAX_SUMS = 30
_MAX_COPIED = 2_000_000  # values that the interpreter copies: a second or two
_COPIED_AT_ONCE = 200  # characters of a text
_FEW = 10  # mentions, which are not worth counting
_MAX_LEVELS = 12  # of lists and objects within one another

QUOTED = r"'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
"""A text as CEL writes one; a pattern for `re.DOTALL`."""
_TEXT = re.compile(QUOTED, re.DOTALL)
_MACRO = re.compile(r"\.\s*(all|exists_one|exists|filter|map)\s*\(\s*([A-Za-z_]\w*)\s*,|[()]")
_RECEIVER = re.compile(r"(?<![\w.)\]])[A-Za-z_]\w*(?:\s*\.\s*\w+|\s*\[\s*\d+\s*\])*\Z")
_STEP = re.compile(r"\w+")
_NAME = re.compile(r"(?<![\w.])([A-Za-z_]\w*)((?:\s*\.\s*\w+)*)")
_SMALL = frozenset({"urn", "type", "namespace", "name", "what", "position", "validAt", "state", "key"})
_RAW = re.compile(r"\b[rRbB]{1,2}['\"]")

Values = Mapping[str, Callable[[], object]]
"""The variables, each read only if the expression names it."""


class Shown(Mapping[str, object]):
    """A variable whose fields are read only when they are asked for, and each cut to size once."""

    def __init__(self, fields: Mapping[str, Callable[[], object]]) -> None:
        self._fields = fields
        self._read: dict[str, object] = {}

    def __getitem__(self, name: str) -> object:
        if name not in self._read:
            self._read[name] = bounded(self._fields[name]())
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def only(self, names: frozenset[str]) -> dict[str, object]:
        """Those of these fields that there are."""
        return {name: self[name] for name in names if name in self._fields}


@dataclass(frozen=True, slots=True)
class Expression:
    """A CEL expression that may be run; raises `InvalidInput` where it does not parse or is not bounded."""

    text: str
    known: frozenset[str] = field(repr=False)

    def __post_init__(self) -> None:
        bound = _checked(self.text, self.known).names
        try:
            program = _program(self.text)
        except ValueError as error:
            raise InvalidInput(f"is not CEL: {_first_line(error)}") from None
        if unknown := sorted(set(program.variables()) - self.known - bound):
            raise InvalidInput(f"there is no {unknown[0]!r}; expected {', '.join(sorted(self.known))}")

    @property
    def names(self) -> frozenset[str]:
        """The variables that it reads."""
        return frozenset(name for name, _ in _checked(self.text, self.known).reads)

    def value(self, values: Values) -> object:
        """Raises `InvalidInput` where it cannot be told, as where it reads a key that is not there."""
        checked = _checked(self.text, self.known)
        shown: dict[str, object] = {}
        for name, fields in checked.reads:
            value = values[name]()
            if isinstance(value, Shown) and fields is not None:
                shown[name] = value.only(fields)
            else:
                shown[name] = bounded(value)
        checked.check(shown)
        try:
            return _program(self.text).execute(shown)
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


Path = tuple[str, ...]
"""A variable and the keys on the way to one of its values."""


@dataclass(frozen=True, slots=True)
class _Macro:
    """What it binds, what it goes over, and where its parentheses begin and end."""

    kind: str
    variable: str
    path: Path
    begins: int
    ends: int = 0


@dataclass(frozen=True, slots=True)
class _Checked:
    """An expression that is bounded in itself; `check` whether it is over these values.

    The interpreter copies: a variable wherever it is mentioned, for every item where that is within a macro; an item
    wherever that is mentioned; a sum at each `+`; and what filter() and map() have, at every item.
    """

    names: frozenset[str]
    """Those that macros bind."""
    macros: tuple[_Macro, ...]
    mentions: tuple[tuple[Path, int], ...]
    """Of variables, and of what macros bind; each with the number of its macro, -1 outside."""
    sums: int
    reads: tuple[tuple[str, frozenset[str] | None], ...]
    """The variables that are read, each with those of its fields that are; None: all of it."""

    def check(self, shown: Mapping[str, Any]) -> None:
        """Raises `InvalidInput` where it would take long over these."""
        if not self.macros and len(self.mentions) <= _FEW:
            return
        weight = cache(lambda path: _weight(_at(shown, path)))
        lists = [_at(shown, it.path) for it in self.macros]
        weights = [weight(it.path) for it in self.macros]
        own = [0] * len(lists)
        copied = 0
        for path, number in self.mentions:
            if number >= 0 and path[0] == self.macros[number].variable:
                own[number] += 1
                copied += weights[number]
            else:
                copied += weight(path) * (_length(lists[number]) if number >= 0 else 1)
        copied *= 1 + self.sums
        for number, macro in enumerate(self.macros):
            if macro.kind in ("filter", "map"):
                times = max(own[number], 1) if macro.kind == "map" else 1
                copied += _length(lists[number]) * weights[number] * times // 2
        if copied > _MAX_COPIED:
            over = ", ".join(
                f"{_length(it)} of {'.'.join(macro.path)}" for it, macro in zip(lists, self.macros, strict=True)
            )
            raise InvalidInput(f"would take too long over {over or 'what it reads'}")


def _at(shown: Mapping[str, Any], path: Path) -> object:
    held: Any = shown
    for key in path:
        if isinstance(held, Mapping):
            held = held.get(key)
        elif isinstance(held, list) and key.isdecimal() and int(key) < len(held):
            held = held[int(key)]
        else:
            return None  # it is not there, which running it tells
    return held


def _length(value: object) -> int:
    return len(value) if isinstance(value, list | Mapping) else 0


def _weight(value: object) -> int:
    if isinstance(value, Mapping):
        return 1 + sum(map(_weight, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_weight, value))
    return 1 + len(value) // _COPIED_AT_ONCE if isinstance(value, str) else 1


@cache
def _checked(text: str, known: frozenset[str]) -> _Checked:
    """Raises `InvalidInput` where an expression is not bounded whatever it goes over."""
    if len(text) > MAX_LENGTH:
        raise InvalidInput(f"has {len(text)} characters, expected at most {MAX_LENGTH}")
    plain = _TEXT.sub("''", text)
    if _RAW.search(plain) or "//" in plain:
        raise InvalidInput("raw texts and comments are not allowed")
    sums = plain.count("+")
    if sums > _MAX_SUMS:
        raise InvalidInput(f"has {sums} sums, expected at most {_MAX_SUMS}")
    macros = _macros(plain)
    kinds = [it.kind for it in macros]
    if len(kinds) > _MAX_MACROS:
        raise InvalidInput(f"has {len(kinds)} of all(), exists(), filter() and map(), expected at most {_MAX_MACROS}")
    if kinds.count("map") > 1 or "map" in kinds[:-1] and kinds[-1] == "filter":
        raise InvalidInput("map() stands there once, and no filter() after it")
    mentions: list[tuple[Path, int]] = []
    for found in _NAME.finditer(plain):
        number = next((at for at, it in enumerate(macros) if it.begins <= found.start() < it.ends), -1)
        binds = number >= 0 and found[1] == macros[number].variable
        if binds or found[1] in known:
            path = tuple(_STEP.findall(found[0]))
            if number >= 0 and macros[number].kind == "map" and not binds and path[-1] not in _SMALL:
                raise InvalidInput(f"map() takes of other variables only {', '.join(sorted(_SMALL))}")
            mentions.append((path, number))
    bound = frozenset(it.variable for it in macros)
    fields: dict[str, set[str] | None] = {}
    for path, number in mentions:
        if number >= 0 and path[0] == macros[number].variable:
            continue
        read = fields.setdefault(path[0], set())
        if len(path) == 1:
            fields[path[0]] = None
        elif read is not None:
            read.add(path[1])
    reads = tuple((name, None if read is None else frozenset(read)) for name, read in sorted(fields.items()))
    return _Checked(bound, macros, tuple(mentions), sums, reads)


def _macros(plain: str) -> tuple[_Macro, ...]:
    """In order; texts in `plain` are empty."""
    closed: list[_Macro] = []
    opened: list[_Macro | None] = []  # for each open parenthesis its macro, if it is one's
    for found in _MACRO.finditer(plain):
        if found[0] == ")":
            macro = opened.pop() if opened else None
            if macro is not None:
                closed.append(replace(macro, ends=found.start()))
        elif not found[2]:
            opened.append(None)
        elif any(it is not None for it in opened):
            raise InvalidInput(f"{found[1]}() stands within another of its kind")
        else:
            before = plain[: found.start()].rstrip()
            receiver = _RECEIVER.search(before)
            if closed and len(before) == closed[-1].ends + 1:  # it goes on with what that one gives
                path = closed[-1].path
            elif receiver is not None:
                path = tuple(_STEP.findall(receiver[0]))
            else:
                raise InvalidInput(f"{found[1]}() goes over a list that has a name")
            opened.append(_Macro(found[1], found[2], path, found.end()))
    return *closed, *(it for it in opened if it is not None)


@dataclass(slots=True)
class _Budget:
    """What is left of a variable's size; what goes beyond it is cut off."""

    characters: int = MAX_CHARACTERS
    entries: int = MAX_ENTRIES

    def text(self, value: str) -> str:
        kept = value[: min(MAX_TEXT, self.characters)]
        self.characters -= len(kept)
        return kept

    def some(self, count: int) -> int:
        kept = min(MAX_ITEMS, count, self.entries)
        self.entries -= kept
        return kept


def bounded(value: object) -> Any:
    """A value as an expression sees it: JSON's types, cut to size."""
    return _bounded(value, _Budget(), 0)


def _bounded(value: object, budget: _Budget, level: int) -> Any:
    if isinstance(value, str):
        return budget.text(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else float(value)
    if level == _MAX_LEVELS:
        return None
    if isinstance(value, Mapping):
        kept = budget.some(len(value))
        return {str(key)[:MAX_TEXT]: _bounded(it, budget, level + 1) for key, it in [*value.items()][:kept]}
    if isinstance(value, list | tuple):
        return [_bounded(it, budget, level + 1) for it in value[: budget.some(len(value))]]
    return budget.text(str(value))


def _first_line(error: Exception) -> str:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0][:300]

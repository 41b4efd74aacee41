"""The texts of actions: literals and `{{ CEL }}`, rendered when the rule decides, so that what was decided is done.

A literal may hold `${NAME}`, which stays a reference until the moment of use. What an expression comes to is never
searched for one: a text is kept as its parts, and a value from the graph can name no secret, close no quote of JSON,
end no header and leave no host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from urllib.parse import quote

from graph.errors import InvalidInput
from rules.conditions import QUOTED, Expression, Values, bounded
from rules.rule import Template

MAX_EXPRESSIONS = 20
MAX_RENDERED = 10_000
"""Characters that a text may come to."""

# What may stand in an expression's braces without ending it: quoted text, and objects.
_TOKEN = re.compile(rf"{QUOTED}|[{{}}]", re.DOTALL)
_HOST = re.compile(r"https?://[^/?#\\\s]+[/?]", re.IGNORECASE)  # of a URL, and that it ends there
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a text came to: literals and values in turn, a literal first and last."""

    parts: tuple[str, ...]

    def resolve(self, references: Mapping[str, str]) -> str:
        """The text, with references of its literals in place; raises `MissingReference`."""
        resolved = (it if index % 2 else Template(it).resolve(references) for index, it in enumerate(self.parts))
        return "".join(resolved)

    def url(self, references: Mapping[str, str]) -> str:
        """As `resolve`; raises `InvalidInput` where a value could stand in the host."""
        if len(self.parts) > 1:
            check_host(Template(self.parts[0]).resolve(references))
        return self.resolve(references)


Json: TypeAlias = "dict[str, Json] | list[Json] | Text | int | float | bool | None"
"""JSON whose texts are `Text`."""


@dataclass(frozen=True, slots=True)
class Text:
    """`literals` and `expressions` in turn; there is one literal more, the first and the last may be empty."""

    literals: tuple[str, ...]
    expressions: tuple[Expression, ...] = ()

    def __post_init__(self) -> None:
        for literal in self.literals:
            Template(literal)

    @classmethod
    def of(cls, text: str, names: frozenset[str] = frozenset()) -> Text:
        """Raises `InvalidInput` where an expression does not end, or is none over `names`."""
        literals, expressions, at = [], [], 0
        while (begin := text.find("{{", at)) >= 0:
            end = _end(text, begin + 2)
            literals.append(text[at:begin])
            expressions.append(Expression(text[begin + 2 : end].strip(), names))
            at = end + 2
        if len(expressions) > MAX_EXPRESSIONS:
            raise InvalidInput(f"has {len(expressions)} expressions, expected at most {MAX_EXPRESSIONS}")
        return cls((*literals, text[at:]), tuple(expressions))

    @property
    def references(self) -> tuple[str, ...]:
        return tuple(name for literal in self.literals for name in Template(literal).names)

    def resolve(self, references: Mapping[str, str], placeholder: str = "x") -> str:
        """The text with `placeholder` for every expression: what can be checked before there are values."""
        return placeholder.join(Template(it).resolve(references) for it in self.literals)

    def said(self, values: Values, most: int = MAX_RENDERED) -> str:
        """The text for people, cut to `most` characters, without what values have of control characters.

        This and what follows raise `InvalidInput` where an expression cannot be told.
        """
        told = "".join(self._with(values, lambda value: _CONTROL.sub(" ", _shown(value))))
        return told if len(told) <= most else told[: most - 1] + "…"

    def rendered(self, values: Values) -> Rendered:
        """Raises `InvalidInput` also where it is too long, as do those that follow."""
        return _sized(self._with(values, _shown))

    def in_url(self, values: Values) -> Rendered:
        """Values percent-encoded; one that would make a path mean another (empty, `.` or `..`) is invalid."""
        return url_of(self._with(values, encoded))

    def in_header(self, values: Values) -> Rendered:
        """A value with a control character is invalid: it could begin another header."""
        parts = self._with(values, _shown)
        for value in parts[1::2]:
            if _CONTROL.search(value) or not value.isascii():
                raise InvalidInput("has a value with a control character, or one beyond ASCII, in a header")
        return _sized(parts)

    def in_json(self, values: Values) -> object:
        """A JSON value where all of the text is one expression, else what it is `rendered` to."""
        if len(self.expressions) == 1 and self.literals == ("", ""):
            return bounded(_plain(_value(self.expressions[0], values)))
        return self.rendered(values)

    def _with(self, values: Values, shown: Callable[[object], str]) -> list[str]:
        parts = [self.literals[0]]
        for expression, literal in zip(self.expressions, self.literals[1:], strict=True):
            parts += [shown(_value(expression, values)), literal]
        return parts


def encoded(value: object) -> str:
    """A value as it may stand in a URL."""
    return quote(_shown(value), safe="", errors="replace")


def url_of(parts: list[str]) -> Rendered:
    """Of literals and encoded values in turn; raises as `Text.in_url`."""
    marked = "".join("\0" + part if index % 2 else part for index, part in enumerate(parts))
    for segment in marked.partition("?")[0].split("/"):
        if "\0" in segment and segment.replace("\0", "") in ("", ".", ".."):
            raise InvalidInput("has a value in its URL's path that is empty, . or ..")
    return _sized(parts)


def check_host(text: str) -> None:
    """That a URL begins with scheme and host, and that the host has ended, before the first of its values."""
    if not _HOST.match(text):
        raise InvalidInput("expected a URL with its host, and a / after it, before the first {{")


def _end(text: str, begin: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(text, begin):
        if token[0] == "{":
            depth += 1
        elif token[0] == "}" and depth:
            depth -= 1
        elif token[0] == "}":
            if text.startswith("}}", token.start()):
                return token.start()
            break
    raise InvalidInput("has {{ without the }} that ends it")


def _value(expression: Expression, values: Values) -> object:
    try:
        return expression.value(values)
    except InvalidInput as error:
        raise InvalidInput(f"{{{{ {expression.text[:100]} }}}}: {error.reason}") from None


def _shown(value: object) -> str:
    """A value within text: nothing for null, JSON for lists and objects."""
    plain = bounded(_plain(value))
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: object) -> object:
    """CEL's times as text: RFC 3339 and seconds, as CEL writes them."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    return value


def _sized(parts: list[str]) -> Rendered:
    length = sum(len(it) for it in parts)
    if length > MAX_RENDERED:
        raise InvalidInput(f"comes to {length} characters, expected at most {MAX_RENDERED}")
    return Rendered(tuple(parts))

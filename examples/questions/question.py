"""A question as questions.yaml has it, and how an answer in either language becomes a set of rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from graph.model import isoformat, parse_instant
from graph.rdf.terms import PREFIXES

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
"""When the demo estate's week ends, for the answers to be these."""

PRESENT = "now"
PROLOGUE = "".join(f"PREFIX {name}: <{namespace}>\n" for name, namespace in PREFIXES.items())
ANSWERS = Path(__file__).with_name("answers.yaml")
_QUESTIONS = Path(__file__).with_name("questions.yaml")

Row = tuple[str, ...]
Rows = frozenset[Row]
Levels = tuple[Any, ...]
"""An item of an answer, after those that it stands in."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment to ask about: `as_of` as GraphQL and `/sparql` take it, empty for the present."""

    name: str
    words: str
    as_of: Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question; the head of questions.yaml says what its parts are."""

    id: str
    asker: str
    question: str
    graphql: str
    each: str | Sequence[str]
    columns: Mapping[str, str]
    sparql: str
    variables: Mapping[str, object] = field(default_factory=dict)
    where: Mapping[str, object] = field(default_factory=dict)
    without: Sequence[str] = ()
    answers: Mapping[str, Rows] = field(default_factory=dict)
    """By the instant's name: of the present, and of those that differ from it."""

    def answer(self, instant: str) -> Rows:
        """What the demo estate gives."""
        return self.answers[instant] if instant in self.answers else self.answers[PRESENT]

    def of_graphql(self, data: object) -> Rows:
        """The rows of the `data` of an answer in GraphQL."""
        found: set[Row] = set()
        places = [self.each] if isinstance(self.each, str) else self.each
        for levels in itertools.chain.from_iterable(_items(data, it.split(" / ")) for it in places):
            if all(_value(levels, path) == wanted for path, wanted in self.where.items()):
                cells = (_cell(_value(levels, path.rstrip("?")), path.endswith("?")) for path in self.columns.values())
                found.update(itertools.product(*cells))
        return self._rows(found)

    def of_sparql(self, results: Mapping[str, Any]) -> Rows:
        """The rows of SPARQL's results in JSON, whose variables are called as the columns."""
        found = results["results"]["bindings"]
        return self._rows(
            tuple(_text(it[name]["value"]) if name in it else "" for name in self.columns) for it in found
        )

    def _rows(self, found: Iterable[Row]) -> Rows:
        return frozenset(row for row in found if not set(row) & set(self.without))


def questions() -> list[Question]:
    answers = yaml.safe_load(ANSWERS.read_text("utf-8")) or {}
    return [Question(**it, answers=_answers(answers.get(it["id"], {}))) for it in _content()["questions"]]


def instants() -> list[Instant]:
    """The present first."""
    return [Instant(name, it["words"], it["as_of"]) for name, it in _content()["instants"].items()]


def _content() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(_QUESTIONS.read_text("utf-8"))
    return content


def _answers(recorded: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, Rows]:
    return {instant: frozenset(map(tuple, rows)) for instant, rows in recorded.items()}


# Paths ----------------------------------------------------------------------------------------------------------------


def _items(value: Any, paths: Sequence[str], levels: Levels = ()) -> Iterator[Levels]:
    if not paths:
        yield levels
        return
    for item in _list(_follow(value, paths[0])):
        yield from _items(item, paths[1:], (*levels, item))


def _value(levels: Levels, path: str) -> Any:
    above = path.count("../")
    return _follow(levels[-1 - above], path.removeprefix("../" * above))


def _follow(value: Any, path: str) -> Any:
    """What stands there; of a list, of each of its items."""
    for name in path.split("."):
        if isinstance(value, list):
            value = [one for it in value for one in _list(it.get(name))]
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _cell(value: Any, is_optional: bool) -> list[str]:
    return [_text(it) for it in _list(value)] or ([""] if is_optional else [])


def _text(value: object) -> str:
    """One spelling of what each language writes in its own: truths, times, numbers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    try:
        return isoformat(parse_instant(text))
    except ValueError:
        pass
    try:
        return format(Decimal(text).normalize(), "f") if text[:1] in "-0123456789" else text
    except InvalidOperation:
        return text

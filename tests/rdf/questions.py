"""The competency questions of questions.yaml, and how an answer in either language becomes a set of rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from graph.model import parse_instant
from graph.rdf.terms import PREFIXES

PROLOGUE = "".join(f"PREFIX {name}: <{namespace}>\n" for name, namespace in PREFIXES.items())
Rows = set[tuple[str, ...]]
Levels = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    question: str
    graphql: str
    each: str
    take: Sequence[str]
    sparql: str
    where: Mapping[str, Any] = field(default_factory=dict)
    without: Sequence[str] = ()
    empty: bool = False

    def of_graphql(self, data: Any) -> Rows:
        """The rows of an answer's `data`."""
        found: Rows = set()
        for levels in _items(data, [it.strip() for it in self.each.split("/")]):
            if all(_fits(_value(levels, path), wanted) for path, wanted in self.where.items()):
                columns = [_values(_value(levels, path.rstrip("?")), path.endswith("?")) for path in self.take]
                found |= set(itertools.product(*columns))
        return {row for row in found if not set(row) & set(self.without)}

    def of_sparql(self, results: Any) -> Rows:
        """The rows of SPARQL's JSON results."""
        names = results["head"]["vars"]
        rows = {
            tuple(_plain(it[name]["value"]) if name in it else "" for name in names)
            for it in results["results"]["bindings"]
        }
        return {row for row in rows if not set(row) & set(self.without)}


def questions() -> list[Question]:
    return [Question(**it) for it in yaml.safe_load(Path(__file__).with_name("questions.yaml").read_text())]


def _items(data: Any, paths: Sequence[str], levels: Levels = ()) -> Iterator[Levels]:
    if not paths:
        yield levels
        return
    found = _follow(levels[-1] if levels else data, paths[0])
    for item in found if isinstance(found, list) else [found]:
        if item is not None:
            yield from _items(data, paths[1:], (*levels, item))


def _value(levels: Levels, path: str) -> Any:
    level, _, rest = path.partition(".")
    return _follow(levels[int(level)], rest)


def _follow(value: Any, path: str) -> Any:
    """What stands there; of lists, of each item."""
    for name in path.split("."):
        if isinstance(value, list):
            value = [one for it in value for one in _as_list(_follow(it, name))]
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _fits(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, list) and wanted else value == wanted


def _values(value: Any, is_optional: bool) -> list[str]:
    found = [_plain(it) for it in _as_list(value)]
    return found or ([""] if is_optional else [])


def _plain(value: Any) -> str:
    """One spelling for what each language writes in its own."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    try:
        return str(parse_instant(text))
    except ValueError:
        pass
    try:
        return format(Decimal(text).normalize(), "f") if text[:1] in "-0123456789" else text
    except ArithmeticError:
        return text

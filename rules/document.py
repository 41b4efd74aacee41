"""The YAML of a rule, read strictly: a wrong type, an unknown key, a missing value is an error with its line.

The node tree of PyYAML's safe loader is walked rather than the plain values, since only nodes know their
lines (and because YAML 1.1 would turn the key `on` into True). Anchors and aliases are refused outright: a
rule needs none, and they are what makes a small file expand without bound.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent, NodeEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from graph.errors import InvalidInput
from ontology import Ontology
from rules.conditions import Expression
from rules.occurrence import NAMES
from rules.rule import Template
from rules.text import Json, Text

MAX_BYTES = 65_536
MAX_NESTING = 16

_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_TAG = "tag:yaml.org,2002:"
_KINDS = {"str": "text", "int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}


class RuleFault(InvalidInput):
    """One thing wrong in one rule file; `line` counts from 1, 0 where no line is to blame."""

    def __init__(self, file: str, line: int, reason: str, *, field: str = "") -> None:
        super().__init__(reason, field=field)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{place}: {super().__str__()}"


def compose(content: bytes, file: str) -> Node:
    if len(content) > MAX_BYTES:
        raise RuleFault(file, 0, f"larger than {MAX_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise RuleFault(file, content.count(b"\n", 0, error.start) + 1, "is not UTF-8") from None
    try:
        check_bounds(text, file)
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        raise RuleFault(file, text.count("\n", 0, error.position) + 1, "has a control character") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise RuleFault(file, mark.line + 1 if mark else 0, error.problem or "is not YAML") from None
    if node is None:
        raise RuleFault(file, 1, "is empty, expected a rule")
    return node


def check_bounds(text: str, file: str) -> None:
    """Refuse anchors, aliases and deep nesting by the stream of events, which is read without recursion."""
    nesting = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, NodeEvent) and event.anchor is not None:
            raise RuleFault(file, line, "anchors and aliases are not allowed")
        nesting += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if nesting > MAX_NESTING:
            raise RuleFault(file, line, f"is nested more than {MAX_NESTING} deep")


def unchecked(query: str) -> None:
    """Takes any query: where there is no GraphQL to try it with, it is tried when it is asked."""


class Document:
    """One file: every method takes a node and its path, and raises `RuleFault` with the node's line.

    `references` are the values of `${NAME}`; they are tried, and none is kept.
    """

    def __init__(
        self,
        file: str,
        ontology: Ontology,
        references: Mapping[str, str],
        check_query: Callable[[str], None] = unchecked,
    ) -> None:
        self._file = file
        self._references = references
        self.ontology = ontology
        self.check_query = check_query

    def mapping(
        self, node: Node, path: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> dict[str, Node]:
        if not isinstance(node, MappingNode) or node.tag != _TAG + "map":
            raise self.fault(node, path, f"expected keys and values ({', '.join(required + optional)})")
        fields: dict[str, Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else None
            if name not in required + optional:
                found = f"unknown key {name[:100]!r}" if name is not None else "a key that is not text"
                raise self.fault(key, path, f"{found}; expected {', '.join(required + optional)}")
            if name in fields:
                raise self.fault(key, path, f"{name!r} is there twice")
            fields[name] = value
        if missing := [name for name in required if name not in fields]:
            raise self.fault(node, path, f"{', '.join(missing)} is missing")
        return fields

    def text(self, node: Node, path: str) -> str:
        if not isinstance(node, ScalarNode) or node.tag != _TAG + "str":
            found = _KINDS.get(node.tag.removeprefix(_TAG), "something else")
            hint = "; put it in quotes" if isinstance(node, ScalarNode) and node.tag.startswith(_TAG) else ""
            raise self.fault(node, path, f"expected text, found {found}{hint}")
        text: str = node.value
        if not text.strip():
            raise self.fault(node, path, "is empty")
        return text

    def up_to(self, node: Node, path: str, most: int) -> str:
        text = self.text(node, path)
        if len(text) > most:
            raise self.fault(node, path, f"is longer than {most} characters")
        return text

    def texts(self, node: Node, path: str, most: int) -> tuple[str, ...]:
        if not isinstance(node, SequenceNode) or len(node.value) > most:
            raise self.fault(node, path, f"expected a list of at most {most} texts")
        return tuple(self.text(it, path) for it in node.value)

    def matching(self, node: Node, path: str, pattern: re.Pattern[str], expected: str) -> str:
        text = self.text(node, path)
        if not pattern.fullmatch(text):
            raise self.fault(node, path, f"expected {expected}, found {text[:100]!r}")
        return text

    def one_of(self, node: Node, path: str, known: tuple[str, ...]) -> str:
        text = node.value if isinstance(node, ScalarNode) else self.text(node, path)  # YAML takes `off` for false
        if text not in known:
            raise self.fault(node, path, f"expected one of {', '.join(known)}, found {text[:100]!r}")
        return text

    def whole(self, node: Node, path: str, least: int, most: int) -> int:
        whole = isinstance(node, ScalarNode) and node.tag == _TAG + "int" and _WHOLE.fullmatch(node.value)
        if not whole or not least <= int(node.value) <= most:
            raise self.fault(node, path, f"expected a whole number from {least} to {most}")
        return int(node.value)

    def duration(self, node: Node, path: str) -> timedelta:
        text = self.matching(node, path, _DURATION, "a whole number and s, m, h or d, as 24h")
        return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})

    def words(
        self,
        node: Node,
        path: str,
        most: int,
        names: frozenset[str],
        check: Callable[[Text, Mapping[str, str]], object] | None = None,
    ) -> Text:
        """A text of at most `most` characters with `{{ CEL }}` over `names`.

        With `check`, which must not repeat their values in what it raises, it may hold references too.
        """
        try:
            text = Text.of(self.up_to(node, path, most), names)
            if check is not None:
                check(text, self._references)
            elif text.references:
                raise InvalidInput("a reference cannot stand here: what is said here is shown and kept")
        except RuleFault:
            raise
        except InvalidInput as error:
            raise self.fault(node, path, error.reason) from None
        return text

    def json(self, node: Node, path: str, names: frozenset[str]) -> Json:
        """Any JSON, its texts with `{{ CEL }}` and references."""
        if isinstance(node, MappingNode):
            keys = [it.value if isinstance(it, ScalarNode) else "" for it, _ in node.value]
            fields = self.mapping(node, path, (), tuple(keys))
            return {name: self.json(it, f"{path}.{name}", names) for name, it in fields.items()}
        if isinstance(node, SequenceNode):
            return [self.json(it, f"{path}[{index}]", names) for index, it in enumerate(node.value)]
        if node.tag == _TAG + "str":
            return self.words(node, path, MAX_BYTES, names, Text.resolve) if node.value else Text(("",))
        try:
            constant: Json = json.loads("null" if node.tag == _TAG + "null" else node.value)
        except ValueError:
            raise self.fault(node, path, "is no value of JSON; put it in quotes to make it text") from None
        return constant

    def expressions(self, node: Node, path: str, most: int, known: frozenset[str] = NAMES) -> dict[str, Expression]:
        """By name; what is no name is an unknown key."""
        keys = [it.value for it, _ in node.value if isinstance(it, ScalarNode)] if isinstance(node, MappingNode) else []
        fields = self.mapping(node, path, (), tuple(it for it in keys if _FIELD.fullmatch(it))[:most])
        return {name: self.expression(it, f"{path}.{name}", known) for name, it in fields.items()}

    def expression(self, node: Node, path: str, known: frozenset[str] = NAMES) -> Expression:
        try:
            return Expression(self.text(node, path), known)
        except RuleFault:
            raise
        except InvalidInput as error:
            raise self.fault(node, path, error.reason) from None

    def secret(self, node: Node, path: str) -> Template:
        template = self.template(node, path, _check_secret)
        if not template.is_reference:
            raise self.fault(node, path, "a secret is a reference, ${NAME}, and is never written into the rule")
        return template

    def template(self, node: Node, path: str, check: Callable[[str], object]) -> Template:
        """A template whose value passes `check`, which must not repeat it in what it raises."""
        try:
            template = Template(self.text(node, path))
            check(template.resolve(self._references))
        except RuleFault:
            raise
        except InvalidInput as error:
            raise self.fault(node, path, error.reason) from None
        return template

    def fault(self, node: Node, path: str, reason: str) -> RuleFault:
        return RuleFault(self._file, node.start_mark.line + 1, reason, field=path)


def _check_secret(value: str) -> None:
    if len(value) < 16:
        raise InvalidInput("the secret has fewer than 16 characters")


def plain(node: Node) -> object:
    """A node as lists, text and dicts: what a rule says without its layout, for hashing."""
    if isinstance(node, MappingNode):
        return {key.value: plain(value) for key, value in node.value}
    return [plain(item) for item in node.value] if isinstance(node, SequenceNode) else node.value

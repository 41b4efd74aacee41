"""Reads rules from YAML, strictly: an unknown key, a wrong type, a missing value is an error with its line.

The node tree of PyYAML's safe loader is walked rather than the plain values, since only nodes know their
lines (and because YAML 1.1 would turn the key `on` into True). Anchors and aliases are refused outright: a
rule needs none, and they are what makes a small file expand without bound.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent, NodeEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from graph.cord import STRENGTH
from graph.errors import InvalidInput
from ontology import Ontology
from rules.actions.webhook import check_url
from rules.conditions import Expression
from rules.occurrence import NAMES
from rules.rule import (
    CHANGES,
    DEFAULT_DEPTH,
    DEFAULT_MAX_AGE,
    INCIDENT_SEVERITIES,
    Action,
    Downstream,
    Incident,
    Mode,
    Rule,
    SchemaChange,
    Severity,
    Stop,
    Tag,
    Template,
    Trigger,
    Webhook,
)

MAX_BYTES = 65_536
MAX_NESTING = 16
MAX_FILES = 1_000
MAX_ACTIONS = 10
MAX_CAUSE = 10_000  # characters
MAX_TAG = 200
MAX_DEPTH = 50
MAX_CONTROLS = 50
MAX_ATTACHED = 20

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_EVENT_TYPE = re.compile(r"[a-z][a-zA-Z0-9]*([._-][a-zA-Z0-9]+){0,20}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_OPTIONAL = ("description", "when", "for_each", "mode", "severity", "owner", "runbook", "controls", "limits")
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
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


class RulesRejected(InvalidInput):
    """A folder of rules that was not taken, none of it; `faults` has the first fault of each bad file."""

    def __init__(self, faults: tuple[RuleFault, ...]) -> None:
        super().__init__("no rule was loaded:\n" + "\n".join(f"  {fault}" for fault in faults), field="rules")
        self.faults = faults


def load_rules(folder: Path, ontology: Ontology, references: Mapping[str, str]) -> tuple[Rule, ...]:
    """All rules of `folder/*.yaml` and `*.yml`, in the order of file names; all or none.

    Raises `RulesRejected`; a folder that is not there is rejected too, an empty one gives no rules.
    """
    if not folder.is_dir():
        raise RulesRejected((RuleFault(str(folder), 0, "there is no such folder"),))
    files = sorted(path for path in folder.iterdir() if _is_rule(path))
    if len(files) > MAX_FILES:
        raise RulesRejected((RuleFault(str(folder), 0, f"{len(files)} files, expected at most {MAX_FILES}"),))
    rules: dict[str, Rule] = {}
    faults: list[RuleFault] = []
    for path in files:
        try:
            rule = read_rule(_read_bounded(path), path.name, ontology, references)
            if rule.name in rules:
                raise RuleFault(path.name, 0, f"another file has a rule {rule.name!r} already", field="rule")
            rules[rule.name] = rule
        except RuleFault as fault:
            faults.append(fault)
    if faults:
        raise RulesRejected(tuple(faults))
    return tuple(rules.values())


def _is_rule(path: Path) -> bool:
    """`NAME.test.yaml` are the cases of a rule."""
    return path.suffix in (".yaml", ".yml") and path.name[0] != "." and not path.stem.endswith(".test")


def _read_bounded(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RuleFault(path.name, 0, f"cannot be read: {error.strerror}") from None


def read_rule(content: bytes, file: str, ontology: Ontology, references: Mapping[str, str]) -> Rule:
    """The rule that a file's bytes say; `file` is only for messages. Raises `RuleFault`.

    `references` are the values of `${NAME}`: they are tried here, so that a missing one is known at start-up,
    and none is kept.
    """
    return _Document(file, ontology, references).rule(_compose(content, file))


def _compose(content: bytes, file: str) -> Node:
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


class _Document:
    """Turns the nodes of one file into a rule; every method raises `RuleFault` with the node's line."""

    def __init__(self, file: str, ontology: Ontology, references: Mapping[str, str]) -> None:
        self._file = file
        self._ontology = ontology
        self._references = references
        self._actions: dict[str, Callable[[Node, str], Action]] = {
            "webhook": self._webhook, "stop": self._stop, "incident": self._incident, "tag": self._tag,
        }  # fmt: skip

    def rule(self, root: Node) -> Rule:
        fields = self._mapping(root, "", ("rule", "version", "on", "do"), _OPTIONAL)
        given = fields.get
        return Rule(
            name=self._matching(fields["rule"], "rule", _NAME, "lower-case letters, digits and -, at most 100"),
            version=self._whole(fields["version"], "version", 1, 1_000_000),
            description=self._text(fields["description"], "description") if "description" in fields else "",
            trigger=self._trigger(fields["on"]),
            when=self._expression(fields["when"], "when") if "when" in fields else None,
            targets=self._downstream(fields["for_each"]) if "for_each" in fields else None,
            actions=self._do(fields["do"]),
            mode=Mode(self._one_of(fields["mode"], "mode", tuple(Mode))) if "mode" in fields else Mode.LIVE,
            severity=self._severity(given("severity")),
            owner=self._text(fields["owner"], "owner") if "owner" in fields else None,
            runbook=self._text(fields["runbook"], "runbook") if "runbook" in fields else None,
            controls=self._texts(fields["controls"], "controls") if "controls" in fields else (),
            max_age=self._max_age(given("limits")),
            digest=hashlib.blake2b(json.dumps(_plain(root), sort_keys=True).encode(), digest_size=16).hexdigest(),
        )

    def _trigger(self, node: Node) -> Trigger:
        on = self._mapping(node, "on", ("change",), ("type", "how"))
        listed = on["change"].value if isinstance(on["change"], SequenceNode) else [on["change"]]
        if not listed:
            raise self._fault(on["change"], "on.change", "is empty")
        changes = frozenset(self._one_of(it, "on.change", CHANGES) for it in listed)
        name = self._text(on["type"], "on.type") if "type" in on else "Entity"
        if name not in self._ontology.classes:
            raise self._fault(on["type"], "on.type", f"the ontology has no class {name[:100]!r}")
        how = self._ways(on["how"], changes) if "how" in on else frozenset()
        types = self._ontology.subclasses(name)
        kinds = (
            it.kind for it in self._ontology.key_classes
            if it.name in types or name in self._ontology.subclasses(it.name)
        )  # fmt: skip
        return Trigger(changes, name, types, frozenset(kinds), how)

    def _ways(self, node: Node, changes: frozenset[str]) -> frozenset[SchemaChange]:
        if changes != {"schema.changed"}:
            raise self._fault(node, "on.how", "is for on.change: schema.changed alone")
        listed = node.value if isinstance(node, SequenceNode) else [node]
        return frozenset(SchemaChange(self._one_of(it, "on.how", tuple(SchemaChange))) for it in listed)

    def _expression(self, node: Node, path: str) -> Expression:
        try:
            return Expression(self._text(node, path), NAMES)
        except RuleFault:
            raise
        except InvalidInput as error:
            raise self._fault(node, path, error.reason) from None

    def _severity(self, node: Node | None) -> Severity:
        return Severity(self._one_of(node, "severity", tuple(Severity))) if node is not None else Severity.WARNING

    def _texts(self, node: Node, path: str) -> tuple[str, ...]:
        if not isinstance(node, SequenceNode) or len(node.value) > MAX_CONTROLS:
            raise self._fault(node, path, f"expected a list of at most {MAX_CONTROLS} texts")
        return tuple(self._text(it, path) for it in node.value)

    def _downstream(self, node: Node) -> Downstream:
        fields = self._mapping(node, "for_each", ("downstream",), ("depth",))
        name = self._text(fields["downstream"], "for_each.downstream")
        if name not in self._ontology.classes:
            raise self._fault(fields["downstream"], "for_each.downstream", f"the ontology has no class {name[:100]!r}")
        depth = self._whole(fields["depth"], "for_each.depth", 0, MAX_DEPTH) if "depth" in fields else DEFAULT_DEPTH
        return Downstream(name, self._ontology.subclasses(name), depth)

    def _do(self, node: Node) -> tuple[Action, ...]:
        if not isinstance(node, SequenceNode) or not 1 <= len(node.value) <= MAX_ACTIONS:
            raise self._fault(node, "do", f"expected a list of 1 to {MAX_ACTIONS} actions")
        return tuple(self._action(item, f"do[{index}]") for index, item in enumerate(node.value))

    def _action(self, node: Node, path: str) -> Action:
        fields = self._mapping(node, path, (), tuple(self._actions))
        if len(fields) != 1:
            raise self._fault(node, path, f"expected one action, of {', '.join(self._actions)}")
        ((kind, arguments),) = fields.items()
        return self._actions[kind](arguments, f"{path}.{kind}")

    def _webhook(self, node: Node, path: str) -> Webhook:
        fields = self._mapping(node, path, ("url", "event_type"), ("secret", "attach"))
        event_type = self._matching(
            fields["event_type"],
            f"{path}.event_type",
            _EVENT_TYPE,
            "words joined by dots, as dev.andon.run.failed",
        )
        return Webhook(
            url=self._template(fields["url"], f"{path}.url", check_url),
            event_type=event_type,
            secret=self._secret(fields["secret"], f"{path}.secret") if "secret" in fields else None,
            attach=self._attached(fields["attach"], f"{path}.attach") if "attach" in fields else {},
        )

    def _attached(self, node: Node, path: str) -> dict[str, Expression]:
        keys = [it.value for it, _ in node.value if isinstance(it, ScalarNode)] if isinstance(node, MappingNode) else []
        named = tuple(it for it in keys if _FIELD.fullmatch(it))[:MAX_ATTACHED]
        fields = self._mapping(node, path, (), named)
        return {name: self._expression(it, f"{path}.{name}") for name, it in fields.items()}

    def _stop(self, node: Node, path: str) -> Stop:
        fields = self._mapping(node, path, ("cause",), ("policy", "owner"))
        return Stop(
            cause=self._up_to(fields["cause"], f"{path}.cause", MAX_CAUSE),
            policy=self._one_of(fields["policy"], f"{path}.policy", tuple(STRENGTH)) if "policy" in fields else "block",
            owner=self._text(fields["owner"], f"{path}.owner") if "owner" in fields else None,
        )

    def _incident(self, node: Node, path: str) -> Incident:
        fields = self._mapping(node, path, ("title",), ("severity", "owner"))
        severity = fields.get("severity")
        return Incident(
            title=self._up_to(fields["title"], f"{path}.title", MAX_CAUSE),
            severity="medium" if severity is None else self._one_of(severity, f"{path}.severity", INCIDENT_SEVERITIES),
            owner=self._text(fields["owner"], f"{path}.owner") if "owner" in fields else None,
        )

    def _tag(self, node: Node, path: str) -> Tag:
        fields = self._mapping(node, path, ("key",), ("value",))
        return Tag(
            key=self._up_to(fields["key"], f"{path}.key", MAX_TAG),
            value=self._up_to(fields["value"], f"{path}.value", MAX_TAG) if "value" in fields else None,
        )

    def _up_to(self, node: Node, path: str, most: int) -> str:
        text = self._text(node, path)
        if len(text) > most:
            raise self._fault(node, path, f"is longer than {most} characters")
        return text

    def _secret(self, node: Node, path: str) -> Template:
        template = self._template(node, path, _check_secret)
        if not template.is_reference:
            raise self._fault(node, path, "a secret is a reference, ${NAME}, and is never written into the rule")
        return template

    def _template(self, node: Node, path: str, check: Callable[[str], object]) -> Template:
        """A template whose value passes `check`, which must not repeat it in what it raises."""
        try:
            template = Template(self._text(node, path))
            check(template.resolve(self._references))
        except RuleFault:
            raise
        except InvalidInput as error:
            raise self._fault(node, path, error.reason) from None
        return template

    def _max_age(self, node: Node | None) -> timedelta:
        fields = {} if node is None else self._mapping(node, "limits", (), ("max_age",))
        if "max_age" not in fields:
            return DEFAULT_MAX_AGE
        text = self._matching(fields["max_age"], "limits.max_age", _DURATION, "a whole number and s, m, h or d, as 24h")
        return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})

    def _mapping(
        self, node: Node, path: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> dict[str, Node]:
        if not isinstance(node, MappingNode) or node.tag != _TAG + "map":
            raise self._fault(node, path, f"expected keys and values ({', '.join(required + optional)})")
        fields: dict[str, Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else None
            if name not in required + optional:
                found = f"unknown key {name[:100]!r}" if name is not None else "a key that is not text"
                raise self._fault(key, path, f"{found}; expected {', '.join(required + optional)}")
            if name in fields:
                raise self._fault(key, path, f"{name!r} is there twice")
            fields[name] = value
        if missing := [name for name in required if name not in fields]:
            raise self._fault(node, path, f"{', '.join(missing)} is missing")
        return fields

    def _text(self, node: Node, path: str) -> str:
        if not isinstance(node, ScalarNode) or node.tag != _TAG + "str":
            found = _KINDS.get(node.tag.removeprefix(_TAG), "something else")
            hint = "; put it in quotes" if isinstance(node, ScalarNode) and node.tag.startswith(_TAG) else ""
            raise self._fault(node, path, f"expected text, found {found}{hint}")
        text: str = node.value
        if not text.strip():
            raise self._fault(node, path, "is empty")
        return text

    def _matching(self, node: Node, path: str, pattern: re.Pattern[str], expected: str) -> str:
        text = self._text(node, path)
        if not pattern.fullmatch(text):
            raise self._fault(node, path, f"expected {expected}, found {text[:100]!r}")
        return text

    def _one_of(self, node: Node, path: str, known: tuple[str, ...]) -> str:
        text = node.value if isinstance(node, ScalarNode) else self._text(node, path)  # YAML takes `off` for false
        if text not in known:
            raise self._fault(node, path, f"expected one of {', '.join(known)}, found {text[:100]!r}")
        return text

    def _whole(self, node: Node, path: str, least: int, most: int) -> int:
        whole = isinstance(node, ScalarNode) and node.tag == _TAG + "int" and _WHOLE.fullmatch(node.value)
        if not whole or not least <= int(node.value) <= most:
            raise self._fault(node, path, f"expected a whole number from {least} to {most}")
        return int(node.value)

    def _fault(self, node: Node, path: str, reason: str) -> RuleFault:
        return RuleFault(self._file, node.start_mark.line + 1, reason, field=path)


def _check_secret(value: str) -> None:
    if len(value) < 16:
        raise InvalidInput("the secret has fewer than 16 characters")


def _plain(node: Node) -> object:
    """A node as lists, text and dicts: what a rule says without its layout, for hashing."""
    if isinstance(node, MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    return [_plain(item) for item in node.value] if isinstance(node, SequenceNode) else node.value

"""Reads rules from YAML: a folder of them as a whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from yaml.nodes import MappingNode, Node, SequenceNode

from graph.errors import InvalidInput
from ontology import Ontology
from rules import propagation
from rules.action import Action
from rules.actions import READERS
from rules.document import MAX_BYTES, Document, RuleFault, compose, plain
from rules.propagation import Propagation
from rules.rule import (
    CHANGES,
    DEFAULT_DEPTH,
    DEFAULT_MAX_AGE,
    Downstream,
    Mode,
    Rule,
    SchemaChange,
    Severity,
    Trigger,
)

MAX_FILES = 1_000
MAX_ACTIONS = 10
MAX_DEPTH = 50
MAX_CONTROLS = 50

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_OPTIONAL = ("description", "when", "for_each", "mode", "severity", "owner", "runbook", "controls", "limits")


class RulesRejected(InvalidInput):
    """A folder of rules that was not taken, none of it; `faults` has the first fault of each bad file."""

    def __init__(self, faults: tuple[RuleFault, ...]) -> None:
        super().__init__("no rule was loaded:\n" + "\n".join(f"  {fault}" for fault in faults), field="rules")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder holds, in the order of file names."""

    rules: tuple[Rule, ...] = ()
    propagations: tuple[Propagation, ...] = ()


def load_rules(folder: Path, ontology: Ontology, references: Mapping[str, str]) -> tuple[Rule, ...]:
    """The rules among what `load_folder` reads."""
    return load_folder(folder, ontology, references).rules


def load_folder(folder: Path, ontology: Ontology, references: Mapping[str, str]) -> Loaded:
    """All documents of `folder/*.yaml` and `*.yml`; all or none.

    Raises `RulesRejected`; a folder that is not there is rejected too, an empty one gives nothing.
    """
    if not folder.is_dir():
        raise RulesRejected((RuleFault(str(folder), 0, "there is no such folder"),))
    files = sorted(path for path in folder.iterdir() if _is_rule(path))
    if len(files) > MAX_FILES:
        raise RulesRejected((RuleFault(str(folder), 0, f"{len(files)} files, expected at most {MAX_FILES}"),))
    rules: dict[str, Rule] = {}
    propagations: dict[str, Propagation] = {}
    faults: list[RuleFault] = []
    for path in files:
        try:
            found = _read(_read_bounded(path), path.name, ontology, references)
            same_kind: Mapping[str, object] = rules if isinstance(found, Rule) else propagations
            if found.name in same_kind:
                kind, key = ("rule", "rule") if isinstance(found, Rule) else ("propagation", propagation.KEY)
                raise RuleFault(path.name, 0, f"another file has a {kind} {found.name!r} already", field=key)
            if isinstance(found, Rule):
                rules[found.name] = found
            else:
                propagations[found.name] = found
        except RuleFault as fault:
            faults.append(fault)
    if faults:
        raise RulesRejected(tuple(faults))
    return Loaded(tuple(rules.values()), tuple(propagations.values()))


def _is_rule(path: Path) -> bool:
    """`NAME.test.yaml` are the cases of a rule."""
    return path.suffix in (".yaml", ".yml") and path.name[0] != "." and not path.stem.endswith(".test")


def _read_bounded(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RuleFault(path.name, 0, f"cannot be read: {error.strerror}") from None


def _read(content: bytes, file: str, ontology: Ontology, references: Mapping[str, str]) -> Rule | Propagation:
    root = compose(content, file)
    document = Document(file, ontology, references)
    if isinstance(root, MappingNode) and any(key.value == propagation.KEY for key, _ in root.value):
        return propagation.read(document, root)
    return _rule(document, root)


def read_rule(content: bytes, file: str, ontology: Ontology, references: Mapping[str, str]) -> Rule:
    """The rule that a file's bytes say; `file` is only for messages. Raises `RuleFault`.

    `references` are the values of `${NAME}`: they are tried here, so that a missing one is known at start-up,
    and none is kept.
    """
    return _rule(Document(file, ontology, references), compose(content, file))


def _rule(document: Document, root: Node) -> Rule:
    fields = document.mapping(root, "", ("rule", "version", "on", "do"), _OPTIONAL)
    given = fields.get
    return Rule(
        name=document.matching(fields["rule"], "rule", _NAME, "lower-case letters, digits and -, at most 100"),
        version=document.whole(fields["version"], "version", 1, 1_000_000),
        description=document.text(fields["description"], "description") if "description" in fields else "",
        trigger=_trigger(document, fields["on"]),
        when=document.expression(fields["when"], "when") if "when" in fields else None,
        targets=_downstream(document, fields["for_each"]) if "for_each" in fields else None,
        actions=_do(document, fields["do"]),
        mode=Mode(document.one_of(fields["mode"], "mode", tuple(Mode))) if "mode" in fields else Mode.LIVE,
        severity=_severity(document, given("severity")),
        owner=document.text(fields["owner"], "owner") if "owner" in fields else None,
        runbook=document.text(fields["runbook"], "runbook") if "runbook" in fields else None,
        controls=document.texts(fields["controls"], "controls", MAX_CONTROLS) if "controls" in fields else (),
        max_age=_max_age(document, given("limits")),
        digest=hashlib.blake2b(json.dumps(plain(root), sort_keys=True).encode(), digest_size=16).hexdigest(),
    )


def _trigger(document: Document, node: Node) -> Trigger:
    on = document.mapping(node, "on", ("change",), ("type", "how"))
    listed = on["change"].value if isinstance(on["change"], SequenceNode) else [on["change"]]
    if not listed:
        raise document.fault(on["change"], "on.change", "is empty")
    changes = frozenset(document.one_of(it, "on.change", CHANGES) for it in listed)
    name = document.text(on["type"], "on.type") if "type" in on else "Entity"
    if name not in document.ontology.classes:
        raise document.fault(on["type"], "on.type", f"the ontology has no class {name[:100]!r}")
    how = _ways(document, on["how"], changes) if "how" in on else frozenset()
    types = document.ontology.subclasses(name)
    kinds = (
        it.kind for it in document.ontology.key_classes
        if it.name in types or name in document.ontology.subclasses(it.name)
    )  # fmt: skip
    return Trigger(changes, name, types, frozenset(kinds), how)


def _ways(document: Document, node: Node, changes: frozenset[str]) -> frozenset[SchemaChange]:
    if changes != {"schema.changed"}:
        raise document.fault(node, "on.how", "is for on.change: schema.changed alone")
    listed = node.value if isinstance(node, SequenceNode) else [node]
    return frozenset(SchemaChange(document.one_of(it, "on.how", tuple(SchemaChange))) for it in listed)


def _severity(document: Document, node: Node | None) -> Severity:
    return Severity(document.one_of(node, "severity", tuple(Severity))) if node is not None else Severity.WARNING


def _downstream(document: Document, node: Node) -> Downstream:
    fields = document.mapping(node, "for_each", ("downstream",), ("depth",))
    name = document.text(fields["downstream"], "for_each.downstream")
    if name not in document.ontology.classes:
        raise document.fault(fields["downstream"], "for_each.downstream", f"the ontology has no class {name[:100]!r}")
    depth = document.whole(fields["depth"], "for_each.depth", 0, MAX_DEPTH) if "depth" in fields else DEFAULT_DEPTH
    return Downstream(name, document.ontology.subclasses(name), depth)


def _do(document: Document, node: Node) -> tuple[Action, ...]:
    if not isinstance(node, SequenceNode) or not 1 <= len(node.value) <= MAX_ACTIONS:
        raise document.fault(node, "do", f"expected a list of 1 to {MAX_ACTIONS} actions")
    return tuple(_action(document, item, f"do[{index}]") for index, item in enumerate(node.value))


def _action(document: Document, node: Node, path: str) -> Action:
    fields = document.mapping(node, path, (), tuple(READERS))
    if len(fields) != 1:
        raise document.fault(node, path, f"expected one action, of {', '.join(READERS)}")
    ((kind, arguments),) = fields.items()
    return READERS[kind](document, arguments, f"{path}.{kind}")


def _max_age(document: Document, node: Node | None) -> timedelta:
    fields = {} if node is None else document.mapping(node, "limits", (), ("max_age",))
    if "max_age" not in fields:
        return DEFAULT_MAX_AGE
    return document.duration(fields["max_age"], "limits.max_age")

"""Reads rules from YAML: a folder of them as a whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from graph.errors import InvalidInput
from ontology import Ontology
from rules import propagation
from rules.action import Action, Together
from rules.actions import READERS
from rules.document import MAX_BYTES, Document, RuleFault, compose, plain, unchecked
from rules.occurrence import EARLY
from rules.propagation import Propagation
from rules.rule import (
    CHANGES,
    DEFAULT_DEPTH,
    DEFAULT_MAX_AGE,
    DEFAULT_WITHIN,
    LATE,
    Approval,
    Downstream,
    Each,
    Late,
    Limits,
    Mode,
    Query,
    Resolve,
    Rule,
    SchemaChange,
    Severity,
    Timer,
    Trigger,
)
from rules.schedule import Schedule
from rules.triggers import DERIVED, committed

MAX_FILES = 1_000
MAX_ACTIONS = 10
MAX_DEPTH = 50
MAX_CONTROLS = 50
MAX_JOBS = 100
MAX_VARIABLES = 20
MAX_APPROVERS = 20

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DAYS = re.compile(r"(mon|tue|wed|thu|fri|sat|sun)([-,](mon|tue|wed|thu|fri|sat|sun)){0,6}")
_OPTIONAL = ("description", "query", "variables", "when", "for_each", "mode", "severity", "owner", "runbook") + (
    "controls", "limits", "approval", "resolve",
)  # fmt: skip
_ON_CHANGE = ("change", "type", "how", "tag")
_ON_LATE = ("change", "by", "timezone", "days", "jobs", "tag", "within")
_ON_TIME = ("schedule", "timezone")


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


def load_rules(
    folder: Path, ontology: Ontology, references: Mapping[str, str], check_query: Callable[[str], None] = unchecked
) -> tuple[Rule, ...]:
    """The rules among what `load_folder` reads."""
    return load_folder(folder, ontology, references, check_query).rules


def load_folder(
    folder: Path, ontology: Ontology, references: Mapping[str, str], check_query: Callable[[str], None] = unchecked
) -> Loaded:
    """All documents of `folder/*.yaml` and `*.yml`; all or none.

    `references` and `check_query` as for `read_rule`. Raises `RulesRejected`; a folder that is not there is rejected
    too, an empty one gives nothing.
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
            content = _read_bounded(path)
            found = _read(content, Document(path.name, ontology, references, check_query), path.name)
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


def _read(content: bytes, document: Document, file: str) -> Rule | Propagation:
    root = compose(content, file)
    if isinstance(root, MappingNode) and any(key.value == propagation.KEY for key, _ in root.value):
        return propagation.read(document, root)
    return _rule(document, root, content.decode())


def read_rule(
    content: bytes,
    file: str,
    ontology: Ontology,
    references: Mapping[str, str],
    check_query: Callable[[str], None] = unchecked,
) -> Rule:
    """The rule that a file's bytes say; `file` is only for messages. Raises `RuleFault`.

    `references` are the values of `${NAME}`: they are tried here, so that a missing one is known at start-up,
    and none is kept. `check_query` raises `InvalidInput` for what is no GraphQL that can be asked.
    """
    return _rule(Document(file, ontology, references, check_query), compose(content, file), content.decode())


def _rule(document: Document, root: Node, text: str) -> Rule:
    fields = document.mapping(root, "", ("rule", "version", "on", "do"), _OPTIONAL)
    given = fields.get
    return Rule(
        name=document.matching(fields["rule"], "rule", _NAME, "lower-case letters, digits and -, at most 100"),
        version=document.whole(fields["version"], "version", 1, 1_000_000),
        description=document.text(fields["description"], "description") if "description" in fields else "",
        trigger=_on(document, fields["on"]),
        query=_query(document, fields["query"], given("variables")) if "query" in fields else None,
        when=document.expression(fields["when"], "when") if "when" in fields else None,
        targets=_targets(document, fields["for_each"]) if "for_each" in fields else None,
        actions=(actions := _do(document, fields["do"])),
        resolve=_resolve(document, fields["resolve"], actions) if "resolve" in fields else None,
        mode=Mode(document.one_of(fields["mode"], "mode", tuple(Mode))) if "mode" in fields else Mode.LIVE,
        severity=_severity(document, given("severity")),
        owner=document.text(fields["owner"], "owner") if "owner" in fields else None,
        runbook=document.text(fields["runbook"], "runbook") if "runbook" in fields else None,
        controls=document.texts(fields["controls"], "controls", MAX_CONTROLS) if "controls" in fields else (),
        limits=_limits(document, fields["limits"]) if "limits" in fields else Limits(),
        approval=_approval(document, fields["approval"]) if "approval" in fields else None,
        text=text,
        digest=hashlib.blake2b(json.dumps(plain(root), sort_keys=True).encode(), digest_size=16).hexdigest(),
    )


def _on(document: Document, node: Node) -> Trigger | Timer:
    on = document.mapping(node, "on", (), tuple(dict.fromkeys(_ON_TIME + _ON_LATE + _ON_CHANGE)))
    if "schedule" in on:
        on = document.mapping(node, "on", ("schedule",), _ON_TIME)
        return Timer(_schedule(document, on, "schedule", document.text(on["schedule"], "on.schedule")))
    on = document.mapping(node, "on", ("change",), tuple(dict.fromkeys(_ON_LATE + _ON_CHANGE)))
    listed = on["change"].value if isinstance(on["change"], SequenceNode) else [on["change"]]
    if not listed:
        raise document.fault(on["change"], "on.change", "is empty")
    changes = frozenset(document.one_of(it, "on.change", (*CHANGES, *DERIVED, LATE)) for it in listed)
    if LATE in changes:
        if len(changes) > 1:
            raise document.fault(on["change"], "on.change", f"{LATE} stands alone: it comes by the clock")
        return _late(document, node)
    return _trigger(document, document.mapping(node, "on", ("change",), _ON_CHANGE), changes)


def _resolve(document: Document, node: Node, actions: tuple[Action | Together, ...]) -> Resolve:
    fields = document.mapping(node, "resolve", ("change",), ("type", "tag", "when"))
    if not any(isinstance(it, Together) for it in actions):
        raise document.fault(node, "resolve", "is for a rule that does notify: it takes back what that said")
    listed = fields["change"].value if isinstance(fields["change"], SequenceNode) else [fields["change"]]
    changes = frozenset(document.one_of(it, "resolve.change", (*CHANGES, *DERIVED)) for it in listed)
    when = document.expression(fields["when"], "resolve.when", EARLY) if "when" in fields else None
    return Resolve(_trigger(document, fields, changes), when)


def _trigger(document: Document, on: Mapping[str, Node], changes: frozenset[str]) -> Trigger:
    name = document.text(on["type"], "on.type") if "type" in on else "Entity"
    if name not in document.ontology.classes:
        raise document.fault(on["type"], "on.type", f"the ontology has no class {name[:100]!r}")
    types = document.ontology.subclasses(name)
    kinds = (
        it.kind for it in document.ontology.key_classes
        if it.name in types or name in document.ontology.subclasses(it.name)
    )  # fmt: skip
    return Trigger(
        changes=changes,
        committed=committed(changes),
        type=name,
        types=types,
        kinds=frozenset(kinds),
        how=_ways(document, on["how"], changes) if "how" in on else frozenset(),
        tag=_tag(document, on["tag"], changes) if "tag" in on else None,
    )


def _late(document: Document, node: Node) -> Timer:
    on = document.mapping(node, "on", ("change", "by"), _ON_LATE)
    clock = document.matching(on["by"], "on.by", _CLOCK, 'a time of day in quotes, as "07:00"')
    days = document.matching(on["days"], "on.days", _DAYS, "days as mon-fri or mon,wed") if "days" in on else "*"
    late = Late(
        jobs=document.texts(on["jobs"], "on.jobs", MAX_JOBS) if "jobs" in on else (),
        tag=document.text(on["tag"], "on.tag") if "tag" in on else None,
        within=document.duration(on["within"], "on.within") if "within" in on else None,
    )
    return Timer(_schedule(document, on, "by", f"{clock[3:]} {clock[:2]} * * {days}"), late)


def _schedule(document: Document, on: Mapping[str, Node], field: str, cron: str) -> Schedule:
    zone = document.text(on["timezone"], "on.timezone") if "timezone" in on else "UTC"
    try:
        return Schedule(cron, zone)
    except InvalidInput as error:
        blamed = "timezone" if "time zone" in error.reason else field
        raise document.fault(on[blamed], f"on.{blamed}", error.reason) from None


def _ways(document: Document, node: Node, changes: frozenset[str]) -> frozenset[SchemaChange]:
    if changes != {"schema.changed"}:
        raise document.fault(node, "on.how", "is for on.change: schema.changed alone")
    listed = node.value if isinstance(node, SequenceNode) else [node]
    return frozenset(SchemaChange(document.one_of(it, "on.how", tuple(SchemaChange))) for it in listed)


def _tag(document: Document, node: Node, changes: frozenset[str]) -> str:
    if not all(it.startswith("tag.") for it in changes):
        raise document.fault(node, "on.tag", "is for on.change: tag.given, tag.taken, tag.reached and tag.left")
    return document.text(node, "on.tag")


def _query(document: Document, node: Node, variables: Node | None) -> Query:
    text = document.text(node, "query")
    try:
        document.check_query(text)
    except InvalidInput as error:
        raise document.fault(node, "query", error.reason) from None
    return Query(text, {} if variables is None else document.expressions(variables, "variables", MAX_VARIABLES, EARLY))


def _severity(document: Document, node: Node | None) -> Severity:
    return Severity(document.one_of(node, "severity", tuple(Severity))) if node is not None else Severity.WARNING


def _targets(document: Document, node: Node) -> Downstream | Each:
    fields = document.mapping(node, "for_each", (), ("downstream", "depth", "urns"))
    if "urns" in fields:
        fields = document.mapping(node, "for_each", ("urns",))
        return Each(document.expression(fields["urns"], "for_each.urns"))
    fields = document.mapping(node, "for_each", ("downstream",), ("depth",))
    name = document.text(fields["downstream"], "for_each.downstream")
    if name not in document.ontology.classes:
        raise document.fault(fields["downstream"], "for_each.downstream", f"the ontology has no class {name[:100]!r}")
    depth = document.whole(fields["depth"], "for_each.depth", 0, MAX_DEPTH) if "depth" in fields else DEFAULT_DEPTH
    return Downstream(name, document.ontology.subclasses(name), depth)


def _do(document: Document, node: Node, path: str = "do") -> tuple[Action | Together, ...]:
    if not isinstance(node, SequenceNode) or not 1 <= len(node.value) <= MAX_ACTIONS:
        raise document.fault(node, path, f"expected a list of 1 to {MAX_ACTIONS} actions")
    return tuple(_action(document, item, f"{path}[{index}]") for index, item in enumerate(node.value))


def _action(document: Document, node: Node, path: str) -> Action | Together:
    fields = document.mapping(node, path, (), tuple(READERS))
    if len(fields) != 1:
        raise document.fault(node, path, f"expected one action, of {', '.join(READERS)}")
    ((kind, arguments),) = fields.items()
    return READERS[kind](document, arguments, f"{path}.{kind}")


def _limits(document: Document, node: Node) -> Limits:
    fields = document.mapping(node, "limits", (), ("max_age", "cooldown", "rate", "affected"))
    times = {it: document.duration(fields[it], f"limits.{it}") for it in ("max_age", "cooldown") if it in fields}
    return Limits(
        max_age=times.get("max_age", DEFAULT_MAX_AGE),
        cooldown=times.get("cooldown"),
        rate=_rate(document, fields["rate"]) if "rate" in fields else None,
        affected=document.whole(fields["affected"], "limits.affected", 0, 1_000_000) if "affected" in fields else None,
    )


def _rate(document: Document, node: Node) -> tuple[int, timedelta]:
    fields = document.mapping(node, "limits.rate", ("firings", "in"))
    firings = document.whole(fields["firings"], "limits.rate.firings", 1, 1_000_000)
    return firings, document.duration(fields["in"], "limits.rate.in")


def _approval(document: Document, node: Node) -> Approval | None:
    if isinstance(node, ScalarNode):
        word = document.one_of(node, "approval", ("none", "owner"))
        return Approval() if word == "owner" else None
    fields = document.mapping(node, "approval", ("by",), ("within", "ask"))
    listed = fields["by"].value if isinstance(fields["by"], SequenceNode) else [fields["by"]]
    if not 1 <= len(listed) <= MAX_APPROVERS:
        raise document.fault(fields["by"], "approval.by", f"expected owner or 1 to {MAX_APPROVERS} names")
    names = [document.text(it, "approval.by") for it in listed]
    within = document.duration(fields["within"], "approval.within") if "within" in fields else DEFAULT_WITHIN
    ask = _do(document, fields["ask"], "approval.ask") if "ask" in fields else ()
    return Approval("owner" in names, tuple(it for it in names if it != "owner"), within, ask)

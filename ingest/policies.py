"""Policies from YAML, in the words of ODRL, as facts: the policy, its rules, the controls and frameworks it meets.

One policy a document, several documents a file (`---`). docs/facts.md has a whole one. What it applies to is named by
urn or told by class, namespace and tag; those are looked up when the policy is read, so reading it again renews the
list. An unknown key, a wrong type or a word that the ontology lacks is an error with file and line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec
import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent, NodeEvent
from yaml.nodes import MappingNode, Node, SequenceNode

from graph.errors import InvalidInput
from graph.model import Instant, make_urn
from ontology import Ontology

from . import facts

SOURCE = "policies"
NAMESPACE = "policies"
FRAMEWORKS = "frameworks"
"""The namespace of frameworks and their controls."""

PEOPLE = "people"
"""The namespace of the teams, persons and roles that rules are about."""

LISTED = ("Policy", "PolicyRule")
"""The classes of which a folder holds all that there are in its namespace."""

MAX_BYTES = 1_000_000
MAX_NESTING = 16
_SUFFIXES = (".yaml", ".yml", ".json")
_PARTIES = {"team": "Team", "person": "Person", "role": "Role"}
_OPERATORS = frozenset(
    {"eq", "neq", "lt", "lteq", "gt", "gteq", "isA", "isAllOf", "isAnyOf", "isNoneOf", "isPartOf", "hasPart"}
)  # ODRL Information Model 2.2, 2.5.2
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class _Constraint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    left_operand: str
    operator: str
    right_operand: str | int | bool | list[str | int]


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: str | list[str]
    assignee: str | list[str] = []
    constraint: _Constraint | list[_Constraint] = []
    purpose: str | list[str] = []
    description: str | None = None


class _Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    urn: str | None = None
    type: str | None = None
    namespace: str | None = None
    tag: str | None = None


class _Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    name: str
    type: str | None = None


class _Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    type: str = "Policy"
    description: str | None = None
    owners: list[str | _Owner] = []
    tags: list[str] = []
    attributes: dict[str, Any] = {}
    targets: list[_Target] = []
    permissions: list[_Rule] = []
    prohibitions: list[_Rule] = []
    obligations: list[_Rule] = []
    frameworks: dict[str, list[str | int]] = {}


_KINDS = (
    ("permissions", "Permission", "permits"), ("prohibitions", "Prohibition", "prohibits"),
    ("obligations", "Duty", "obliges"),
)  # fmt: skip


class PolicyFault(InvalidInput):
    """One thing wrong in one file; `line` counts from 1."""

    def __init__(self, file: str, line: int, reason: str, *, field: str = "") -> None:
        super().__init__(reason, field=field)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {super().__str__()}"


class PoliciesRejected(InvalidInput):
    """A folder of policies that was not taken, none of it; `faults` has the first of each document."""

    def __init__(self, faults: Sequence[PolicyFault]) -> None:
        super().__init__("no policy was taken:\n" + "\n".join(f"  {fault}" for fault in faults))
        self.faults = tuple(faults)


class Estate(Protocol):
    """Where targets are looked up."""

    def by_urn(self, urns: Sequence[str]) -> frozenset[str]:
        """Those of them that there are."""

    def selected(self, *, type: str | None, namespace: str | None, tag: str | None, value: str | None) -> Iterator[str]:
        """The urns of all that are, have and are in what is given; of a class also those below it."""


@dataclass(slots=True)
class Policies:
    """What a folder says. `listed`: the urns of its policies and rules; `idle`: places of targets that mean nothing."""

    entities: list[dict[str, object]] = field(default_factory=list)
    listed: set[str] = field(default_factory=set)
    policies: int = 0
    idle: list[str] = field(default_factory=list)


def read_folder(folder: Path, ontology: Ontology, estate: Estate, namespace: str = NAMESPACE) -> Policies:
    """All policies of a folder's *.yaml, *.yml and *.json, in the order of file names; all or none.

    Raises `PoliciesRejected`, and `InvalidInput` where there is no such folder.
    """
    if not folder.is_dir():
        raise InvalidInput(f"there is no folder {str(folder)!r}")
    found = Policies()
    faults: list[PolicyFault] = []
    names: dict[str, str] = {}
    for path in sorted(it for it in folder.iterdir() if it.suffix in _SUFFIXES and it.name[0] != "."):
        try:
            nodes = _documents(path.read_bytes(), path.name)
        except PolicyFault as fault:
            faults.append(fault)
            continue
        for node in nodes:
            document = _Document(path.name, node, ontology, namespace)
            try:
                policy = document.policy()
                if policy.name in names:
                    raise document.fault("name", f"{names[policy.name]} has a policy {policy.name!r} already")
                names[policy.name] = path.name
                document.add(policy, estate, found)
            except PolicyFault as fault:
                faults.append(fault)
    if faults:
        raise PoliciesRejected(faults)
    return found


# Files ----------------------------------------------------------------------------------------------------------


def _documents(content: bytes, file: str) -> list[Node]:
    """The YAML documents of a file, as nodes, which know their lines. JSON is YAML too."""
    if len(content) > MAX_BYTES:
        raise PolicyFault(file, 1, f"larger than {MAX_BYTES} bytes")
    try:
        text = content.decode()
        _check_bounds(text, file)
        nodes = [node for node in yaml.compose_all(text, yaml.SafeLoader) if node is not None]
    except UnicodeDecodeError as error:
        raise PolicyFault(file, content.count(b"\n", 0, error.start) + 1, "is not UTF-8") from None
    except yaml.reader.ReaderError as error:
        raise PolicyFault(file, text.count("\n", 0, error.position) + 1, "has a control character") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PolicyFault(file, mark.line + 1 if mark else 1, error.problem or "is not YAML") from None
    if not nodes:
        raise PolicyFault(file, 1, "is empty, expected a policy")
    return nodes


def _check_bounds(text: str, file: str) -> None:
    """Refuse anchors, aliases and deep nesting by the stream of events, which is read without recursion."""
    nesting = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, NodeEvent) and event.anchor is not None:
            raise PolicyFault(file, line, "anchors and aliases are not allowed")
        nesting += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if nesting > MAX_NESTING:
            raise PolicyFault(file, line, f"is nested more than {MAX_NESTING} deep")


class _Loader(yaml.SafeLoader):
    """Plain values: a date stays the text that it is written as, and so does 1798.10."""


def _as_written(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(node.value)


for _tag in ("timestamp", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _as_written)


# Documents ------------------------------------------------------------------------------------------------------


class _Document:
    """One policy; every method raises `PolicyFault` with the line of what is wrong."""

    def __init__(self, file: str, root: Node, ontology: Ontology, namespace: str) -> None:
        self._file = file
        self._root = root
        self._ontology = ontology
        self._namespace = namespace

    def fault(self, path: str, reason: str) -> PolicyFault:
        return PolicyFault(self._file, _line_of(self._root, path), reason, field=path)

    def policy(self) -> _Policy:
        loader = _Loader("")
        try:
            said = loader.construct_document(self._root)
            policy = msgspec.convert(said, _Policy)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise PolicyFault(self._file, line, error.problem or "is not YAML") from None
        except msgspec.ValidationError as error:
            reason, _, path = str(error).partition(" - at `$")
            raise self.fault(path.strip("`").lstrip("."), reason[:1].lower() + reason[1:]) from None
        finally:
            loader.dispose()
        if not policy.name.strip():
            raise self.fault("name", "must not be empty")
        return policy

    def add(self, policy: _Policy, estate: Estate, found: Policies) -> None:
        """Put what the policy says among what was found."""
        rules: dict[str, dict[str, object]] = {}
        relations: dict[str, list[object]] = {"governs": list(self._targets(policy, estate, found))}
        for kind, type, relation in _KINDS:
            made = {
                f"{kind}[{index}]": self._rule(rule, type, f"{policy.name}/{kind}/{index + 1}", f"{kind}[{index}]")
                for index, rule in enumerate(getattr(policy, kind))
            }
            rules |= made
            relations[relation] = [_reference(it) for it in made.values()]
        controls = self._controls(policy)
        relations["implements"] = [_reference(it) for it in controls if it["type"] == "Control"]
        said: dict[str, object] = {"type": policy.type, "namespace": self._namespace, "name": policy.name}
        said |= {"description": policy.description, "tags": policy.tags, "attributes": policy.attributes}
        owners = [_Owner(it) if isinstance(it, str) else it for it in policy.owners]
        said |= {"owners": msgspec.to_builtins(owners), "relations": relations}
        for where, entity in (*rules.items(), *(("frameworks", it) for it in controls), ("", said)):
            self._check(entity, where)
        found.entities += [*controls, *rules.values(), said]
        found.listed |= {_urn(it, self._ontology) for it in (*rules.values(), said)}
        found.policies += 1

    def _check(self, entity: dict[str, object], where: str) -> None:
        try:
            facts.read(facts.document("check", SOURCE, Instant(0), [entity]), self._ontology)
        except InvalidInput as error:
            path = error.field.removeprefix("entities[0]").lstrip(".")
            raise self.fault(f"{where}.{path}" if where else path, error.reason) from None

    def _targets(self, policy: _Policy, estate: Estate, found: Policies) -> Iterator[str]:
        """The urns that the policy's targets mean, each once."""
        seen: dict[str, None] = {}
        for index, target in enumerate(policy.targets):
            where = f"targets[{index}]"
            if target.urn is not None:
                others = (target.type, target.namespace, target.tag)
                if any(it is not None for it in others):
                    raise self.fault(where, "a urn says it all: no type, namespace or tag beside it")
                meant: Sequence[str] = (target.urn,)
                if target.urn not in estate.by_urn((target.urn,)):
                    found.idle.append(f"{self._file}:{_line_of(self._root, where)}: there is no {target.urn} yet")
            else:
                meant = list(self._selected(target, where, estate))
                if not meant:
                    found.idle.append(f"{self._file}:{_line_of(self._root, where)}: nothing is like that yet")
            seen.update(dict.fromkeys(meant))
        yield from seen

    def _selected(self, target: _Target, where: str, estate: Estate) -> Iterator[str]:
        if target.type is None and target.namespace is None and target.tag is None:
            raise self.fault(where, "expected urn, or one or more of type, namespace and tag")
        if target.type is not None and target.type not in self._ontology.classes:
            raise self.fault(f"{where}.type", f"the ontology has no class {target.type!r}")
        if target.type == "Column" and target.tag is None:
            raise self.fault(where, "columns are told by their tag")
        key, mark, value = (target.tag or "").partition("=")
        return estate.selected(
            type=target.type, namespace=target.namespace, tag=key or None, value=value if mark else None
        )

    def _rule(self, rule: _Rule, type: str, name: str, where: str) -> dict[str, object]:
        constraints = rule.constraint if isinstance(rule.constraint, list) else [rule.constraint]
        for index, it in enumerate(constraints):
            if it.operator not in _OPERATORS:
                at = f"{where}.constraint" + (f"[{index}]" if isinstance(rule.constraint, list) else "")
                raise self.fault(f"{at}.operator", f"expected one of {', '.join(sorted(_OPERATORS))}")
        purposes = [*_listed(rule.purpose), *_purposes(constraints)]
        attributes: dict[str, object] = {"action": _listed(rule.action), "purpose": list(dict.fromkeys(purposes))}
        attributes["condition"] = " and ".join(map(_spelled, constraints)) or None
        assignees = [self._party(it, f"{where}.assignee") for it in _listed(rule.assignee)]
        return {
            "type": type, "namespace": self._namespace, "name": name, "description": rule.description,
            "attributes": attributes, "relations": {"assignee": assignees},
        }  # fmt: skip

    def _party(self, text: str, where: str) -> object:
        if text.startswith("urn:andon:"):
            return text
        kind, mark, name = text.partition(":")
        if not mark or kind not in _PARTIES or not name.strip():
            raise self.fault(where, f"expected team:NAME, person:NAME, role:NAME or a urn, found {text[:100]!r}")
        return {"type": _PARTIES[kind], "namespace": PEOPLE, "name": name}

    def _controls(self, policy: _Policy) -> list[dict[str, object]]:
        """The frameworks and controls that the policy meets; what is known of them elsewhere stays."""
        found: list[dict[str, object]] = []
        for framework, controls in policy.frameworks.items():
            if not controls:
                raise self.fault(f"frameworks.{framework}", "expected the controls that are met, found none")
            owner: dict[str, object] = {"type": "Framework", "namespace": FRAMEWORKS, "name": framework}
            found.append(owner)
            found += [
                {
                    "type": "Control", "namespace": FRAMEWORKS, "name": f"{framework}/{control}",
                    "attributes": {"displayName": f"{framework} {control}"}, "relations": {"inFramework": [owner]},
                }
                for control in dict.fromkeys(controls)
            ]  # fmt: skip
        return found


def _reference(entity: Mapping[str, object]) -> dict[str, object]:
    return {key: entity[key] for key in ("type", "namespace", "name")}


def _urn(entity: Mapping[str, object], ontology: Ontology) -> str:
    return make_urn(ontology.classes[str(entity["type"])].kind, str(entity["namespace"]), str(entity["name"]))


def _listed(said: str | list[str]) -> list[str]:
    return said if isinstance(said, list) else [said]


def _purposes(constraints: Sequence[_Constraint]) -> list[str]:
    return [
        str(one)
        for it in constraints
        if it.left_operand == "purpose" and it.operator in ("eq", "isA", "isAnyOf")
        for one in (it.right_operand if isinstance(it.right_operand, list) else [it.right_operand])
    ]


def _spelled(constraint: _Constraint) -> str:
    """`elapsedTime lteq P30D`."""
    right = constraint.right_operand
    text = right if isinstance(right, str) else json.dumps(right)
    return f"{constraint.left_operand} {constraint.operator} {text}"


def _line_of(root: Node, path: str) -> int:
    """The line of what stands at a path such as `permissions[0].action`, or of the nearest thing around it."""
    node = root
    line = root.start_mark.line
    for key, index in _STEP.findall(path):
        if key and isinstance(node, MappingNode):
            pair = next(((name, value) for name, value in node.value if name.value == key), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        elif index and isinstance(node, SequenceNode) and int(index) < len(node.value):
            node = node.value[int(index)]
            line = node.start_mark.line
        else:
            break
    return int(line) + 1

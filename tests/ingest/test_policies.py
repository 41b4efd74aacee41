"""Policies in YAML: what a document says, and what is refused by file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from graph.errors import InvalidInput
from graph.model import Instant, make_urn
from ingest import facts
from ingest.policies import Policies, PoliciesRejected, read_folder
from ontology import load

WORDS = load()
ORDERS, CUSTOMERS = (make_urn("dataset", "pg", name) for name in ("orders", "customers"))
WHOLE = """
name: gdpr-personal-data
type: RetentionPolicy
description: Personal data is used for what it was given for, and no longer than it must be.
owners: [team:privacy, {name: ann@example.com, type: steward}]
tags: [gdpr]
attributes:
  retentionPeriod: P2Y
  effectiveFrom: 2026-01-01T00:00:00Z
targets:
  - urn: urn:andon:dataset:pg:orders
  - tag: pii
  - {tag: pii=high, type: Column}
permissions:
  - action: [read, use]
    assignee: [team:analytics, "urn:andon:person:people:ann"]
    constraint: {leftOperand: purpose, operator: isAnyOf, rightOperand: [fraud detection, billing]}
prohibitions:
  - action: distribute
    purpose: advertising
obligations:
  - action: delete
    description: After two years.
    constraint:
      - {leftOperand: elapsedTime, operator: gteq, rightOperand: P2Y}
      - {leftOperand: count, operator: lt, rightOperand: 3}
frameworks:
  GDPR: [Art. 5(1)(e), Art. 17]
  CCPA: [1798.105]
"""


class Estate:
    """A graph with two tables that hold personal data."""

    def by_urn(self, urns: Sequence[str]) -> frozenset[str]:
        return frozenset(urns) & {ORDERS, CUSTOMERS}

    def selected(self, *, type: str | None, namespace: str | None, tag: str | None, value: str | None) -> Iterator[str]:
        if (type, namespace, tag, value) == (None, None, "pii", None):
            yield from (CUSTOMERS, ORDERS)
        if (type, tag, value) == ("Column", "pii", "high"):
            yield make_urn("column", "pg", "customers", "email")


def read(folder: Path, *documents: str) -> Policies:
    for number, document in enumerate(documents):
        (folder / f"p{number}.yaml").write_text(document)
    return read_folder(folder, WORDS, Estate())


def refused(folder: Path, document: str) -> str:
    with pytest.raises(PoliciesRejected) as rejected:
        read(folder, document)
    return str(rejected.value.faults[0])


def test_a_policy_is_its_rules_its_controls_and_what_it_governs(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE)

    said = {it.subject.urn: it for it in facts.read(facts.document("1", "s", Instant(0), found.entities), WORDS).said}
    policy = said["urn:andon:policy:policies:gdpr-personal-data"]
    assert {key: value for key, value in policy.registers.items() if not key.startswith("relation:")} == {
        "documentation": {
            "description": "Personal data is used for what it was given for, and no longer than it must be."
        },
        "tags": {"tags": [{"key": "gdpr"}]},
        "ownership": {"owners": [{"name": "team:privacy"}, {"name": "ann@example.com", "type": "steward"}]},
        "attribute:type": "RetentionPolicy",
        "attribute:retentionPeriod": "P2Y",
        "attribute:effectiveFrom": "2026-01-01T00:00:00Z",
    }
    targets = {relation: [it.urn for it in urns] for relation, urns in policy.targets.items()}
    rule = "urn:andon:policyrule:policies:gdpr-personal-data%2F"
    control = "urn:andon:control:frameworks:"
    assert targets == {
        "governs": ["urn:andon:column:pg:customers:email", CUSTOMERS, ORDERS],
        "permits": [f"{rule}permissions%2F1"],
        "prohibits": [f"{rule}prohibitions%2F1"],
        "obliges": [f"{rule}obligations%2F1"],
        "implements": [
            f"{control}CCPA%2F1798.105",
            f"{control}GDPR%2FArt.%2017",
            f"{control}GDPR%2FArt.%205%281%29%28e%29",
        ],
    }
    permission = said[f"{rule}permissions%2F1"]
    assert permission.registers["attribute:type"] == "Permission"
    assert permission.registers["attribute:action"] == ["read", "use"]
    assert permission.registers["attribute:purpose"] == ["fraud detection", "billing"]
    assert permission.registers["attribute:condition"] == 'purpose isAnyOf ["fraud detection", "billing"]'
    assert [it.urn for it in permission.targets["assignee"]] == [
        "urn:andon:person:people:ann", "urn:andon:team:people:analytics",
    ]  # fmt: skip
    duty = said[f"{rule}obligations%2F1"]
    assert duty.registers["attribute:condition"] == "elapsedTime gteq P2Y and count lt 3"
    assert duty.registers["documentation"] == {"description": "After two years."}
    prohibition = said[f"{rule}prohibitions%2F1"]
    assert prohibition.registers["attribute:purpose"] == ["advertising"]
    assert prohibition.targets["assignee"] == ()
    framework = said[f"{control}GDPR%2FArt.%2017"]
    assert framework.registers["attribute:displayName"] == "GDPR Art. 17"
    assert [it.urn for it in framework.targets["inFramework"]] == ["urn:andon:framework:frameworks:GDPR"]
    assert found.listed == {policy.subject.urn, *targets["permits"], *targets["prohibits"], *targets["obliges"]}
    assert (found.policies, found.idle) == (1, [])


def test_several_documents_a_file_and_json_are_read_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "z.json").write_text(json.dumps({"name": "last", "targets": [{"urn": ORDERS}]}))
    (tmp_path / ".hidden.yaml").write_text("nonsense")
    (tmp_path / "notes.txt").write_text("nonsense")

    found = read(tmp_path, "name: one\n---\nname: two\n")

    assert [it["name"] for it in found.entities] == ["one", "two", "last"]


def test_targets_that_mean_nothing_yet_are_told_with_their_lines(tmp_path: Path) -> None:
    found = read(tmp_path, "name: p\ntargets:\n  - tag: nobody\n  - urn: urn:andon:dataset:pg:later\n")

    assert found.idle == [
        "p0.yaml:3: nothing is like that yet",
        "p0.yaml:4: there is no urn:andon:dataset:pg:later yet",
    ]
    [policy] = found.entities
    relations: Any = policy["relations"]
    assert relations["governs"] == ["urn:andon:dataset:pg:later"]


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ("name: p\ntypes: Policy\n", "p0.yaml:1: object contains unknown field `types`"),
        ("description: x\n", "p0.yaml:1: object missing required field `name`"),
        ("name: ''\n", "p0.yaml:1: name: must not be empty"),
        ("name: p\npermissions:\n  - action: read\n    assigned: x\n", "p0.yaml:3: permissions[0]: object contains"),
        ("name: p\npermissions:\n  - {action: read}\n  - {action: 7}\n", "p0.yaml:4: permissions[1].action: expected"),
        ("name: p\ntype: Polizei\n", "p0.yaml:2: type: the ontology has no class 'Polizei'"),
        ("name: p\nattributes:\n  x: 1\n", "p0.yaml:3: attributes.x: the ontology has no such attribute"),
        ("name: p\ntype: RetentionPolicy\nattributes:\n  retentionPeriod: 2 years\n",
         "p0.yaml:4: attributes.retentionPeriod: expected an ISO 8601 duration"),
        ("name: p\nattributes: {retentionPeriod: P1D}\n", "p0.yaml:2: attributes.retentionPeriod: is for Retention"),
        ("name: p\ntargets:\n  - {}\n", "p0.yaml:3: targets[0]: expected urn, or"),
        ("name: p\ntargets:\n  - {urn: 'urn:andon:dataset:a:b', tag: x}\n", "p0.yaml:3: targets[0]: a urn says it"),
        ("name: p\ntargets:\n  - tag: x\n    type: Tabel\n", "p0.yaml:4: targets[0].type: the ontology has no class"),
        ("name: p\ntargets:\n  - urn: urn:nonsense\n", "p0.yaml:1: relations.governs[0]: 'urn:nonsense' is not a urn"),
        ("name: p\npermissions:\n  - action: read\n    assignee: analytics\n", "p0.yaml:4: permissions[0].assignee:"),
        ("name: p\npermissions:\n  - action: read\n    constraint:\n"
         "      - {leftOperand: a, operator: is, rightOperand: b}\n",
         "p0.yaml:5: permissions[0].constraint[0].operator: expected one of"),
        ("name: p\nframeworks:\n  GDPR: []\n", "p0.yaml:3: frameworks.GDPR: expected the controls"),
        ("name: [p\n", "p0.yaml:2: expected ',' or ']'"),
        ("name: &a p\n", "p0.yaml:1: anchors and aliases are not allowed"),
        ("- name: p\n", "p0.yaml:1: expected `object`, got `array`"),
        ("", "p0.yaml:1: is empty"),
        ("name: p\n---\nname: p\n", "p0.yaml:3: name: p0.yaml has a policy 'p' already"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_file_and_line(tmp_path: Path, document: str, fault: str) -> None:
    assert refused(tmp_path, document).startswith(fault)


def test_one_bad_file_keeps_all_out_and_every_fault_is_told(tmp_path: Path) -> None:
    with pytest.raises(PoliciesRejected) as rejected:
        read(tmp_path, "name: good\n", "nam: bad\n", "name: [worse\n")

    assert [it.file for it in rejected.value.faults] == ["p1.yaml", "p2.yaml"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no folder"):
        read_folder(tmp_path / "none", WORDS, Estate())

"""The JSON Schema of a rule: what editors take is what Andon takes, as far as a schema can tell."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from rules.rule import CHANGES, LATE, Mode, SchemaChange, Severity
from rules.triggers import DERIVED
from tests.rules.conftest import RULE
from tests.rules.test_http_action import FAULTS as HTTP_FAULTS
from tests.rules.test_reading import BAD

SCHEMA = json.loads(resources.files("rules").joinpath("rule.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLES = Path(__file__).parents[2] / "examples" / "rules"
# What takes the ontology, the environment or YAML itself to tell.
BEYOND = (
    "the ontology", "has no value", "there is no", "is not CEL", "for on.change", "is there twice", "expected an http",
    "a reference cannot", "user name or password", "description: expected text", "a reference is written",
    "version: expected",
)  # fmt: skip


def faults(text: bytes) -> list[str]:
    class Words(yaml.SafeLoader):
        """As Andon reads YAML: `on` is a word."""

    Words.yaml_implicit_resolvers = {
        first: [it for it in found if it[0] != "tag:yaml.org,2002:bool"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return [it.message for it in VALIDATOR.iter_errors(yaml.load(text, Words))]


def test_it_is_a_schema_and_names_what_a_rule_can_say() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert tuple(SCHEMA["$defs"]["change"]["enum"]) == (*CHANGES, *DERIVED, LATE)
    assert SCHEMA["$defs"]["way"]["enum"] == [*SchemaChange]
    assert SCHEMA["properties"]["mode"]["enum"][:3] == [*Mode]
    assert SCHEMA["properties"]["severity"]["enum"] == [*Severity]


def test_rules_that_ship_are_taken() -> None:
    assert faults(RULE) == []
    for file in EXAMPLES.glob("**/*.yaml"):
        assert faults(file.read_bytes()) == []


@pytest.mark.parametrize(("url", "more", "reason"), HTTP_FAULTS)
def test_a_request_is_refused_in_an_editor_too(url: str, more: str, reason: str) -> None:
    action = f'  - http: {{url: "{url or "https://a.example/"}", {more}}}'
    text = f"rule: a\nversion: 1\non: {{change: run.failed}}\ndo:\n{action}".encode()
    told = any(it in reason for it in ("unknown key", "a json body already", "from 300", "one of GET"))
    assert bool(faults(text)) == told


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(text, id=what)
        for what, text, _, reason in BAD
        if not any(it in reason for it in BEYOND) and b"!!" not in text
    ],
)
def test_what_andon_refuses_is_refused_in_an_editor_too(content: bytes) -> None:
    try:
        found = faults(content)
    except yaml.YAMLError:
        return  # which an editor says by itself
    assert found

"""A propagation is read strictly, beside the rules, and editors take what Andon takes."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from api.cli import main
from graph.reader import Direction, Level
from graph.statements import Transformation
from ontology import Ontology
from rules import RuleFault, RulesRejected
from rules.document import Document, compose
from rules.propagation import Propagation, read
from rules.reading import load_folder
from tests.rules.conftest import REFERENCES, RULE

SCHEMA = json.loads(resources.files("rules").joinpath("propagation.schema.json").read_text())
PLAIN = "propagate: pii\nversion: 2\ntags: [pii]\n"
WHOLE = (
    PLAIN
    + """\
description: As the law has it.
direction: upstream
indirect: true
depth: 3
breakers: {masking: false, transformations: [aggregation], jobs: ["anon_*"], job_tags: [anonymises]}
"""
)
BAD = [
    ("propagate: Pii\nversion: 1\ntags: [pii]", 1, "lower-case"),
    ("propagate: pii\ntags: [pii]", 1, "version is missing"),
    (PLAIN.replace("[pii]", "[]"), 3, "is empty"),
    (PLAIN.replace("[pii]", "pii"), 3, "expected a list"),
    (PLAIN + "depth: 0", 4, "whole number from 1"),
    (PLAIN + "level: table", 4, "expected one of column, dataset"),
    (PLAIN + "do: []", 4, "unknown key 'do'"),
    (PLAIN + "breakers: {transformations: ['a b']}", 4, "such as AGGREGATION"),
    (PLAIN + "breakers: {aggregation: true}", 4, "unknown key 'aggregation'"),
    (PLAIN + "level: dataset\nindirect: true", 5, "is for level: column"),
    (PLAIN + "level: dataset\nbreakers: {masking: false}", 5, "is for level: column"),
]


def reading(text: str, words: Ontology) -> Propagation:
    return read(Document("p.yaml", words, {}), compose(text.encode(), "p.yaml"))


def test_it_is_read_with_its_defaults_and_with_all_it_can_say(words: Ontology) -> None:
    plain, whole = reading(PLAIN, words), reading(WHOLE, words)

    assert (plain.name, plain.version, plain.tags) == ("pii", 2, {"pii"})
    assert (plain.level, plain.direction) == (Level.COLUMN, Direction.DOWNSTREAM)
    assert (plain.masking, plain.indirect, plain.jobs) == (True, False, ())
    assert (whole.direction, whole.depth, whole.masking, whole.indirect) == (Direction.UPSTREAM, 3, False, True)
    assert (whole.transformations, whole.jobs, whole.job_tags) == ({"AGGREGATION"}, ("anon_*",), {"anonymises"})
    assert plain.digest != whole.digest


@pytest.mark.parametrize(("text", "line", "reason"), BAD)
def test_what_is_wrong_is_said_with_its_line_and_refused_in_an_editor_too(
    text: str, line: int, reason: str, words: Ontology
) -> None:
    with pytest.raises(RuleFault, match=reason) as raised:
        reading(text, words)

    assert raised.value.line == line
    assert [*Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(text))]


def test_the_schema_takes_what_is_read() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for text in (PLAIN, WHOLE, PLAIN + "level: dataset\nbreakers: {job_tags: [a]}"):
        assert [*Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(text))] == []


def test_a_folder_holds_rules_and_propagations_and_loads_as_a_whole(tmp_path: Path, words: Ontology) -> None:
    (tmp_path / "rule.yaml").write_bytes(RULE)
    (tmp_path / "pii.yaml").write_text(PLAIN)

    loaded = load_folder(tmp_path, words, REFERENCES)

    assert [len(loaded.rules), len(loaded.propagations)] == [1, 1]
    (tmp_path / "again.yml").write_text(PLAIN)
    with pytest.raises(RulesRejected, match="another file has a propagation 'pii' already"):
        load_folder(tmp_path, words, REFERENCES)


@pytest.mark.parametrize(
    ("ways", "wide", "passes"),
    [
        ([], False, True),
        ([], True, False),
        ([Transformation("DIRECT", "IDENTITY")], False, True),
        ([Transformation("DIRECT", "TRANSFORMATION", masking=True)], False, False),
        ([Transformation("DIRECT", masking=True), Transformation("DIRECT")], False, True),
        ([Transformation("INDIRECT", "FILTER")], False, False),
        ([Transformation("INDIRECT", "FILTER"), Transformation("DIRECT", masking=True)], False, False),
        ([Transformation("DIRECT", "aggregation")], False, False),
    ],
)
def test_an_edge_lets_through_what_one_of_its_ways_lets(
    ways: list[Transformation], wide: bool, passes: bool, words: Ontology
) -> None:
    propagation = reading(PLAIN + "breakers: {transformations: [AGGREGATION]}", words)

    assert propagation.lets_through(tuple(ways), wide) is passes


def test_the_command_line_writes_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "schema", "--propagation"]) == 0

    assert json.loads(capsys.readouterr().out) == SCHEMA

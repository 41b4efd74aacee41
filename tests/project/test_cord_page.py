"""What docs/cord.md shows is taken: its questions, its rule; and its tables have what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from api.gate import LONGEST_WAIT
from api.gate_command import GO, STOPPED, UNREACHABLE, WRONG
from api.graphql import build_schema
from graph.cord import STRENGTH
from ontology import load
from rules import read_rule
from tests.end_to_end.service import run_andon

PAGE = (Path(__file__).parents[2] / "docs" / "cord.md").read_text()
WORDS = load()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("question", blocks("graphql"))
def test_the_questions_are_valid(question: str) -> None:
    assert validate(build_schema(WORDS)[0], parse(question)) == []


def test_the_rule_is_read() -> None:
    [rule] = blocks("yaml")

    assert read_rule(rule.encode(), "cord.yaml", WORDS, {}).name == "failed-run-stops-what-it-writes"


def test_every_policy_and_exit_status_is_told() -> None:
    assert all(f"| `{policy.upper()}` |" in PAGE for policy in STRENGTH)
    assert all(f"\n| {status} | " in PAGE for status in (GO, STOPPED, WRONG, UNREACHABLE))
    assert f"{LONGEST_WAIT:.0f} at most" in PAGE


def test_the_help_tells_the_exit_statuses_too() -> None:
    told = run_andon("gate", "--help").stdout

    assert "exit status is 0 where it may go" in told
    assert "--if-unreachable" in told

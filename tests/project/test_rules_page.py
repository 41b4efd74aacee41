"""docs/rules.md is true: its rules can be read, and it names all that a rule can say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ontology
from api.app import limits_of
from api.graphql.asking import checker
from api.rule_cases import read_cases, run_case
from api.settings import Settings
from rules import read_rule
from rules.conditions import Expression
from rules.occurrence import NAMES
from rules.rule import CHANGES, LATE, Mode, SchemaChange, Severity
from rules.triggers import DERIVED

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "rules.md").read_text()
REFERENCES = {
    "ANDON_OWNERS_WEBHOOK": "https://hooks.example.com/x", "ANDON_OWNERS_SECRET": "0123456789abcdef",
    "ANDON_OWNERS_CHANNEL": "slack://a/b/c", "ANDON_FINANCE_CHANNEL": "mailto://example.com",
    "ANDON_MLFLOW": "https://mlflow.example.com",
}  # fmt: skip


@pytest.mark.parametrize("page", ["rules.md", "messages.md", "retraining.md"])
def test_each_rule_is_one(page: str) -> None:
    rules = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert rules
    words = ontology.load()
    queries = checker(words, limits_of(Settings()))
    for text in rules:
        read_rule(text.encode(), page, words, REFERENCES, queries)


def test_the_cases_can_be_read_and_come_out(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml test\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "schema.test.yaml").write_text(text)
    [case] = read_cases(tmp_path / "schema.test.yaml")
    words = ontology.load()
    removed = "rule: schema\nversion: 1\non: {change: schema.changed, how: removed}\n"
    rule = removed + "do: [{webhook: {url: https://hooks.example.com, event_type: a}}]"

    assert run_case(read_rule(rule.encode(), "schema.yaml", words, {}), case, words, limits_of(Settings())).faults == ()


def test_each_condition_is_one() -> None:
    (block,) = re.findall(r"\n\n```\n(.*?)```", PAGE, re.DOTALL)
    for text in block.splitlines():
        Expression(text, NAMES)


def test_all_words_are_there() -> None:
    for word in (*CHANGES, *DERIVED, LATE, *Mode, *Severity, *SchemaChange, *NAMES):
        assert f"`{word}`" in PAGE, word

"""docs/rules.md is true: its rules can be read, and it names all that a rule can say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import ontology
from api.app import limits_of
from api.graphql.asking import checker
from api.rule_cases import read_cases, run_case
from api.settings import Settings
from rules import read_rule
from rules.actions import READERS
from rules.conditions import Expression
from rules.occurrence import NAMES
from rules.outbox import ActionState
from rules.rule import CHANGES, LATE, Mode, SchemaChange, Severity
from rules.triggers import DERIVED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text()
ACTIONS = (ROOT / "docs" / "actions.md").read_text()
SCHEMA = json.loads((ROOT / "rules" / "rule.schema.json").read_text())["$defs"]
HTTP_KEYS = {*SCHEMA["http"]["properties"], *SCHEMA["http"]["properties"]["poll"]["properties"],
             *SCHEMA["airflow"]["properties"]}  # fmt: skip
REFERENCES = {
    "ANDON_OWNERS_WEBHOOK": "https://hooks.example.com/x", "ANDON_OWNERS_SECRET": "0123456789abcdef",
    "ANDON_OWNERS_CHANNEL": "slack://a/b/c", "ANDON_FINANCE_CHANNEL": "mailto://example.com",
}  # fmt: skip


def test_each_rule_is_one() -> None:
    pages = [(ROOT / "docs" / it).read_text() for it in ("messages.md", "retraining.md")]
    rules = re.findall(r"```yaml\n(.*?)```", "\n".join([PAGE, ACTIONS, *pages]), re.DOTALL)
    examples = [it.read_text() for it in (ROOT / "examples" / "rules").glob("**/*.yaml")]
    assert len(rules) >= 6 and len(examples) >= 3
    words = ontology.load()
    queries = checker(words, limits_of(Settings()))
    for text in rules + examples:
        names = re.findall(r"\$\{(\w+)\}", text)
        read_rule(text.encode(), "docs", words, dict.fromkeys(names, "https://hooks.example.com") | REFERENCES, queries)


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
    manual = "".join(it.read_text() for it in (ROOT / "docs").glob("*.md"))
    for word in READERS:
        assert f"`{word}`" in manual, word
    for word in (*HTTP_KEYS, *ActionState):
        assert f"`{word}`" in ACTIONS or word == "delivering", word
    for word in (*CHANGES, *DERIVED, LATE, *Mode, *Severity, *SchemaChange, *NAMES):
        assert f"`{word}`" in PAGE, word

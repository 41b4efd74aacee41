from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ontology import Ontology
from rules import RuleFault, RulesRejected, load_rules, read_rule
from rules.actions.statement import Stop
from rules.document import MAX_BYTES, MAX_NESTING
from rules.rule import Mode, SchemaChange, Severity
from rules.text import Text
from tests.rules.conftest import REFERENCES, RULE

SECRET = {**REFERENCES, "HOOK_SECRET": "canary-0123456789abcdef"}


def changed(old: str, new: str) -> bytes:
    text = RULE.decode()
    assert text.count(old) == 1, f"{old!r} must be in the rule once"
    return text.replace(old, new).encode()


def test_a_rule_is_read_with_its_defaults(words: Ontology) -> None:
    rule = read_rule(RULE, "failed.yaml", words, REFERENCES)

    assert (rule.name, rule.version) == ("failed-run-notifies-dashboard-owners", 1)
    assert rule.trigger.changes == {"run.failed"}
    assert (rule.trigger.type, rule.when, rule.mode, rule.severity) == ("Entity", None, Mode.LIVE, Severity.WARNING)
    assert rule.targets is not None
    assert rule.targets.types == words.subclasses("Dashboard")
    assert rule.actions[0].url.text == "${ANDON_DEMO_WEBHOOK}"
    assert rule.limits.max_age == timedelta(hours=24)


def test_max_age_depth_and_secret_are_read(words: Ontology) -> None:
    content = RULE.replace(b"Dashboard}", b"Dashboard, depth: 3}") + b"limits: {max_age: 90m}\n"
    content = content.replace(b"dev.andon.run.failed}", b'dev.andon.run.failed, secret: "${HOOK_SECRET}"}')

    rule = read_rule(content, "failed.yaml", words, SECRET)

    assert rule.targets is not None
    assert (rule.targets.depth, rule.limits.max_age) == (3, timedelta(minutes=90))
    assert rule.actions[0].secret is not None
    assert rule.actions[0].secret.text == "${HOOK_SECRET}"


def test_everything_a_rule_can_say_is_read(words: Ontology) -> None:
    content = b"""\
rule: breaking-schema-change
version: 3
description: A column went.
on: {change: [schema.changed], type: Table, how: [removed, narrowed]}
when: change.removed.exists(c, c != "tmp") && !("scratch" in after.tags)
do:
  - webhook:
      url: "${ANDON_DEMO_WEBHOOK}"
      event_type: dev.andon.schema
      attach: {gone: change.removed, table: after.name}
mode: shadow
severity: critical
owner: team:data
runbook: https://wiki.example.com/schema
controls: ["SOC2:CC8.1"]
"""
    rule = read_rule(content, "schema.yaml", words, REFERENCES)

    assert rule.trigger.changes == {"schema.changed"}
    assert rule.trigger.types == words.subclasses("Table")
    assert rule.trigger.kinds == {"dataset"}
    assert rule.trigger.how == {SchemaChange.REMOVED, SchemaChange.NARROWED}
    assert rule.targets is None
    assert rule.when is not None and rule.when.text.startswith("change.removed.exists")
    assert (rule.mode, rule.severity, rule.owner) == (Mode.SHADOW, Severity.CRITICAL, "team:data")
    assert (rule.runbook, rule.controls) == ("https://wiki.example.com/schema", ("SOC2:CC8.1",))
    assert {name: it.text for name, it in rule.actions[0].attach.items()} == {
        "gone": "change.removed", "table": "after.name",
    }  # fmt: skip


def test_layout_and_comments_do_not_make_another_version_but_content_does(words: Ontology) -> None:
    def version(content: bytes) -> str:
        return read_rule(content, "failed.yaml", words, REFERENCES).version_id

    assert version(b"# a comment\n" + changed("on: {change: run.failed}", "on:\n  change: 'run.failed'")) == version(
        RULE
    )
    assert version(changed("leaves stale", "leaves old")) != version(RULE)


STOPPING = RULE.split(b"  - webhook")[0] + b"  - stop: {cause: It failed., policy: warn}\n"
BAD = [
    ("a text with an unknown variable", STOPPING.replace(b"It failed.", b'"{{ env.PATH }}"'), 7, "there is no 'env'"),
    ("a reference in what is shown", STOPPING.replace(b"It failed.", b'"${HOME}"'), 7, "a reference cannot stand here"),
    ("a misspelt key", changed("for_each:", "foreach:"), 5, "unknown key 'foreach'"),
    (
        "an unknown nested key",
        changed("{change: run.failed}", "{change: run.failed, if: x}"),
        4,
        "unknown key 'if'",
    ),
    ("a missing key", changed("version: 1\n", ""), 1, "version is missing"),
    (
        "a key that is there twice",
        changed("version: 1\n", "version: 1\nversion: 2\n"),
        3,
        "'version' is there twice",
    ),
    ("text for a number", changed("version: 1", "version: one"), 2, "version: expected a whole number"),
    ("a fraction for a number", changed("version: 1", "version: 1.5"), 2, "version: expected a whole number"),
    ("true for a number", changed("version: 1", "version: true"), 2, "version: expected a whole number"),
    ("version zero", changed("version: 1", "version: 0"), 2, "version: expected a whole number from 1"),
    (
        "a number for text",
        changed("rule: failed-run-notifies-dashboard-owners", "rule: 12"),
        1,
        "found a number; put it",
    ),
    ("a name with capitals", changed("rule: failed", "rule: Failed"), 1, "rule: expected lower-case"),
    (
        "an unknown change",
        changed("change: run.failed", "change: run.lost"),
        4,
        "expected one of run.started",
    ),
    (
        "an unknown class of what changes",
        changed("{change: run.failed}", "{change: run.failed, type: Rnu}"),
        4,
        "on.type: the ontology",
    ),
    (
        "ways of what is no schema",
        changed("{change: run.failed}", "{change: run.failed, how: removed}"),
        4,
        "for on.change: schema.changed",
    ),
    (
        "an unknown way",
        changed("{change: run.failed}", "{change: schema.changed, how: gone}"),
        4,
        "on.how: expected one of added",
    ),
    ("no changes", changed("change: run.failed", "change: []"), 4, "on.change: is empty"),
    ("a condition that is no CEL", RULE + b"when: change.what ==\n", 8, "when: is not CEL"),
    ("a condition on what is not there", RULE + b"when: changed.what == 'x'\n", 8, "when: there is no 'changed'"),
    ("a mode that is none", RULE + b"mode: dry\n", 8, "mode: expected one of live, shadow, off"),
    ("a severity that is none", RULE + b"severity: high\n", 8, "severity: expected one of info"),
    ("controls that are no list", RULE + b"controls: SOC2\n", 8, "controls: expected a list"),
    (
        "an attachment with a blank in its name",
        changed("dev.andon.run.failed}", "dev.andon.run.failed, attach: {'a b': change.urn}}"),
        7,
        "unknown key 'a b'",
    ),
    ("an unknown class", changed("Dashboard}", "Dashbord}"), 5, "the ontology has no class 'Dashbord'"),
    ("a depth without bound", changed("Dashboard}", "Dashboard, depth: 1000}"), 5, "from 0 to 50"),
    (
        "a list for keys and values",
        changed("{downstream: Dashboard}", "[Dashboard]"),
        5,
        "expected keys and values",
    ),
    (
        "keys and values for a list",
        RULE.replace(b"  - webhook", b"    webhook"),
        7,
        "expected a list of 1 to 10",
    ),
    ("an unknown action", changed("- webhook", "- shell"), 7, "unknown key 'shell'; expected webhook, "),
    ("a stop without a cause", STOPPING.replace(b"cause: It failed., ", b""), 7, "do[0].stop: cause is missing"),
    (
        "a policy that is none",
        STOPPING.replace(b"warn", b"halt"),
        7,
        "do[0].stop.policy: expected one of block, isolate, warn",
    ),
    ("an event type with blanks", changed("dev.andon.run.failed", "a b"), 7, "event_type: expected words"),
    ("a reference without a value", changed("ANDON_DEMO_WEBHOOK", "NOT_SET"), 7, "${NOT_SET} has no value"),
    (
        "a reference that is none",
        changed("${ANDON_DEMO_WEBHOOK}", "${a-b}"),
        7,
        "a reference is written ${NAME}",
    ),
    (
        "a file URL",
        changed("${ANDON_DEMO_WEBHOOK}", "file:///etc/passwd"),
        7,
        "expected an http:// or https://",
    ),
    (
        "a password in the URL",
        changed("${ANDON_DEMO_WEBHOOK}", "https://u:p@example.com/"),
        7,
        "user name or password",
    ),
    (
        "an age without a unit",
        RULE + b"limits: {max_age: '24'}\n",
        8,
        "limits.max_age: expected a whole number and",
    ),
    (
        "a Python object",
        changed("version: 1", "version: !!python/object/apply:os.system ['x']"),
        2,
        "version: expected",
    ),
    (
        "a tagged text",
        changed("description: Tell", "description: !!binary Tell"),
        3,
        "description: expected text",
    ),
    ("an open bracket", RULE + b"limits: {max_age: 24h\n", 9, "expected ',' or '}'"),
    ("two documents", RULE + b"---\n" + RULE, 8, "but found another document"),
    ("bytes that are not UTF-8", RULE + b"# \xff\n", 8, "is not UTF-8"),
    ("a control character", RULE + b"# \x07\n", 8, "has a control character"),
    ("an empty file", b"", 1, "is empty"),
    ("only text", b"hello", 1, "expected keys and values"),
]


@pytest.mark.parametrize(("content", "line", "reason"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_what_is_wrong_is_refused_with_file_line_and_reason(
    words: Ontology, content: bytes, line: int, reason: str
) -> None:
    with pytest.raises(RuleFault) as caught:
        read_rule(content, "bad.yaml", words, REFERENCES)

    assert (caught.value.file, caught.value.line) == ("bad.yaml", line)
    assert reason in str(caught.value)
    assert str(caught.value).startswith(f"bad.yaml, line {line}: ")


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor(words: Ontology) -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    bomb = "\n".join(["rule: bomb", "a0: &a0 [lol]", *levels]).encode()

    with pytest.raises(RuleFault, match="line 2: anchors and aliases are not allowed"):
        read_rule(bomb, "bomb.yaml", words, {})


def test_deep_nesting_is_refused_before_it_costs_a_stack(words: Ontology) -> None:
    with pytest.raises(RuleFault, match=f"nested more than {MAX_NESTING} deep"):
        read_rule(b"[" * (MAX_BYTES - 1), "deep.yaml", words, {})


def test_a_large_file_is_refused(words: Ontology) -> None:
    with pytest.raises(RuleFault, match="larger than 65536 bytes"):
        read_rule(RULE + b"#" * MAX_BYTES, "large.yaml", words, REFERENCES)


def test_a_secret_must_be_a_reference_and_is_not_repeated_in_the_error(words: Ontology) -> None:
    content = RULE.replace(b"dev.andon.run.failed}", b"dev.andon.run.failed, secret: canary-in-the-open-4711}")

    with pytest.raises(RuleFault, match="line 7: .*a secret is a reference") as caught:
        read_rule(content, "bad.yaml", words, REFERENCES)

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("url", ["canary 4711", "ftp://canary-4711/", "http://canary:4711@x/", "https://[canary]/"])
def test_a_bad_value_behind_a_reference_is_refused_without_being_repeated(words: Ontology, url: str) -> None:
    with pytest.raises(RuleFault) as caught:
        read_rule(RULE, "bad.yaml", words, {"ANDON_DEMO_WEBHOOK": url})

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_folder_is_loaded_in_the_order_of_its_file_names(words: Ontology, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(RULE)
    (tmp_path / "a.yml").write_bytes(changed("rule: failed", "rule: other"))
    (tmp_path / "notes.txt").write_text("not a rule")

    names = [rule.name for rule in load_rules(tmp_path, words, REFERENCES)]

    assert names == ["other-run-notifies-dashboard-owners", "failed-run-notifies-dashboard-owners"]


def test_one_bad_file_keeps_the_whole_folder_out_and_all_bad_files_are_named(words: Ontology, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_bytes(RULE)
    (tmp_path / "bad1.yaml").write_bytes(b"rule: [")
    (tmp_path / "bad2.yaml").write_bytes(changed("version: 1", "version: x"))

    with pytest.raises(RulesRejected) as caught:
        load_rules(tmp_path, words, REFERENCES)

    assert [fault.file for fault in caught.value.faults] == ["bad1.yaml", "bad2.yaml"]


def test_two_rules_of_one_name_are_refused(words: Ontology, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(RULE)
    (tmp_path / "b.yaml").write_bytes(RULE)

    with pytest.raises(RulesRejected, match=r"b\.yaml: rule: another file has a rule"):
        load_rules(tmp_path, words, REFERENCES)


def test_a_folder_that_is_not_there_is_refused(words: Ontology, tmp_path: Path) -> None:
    with pytest.raises(RulesRejected, match="there is no such folder"):
        load_rules(tmp_path / "nowhere", words, REFERENCES)


def test_a_stop_says_why_by_which_policy_and_who_is_to_end_it(words: Ontology) -> None:
    [plain] = read_rule(STOPPING.replace(b", policy: warn", b""), "stop.yaml", words, {}).actions
    [owned] = read_rule(STOPPING.replace(b"warn", b"isolate, owner: team:ops"), "stop.yaml", words, {}).actions

    assert plain == Stop(cause=Text.of("It failed."), policy="block", owner=None)
    assert owned == Stop(cause=Text.of("It failed."), policy="isolate", owner="team:ops")

"""Rules and data that mean harm: each is refused, or bounded in what it costs and what it reaches."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from graph.errors import InvalidInput
from ontology import Ontology
from rules.conditions import MAX_CHARACTERS, MAX_ENTRIES, Expression, bounded
from rules.reading import read_rule
from rules.rule import Template
from tests.end_to_end.events import dataset_event, facet
from tests.end_to_end.service import Service, wait_until
from tests.rules.receiver import Receiver

KNOWN = frozenset({"after", "change"})
TEXTS = {"name": "b" * 8_000, "tags": ["a" * 200] * 1_000}
LONG = {"name": "b", "tags": ["a" * 10_000] * 1_000}
OBJECTS = {"name": "b", "tags": [{f"k{n}": "v" for n in range(18)} for _ in range(1_000)]}
SOON = 5.0  # seconds of work, of whatever thread


def many(text: str, times: int) -> str:
    return ", ".join([text] * times)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("size(after.tags.map(x, after.name)) > 0", TEXTS),
        (f"size(after.tags.map(x, [{many('x', 8)}])) > 0", OBJECTS),
        ("after.tags.filter(x, true).filter(x, true).filter(x, true).map(x, x).size() > 0", OBJECTS),
        ("after.tags.all(x, size(after.tags) + size(after.tags) > 0)", OBJECTS),
        (f"after.tags.all(x, size([{many('x', 500)}]) > 0)", OBJECTS),
        ("size(" + " + ".join(["after.tags"] * 31) + ") > 0", LONG),
        (f"size([{many('after.tags', 150)}]) > 0", OBJECTS),
        (f"size({{{', '.join(f'{n}: after.tags' for n in range(100))}}}) > 0", LONG),
        (" && ".join(["after.tags.all(x, x.matches('(a|a)*b|(a+)+$'))"] * 5), LONG),
        ("after.tags.exists(x, 'a'.matches('(' + x + '{50}){50}b'))", {"tags": [f"x{n}" for n in range(1_000)]}),
        ("'a'.matches(after.name)", {"name": "((((a{10}){10}){10}){10}){10}"}),
    ],
)  # fmt: skip
def test_no_condition_takes_long_over_any_data(text: str, after: Mapping[str, Any]) -> None:
    began = time.process_time()
    try:
        Expression(text, KNOWN).value({"after": lambda: after})
    except InvalidInput:
        pass
    assert time.process_time() - began < SOON


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("size(after.tags.map(x, after.tags)) > 0", r"map\(\) takes of other variables only"),
        ("(after.tags + after.tags).filter(x, true) == []", "goes over a list that has a name"),
        ("[after.tags][0].filter(x, true) == []", "goes over a list that has a name"),
        ("after['tags'].map(x, x) == []", "goes over a list that has a name"),
        ("after.tags.map(x, [x]).map(y, [y, y]) == []", r"map\(\) stands there once"),
        ("after.tags.map(x, [x, x]).filter(y, true) == []", r"no filter\(\) after it"),
        (" + ".join(["size(after.tags)"] * 32) + " > 0", "has 31 sums"),
    ],
)
def test_what_would_copy_without_bound_is_refused_where_it_is_written(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        Expression(text, KNOWN)


def test_what_is_useful_is_still_allowed() -> None:
    columns = [{"how": "removed", "path": f"c{n}", "before": "int", "after": None} for n in range(300)]
    values = {"change": lambda: {"urn": "u", "columns": columns}, "after": lambda: TEXTS}
    text = "change.columns.filter(c, c.how == 'removed').map(c, c.path + ' of ' + change.urn)[299] == 'c299 of u'"

    assert Expression(text, KNOWN).holds(values)
    assert Expression("after.tags.filter(x, x != after.name).exists(x, x.startsWith('a'))", KNOWN).holds(values)


def test_what_a_condition_sees_of_one_variable_is_cut_as_a_whole() -> None:
    def size(value: object) -> tuple[int, int]:
        if isinstance(value, str):
            return len(value), 0
        items = list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
        sizes = [size(it) for it in items]
        return sum(it[0] for it in sizes), len(items) + sum(it[1] for it in sizes)

    wide = {str(n): {str(m): "x" * 500 for m in range(200)} for n in range(500)}

    characters, entries = size(bounded(wide))
    assert (characters <= MAX_CHARACTERS, entries <= MAX_ENTRIES) == (True, True)
    assert characters > MAX_CHARACTERS / 2


RULE = 'rule: r\nversion: 1\non: {change: run.failed}\ndo: [{webhook: {url: "https://x.example.com", event_type: a}}]\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (RULE.replace("rule: r", "rule: pаyments"), "rule: expected lower-case"),  # a Cyrillic а
        (RULE.replace("rule: r", "rule: pay‑ments"), "rule: expected lower-case"),  # a hyphen that is none
        (RULE.replace("rule: r", "rule: r\u202egnitset"), "rule: expected lower-case"),
        (RULE.replace("rule: r", "rule: ｒｕｌｅ"), "rule: expected lower-case"),
        (RULE.replace("rule: r", "rulе: r"), "unknown key"),  # a Cyrillic е
        (RULE.replace("version: 1", "version: " + "9" * 5_000), "version: expected a whole number"),
        (RULE.replace("version: 1", "version: 1e400"), "version: expected a whole number"),
        (RULE.replace("version: 1", "version: 0x7fffffffffffffffffff"), "version: expected a whole number"),
        (RULE.replace("version: 1", "version: ١"), "version: expected a whole number"),  # an Arabic digit
        (RULE + f"limits: {{max_age: {'9' * 5_000}d}}\n", "expected a whole number and s, m, h or d"),
        (RULE + f"for_each: {{downstream: Dashboard, depth: {'9' * 400}}}\n", "expected a whole number from 0"),
        (RULE.replace("https://x.example.com", "${АNDON_X}"), "a reference is written"),  # a Cyrillic А
        (RULE.replace("https://x.example.com", "${HOME}"), "has no value"),
        (RULE.replace("https://x.example.com", "http://169.254.169.254/latest"), ""),
        (RULE + "when: " + "[" * 10_000 + "\n", "nested more than"),
        (RULE + "a: &a [x, x]\nb: &b [*a, *a]\n", "anchors and aliases"),
        (RULE + "? [complex, key]\n: x\n", "a key that is not text"),
        (RULE + "<<: {version: 2}\n", "unknown key '<<'"),
    ],
)
def test_a_rule_that_pretends_is_refused(words: Ontology, text: str, reason: str) -> None:
    if not reason:  # where a URL leads is looked at when it is used: tests/rules/test_webhook.py
        read_rule(text.encode(), "r.yaml", words, {})
        return
    began = time.process_time()
    with pytest.raises(InvalidInput, match=reason):
        read_rule(text.encode(), "r.yaml", words, {"ANDON_X": "https://x.example.com"})
    assert time.process_time() - began < SOON


def test_the_value_of_a_reference_is_not_searched_for_others() -> None:
    template = Template("${ANDON_A}/${ANDON_B}")

    assert template.resolve({"ANDON_A": "${ANDON_B}", "ANDON_B": "x"}) == "${ANDON_B}/x"


CANARY = "canary-7f3a9c1e5b2d8046"
TELLS = """\
rule: tells
version: 1
on: {change: schema.changed}
do:
  - webhook:
      url: "${ANDON_TEST_HOOK}"
      secret: "${ANDON_TEST_SECRET}"
      event_type: com.example.x
      attach: {name: after.name, gone: change.removed}
limits: {max_age: 3650d}
"""


def test_a_target_that_echoes_secrets_and_data_that_names_them_leave_no_trace(tmp_path: Path) -> None:
    """The URL has a token, the message is signed, the target says all of it again and sends on to this machine."""

    def echo(handler: BaseHTTPRequestHandler) -> None:
        said = f"{handler.path} {CANARY} {dict(handler.headers)}".encode()
        handler.send_response(404, CANARY)
        handler.send_header("Location", f"http://127.0.0.1:1/{CANARY}")
        handler.send_header("Retry-After", CANARY)
        handler.send_header("Content-Length", str(len(said)))
        handler.end_headers()
        handler.wfile.write(said)

    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "tells.yaml").write_text(TELLS)
    with Receiver(echo) as receiver:
        hidden = {"ANDON_TEST_HOOK": f"{receiver.url}{CANARY}?token={CANARY}", "ANDON_TEST_SECRET": CANARY}
        arguments = "--rules", str(tmp_path / "rules"), "--webhook-hosts", f"127.0.0.1:{receiver.port}"
        with Service(tmp_path / "data", *arguments, "--log-level", "debug", environment=hidden) as service:
            for names in (["id", "${ANDON_TEST_SECRET}"], ["id"]):
                fields = [{"name": it, "type": "int"} for it in names]
                event = dataset_event("db", "orders", len(names), schema=facet("schema", fields=fields))
                service.accept(event | {"eventTime": f"2026-01-0{3 - len(names)}T00:00:00Z"})
            asked = "{ firings { urn reason actions { state lastError } } }"
            wait_until(
                lambda: [it["state"] for one in service.graphql(asked)["firings"] for it in one["actions"]] == ["dead"],
                20,
                "it is given up",
            )
            [firing] = service.graphql(asked)["firings"]
            explained = service.graphql(
                "query($u: String!) { explain(firing: $u) { text prov } rules { name } }", {"u": firing["urn"]}
            )
            rdf = service.client.get(f"/id/{firing['urn']}", headers={"Accept": "text/turtle"}, follow_redirects=True)
            on_disk = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    assert receiver.received[0].event["data"]["attached"]["gone"] == ["${ANDON_TEST_SECRET}"]
    assert (len(receiver.received), CANARY in receiver.received[0].path) == (1, True)
    assert CANARY not in str(firing) + str(explained) + rdf.text
    assert [str(path) for path, content in on_disk.items() if CANARY.encode() in content] == []
    assert {"outbox.db", "journal.db"} <= {it.name for it in on_disk} and any("log" in str(it.parent) for it in on_disk)

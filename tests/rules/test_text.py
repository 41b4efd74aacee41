from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from graph.errors import InvalidInput
from rules.conditions import Values
from rules.rule import MissingReference
from rules.text import MAX_EXPRESSIONS, MAX_RENDERED, Rendered, Text

NAMES = frozenset({"after", "change"})


def values(**after: object) -> Values:
    shown: Mapping[str, Any] = {"after": after, "change": {"columns": [{"path": "a"}, {"path": "b"}]}}
    return {name: lambda it=it: it for name, it in shown.items()}


def text(written: str) -> Text:
    return Text.of(written, NAMES)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("nothing to see", "nothing to see"),
        ("{{after.name}} of {{ after.owners.size() }}", "orders of 2"),
        ("{{ after.owners }}", '["ana","ben"]'),
        ("{{ {'a': {'b': after.n}} }}", '{"a":{"b":1.5}}'),
        ("{{ '}}' }} and {{ \"{{\" }}", "}} and {{"),
        ("[{{ after.description }}]", "[]"),
        ("{{ after.ready }}", "true"),
        ("{{ change.columns.map(c, c.path) }} } }}", '["a","b"] } }}'),
        ("{{ timestamp('2026-01-02T03:04:05Z') }}, {{ duration('90m') }}", "2026-01-02T03:04:05Z, 5400s"),
    ],
)
def test_expressions_stand_in_the_text_as_what_they_come_to(written: str, said: str) -> None:
    seen = values(name="orders", owners=["ana", "ben"], n=1.5, description=None, ready=True)

    assert text(written).said(seen) == said


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("{{ after.name", "without the }}"),
        ("{{ after.name }", "without the }}"),
        ("{{ }}", "is not CEL"),
        ("{{ secrets.key }}", "there is no 'secrets'"),
        ("{{ 'a' ", "without the }}"),
        ("${ANDON_{{ after.name }}}", "a reference is written"),
        ("{{ 'x' }}" * (MAX_EXPRESSIONS + 1), "expected at most 20"),
        ("{{ after.owners.all(a, after.owners.all(b, a == b)) }}", "within another"),
    ],
)
def test_what_is_no_text_is_refused_with_the_reason(written: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        text(written)


def test_a_reference_stays_one_until_it_is_used_and_a_value_never_becomes_one() -> None:
    rendered = text("${HOST}/$" + "{{ after.name }}").rendered(values(name="{SECRET} ${SECRET}"))

    assert rendered == Rendered(("${HOST}/$", "{SECRET} ${SECRET}", ""))
    assert rendered.resolve({"HOST": "a", "SECRET": "canary"}) == "a/${SECRET} ${SECRET}"
    with pytest.raises(MissingReference):
        rendered.resolve({})


def test_a_value_is_percent_encoded_in_a_url_and_stays_behind_its_host() -> None:
    url = text("https://api.example.com/jobs/{{ after.name }}/runs?by={{ after.owner }}")

    rendered = url.in_url(values(name="a/b?c#d@evil.example:1/../%2e", owner="ana & ben\r\nHost: x"))

    assert rendered.url({}) == (
        "https://api.example.com/jobs/a%2Fb%3Fc%23d%40evil.example%3A1%2F..%2F%252e/runs?by=ana%20%26%20ben%0D%0AHost%3A%20x"
    )


@pytest.mark.parametrize("name", ["", ".", ".."])
@pytest.mark.parametrize(
    "written", ["https://a.example/users/{{ after.name }}", "https://a.example/{{ after.name }}/x"]
)
def test_a_value_that_would_make_another_path_is_invalid(written: str, name: str) -> None:
    with pytest.raises(InvalidInput, match="in its URL's path"):
        text(written).in_url(values(name=name))


@pytest.mark.parametrize("host", ["https://api.example.com", "https://", "https:/", "x"])
def test_a_value_cannot_go_on_with_the_host_that_a_reference_began(host: str) -> None:
    rendered = text("${HOST}{{ after.name }}/x").in_url(values(name=".evil.example"))

    with pytest.raises(InvalidInput, match="its host"):
        rendered.url({"HOST": host})


@pytest.mark.parametrize("name", ["a\r\nX-Admin: 1", "a\x00", "\u2028"])
def test_a_value_cannot_end_a_header(name: str) -> None:
    with pytest.raises(InvalidInput, match="in a header"):
        text("Bearer {{ after.name }}").in_header(values(name=name))


def test_one_expression_alone_is_a_json_value_and_more_is_text() -> None:
    seen = values(name='a", "admin": true', owners=["ana"], n=3)

    assert text("{{ after.owners }}").in_json(seen) == ["ana"]
    assert text("{{ after.n }}").in_json(seen) == 3
    assert text("{{ after.name }}!").in_json(seen) == Rendered(("", 'a", "admin": true', "!"))


def test_what_is_said_to_people_is_cut_and_what_a_machine_is_sent_is_refused_when_it_is_too_long() -> None:
    long = values(name="n" * 9_000)
    twice = text("{{ after.name }}{{ after.name }}")

    assert len(twice.said(long)) == MAX_RENDERED
    assert twice.said(long).endswith("n…")
    with pytest.raises(InvalidInput, match="18000 characters"):
        twice.rendered(long)


def test_what_cannot_be_told_names_the_expression() -> None:
    with pytest.raises(InvalidInput, match=r"{{ after.tier }}: there is no 'tier'"):
        text("{{ after.tier }}").said(values())

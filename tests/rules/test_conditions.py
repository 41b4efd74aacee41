"""Conditions: what they can say, and that none of them runs long."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from graph.errors import InvalidInput
from rules.conditions import MAX_ITEMS, MAX_LENGTH, MAX_TEXT, Expression

KNOWN = frozenset({"change", "after"})


def holds(text: str, **values: object) -> bool:
    return Expression(text, KNOWN).holds({name: (lambda it=it: it) for name, it in values.items()})


@pytest.mark.parametrize(
    "text",
    [
        "change.what == 'run.failed'",
        "after.owners.exists(it, it.startsWith('team:')) && size(after.tags) == 0",
        "has(after.attributes.tier) && after.attributes.tier in ['gold', 'silver']",
        "!has(after.attributes.cost)",
        "after.name.matches('^fct_[a-z]+$')",
        "after.owners.filter(o, o != 'ana').map(o, size(o)) == [9]",
        "timestamp(change.at) - duration('1h') < timestamp('2026-01-05T12:00:00Z')",
    ],
)
def test_a_condition_reads_what_changed(text: str) -> None:
    change = {"what": "run.failed", "at": "2026-01-05T12:30:00Z"}
    after = {"name": "fct_orders", "owners": ["ana", "team:shop"], "tags": [], "attributes": {"tier": "gold"}}

    assert holds(text, change=change, after=after) is True
    assert holds(f"!({text})", change=change, after=after) is False


def test_only_what_a_condition_names_is_read() -> None:
    def never() -> object:
        raise AssertionError("nobody asked for it")

    values: dict[str, Callable[[], object]] = {"change": lambda: {"what": "x"}, "after": never}
    assert Expression("change.what == 'x'", KNOWN).holds(values)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("change.what ==", "is not CEL"),
        ("chnage.what == 'x'", "there is no 'chnage'; expected after, change"),
        ("after.tags.all(x, after.tags.all(y, x == y))", "within another of its kind"),
        ("after.tags.map(x, [x].filter(y, true))", "within another of its kind"),
        ("after.tags.map(x, (x + '(').size() + after.tags . map ( y , 1 ).size())", "within another of its kind"),
        (" && ".join(["after.tags.all(x, true)"] * 6), "expected at most 5"),
        ("after.a == r'\\' && after.tags.map(x, 1) == []", "raw texts"),
        ("after.tags.map(x, // )\n after.tags.map(y, 1))", "comments"),
        ("true || " * (MAX_LENGTH // 8) + "true || true", "expected at most 2000"),
        ("(" * 900 + "true" + ")" * 900, "is not CEL"),
    ],
)
def test_a_condition_that_is_wrong_or_not_bounded_is_refused_before_it_runs(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        Expression(text, KNOWN)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("after.nosuch == 'x'", "there is no 'nosuch'"),
        ("after.name", "expected true or false, found str"),
        ("after.name > 1", "(?i)compar|overload"),
        ("1 / size(after.tags) == 1", "division by zero"),
        ("nosuch(after.name)", "nosuch"),
        ("after.name.matches('((a{1000}){1000})')", "regex"),
    ],
)
def test_what_cannot_be_told_says_why(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        holds(text, after={"name": "x", "tags": []})


def test_the_longest_that_is_allowed_ends_soon() -> None:
    after = {"tags": ["a" * 50_000] * 50_000}
    text = " && ".join(["after.tags.all(x, x.matches('(a+)+$') && x != 'b')"] * 5)

    began = time.monotonic()
    assert holds(
        f"size(after.tags) == {MAX_ITEMS} && size(after.tags[0]) == {MAX_TEXT} && after.tags[0] != 'b'", after=after
    )
    small = {"tags": ["a" * 100] * MAX_ITEMS}
    assert holds(text, after=small)
    assert time.monotonic() - began < 20

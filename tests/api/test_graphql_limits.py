"""What an operation may ask for, and how it is told that it asks for too much."""

import time

import pytest
from graphql import parse

from api.graphql.limits import Limits, check
from graph.errors import InvalidInput
from tests.api.graphql_services import Asking


def nested(depth: int) -> str:
    """An operation that nests `depth` levels: lineage, nodes, then columns and their datasets in turn."""
    inner = "urn"
    for level in range(depth - 3):
        name, shape = ("columns", "Dataset") if level % 2 else ("dataset", "Column")
        inner = f"... on {shape} {{ {name} {{ {inner} }} }}"
    return f'{{ lineage(urns: ["urn:andon:dataset:a:b"]) {{ nodes {{ {inner} }} }} }}'


def refused(graphql: Asking, query: str, variables: dict[str, object] | None = None) -> str:
    """The one message with which it was refused, "" if it was not refused for its size."""
    errors = graphql.answer(query, variables).get("errors", [])
    messages = [error["message"] for error in errors if error["extensions"].get("field") == "query"]
    assert len(messages) <= 1
    return messages[0] if messages else ""


def test_ten_levels_are_taken_and_eleven_are_not() -> None:
    allowed = Limits(depth=10, cost=10**9, aliases=15, tokens=2_000)
    check(parse(nested(10)), None, {}, allowed, {})
    with pytest.raises(InvalidInput, match="depth is 11, allowed are 10"):
        check(parse(nested(11)), None, {}, allowed, {})


def test_depth_is_counted_through_fragments(graphql: Asking) -> None:
    query = """{ entities { nodes { ...A } } }
      fragment A on Job { parent { ...B } } fragment B on Job { parent { ...C } }
      fragment C on Job { parent { parent { parent { parent { parent { parent { urn } } } } } } }"""

    assert "depth is 11" in refused(graphql, query)


def test_introspection_may_nest_deeper_but_not_without_end(graphql: Asking) -> None:
    def types(levels: int) -> str:
        return "{ __schema { types { fields { type { " + "ofType { " * levels + "name" + " }" * (levels + 5)

    assert "errors" not in graphql.answer(types(10))
    assert "introspection" in refused(graphql, types(30))


def test_a_page_of_a_thousand_with_many_plain_fields_and_a_look_up_each_is_taken(graphql: Asking) -> None:
    query = """{ entities(first: 1000) { totalCount nodes {
      id urn type namespace name description dropped createdAt updatedAt tags { key value } owners { name }
      ... on Dataset { columns { name dataType tags { key } } } } } }"""

    assert refused(graphql, query) == ""


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ entities(first: 1000) { nodes { ... on Job { runs(first: 1000) { state } } } } }", {}),
        (
            "query($n: Int) { entities(first: $n) { nodes { ... on Job { runs(first: $n) { state } } } } }",
            {"n": 1000},
        ),
        (
            "{ entities(first: 900) { nodes { facets properties ... on Dataset { columns { facets } } } } }",
            {},
        ),
        ("{ entities(first: 500) { nodes { ... on Job { runs { inputs { urn } outputs { urn } } } } } }", {}),
    ],
)
def test_look_ups_multiply_and_are_bounded(graphql: Asking, query: str, variables: dict[str, object]) -> None:
    assert "cost" in refused(graphql, query, variables)


def test_fragments_that_double_again_and_again_are_refused_at_once(graphql: Asking) -> None:
    doubling = "".join(f"fragment F{i} on Entity {{ ...F{i + 1} ... {{ ...F{i + 1} }} }} " for i in range(24))
    query = f"{{ entities {{ nodes {{ ...F0 }} }} }} {doubling} fragment F24 on Entity {{ urn }}"
    started = time.monotonic()

    assert "cost" in refused(graphql, query)
    assert time.monotonic() - started < 0.5


def test_sixteen_aliases_are_one_too_many(graphql: Asking) -> None:
    def aliased(count: int) -> str:
        return "{ " + " ".join(f"a{i}: status {{ version }}" for i in range(count)) + " }"

    assert refused(graphql, aliased(15)) == ""
    assert "number of aliases is 16" in refused(graphql, aliased(16))


def test_one_name_cannot_be_repeated_until_validation_takes_seconds(graphql: Asking) -> None:
    started = time.monotonic()

    assert "repeats a name" in refused(graphql, "{ status { " + "version " * 1_900 + "} }")
    assert time.monotonic() - started < 0.5


def test_a_document_has_two_thousand_tokens_at_most(graphql: Asking) -> None:
    [error] = graphql.answer("{ status { " + "version " * 2_100 + "} }")["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "2000 tokens" in error["message"]


@pytest.mark.parametrize("query", ["{a" * 900, "{a(b:" + "[" * 900, "query(" + "$a:[" * 400])
def test_braces_and_brackets_without_end_are_refused_not_crashed_on(graphql: Asking, query: str) -> None:
    assert graphql.codes(query) == ["BAD_USER_INPUT"]


def test_a_fragment_within_itself_is_refused(graphql: Asking) -> None:
    query = "{ entities { nodes { ...A } } } fragment A on Entity { urn ...B } fragment B on Entity { urn ...A }"

    assert set(graphql.codes(query)) == {"BAD_USER_INPUT"}


def test_limits_hold_for_a_document_that_is_known_already(graphql: Asking) -> None:
    query = "query($n: Int) { entities(first: $n) { nodes { facets properties ... on Job { runs { urn } } } } }"

    assert refused(graphql, query, {"n": 10}) == ""
    assert "cost" in refused(graphql, query, {"n": 1_000})

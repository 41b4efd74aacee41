"""Renderings of hand-built lineage: what they show, and that no name breaks out of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from graph.statements import Transformation
from ingest.sql import END_TO_END, HOPS, TEMP_COLLAPSED, Convention
from ingest.sql.pictures import LABELLED, column_edges, dot, drawn, joined, mermaid, table, unread_parts, visible
from ingest.sql.pictures import json as json_of
from ingest.sql.result import Category, ColumnEdge, Hop, Place, Routine, SqlLineage, Statement, Table, Unread

ORDERS, STAGED, REVENUE = Table(("shop", "orders")), Table(("#staged",), temporary=True), Table(("shop", "revenue"))
AS_IS = Transformation("DIRECT", "IDENTITY")
SUMMED = Transformation("DIRECT", "AGGREGATION")
NASTY = [
    'a"]; click t1 "javascript:alert(1)',
    "a\nt9 --> t8",
    "a`b`",
    "<script>alert(1)</script>",
    "a]b[c(d)e{f}g|h",
    "a\\",
    'a\\"',
    "%%{init: {'theme': 'dark'}}%%",
    "#quot;&lt;&amp;",
    "a\u202eb\u2028c\x00d\x1b[31m",
    "end",
    "",
]


def edge(
    source: Table | None,
    column: str,
    target: Table | None,
    made: str,
    how: Transformation = AS_IS,
    confidence: float = 1.0,
    reason: str = "",
) -> ColumnEdge:
    return ColumnEdge(source, column, target, made, (how,), confidence, reason, Place(2, 8), column)


def statement(kind: str, category: Category, hop: Hop, lasting: Hop | None = None, line: int = 1) -> Statement:
    return Statement(kind, category, Place(line, 1), kind, hop, hop if lasting is None else lasting)


def by_way_of_a_temporary_table() -> SqlLineage:
    """orders -> #staged -> revenue, as the lasting view has it too."""
    into = edge(ORDERS, "amount", STAGED, "amount")
    out_of = edge(STAGED, "amount", REVENUE, "total", SUMMED, 0.9, "read twice")
    through = edge(ORDERS, "amount", REVENUE, "total", SUMMED, 0.9, "read twice")
    return SqlLineage(
        "tsql",
        (
            statement("SELECT_INTO", Category.DML, Hop((ORDERS,), (STAGED,), (into,)), Hop()),
            statement(
                "INSERT",
                Category.DML,
                Hop((STAGED,), (REVENUE,), (out_of,)),
                Hop((ORDERS,), (REVENUE,), (through,)),
                line=2,
            ),
        ),
        (Routine("load", "PROCEDURE", Place(1, 1), ("other",)),),
        (Unread(Place(3, 1), "unbalanced quote", "'"),),
    )


def named(name: str) -> SqlLineage:
    source, target = Table((name or "x",)), Table(("y" + name,), temporary=True)
    hop = Hop((source,), (target,), (edge(source, name or "x", target, "z" + name),))
    return SqlLineage("", (statement("INSERT", Category.DML, hop),))


def test_every_hop_is_drawn_with_temporary_tables_marked() -> None:
    assert mermaid(by_way_of_a_temporary_table()) == (
        "flowchart LR\n"
        '  t1(["#35;staged (temporary)"])\n'
        '  t2["shop.orders"]\n'
        '  t3["shop.revenue"]\n'
        '  t1 -->|"amount → total"| t3\n'
        '  t2 -->|"amount"| t1\n'
        "  classDef temporary stroke-dasharray: 4 3\n"
        "  class t1 temporary\n"
    )
    assert dot(by_way_of_a_temporary_table()) == (
        "digraph lineage {\n"
        "  rankdir=LR;\n"
        "  node [shape=box];\n"
        '  t1 [label="#staged (temporary)", style=dashed];\n'
        '  t2 [label="shop.orders"];\n'
        '  t3 [label="shop.revenue"];\n'
        '  t1 -> t3 [label="amount → total\\l"];\n'
        '  t2 -> t1 [label="amount\\l"];\n'
        "}\n"
    )


@pytest.mark.parametrize("convention", [TEMP_COLLAPSED, END_TO_END])
def test_where_temporary_tables_are_collapsed_they_are_gone(convention: Convention) -> None:
    text = mermaid(by_way_of_a_temporary_table(), convention)

    assert "staged" not in text and "temporary" not in text
    assert '  t1 -->|"amount → total"| t2\n' in text


def test_at_table_level_arrows_have_no_labels() -> None:
    lineage = by_way_of_a_temporary_table()

    assert "  t2 --> t1\n" in mermaid(lineage, columns=False) and "amount" not in mermaid(lineage, columns=False)
    assert "  t2 -> t1;\n" in dot(lineage, columns=False)
    assert table(lineage, columns=False).splitlines() == [
        "SOURCE               TARGET",
        "#staged (temporary)  shop.revenue",
        "shop.orders          #staged (temporary)",
    ]


def test_the_table_says_how_sure_and_why() -> None:
    header, _, last = table(by_way_of_a_temporary_table(), HOPS).splitlines()[:3]
    rows = table(by_way_of_a_temporary_table(), TEMP_COLLAPSED).splitlines()

    assert header.split() == ["SOURCE", "COLUMN", "TARGET", "COLUMN", "HOW", "CONFIDENCE", "REASON"]
    assert last.split() == ["shop.orders", "amount", "#staged", "(temporary)", "amount", "IDENTITY", "1"]
    assert rows[1].split() == ["shop.orders", "amount", "shop.revenue", "total", "AGGREGATION", "0.9", "read", "twice"]


def test_the_json_has_statements_routines_and_what_was_not_read() -> None:
    content = json.loads(json_of(by_way_of_a_temporary_table()))

    assert (content["inputs"], content["temporary"]) == (["#staged", "shop.orders"], ["#staged"])
    [script] = content["scripts"]
    assert script["dialect"] == "tsql"
    assert [one["kind"] for one in script["statements"]] == ["SELECT_INTO", "INSERT"]
    assert script["routines"] == [{"name": "load", "kind": "PROCEDURE", "line": 1, "calls": ["other"]}]
    assert script["unread"] == [{"line": 3, "column": 1, "reason": "unbalanced quote", "text": "'"}]
    [made] = content["flows"][0]["columns"]
    assert made == {
        "source": "#staged",
        "source_column": "amount",
        "target": "shop.revenue",
        "target_column": "total",
        "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": False}],
        "confidence": 0.9,
        "reason": "read twice",
        "line": 2,
        "column": 8,
        "expression": "amount",
    }
    assert "columns" not in json.loads(json_of(by_way_of_a_temporary_table(), columns=False))["flows"][0]


def test_an_edge_through_tables_between_is_put_together_from_its_steps() -> None:
    staging = Table(("shop", "staging"))
    first = Hop((ORDERS,), (staging,), (edge(ORDERS, "amount", staging, "a", SUMMED, 0.5, "star expanded"),))
    second = Hop((staging,), (REVENUE,), (replace(edge(staging, "a", REVENUE, "total"), expression="a AS total"),))
    lineage = SqlLineage("", (statement("CTAS", Category.DDL, first), statement("INSERT", Category.DML, second)))

    [made] = column_edges(lineage, END_TO_END)

    assert (made.source, made.source_column, made.target, made.target_column) == (ORDERS, "amount", REVENUE, "total")
    assert (made.transformations, made.confidence, made.reason) == ((SUMMED,), 0.5, "star expanded")
    assert made.expression == "a AS total"
    assert [(flow.source.name, flow.target.name) for flow in drawn(lineage, END_TO_END).flows] == [
        ("shop.orders", "shop.revenue")
    ]


def test_an_edge_that_is_said_twice_is_shown_once_as_the_surer_says_it() -> None:
    doubtful = Hop((ORDERS,), (REVENUE,), (edge(ORDERS, "a", REVENUE, "a", SUMMED, 0.5, "guessed"),))
    sure = Hop((ORDERS,), (REVENUE,), (edge(ORDERS, "a", REVENUE, "a"),))
    lineage = SqlLineage("", (statement("INSERT", Category.DML, doubtful), statement("INSERT", Category.DML, sure)))

    [made] = column_edges(lineage, HOPS)

    assert (made.confidence, made.reason, made.transformations) == (1.0, "", (SUMMED, AS_IS))


def test_what_was_rolled_back_is_not_drawn() -> None:
    lineage = by_way_of_a_temporary_table()
    undone = tuple(replace(one, rolled_back=True) for one in lineage.statements)

    assert mermaid(replace(lineage, statements=undone)) == "flowchart LR\n"


def test_result_sets_open_tables_and_tables_that_are_only_written_are_shown() -> None:
    asked = Hop((ORDERS,), (), (edge(ORDERS, "a", None, "a"), edge(None, "b", None, "b")))
    lineage = SqlLineage(
        "",
        (statement("SELECT", Category.DQL, asked), statement("TRUNCATE", Category.DDL, Hop((), (REVENUE,)))),
    )

    text = mermaid(lineage)

    assert '(["(result)"])' in text and '["(one of several)"]' in text and '["shop.revenue"]' in text
    assert any(line.split() == ["shop.revenue"] for line in table(lineage).splitlines())


def test_an_arrow_shows_a_dozen_columns_and_counts_the_rest() -> None:
    edges = tuple(edge(ORDERS, f"c{number:02}", REVENUE, f"c{number:02}") for number in range(LABELLED + 3))
    lineage = SqlLineage("", (statement("INSERT", Category.DML, Hop((ORDERS,), (REVENUE,), edges)),))

    assert "c11<br>and 3 more" in mermaid(lineage)
    assert len(table(lineage).splitlines()) == LABELLED + 4


def test_scripts_share_lasting_tables_and_keep_temporary_ones_to_themselves() -> None:
    lineage = by_way_of_a_temporary_table()

    picture = joined([drawn(lineage, script="a.sql"), drawn(lineage, script="b.sql")])

    assert [picture.label(node) for node in picture.nodes] == [
        "#staged (temporary, a.sql)",
        "#staged (temporary, b.sql)",
        "shop.orders",
        "shop.revenue",
    ]
    assert len(picture.flows) == 4
    assert [one["name"] for one in json.loads(json_of(picture))["scripts"]] == ["a.sql", "b.sql"]


def test_nothing_gives_an_empty_picture() -> None:
    empty = SqlLineage("", ())

    assert mermaid(empty) == "flowchart LR\n"
    assert dot(joined([])).startswith("digraph lineage {\n")
    assert len(table(empty).splitlines()) == 1


def test_what_was_not_read_is_listed_once_in_the_order_of_the_text() -> None:
    late, early = Unread(Place(9, 1), "late"), Unread(Place(2, 5), "early")
    broken = replace(statement("INSERT", Category.DML, Hop()), unread=(early,))

    assert unread_parts(SqlLineage("", (broken,), unread=(late, early))) == (early, late)


@pytest.mark.parametrize("name", NASTY)
def test_no_name_breaks_out_of_mermaid(name: str) -> None:
    for line in mermaid(named(name)).splitlines()[1:]:
        assert re.fullmatch(
            r'  (t\d+(\(\["[^"\\`<>\[\]{}|%&]*"\]\)|\["[^"\\`<>\[\]{}|%&]*"\])'
            r'|t\d+ -->(\|"([^"\\`<>\[\]{}|%&]|<br>)*"\|)? t\d+|classDef temporary [\w: -]+|class t\d+ temporary)',
            line,
        ), line


@pytest.mark.parametrize("name", NASTY)
def test_no_name_breaks_out_of_dot(name: str) -> None:
    text = r'"(?:[^"\\]|\\[\\"l])*"'
    for line in dot(named(name)).splitlines()[3:-1]:
        assert re.fullmatch(rf"  t\d+ (\[label={text}(, style=dashed)?\]|-> t\d+( \[label={text}\])?);", line), line


@pytest.mark.parametrize("name", NASTY)
def test_no_name_breaks_a_line_of_the_table_or_the_json(name: str) -> None:
    assert len(table(named(name)).splitlines()) == 2
    assert table(named(name)).replace("\n", "").isprintable()
    assert json.loads(json_of(named(name)))["outputs"] == ["y" + name]


def test_names_without_a_shape_are_written_as_escapes() -> None:
    assert visible("größe 数量") == "größe 数量"
    assert visible("a\n\u202e\x1b") == "a\\n\\u202e\\x1b"


def test_the_same_lineage_gives_the_same_text_whatever_the_order_of_statements() -> None:
    lineage = by_way_of_a_temporary_table()
    turned = replace(lineage, statements=lineage.statements[::-1])

    assert mermaid(turned) == mermaid(lineage) and dot(turned) == dot(lineage) and table(turned) == table(lineage)

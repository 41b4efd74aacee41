# ruff: noqa: E501 (a kind of text reads best on a line)
"""Any text has an answer: no exception, no crash, bounded work, nothing dropped, and the same answer every time.

What could end the interpreter itself (a compiled parser out of stack) runs in a process of its own.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ingest.sql import CONVENTIONS, Budget, SqlLineage, lineage, project
from ingest.sql.script import split
from ingest.sql.script.nodes import Leaf, Unsplit
from ingest.sql.script.tokens import place
from tests.sql.test_script import CASES

DIALECTS = ["", "tsql", "oracle", "postgres", "snowflake", "bigquery", "mysql", "databricks"]
RARER = ["hive", "redshift", "teradata", "clickhouse", "trino", "duckdb", "sqlite", "fabric"]
LAST = "\n;\nINSERT INTO after_it (x) SELECT y FROM behind_it"
ROOT = Path(__file__).parents[2]

# --- deep ------------------------------------------------------------------------------------------------------------

Deep = Callable[[int], str]


def around(before: str, inside: str, after: str, head: str = "SELECT ", tail: str = " AS x FROM s") -> Deep:
    return lambda n: head + before * n + inside + after * n + tail


def chain(first: str, link: str, head: str = "SELECT ", tail: str = " AS x FROM s") -> Deep:
    return lambda n: head + first + link * n + tail


def quoted_in_quotes(n: int) -> str:
    """EXECUTE IMMEDIATE 'EXECUTE IMMEDIATE ''...''': its quotes double at each step, so it stops at 12."""
    text = "SELECT a FROM s"
    for _ in range(min(n, 12)):
        text = "EXECUTE IMMEDIATE '" + text.replace("'", "''") + "'"
    return text


DEEP: dict[str, tuple[str, Deep]] = {
    "parentheses": ("", around("(", "a", ")")),
    "parentheses around a query": ("", around("(", "SELECT a FROM s", ")", "", "")),
    "parentheses around a table": ("", around("(", "s", ")", "SELECT a FROM ", "")),
    "parentheses around joins": ("", around("(", "s", " CROSS JOIN s AS z)", "SELECT 1 AS x FROM ", "")),
    "parentheses in a condition": ("", around("(", "a = 1", ")", "SELECT a FROM s WHERE ", "")),
    "parentheses that only open": ("", lambda n: "SELECT a FROM s WHERE " + "(" * n),
    "parentheses that only close": ("", lambda n: "SELECT a FROM s" + ")" * n),
    "derived tables": ("", around("SELECT a FROM (", "SELECT a FROM s", ") d", "", "")),
    "scalar subqueries": ("", around("(SELECT ", "a", " FROM s)")),
    "IN subqueries": ("", around("SELECT a FROM s WHERE a IN (", "SELECT a FROM s", ")", "", "")),
    "EXISTS": ("", around("SELECT a FROM s WHERE EXISTS (", "SELECT a FROM s", ")", "", "")),
    "CTEs in CTEs": ("", around("WITH c AS (", "SELECT a FROM s", ") SELECT a FROM c", "", "")),
    "laterals": ("postgres", around("SELECT 1 AS x FROM s, LATERAL (", "SELECT a FROM s", ") d", "", "")),
    "CASE in THEN": ("", around("CASE WHEN a = 1 THEN ", "a", " END")),
    "CASE in ELSE": ("", around("CASE WHEN a = 1 THEN 2 ELSE ", "a", " END")),
    "CASE in WHEN": ("", around("CASE WHEN ", "a", " THEN 1 END")),
    "WHEN after WHEN": ("", chain("CASE", " WHEN a = 1 THEN b", tail=" END AS x FROM s")),
    "functions": ("", around("f(", "a", ")")),
    "known functions": ("", around("COALESCE(", "a", ", 1)")),
    "aggregates": ("", around("MAX(", "a", ")")),
    "casts": ("", around("CAST(", "a", " AS INT)")),
    "casts by colons": ("postgres", chain("a", "::int")),
    "arrays": ("bigquery", around("[", "a", "]")),
    "array constructors": ("postgres", around("ARRAY[", "a", "]")),
    "structs": ("bigquery", around("STRUCT(", "a", ")")),
    "objects": ("snowflake", around("{'a': ", "a", "}")),
    "types": ("bigquery", around("ARRAY<", "INT64", ">", "CREATE TABLE s (a ", ")")),
    "struct types": ("spark", around("STRUCT<a: ", "INT", ">", "CREATE TABLE s (a ", ")")),
    "map types": ("spark", around("MAP<INT, ", "INT", ">", "CREATE TABLE s (a ", ")")),
    "types of arrays": ("postgres", chain("int", "[]", "CREATE TABLE s (a ", ")")),
    "indexes": ("postgres", chain("a", "[1]")),
    "dots": ("bigquery", chain("a", ".b")),
    "dots of a table": ("bigquery", chain("s", ".b", "SELECT a FROM ", "")),
    "JSON by colons": ("snowflake", chain("a", ":b")),
    "JSON by arrows": ("postgres", chain("a", " -> 'b'")),
    "lambdas": ("spark", around("transform(a, z -> ", "z", ")")),
    "lambdas of lambdas": ("duckdb", around("z -> ", "z", "", "SELECT f(", ") AS x FROM s")),
    "NOT": ("", around("NOT ", "a", "", "SELECT a FROM s WHERE ", "")),
    "minus": ("", around("- ", "a", "")),
    "plus": ("", around("+ ", "a", "")),
    "tilde": ("", around("~ ", "a", "")),
    "NOT and minus": ("", around("NOT - ", "a", "")),
    "EXPLAIN": ("", around("EXPLAIN ", "SELECT a FROM s", "", "", "")),
    "PRIOR": ("oracle", around("PRIOR ", "a", "", "SELECT a FROM s CONNECT BY a = ", "")),
    "DISTINCT": ("", around("DISTINCT ", "a", "")),
    "AND": ("", chain("a = 1", " AND b = 2", "SELECT a FROM s WHERE ", "")),
    "OR": ("", chain("a = 1", " OR b = 2", "SELECT a FROM s WHERE ", "")),
    "sum": ("", chain("a", " + b")),
    "power": ("postgres", chain("a", " ^ b")),
    "concatenation": ("", chain("a", " || b")),
    "comparison": ("", chain("a", " = b")),
    "IS NULL": ("", chain("a", " IS NULL")),
    "LIKE": ("", chain("a", " LIKE b")),
    "BETWEEN": ("", chain("a", " BETWEEN 1 AND 2")),
    "COLLATE": ("postgres", chain("a", ' COLLATE "C"')),
    "AT TIME ZONE": ("postgres", chain("a", " AT TIME ZONE 'UTC'")),
    "OVER": ("", chain("SUM(a)", " OVER ()")),
    "commas": ("", chain("a", ", b", tail=" FROM s")),
    "joins": ("", chain("s", " CROSS JOIN s", "SELECT 1 AS x FROM ", "")),
    "joins by ON": ("", lambda n: "SELECT 1 AS x FROM s" + " JOIN s" * n + " ON 1 = 1" * n),
    "UNION": ("", chain("SELECT a FROM s", " UNION ALL SELECT a FROM s", "", "")),
    "UNION in parentheses": ("", around("(", "SELECT a FROM s", " UNION ALL SELECT a FROM s)", "", "")),
    "UNION to the right": ("", around("SELECT a FROM s UNION ALL (", "SELECT a FROM s", ")", "", "")),
    "CTE after CTE": ("", lambda n: "WITH c0 AS (SELECT a FROM s)" + "".join(f", c{i} AS (SELECT a FROM c{i - 1})" for i in range(1, n)) + f" SELECT a FROM c{n - 1}"),
    "tables of tables": ("oracle", around("TABLE(", "s", ")", "SELECT 1 AS x FROM ", "")),
    "VALUES": ("postgres", chain("VALUES (1)", ", (1)", "", "")),
    "rows in rows": ("postgres", around("(1, ", "a", ")")),
    "pivots": ("tsql", chain("SELECT * FROM s", " PIVOT (SUM(v) FOR d IN (x)) AS p", "", "")),
    "comments in comments": ("postgres", around("/*", "x", "*/", "SELECT a ", " FROM s")),
    "hints": ("oracle", around("/*+ x */ ", "a", "", "SELECT ", " FROM s")),
    "blocks": ("tsql", around("BEGIN ", "SELECT a FROM s", " END", "", "")),
    "blocks of PL/SQL": ("oracle", around("BEGIN ", "DELETE FROM s;", " END;", "", "")),
    "blocks of Snowflake": ("snowflake", around("BEGIN ", "DELETE FROM s;", " END;", "", "")),
    "IF in IF": ("tsql", around("IF 1 = 1 ", "SELECT a FROM s", "", "", "")),
    "ELSE IF": ("tsql", chain("IF 1 = 1 SELECT a FROM s", " ELSE IF 1 = 1 SELECT a FROM s", "", "")),
    "ELSIF": ("oracle", lambda n: "BEGIN IF 1 = 1 THEN NULL;" + " ELSIF 1 = 2 THEN DELETE FROM s;" * n + " END IF; END;"),
    "loops in loops": ("oracle", around("LOOP ", "DELETE FROM s;", " END LOOP;", "BEGIN ", " END;")),
    "FOR in FOR": ("oracle", around("FOR i IN 1..2 LOOP ", "DELETE FROM s;", " END LOOP;", "BEGIN ", " END;")),
    "TRY in TRY": ("tsql", around("BEGIN TRY ", "SELECT a FROM s", " END TRY BEGIN CATCH SELECT 1 END CATCH", "", "")),
    "procedures in procedures": ("oracle", around("PROCEDURE p IS ", "BEGIN NULL;", " END; BEGIN NULL;", "CREATE PROCEDURE q IS ", " END;")),
    "tasks of tasks": ("snowflake", around("CREATE TASK p AS ", "INSERT INTO t SELECT a FROM s", "", "", "")),
    "PREPARE of PREPARE": ("postgres", around("PREPARE p AS ", "INSERT INTO t SELECT a FROM s", "", "", "")),
    "dollar quotes": ("postgres", around("DO $a$ BEGIN ", "DELETE FROM s;", " END $a$;", "", "")),
    "quotes in quotes": ("snowflake", quoted_in_quotes),
    "semicolons": ("", lambda n: "SELECT a FROM s" + ";" * n),
    "braces": ("", around("{", "a", "}")),
    "brackets that only open": ("tsql", lambda n: "SELECT a FROM s WHERE " + "[" * n),
    "BEGIN that never ends": ("oracle", lambda n: "BEGIN " * n),
    "CASE that never ends": ("", lambda n: "SELECT " + "CASE " * n),
    "SELECT SELECT": ("", lambda n: "SELECT " * n),
    "WITH WITH": ("", lambda n: "WITH " * n),
    "at signs": ("tsql", lambda n: "SELECT " + "@" * n),
    "dollars": ("postgres", lambda n: "SELECT " + "$" * n),
    "quotes": ("", lambda n: "SELECT " + "'" * n),
    "full stops": ("", lambda n: "SELECT " + "." * n),
    "stars": ("", lambda n: "SELECT " + "*" * n + " FROM s"),
    "less than": ("", lambda n: "SELECT a " + "<" * n + " b FROM s"),
}  # fmt: skip
# Kinds that go further than the rest.
LONGEST = {
    "casts by colons": 100_000,
    "OVER": 100_000,
    "minus": 100_000,
    "parentheses": 100_000,
    "struct types": 25_000,
    "map types": 25_000,
}
SHALLOW = 500
ENDLESS = {"SELECT SELECT", "WITH WITH", "at signs", "dollars", "quotes", "comments in comments"} | {
    name for name in DEEP if "only open" in name or "never ends" in name
}
# No engine takes these: an answer is enough.
NONSENSE = ENDLESS | {
    *("AT TIME ZONE", "BETWEEN", "COLLATE", "DISTINCT", "EXPLAIN", "IS NULL", "LIKE", "NOT and minus", "OVER", "PRIOR"),
    *("PREPARE of PREPARE", "braces", "comparison", "dollar quotes", "dots of a table", "full stops", "hints"),
    *("lambdas of lambdas", "less than", "parentheses that only close", "pivots", "power", "quotes in quotes", "stars"),
    *("tables of tables", "tasks of tasks", "types of arrays"),
}
# The parser's work on these doubles with each level, so their bound is lower.
DOUBLING = {"array constructors", "structs"}
CPU_SECONDS = 5  # for one text of at most 100,000 links: a hang, not a slow machine


def deepest(name: str) -> int:
    """How often a kind is nested at most: 100,000 times, or as often as 60,000 characters hold it."""
    make = DEEP[name][1]
    link = max(1, (len(make(9)) - len(make(1))) // 8)
    return LONGEST.get(name, 60_000 // link)


def deep_answer(name: str, depth: int) -> dict[str, object]:
    dialect, make = DEEP[name]
    result = lineage(make(depth) + LAST, dialect)
    told = project(result)
    return {
        "reads": "s" in told.inputs,
        "unread": sorted({it.reason for it in result.unread}),
        "statements": len(result.statements),
        "last": ("behind_it", "y", "after_it", "x") in told.edges,
    }


def _answer_deep_ones() -> None:
    """Run as a program: answers each (kind, depth) that is asked for, after saying that it begins."""
    for line in sys.stdin:
        name, depth = json.loads(line)
        sys.stdout.write(json.dumps([name, depth, None]) + "\n")
        sys.stdout.flush()
        signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)  # ends the process
        try:
            answer: object = deep_answer(name, depth)
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"[:300]
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        sys.stdout.write(json.dumps([name, depth, answer]) + "\n")
        sys.stdout.flush()


@cache
def deep_answers() -> dict[tuple[str, int], dict[str, object] | str]:
    """Every kind, shallow, deep and deepest; where one ends the process, the next process goes on behind it."""
    found: dict[tuple[str, int], dict[str, object] | str] = {}
    waiting = [(name, depth) for name in DEEP for depth in (50, SHALLOW, deepest(name))]
    while waiting:
        process = subprocess.run(
            [sys.executable, "-c", "from tests.sql.test_robustness import _answer_deep_ones as run; run()"],
            input="\n".join(json.dumps(it) for it in waiting),
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        how = "too much work" if process.returncode == -signal.SIGVTALRM else f"a crash: {process.returncode}"
        for line in process.stdout.splitlines():
            name, depth, answer = json.loads(line)
            found[name, depth] = answer or how
        left = [it for it in waiting if it not in found]
        assert len(left) < len(waiting), process.stderr[-2000:]
        waiting = left
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", DEEP)
def test_nesting_of_any_depth_has_an_answer_after_bounded_work(name: str) -> None:
    for depth in (50, SHALLOW, deepest(name)):
        answer = deep_answers()[name, depth]
        assert isinstance(answer, dict), f"{depth} deep: {answer}"
        assert answer["statements"] or answer["unread"], f"{depth} deep"


@pytest.mark.parametrize("name", sorted(DEEP.keys() - ENDLESS - {"dollar quotes"}))
def test_what_stands_after_a_deep_nest_is_read(name: str) -> None:
    for depth in (50, SHALLOW, deepest(name)):
        answer = deep_answers()[name, depth]
        assert isinstance(answer, dict), f"{depth} deep: {answer}"
        assert answer["last"], f"{depth} deep: {answer}"


TWICE = {"array constructors", "structs"}  # each level is read twice by the parser: a dozen deep is what time allows


@pytest.mark.parametrize("name", sorted(DEEP.keys() - NONSENSE - TWICE))
def test_fifty_deep_is_nothing_unusual(name: str) -> None:
    answer = deep_answers()[name, 50]
    assert isinstance(answer, dict), answer
    assert not answer["unread"]
    text = DEEP[name][1](1)
    assert answer["reads"] or "FROM s" not in text or "DELETE" in text


# --- many, long, odd -------------------------------------------------------------------------------------------------

PLAIN = "INSERT INTO t (x) SELECT a FROM s"


def doubling(n: int) -> str:
    """Each CTE joins the one before with itself: 2 to the n ways down to s, and n steps to read."""
    ctes = "".join(f", c{i} AS (SELECT one.a FROM c{i - 1} one CROSS JOIN c{i - 1} two)" for i in range(1, n))
    return f"WITH c0 AS (SELECT a FROM s){ctes} INSERT INTO t (x) SELECT a FROM c{n - 1}"


def variables(n: int) -> str:
    """Each variable is the one before, twice."""
    lines = [f"DECLARE @v{i} varchar(max) = @v{i - 1} + @v{i - 1};" for i in range(1, n)]
    return "DECLARE @v0 varchar(max) = 'x';" + "".join(lines) + f" EXEC(@v{n - 1}); {PLAIN}"


def forks(n: int) -> str:
    """Two to the n texts."""
    ifs = " ".join(f"IF @p = {i} SET @q = @q + '{i}' ELSE SET @q = @q + '-{i}'" for i in range(n))
    return f"DECLARE @q varchar(max) = 'SELECT ' {ifs} EXEC(@q) {PLAIN}"


def calls(n: int) -> str:
    """Each procedure calls the one before twice."""
    made = "".join(f"CREATE PROC p{i} AS EXEC p{i - 1} EXEC p{i - 1}\nGO\n" for i in range(1, n))
    return f"CREATE PROC p0 AS {PLAIN}\nGO\n{made}EXEC p{n - 1}"


def builders(n: int) -> str:
    """Dynamic SQL that builds itself."""
    return f"DECLARE @q varchar(max) = 'EXEC(@q)' EXEC(@q) {PLAIN} " + "EXEC('EXEC(@q)') " * n


LARGE: dict[str, tuple[str, str]] = {
    "5,000 branches of a UNION": ("", "INSERT INTO t (x) " + " UNION ALL ".join(["SELECT a FROM s"] * 5_000)),
    "30,000 ANDs": ("", PLAIN + " WHERE a = 1" + " AND b = 2" * 30_000),
    "a list of 100,000 numbers": ("", PLAIN + " WHERE a IN (" + ", ".join(map(str, range(100_000))) + ")"),
    "a literal of a megabyte": ("", PLAIN + " WHERE a = '" + "x" * 1_000_000 + "'"),
    "a comment of a megabyte": ("", "/*" + "x" * 1_000_000 + "*/ " + PLAIN),
    "a name of a megabyte": ("postgres", 'SELECT a AS "' + "x" * 1_000_000 + '" FROM s; ' + PLAIN),
    "a number of 100,000 digits": ("", PLAIN + " WHERE a = " + "9" * 100_000 + " ORDER BY " + "9" * 100_000),
    "a CTE diamond of 60": ("", doubling(60)),
    "3,000 columns": ("", "INSERT INTO t SELECT " + ", ".join(f"a AS x{i}" for i in range(3_000)) + ", a AS x FROM s"),
    "3,000 rows": ("", "INSERT INTO t (x) VALUES " + ", ".join(["(1)"] * 3_000) + "; " + PLAIN),
    "texts that double": ("tsql", variables(60)),
    "texts that fork": ("tsql", forks(40)),
    "calls that double": ("tsql", calls(40)),
    "dynamic SQL that builds itself": ("tsql", builders(200)),
    "loops in loops, 60 deep": ("tsql", "WHILE 1 = 1 " * 60 + PLAIN),
    "cursors in cursors, 60 deep": (
        "oracle",
        "BEGIN " + "".join(f"FOR r{i} IN (SELECT a FROM s) LOOP " for i in range(60)) + PLAIN + "; " + "END LOOP; " * 60 + "END;",
    ),
    "a procedure that calls itself": ("tsql", f"CREATE PROC p AS {PLAIN} EXEC p\nGO\nEXEC p"),
    "procedures that call each other": (
        "tsql",
        f"CREATE PROC p AS {PLAIN} EXEC q\nGO\nCREATE PROC q AS EXEC p EXEC q EXEC r\nGO\nCREATE PROC r AS EXEC q EXEC p\nGO\nEXEC p",
    ),
    "functions that call each other": (
        "bigquery",
        "CREATE TABLE FUNCTION f() AS SELECT a FROM g(); CREATE TABLE FUNCTION g() AS SELECT a FROM f(); " + PLAIN,
    ),
    "views of each other": ("", f"CREATE VIEW v AS SELECT * FROM w; CREATE VIEW w AS SELECT * FROM v; {PLAIN}"),
    "300 joins": ("", "INSERT INTO t (x) SELECT s.a FROM s" + "".join(f" JOIN s j{i} ON j{i}.a = s.a" for i in range(300))),
    "1,000 joins without a schema": ("", "SELECT z FROM s" + "".join(f" CROSS JOIN s{i}" for i in range(1_000)) + "; " + PLAIN),
    "recursion over recursion": (
        "postgres",
        "WITH RECURSIVE "
        + ", ".join(f"r{i} AS (SELECT a FROM {f'r{i - 1}' if i else 's'} UNION ALL SELECT a FROM r{i})" for i in range(40))
        + " INSERT INTO t (x) SELECT a FROM r39",
    ),
    "recursion in recursion": (
        "postgres",
        "".join(f"WITH RECURSIVE r{i} AS (SELECT a FROM s UNION ALL (" for i in range(20))
        + "SELECT a FROM s"
        + "".join(f")) SELECT a FROM r{i}" for i in reversed(range(20)))
        + "; "
        + PLAIN,
    ),
    "2,000 statements": ("", (PLAIN + ";\n") * 2_000),
    "1,000 temporary tables, each of the one before": (
        "tsql",
        "SELECT a INTO #t0 FROM s;" + "".join(f"SELECT a INTO #t{i} FROM #t{i - 1};" for i in range(1, 1_000)) + "INSERT INTO t (x) SELECT a FROM #t999; " + PLAIN,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large_texts_are_read_with_bounded_work(name: str) -> None:
    dialect, sql = LARGE[name]
    begun = time.process_time()
    result = lineage(sql, dialect)
    assert time.process_time() - begun < 20
    assert ("s", "a", "t", "x") in project(result).edges


ODD = [
    *("'", '"', "`", "[", "]", "(", ")", "{", "}", "$$", "$a$", "/*", "*/", "--", "#", "@", "@@", ":", "::", "\\", "?", "%"),
    *("\x00", "\ud800", "\udfff", "\ufeff", "\u2028", "\u200b", "\u00a0", "\u0130", "\ufdfa", "\U0010ffff", "\x1a", "\x85", "\r"),
    *("\N{COMBINING ACUTE ACCENT}", "\N{RIGHT-TO-LEFT OVERRIDE}", "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{FULLWIDTH COMMA}"),
    *("{{", "}}", "{% if %}", "{{ ref('x') }}", "${x}", "<<", ">>", ";;", "E'\\", "N'", "q'[", "b'", "0x", "1e", "1e999", ".5.5"),
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_odd_characters_anywhere_have_an_answer(odd: str) -> None:
    for dialect in DIALECTS:
        for at in (0, 15, 24):
            sound(PLAIN[:at] + odd + PLAIN[at:] + ";\nSELECT b FROM u", dialect)


# --- cut anywhere ----------------------------------------------------------------------------------------------------

FRAGMENTS = [sql for _, sql, _ in CASES] + [sql for _, make in DEEP.values() if (sql := make(3))] + [PLAIN, LAST, *ODD]
EXAMPLES = settings(max_examples=250, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))


def leaves(value: object) -> Iterator[Leaf | Unsplit]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, (Leaf, Unsplit)):
            yield item
        elif isinstance(item, tuple):
            waiting.extend(item)
        elif is_dataclass(item):
            waiting.extend(getattr(item, each.name) for each in fields(item))


def sound(sql: str, dialect: str) -> SqlLineage:
    """The answer, with what holds of any answer."""
    result = lineage(sql, dialect)
    assert lineage(sql, dialect) == result, "twice the same"
    places = [statement.place for statement in result.statements]
    assert places == sorted(places), "in the order of the text"
    told = {*places, *(it.place for it in result.unread)}
    if "{{" not in sql and "{%" not in sql:  # a template is split when it is rendered
        found = (it.tokens[0] for it in leaves(split(sql, dialect)) if it.tokens)
        assert not [token.text for token in found if place(token) not in told], "nothing is dropped"
    unread = [*result.unread, *(it for statement in result.statements for it in statement.unread)]
    assert all(it.reason and it.place >= (1, 1) for it in unread)
    for edge in (edge for statement in result.statements for edge in statement.hop.edges):
        assert edge.transformations
        assert 0 < edge.confidence <= 1
        assert (edge.confidence == 1) == (not edge.reason)
    for convention in CONVENTIONS.values():
        project(result, convention)
    return result


@EXAMPLES
@given(
    st.sampled_from(DIALECTS + RARER),
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=3),
    st.integers(0, 300),
    st.integers(1, 600),
    st.sampled_from([" ", "\n", ";\n", ""]),
)
def test_texts_cut_anywhere_have_an_answer(dialect: str, parts: list[str], start: int, length: int, gap: str) -> None:
    sound(gap.join(parts)[start : start + length], dialect)


@EXAMPLES
@given(st.sampled_from(CASES), st.data())
def test_a_text_with_a_word_taken_out_or_put_in_has_an_answer(case: tuple[str, str, str], data: st.DataObject) -> None:
    dialect, sql, _ = case
    words = sql.split(" ")
    at = data.draw(st.integers(0, len(words) - 1))
    other = data.draw(st.sampled_from(FRAGMENTS)).split(" ")
    piece = other[: data.draw(st.integers(0, 3))]
    sound(" ".join([*words[:at], *piece, *words[at + 1 :]]), dialect)


@EXAMPLES
@given(st.sampled_from(DIALECTS + RARER), st.text(max_size=80))
def test_any_characters_have_an_answer(dialect: str, text: str) -> None:
    sound(text, dialect)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[1]}"[:60])
def test_every_statement_of_a_script_is_told_or_unread(case: tuple[str, str, str]) -> None:
    sound(case[1], case[0])


# --- a budget that runs out ------------------------------------------------------------------------------------------

LONG = ";\n".join(f"INSERT INTO t{i} (x) SELECT s{i}.a + s{i}.b FROM s{i} JOIN u ON s{i}.k = u.k" for i in range(200))
LONG += ";\nSELECT 1 AS x"


def test_a_budget_that_runs_out_gives_the_same_part_every_time() -> None:
    whole = lineage(LONG)
    found = []
    spent = Budget()
    lineage(LONG, budget=spent)
    all_of_it = Budget().script - spent.script
    for script in (0, all_of_it // 4, all_of_it // 2, all_of_it - 1):
        part = lineage(LONG, budget=Budget(script=script))
        assert lineage(LONG, budget=Budget(script=script)) == part
        assert part.unread
        assert len(part.statements) == len(whole.statements), "nothing is dropped"
        edges = set(project(part).edges)
        assert edges <= set(project(whole).edges), "nothing is made up"
        found.append(len(edges))
    assert found == sorted(found)
    assert found[0] == 0 < found[1] < found[-1] <= len(project(whole).edges)


def test_a_statement_that_is_too_much_work_leaves_the_others_alone() -> None:
    wide = "SELECT " + " + ".join(f"a{i}" for i in range(5_000)) + " AS x FROM big"
    result = lineage(f"{PLAIN};\n{wide};\n{PLAIN.replace('t ', 'v ')}", budget=Budget(statement=1_000))
    (unread,) = result.unread
    assert unread.place.line == 2
    assert project(result).outputs == ("t", "v")
    assert {edge.target for edge in project(result).edges} >= {"t", "v"}


def test_the_budget_counts_steps_not_seconds() -> None:
    one, two = Budget(), Budget()
    lineage(LONG, budget=one)
    time.sleep(0.01)
    lineage(LONG, budget=two)
    assert one.script == two.script

"""Cost grows with the text: ten times as much takes about ten times as long, whatever it is made of."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

from ingest.sql import lineage, project

pytestmark = pytest.mark.systems

Made = Callable[[int], str]
GROWING: dict[str, tuple[str, int, Made]] = {
    "statements": ("", 400, lambda n: "INSERT INTO t (x) SELECT a + b FROM s WHERE c = 1;\n" * n),
    "temporary tables": (
        "tsql",
        150,
        lambda n: "".join(f"SELECT a, b INTO #t{i} FROM s{i} INSERT INTO t (x) SELECT a FROM #t{i} " for i in range(n)),
    ),
    "procedures": (
        "tsql",
        60,
        lambda n: "".join(
            f"CREATE PROC p{i} AS INSERT INTO t{i} SELECT a FROM s\nGO\nEXEC p{i}\nGO\n" for i in range(n)
        ),
    ),
    "a procedure's steps": (
        "oracle",
        300,
        lambda n: "CREATE PROCEDURE p IS BEGIN " + "INSERT INTO t (x) SELECT a FROM s; COMMIT; " * n + "END;",
    ),
    "CTEs": (
        "",
        150,
        lambda n: (
            "WITH c0 AS (SELECT a FROM s)"
            + "".join(f", c{i} AS (SELECT a FROM c{i - 1})" for i in range(1, n))
            + f" SELECT a FROM c{n - 1}"
        ),
    ),
    "columns": ("", 400, lambda n: "SELECT " + ", ".join(f"a{i} AS x{i}" for i in range(n)) + " FROM s"),
    "branches of a UNION": ("", 200, lambda n: " UNION ALL ".join(["SELECT a, b FROM s"] * n)),
    "terms of a sum": ("", 3_000, lambda n: "SELECT " + " + ".join(f"a{i}" for i in range(n)) + " AS x FROM s"),
    "joins": ("", 20, lambda n: "SELECT 1 AS x FROM s" + "".join(f" JOIN s{i} ON s.a = s{i}.a" for i in range(n))),
    "variables": ("tsql", 200, lambda n: "".join(f"DECLARE @v{i} int = (SELECT MAX(a) FROM s) " for i in range(n))),
}


def seconds(sql: str, dialect: str) -> float:
    """CPU time, the least of three runs, without that of looking for garbage (which grows with all that lives)."""
    times = []
    for _ in range(3):
        gc.collect()
        gc.disable()
        begun = time.process_time()
        lineage(sql, dialect)
        times.append(time.process_time() - begun)
        gc.enable()
    return min(times)


@pytest.mark.parametrize("name", GROWING)
def test_ten_times_the_text_is_about_ten_times_the_work(name: str) -> None:
    dialect, size, make = GROWING[name]
    lineage(make(2), dialect)
    assert seconds(make(10 * size), dialect) < 14 * max(seconds(make(size), dialect), 0.02)


def test_a_star_of_2_000_columns_through_ten_queries() -> None:
    wide = {"s": {f"c{i}": "int" for i in range(2_000)}}
    text = "SELECT * FROM s"
    for _ in range(10):
        text = f"SELECT * FROM ({text}) d"
    begun = time.process_time()
    edges = project(lineage(f"INSERT INTO t {text}", schema=wide)).edges
    assert time.process_time() - begun < 5
    assert [(edge.source_column, edge.target_column) for edge in edges] == sorted((c, c) for c in wide["s"])

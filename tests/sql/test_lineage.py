# ruff: noqa: E501 (a statement and its lineage read best on a line each)
"""What `lineage()` promises, one small case a promise. Every answer was derived from what the SQL means.

An edge is written `source.column > target.column` with its transformations behind it (none: IDENTITY; `~` masked);
`> target` is about every column, `> .column` the result set, `?.column` of a table that could not be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from graph.errors import InvalidInput
from ingest.sql import END_TO_END, HOPS, TEMP_COLLAPSED, Convention, SqlLineage, lineage, project
from ingest.sql.result import Access, Category, ColumnEdge, Join, Key, Place, Property, Statement, Table

SCHEMA = {
    "s": {"a": "int", "b": "int", "c": "int"},
    "u": {"k": "int", "x": "int"},
    "w": {"k": "int", "y": "int"},
    "t3": {"p": "int", "q": "int", "r": "int"},
}
COLUMN_CASE = tuple[str, str, str, str]


def written(edge: ColumnEdge) -> str:
    source = f"{edge.source.name if edge.source else '?'}.{edge.source_column}"
    target = edge.target.name if edge.target else ""
    target += f".{edge.target_column}" if edge.target_column is not None else ""
    kinds = "+".join(sorted("~" * it.masking + str(it.subtype) for it in edge.transformations))
    return f"{source} > {target}" + (f" {kinds}" if kinds != "IDENTITY" else "")


def edges_of(statements: Iterable[Statement], lasting: bool = False) -> list[str]:
    hops = (it.lasting if lasting else it.hop for it in statements)
    return sorted({written(edge) for hop in hops for edge in hop.edges})


def listed(expected: str) -> list[str]:
    return sorted(it for part in expected.split(";") if (it := part.strip()))


def names(tables: Iterable[Table]) -> list[str]:
    return sorted(table.name for table in tables)


def projected(result: SqlLineage, convention: Convention = HOPS) -> list[str]:
    return [
        f"{edge.source or '?'}.{edge.source_column} > {edge.target}.{edge.target_column}"
        for edge in project(result, convention).edges
    ]


def only(result: SqlLineage) -> Statement:
    (statement,) = result.statements
    return statement


def check(result: SqlLineage, expected: str) -> None:
    assert not result.unread, result.unread
    assert edges_of(result.statements) == listed(expected)


# --- by which transformation -----------------------------------------------------------------------------------------

TRANSFORMATIONS: list[COLUMN_CASE] = [
    ("a column as it is", "", "INSERT INTO t (x) SELECT a FROM s", "s.a > t.x"),
    ("a literal makes no edge", "", "INSERT INTO t (x, y) SELECT 1, a FROM s", "s.a > t.y"),
    ("arithmetic", "", "INSERT INTO t (x) SELECT a + 2 * b FROM s", "s.a > t.x TRANSFORMATION; s.b > t.x TRANSFORMATION"),
    ("a function", "", "INSERT INTO t (x) SELECT UPPER(a) FROM s", "s.a > t.x TRANSFORMATION"),
    ("an unknown function", "", "INSERT INTO t (x) SELECT our_own(a, b) FROM s", "s.a > t.x TRANSFORMATION; s.b > t.x TRANSFORMATION"),
    ("a cast", "postgres", "INSERT INTO t (x) SELECT a::text FROM s", "s.a > t.x TRANSFORMATION"),
    ("parentheses change nothing", "", "INSERT INTO t (x) SELECT ((a)) FROM s", "s.a > t.x"),
    ("an aggregate", "", "INSERT INTO t (x) SELECT SUM(a) FROM s", "s.a > t.x AGGREGATION"),
    ("a function of an aggregate", "", "INSERT INTO t (x) SELECT ROUND(SUM(a * b), 2) FROM s", "s.a > t.x AGGREGATION; s.b > t.x AGGREGATION"),
    ("both ways at once", "", "INSERT INTO t (x) SELECT a + SUM(a) OVER () FROM s", "s.a > t.x AGGREGATION+TRANSFORMATION"),
    ("CASE: the condition decides, the branches flow", "", "INSERT INTO t (x) SELECT CASE WHEN a > 0 THEN b ELSE c END FROM s", "s.a > t.x CONDITIONAL; s.b > t.x TRANSFORMATION; s.c > t.x TRANSFORMATION"),
    ("CASE of a value", "", "INSERT INTO t (x) SELECT CASE a WHEN 1 THEN 'one' END FROM s", "s.a > t.x CONDITIONAL"),
    ("a column that decides and flows", "", "INSERT INTO t (x) SELECT CASE WHEN a > 0 THEN a END FROM s", "s.a > t.x CONDITIONAL+TRANSFORMATION"),
    ("IF", "mysql", "INSERT INTO t (x) SELECT IF(a, b, 0) FROM s", "s.a > t.x CONDITIONAL; s.b > t.x TRANSFORMATION"),
    ("IIF", "tsql", "INSERT INTO t (x) SELECT IIF(a > 1, b, c) FROM s", "s.a > t.x CONDITIONAL; s.b > t.x TRANSFORMATION; s.c > t.x TRANSFORMATION"),
    ("DECODE is a CASE", "oracle", "INSERT INTO t (x) SELECT DECODE(a, 1, b, c) FROM s", "s.a > t.x CONDITIONAL; s.b > t.x TRANSFORMATION; s.c > t.x TRANSFORMATION"),
    ("NVL2 is a CASE", "oracle", "INSERT INTO t (x) SELECT NVL2(a, b, c) FROM s", "s.a > t.x CONDITIONAL; s.b > t.x TRANSFORMATION; s.c > t.x TRANSFORMATION"),
    ("a CASE inside an aggregate", "", "INSERT INTO t (x) SELECT SUM(CASE WHEN a = 1 THEN b END) FROM s", "s.a > t.x CONDITIONAL; s.b > t.x AGGREGATION"),
    ("an aggregate's own FILTER is about its column", "", "INSERT INTO t (x) SELECT SUM(a) FILTER (WHERE b > 0) FROM s", "s.a > t.x AGGREGATION; s.b > t.x FILTER"),
    ("a window's partition and order are about its column", "", "INSERT INTO t (x, y) SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b), c FROM s", "s.a > t.x WINDOW; s.b > t.x WINDOW; s.c > t.y"),
    ("an aggregate over a window", "", "INSERT INTO t (x) SELECT SUM(c) OVER (PARTITION BY a) FROM s", "s.c > t.x AGGREGATION; s.a > t.x WINDOW"),
    ("a named window", "postgres", "INSERT INTO t (x) SELECT SUM(c) OVER w FROM s WINDOW w AS (PARTITION BY a)", "s.c > t.x AGGREGATION; s.a > t.x WINDOW"),
    ("a filter is about every column", "", "INSERT INTO t (x) SELECT a FROM s WHERE b > 0", "s.a > t.x; s.b > t FILTER"),
    ("grouping", "", "INSERT INTO t (x, y) SELECT a, SUM(b) FROM s GROUP BY a", "s.a > t.x; s.b > t.y AGGREGATION; s.a > t GROUP_BY"),
    ("grouping by number", "", "INSERT INTO t (x, y) SELECT a, SUM(b) FROM s GROUP BY 1", "s.a > t.x; s.b > t.y AGGREGATION; s.a > t GROUP_BY"),
    ("grouping by everything that is not aggregated", "duckdb", "INSERT INTO t (x, y) SELECT a, SUM(b) FROM s GROUP BY ALL", "s.a > t.x; s.b > t.y AGGREGATION; s.a > t GROUP_BY"),
    ("grouping sets", "postgres", "INSERT INTO t (y) SELECT SUM(b) FROM s GROUP BY GROUPING SETS ((a), (c))", "s.b > t.y AGGREGATION; s.a > t GROUP_BY; s.c > t GROUP_BY"),
    ("rollup", "postgres", "INSERT INTO t (y) SELECT SUM(b) FROM s GROUP BY ROLLUP (a, c)", "s.b > t.y AGGREGATION; s.a > t GROUP_BY; s.c > t GROUP_BY"),
    ("HAVING is a filter", "", "INSERT INTO t (x) SELECT MAX(a) FROM s HAVING SUM(b) > 1", "s.a > t.x AGGREGATION; s.b > t FILTER"),
    ("sorting by a result column's name", "", "INSERT INTO t SELECT a AS b FROM s ORDER BY b", "s.a > t.b; s.a > t SORT"),
    ("sorting by number", "", "INSERT INTO t (x, y) SELECT a, b FROM s ORDER BY 2 DESC", "s.a > t.x; s.b > t.y; s.b > t SORT"),
    ("a join's columns", "", "INSERT INTO t (x) SELECT s.a FROM s JOIN u ON s.b = u.k", "s.a > t.x; s.b > t JOIN; u.k > t JOIN"),
    ("a hash masks", "postgres", "INSERT INTO t (x) SELECT MD5(a) FROM s", "s.a > t.x ~TRANSFORMATION"),
    ("masked once, masked for good", "snowflake", "INSERT INTO t (x) SELECT UPPER(h) FROM (SELECT SHA2(a, 256) AS h FROM s) d", "s.a > t.x ~TRANSFORMATION"),
    ("one way masked, one way plain", "postgres", "INSERT INTO t (x) SELECT MD5(a) || a FROM s", "s.a > t.x TRANSFORMATION+~TRANSFORMATION"),
    ("T-SQL's hash", "tsql", "INSERT INTO t (x) SELECT HASHBYTES('SHA2_256', a) FROM s", "s.a > t.x ~TRANSFORMATION"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("promise", "dialect", "sql", "expected"), TRANSFORMATIONS, ids=[it[0] for it in TRANSFORMATIONS]
)
def test_an_edge_says_by_which_transformation(promise: str, dialect: str, sql: str, expected: str) -> None:
    check(lineage(sql, dialect), expected)


# --- through queries in queries --------------------------------------------------------------------------------------

COMPOSED: list[COLUMN_CASE] = [
    ("a derived table", "", "INSERT INTO t (x) SELECT d.m FROM (SELECT SUM(a) AS m FROM s) d", "s.a > t.x AGGREGATION"),
    ("a CTE", "", "WITH c AS (SELECT a + 1 AS m FROM s) INSERT INTO t (x) SELECT SUM(m) FROM c", "s.a > t.x AGGREGATION"),
    ("a CTE behind INSERT", "postgres", "INSERT INTO t (x) WITH c AS (SELECT a AS m FROM s) SELECT m FROM c", "s.a > t.x"),
    ("a CTE of a CTE", "", "WITH c AS (SELECT a AS m FROM s), d AS (SELECT m AS n FROM c) INSERT INTO t (x) SELECT n FROM d", "s.a > t.x"),
    ("a CTE's listed columns", "", "WITH c (m, n) AS (SELECT a, b FROM s) INSERT INTO t (x) SELECT n FROM c", "s.b > t.x"),
    ("a derived table's listed columns", "postgres", "INSERT INTO t (x) SELECT d.n FROM (SELECT a, b FROM s) AS d (m, n)", "s.b > t.x"),
    ("a CTE hides a table of its name", "", "WITH s AS (SELECT k AS a FROM u) INSERT INTO t (x) SELECT a FROM s", "u.k > t.x"),
    ("a CTE of its own table's name reads that table", "", "WITH s AS (SELECT a FROM s) INSERT INTO t (x) SELECT a FROM s", "s.a > t.x"),
    ("the inner CTE hides the outer one", "", "WITH c AS (SELECT a AS m FROM s) INSERT INTO t (x) SELECT m FROM (WITH c AS (SELECT k AS m FROM u) SELECT m FROM c) d", "u.k > t.x"),
    ("a qualified name is no CTE", "", "WITH c AS (SELECT a FROM s) INSERT INTO t (x) SELECT a FROM public.c", "public.c.a > t.x"),
    ("a filter below is about every column above", "", "INSERT INTO t (x) SELECT m FROM (SELECT a AS m FROM s WHERE b = 1) d", "s.a > t.x; s.b > t FILTER"),
    ("a window in a CTE used to filter", "", "WITH c AS (SELECT a, ROW_NUMBER() OVER (ORDER BY b) AS n FROM s) INSERT INTO t (x) SELECT a FROM c WHERE n = 1", "s.a > t.x; s.b > t WINDOW"),
    ("a scalar subquery", "", "INSERT INTO t (x, y) SELECT a, (SELECT MAX(k) FROM u) FROM s", "s.a > t.x; u.k > t.y AGGREGATION"),
    ("IN a subquery filters", "", "INSERT INTO t (x) SELECT a FROM s WHERE b IN (SELECT k FROM u)", "s.a > t.x; s.b > t FILTER; u.k > t FILTER"),
    ("EXISTS filters by what it compares", "", "INSERT INTO t (x) SELECT a FROM s WHERE EXISTS (SELECT 1 FROM u WHERE u.k = s.b)", "s.a > t.x; s.b > t FILTER; u.k > t FILTER"),
    ("a UNION flows by position, named by its first branch", "", "INSERT INTO t SELECT a AS x, b AS y FROM s UNION ALL SELECT k, z FROM u", "s.a > t.x; s.b > t.y; u.k > t.x; u.z > t.y"),
    ("three branches", "", "INSERT INTO t (x) SELECT a FROM s UNION SELECT k FROM u UNION SELECT k FROM w", "s.a > t.x; u.k > t.x; w.k > t.x"),
    ("UNION BY NAME flows by name", "duckdb", "INSERT INTO t SELECT a AS x, b AS y FROM s UNION ALL BY NAME SELECT k AS y, z AS x FROM u", "s.a > t.x; s.b > t.y; u.k > t.y; u.z > t.x"),
    ("recursion starts from its anchor", "postgres", "INSERT INTO t (x) WITH RECURSIVE r AS (SELECT id, name FROM emp UNION ALL SELECT emp.id, r.name FROM emp JOIN r ON emp.boss = r.id) SELECT name FROM r", "emp.name > t.x; emp.boss > t JOIN; emp.id > t JOIN"),
    ("recursion goes on through itself", "postgres", "INSERT INTO t (x) WITH RECURSIVE r (p) AS (SELECT a FROM s UNION ALL SELECT r.p || u.k FROM r CROSS JOIN u) SELECT p FROM r", "s.a > t.x IDENTITY+TRANSFORMATION; u.k > t.x TRANSFORMATION"),
    ("recursion swaps its columns", "postgres", "INSERT INTO t (x) WITH RECURSIVE r (p, q) AS (SELECT a, b FROM s UNION ALL SELECT q, p FROM r) SELECT p FROM r", "s.a > t.x; s.b > t.x"),
    ("three columns take three turns", "postgres", "INSERT INTO t (x) WITH RECURSIVE r (p, q, o, n) AS (SELECT a, b, c, d FROM s UNION ALL SELECT q, o, n, n FROM r) SELECT p FROM r", "s.a > t.x; s.b > t.x; s.c > t.x; s.d > t.x"),
    ("VALUES in a FROM has no source", "postgres", "INSERT INTO t (x, y) SELECT v.i, s.a FROM s CROSS JOIN (VALUES (1), (2)) AS v (i)", "s.a > t.y"),
    ("a lateral subquery sees what stands before it", "postgres", "INSERT INTO t (x) SELECT l.m FROM s CROSS JOIN LATERAL (SELECT s.a + u.x AS m FROM u) l", "s.a > t.x TRANSFORMATION; u.x > t.x TRANSFORMATION"),
    ("CROSS APPLY", "tsql", "INSERT INTO t (x) SELECT l.m FROM s CROSS APPLY (SELECT MAX(u.x) AS m FROM u) l", "u.x > t.x AGGREGATION"),
    ("an alias hides the table's own name", "", "INSERT INTO t (x) SELECT s.a FROM u AS s", "u.a > t.x"),
    ("a table joined with itself", "", "INSERT INTO t (x, y) SELECT one.a, two.b FROM s one CROSS JOIN s two", "s.a > t.x; s.b > t.y"),
    ("columns by the table's full name", "", "INSERT INTO t (x) SELECT shop.s.a FROM shop.s", "shop.s.a > t.x"),
    ("QUALIFY keeps rows", "snowflake", "INSERT INTO t (x) SELECT a FROM s QUALIFY SUM(b) OVER () > 1", "s.a > t.x; s.b > t FILTER"),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "dialect", "sql", "expected"), COMPOSED, ids=[it[0] for it in COMPOSED])
def test_lineage_leads_through_queries_in_queries(promise: str, dialect: str, sql: str, expected: str) -> None:
    check(lineage(sql, dialect), expected)


def test_what_a_set_operation_takes_away_does_not_flow() -> None:
    statement = only(lineage("INSERT INTO t (x) SELECT a FROM s EXCEPT SELECT k FROM u"))
    direct = {
        edge.source_column for edge in statement.hop.edges if any(it.type == "DIRECT" for it in edge.transformations)
    }
    assert direct == {"a"}
    assert names(statement.hop.inputs) == ["s", "u"]


def test_a_filter_is_no_edge_of_the_projection_but_a_condition_is() -> None:
    sql = "INSERT INTO t (x) SELECT CASE WHEN a = 1 THEN b END FROM s JOIN u ON c = k WHERE d = 1 GROUP BY e ORDER BY f"
    assert projected(lineage(sql, schema=SCHEMA)) == ["s.a > t.x", "s.b > t.x"]


# --- columns that are known ------------------------------------------------------------------------------------------

KNOWN: list[COLUMN_CASE] = [
    ("a star is its columns", "", "INSERT INTO t SELECT * FROM s", "s.a > t.a; s.b > t.b; s.c > t.c"),
    ("one table's star", "", "INSERT INTO t SELECT u.*, s.a FROM s CROSS JOIN u", "u.k > t.k; u.x > t.x; s.a > t.a"),
    ("a star of two tables", "", "INSERT INTO t SELECT * FROM s CROSS JOIN u", "s.a > t.a; s.b > t.b; s.c > t.c; u.k > t.k; u.x > t.x"),
    ("EXCEPT", "bigquery", "INSERT INTO t SELECT * EXCEPT (b) FROM s", "s.a > t.a; s.c > t.c"),
    ("EXCLUDE", "snowflake", "INSERT INTO t SELECT * EXCLUDE (a, b) FROM s", "s.c > t.c"),
    ("EXCLUDE of one table's star", "duckdb", "INSERT INTO t SELECT s.* EXCLUDE (c), u.k FROM s CROSS JOIN u", "s.a > t.a; s.b > t.b; u.k > t.k"),
    ("REPLACE", "bigquery", "INSERT INTO t SELECT * REPLACE (a + c AS b) FROM s", "s.a > t.a; s.a > t.b TRANSFORMATION; s.c > t.b TRANSFORMATION; s.c > t.c"),
    ("RENAME", "snowflake", "INSERT INTO t SELECT * RENAME (b AS z) FROM s", "s.a > t.a; s.b > t.z; s.c > t.c"),
    ("EXCLUDE and RENAME", "snowflake", "INSERT INTO t SELECT * EXCLUDE a RENAME (b AS z) FROM s", "s.b > t.z; s.c > t.c"),
    ("ILIKE on a star", "snowflake", "INSERT INTO t SELECT * ILIKE 'a%' FROM s", "s.a > t.a"),
    ("a star through a CTE", "", "WITH c AS (SELECT * FROM s) INSERT INTO t SELECT * FROM c", "s.a > t.a; s.b > t.b; s.c > t.c"),
    ("a star over a star without a column", "bigquery", "INSERT INTO t SELECT * EXCEPT (c) FROM (SELECT * EXCEPT (b) FROM s)", "s.a > t.a"),
    ("an alias with columns", "postgres", "INSERT INTO t SELECT * FROM s AS z (p, q, r)", "s.a > t.p; s.b > t.q; s.c > t.r"),
    ("a star into a list of columns goes by position", "", "INSERT INTO t (p, q, r) SELECT * FROM s", "s.a > t.p; s.b > t.q; s.c > t.r"),
    ("without a list the target's known columns by position", "", "INSERT INTO t3 SELECT a, b, c FROM s", "s.a > t3.p; s.b > t3.q; s.c > t3.r"),
    ("INSERT BY NAME goes by name", "duckdb", "INSERT INTO t3 BY NAME SELECT a AS r, b AS p FROM s", "s.a > t3.r; s.b > t3.p"),
    ("without known columns the query's names", "", "INSERT INTO t SELECT a AS m, b FROM s", "s.a > t.m; s.b > t.b"),
    ("CREATE TABLE AS", "", "CREATE TABLE t AS SELECT * FROM u", "u.k > t.k; u.x > t.x"),
    ("CREATE VIEW with columns", "", "CREATE VIEW t (m, n) AS SELECT * FROM u", "u.k > t.m; u.x > t.n"),
    ("a star through a view of the script", "", "CREATE VIEW v AS SELECT a, b AS z FROM s; INSERT INTO t SELECT * FROM v", "s.a > v.a; s.b > v.z; v.a > t.a; v.z > t.z"),
    ("a star through a table of the script", "postgres", "CREATE TABLE v (m int, n int); INSERT INTO t SELECT * FROM v", "v.m > t.m; v.n > t.n"),
    ("an unqualified column of the table that has it", "", "INSERT INTO t (m, n) SELECT a, x FROM s CROSS JOIN u", "s.a > t.m; u.x > t.n"),
    ("USING has its column once", "postgres", "INSERT INTO t SELECT * FROM u FULL JOIN w USING (k)", "u.k > t.k; w.k > t.k; u.x > t.x; w.y > t.y; u.k > t JOIN; w.k > t JOIN"),
    ("USING without a schema reads both", "postgres", "INSERT INTO t (m) SELECT k FROM one FULL JOIN two USING (k)", "one.k > t.m; two.k > t.m; one.k > t JOIN; two.k > t JOIN"),
    ("a natural join compares the columns of one name", "postgres", "INSERT INTO t SELECT * FROM u NATURAL FULL JOIN w", "u.k > t.k; w.k > t.k; u.x > t.x; w.y > t.y; u.k > t JOIN; w.k > t JOIN"),
    ("a correlated subquery sees the query around it", "", "INSERT INTO t (m) SELECT (SELECT MAX(x + a) FROM u) FROM s", "u.x > t.m AGGREGATION; s.a > t.m AGGREGATION"),
    ("the inner table wins", "", "INSERT INTO t (m) SELECT (SELECT MAX(u.k) FROM u WHERE k = 1) FROM w", "u.k > t.m AGGREGATION; u.k > t FILTER"),
    ("grouping means the table's column before the result's", "postgres", "INSERT INTO t SELECT MAX(a) AS b FROM s GROUP BY b", "s.a > t.b AGGREGATION; s.b > t GROUP_BY"),
    ("a lateral alias", "snowflake", "INSERT INTO t SELECT a + 1 AS m, m * 2 AS n FROM s", "s.a > t.m TRANSFORMATION; s.a > t.n TRANSFORMATION"),
    ("a table's column goes before a lateral alias", "snowflake", "INSERT INTO t SELECT a AS b, b AS n FROM s", "s.a > t.b; s.b > t.n"),
    ("Redshift has lateral aliases", "redshift", "INSERT INTO t SELECT a AS m, m + b AS n FROM s", "s.a > t.m; s.a > t.n TRANSFORMATION; s.b > t.n TRANSFORMATION"),
    ("a positional UPDATE", "postgres", "UPDATE t SET (m, n) = (SELECT k, x FROM u)", "u.k > t.m; u.x > t.n"),
    ("Hive inserts what leads to a partition last", "hive", "INSERT OVERWRITE TABLE t PARTITION (d) SELECT k AS m, x FROM u", "u.k > t.m; u.x > t.d"),
    ("a table as a query", "postgres", "INSERT INTO t TABLE u", "u.k > t.k; u.x > t.x"),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "dialect", "sql", "expected"), KNOWN, ids=[it[0] for it in KNOWN])
def test_known_columns_make_it_exact(promise: str, dialect: str, sql: str, expected: str) -> None:
    result = lineage(sql, dialect, SCHEMA)
    check(result, expected)
    known = {*SCHEMA, "v"}
    edges = [edge for statement in result.statements for edge in statement.hop.edges]
    assert all(edge.confidence == 1 and not edge.reason for edge in edges if edge.source and edge.source.name in known)


UNKNOWN: list[COLUMN_CASE] = [
    ("a star stays a star", "", "INSERT INTO t SELECT * FROM s", "s.* > t.*"),
    ("a column behind a star", "", "INSERT INTO t SELECT a FROM (SELECT * FROM s) d", "s.a > t.a"),
    ("what a star left out is not behind it", "bigquery", "INSERT INTO t SELECT b, c FROM (SELECT * EXCEPT (b) FROM s)", "s.c > t.c"),
    ("what a star renamed", "snowflake", "INSERT INTO t SELECT z FROM (SELECT * RENAME (b AS z) FROM s)", "s.b > t.z"),
    ("the old name of what a star renamed is gone", "snowflake", "INSERT INTO t SELECT b FROM (SELECT * RENAME (b AS z) FROM s)", ""),
    ("what a star replaced", "bigquery", "INSERT INTO t SELECT b FROM (SELECT * REPLACE (a + 1 AS b) FROM s)", "s.a > t.b TRANSFORMATION"),
    ("a column of one of two", "", "INSERT INTO t (x) SELECT a FROM s CROSS JOIN u", "?.a > t.x"),
    ("an alias before it tells", "", "INSERT INTO t (x) SELECT u.a FROM s CROSS JOIN u", "u.a > t.x"),
    ("no lateral aliases in Postgres", "postgres", "INSERT INTO t SELECT a + 1 AS m, m AS n FROM s", "s.a > t.m TRANSFORMATION; s.m > t.n"),
    ("a table like another has none of its rows", "postgres", "CREATE TABLE t (LIKE s)", ""),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "dialect", "sql", "expected"), UNKNOWN, ids=[it[0] for it in UNKNOWN])
def test_without_a_schema_what_the_text_says_counts(promise: str, dialect: str, sql: str, expected: str) -> None:
    check(lineage(sql, dialect), expected)


# --- values inside values --------------------------------------------------------------------------------------------

INSIDE: list[COLUMN_CASE] = [
    ("a struct's field", "bigquery", "INSERT INTO t (x) SELECT who.name.first FROM s", "s.who.name.first > t.x"),
    ("a struct's field behind an alias", "bigquery", "INSERT INTO t (x) SELECT z.who.name FROM s AS z", "s.who.name > t.x"),
    ("a JSON path", "snowflake", "INSERT INTO t (x) SELECT doc:a.b::string FROM s", "s.doc > t.x"),
    ("a JSON operator", "postgres", "INSERT INTO t (x) SELECT doc -> 'a' ->> 'b' FROM s", "s.doc > t.x"),
    ("JSON_VALUE", "tsql", "INSERT INTO t (x) SELECT JSON_VALUE(doc, '$.a') FROM s", "s.doc > t.x"),
    ("an array's item", "bigquery", "INSERT INTO t (x) SELECT items[OFFSET(0)] FROM s", "s.items > t.x"),
    ("UNNEST", "bigquery", "INSERT INTO t (x) SELECT item FROM s, UNNEST(items) AS item", "s.items > t.x"),
    ("UNNEST's offset is no value", "bigquery", "INSERT INTO t (x, i) SELECT item, pos FROM s, UNNEST(items) AS item WITH OFFSET AS pos", "s.items > t.x"),
    ("an array of the row before it", "bigquery", "INSERT INTO t (x) SELECT i.price FROM s AS z, z.items AS i", "s.items > t.x"),
    ("unnest with a name", "postgres", "INSERT INTO t (x) SELECT g.tag FROM s CROSS JOIN LATERAL unnest(s.tags) AS g (tag)", "s.tags > t.x"),
    ("UNNEST in a join", "trino", "INSERT INTO t (x) SELECT g.tag FROM s CROSS JOIN UNNEST(s.tags) AS g (tag)", "s.tags > t.x"),
    ("FLATTEN", "snowflake", "INSERT INTO t (x) SELECT f.value:id FROM s, LATERAL FLATTEN(input => s.items) f", "s.items > t.x"),
    ("LATERAL VIEW", "hive", "INSERT INTO t SELECT item AS x FROM s LATERAL VIEW explode(items) e AS item", "s.items > t.x"),
    ("OPENJSON", "tsql", "INSERT INTO t (x) SELECT j.value FROM s CROSS APPLY OPENJSON(s.doc) j", "s.doc > t.x"),
    ("JSON_TABLE", "mysql", "INSERT INTO t (x) SELECT j.a FROM s, JSON_TABLE(s.doc, '$[*]' COLUMNS (a INT PATH '$.a')) AS j", "s.doc > t.x"),
    ("a function over a column without a table", "postgres", "INSERT INTO t (x) SELECT g FROM generate_series(1, 9) AS g", ""),
    ("a lambda's argument is no column", "spark", "INSERT INTO t SELECT transform(items, a -> a + b) AS x FROM s", "s.items > t.x; s.b > t.x"),
    ("PIVOT", "tsql", "INSERT INTO t (k, m, n) SELECT k, [jan], [feb] FROM (SELECT k, d, v FROM s) p PIVOT (SUM(v) FOR d IN ([jan], [feb])) q", "s.k > t.k; s.v > t.m; s.v > t.n"),
    ("PIVOT of values", "snowflake", "INSERT INTO t (k, m) SELECT k, m FROM (SELECT k, d, v FROM s) PIVOT (SUM(v) FOR d IN ('jan', 'feb')) AS p (k, m, n)", "s.k > t.k; s.v > t.m"),
    ("UNPIVOT", "bigquery", "INSERT INTO t (k, m, v) SELECT k, m, v FROM s UNPIVOT (v FOR m IN (jan, feb))", "s.k > t.k; s.jan > t.v; s.feb > t.v"),
    ("array and struct are made of their parts", "bigquery", "INSERT INTO t (x) SELECT STRUCT(a AS m, [b] AS n) FROM s", "s.a > t.x; s.b > t.x"),
    ("a whole row", "postgres", "INSERT INTO t (x) SELECT to_jsonb(z) FROM (SELECT a, b FROM s) z", "s.a > t.x; s.b > t.x"),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "dialect", "sql", "expected"), INSIDE, ids=[it[0] for it in INSIDE])
def test_values_inside_values_lead_to_their_column(promise: str, dialect: str, sql: str, expected: str) -> None:
    result = lineage(sql, dialect)
    assert not result.unread, result.unread
    assert sorted(projected(result)) == listed(expected)


# --- changes ---------------------------------------------------------------------------------------------------------

CHANGES: list[COLUMN_CASE] = [
    ("UPDATE", "", "UPDATE t SET x = y + 1 WHERE z = 1", "t.y > t.x TRANSFORMATION; t.z > t FILTER"),
    ("UPDATE FROM", "postgres", "UPDATE t SET x = s.a FROM s WHERE s.k = t.k", "s.a > t.x; s.k > t FILTER; t.k > t FILTER"),
    ("UPDATE by an alias", "tsql", "UPDATE z SET x = s.a FROM t AS z JOIN s ON s.k = z.k", "s.a > t.x; s.k > t JOIN; t.k > t JOIN"),
    ("UPDATE JOIN", "mysql", "UPDATE t JOIN s ON s.k = t.k SET t.x = s.a", "s.a > t.x; s.k > t JOIN; t.k > t JOIN"),
    ("UPDATE by subquery", "oracle", "UPDATE t SET x = (SELECT MAX(s.a) FROM s)", "s.a > t.x AGGREGATION"),
    ("DELETE", "", "DELETE FROM t WHERE x = 1", ""),
    ("MERGE, every branch", "", "MERGE INTO t USING s ON t.k = s.k WHEN MATCHED AND s.d = 1 THEN UPDATE SET x = s.a WHEN NOT MATCHED THEN INSERT (k, x) VALUES (s.k, s.b + 1)", "s.a > t.x; s.b > t.x TRANSFORMATION; s.k > t.k; s.k > t JOIN; t.k > t JOIN; s.d > t CONDITIONAL"),
    ("MERGE with all columns", "databricks", "MERGE INTO t USING (SELECT a, b FROM s) z ON t.a = z.a WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *", "s.a > t.a; s.b > t.b; s.a > t JOIN; t.a > t JOIN"),
    ("ON CONFLICT", "postgres", "INSERT INTO t (k, x) SELECT k, a FROM s ON CONFLICT (k) DO UPDATE SET y = EXCLUDED.x", "s.k > t.k; s.a > t.x; s.a > t.y"),
    ("ON DUPLICATE KEY", "mysql", "INSERT INTO t (k, x) SELECT k, a FROM s ON DUPLICATE KEY UPDATE y = VALUES(x)", "s.k > t.k; s.a > t.x; s.a > t.y"),
    ("INSERT ALL", "oracle", "INSERT ALL INTO t (x) VALUES (a) INTO v (y) VALUES (b) SELECT a, b FROM s", "s.a > t.x; s.b > v.y"),
    ("Hive's one FROM for many", "hive", "FROM s INSERT INTO TABLE t SELECT a AS x INSERT INTO TABLE v SELECT b AS y", "s.a > t.x; s.b > v.y"),
    ("OUTPUT INTO", "tsql", "UPDATE t SET x = 1 OUTPUT deleted.x, inserted.k INTO log (old, k)", "t.x > log.old; t.k > log.k"),
    ("a change inside WITH", "postgres", "WITH m AS (DELETE FROM s RETURNING a, b) INSERT INTO t (x) SELECT a FROM m", "s.a > t.x"),
    ("SELECT INTO a table", "tsql", "SELECT a AS x INTO t FROM s", "s.a > t.x"),
    ("RENAME carries all columns", "postgres", "ALTER TABLE s RENAME TO t", "s.* > t.*"),
    ("CLONE carries all columns", "snowflake", "CREATE TABLE t CLONE s", "s.* > t.*"),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "dialect", "sql", "expected"), CHANGES, ids=[it[0] for it in CHANGES])
def test_a_change_says_what_it_is_made_of(promise: str, dialect: str, sql: str, expected: str) -> None:
    result = lineage(sql, dialect)
    assert not result.unread, result.unread
    if promise == "DELETE":
        assert not project(result).edges
    else:
        assert edges_of(result.statements) == listed(expected)


TABLES: list[tuple[str, str, str, str, str]] = [
    ("the target of UPDATE is no input", "", "UPDATE t SET x = y", "", "t"),
    ("unless it is a source of its own", "postgres", "UPDATE t SET x = z.y FROM t AS z WHERE z.k = t.p", "t", "t"),
    ("the target of MERGE is no input", "", "MERGE INTO t USING s ON t.k = s.k WHEN MATCHED THEN UPDATE SET x = s.a", "s", "t"),
    ("DELETE USING", "postgres", "DELETE FROM t USING s WHERE s.k = t.k", "s", "t"),
    ("DELETE by a subquery", "", "DELETE FROM t WHERE k IN (SELECT k FROM s)", "s", "t"),
    ("DELETE by an alias", "tsql", "DELETE z FROM t AS z JOIN s ON s.k = z.k", "s", "t"),
    ("several targets", "mysql", "DELETE t, v FROM t JOIN v ON t.k = v.k JOIN s ON s.k = t.k", "s", "t v"),
    ("CREATE TABLE names its table", "", "CREATE TABLE t (a int)", "", "t"),
    ("DROP names all its tables", "postgres", "DROP TABLE IF EXISTS t, v", "", "t v"),
    ("TRUNCATE", "", "TRUNCATE TABLE t", "", "t"),
    ("a swap gives one table the other's rows", "snowflake", "ALTER TABLE t SWAP WITH v", "v", "t"),
    ("a rename keeps the schema", "postgres", "ALTER TABLE shop.s RENAME TO t", "shop.s", "shop.t"),
    ("CREATE INDEX names none", "", "CREATE INDEX i ON t (a)", "", ""),
    ("GRANT names none", "", "GRANT SELECT ON t TO anna", "", ""),
    ("a bare SELECT has inputs", "", "SELECT a FROM s", "s", ""),
    ("COPY from a stage", "snowflake", "COPY INTO t FROM @stage/path", "@stage/path", "t"),
    ("COPY to a bucket", "snowflake", "COPY INTO 's3://bucket/path' FROM t", "t", "s3://bucket/path"),
    ("COPY from a bucket", "redshift", "COPY t FROM 's3://bucket/path' IAM_ROLE 'x'", "s3://bucket/path", "t"),
    ("UNLOAD", "redshift", "UNLOAD ('SELECT a FROM s') TO 's3://bucket/path' IAM_ROLE 'x'", "s", "s3://bucket/path"),
    ("LOAD DATA", "hive", "LOAD DATA INPATH '/data/x' INTO TABLE t", "/data/x", "t"),
    ("BULK INSERT", "tsql", "BULK INSERT t FROM 'c:\\x.csv'", "c:\\x.csv", "t"),
    ("a partition is switched", "tsql", "ALTER TABLE s SWITCH PARTITION 1 TO t", "s", "t"),
    ("a partition is exchanged", "oracle", "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE s", "s", "t"),
    ("DUAL is no table", "oracle", "INSERT INTO t (x) SELECT 1 FROM dual", "", "t"),
    ("EXTRACT's FROM is no table", "", "SELECT EXTRACT(YEAR FROM a) AS y FROM s", "s", ""),
    ("IS DISTINCT FROM is no table", "postgres", "SELECT a IS DISTINCT FROM b AS y FROM s", "s", ""),
    ("a comment says nothing", "", "SELECT a FROM s -- FROM other\n/* JOIN another */", "s", ""),
    ("a literal says nothing", "", "SELECT 'a FROM other' AS x FROM s", "s", ""),
    ("a file as a table", "duckdb", "SELECT a FROM 's3://bucket/x.parquet'", "s3://bucket/x.parquet", ""),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "dialect", "sql", "inputs", "outputs"), TABLES, ids=[it[0] for it in TABLES])
def test_a_statement_names_what_it_reads_and_writes(
    promise: str, dialect: str, sql: str, inputs: str, outputs: str
) -> None:
    result = lineage(sql, dialect)
    assert not result.unread, result.unread
    told = project(result)
    assert (list(told.inputs), list(told.outputs)) == (inputs.split(), outputs.split())


# --- how sure --------------------------------------------------------------------------------------------------------

UNSURE: list[tuple[str, str, str, str]] = [
    ("INSERT INTO t SELECT * FROM s", "", "*", "star expanded without a schema"),
    ("INSERT INTO t SELECT a FROM (SELECT * FROM o) d", "", "a", "star expanded without a schema"),
    ("INSERT INTO t (x) SELECT z FROM o CROSS JOIN u", "known", "z", "the only table here whose columns are not known"),
    ("INSERT INTO t (x) SELECT z FROM o CROSS JOIN p", "", "z", "which table has it is not known"),
    ("INSERT INTO t (x) SELECT k FROM u CROSS JOIN w", "known", "k", "more than one table has it"),
    ("INSERT INTO t (x) SELECT u.z FROM u", "known", "z", "not among the known columns of the table"),
    ("INSERT INTO t (x) SELECT m FROM (SELECT * FROM o) AS d (m)", "", "*", "a star under a list of column names"),
    ("INSERT INTO t (x) SELECT * FROM o", "", "*", "a star without a schema into a list of columns"),
    ("SELECT COUNT(*) AS n FROM s", "", "*", "rows are counted"),
    ("ALTER TABLE s RENAME TO t", "", "*", "all columns, by a table's name alone"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "known", "column", "reason"), UNSURE, ids=[it[3] for it in UNSURE])
def test_an_edge_that_is_not_sure_says_why(sql: str, known: str, column: str, reason: str) -> None:
    result = lineage(sql, "postgres", SCHEMA if known else None)
    found = [edge for edge in only(result).hop.edges if edge.source_column == column]
    assert found
    assert {edge.reason for edge in found} == {reason}
    assert all(0 < edge.confidence < 1 for edge in found)


def test_an_edge_of_a_statement_that_was_read_in_part_is_less_sure() -> None:
    statement = lineage("INSERT INTO t (x) SELECT a FROM s WHERE ??? (", "postgres").statements[0]
    assert statement.unread
    assert all(edge.confidence < 1 and edge.reason for edge in statement.hop.edges)
    assert (names(statement.hop.inputs), names(statement.hop.outputs)) == (["s"], ["t"])


# --- kinds -----------------------------------------------------------------------------------------------------------

KINDS: list[tuple[str, str, str, str]] = [
    ("", "SELECT a FROM s", "SELECT", "DQL"),
    ("postgres", "WITH c AS (SELECT 1 AS a) SELECT a FROM c", "SELECT", "DQL"),
    ("", "SELECT a FROM s UNION SELECT k FROM u", "SELECT", "DQL"),
    ("", "INSERT INTO t VALUES (1)", "INSERT", "DML"),
    ("hive", "INSERT OVERWRITE TABLE t SELECT a FROM s", "INSERT OVERWRITE", "DML"),
    ("", "UPDATE t SET a = 1", "UPDATE", "DML"),
    ("", "DELETE FROM t", "DELETE", "DML"),
    ("", "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", "MERGE", "DML"),
    ("snowflake", "COPY INTO t FROM @x", "COPY", "DML"),
    ("tsql", "SELECT a INTO t FROM s", "SELECT INTO", "DML"),
    ("", "CREATE TABLE t (a int)", "CREATE TABLE", "DDL"),
    ("", "CREATE TABLE t AS SELECT 1 AS a", "CREATE TABLE AS", "DDL"),
    ("", "CREATE VIEW v AS SELECT 1 AS a", "CREATE VIEW", "DDL"),
    ("postgres", "CREATE UNIQUE INDEX i ON t (a)", "CREATE INDEX", "DDL"),
    ("postgres", "CREATE SCHEMA z", "CREATE SCHEMA", "DDL"),
    ("", "ALTER TABLE t ADD COLUMN a int", "ALTER TABLE", "DDL"),
    ("", "DROP VIEW v", "DROP VIEW", "DDL"),
    ("", "TRUNCATE TABLE t", "TRUNCATE", "DDL"),
    ("postgres", "COMMENT ON TABLE t IS 'x'", "COMMENT", "DDL"),
    ("", "GRANT SELECT ON t TO anna", "GRANT", "DCL"),
    ("", "REVOKE SELECT ON t FROM anna", "REVOKE", "DCL"),
    ("tsql", "DENY SELECT ON t TO anna", "DENY", "DCL"),
    ("postgres", "BEGIN", "BEGIN", "TCL"),
    ("postgres", "COMMIT", "COMMIT", "TCL"),
    ("postgres", "ROLLBACK", "ROLLBACK", "TCL"),
    ("postgres", "SAVEPOINT x", "SAVEPOINT", "TCL"),
    ("postgres", "SET search_path = x", "SET", "OTHER"),
    ("snowflake", "USE SCHEMA x", "USE", "OTHER"),
    ("mysql", "SHOW TABLES", "SHOW", "OTHER"),
    ("postgres", "VACUUM t", "VACUUM", "OTHER"),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "sql", "kind", "category"), KINDS, ids=[it[1] for it in KINDS])
def test_a_statement_has_a_kind_and_a_category(dialect: str, sql: str, kind: str, category: str) -> None:
    result = lineage(sql, dialect)
    statement = only(result)
    assert (statement.kind, statement.category) == (kind, Category(category))
    assert not result.unread


# --- access, keys, properties, joins ---------------------------------------------------------------------------------

ACCESS: list[tuple[str, str, set[Access]]] = [
    ("", "GRANT SELECT, INSERT ON s.t TO anna", {Access("anna", "SELECT", "s.t", True), Access("anna", "INSERT", "s.t", True)}),
    ("postgres", "GRANT SELECT ON t TO anna, otto", {Access("anna", "SELECT", "t", True), Access("otto", "SELECT", "t", True)}),
    ("", "REVOKE UPDATE ON t FROM anna", {Access("anna", "UPDATE", "t", False)}),
    ("postgres", "GRANT ALL PRIVILEGES ON t TO anna WITH GRANT OPTION", {Access("anna", "ALL PRIVILEGES", "t", True)}),
    ("snowflake", "GRANT SELECT ON TABLE t TO ROLE reader", {Access("reader", "SELECT", "t", True)}),
    ("tsql", "GRANT SELECT ON OBJECT::dbo.t TO anna", {Access("anna", "SELECT", "dbo.t", True)}),
    ("postgres", "GRANT USAGE ON SCHEMA shop TO anna", {Access("anna", "USAGE", "shop", True)}),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "sql", "expected"), ACCESS, ids=[it[1] for it in ACCESS])
def test_grants_and_revokes_are_access(dialect: str, sql: str, expected: set[Access]) -> None:
    assert set(only(lineage(sql, dialect)).access) == expected


T, S = Table(("t",)), Table(("s",))
KEYS: list[tuple[str, str, list[Key]]] = [
    ("", "CREATE TABLE t (a int PRIMARY KEY, b int)", [Key(T, "PRIMARY", ("a",))]),
    ("", "CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))", [Key(T, "PRIMARY", ("a", "b"))]),
    ("", "CREATE TABLE t (a int UNIQUE)", [Key(T, "UNIQUE", ("a",))]),
    ("", "CREATE TABLE t (a int, b int, CONSTRAINT n UNIQUE (a, b))", [Key(T, "UNIQUE", ("a", "b"))]),
    ("", "CREATE TABLE t (a int REFERENCES s (k))", [Key(T, "FOREIGN", ("a",), S, ("k",))]),
    ("postgres", "CREATE TABLE t (a int REFERENCES s)", [Key(T, "FOREIGN", ("a",), S)]),
    ("", "CREATE TABLE t (a int, b int, FOREIGN KEY (a, b) REFERENCES s (k, l))", [Key(T, "FOREIGN", ("a", "b"), S, ("k", "l"))]),
    ("", "ALTER TABLE t ADD CONSTRAINT n FOREIGN KEY (a) REFERENCES s (k)", [Key(T, "FOREIGN", ("a",), S, ("k",))]),
    ("postgres", "ALTER TABLE t ADD PRIMARY KEY (a)", [Key(T, "PRIMARY", ("a",))]),
    ("tsql", "CREATE TABLE t (a int, CONSTRAINT n PRIMARY KEY CLUSTERED (a ASC))", [Key(T, "PRIMARY", ("a",))]),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "sql", "expected"), KEYS, ids=[it[1] for it in KEYS])
def test_constraints_are_keys(dialect: str, sql: str, expected: list[Key]) -> None:
    assert list(only(lineage(sql, dialect)).keys) == expected


PROPERTIES: list[tuple[str, str, str, str]] = [
    ("hive", "CREATE TABLE t (a int) STORED AS PARQUET", "format", "parquet"),
    ("spark", "CREATE TABLE t (a int) USING delta", "format", "delta"),
    ("hive", "CREATE EXTERNAL TABLE t (a int) LOCATION 's3://b/p'", "location", "s3://b/p"),
    ("hive", "CREATE TABLE t (a int) PARTITIONED BY (d string)", "partitioned_by", "d"),
    ("bigquery", "CREATE TABLE t (a int64, d date) PARTITION BY d", "partitioned_by", "d"),
    ("hive", "CREATE TABLE t (a int) CLUSTERED BY (a) INTO 4 BUCKETS", "clustered_by", "a"),
    ("snowflake", "CREATE TABLE t (a int, b int) CLUSTER BY (a, b)", "clustered_by", "a, b"),
    ("redshift", "CREATE TABLE t (a int) SORTKEY (a)", "sorted_by", "a"),
    ("hive", "CREATE TABLE t (a int) TBLPROPERTIES ('parquet.compression' = 'SNAPPY')", "compression", "snappy"),
    ("postgres", "CREATE INDEX i ON t (a, b)", "index", "a, b"),
    ("postgres", "CREATE TABLE t (a int NOT NULL)", "not_null", "a"),
    ("postgres", "CREATE TABLE t (a int CHECK (a > 0))", "check", "a > 0"),
    ("postgres", "CREATE TABLE t (a int DEFAULT 7)", "default", "a: 7"),
    ("mysql", "CREATE TABLE t (a int) ENGINE = InnoDB", "engine", "innodb"),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "sql", "name", "value"), PROPERTIES, ids=[it[1] for it in PROPERTIES])
def test_how_a_table_is_kept_are_properties(dialect: str, sql: str, name: str, value: str) -> None:
    found = [Property(it.table, it.name, it.value.lower()) for it in only(lineage(sql, dialect)).properties]
    assert Property(T, name, value) in found


JOINS: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("", "SELECT 1 FROM s JOIN u ON s.a = u.k", [("s.a", "u.k")]),
    ("", "SELECT 1 FROM s, u WHERE u.k = s.a AND s.b > u.x", [("s.a", "u.k")]),
    ("", "SELECT 1 FROM s JOIN u ON s.a = u.k AND s.b = u.x", [("s.a", "u.k"), ("s.b", "u.x")]),
    ("postgres", "SELECT 1 FROM u JOIN w USING (k)", [("u.k", "w.k")]),
    ("postgres", "SELECT 1 FROM u NATURAL JOIN w", [("u.k", "w.k")]),
    ("", "WITH c AS (SELECT a AS z FROM s) SELECT 1 FROM c JOIN u ON c.z = u.k", [("s.a", "u.k")]),
    ("", "SELECT 1 FROM s WHERE EXISTS (SELECT 1 FROM u WHERE u.k = s.a)", [("s.a", "u.k")]),
    ("", "SELECT 1 FROM s JOIN u ON s.a = u.k OR s.b = 1", []),
    ("", "SELECT 1 FROM s JOIN u ON s.a > u.k", []),
    ("", "SELECT 1 FROM s JOIN u ON s.a = u.k + 1", []),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "sql", "expected"), JOINS, ids=[it[1] for it in JOINS])
def test_columns_that_joins_compare_are_evidence(dialect: str, sql: str, expected: list[tuple[str, str]]) -> None:
    def pair(it: Join) -> tuple[str, str]:
        one, two = sorted((f"{it.left.name}.{it.left_column}", f"{it.right.name}.{it.right_column}"))
        return one, two

    assert sorted(pair(it) for it in only(lineage(sql, dialect, SCHEMA)).joins) == expected


# --- scripts ---------------------------------------------------------------------------------------------------------

SCRIPTS: list[tuple[str, str, str, str, str]] = [
    ("a temporary table", "tsql", "SELECT a AS x INTO #t FROM s WHERE b = 1; INSERT INTO t (y) SELECT SUM(x) FROM #t", "s.a > #t.x; #t.x > t.y", "s.a > t.y"),
    ("CREATE TEMP TABLE", "postgres", "CREATE TEMP TABLE z AS SELECT a FROM s; INSERT INTO t (y) SELECT a FROM z", "s.a > z.a; z.a > t.y", "s.a > t.y"),
    ("filled twice", "postgres", "CREATE TEMP TABLE z (a int); INSERT INTO z SELECT a FROM s; INSERT INTO z SELECT k FROM u; INSERT INTO t (y) SELECT a FROM z", "s.a > z.a; u.k > z.a; z.a > t.y", "s.a > t.y; u.k > t.y"),
    ("one made of another", "tsql", "SELECT a INTO #m FROM s; SELECT a AS b INTO #n FROM #m; INSERT INTO t (y) SELECT b FROM #n", "s.a > #m.a; #m.a > #n.b; #n.b > t.y", "s.a > t.y"),
    ("emptied in between", "tsql", "SELECT a INTO #m FROM s; TRUNCATE TABLE #m; INSERT INTO #m (a) SELECT k FROM u; INSERT INTO t (y) SELECT a FROM #m", "s.a > #m.a; u.k > #m.a; #m.a > t.y", "u.k > t.y"),
    ("made anew", "postgres", "CREATE TEMP TABLE z AS SELECT a FROM s; DROP TABLE z; CREATE TEMP TABLE z AS SELECT k AS a FROM u; INSERT INTO t (y) SELECT a FROM z", "s.a > z.a; u.k > z.a; z.a > t.y", "u.k > t.y"),
    ("a temporary table hides a lasting one until it is dropped", "postgres", "CREATE TEMP TABLE s AS SELECT k AS a FROM u; INSERT INTO t (x) SELECT a FROM s; DROP TABLE s; INSERT INTO t (y) SELECT a FROM s", "u.k > s.a; s.a > t.x; s.a > t.y", "u.k > t.x; s.a > t.y"),
    ("its name in any case", "tsql", "SELECT a INTO #Recent FROM s; INSERT INTO t (y) SELECT A FROM #RECENT", "s.a > #recent.a; #recent.a > t.y", "s.a > t.y"),
    ("a star of it", "postgres", "CREATE TEMP TABLE z AS SELECT a, b AS c FROM s; INSERT INTO t SELECT * FROM z", "s.a > z.a; s.b > z.c; z.a > t.a; z.c > t.c", "s.a > t.a; s.b > t.c"),
    ("a star of one without a schema", "postgres", "CREATE TEMP TABLE z AS SELECT * FROM s; INSERT INTO t (y) SELECT a FROM z", "z.a > t.y", "s.a > t.y"),
    ("a table variable", "tsql", "DECLARE @v TABLE (a int, b int); INSERT INTO @v SELECT m, n FROM s; INSERT INTO t (y) SELECT b FROM @v", "s.m > @v.a; s.n > @v.b; @v.b > t.y", "s.n > t.y"),
    ("a volatile table", "teradata", "CREATE VOLATILE TABLE z AS (SELECT a FROM s) WITH DATA; INSERT INTO t (y) SELECT a FROM z", "s.a > z.a; z.a > t.y", "s.a > t.y"),
    ("a lasting table stays a step", "", "CREATE TABLE z AS SELECT a FROM s; INSERT INTO t (y) SELECT a FROM z", "s.a > z.a; z.a > t.y", "s.a > z.a; z.a > t.y"),
    ("on one way of an IF", "tsql", "CREATE TABLE #m (a int) IF @p = 1 INSERT INTO #m SELECT a FROM s ELSE INSERT INTO #m SELECT k FROM u INSERT INTO t (y) SELECT a FROM #m", "s.a > #m.a; u.k > #m.a; #m.a > t.y", "s.a > t.y; u.k > t.y"),
    ("a variable", "tsql", "DECLARE @m int; SELECT @m = MAX(a) FROM s; INSERT INTO t (x) VALUES (@m)", "s.a > t.x", "s.a > t.x"),
    ("a variable that is set anew", "tsql", "DECLARE @m int; SELECT @m = a FROM s; SET @m = (SELECT MAX(k) FROM u); INSERT INTO t (x) VALUES (@m)", "u.k > t.x", "u.k > t.x"),
    ("SELECT INTO a variable", "oracle", "DECLARE v NUMBER; BEGIN SELECT MAX(a) INTO v FROM s; INSERT INTO t (x) VALUES (v + 1); END;", "s.a > t.x", "s.a > t.x"),
    ("a variable of BigQuery", "bigquery", "DECLARE v INT64; SET v = (SELECT MAX(a) FROM s); INSERT INTO t (x) SELECT v", "s.a > t.x", "s.a > t.x"),
    ("a cursor", "tsql", "DECLARE @p int; DECLARE c CURSOR FOR SELECT a, b FROM s; OPEN c; FETCH NEXT FROM c INTO @p, @q; INSERT INTO t (x) VALUES (@q)", "s.b > t.x", "s.b > t.x"),
    ("a cursor's loop", "oracle", "BEGIN FOR r IN (SELECT a AS m FROM s) LOOP INSERT INTO t (x) VALUES (r.m); END LOOP; END;", "s.a > t.x", "s.a > t.x"),
    ("PL/pgSQL's loop", "postgres", "DO $$ DECLARE r record; BEGIN FOR r IN SELECT a FROM s LOOP UPDATE t SET x = r.a; END LOOP; END $$", "s.a > t.x", "s.a > t.x"),
    ("a loop's variable reaches the next turn", "tsql", "DECLARE @m int, @n int; WHILE @i < 9 BEGIN INSERT INTO t (x) VALUES (@n); SET @n = @m; SELECT @m = a FROM s END", "s.a > t.x", "s.a > t.x"),
    ("dynamic SQL", "tsql", "DECLARE @n varchar(9) = 's'; EXEC('INSERT INTO t (x) SELECT a FROM ' + @n)", "s.a > t.x", "s.a > t.x"),
    ("EXECUTE IMMEDIATE", "snowflake", "EXECUTE IMMEDIATE 'INSERT INTO t (x) SELECT a FROM s'", "s.a > t.x", "s.a > t.x"),
    ("a call fills what the caller made", "tsql", "CREATE PROC p AS INSERT INTO #m (a) SELECT a FROM s\nGO\nCREATE TABLE #m (a int) EXEC p INSERT INTO t (y) SELECT a FROM #m", "s.a > #m.a; #m.a > t.y", "s.a > t.y"),
    ("an argument", "mysql", "CREATE PROCEDURE p(v INT) INSERT INTO t (x) VALUES (v); SELECT MAX(a) INTO @m FROM s; CALL p(@m)", "s.a > t.x", "s.a > t.x"),
    ("a procedure's result", "tsql", "CREATE PROC p AS SELECT a FROM s\nGO\nINSERT INTO t (x) EXEC p", "s.a > t.x", "s.a > t.x"),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "dialect", "sql", "hops", "collapsed"), SCRIPTS, ids=[it[0] for it in SCRIPTS])
def test_statements_share_what_the_script_made(promise: str, dialect: str, sql: str, hops: str, collapsed: str) -> None:
    result = lineage(sql, dialect)
    assert not result.unread, result.unread
    assert sorted(projected(result)) == listed(hops)
    assert sorted(projected(result, TEMP_COLLAPSED)) == listed(collapsed)


def test_a_statement_that_only_fills_a_temporary_table_has_nothing_lasting() -> None:
    first, second = lineage("SELECT a INTO #m FROM s; INSERT INTO t SELECT a FROM #m", "tsql").statements
    assert (first.lasting.inputs, first.lasting.outputs, first.lasting.edges) == ((), (), ())
    assert (names(second.lasting.inputs), names(second.lasting.outputs)) == (["s"], ["t"])
    assert (names(second.hop.inputs), names(second.hop.outputs)) == (["#m"], ["t"])


def test_what_decided_over_a_temporary_table_decides_over_what_is_made_of_it() -> None:
    result = lineage("SELECT a INTO #m FROM s WHERE b = 1; INSERT INTO t (x) SELECT a FROM #m", "tsql")
    assert edges_of(result.statements, lasting=True) == ["s.a > t.x", "s.b > t FILTER"]


def test_temporary_tables_are_told_from_lasting_ones_of_the_same_name() -> None:
    result = lineage("CREATE TEMP TABLE z AS SELECT a FROM s; SELECT a FROM z; SELECT a FROM shop.z", "postgres")
    assert result.temporary == {Table(("z",), True)}
    assert result.statements[2].hop.inputs == (Table(("shop", "z")),)


def test_dynamic_text_that_can_not_be_known_is_unread_at_its_place() -> None:
    result = lineage("DECLARE @q varchar(99);\nSELECT @q = body FROM queries;\n  EXEC(@q);", "tsql")
    (unread,) = result.unread
    assert unread.place.line == 3


# --- transactions ----------------------------------------------------------------------------------------------------

ROLLED_BACK: list[tuple[str, str, str, str]] = [
    ("a rollback undoes", "postgres", "BEGIN; INSERT INTO t SELECT a FROM s; ROLLBACK; INSERT INTO v SELECT a FROM s", "v"),
    ("a commit lasts", "postgres", "BEGIN; INSERT INTO t SELECT a FROM s; COMMIT; ROLLBACK", "t"),
    ("back to a savepoint", "postgres", "BEGIN; INSERT INTO t SELECT a FROM s; SAVEPOINT p; INSERT INTO v SELECT a FROM s; ROLLBACK TO p; COMMIT", "t"),
    ("a rollback in a handler may not run", "tsql", "BEGIN TRY BEGIN TRAN INSERT INTO t SELECT a FROM s COMMIT END TRY BEGIN CATCH ROLLBACK END CATCH", "t"),
    ("a rollback under an IF may not run", "tsql", "BEGIN TRAN INSERT INTO t SELECT a FROM s IF @e > 0 ROLLBACK ELSE COMMIT", "t"),
    ("T-SQL commits each statement by itself", "tsql", "INSERT INTO t SELECT a FROM s; BEGIN TRAN; INSERT INTO v SELECT a FROM s; ROLLBACK", "t"),
    ("MySQL commits before it defines", "mysql", "START TRANSACTION; INSERT INTO t SELECT a FROM s; CREATE TABLE v (a int); ROLLBACK", "t v"),
    ("Oracle is always in a transaction", "oracle", "INSERT INTO t (x) SELECT a FROM s; ROLLBACK", ""),
    ("Postgres is not", "postgres", "INSERT INTO t (x) SELECT a FROM s; ROLLBACK", "t"),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "dialect", "sql", "outputs"), ROLLED_BACK, ids=[it[0] for it in ROLLED_BACK])
def test_what_is_surely_undone_counts_nowhere(promise: str, dialect: str, sql: str, outputs: str) -> None:
    result = lineage(sql, dialect)
    assert list(project(result).outputs) == outputs.split()
    undone = {table.name for it in result.statements if it.rolled_back for table in it.hop.outputs}
    assert not undone & set(outputs.split())


# --- routines --------------------------------------------------------------------------------------------------------


def test_a_procedure_is_a_job_whose_statements_are_its_steps() -> None:
    sql = "CREATE PROC dbo.Load AS SELECT a INTO #m FROM s INSERT INTO t (x) SELECT a FROM #m EXEC dbo.Other\nGO\nSELECT 1 AS one"
    result = lineage(sql, "tsql")
    (routine,) = result.routines
    assert (routine.name, routine.place, routine.calls) == ("dbo.load", Place(1, 1), ("dbo.other",))
    steps = [statement for statement in result.statements if statement.routine == "dbo.load"]
    assert [step.kind for step in steps][:2] == ["SELECT INTO", "INSERT"]
    assert [it.kind for it in result.statements if it.routine is None] == ["SELECT"]


def test_creating_a_procedure_reads_and_writes_nothing_by_itself() -> None:
    result = lineage("CREATE PROCEDURE p() BEGIN INSERT INTO t SELECT a FROM s; END", "mysql")
    assert all(it.routine for it in result.statements if it.hop.inputs or it.hop.outputs)


def test_a_trigger_reads_the_row_of_its_table() -> None:
    result = lineage("CREATE TRIGGER g ON t AFTER INSERT AS INSERT INTO log (x) SELECT a FROM inserted", "tsql")
    assert [routine.name for routine in result.routines] == ["g"]
    assert projected(result) == ["t.a > log.x"]


def test_a_body_in_another_language_is_told_without_steps() -> None:
    result = lineage("CREATE FUNCTION f() RETURNS int AS $$ return 1 $$ LANGUAGE plpython3u", "postgres")
    assert [routine.name for routine in result.routines] == ["f"]
    assert not any(it.hop.inputs or it.hop.outputs for it in result.statements)


# --- what is not understood ------------------------------------------------------------------------------------------


def test_what_is_not_understood_is_told_by_line_and_column_and_the_rest_counts() -> None:
    result = lineage(
        "INSERT INTO t (x) SELECT a FROM s;\n\n   FROBNICATE all the things;\nINSERT INTO v (y) SELECT k FROM u",
        "postgres",
    )
    (unread,) = result.unread
    assert unread.place.line == 3
    assert unread.place.column in (4, 15, 19, 23), "where a word begins"
    assert unread.reason and "FROBNICATE" in unread.text
    assert projected(result) == ["s.a > t.x", "u.k > v.y"]


def test_every_statement_has_its_place_and_text() -> None:
    result = lineage("SELECT 1 AS a;\n  SELECT 2 AS b;", "postgres")
    assert [(it.place, it.text) for it in result.statements] == [
        (Place(1, 1), "SELECT 1 AS a"),
        (Place(2, 3), "SELECT 2 AS b"),
    ]


@pytest.mark.parametrize("sql", ["FROBNICATE", "FROBNICATE all", "a + b * c", "t.x"])
def test_words_that_are_no_statement_are_unread(sql: str) -> None:
    result = lineage(sql, "postgres")
    assert [it.place for it in result.unread] == [Place(1, 1)]


@pytest.mark.parametrize("sql", ["", " ", ";;", "-- nothing", "/* nothing */", "\n\n"])
def test_no_text_has_no_statements(sql: str) -> None:
    result = lineage(sql)
    assert (result.statements, result.unread, result.routines) == ((), (), ())


def test_an_unknown_dialect_is_the_only_error() -> None:
    with pytest.raises(InvalidInput):
        lineage("SELECT 1", "klingon")


# --- names -----------------------------------------------------------------------------------------------------------

NAMED: list[tuple[str, str, str, str | None, str | None, str, str]] = [
    ("both defaults", "", "INSERT INTO t SELECT a FROM s", "db", "sc", "db.sc.s", "db.sc.t"),
    ("a schema is completed by the database", "", "INSERT INTO x.t SELECT a FROM y.s", "db", "sc", "db.y.s", "db.x.t"),
    ("a whole name stays", "", "INSERT INTO p.x.t SELECT a FROM q.y.s", "db", "sc", "q.y.s", "p.x.t"),
    ("no database without a default", "", "INSERT INTO t SELECT a FROM s", None, "sc", "sc.s", "sc.t"),
    ("a CTE has none", "", "WITH c AS (SELECT a FROM s) INSERT INTO t SELECT a FROM c", "db", "sc", "db.sc.s", "db.sc.t"),
    ("a stage has none", "snowflake", "INSERT INTO t SELECT $1 AS a FROM @x", "db", "sc", "@x", "db.sc.t"),
    ("lower case", "", "INSERT INTO T SELECT A FROM Shop.S", "DB", "SC", "db.shop.s", "db.sc.t"),
    ("quotes", "postgres", 'INSERT INTO "T" SELECT a FROM "Shop"."S"', None, None, "shop.s", "t"),
    ("brackets", "tsql", "INSERT INTO [dbo].[t] SELECT a FROM [My Table]", None, None, "my table", "dbo.t"),
    ("backticks around the whole name", "bigquery", "INSERT INTO `p.d.t` SELECT a FROM `p`.d.s", None, None, "p.d.s", "p.d.t"),
    ("the two dots of T-SQL", "tsql", "INSERT INTO db..t SELECT a FROM s", None, None, "s", "db.dbo.t"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("promise", "dialect", "sql", "db", "schema", "source", "target"), NAMED, ids=[it[0] for it in NAMED]
)
def test_names_are_lower_case_and_completed(
    promise: str, dialect: str, sql: str, db: str | None, schema: str | None, source: str, target: str
) -> None:
    told = project(lineage(sql, dialect, default_db=db, default_schema=schema))
    assert (told.inputs, told.outputs) == ((source,), (target,))
    assert [(edge.source, edge.target) for edge in told.edges] == [(source, target)]


def test_temporary_names_are_not_completed() -> None:
    result = lineage("SELECT a INTO #m FROM s", "tsql", default_db="db", default_schema="dbo")
    assert (names(result.statements[0].hop.inputs), names(result.statements[0].hop.outputs)) == (["db.dbo.s"], ["#m"])


def test_the_spelling_of_the_text_is_kept() -> None:
    result = lineage("SELECT Amount FROM Shop.Orders", "postgres")
    assert [result.spelling(it) for it in ("shop", "orders", "amount", "never_seen")] == [
        "Shop",
        "Orders",
        "Amount",
        "never_seen",
    ]


def test_a_schema_may_be_in_any_case_and_longer_or_shorter_than_the_names_of_the_text() -> None:
    schemas: list[dict[str, dict[str, str]]] = [{"S": {"A": "INT"}}, {"Shop.S": {"a": ""}}, {"db.SHOP.s": {"a": ""}}]
    for known in schemas:
        assert projected(lineage("INSERT INTO T SELECT * FROM Shop.S", schema=known)) == ["shop.s.a > t.a"]
    assert projected(lineage("INSERT INTO t SELECT * FROM S", schema={"db.shop.s": {"a": ""}})) == ["s.a > t.a"]


def test_names_are_compared_without_case() -> None:
    result = lineage('WITH C AS (SELECT A AS "Total" FROM S) INSERT INTO t (x) SELECT c.TOTAL FROM c', "postgres")
    assert projected(result) == ["s.a > t.x"]


# --- conventions -----------------------------------------------------------------------------------------------------


def test_own_target_makes_the_target_of_a_change_an_input() -> None:
    own = replace(HOPS, own_target=True)
    for sql in ("UPDATE t SET x = 1", "DELETE FROM t", "MERGE INTO t USING t2 ON t.a = t2.a WHEN MATCHED THEN DELETE"):
        assert "t" in project(lineage(sql), own).inputs
        assert "t" not in project(lineage(sql)).inputs
    assert project(lineage("INSERT INTO t (x) VALUES (1)"), own).inputs == ()


def test_without_definitions_what_only_defines_names_no_output() -> None:
    bare = replace(HOPS, definitions=False)
    for sql in ("DROP TABLE t", "ALTER TABLE t ADD COLUMN a int", "TRUNCATE TABLE t", "DELETE FROM t"):
        assert project(lineage(sql)).outputs == ("t",)
        assert project(lineage(sql), bare).outputs == ()


def test_a_bare_select_answers_columns_to_the_result_set() -> None:
    result = lineage("SELECT a, b AS c FROM s")
    assert projected(result) == ["s.a > .a", "s.b > .c"]
    assert projected(result, replace(HOPS, result_columns=False)) == []


def test_a_column_without_a_name_goes_by_number_or_text() -> None:
    result = lineage("CREATE TABLE t AS SELECT a + 1, b, c * 2 FROM s")
    assert projected(result) == ["s.a > t._0", "s.b > t.b", "s.c > t._1"]
    assert projected(result, replace(HOPS, unnamed_by_text=True)) == ["s.a > t.a + 1", "s.b > t.b", "s.c > t.c * 2"]


def test_stars_and_open_sources_are_edges_only_where_they_are_asked_for() -> None:
    star, open_ = lineage("INSERT INTO t SELECT * FROM s"), lineage("INSERT INTO t (x) SELECT a FROM s CROSS JOIN u")
    assert (projected(star), projected(open_)) == ([], [])
    assert projected(star, replace(HOPS, stars=True)) == ["s.* > t.*"]
    assert projected(open_, replace(HOPS, open_sources=True)) == ["?.a > t.x"]


def test_end_to_end_leads_through_lasting_tables_too() -> None:
    told = project(lineage("CREATE TABLE m AS SELECT a FROM s; INSERT INTO t (x) SELECT a FROM m"), END_TO_END)
    assert (told.inputs, told.outputs) == (("s",), ("t",))
    assert [tuple(edge) for edge in told.edges] == [("s", "a", "t", "x")]


# --- explanations ----------------------------------------------------------------------------------------------------


def test_an_explained_edge_has_its_expression_and_place() -> None:
    sql = "INSERT INTO t (x)\nSELECT\n  SUM(a) AS m\nFROM s"
    (edge,) = only(lineage(sql, explain=True)).hop.edges
    assert (edge.expression, edge.place) == ("SUM(a)", Place(3, 3))
    (plain,) = only(lineage(sql)).hop.edges
    assert (plain.expression, plain.place) == ("", None)

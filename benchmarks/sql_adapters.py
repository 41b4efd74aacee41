"""Asks one SQL lineage parser about many statements: `python sql_adapters.py PEER SECONDS < records > answers`.

Runs in the peer's own environment, so it imports nothing of Andon's. A line of the input is a record with `sql`,
`dialect` (sqlglot's name), `upstream_dialect`, `schemas`, `default_db`, `default_schema` and `convention`; a line of
the output is `{"inputs": [...], "outputs": [...], "edges": [[table, column, table, column], ...], "seconds": CPU}`, or
`{"error": ...}` when the peer raised, reported an error or did not end within SECONDS.

Conventions are no matter of being right, so a peer that looks at single statements is helped to that of the record:
`hops` is the union of its statements; `end_to_end` leaves out what the script itself made, and joins the column
edges over it. `hops_temp_collapsed` is asked of the peer itself where it has a notion of temporary tables.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Record = dict[str, Any]
Edge = tuple[str, str, str, str]
Hop = tuple[set[str], set[str], set[Edge]]
"""Inputs, outputs and column edges of a statement or script."""


class TooLong(Exception):
    """The peer did not end in time."""


def united(hops: Iterable[Hop]) -> Hop:
    inputs: set[str] = set()
    outputs: set[str] = set()
    edges: set[Edge] = set()
    for more in hops:
        inputs, outputs, edges = inputs | more[0], outputs | more[1], edges | more[2]
    return inputs, outputs, edges


def end_to_end(hop: Hop) -> Hop:
    """Without the tables that are both read and written; edges lead from what is only read to what is only written."""
    inputs, outputs, edges = hop
    between = inputs & outputs
    if not between:
        return hop
    into: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for source, source_column, target, target_column in edges:
        into.setdefault((target, target_column), set()).add((source, source_column))

    def origins(node: tuple[str, str], seen: frozenset[tuple[str, str]]) -> set[tuple[str, str]]:
        if node[0] not in between or node in seen:
            return {node} if node[0] not in between else set()
        return {origin for earlier in into.get(node, ()) for origin in origins(earlier, seen | {node})}

    joined = {
        (*origin, target, target_column)
        for source, source_column, target, target_column in edges
        if target not in between
        for origin in origins((source, source_column), frozenset())
    }
    return inputs - between, outputs - between, joined


def projected(hops: list[Hop], convention: str) -> Hop:
    hop = united(hops)
    return end_to_end(hop) if convention == "end_to_end" and len(hops) > 1 else hop


_SQLFLUFF = {"": "ansi", "spark": "sparksql", "presto": "trino", "dremio": "ansi"}


def _runner_tables(tables: Iterable[Any]) -> set[str]:
    return {str(table).replace("<default>.", "") for table in tables}


def _runner_hop(runner: Any, convention: str, paths: Iterable[tuple[Any, ...]]) -> Hop:
    """`paths` of columns lead over the script's intermediate tables, which the runner leaves out of its tables."""
    between = _runner_tables(runner.intermediate_tables) if convention == "hops" else set()
    edges: set[Edge] = set()
    for path in paths:
        steps = [path[0], path[-1]]
        if convention == "hops":
            steps = [it for it in path if it in (path[0], path[-1]) or _runner_column(it)[0] in between]
        for source, target in zip(steps, steps[1:], strict=False):
            edges.add((*_runner_column(source), *_runner_column(target)))
    return _runner_tables(runner.source_tables) | between, _runner_tables(runner.target_tables) | between, edges


def _runner_column(column: Any) -> tuple[str, str]:
    return ("" if column.parent is None else str(column.parent).replace("<default>.", "")), column.raw_name


def sqllineage(record: Record, parser: str = "") -> Hop:
    from sqllineage.config import SQLLineageConfig
    from sqllineage.core.metadata.dummy import DummyMetaDataProvider
    from sqllineage.runner import LineageRunner

    dialect = record["dialect"] if record["corpus"] != "sqllineage" else record["upstream_dialect"]
    columns = {
        (table if "." in table else f"<default>.{table}"): list(known) for table, known in record["schemas"].items()
    }
    runner = LineageRunner(
        record["sql"],
        dialect=parser or _SQLFLUFF.get(dialect, dialect),
        metadata_provider=DummyMetaDataProvider(columns),
        silent_mode=True,  # what it does not support is left out, not an error
    )
    with SQLLineageConfig(TSQL_NO_SEMICOLON=dialect == "tsql"):
        return _runner_hop(runner, record["convention"], runner.get_column_lineage())


def sqllineage_sqlparse(record: Record) -> Hop:
    return sqllineage(record, "non-validating")


def collate(record: Record) -> Hop:
    from collate_sqllineage.core.parser.sqlglot.analyzer import SqlGlotLineageAnalyzer
    from collate_sqllineage.runner import LineageRunner

    dialect = _SQLFLUFF.get(record["dialect"], record["dialect"])
    runner = LineageRunner(record["sql"], dialect=dialect, analyzer=SqlGlotLineageAnalyzer)
    return _runner_hop(runner, record["convention"], runner.get_column_lineage())


_SQLPARSER = {"": "ansi", "tsql": "mssql"}


def openlineage(record: Record) -> Hop:
    from openlineage_sql import parse

    dialect = _SQLPARSER.get(record["dialect"], record["dialect"])

    def ask(sql: str) -> Hop:
        found = parse([sql], dialect=dialect)
        if found.errors:
            raise ValueError(found.errors[0].message)
        inputs = {table.qualified_name for table in found.in_tables}
        outputs = {table.qualified_name for table in found.out_tables}
        target = next(iter(outputs)) if len(outputs) == 1 else ""
        edges = {
            (source.origin.qualified_name if source.origin else "", source.name, target, column.descendant.name)
            for column in found.column_lineage
            for source in column.lineage
        }
        return inputs, outputs, edges

    hop = ask(record["sql"])
    if len(hop[1]) < 2 or not hop[2]:
        return hop
    return (
        hop[0],
        hop[1],
        united(_each(ask, _parts(record["sql"])))[2],
    )  # its columns do not say of which table


_PLATFORM = {"": "postgres", "tsql": "mssql"}


def datahub(record: Record) -> Hop:
    import datahub.sql_parsing.sqlglot_lineage as parser
    from datahub.ingestion.source.sql.stored_procedures.lineage import parse_procedure_code
    from datahub.sql_parsing.schema_resolver import SchemaResolver
    from datahub.sql_parsing.split_statements import split_statements
    from datahub.sql_parsing.sql_parsing_common import get_dialect_str

    platform = _PLATFORM.get(record["dialect"], record["dialect"])
    default_db, default_schema = record["default_db"], record["default_schema"]
    resolver = SchemaResolver(platform=platform)
    for table, columns in record["schemas"].items():
        name = _qualified(table, default_db, default_schema)
        resolver.add_raw_schema_info(
            f"urn:li:dataset:(urn:li:dataPlatform:{platform},{name},PROD)",
            {column: kind or "VARCHAR" for column, kind in columns.items()},
        )

    def single(sql: str) -> Hop:
        found = parser.sqlglot_lineage(
            sql,
            schema_resolver=resolver,
            default_db=default_db,
            default_schema=default_schema,
            override_dialect="" if record["dialect"] == "" else None,
        )
        if found.debug_info.table_error:
            raise found.debug_info.table_error
        edges = {
            (
                _of_urn(source.table),
                source.column,
                _of_urn(column.downstream.table) if column.downstream.table else "",
                column.downstream.column,
            )
            for column in found.column_lineage or ()
            for source in column.upstreams
        }
        return set(map(_of_urn, found.in_tables)), set(map(_of_urn, found.out_tables)), edges

    statements = [sql for sql in split_statements(record["sql"], dialect=get_dialect_str(platform)) if sql.strip()]
    if len(statements) == 1:
        return single(record["sql"])
    if record["convention"] != "hops_temp_collapsed":
        return projected(_each(single, statements), record["convention"])
    if record["corpus"] in ("procedures", "datahub_procedures"):
        found = parse_procedure_code(
            schema_resolver=resolver,
            default_db=default_db,
            default_schema=default_schema,
            code=record["sql"],
            is_temp_table=lambda name: name.rpartition(".")[2].startswith("#"),
        )
        return (set(), set(), set()) if found is None else _of_job(found)
    whole = parser.create_lineage_from_sql_statements(
        record["sql"], default_db, platform, None, "PROD", default_schema, schema_aware=False
    )
    if whole.debug_info.table_error:
        raise whole.debug_info.table_error
    edges = {
        (_of_urn(source.table), source.column, _of_urn(column.downstream.table), column.downstream.column)
        for column in whole.column_lineage or ()
        if column.downstream.table
        for source in column.upstreams
    }
    return set(map(_of_urn, whole.in_tables)), set(map(_of_urn, whole.out_tables)), edges


def _of_job(found: Any) -> Hop:
    """A job's inputs, outputs and fine-grained lineage, all by urn."""
    edges = {
        (*_of_field(source), *_of_field(target))
        for flow in found.fineGrainedLineages or ()
        for source in flow.upstreams or ()
        for target in flow.downstreams or ()
    }
    return set(map(_of_urn, found.inputDatasets)), set(map(_of_urn, found.outputDatasets)), edges


def _of_field(urn: str) -> tuple[str, str]:
    """`urn:li:schemaField:(DATASET,column)`"""
    dataset, _, column = urn.removeprefix("urn:li:schemaField:(").removesuffix(")").rpartition(",")
    return _of_urn(dataset), column


def _of_urn(urn: str) -> str:
    """`urn:li:dataset:(urn:li:dataPlatform:PLATFORM,NAME,PROD)`"""
    return urn.split(",", 1)[1].rpartition(",")[0]


def _qualified(table: str, default_db: str | None, default_schema: str | None) -> str:
    parts = table.split(".")
    missing = {1: [default_db, default_schema], 2: [default_db]}.get(len(parts), [])
    return ".".join([*(part for part in missing if part), *parts])


def _each(ask: Callable[[str], Hop], statements: Iterable[str]) -> list[Hop]:
    """What it says of each that it can read; it raises what it raised where it can read none."""
    hops, failure = [], None
    for sql in statements:
        try:
            hops.append(ask(sql))
        except TooLong:
            raise
        except Exception as error:
            failure = error
    if failure and not hops:
        raise failure
    return hops


def sqlglot_lineage(record: Record) -> Hop:
    import sqlglot

    schema: dict[str, Any] = {}
    depth = max((table.count(".") + 1 for table in record["schemas"]), default=1)
    for table, columns in record["schemas"].items():
        *outer, name = table.split(".")
        if len(outer) + 1 == depth:  # sqlglot wants all tables equally deep
            level = schema
            for part in outer:
                level = level.setdefault(part, {})
            level[name] = {column: kind or "VARCHAR" for column, kind in columns.items()}
    statements = [it for it in sqlglot.parse(record["sql"], dialect=record["dialect"] or None) if it is not None]
    return projected([_statement(it, schema, record["dialect"] or None) for it in statements], record["convention"])


def _statement(statement: Any, schema: dict[str, Any], dialect: str | None) -> Hop:
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage

    def name(table: Any) -> str:
        return ".".join(part.name for part in table.parts)

    writes = isinstance(statement, exp.Insert | exp.Create | exp.Update | exp.Delete | exp.Merge)
    written = statement.this if writes else None
    columns: list[str] = []
    if isinstance(written, exp.Schema):
        columns, written = [it.name for it in written.expressions], written.this
    outputs = {name(written)} if isinstance(written, exp.Table) else set()
    ctes = {cte.alias for cte in statement.find_all(exp.CTE)}
    tables = [it for it in statement.find_all(exp.Table) if it is not written and it.name]
    inputs = {name(it) for it in tables if it.db or it.name not in ctes}
    query = statement if isinstance(statement, exp.Query) else statement.args.get("expression")
    if not isinstance(query, exp.Query):
        return inputs, outputs, set()
    if statement is not query and (ctes_before := statement.args.get("with_")):
        query.set("with_", ctes_before.pop())
    target = next(iter(outputs), "")
    roots: dict[str, Any] = {}
    with contextlib.suppress(SqlglotError, ValueError):  # the tables are known all the same
        roots = lineage(None, query, schema=schema, dialect=dialect)
    edges = {
        (name(node.source), node.name.rpartition(".")[2], target, columns[place] if place < len(columns) else column)
        for place, (column, root) in enumerate(roots.items())
        for node in root.walk()
        if not node.downstream and node is not root and isinstance(node.source, exp.Table)
    }
    return inputs, outputs, edges


PEERS: dict[str, Callable[[Record], Hop]] = {
    "datahub": datahub,
    "openlineage": openlineage,
    "sqllineage": sqllineage,
    "sqllineage_sqlparse": sqllineage_sqlparse,
    "collate": collate,
    "sqlglot": sqlglot_lineage,
}


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooLong(f"no answer in {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _parts(sql: str) -> list[str]:
    """What stands between semicolons, with no regard for what they mean."""
    return [part for part in sql.split(";") if part.strip()]


def _whole_or_parts(peer: Callable[[Record], Hop], record: Record) -> Hop:
    """A script that the peer refuses as a whole it is asked about part by part, so that what it can read counts."""
    parts = _parts(record["sql"])
    try:
        return peer(record)
    except TooLong:
        raise
    except Exception:
        if len(parts) < 2:
            raise
    return projected(_each(lambda sql: peer({**record, "sql": sql}), parts), record["convention"])


def answer(peer: Callable[[Record], Hop], record: Record, seconds: float) -> dict[str, Any]:
    start = time.process_time()
    try:
        with _limit(seconds), contextlib.redirect_stdout(sys.stderr):
            inputs, outputs, edges = _whole_or_parts(peer, record)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        return {"error": f"{type(error).__name__}: {error}"[:300], "seconds": time.process_time() - start}
    return {
        "inputs": sorted(inputs),
        "outputs": sorted(outputs),
        "edges": sorted(edges),
        "seconds": time.process_time() - start,
    }


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    peer, seconds = PEERS[sys.argv[1]], float(sys.argv[2])
    records = [json.loads(line) for line in sys.stdin]
    answer(peer, records[0], 60.0)  # imports are not what is timed
    for record in records:
        print(json.dumps(answer(peer, record, seconds)), flush=True)


if __name__ == "__main__":
    main()

"""The `sql` facet of a job: column lineage for outputs of which its producer gave none, read from the SQL.

A guess, and marked as one: every transformation has a confidence, below that of a producer's word. It is a
function of the event alone, whose own schemas are the only ones that count, so that the graph does not depend on
what was known when the event came.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from graph.model import Name
from graph.statements import ColumnFlow, OutputFlow, Transformation

from .events import read_any

if TYPE_CHECKING:
    from ingest.sql.result import ColumnEdge, SqlLineage, Table

CERTAINTY = 0.9
"""How sure the surest inference is, where a producer's own word would be 1."""

Columns = Sequence[tuple[Name, tuple[str, ...]]]
"""An event's datasets, each once, with the columns of its schema in order; () where it has none."""

Infer = Callable[[str, str, Columns, Columns], tuple[OutputFlow, ...]]
"""(SQL, dialect or "", inputs, outputs) -> the column flows into the outputs."""

ReadSql = Callable[[str, str, Mapping[str, Mapping[str, str]]], "SqlLineage"]
"""(SQL, dialect, columns and their types by table) -> its lineage."""

_DIALECT_OF_SCHEME = {
    "athena": "athena", "awsathena": "athena", "bigquery": "bigquery", "clickhouse": "clickhouse",
    "cockroach": "postgres", "crate": "postgres", "databricks": "databricks", "doris": "doris", "dremio": "dremio",
    "druid": "druid", "duckdb": "duckdb", "exasol": "exasol", "fabric-warehouse": "fabric", "hive": "hive",
    "mariadb": "mysql", "mssql": "tsql", "mysql": "mysql", "oceanbase": "mysql", "oracle": "oracle",
    "postgres": "postgres", "postgresql": "postgres", "presto": "presto", "redshift": "redshift",
    "singlestore": "singlestore", "snowflake": "snowflake", "spark": "spark", "sqlite": "sqlite",
    "sqlserver": "tsql", "starrocks": "starrocks", "synapse": "tsql", "teradata": "teradata", "trino": "trino",
    "unitycatalog": "databricks",
}  # fmt: skip

LONGEST = 250_000
"""Characters of an event's SQL that is read: two seconds' work at most. Longer ones are mostly data written out."""

_STEPS = 500_000  # of reading it, however it is nested

_log = logging.getLogger(__name__)


class Sql(NamedTuple):
    """The text of a `sql` facet and the dialect it names, "" if none."""

    query: str
    dialect: str


def read_sql(facet: bytes) -> Sql | None:
    """What a `sql` facet (1-0-0 to 1-1-0) says; None for one that is deleted or holds no text."""
    value = read_any(facet)
    if not isinstance(value, dict) or value.get("_deleted") is True:
        return None
    query, dialect = value.get("query"), value.get("dialect")
    if not isinstance(query, str) or not query.strip():
        return None
    return Sql(query, dialect if isinstance(dialect, str) else "")


def infer(
    sql: str, dialect: str, inputs: Columns, outputs: Columns, read: ReadSql | None = None
) -> tuple[OutputFlow, ...]:
    """The column flows that SQL tells of an event's outputs, as far as it speaks of the event's own datasets.

    Never raises: SQL that cannot be read tells nothing, and what the event itself says counts all the same.
    """
    if len(sql) > LONGEST:
        return ()
    try:
        datasets = [name for name, _ in (*outputs, *inputs)]
        lineage = (read or _read)(sql, dialect_of(dialect, datasets), _schema((*inputs, *outputs)))
        return _flows(lineage, inputs, outputs)
    except Exception as error:  # any text at all may come here; its own words stay out of the log
        _log.info("no lineage from the SQL of an event: %s", type(error).__name__)
        return ()


def _read(sql: str, dialect: str, schema: Mapping[str, Mapping[str, str]]) -> SqlLineage:
    # Only here: loading the parser takes longer than all else at the start.
    from ingest.sql import Budget, lineage
    from ingest.sql.result import SqlLineage
    from ingest.sql.templates import is_template

    if is_template(sql):  # what it stands for is a guess, within a limit of time: another day's might be another one
        return SqlLineage(dialect, ())
    return lineage(sql, dialect, schema, budget=Budget(_STEPS))


def dialect_of(said: str, datasets: Iterable[Name]) -> str:
    """sqlglot's name of the dialect: the one said, else that of the first dataset whose namespace tells it, else ""."""
    from sqlglot import Dialects

    known = {it.value for it in Dialects}
    word = said.strip().lower()
    if found := next((it for it in (word, _DIALECT_OF_SCHEME.get(word)) if it and it in known), None):
        return found
    schemes = (name.namespace.partition("://")[0].partition("+")[0].lower() for name in datasets)
    dialects = (_DIALECT_OF_SCHEME.get(scheme, "") for scheme in schemes)
    return next((it for it in dialects if it in known and it), "")


def _schema(datasets: Columns) -> dict[str, dict[str, str]]:
    """Dotted table name -> column -> "" (types do not matter); a nested field is its parent's own business.

    In lower case, so that the parser takes its spellings from the SQL alone.
    """
    found: dict[str, dict[str, str]] = {}
    for name, columns in datasets:
        top = {path for path in columns if "." not in path}
        listed = [path.lower() for path in columns if path in top or path.partition(".")[0] not in top]
        if listed:
            found.setdefault(".".join(_parts(name.name)), {}).update(dict.fromkeys(listed, ""))
    return found


# Which dataset a table is ----------------------------------------------------------------------------------


class _Datasets:
    """Finds the event's dataset that SQL means by a table: the same parts from the right, without case."""

    def __init__(self, datasets: Columns) -> None:
        self._by_last: dict[str, list[tuple[tuple[str, ...], Name]]] = {}
        self._by_path: dict[str, list[Name]] = {}
        self._spelling = {name: {path.lower(): path for path in reversed(columns)} for name, columns in datasets}
        for name, _ in datasets:
            parts = _parts(name.name)
            self._by_last.setdefault(parts[-1], []).append((parts, name))
            for path in {name.name, f"{name.namespace.rstrip('/')}/{name.name.lstrip('/')}"}:
                self._by_path.setdefault(_path(path), []).append(name)

    def find(self, table: Table) -> Sequence[Name]:
        """The datasets that the table's name fits best: several where it isn't clear which is meant."""
        if "/" in table.name:
            return self._by_path.get(_path(table.name), [])
        wanted = _parts(table.name)
        alike: dict[tuple[int, bool], list[Name]] = {}
        for parts, name in self._by_last.get(wanted[-1], ()):
            common = min(len(parts), len(wanted))
            if parts[-common:] == wanted[-common:]:
                alike.setdefault((common, len(parts) == len(wanted)), []).append(name)
        return alike[max(alike)] if alike else []

    def column(self, dataset: Name, lowered: str, lineage: SqlLineage) -> str:
        """As the schema spells it, else as the SQL does."""
        return self._spelling[dataset].get(lowered.lower()) or lineage.spelling(lowered)


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a dotted name, or of a path, in which Hive writes the schema as `sales.db`."""
    steps = [step for step in name.split("/") if step] if "/" in name else name.split(".")
    return tuple(step.strip('`"[] ').lower().removesuffix(".db") for step in steps) or (name.lower(),)


def _path(text: str) -> str:
    return text.strip("'\"` ").rstrip("/").lower().replace("s3a://", "s3://")


# What flows between them -----------------------------------------------------------------------------------


def _flows(lineage: SqlLineage, inputs: Columns, outputs: Columns) -> tuple[OutputFlow, ...]:
    read, written = _Datasets(inputs), _Datasets(outputs)
    result = _output_of_query(lineage, outputs)
    found: dict[Name, dict[tuple[Name, str, str | None], dict[Transformation, float]]] = {}
    for edge in _edges(lineage):
        if edge.source is None or edge.source.temporary or "*" in (edge.source_column, edge.target_column):
            continue
        sources, side = read.find(edge.source), read
        if not sources:  # what an earlier statement wrote, or an UPDATE's own columns
            sources, side = written.find(edge.source), written
        targets = result if edge.target is None else [] if edge.target.temporary else written.find(edge.target)
        if len(sources) != 1 or len(targets) != 1:
            continue
        source, target, column = sources[0], targets[0], edge.target_column
        into = written.column(target, column, lineage) if column is not None else None
        flow = (source, side.column(source, edge.source_column, lineage), into)
        said = found.setdefault(target, {}).setdefault(flow, {})
        plain = Transformation("INDIRECT" if into is None else "DIRECT")
        for transformation in edge.transformations or (plain,):
            sure = round(CERTAINTY * min(max(edge.confidence, 0.0), 1.0), 3)
            said[transformation] = max(sure, said.get(transformation, 0.0))
    return tuple(
        OutputFlow(
            output,
            tuple(
                ColumnFlow(*flow, tuple(replace(it, confidence=sure) for it, sure in said.items()))
                for flow, said in found[output].items()
            ),
        )
        for output, _ in outputs
        if output in found
    )


def _edges(lineage: SqlLineage) -> Iterable[ColumnEdge]:
    """What lasts, but for columns to which the SQL gives no name: `_0` is none of a dataset's."""
    lasting = (it for it in lineage.statements if not it.rolled_back)
    return (edge for it in lasting for edge in it.lasting.edges if edge.target_column not in it.unnamed)


def _output_of_query(lineage: SqlLineage, outputs: Columns) -> Sequence[Name]:
    """Where the result of a script goes that is one query and writes nothing itself, as a dbt model is."""
    queries = [it for it in lineage.statements if any(edge.target is None for edge in it.lasting.edges)]
    if len(outputs) != 1 or len(queries) != 1 or any(it.lasting.outputs for it in lineage.statements):
        return []
    return [outputs[0][0]]

"""What a SQL text would do, asked without storing it: the shapes of the answer, and the values behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import strawberry

from api.graphql.operation import Operation
from api.graphql.shapes import about, read
from api.graphql.values import Json
from graph.errors import TooLarge
from graph.reader import EntityQuery, EntityRecord, GraphSnapshot

if TYPE_CHECKING:
    from ingest.sql.result import ColumnEdge, Statement, Table, Unread
    from ingest.sql.result import SqlLineage as Result

MAX_SQL_BYTES = 1_000_000
MAX_SQL_STEPS = 1_000_000  # of work; some seconds
MAX_EDGES = 20_000
"""Column edges of one answer: of its statements together, and again of the whole text."""
MAX_SCHEMAS = 200
"""Tables whose columns are looked up in the graph for one answer."""

_NAMESAKES = 100  # datasets whose names contain a table's name, among which the table is looked for
_DATASET = frozenset({"dataset"})


@strawberry.enum(description="What counts as a step of the lineage.")
class SqlConvention(Enum):
    HOPS = strawberry.enum_value("HOPS", description="Every statement's own tables, temporary ones too.")
    TEMP_COLLAPSED = strawberry.enum_value("TEMP_COLLAPSED", description="Without temporary tables.")
    END_TO_END = strawberry.enum_value("END_TO_END", description="From what is only read to what is written last.")


@strawberry.type(description="A column flows into another, or decides over it.")
class SqlEdge:
    source: str | None = about("Null: which of several tables has the column is open.")
    source_column: str = read("edge.source_column")
    target: str | None = about("Null: a result set.")
    target_column: str | None = read("edge.target_column", "Null: every column of the target.")
    transformations: list[Json]
    confidence: float = read("edge.confidence", "0 to 1.")
    reason: str = read("edge.reason", "Why the confidence is not 1.")
    expression: str = read("edge.expression")
    line: int | None
    column: int | None


@strawberry.type(description="Text that was not understood; what stands around it still counts.")
class SqlUnread:
    line: int = read("place.line")
    column: int = read("place.column")
    reason: str
    text: str


@strawberry.type
class SqlStatement:
    kind: str = read("statement.kind")
    category: str = read("statement.category.value", "DDL, DML, DQL, DCL, TCL or OTHER.")
    line: int = read("statement.place.line")
    column: int = read("statement.place.column")
    text: str = read("statement.text")
    routine: str | None = read("statement.routine", "The procedure, function or trigger it is a step of.")
    rolled_back: bool = read("statement.rolled_back")
    inputs: list[str]
    outputs: list[str]
    edges: list[SqlEdge]


@strawberry.type(description="The lineage of a SQL text by one convention.")
class SqlLineage:
    statements: list[SqlStatement]
    inputs: list[str]
    outputs: list[str]
    edges: list[SqlEdge] = about("What makes which column; statements also have what they filter, join and sort by.")
    unread: list[SqlUnread]
    notes: list[SqlUnread] = about("What was guessed in rendering a template; all else builds on it.")
    temporary: list[str] = about("Temporary tables that it makes or reads.")
    truncated: bool = about(f"There are more than {MAX_EDGES:,} edges, and the rest is left out.")


@dataclass(frozen=True, slots=True)
class EdgeAnswer:
    source: str | None
    target: str | None
    transformations: Sequence[Mapping[str, object]]
    line: int | None
    column: int | None
    edge: ColumnEdge


@dataclass(frozen=True, slots=True)
class StatementAnswer:
    statement: Statement
    inputs: Sequence[str]
    outputs: Sequence[str]
    edges: Sequence[EdgeAnswer]


@dataclass(frozen=True, slots=True)
class LineageAnswer:
    statements: Sequence[StatementAnswer]
    inputs: Sequence[str]
    outputs: Sequence[str]
    edges: Sequence[EdgeAnswer]
    unread: Sequence[Unread]
    notes: Sequence[Unread]
    temporary: Sequence[str]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A text to read and how; in `namespace` the graph is looked up for the columns of the tables it names."""

    sql: str
    dialect: str
    default_db: str | None
    default_schema: str | None
    convention: SqlConvention
    namespace: str | None


def what_if(question: Question, asking: Operation, snapshot: GraphSnapshot) -> LineageAnswer:
    """Raises `TooLarge` for a text over the bound and `InvalidInput` for a dialect that there is not."""
    if len(question.sql) > MAX_SQL_BYTES or len(question.sql.encode(errors="replace")) > MAX_SQL_BYTES:
        raise TooLarge(f"expected at most {MAX_SQL_BYTES:,} bytes", field="sql")
    # Imported here because the parser is large: a service should not wait for it to start.
    from ingest.sql import Budget, lineage
    from ingest.sql.records import dialect_of

    dialect = dialect_of(question.dialect)

    def told(schemas: Mapping[str, Mapping[str, str]]) -> Result:
        asking.check_time()
        defaults = (question.default_db, question.default_schema)
        return lineage(question.sql, dialect, schemas, *defaults, explain=True, budget=Budget(MAX_SQL_STEPS))

    result = told({})
    if question.namespace is not None:
        schemas = _schemas(result, question.namespace, asking, snapshot)
        if schemas:
            result = told(schemas)
    asking.check_time()
    return _answer(result, question.convention)


def _answer(result: Result, asked: SqlConvention) -> LineageAnswer:
    from ingest.sql import CONVENTIONS, project
    from ingest.sql.pictures import column_edges, hop_of, shown, unread_parts

    convention = shown(CONVENTIONS[asked.name.lower()])
    projection = project(result, convention)
    edges = column_edges(result, convention, projection)
    statements = []
    room = MAX_EDGES
    for statement in result.statements:
        hop = hop_of(statement, convention)
        edges_shown = [_edge(edge) for edge in hop.edges[: max(room, 0)]]
        statements.append(StatementAnswer(statement, _names(hop.inputs), _names(hop.outputs), edges_shown))
        room -= len(hop.edges)
    return LineageAnswer(
        statements,
        projection.inputs,
        projection.outputs,
        [_edge(edge) for edge in edges[:MAX_EDGES]],
        unread_parts(result),
        result.notes,
        sorted({table.name for table in result.temporary}),
        truncated=room < 0 or len(edges) > MAX_EDGES,
    )


def _edge(edge: ColumnEdge) -> EdgeAnswer:
    from ingest.sql.pictures import as_values

    line, column = edge.place if edge.place is not None else (None, None)
    return EdgeAnswer(
        edge.source.name if edge.source is not None else None,
        edge.target.name if edge.target is not None else None,
        as_values(edge.transformations),
        line,
        column,
        edge,
    )


def _names(tables: Sequence[Table]) -> list[str]:
    return [table.name for table in tables]


def _schemas(result: Result, namespace: str, asking: Operation, snapshot: GraphSnapshot) -> dict[str, dict[str, str]]:
    """Columns that the graph knows of the lasting tables that a text names."""
    named = dict.fromkeys(
        table
        for statement in result.statements
        for table in (*statement.hop.inputs, *statement.hop.outputs)
        if not table.temporary
    )
    schemas = {}
    for table in list(named)[:MAX_SCHEMAS]:
        asking.check_time()
        dataset = _dataset(result, table, namespace, snapshot)
        if dataset is not None:
            schemas[table.name] = _columns(dataset, snapshot)
    return {name: columns for name, columns in schemas.items() if columns}


def _dataset(result: Result, table: Table, namespace: str, snapshot: GraphSnapshot) -> EntityRecord | None:
    """The dataset of that name in any case, or else the one whose name ends so: the text may leave parts out."""
    spelled = ".".join(map(result.spelling, table.parts))
    for name in dict.fromkeys((spelled, table.name, table.name.upper())):
        found = snapshot.find(_DATASET, namespace, name)
        if found is not None:
            return found
    page = snapshot.entities(
        EntityQuery(kinds=_DATASET, namespaces=frozenset({namespace}), search=table.name, first=_NAMESAKES)
    )
    namesakes = [it for it in page.records if f".{it.name.lower()}".endswith(f".{table.name}")]
    return namesakes[0] if len(namesakes) == 1 else None


def _columns(dataset: EntityRecord, snapshot: GraphSnapshot) -> dict[str, str]:
    """Type by column, without the fields inside structs."""
    types = {column.path: column.data_type or "" for column in snapshot.columns(dataset)}
    return {path: type for path, type in types.items() if path.partition(".")[0] not in types or "." not in path}

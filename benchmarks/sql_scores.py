"""How right an answer on SQL lineage is: pure functions, shared by the tests and the comparison with other parsers.

A record is a line of `*.jsonl` in the form of the README beside those files (`read_records`), or a procedure of
`tests/sql/procedures` (`read_procedures`). Names are compared in lower case, without quotes, and without the
record's default database and schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_QUOTES = str.maketrans("", "", "\"`'[]")


class Edge(NamedTuple):
    """`source` empty: which table has the column is left open. `target` empty: a bare SELECT's result set."""

    source: str
    source_column: str
    target: str
    target_column: str


@dataclass(frozen=True, slots=True)
class Record:
    """A statement or script and what is expected of it; None is what nothing is asserted on.

    `scope`: edges are asserted for these (target, target column) pairs alone. `results_open`: result sets of bare
    SELECTs are not asserted, so edges into them are not looked at.
    """

    id: str
    source: str
    dialect: str
    sql: str
    schemas: Mapping[str, Mapping[str, str]]
    default_db: str | None
    default_schema: str | None
    convention: str
    inputs: frozenset[str] | None
    outputs: frozenset[str] | None
    edges: frozenset[Edge] | None
    scope: frozenset[tuple[str, str]] | None = None
    results_open: bool = False

    def table(self, name: str) -> str:
        """As names of tables are compared."""
        parts = name.translate(_QUOTES).strip().lower().split(".")
        for outermost in (self.default_db, self.default_schema):
            if outermost and len(parts) > 1 and parts[0] == outermost.translate(_QUOTES).lower():
                parts = parts[1:]
        return ".".join(parts)

    def edge(self, edge: Sequence[str]) -> Edge:
        """As column edges are compared; `edge` is source, its column, target, its column."""
        source, source_column, target, target_column = edge
        return Edge(self.table(source), _column(source_column), self.table(target), _column(target_column))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a parser says of a record, by names as it writes them."""

    inputs: Collection[str] = ()
    outputs: Collection[str] = ()
    edges: Collection[Sequence[str]] = ()


@dataclass(slots=True)
class Tally:
    """Items found, made up and missed, and how many of the `asserted` records have exactly the expected items."""

    hits: int = 0
    extra: int = 0
    missed: int = 0
    exact: int = 0
    asserted: int = 0

    def add(self, other: Tally) -> None:
        self.hits += other.hits
        self.extra += other.extra
        self.missed += other.missed
        self.exact += other.exact
        self.asserted += other.asserted

    @property
    def precision(self) -> float:
        return _share(self.hits, self.hits + self.extra)

    @property
    def recall(self) -> float:
        return _share(self.hits, self.hits + self.missed)

    @property
    def f1(self) -> float:
        return _share(2 * self.hits, 2 * self.hits + self.extra + self.missed)

    @property
    def exactly(self) -> float:
        return _share(self.exact, self.asserted)


@dataclass(slots=True)
class Score:
    """Of a set of records; P, R and F1 are over all items of all records, a failure having found nothing."""

    records: int = 0
    answered: int = 0
    tables: Tally = field(default_factory=Tally)
    columns: Tally = field(default_factory=Tally)
    inexact: list[str] = field(default_factory=list)

    def add(self, other: Score) -> None:
        self.records += other.records
        self.answered += other.answered
        self.tables.add(other.tables)
        self.columns.add(other.columns)
        self.inexact += other.inexact


HEADINGS = (
    "source",
    "records",
    "answered",
    *(f"{kind} {figure}" for kind in ("tables", "columns") for figure in ("P", "R", "F1", "exact")),
)


def row(name: str, score: Score) -> tuple[str, ...]:
    """A score under `HEADINGS`, in per cent."""
    kinds = (score.tables, score.columns)
    figures = [f for kind in kinds for f in (kind.precision, kind.recall, kind.f1, kind.exactly)]
    counted = [
        f"{100 * figure:.1f}" if kind.asserted else "-"
        for kind, four in zip(kinds, (figures[:4], figures[4:]), strict=True)
        for figure in four
    ]
    return name, str(score.records), f"{100 * _share(score.answered, score.records):.1f}", *counted


def table(scores: Mapping[str, Score]) -> str:
    """Scores by their names, one a line, under `HEADINGS`."""
    lines = [HEADINGS, *(row(name, score) for name, score in scores.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def of_record(record: Record, answer: Answer | None) -> Score:
    """`answer` None: the parser gave none (an exception, or no end in time)."""
    score = Score(records=1, answered=int(answer is not None))
    given = answer or Answer()
    asserted = [
        (expected, frozenset(map(record.table, names)))
        for expected, names in ((record.inputs, given.inputs), (record.outputs, given.outputs))
        if expected is not None
    ]
    if asserted:
        for expected, found in asserted:
            score.tables.add(_compared(expected, found))
        right = answer is not None and all(expected == found for expected, found in asserted)
        score.tables.asserted, score.tables.exact = 1, int(right)
    if record.edges is not None:
        score.columns = _compared_edges(record.edges, _looked_at(record, map(record.edge, given.edges)))
        score.columns.asserted = 1
        score.columns.exact = int(answer is not None and not score.columns.extra and not score.columns.missed)
    if score.tables.exact < score.tables.asserted or score.columns.exact < score.columns.asserted:
        score.inexact.append(record.id)
    return score


def by_source(records: Iterable[Record], answer: Callable[[Record], Answer | None]) -> dict[str, Score]:
    """The score of each source in the order of the records, and of all together under `overall`."""
    scores: dict[str, Score] = {}
    overall = Score()
    for record in records:
        score = of_record(record, answer(record))
        scores.setdefault(record.source, Score()).add(score)
        overall.add(score)
    return {**scores, "overall": overall}


def differences(record: Record, answer: Answer | None) -> list[str]:
    """What `of_record` counts as missed (-) or extra (+), for a person to read."""
    given = answer or Answer()
    told = [] if answer is not None else ["! no answer"]
    for kind, expected, names in (("in", record.inputs, given.inputs), ("out", record.outputs, given.outputs)):
        if expected is not None:
            found = frozenset(map(record.table, names))
            told += [f"- {kind} {name}" for name in sorted(expected - found)]
            told += [f"+ {kind} {name}" for name in sorted(found - expected)]
    if record.edges is not None:
        edges = _looked_at(record, map(record.edge, given.edges))
        missed, extra = _unmatched(record.edges, edges)
        told += [f"- {_shown(edge)}" for edge in sorted(missed)]
        told += [f"+ {_shown(edge)}" for edge in sorted(extra)]
    return told


def read_records(path: Path) -> list[Record]:
    """The records of a JSONL file; a record whose suite expects a parse error asserts no lineage."""
    return [_record(json.loads(line)) for line in path.read_text().splitlines() if line.strip()]


def _record(found: Mapping[str, Any]) -> Record:
    expected: Mapping[str, Any] = {} if found.get("expects_error") else found["expected"]
    edges = expected.get("column_edges")
    scope = found.get("column_scope")
    return _comparable(
        Record(
            id=found["id"],
            source=found["corpus"],
            dialect=found["dialect"],
            sql=found["sql"],
            schemas=found["schemas"],
            default_db=found["default_db"],
            default_schema=found["default_schema"],
            convention=found["convention"],
            inputs=_set(expected.get("in_tables")),
            outputs=_set(expected.get("out_tables")),
            edges=None if edges is None else frozenset(Edge(*edge) for edge in edges),
            scope=frozenset((target, column) for target, column in scope) if scope else None,
            results_open=bool(edges) and not any(target == "" for _, _, target, _ in edges or ()),
        )
    )


def read_procedures(folder: Path) -> list[Record]:
    """Two records of each `*/*.yaml`: by `hops` (id `DIALECT/NAME hops`) and by `temp_collapsed`, in that order."""
    paths = sorted(folder.glob("*/*.yaml"))
    return [record for path in paths for record in _procedure(path, yaml.safe_load(path.read_text()))]


def _procedure(path: Path, found: Mapping[str, Any]) -> list[Record]:
    schemas = {
        str(table): {str(column): "" for column in columns} for table, columns in (found.get("schemas") or {}).items()
    }
    records = []
    for convention, kept in (("hops", "hops"), ("temp_collapsed", "hops_temp_collapsed")):
        expected = found[convention]
        edges = frozenset(_written(edge) for edge in expected.get("columns") or ())
        record = Record(
            id=f"{path.parent.name}/{path.stem} {convention}",
            source=path.parent.name,
            dialect=found.get("dialect") or "",
            sql=found["sql"],
            schemas=schemas,
            default_db=found.get("default_db"),
            default_schema=found.get("default_schema"),
            convention=kept,
            inputs=_set(expected.get("inputs") or ()),
            outputs=_set(expected.get("outputs") or ()),
            edges=edges,
            results_open=not any(edge.target == "" for edge in edges),
        )
        records.append(_comparable(record))
    return records


def _written(edge: str) -> Edge:
    """From `a.b.c -> d.e.f`; a side without a dot is a column of a result set or of an open table. A column that has
    dots itself (a field's path) is parted by a bar: `a.b|c.d -> e.f`."""
    source, _, target = (part.strip() for part in edge.partition(" -> "))
    if not target:
        raise ValueError(f"not an edge: {edge!r}")
    return Edge(*_side(source), *_side(target))


def _side(text: str) -> tuple[str, str]:
    table, bar, column = text.partition("|")
    if not bar:
        table, _, column = text.rpartition(".")
    return table, column


def _comparable(record: Record) -> Record:
    """Its expectations with names as they are compared."""
    return Record(
        id=record.id,
        source=record.source,
        dialect=record.dialect,
        sql=record.sql,
        schemas=record.schemas,
        default_db=record.default_db,
        default_schema=record.default_schema,
        convention=record.convention,
        inputs=None if record.inputs is None else frozenset(map(record.table, record.inputs)),
        outputs=None if record.outputs is None else frozenset(map(record.table, record.outputs)),
        edges=None if record.edges is None else frozenset(map(record.edge, record.edges)),
        scope=None if record.scope is None else frozenset((record.table(t), _column(c)) for t, c in record.scope),
        results_open=record.results_open,
    )


def _looked_at(record: Record, edges: Iterable[Edge]) -> frozenset[Edge]:
    return frozenset(
        edge
        for edge in edges
        if (record.scope is None or (edge.target, edge.target_column) in record.scope)
        and not (record.results_open and edge.target == "")
    )


def _compared(expected: frozenset[str], found: frozenset[str]) -> Tally:
    return Tally(len(expected & found), len(found - expected), len(expected - found))


def _compared_edges(expected: frozenset[Edge], found: frozenset[Edge]) -> Tally:
    missed, extra = _unmatched(expected, found)
    return Tally(len(expected) - len(missed), len(extra), len(missed))


def _unmatched(expected: frozenset[Edge], found: frozenset[Edge]) -> tuple[frozenset[Edge], frozenset[Edge]]:
    """What is missed and what is extra; an expected edge of an open table is met by the same column of any table."""
    missed, extra = set(expected - found), set(found - expected)
    for edge in sorted(missed):
        if edge.source == "" and (met := {it for it in extra if it[1:] == edge[1:]}):
            missed.remove(edge)
            extra -= met
    return frozenset(missed), frozenset(extra)


def _column(name: str) -> str:
    return name.translate(_QUOTES).strip().lower()


def _set(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _share(part: int, whole: int) -> float:
    """Nothing expected and nothing found is all right."""
    return part / whole if whole else 1.0


def _shown(edge: Edge) -> str:
    return f"{edge.source or '?'}.{edge.source_column} -> {edge.target or 'result'}.{edge.target_column}"

"""Effects -> the statements of the answer: edges, with temporary tables as they are and looked behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from ingest.sql.reading.effects import Effects, Write
from ingest.sql.reading.flow import Sources, Via, add, add_all, transformations
from ingest.sql.reading.relations import STAR, Column
from ingest.sql.result import Category, ColumnEdge, Hop, Join, Place, Statement, Table, Unread
from ingest.sql.session.state import State
from ingest.sql.session.written import place_of, select_item, text_of

PARTLY_READ = 0.7
Ends = tuple[Table | None, str, Table | None, str | None]


@dataclass(slots=True)
class Flow:
    """Edges under way: by their ends, what they are made by and from which expression."""

    inputs: dict[Table, None] = field(default_factory=dict)
    outputs: dict[Table, None] = field(default_factory=dict)
    unnamed: dict[str, object] = field(default_factory=dict)
    edges: dict[Ends, tuple[Via, object]] = field(default_factory=dict)

    def add(self, target: Table | None, column: str | None, sources: Sources, node: object) -> None:
        for (table, name), via in sources.items():
            ends = (table, name, target, column)
            known = self.edges.get(ends)
            if known is None:
                self.edges[ends] = (via, node)
            elif known[0] != via:
                merged: Sources = {(table, name): known[0]}
                add(merged, (table, name), via)
                self.edges[ends] = (merged[(table, name)], known[1])

    def merge(self, other: Flow) -> None:
        self.inputs.update(other.inputs)
        self.outputs.update(other.outputs)
        self.unnamed.update(other.unnamed)
        for (table, name, target, column), (via, node) in other.edges.items():
            self.add(target, column, {(table, name): via}, node)

    def hop(self, dialect: str, explain: bool, cap: float, reason: str) -> Hop:
        edges = []
        for (table, name, target, column), (via, node) in self.edges.items():
            place, text = None, ""
            if explain and isinstance(node, exp.Expr):
                place, text = place_of(node), text_of(node, dialect)
            confidence, why = (via.confidence, via.reason) if via.confidence <= cap else (cap, reason)
            edges.append(
                ColumnEdge(table, name, target, column, transformations(via.bits), confidence, why, place, text)
            )
        return Hop(tuple(self.inputs), tuple(self.outputs), tuple(edges))


@dataclass(slots=True)
class Record:
    """One statement of the text, in all its runs (a loop's body, a procedure called twice)."""

    place: Place
    text: str
    order: tuple[int, int]
    routine: str | None
    kind: str = ""
    effects: Effects | None = None
    hop: Flow = field(default_factory=Flow)
    lasting: Flow = field(default_factory=Flow)
    joins: dict[Join, None] = field(default_factory=dict)
    unread: dict[Unread, None] = field(default_factory=dict)
    rolled_back: bool = False
    cap: float = 1.0
    reason: str = ""

    def statement(self, dialect: str, explain: bool) -> Statement:
        effects = self.effects or Effects("", Category.OTHER)
        return Statement(
            kind=effects.kind,
            category=effects.category,
            place=self.place,
            text=self.text,
            hop=self.hop.hop(dialect, explain, self.cap, self.reason),
            lasting=self.lasting.hop(dialect, explain, self.cap, self.reason),
            routine=self.routine,
            access=tuple(effects.access),
            keys=tuple(effects.keys),
            properties=tuple(effects.properties),
            joins=tuple(self.joins),
            unread=tuple(self.unread),
            rolled_back=self.rolled_back,
            unnamed=self._unnamed(dialect),
        )

    def _unnamed(self, dialect: str) -> dict[str, str]:
        result = {}
        for name, node in self.hop.unnamed.items():
            if isinstance(node, exp.Expr):
                text = select_item(node, self.text, self.order[0], dialect).lower()
                if name.startswith("_") or "::" not in text:  # `a::date` is called a
                    result[name] = text
        return result


def flow_of(effects: Effects) -> Flow:
    """The statement's own hop."""
    flow = Flow(dict(effects.inputs), dict(effects.outputs))
    writes: Iterable[Write] = effects.writes
    for write in writes:
        _columns(flow, write.target, write.columns)
        flow.add(write.target, None, effects.indirect, None)
        _add_sources(flow, write.target, write.columns)
    if effects.result is not None:
        _columns(flow, None, effects.result)
        flow.add(None, None, effects.indirect, None)
    return flow


def _columns(flow: Flow, target: Table | None, columns: Iterable[Column]) -> None:
    unnamed = 0
    for column in columns:
        name = column.name
        if not column.named:
            if not name:
                name, unnamed = f"_{unnamed}", unnamed + 1
            flow.unnamed[name] = column.node
        flow.add(target, name, column.sources, column.node)


def _add_sources(flow: Flow, target: Table, columns: Iterable[Column]) -> None:
    """What a variable or a row brought along was read, too."""
    for column in columns:
        for table, name in column.sources:
            if table is not None and table not in flow.outputs and name != STAR:
                flow.inputs.setdefault(table)


def lasting_of(flow: Flow, state: State) -> Flow:
    """The same, with temporary tables replaced by what they were made of; empty of what only fills one."""
    if not any(table.temporary for table in (*flow.inputs, *flow.outputs)):
        return flow
    outputs = {table: None for table in flow.outputs if not table.temporary}
    result = Flow({}, outputs, flow.unnamed)
    if outputs or not flow.outputs:
        result.inputs = state.expand_inputs(flow.inputs)
    for (table, name, target, column), (via, node) in flow.edges.items():
        if target is not None and target.temporary:
            continue
        result.add(target, column, state.expand({(table, name): via}), node)
    for table in flow.inputs:
        known = state.tables.get(table) if table.temporary else None
        if known is not None and known.indirect:
            for target in outputs:
                result.add(target, None, known.indirect, None)
    return result


def contents_of(write: Write, state: State) -> Mapping[str, Sources]:
    """The columns that flow into a temporary table, down to lasting ones."""
    contents: dict[str, Sources] = {}
    for column in write.columns:
        expanded = state.expand(column.sources)
        if column.name in contents:
            merged = dict(contents[column.name])
            add_all(merged, expanded)
            contents[column.name] = merged
        else:
            contents[column.name] = expanded
    return contents

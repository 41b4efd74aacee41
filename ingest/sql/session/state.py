"""What a script knows while it runs: its tables, its variables, and what they were made of.

States are copied at every fork (IF, loops, handlers) and merged behind it, so values are frozen and replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ingest.sql.reading.flow import IDENTITY, Sources, Via, add, add_all, through, union
from ingest.sql.reading.relations import STAR, Relation
from ingest.sql.result import Table

MAX_TEXTS = 16  # as many values of one variable are kept apart
_BY_STAR = Via(IDENTITY, 0.6, "star expanded without a schema")


@dataclass(frozen=True, slots=True)
class TableState:
    """A table that the script made. `columns` None: not known. `contents`, of a temporary one: column -> the lasting
    columns it was made of; `inputs` the lasting tables, `indirect` what decided over its rows."""

    columns: Mapping[str, str] | None = None
    contents: Mapping[str, Sources] = field(default_factory=dict)
    inputs: Mapping[Table, None] = field(default_factory=dict)
    indirect: Sources = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Value:
    """A variable. `texts` are the values it can have (empty: not known), `sources` where its value comes from;
    `row` is set for records, cursors and result sets. `known` False: declared, never assigned."""

    sources: Sources = field(default_factory=dict)
    texts: frozenset[str] = frozenset()
    row: Relation | None = None


class State:
    """The session's tables and the frames of its variables, the innermost last."""

    def __init__(self) -> None:
        self.tables: dict[Table, TableState] = {}
        self.frames: list[dict[str, Value]] = [{}]
        self.packages: dict[str, dict[str, Value]] = {}  # a package's own variables, by its name

    def copy(self) -> State:
        other = State()
        other.tables = dict(self.tables)
        other.frames = [dict(frame) for frame in self.frames]
        other.packages = {name: dict(frame) for name, frame in self.packages.items()}
        return other

    def become(self, other: State) -> None:
        self.tables, self.frames, self.packages = other.tables, other.frames, other.packages

    def variable(self, name: str, base: int = 0) -> Value | None:
        """The innermost variable of that name, in the frames from `base` on."""
        for frame in reversed(self.frames[base:]):
            found = frame.get(name)
            if found is not None:
                return found
        return None

    def assign(self, name: str, value: Value) -> None:
        """Sets a variable where it was declared, else in the outermost frame (a session's own)."""
        for frame in reversed(self.frames):
            if name in frame:
                frame[name] = value
                return
        self.frames[0 if name.startswith("@") else -1][name] = value

    def expand(self, sources: Sources) -> Sources:
        """The same with temporary tables' columns replaced by what they were made of."""
        if not any(table is not None and table.temporary for table, _ in sources):
            return sources
        result: Sources = {}
        for (table, column), via in sources.items():
            if table is None or not table.temporary:
                add(result, (table, column), via)
                continue
            state = self.tables.get(table)
            if state is not None:
                add_all(result, through(_content(state, column), via))
        return result

    def expand_inputs(self, inputs: Mapping[Table, None]) -> dict[Table, None]:
        result: dict[Table, None] = {}
        for table in inputs:
            if not table.temporary:
                result[table] = None
            elif (state := self.tables.get(table)) is not None:
                result.update(state.inputs)
        return result


def _content(state: TableState, column: str) -> Sources:
    found = state.contents.get(column)
    if found is not None:
        return found
    if column == STAR:  # rows are counted, or passed on as they are
        return {(table, STAR): via for sources in state.contents.values() for (table, _), via in sources.items()}
    star = state.contents.get(STAR)
    if not star:
        return {}
    result: Sources = {}
    for (table, name), via in star.items():
        if name == STAR:
            add(result, (table, column), through({(table, column): via}, _BY_STAR)[(table, column)])
    return result


def merge(states: list[State]) -> State:
    """What is known after a fork whose ways may each have been taken."""
    result = states[0].copy()
    for other in states[1:]:
        for table, theirs in other.tables.items():
            mine = result.tables.get(table)
            result.tables[table] = theirs if mine is None or mine is theirs else _merge_tables(mine, theirs)
        for frame, their_frame in zip(result.frames, other.frames, strict=False):
            for name, value in their_frame.items():
                mine_value = frame.get(name)
                if mine_value is None:
                    frame[name] = value
                elif mine_value is not value:
                    frame[name] = merge_values(mine_value, value)
    return result


def merge_values(one: Value, two: Value) -> Value:
    sources = union((one.sources, two.sources))
    texts = one.texts | two.texts
    row = one.row
    if row is None or two.row is None:
        row = row or two.row
    elif row is not two.row:
        columns = dict(row.columns)
        if len(columns) == len(two.row.columns):  # by position: a cursor opened for either of two queries
            pairs = zip(columns, two.row.columns.values(), strict=True)
        else:
            pairs = zip(two.row.columns, two.row.columns.values(), strict=True)
        for name, theirs in list(pairs):
            columns[name] = union((columns.get(name, {}), theirs))
        row = Relation(
            row.alias, columns, row.table, row.known, (*row.rest, *two.row.rest), row.anything or two.row.anything
        )
    return Value(sources, texts if len(texts) <= MAX_TEXTS else frozenset(), row)


def _merge_tables(one: TableState, two: TableState) -> TableState:
    columns: Mapping[str, str] | None = None
    if one.columns is not None and two.columns is not None:
        columns = {**one.columns, **two.columns}
    return TableState(
        columns,
        {
            name: union((one.contents.get(name, {}), two.contents.get(name, {})))
            for name in dict.fromkeys((*one.contents, *two.contents))
        },
        {**one.inputs, **two.inputs},
        union((one.indirect, two.indirect)),
    )


def filled(
    state: TableState, contents: Mapping[str, Sources], inputs: Mapping[Table, None], indirect: Sources
) -> TableState:
    """A table with more rows in it."""
    merged = dict(state.contents)
    for name, sources in contents.items():
        merged[name] = union((merged[name], sources)) if name in merged else sources
    return replace(
        state, contents=merged, inputs={**state.inputs, **inputs}, indirect=union((state.indirect, indirect))
    )

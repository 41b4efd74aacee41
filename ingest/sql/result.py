"""What SQL says of lineage: the values that `lineage()` answers with.

Names are compared without case and given in lower case without quotes; `SqlLineage.spelling` tells how the text
wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from graph.statements import Transformation


class Category(StrEnum):
    """The family of a statement; OTHER is what moves no data and changes no object (SET, USE, SHOW, control flow)."""

    DDL = "DDL"
    DML = "DML"
    DQL = "DQL"
    DCL = "DCL"
    TCL = "TCL"
    OTHER = "OTHER"


class Table(NamedTuple):
    """A table, view, stage or path: its name's parts from the outermost down (catalog, schema, name; a stage or a
    path is one part). `temporary` tells a session's own table from a lasting one of the same name."""

    parts: tuple[str, ...]
    temporary: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.parts)


class Place(NamedTuple):
    """Where in the text: line and column, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ColumnEdge:
    """`source_column` of `source` flows into (DIRECT) or decides over (INDIRECT) `target_column` of `target`.

    `source` None: which of several tables has the column is left open. `target` None: the result set of a bare
    SELECT. `target_column` None: every column of the target (JOIN, FILTER, GROUP_BY, SORT). A column `*` stands
    for all columns of a table whose schema is not known. `confidence` is 0 to 1; `reason` says why it is not 1.
    """

    source: Table | None
    source_column: str
    target: Table | None
    target_column: str | None
    transformations: tuple[Transformation, ...]
    confidence: float = 1.0
    reason: str = ""
    place: Place | None = None
    expression: str = ""


@dataclass(frozen=True, slots=True)
class Hop:
    """What one statement reads and writes, and by which columns."""

    inputs: tuple[Table, ...] = ()
    outputs: tuple[Table, ...] = ()
    edges: tuple[ColumnEdge, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """GRANT (`granted`) or REVOKE of `privilege` on `securable` (a table, or another object's name) for `principal`."""

    principal: str
    privilege: str
    securable: str
    granted: bool


@dataclass(frozen=True, slots=True)
class Key:
    """A constraint on `table`: `kind` is PRIMARY, UNIQUE or FOREIGN; the latter `references` columns of another."""

    table: Table
    kind: str
    columns: tuple[str, ...]
    references: Table | None = None
    referenced_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Property:
    """How `table` is kept: `name` is format, location, compression, partitioned_by, clustered_by, sorted_by, index,
    check, not_null, default or an engine's own word in lower case."""

    table: Table
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Join:
    """Two tables were joined where these columns are equal."""

    left: Table
    left_column: str
    right: Table
    right_column: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A piece of text that was not understood, and why. The rest of its statement still counts."""

    place: Place
    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the script, steps of procedures included, in the order of the text.

    `hop` names temporary tables as they are; in `lasting` what they were made of stands in their place, and a
    statement that only fills a temporary table has an empty one. `rolled_back`: undone by a ROLLBACK that surely
    runs, so it counts in no projection. `unnamed`: target columns that the text gave no name (`_0`) -> their text.
    """

    kind: str
    category: Category
    place: Place
    text: str
    hop: Hop = Hop()
    lasting: Hop = Hop()
    routine: str | None = None
    access: tuple[Access, ...] = ()
    keys: tuple[Key, ...] = ()
    properties: tuple[Property, ...] = ()
    joins: tuple[Join, ...] = ()
    unread: tuple[Unread, ...] = ()
    rolled_back: bool = False
    unnamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Routine:
    """A procedure, function, trigger or anonymous block: a job whose steps are the statements that name it."""

    name: str
    kind: str
    place: Place
    calls: tuple[str, ...] = ()


class Edge(NamedTuple):
    """A column edge of a projection, by name; an empty `source` or `target` is an open table or the result set."""

    source: str
    source_column: str
    target: str
    target_column: str


@dataclass(frozen=True, slots=True)
class Projection:
    """A whole script by one convention, sorted."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class SqlLineage:
    """The answer for a whole script. `notes` are what was guessed in rendering a template, with an empty text: all
    may be read, and yet mean something else."""

    dialect: str
    statements: tuple[Statement, ...]
    routines: tuple[Routine, ...] = ()
    unread: tuple[Unread, ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Unread, ...] = ()

    def spelling(self, name: str) -> str:
        """How the text first wrote a name (of a table's part or a column)."""
        return self.spellings.get(name, name)

    @property
    def temporary(self) -> frozenset[Table]:
        """The temporary tables that the script makes or reads."""
        return frozenset(
            table
            for statement in self.statements
            for table in (*statement.hop.inputs, *statement.hop.outputs)
            if table.temporary
        )

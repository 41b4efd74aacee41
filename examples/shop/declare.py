"""The words an estate is declared in: datasets with columns, jobs, and selects that say how columns are made.

A select is close to SQL on purpose. Its expressions name columns as `table.column`, where `table` is the
key of a dataset; both the text of the query and the column lineage are read off the same expressions, so
they agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

COLUMN_REFERENCE = re.compile(r"\b([a-z][a-z0-9_]*)\.([a-z_][a-z0-9_]*)\b")
AGGREGATE = re.compile(r"\b(sum|count|avg|min|max|listagg|count_if)\(")
MASK = re.compile(r"\b(sha2|mask_ip|hash)\(")


class Era(Enum):
    """When a column is there, told by the one schema change of the week."""

    ALWAYS = "always"
    BEFORE = "before"
    AFTER = "after"

    def includes(self, changed: bool) -> bool:
        """Whether the column is there, `changed` saying if the schema change has happened."""
        return self is Era.ALWAYS or (self is Era.AFTER) == changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column; `tags` are keys such as `pii`."""

    name: str
    type: str
    description: str = ""
    tags: tuple[str, ...] = ()
    era: Era = Era.ALWAYS


@dataclass(frozen=True, slots=True)
class Owner:
    """Who answers for it: `team:...` or a person's address, and in which role."""

    name: str
    role: str = "OWNER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One dataset; `key` is its short name inside the estate, namespace and name are OpenLineage's.

    `table` is the (namespace, name) that a catalog calls it by where the primary name is a path.
    `former_name` is what it was called before the week's rename. `source` is the data source's plain name.
    """

    key: str
    namespace: str
    name: str
    source: str
    kind: str
    description: str
    owners: tuple[Owner, ...]
    columns: tuple[Column, ...] = ()
    tags: tuple[str, ...] = ()
    table: tuple[str, str] | None = None
    former_name: str | None = None
    file_format: str | None = None

    def columns_in(self, changed: bool) -> tuple[Column, ...]:
        """The columns before (`changed` False) or after the week's schema change, in order."""
        return tuple(column for column in self.columns if column.era.includes(changed))

    def column(self, name: str) -> Column:
        """The column of that name; LookupError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise LookupError(f"{self.key} has no column {name}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A column of a dataset, by the dataset's key."""

    table: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """One source column and how it acts: OpenLineage's type and subtype of a transformation."""

    of: Reference
    type: str
    subtype: str
    description: str = ""
    masking: bool = False


def references(expression: str) -> tuple[Reference, ...]:
    """The columns that an expression names, each once, in the order of their first mention."""
    return tuple(dict.fromkeys(Reference(*found) for found in COLUMN_REFERENCE.findall(expression)))


def influences(expression: str) -> tuple[Influence, ...]:
    """How the columns in an expression make a value.

    A bare column is IDENTITY; beside an aggregate AGGREGATION; else TRANSFORMATION, masking where the
    expression hides the value. What a window is partitioned or ordered by is INDIRECT WINDOW.
    """
    if COLUMN_REFERENCE.fullmatch(expression):
        return (Influence(of=references(expression)[0], type="DIRECT", subtype="IDENTITY"),)
    value, _, window = expression.partition(" over ")
    subtype = "AGGREGATION" if AGGREGATE.search(value) else "TRANSFORMATION"
    masking = MASK.search(value) is not None
    direct = (
        Influence(of=of, type="DIRECT", subtype=subtype, description=expression, masking=masking)
        for of in references(value)
    )
    indirect = (
        Influence(of=of, type="INDIRECT", subtype="WINDOW", description=expression) for of in references(window)
    )
    return (*direct, *indirect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """How one output is made: `into` and `source` are dataset keys, `joins` read `join KEY on ...`.

    Raises ValueError for an expression that names a dataset which is neither `source` nor joined.
    """

    into: str
    source: str
    columns: Mapping[str, str]
    joins: tuple[str, ...] = ()
    where: str = ""
    group_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = set(self.tables)
        for expression in (*self.columns.values(), *self.joins, self.where, *self.group_by):
            for reference in references(expression):
                if reference.table not in known:
                    raise ValueError(f"select into {self.into}: {expression!r} names {reference.table}, not in {known}")

    @property
    def tables(self) -> tuple[str, ...]:
        """The keys of the datasets it reads."""
        return (self.source, *(join.split("join ", 1)[1].split(" ", 1)[0] for join in self.joins))

    @property
    def row_influences(self) -> tuple[Influence, ...]:
        """The columns that decide which rows there are, and so touch every output column."""
        parts = (
            *((join, "JOIN") for join in self.joins),
            (self.where, "FILTER"),
            *((column, "GROUP_BY") for column in self.group_by),
        )
        return tuple(
            Influence(of=of, type="INDIRECT", subtype=subtype, description="" if subtype == "GROUP_BY" else text)
            for text, subtype in parts
            for of in references(text)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """What runs a job: the namespace of its jobs, its name and version, what it calls itself in events."""

    namespace: str
    name: str
    version: str
    integration: str
    producer: str
    dialect: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job. It starts `at` minutes into a night's batch and takes about `minutes`.

    What it reads and writes is read off its `selects`, or stands in `also_reads` and `also_writes` where
    columns make no sense (models, dashboards). `nights` counts back from the latest batch, 0. A job with no
    nights is no part of the batch.
    """

    name: str
    tool: Tool
    kind: str
    description: str
    owners: tuple[Owner, ...]
    at: int = 0
    minutes: float = 2.0
    selects: tuple[Select, ...] = ()
    also_reads: tuple[str, ...] = ()
    also_writes: tuple[str, ...] = ()
    parent: str | None = None
    nights: tuple[int, ...] = (4, 3, 2, 1, 0)

    @property
    def reads(self) -> tuple[str, ...]:
        """The keys of the datasets it reads, each once."""
        named = (*(table for select in self.selects for table in select.tables), *self.also_reads)
        return tuple(dict.fromkeys(named))

    @property
    def writes(self) -> tuple[str, ...]:
        """The keys of the datasets it writes."""
        return (*(select.into for select in self.selects), *self.also_writes)


def columns(text: str) -> tuple[Column, ...]:
    """Read columns, one a line: `name TYPE [#tag ...] [before|after] [-- description]`."""
    return tuple(_column(line) for line in text.splitlines() if line.strip())


def _column(line: str) -> Column:
    facts, _, description = line.partition("--")
    name, type_, *marks = facts.split()
    eras = [Era(mark) for mark in marks if not mark.startswith("#")]
    return Column(
        name=name,
        type=type_,
        description=description.strip(),
        tags=tuple(mark[1:] for mark in marks if mark.startswith("#")),
        era=eras[0] if eras else Era.ALWAYS,
    )


def keep(table: str, names: str) -> dict[str, str]:
    """Select expressions that pass columns on as they are: `keep("orders", "order_id status")`."""
    return {name: f"{table}.{name}" for name in names.split()}


def by_key(datasets: Iterable[Dataset]) -> dict[str, Dataset]:
    """The datasets by key; ValueError when two share one."""
    found: dict[str, Dataset] = {}
    for dataset in datasets:
        if dataset.key in found:
            raise ValueError(f"two datasets are called {dataset.key}")
        found[dataset.key] = dataset
    return found

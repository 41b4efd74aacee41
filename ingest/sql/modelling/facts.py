"""What is known of tables before their pattern is asked: keys, joins, the hints in names; and `Estate`, which puts
foreign keys together from all of them.

A declared foreign key is believed. Where none is, a join on another table's key stands for one, then a column named
like another table's key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from ingest.sql.result import Join, SqlLineage, Statement, Table


class Role(StrEnum):
    """What a table is for in its model. Kimball: fact, dimension, bridge; Linstedt: hub, link, satellite."""

    FACT = "fact"
    DIMENSION = "dimension"
    BRIDGE = "bridge"
    HUB = "hub"
    LINK = "link"
    SATELLITE = "satellite"
    STAGING = "staging"
    TEMPORARY = "temporary"


class ForeignKey(NamedTuple):
    """`columns` refer to `table`; `referenced` are the columns there, () when not said (then its primary key)."""

    columns: tuple[str, ...]
    table: str
    referenced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table by its dotted lower-case name; `columns` map a name to its type ("" when not known)."""

    name: str
    columns: Mapping[str, str] = field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    is_temporary: bool = False


class Joined(NamedTuple):
    """`left`.`left_column` = `right`.`right_column` was seen in `count` statements."""

    left: str
    left_column: str
    right: str
    right_column: str
    count: int = 1  # type: ignore[assignment]  # hides tuple.count


def facts_of(
    result: SqlLineage, columns: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[tuple[TableFacts, ...], tuple[Joined, ...]]:
    """The tables and joins of a script. Columns are those that its edges and keys name, and `columns` (a schema:
    table to column to type), which counts for the tables of the script and adds those that it does not have."""
    known: dict[str, dict[str, str]] = {}
    for table, its in (columns or {}).items():
        known[table.lower()] = {column.lower(): kind for column, kind in its.items()}
    primary: dict[str, tuple[str, ...]] = {}
    foreign: dict[str, dict[ForeignKey, None]] = defaultdict(dict)
    temporary: dict[str, bool] = dict.fromkeys(known, False)
    joined: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for statement in result.statements:
        if statement.rolled_back:
            continue
        for table_, column in _columns_named(statement):
            temporary[table_.name] = temporary.get(table_.name, True) and table_.temporary
            its_columns = known.setdefault(table_.name, {})
            if column and column != "*":
                its_columns.setdefault(column, "")
        for key in statement.keys:
            if key.kind == "PRIMARY" or (key.kind == "UNIQUE" and key.table.name not in primary):
                primary[key.table.name] = key.columns
            elif key.kind == "FOREIGN" and key.references is not None:
                foreign[key.table.name][ForeignKey(key.columns, key.references.name, key.referenced_columns)] = None
        for pair in {_pair(join) for join in statement.joins}:
            joined[pair] += 1
    tables = (
        TableFacts(name, its, primary.get(name, ()), tuple(foreign.get(name, ())), temporary[name])
        for name, its in known.items()
    )
    return tuple(tables), tuple(Joined(*pair, count) for pair, count in joined.items())


def _columns_named(statement: Statement) -> Iterable[tuple[Table, str | None]]:
    for table in (*statement.hop.inputs, *statement.hop.outputs):
        yield table, None
    for edge in statement.hop.edges:
        if edge.source is not None:
            yield edge.source, edge.source_column
        if edge.target is not None:
            yield edge.target, edge.target_column
    for key in statement.keys:
        for column in key.columns:
            yield key.table, column
        if key.references is not None:
            yield key.references, None
    for join in statement.joins:
        yield join.left, join.left_column
        yield join.right, join.right_column


def _pair(join: Join) -> tuple[str, str, str, str]:
    left, right = sorted(((join.left.name, join.left_column), (join.right.name, join.right_column)))
    return (*left, *right)


_HINTS: dict[str, tuple[Role, bool]] = {
    # word: role, and whether it says so at a name's end too
    **dict.fromkeys(("fact", "facts", "fct"), (Role.FACT, True)),
    **dict.fromkeys(("dim", "dimension"), (Role.DIMENSION, True)),
    **dict.fromkeys(("bridge", "brg", "xref"), (Role.BRIDGE, True)),
    "hub": (Role.HUB, True),
    **dict.fromkeys(("lnk", "link"), (Role.LINK, True)),
    **dict.fromkeys(("sat", "satellite"), (Role.SATELLITE, True)),
    **dict.fromkeys(("stg", "staging", "stage"), (Role.STAGING, True)),
    **dict.fromkeys(("tmp", "temp"), (Role.TEMPORARY, True)),
    **dict.fromkeys(("f",), (Role.FACT, False)),
    **dict.fromkeys(("d",), (Role.DIMENSION, False)),
    **dict.fromkeys(("h",), (Role.HUB, False)),
    **dict.fromkeys(("l",), (Role.LINK, False)),
    **dict.fromkeys(("s",), (Role.SATELLITE, False)),
    "br": (Role.BRIDGE, False),
}
_MEASURES = frozenset(
    "amount amt price qty quantity cost total sum revenue tax discount profit fee balance volume units margin net"
    " gross paid count cnt sales value weight duration budget".split()
)
_NUMBERS = ("decimal", "numeric", "float", "double", "real", "money", "bigdecimal")
_NO_MEASURE = frozenset("id key sk fk pk code no number num year month day date flag status type line seq".split())
_REFERRING = ("_hash_key", "_hashkey", "_hkey", "_hk", "_key", "_sk", "_id", "_fk", "key", "id")


def hint(name: str) -> tuple[Role, str] | None:
    """The role that a table's name hints at, and the word that does; by one letter only in front (`d_customer`)."""
    *outer, last = name.split(".")
    words = last.strip("#@").split("_")
    found = None
    if len(words) > 1:
        found = _HINTS.get(words[0])
        if found is not None:
            return found[0], f"{words[0]}_"
        found = _HINTS.get(words[-1])
        if found is not None and found[1]:
            return found[0], f"_{words[-1]}"
    for prefix in ("fact", "dim"):
        if last.startswith(prefix) and len(last) > len(prefix) + 2 and "_" not in last[: len(prefix) + 1]:
            return _HINTS[prefix][0], prefix
    for schema in outer[-1:]:
        found = _HINTS.get(schema)
        if found is not None and found[0] in (Role.STAGING, Role.TEMPORARY):
            return found[0], f"{schema}."
    return None


def is_measure(column: str, kind: str) -> bool:
    """Is this column a number to add up: one with decimals, or a whole number named like one?"""
    words = column.lower().split("_")
    if words[-1] in _NO_MEASURE:
        return False
    kind = kind.lower()
    if kind.startswith(_NUMBERS) or (kind.startswith("number") and "," in kind and not kind.endswith(("0)", " 0)"))):
        return True
    named = any(_singular(word) in _MEASURES or word.endswith(("price", "cost", "amount", "qty")) for word in words)
    return named and (not kind or "int" in kind or kind.startswith("number"))


def _singular(word: str) -> str:
    return word.removesuffix("s") if word not in _MEASURES else word


def stem(name: str) -> str:
    """What a table is about: its name without hints and without a plural (`dim_customers`: customer)."""
    last = name.rpartition(".")[2].strip("#@")
    found = hint(last)
    if found is not None:
        last = last.removeprefix(found[1]).removesuffix(found[1])
    return last[:-3] + "y" if last.endswith("ies") else last.removesuffix("s")


def referring_stem(column: str) -> str | None:
    """What a column refers to by its name (`customer_id`: customer), None when it does not sound like a reference."""
    for ending in _REFERRING:
        if column.endswith(ending) and len(column) > len(ending) + 1:
            return column.removesuffix(ending).rstrip("_").removesuffix("s")
    return None


class Reference(NamedTuple):
    """A foreign key and what says so: "key", "join" or "name"."""

    columns: tuple[str, ...]
    table: str
    said_by: str


class Estate:
    """All tables with their foreign keys, declared or found."""

    def __init__(self, tables: Iterable[TableFacts], joins: Iterable[Joined]) -> None:
        self.tables = {table.name: table for table in tables}
        self.hints = {name: found for name in self.tables if (found := hint(name)) is not None}
        self.references: dict[str, list[Reference]] = {name: [] for name in self.tables}
        self._taken: set[tuple[str, str]] = set()
        for table in self.tables.values():
            for key in table.foreign_keys:
                self._refer(table.name, key.columns, key.table, "key")
        self._by_joins(list(joins))
        self._by_names()

    def _refer(self, table: str, columns: tuple[str, ...], other: str, said_by: str) -> None:
        if other == table or other not in self.tables or table not in self.tables:
            return
        reference = Reference(columns, other, said_by)
        if reference not in self.references[table]:
            self.references[table].append(reference)
            self._taken.update((table, column) for column in columns)

    def _by_joins(self, joins: list[Joined]) -> None:
        partners: dict[tuple[str, str], set[str]] = defaultdict(set)
        for join in joins:
            partners[join.left, join.left_column].add(join.right)
            partners[join.right, join.right_column].add(join.left)
        # A column may be joined with several tables; what is joined most often counts.
        for join in sorted(joins, key=lambda join: (-join.count, join)):
            left, right = (join.left, join.left_column), (join.right, join.right_column)
            chances = self._keyness(*left, partners[left]), self._keyness(*right, partners[right])
            if chances[0] == chances[1] or left[0] == right[0]:
                continue
            (table, column), (other, _) = (right, left) if chances[0] > chances[1] else (left, right)
            if (table, column) not in self._taken:
                self._refer(table, (column,), other, "join")

    def _keyness(self, name: str, column: str, partners: set[str]) -> tuple[int, int]:
        """How much a joined column looks like the key of its own table; more than the other side's makes it that."""
        table = self.tables.get(name)
        if table is None:
            return (-1, 0)
        if table.primary_key:
            return (3, 0) if table.primary_key == (column,) else (0, 0)
        if column in ("id", "key", "sk") or referring_stem(column) == stem(name):
            return (2, 0)
        return (1, len(partners)) if len(partners) > 1 else (0, 0)

    def _by_names(self) -> None:
        owners: dict[str, list[str]] = defaultdict(list)
        about: dict[str, list[str]] = defaultdict(list)
        for table in self.tables.values():
            if len(table.primary_key) == 1 and referring_stem(table.primary_key[0]):
                owners[table.primary_key[0]].append(table.name)
            about[stem(table.name)].append(table.name)
        for table in self.tables.values():
            if table.is_temporary or table.foreign_keys:
                continue
            for column in table.columns:
                about_ = referring_stem(column)
                if about_ is None or (column,) == table.primary_key or (table.name, column) in self._taken:
                    continue
                named = owners.get(column) or [
                    other for other in about.get(about_, ()) if self._has_key_for(other, column)
                ]
                if len(named) == 1 and stem(table.name) != about_:
                    self._refer(table.name, (column,), named[0], "name")

    def _has_key_for(self, name: str, column: str) -> bool:
        table = self.tables[name]
        if table.primary_key:
            return len(table.primary_key) == 1
        return not table.columns or column in table.columns or any(key in table.columns for key in ("id", "key", "sk"))

    @cached_property
    def referred_by(self) -> dict[str, set[str]]:
        """The tables that refer to each."""
        found: dict[str, set[str]] = defaultdict(set)
        for name, references in self.references.items():
            for reference in references:
                found[reference.table].add(name)
        return found

    def measures(self, name: str) -> list[str]:
        table = self.tables[name]
        keys = {column for reference in self.references[name] for column in reference.columns} | {*table.primary_key}
        return [column for column, kind in table.columns.items() if column not in keys and is_measure(column, kind)]

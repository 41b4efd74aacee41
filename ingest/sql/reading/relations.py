"""What stands in a FROM: tables, derived tables, function results; and scopes that look columns up in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ingest.sql.reading.flow import IDENTITY, PLAIN, Sources, Via, add_all, through, union
from ingest.sql.result import Table

STAR = "*"
_NOT_LISTED = Via(IDENTITY, 0.7, "not among the known columns of the table")
_STAR_UNKNOWN = Via(IDENTITY, 0.6, "star expanded without a schema")


@dataclass(slots=True, eq=False)
class Relation:
    """Anything with columns. `columns` are the known ones in order. It is *open* where it may have others: a
    `table` without a schema, a star over open relations (`rest`), or a value whose fields are not known
    (`anything`: where any field comes from)."""

    alias: str
    columns: dict[str, Sources] = field(default_factory=dict)
    table: Table | None = None
    known: Mapping[str, str] | None = None  # of a table: its columns, None for a table without a schema
    rest: tuple[Relation, ...] = ()
    anything: Sources | None = None
    hidden: frozenset[str] = frozenset()  # of `rest`: what the star left out
    is_union: bool = False  # of `rest`: a column comes from each of them, not from one

    @property
    def is_open(self) -> bool:
        if self.table is not None:
            return self.known is None
        return bool(self.rest) or self.anything is not None

    def has(self, name: str) -> bool:
        """Whether it surely has the column."""
        return name in self.columns or (self.known is not None and name in self.known)

    def find(self, name: str) -> Sources | None:
        """Where the column comes from; None where it surely isn't there."""
        found = self.columns.get(name)
        if found is not None:
            return found
        if self.table is not None:
            if self.known is None or name in self.known:
                return {(self.table, name): PLAIN}
            return None
        if self.anything is not None:
            return self.anything
        if not self.rest or name in self.hidden:
            return None
        if self.is_union:
            return union(relation.find(name) or {} for relation in self.rest) or None
        listed = [relation for relation in self.rest if relation.has(name)]
        candidates = listed or [relation for relation in self.rest if relation.is_open]
        if len(candidates) == 1:
            found = candidates[0].find(name)
            return through(found, _STAR_UNKNOWN._replace(confidence=0.9)) if found else None
        if candidates:
            return {(None, name): Via(IDENTITY, 0.4, "which table has it is not known")}
        return None

    def require(self, name: str) -> Sources:
        """The same for a column that the text says is here, listed or not."""
        found = self.find(name)
        if found is None and self.table is not None:
            return {(self.table, name): _NOT_LISTED}
        return found or {}

    def star(self) -> Iterator[tuple[str, Sources]]:
        """Its columns in order; an open relation's unknown ones as one `*`."""
        if self.table is not None and self.known is not None:
            for name in self.known:
                if "." not in name:  # a field of a struct is in its column
                    yield name, self.columns.get(name) or {(self.table, name): PLAIN}
            return
        if self.table is not None:
            yield STAR, {(self.table, STAR): _STAR_UNKNOWN}
            return
        yield from ((name, sources) for name, sources in self.columns.items() if name != STAR)
        if self.rest:
            yield STAR, union(relation.everything() for relation in self.rest if relation.is_open)
        elif self.anything is not None:
            yield STAR, self.anything

    def everything(self) -> Sources:
        """All its columns as one value (a whole-row reference, COUNT(*))."""
        return union(sources for _, sources in self.star())


@dataclass(slots=True)
class Column:
    """One column of a query's result; `relation` is set for a star that could not be expanded."""

    name: str
    sources: Sources
    node: object = None  # the sqlglot expression
    relation: tuple[Relation, ...] = ()
    named: bool = True  # False: the text gave no name

    @property
    def is_star(self) -> bool:
        return self.name == STAR


def derived(alias: str, columns: Sequence[Column], names: Sequence[str] = ()) -> Relation:
    """A query's result as a relation; `names` are those of `AS alias (a, b)`."""
    relation = Relation(alias)
    rest: list[Relation] = []
    hidden: set[str] = set()
    positional = names and not any(column.is_star for column in columns[: len(names)])
    for index, column in enumerate(columns):
        if column.is_star:
            for part in column.relation:
                rest.append(part)
                hidden |= part.hidden
            continue
        name = names[index] if positional and index < len(names) else column.name
        if name in relation.columns:
            merged: Sources = dict(relation.columns[name])
            add_all(merged, column.sources)
            relation.columns[name] = merged
        else:
            relation.columns[name] = column.sources
    if names and not positional:
        # a star under a list of names: which is which can't be known, but all come from below
        everything = union(column.sources for column in columns)
        low = through(everything, Via(IDENTITY, 0.4, "a star under a list of column names"))
        for name in names:
            relation.columns.setdefault(name, low)
    relation.rest = tuple(rest)
    relation.hidden = frozenset(hidden)
    return relation


class Scope:
    """The relations that one SELECT sees, inside those of the query around it."""

    __slots__ = ("relations", "parent", "ctes", "using", "aliases", "evident", "bound")

    def __init__(self, parent: Scope | None = None, ctes: Mapping[str, Relation] | None = None) -> None:
        self.relations: dict[str, Relation] = {}
        self.parent = parent
        self.ctes: Mapping[str, Relation] = ctes if ctes is not None else (parent.ctes if parent else {})
        self.using: set[str] = set()
        self.aliases: dict[str, Sources] = {}  # of the select list, as far as it has been read
        self.evident: set[str] = set()  # names that were already read as a table's column
        self.bound: frozenset[str] = parent.bound if parent else frozenset()  # a lambda's arguments

    def add(self, relation: Relation) -> None:
        name = relation.alias
        if name in self.relations:
            name = f"{name}'{len(self.relations)}"  # two of one name: the second is found by its columns only
        self.relations[name] = relation

    def relation(self, *parts: str) -> Relation | None:
        """By alias, else by the table's own name (which some engines allow beside an alias)."""
        if len(parts) == 1 and (found := self.relations.get(parts[0])) is not None:
            return found
        for relation in self.relations.values():
            table = relation.table
            if table is not None and table.parts[-len(parts) :] == parts:
                return relation
        return self.relations.get(parts[-1]) if len(parts) > 1 and self.relations.get(parts[-1]) else None

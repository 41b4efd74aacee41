"""What one statement does, before names of temporary tables are looked behind."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.sql.reading.flow import Sources
from ingest.sql.reading.relations import Column
from ingest.sql.result import Access, Category, Key, Property, Table, Unread


@dataclass(slots=True)
class Write:
    """Columns that flow into `target`; each is named as the target's column."""

    target: Table
    columns: list[Column]
    indirect: Sources = field(default_factory=dict)


@dataclass(slots=True)
class Created:
    """A table or view that exists from now on; `columns` None: not known."""

    table: Table
    columns: dict[str, str] | None
    replaces: bool = True


@dataclass(slots=True)
class Effects:
    """Gathered while a statement is read."""

    kind: str
    category: Category
    inputs: dict[Table, None] = field(default_factory=dict)
    outputs: dict[Table, None] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    result: list[Column] | None = None  # of a bare SELECT
    returned: list[Column] | None = None  # of RETURNING or OUTPUT
    created: list[Created] = field(default_factory=list)
    dropped: list[Table] = field(default_factory=list)
    renamed: list[tuple[Table, Table]] = field(default_factory=list)
    swapped: list[tuple[Table, Table]] = field(default_factory=list)
    indirect: Sources = field(default_factory=dict)
    access: list[Access] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def write(self, target: Table, columns: list[Column]) -> None:
        self.outputs.setdefault(target)
        self.writes.append(Write(target, columns))

"""A statement's AST -> its effects: what the kinds of statement share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from ingest.sql.reading.effects import Created, Effects
from ingest.sql.reading.flow import IDENTITY, Via, add_all, through, union
from ingest.sql.reading.query import QueryReader
from ingest.sql.reading.relations import STAR, Column, Relation, Scope
from ingest.sql.result import Category, Table

EVERY_COLUMN = Via(IDENTITY, 0.6, "all columns, by a table's name alone")
_BY_POSITION = Via(IDENTITY, 0.5, "a star without a schema into a list of columns")
_COLUMN_BY_COLUMN = Via(IDENTITY, 0.6, "a star without a schema, by equal names")

Handler = Callable[["EffectsReader", exp.Expr, "Scope | None"], None]


class EffectsReader:
    """Reads one statement; `reader` gathers what its queries read, `handlers` know the kinds of statement."""

    def __init__(self, reader: QueryReader, handlers: Mapping[type, Handler]) -> None:
        self.reader = reader
        self.names = reader.names
        self.environment = reader.environment
        self.effects = Effects("", Category.OTHER)
        self.returning: Callable[[Scope, Relation], None] | None = None  # reads T-SQL's OUTPUT among the target's rows
        self._handlers = handlers
        reader.writes = self._writable_cte

    def read(self, node: exp.Expr) -> Effects:
        """All effects of the statement, what its queries read included."""
        self.effects.kind = node.key.upper()
        self.handle(node, None)
        return self.finish()

    def handle(self, node: exp.Expr, parent: Scope | None) -> None:
        handler = self._handlers.get(type(node))
        if handler is not None:
            handler(self, node, parent)

    def finish(self) -> Effects:
        self.effects.inputs.update(self.reader.inputs)
        add_all(self.effects.indirect, self.reader.indirect)
        return self.effects

    def done(self, kind: str, category: Category) -> None:
        self.effects.kind, self.effects.category = kind, category

    def listed(self, node: exp.Expr) -> list[str]:
        """The columns in `t (a, b)`."""
        return [self.names.lower(it.name) for it in node.expressions if it.name] if isinstance(node, exp.Schema) else []

    # --- writing ---------------------------------------------------------------------------------------------------

    def create(self, target: Table, columns: list[Column], names: Sequence[str] = ()) -> None:
        """`target` is made of these columns, under `names` if there are any."""
        for column, name in zip(columns, names, strict=False):
            if not column.is_star:
                column.name = name
        known = None if any(column.is_star for column in columns) else {column.name: "" for column in columns}
        self.effects.created.append(Created(target, known))
        self.effects.write(target, columns)

    def whole_table(self, source: Table, target: Table) -> None:
        """All of `source` goes into `target`, column by column where they are known."""
        self.effects.inputs.setdefault(source)
        relation = Relation("", table=source, known=self.environment.columns(source))
        columns = []
        for name, sources in relation.star():
            if name == STAR:
                columns.append(Column(STAR, through(sources, EVERY_COLUMN), None, (relation,)))
            else:
                columns.append(Column(name, sources))
        self.effects.write(target, columns)

    def rename(self, old: Table, new: Table) -> None:
        self.done("RENAME", Category.DDL)
        if old.temporary:
            new = Table(new.parts[-1:], True)
        elif len(new.parts) < len(old.parts):
            new = Table((*old.parts[: len(old.parts) - len(new.parts)], *new.parts))
        self.whole_table(old, new)
        self.effects.renamed.append((old, new))

    def swap(self, table: Table, other: Table) -> None:
        """The rows of `other` become `table`'s. The way back is what nobody asks for, and is left out."""
        self.done("SWAP", Category.DDL)
        self.whole_table(other, table)
        self.effects.swapped.append((table, other))

    def exchange(self, table: Table, other: Table, kind: str) -> None:
        """Rows of `other` become `table`'s."""
        self.done(kind, Category.DDL)
        self.whole_table(other, table)

    def place(
        self, target: Table, columns: list[Column], listed: Sequence[str], node: exp.Expr | None = None
    ) -> list[Column]:
        """Names the columns as the target's: by the list, by its known columns, else by their own names."""
        if node is not None and node.args.get("by_name"):
            return columns
        known = self.environment.columns(target)
        dynamic, static = self._partition(node)
        starred = [index for index, column in enumerate(columns) if column.is_star]
        names = list(listed)
        if names:
            names += [name for name in dynamic if name not in names]
        elif known is not None:
            names = [name for name in known if "." not in name and name not in dynamic and name not in static]
            names += dynamic
            if not starred and len(names) < len(columns):
                names = []  # the schema is older than the statement
        if not names and dynamic and not starred and len(columns) >= len(dynamic):
            last = columns[-len(dynamic) :]  # Hive: what leads to a partition stands last
            renamed = [Column(name, it.sources, it.node) for name, it in zip(dynamic, last, strict=True)]
            return [*columns[: -len(dynamic)], *renamed]
        if not names:
            return columns
        if not starred:
            return [Column(name, column.sources, column.node) for name, column in zip(names, columns, strict=False)]
        head, tail = starred[0], len(columns) - starred[-1] - 1
        placed = [
            Column(name, column.sources, column.node) for name, column in zip(names, columns[:head], strict=False)
        ]
        middle = names[head : len(names) - tail]
        for column in columns[head : len(columns) - tail]:
            found = {name: it for name in middle if (it := union(rel.find(name) or {} for rel in column.relation))}
            if found and not listed:
                placed.extend(Column(name, through(it, _COLUMN_BY_COLUMN), column.node) for name, it in found.items())
            elif column.is_star:
                placed.append(Column(STAR, through(column.sources, _BY_POSITION), column.node, column.relation))
            else:
                placed.append(Column(column.name, through(column.sources, _BY_POSITION), column.node))
        if tail and len(names) >= head + tail:
            placed.extend(
                Column(name, column.sources, column.node)
                for name, column in zip(names[-tail:], columns[-tail:], strict=True)
            )
        return placed

    def _partition(self, node: exp.Expr | None) -> tuple[list[str], list[str]]:
        """The dynamic and the static columns of Hive's PARTITION (a = 1, b)."""
        dynamic: list[str] = []
        static: list[str] = []
        if node is None:
            return dynamic, static
        table = node.this.this if isinstance(node.this, exp.Schema) else node.this
        partition = table.args.get("partition") if isinstance(table, exp.Table) else None
        partition = partition or node.args.get("partition")
        for item in partition.expressions if isinstance(partition, exp.Partition) else ():
            if isinstance(item, exp.EQ):
                static.append(self.names.lower(item.this.name))
            elif isinstance(item, (exp.Column, exp.Identifier)):
                dynamic.append(self.names.lower(item.name))
        return dynamic, static

    # --- what a change gives back ------------------------------------------------------------------------------------

    def give_back(self, node: exp.Expr, target: Table, scope: Scope, alias: str = "") -> None:
        """RETURNING and OUTPUT: the rows are the target's."""
        returning = node.args.get("returning")
        if returning is None and self.returning is None:
            return
        known = self.environment.columns(target)
        row = Relation(alias or target.parts[-1], table=target, known=known)
        beside = Scope(scope)  # the other tables of the statement are in view behind the target's row
        inside = Scope(beside)
        inside.add(row)
        for name in ("inserted", "deleted", "new", "old"):
            if name not in scope.relations:
                beside.relations[name] = Relation(name, table=target, known=known)
        if self.returning is not None:
            self.returning(inside, row)
        if returning is not None:
            self.effects.returned = self.returned(returning.expressions, inside, row)

    def returned(self, expressions: Sequence[exp.Expr], scope: Scope, row: Relation) -> list[Column]:
        columns: list[Column] = []
        for projection in expressions:
            columns.extend(self.reader.projection(projection, scope))
        return columns

    def uses(self, target: Table, columns: Sequence[Column]) -> None:
        """What is given back goes somewhere, so the changed table is read, too."""
        if any(table == target for it in columns for (table, _) in it.sources):
            self.reader.inputs.setdefault(target)

    def _writable_cte(self, node: exp.Expr, scope: Scope) -> list[Column]:
        """A change inside WITH: its effects are the statement's, its RETURNING the CTE's columns."""
        kind, category, outer = self.effects.kind, self.effects.category, self.effects.returned
        self.effects.returned = None
        self.handle(node, scope)
        returned: list[Column] = self.effects.returned or []
        for target in self.effects.outputs:
            self.uses(target, returned)
        self.effects.kind, self.effects.category, self.effects.returned = kind, category, outer
        return returned

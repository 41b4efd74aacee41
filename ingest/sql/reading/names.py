"""What tables are called: parts, defaults, and the spelling that is given back."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from ingest.sql.result import Table

_PATH_READERS = frozenset({"parquet", "csv", "json", "orc", "delta", "text", "avro", "binaryfile", "iceberg"})
_PATH_DIALECTS = frozenset({"spark", "spark2", "databricks"})


class Names:
    """Reads names as `dialect` writes them, completes them by the defaults, and remembers how they were spelled."""

    def __init__(self, dialect: str, default_db: str | None, default_schema: str | None) -> None:
        self.dialect = dialect
        self.default_db = default_db.lower() if default_db else None
        self.default_schema = default_schema.lower() if default_schema else None
        self.spellings: dict[str, str] = {}

    def lower(self, text: str) -> str:
        lowered = text.lower()
        if lowered != text:
            self.spellings.setdefault(lowered, text)
        return lowered

    def parts(self, table: exp.Expr) -> tuple[str, ...]:
        """The written parts of a table's name, from the outermost down; () where it is no name."""
        if isinstance(table, exp.Schema):
            table = table.this
        if isinstance(table, exp.Identifier):
            return (self.lower(table.name),)
        if isinstance(table, exp.Literal):
            return (self.lower(table.name),)
        if isinstance(table, exp.Directory):
            return self.parts(table.this)
        if isinstance(table, (exp.Parameter, exp.Var)):
            return (self.lower(parameter(table)),)
        if isinstance(table, exp.Column):
            return tuple(self.lower(part.name) for part in table.parts)
        if isinstance(table, exp.Dot):
            return (*self.parts(table.this), *self.parts(table.expression))
        if not isinstance(table, exp.Table):
            return ()
        last = table.this
        if not isinstance(last, (exp.Identifier, exp.Dot, exp.Parameter, exp.Var, exp.Literal)):
            return ()
        outer = [table.args.get("catalog"), table.args.get("db")]
        found = [self._part(part) for part in outer if part is not None]
        found.extend(self.parts(last))
        if len(found) > 1 and found[-2] in _PATH_READERS and self.dialect in _PATH_DIALECTS and last.args.get("quoted"):
            return (found[-1],)
        if self.dialect == "bigquery" and "$" in found[-1]:
            found[-1] = found[-1].partition("$")[0]  # a partition of the table
        return tuple(found)

    def _part(self, part: exp.Expr | str) -> str:
        name = part if isinstance(part, str) else part.name
        return self.lower(name) if name else "dbo" if self.dialect in ("tsql", "fabric") else ""

    def table(self, table: exp.Expr) -> Table | None:
        """The lasting table of that name, completed by the defaults; None where it is no name."""
        parts = self.parts(table)
        return Table(self.complete(parts)) if parts and parts[-1] else None

    def complete(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """`orders` -> (db, schema, orders), as far as there are defaults."""
        if is_path(parts):
            return parts
        if len(parts) == 1 and self.default_schema:
            parts = (self.default_schema, *parts)
        if len(parts) == 2 and self.default_db:
            parts = (self.default_db, *parts)
        return parts


def is_path(parts: tuple[str, ...]) -> bool:
    """Stages, files and places in a bucket are no catalogue's tables."""
    return len(parts) == 1 and (parts[0][:1] in "@/." or "://" in parts[0] or parts[0][:1] == "@")


def parameter(node: exp.Expr) -> str:
    """A variable as it is written: `@x`, `@@x`, `x`."""
    if isinstance(node, exp.SessionParameter):
        return "@@" + node.name
    if isinstance(node, exp.Placeholder):
        return ":" + node.name
    if isinstance(node, exp.Parameter):
        return "@" + (node.this.name if isinstance(node.this, exp.Expr) else str(node.this))
    return node.name


class Catalog:
    """The columns that the caller knows of, looked up by as many parts of a name as are written."""

    def __init__(self, schema: Mapping[str, Mapping[str, str]] | None, names: Names) -> None:
        self._exact: dict[tuple[str, ...], Mapping[str, str]] = {}
        self._by_suffix: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for table, columns in (schema or {}).items():
            parts = tuple(part.strip('`"[]') for part in table.lower().split("."))
            listed = {names.lower(column): type for column, type in columns.items()}
            self._exact[parts] = listed
            for start in range(1, len(parts)):
                self._by_suffix.setdefault(parts[start:], []).append(parts)

    def columns(self, table: Table) -> Mapping[str, str] | None:
        """Column -> type ("" unknown) in order; None where the table isn't known, or its short name is not clear."""
        found = self._exact.get(table.parts)
        if found is not None or not self._exact:
            return found
        longer = self._by_suffix.get(table.parts)
        if longer is not None and len(longer) == 1:
            return self._exact[longer[0]]
        for start in range(1, len(table.parts)):  # the caller gave fewer parts than the text
            found = self._exact.get(table.parts[start:])
            if found is not None:
                return found
        return None

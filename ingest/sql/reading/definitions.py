"""CREATE, ALTER and GRANT -> what is defined: columns, keys, properties, access."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from ingest.sql.reading.effects import Effects
from ingest.sql.reading.query import Environment
from ingest.sql.result import Access, Key, Property, Table

_TEMPORARY = (exp.TemporaryProperty, exp.VolatileProperty, exp.GlobalProperty)
_PROPERTY_NAMES: dict[type, str] = {
    exp.FileFormatProperty: "format",
    exp.LocationProperty: "location",
    exp.PartitionedByProperty: "partitioned_by",
    exp.ClusteredByProperty: "clustered_by",
    exp.DistKeyProperty: "distributed_by",
    exp.DistributedByProperty: "distributed_by",
    exp.SortKeyProperty: "sorted_by",
    exp.EngineProperty: "engine",
    exp.ClusterProperty: "clustered_by",
    exp.DistStyleProperty: "distribution",
    exp.SchemaCommentProperty: "comment",
}
# Where LOCATION is the place that the table itself keeps its rows in, not one that it reads.
_KEEPS_ITS_ROWS = frozenset({"hive", "spark", "spark2", "databricks", "athena", "trino", "presto"})


@dataclass(slots=True)
class Described:
    """What a CREATE names: its table, its columns if listed, and the tables it is made like, into or from."""

    table: Table | None
    columns: dict[str, str] | None = None
    like: Table | None = None
    is_copy: bool = False  # CLONE, COPY: with its rows; LIKE: only its columns
    into: Table | None = None
    sources: tuple[Table, ...] = ()


def describe_create(node: exp.Expr, environment: Environment, effects: Effects) -> Described:
    """Reads all of a CREATE but its query; keys, checks and properties go to `effects`."""
    kind = (node.args.get("kind") or "").upper()
    if kind == "INDEX":
        _index(node, environment, effects)
        return Described(None)
    if kind not in ("TABLE", "VIEW", "STAGE", "MATERIALIZED VIEW", "STREAM", "TASK", "PIPE", "DYNAMIC TABLE"):
        return Described(None)
    table = environment.table(node.this)
    if table is None:
        return Described(None)
    properties = node.args.get("properties")
    listed = properties.expressions if properties is not None else []
    if any(isinstance(it, _TEMPORARY) for it in listed) and not table.temporary:
        written = environment.names.parts(node.this)
        table = Table(written[-1:], True)
        environment.name_temporary(written, table)
    described = Described(table)
    clone = node.args.get("clone")
    if clone is not None:
        described.like, described.is_copy = environment.table(clone.this), True
    sources: list[Table] = []
    for item in listed:
        if isinstance(item, exp.LikeProperty):
            described.like = environment.table(item.this)
        elif isinstance(item, exp.ToTableProperty):
            described.into = environment.table(item.this)
        else:
            _property(item, table, environment, effects, sources, kind)
    if isinstance(node.this, exp.Schema):
        described.columns = {}
        for item in node.this.expressions:
            if isinstance(item, exp.LikeProperty):
                described.like = environment.table(item.this)
            elif isinstance(item, exp.Identifier):
                described.columns[environment.names.lower(item.name)] = ""
            else:
                _column_or_constraint(item, table, described.columns, environment, effects)
        if not described.columns:
            described.columns = None
    described.sources = tuple(sources)
    return described


def describe_alter(node: exp.Expr, table: Table, environment: Environment, effects: Effects) -> None:
    """Keys and checks that an ALTER TABLE adds."""
    for action in node.args.get("actions") or ():
        if isinstance(action, exp.AddConstraint):
            for constraint in action.expressions:
                _column_or_constraint(constraint, table, {}, environment, effects)
        elif isinstance(action, exp.ColumnDef):
            _column_or_constraint(action, table, {}, environment, effects)


def granted(node: exp.Expr, environment: Environment, is_grant: bool) -> Iterator[Access]:
    """One access relation a privilege and principal."""
    securable = node.args.get("securable")
    table = environment.table(securable) if securable is not None else None
    name = table.name if table is not None else securable.name.lower() if securable is not None else ""
    for principal in node.args.get("principals") or ():
        for privilege in node.args.get("privileges") or ():
            word = privilege.this.name if isinstance(privilege.this, exp.Expr) else str(privilege.this)
            yield Access(principal.this.name, word.upper(), name, is_grant)


def _property(
    item: exp.Expr,
    table: Table,
    environment: Environment,
    effects: Effects,
    sources: list[Table],
    kind: str,
) -> None:
    name = _PROPERTY_NAMES.get(type(item))
    if type(item) is exp.Property:
        name = item.this.name.lower() if isinstance(item.this, exp.Expr) else str(item.this).lower()
    if name is None:
        if isinstance(item, exp.Properties):
            for inner in item.expressions:
                _property(inner, table, environment, effects, sources, kind)
        return
    literals = [it.name for it in item.find_all(exp.Literal, exp.Var) if "://" in it.name or it.name[:1] == "@"]
    if literals and name in ("location", "url", "uris", "uri"):
        name = "location"
        if environment.names.dialect not in _KEEPS_ITS_ROWS:
            sources.extend(
                found for text in literals if (found := environment.table(exp.Literal.string(text))) is not None
            )
    if "compression" in name or name.endswith("codec"):
        name = "compression"
    effects.properties.append(Property(table, name, _text(item)))


def _text(item: exp.Expr) -> str:
    value = item.args.get("value")
    if value is None:
        value = item.args.get("this") or item.args.get("expressions")
    if isinstance(value, exp.Expr):
        names = [it.name for it in value.find_all(exp.Identifier, exp.Literal, exp.Var) if it.name]
        return ", ".join(names)[:500]
    if isinstance(value, list):
        return ", ".join(name.lower() for it in value if isinstance(it, exp.Expr) and (name := it.name))[:500]
    return str(value)[:500]


def _index(node: exp.Expr, environment: Environment, effects: Effects) -> None:
    index = node.this
    on = index.args.get("table") if isinstance(index, exp.Index) else None
    table = environment.table(on) if on is not None else None
    if table is None:
        return
    params = index.args.get("params")
    columns = [
        environment.names.lower(column.name) for column in (params.find_all(exp.Column) if params is not None else ())
    ]
    columns = list(dict.fromkeys(columns))
    effects.properties.append(Property(table, "index", ", ".join(columns)))
    if node.args.get("unique"):
        effects.keys.append(Key(table, "UNIQUE", tuple(columns)))


def _column_or_constraint(
    item: exp.Expr, table: Table, columns: dict[str, str], environment: Environment, effects: Effects
) -> None:
    lower = environment.names.lower
    if isinstance(item, exp.ColumnDef):
        name = lower(item.name)
        kind = item.args.get("kind")
        columns[name] = kind.sql() if isinstance(kind, exp.Expr) else ""
        for constraint in item.args.get("constraints") or ():
            _constraint(constraint.args.get("kind"), (name,), table, environment, effects)
        return
    if isinstance(item, exp.Constraint):
        clustered = next((it for it in item.expressions if isinstance(it, exp.ClusteredColumnConstraint)), None)
        named = _names(clustered.this, environment) if clustered is not None and clustered.this else ()
        for inner in item.expressions:
            _constraint(inner, named, table, environment, effects)
        return
    _constraint(item, (), table, environment, effects)


def _constraint(
    item: exp.Expr | None,
    columns: tuple[str, ...],
    table: Table,
    environment: Environment,
    effects: Effects,
) -> None:
    if item is None:
        return
    if isinstance(item, exp.ColumnConstraint):
        _constraint(item.args.get("kind"), columns, table, environment, effects)
        return
    if isinstance(item, (exp.PrimaryKeyColumnConstraint, exp.PrimaryKey)):
        effects.keys.append(Key(table, "PRIMARY", columns or _names(item.expressions, environment)))
    elif isinstance(item, exp.UniqueColumnConstraint):
        inner = item.args.get("this")
        listed = _names(inner.expressions, environment) if isinstance(inner, exp.Schema) else ()
        effects.keys.append(Key(table, "UNIQUE", listed or columns))
    elif isinstance(item, (exp.ForeignKey, exp.Reference)):
        reference = item.args.get("reference") if isinstance(item, exp.ForeignKey) else item
        listed = _names(item.expressions, environment) if isinstance(item, exp.ForeignKey) else columns
        target = reference.this if reference is not None else None
        if target is not None and (other := environment.table(target)) is not None:
            theirs = _names(target.expressions, environment) if isinstance(target, exp.Schema) else ()
            effects.keys.append(Key(table, "FOREIGN", listed or columns, other, theirs))
    elif isinstance(item, exp.NotNullColumnConstraint) and not item.args.get("allow_null"):
        effects.properties.append(Property(table, "not_null", ", ".join(columns)))
    elif isinstance(item, exp.CheckColumnConstraint):
        effects.properties.append(Property(table, "check", item.this.sql()[:500]))
    elif isinstance(item, exp.DefaultColumnConstraint):
        effects.properties.append(Property(table, "default", f"{', '.join(columns)}: {item.this.sql()[:400]}"))


def _names(items: list[exp.Expr], environment: Environment) -> tuple[str, ...]:
    return tuple(environment.names.lower(it.this.name if isinstance(it, exp.Ordered) else it.name) for it in items)

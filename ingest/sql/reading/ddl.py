"""CREATE, ALTER, DROP, GRANT and their like -> effects."""

from __future__ import annotations

from sqlglot import exp

from ingest.sql.reading.definitions import describe_alter, describe_create, granted
from ingest.sql.reading.effects import Created
from ingest.sql.reading.relations import STAR, Column, Scope
from ingest.sql.reading.statement import EVERY_COLUMN, EffectsReader, Handler
from ingest.sql.result import Category, Table


def create(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    kind = (node.args.get("kind") or "").upper()
    it.done(f"CREATE {kind}".strip(), Category.DDL)
    described = describe_create(node, it.environment, it.effects)
    target, body = described.table, node.args.get("expression")
    if kind in ("FUNCTION", "PROCEDURE"):
        if isinstance(body, exp.Query):
            it.reader.query(body, it.reader.with_(node, parent))
        return
    if target is None:
        return
    if described.like is not None:
        if described.is_copy:
            it.whole_table(described.like, target)
        else:
            it.effects.inputs.setdefault(described.like)
            it.effects.outputs.setdefault(target)
        columns = it.environment.columns(described.like)
        it.effects.created.append(Created(target, dict(columns) if columns else None))
    elif isinstance(body, (exp.Query, exp.Table, exp.Values)):
        columns_ = it.reader.query(body, it.reader.with_(node, parent))
        if described.into is not None:  # ClickHouse: the view only carries; the rows are the other table's
            it.effects.write(described.into, columns_)
            return
        named = (
            list(described.columns or ()) if kind != "TABLE" or it.names.dialect not in ("mysql", "singlestore") else []
        )
        it.create(target, columns_, named)  # MySQL's list defines further columns
        if kind == "TABLE":
            it.done("CREATE TABLE AS", Category.DDL)
    elif isinstance(body, (exp.Insert, exp.Merge, exp.Update, exp.Delete)):  # CREATE TASK ... AS INSERT
        it.handle(body, parent)
        it.done(f"CREATE {kind}", Category.DDL)
    else:
        it.effects.outputs.setdefault(target)
        for source in described.sources:
            it.effects.inputs.setdefault(source)
            it.effects.write(target, [Column(STAR, {(source, STAR): EVERY_COLUMN})])
        it.effects.created.append(Created(target, described.columns, not node.args.get("exists")))


def alter(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    kind = (node.args.get("kind") or "").upper()
    it.done(f"ALTER {kind}".strip(), Category.DDL)
    table = it.environment.table(node.this)
    if table is None or kind not in ("TABLE", "VIEW", "MATERIALIZED VIEW", ""):
        return
    for action in node.args.get("actions") or ():
        if isinstance(action, (exp.AlterRename, exp.SwapTable)):
            other = it.environment.table(action.this)
            if other is not None:
                (it.rename if isinstance(action, exp.AlterRename) else it.swap)(table, other)
                return
    it.effects.outputs.setdefault(table)
    describe_alter(node, table, it.environment, it.effects)


def drop(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    kind = (node.args.get("kind") or "").upper()
    it.done(f"DROP {kind}".strip(), Category.DDL)
    if kind not in ("TABLE", "VIEW", "MATERIALIZED VIEW", "EXTERNAL TABLE"):
        return
    for item in node.args.get("tables") or ([node.this] if isinstance(node.args.get("this"), exp.Expr) else []):
        table = it.environment.table(item)
        if table is not None and node.args.get("temporary"):
            table = Table(table.parts[-1:], True)
        if table is not None:
            it.effects.outputs.setdefault(table)
            it.effects.dropped.append(table)


def truncate(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done("TRUNCATE", Category.DDL)
    for item in node.expressions:
        table = it.environment.table(item)
        if table is not None:
            it.effects.outputs.setdefault(table)


def cache(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    """Spark's CACHE TABLE t AS SELECT makes a temporary view."""
    it.done("CACHE", Category.OTHER)
    body = node.args.get("expression")
    if body is not None:
        it.create(Table(it.names.parts(node.this)[-1:], True), it.reader.query(body, parent))


def grant(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done(node.key.upper(), Category.DCL)
    it.effects.access.extend(granted(node, it.environment, isinstance(node, exp.Grant)))


def transaction(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done(node.key.upper(), Category.TCL)


def undrop(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done("UNDROP", Category.DDL)
    table = it.environment.table(node.this)
    if table is not None:
        it.effects.outputs.setdefault(table)


def comment(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done("COMMENT", Category.DDL)


HANDLERS: dict[type, Handler] = {
    exp.Create: create,
    exp.Alter: alter,
    exp.Drop: drop,
    exp.TruncateTable: truncate,
    exp.Cache: cache,
    exp.Grant: grant,
    exp.Revoke: grant,
    exp.Transaction: transaction,
    exp.Commit: transaction,
    exp.Rollback: transaction,
    exp.Comment: comment,
    exp.Undrop: undrop,
}

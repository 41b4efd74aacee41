"""INSERT, UPDATE, DELETE, MERGE, SELECT, COPY and their like -> effects."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from ingest.sql.reading.flow import CONDITIONAL, FILTER, JOIN
from ingest.sql.reading.relations import Column, Relation, Scope, derived
from ingest.sql.reading.statement import EffectsReader, Handler
from ingest.sql.result import Category, Table

_DUPLICATE_KEY = frozenset({"mysql", "singlestore", "doris", "starrocks"})


def select(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    """A query on its own, or SELECT ... INTO a table."""
    first = node
    while isinstance(first, (exp.SetOperation, exp.Subquery)):
        first = first.this  # SELECT a INTO t ... UNION ...
    into = first.args.get("into") if isinstance(first, exp.Select) else None
    it.done("SELECT", Category.DQL)
    columns = it.reader.query(node, parent)
    if into is not None and isinstance(into.this, exp.Table):
        target = it.environment.table(into.this)
        if target is not None:
            if into.args.get("temporary") and not target.temporary:
                target = Table(target.parts[-1:], True)
            it.done("SELECT INTO", Category.DML)
            it.create(target, columns)
            return
    it.effects.result = columns
    for projection in node.expressions if isinstance(node, exp.Select) else ():
        if isinstance(projection, exp.Anonymous) and projection.name.lower() == "swap_partitions_between_tables":
            source, target = (  # Vertica
                Table(it.names.complete(tuple(part.name.lower().split("."))))
                for part in (projection.expressions[0], projection.expressions[-1])
            )
            it.exchange(target, source, "EXCHANGE PARTITION")


def insert(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done("INSERT OVERWRITE" if node.args.get("overwrite") else "INSERT", Category.DML)
    scope = it.reader.with_(node, parent)
    target = it.environment.table(node.this)
    body = node.args.get("expression")
    columns = it.reader.query(body, scope) if isinstance(body, exp.Expr) else []
    if target is None:
        return
    columns = it.place(target, columns, it.listed(node.this), node)
    it.effects.write(target, columns)
    named = node.this.this if isinstance(node.this, exp.Schema) else node.this
    alias = it.names.lower(named.alias) if named.alias else ""
    conflict = node.args.get("conflict")
    if conflict is not None:
        _conflict(it, node, target, columns, scope, alias)
    it.give_back(node, target, scope, alias)


def _conflict(
    it: EffectsReader, insert_: exp.Expr, target: Table, columns: list[Column], scope: Scope, alias: str
) -> None:
    """ON CONFLICT DO UPDATE, ON DUPLICATE KEY UPDATE: `excluded` is the row that was to be inserted."""
    conflict = insert_.args["conflict"]
    assignments = [item for item in conflict.args.get("expressions") or () if isinstance(item, exp.EQ)]
    if not assignments:
        return
    inside = Scope(scope)
    # MySQL says VALUES(a) for it, and may name it: VALUES (...) AS new
    inside.relations["excluded"] = derived("excluded", columns)
    inside.relations["new"] = derived("new", columns)
    own = Relation(alias or target.parts[-1], table=target, known=it.environment.columns(target))
    nearest = Scope(inside)
    nearest.add(own)
    for table in insert_.args["expression"].find_all(exp.Table) if it.names.dialect in _DUPLICATE_KEY else ():
        found = it.environment.table(table)  # MySQL also sees the SELECT's own tables
        if found is not None and isinstance(insert_.args["expression"], exp.Query):
            name = it.names.lower(table.alias_or_name)
            inside.relations.setdefault(name, Relation(name, table=found, known=it.environment.columns(found)))
    where = conflict.args.get("where")
    if where is not None:
        it.reader.decides(where.this, nearest, FILTER)
    it.effects.writes[-1].columns = [*columns, *assigned(it, assignments, nearest)]


def multitable(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    """INSERT ALL, INSERT FIRST, and Hive's FROM t INSERT ... INSERT ..."""
    it.done("INSERT ALL", Category.DML)
    scope = it.reader.with_(node, parent)
    inside = Scope(scope)
    source = node.args.get("source")
    if isinstance(source, exp.Query) and not (isinstance(source, exp.Subquery) and source.alias):
        inside.add(derived("", it.reader.query(source, scope)))
    elif isinstance(source, exp.Expr):
        it.reader.from_item(source, inside)
    for item in node.expressions:
        one = item.this if isinstance(item, exp.ConditionalInsert) else item
        condition = item.args.get("expression") if isinstance(item, exp.ConditionalInsert) else None
        if condition is not None:
            it.reader.decides(condition, inside, FILTER)
        target = it.environment.table(one.this)
        body = one.args.get("expression")
        if body is None:
            columns = it.reader.star_of(inside)
        elif isinstance(body, exp.Select) and body.args.get("from_") is None:
            columns = it.reader.select_from(body, inside)
        else:
            columns = it.reader.query(body, inside)
        if target is not None:
            it.effects.write(target, it.place(target, columns, it.listed(one.this), one))


def assigned(it: EffectsReader, assignments: Sequence[exp.Expr], scope: Scope) -> list[Column]:
    """`a = e, (b, c) = (SELECT ...)` as columns of the target."""
    result = []
    lower, value = it.names.lower, it.reader.value
    for assignment in assignments:
        if not isinstance(assignment, (exp.EQ, exp.PropertyEQ)):
            continue
        left, right = assignment.this, assignment.expression
        while isinstance(right, exp.Paren):
            right = right.this
        if isinstance(left, exp.Tuple):
            if isinstance(right, exp.Query):
                columns = it.reader.query(right, scope)
                result += [
                    Column(lower(one.name), c.sources, c.node)
                    for one, c in zip(left.expressions, columns, strict=False)
                ]
            elif isinstance(right, exp.Tuple):
                cells = zip(left.expressions, right.expressions, strict=False)
                result += [Column(lower(one.name), value(cell, scope), cell) for one, cell in cells]
            continue
        if isinstance(left, exp.Parameter) and isinstance(right, exp.EQ):
            left, right = right.this, right.expression  # T-SQL: SET @v = column = value
        if isinstance(left, exp.Parameter):
            continue
        if lower(left.name) == "row" and isinstance(right, exp.Column):  # PL/SQL: SET ROW = rec
            row = it.environment.row(lower(right.name))
            if row is not None:
                result += it.reader.star_of_relation(row)
                continue
        result.append(Column(_target_column(it, left, scope), value(right, scope), right))
    return result


def _target_column(it: EffectsReader, left: exp.Expr, scope: Scope) -> str:
    """`a`, `t.a`, or the path of a field: `a.b`, `t.a.b`."""
    if not isinstance(left, exp.Column):
        return it.names.lower(left.name)
    parts = [it.names.lower(part.name) for part in left.parts]
    for cut in range(len(parts) - 1, 0, -1):
        if scope.relation(*parts[:cut]) is not None:
            return ".".join(parts[cut:])
    return ".".join(parts) if it.names.dialect in _FIELDS else parts[-1]


_FIELDS = frozenset({"bigquery", "databricks", "spark", "duckdb", "clickhouse"})


def update(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done("UPDATE", Category.DML)
    reader = it.reader
    inside = Scope(reader.with_(node, parent))
    first = node.this
    source = node.args.get("from_")
    name = it.names.lower(first.alias_or_name) or "".join(it.names.parts(first)[-1:])
    alias = derived_ = None
    if source is not None and isinstance(first, exp.Table):
        alias = _named_in(it, source.this, first)
        derived_ = next((part for part in source.find_all(exp.Subquery) if it.names.lower(part.alias) == name), None)
    reader.targets_only.add(id(alias if alias is not None else first))
    owner: Relation | None = None
    if alias is None and derived_ is None:
        reader.from_item(first, inside)
        owner = next(iter(inside.relations.values()), None)
    if source is not None:
        reader.from_item(source.this, inside)
    for join in node.args.get("joins") or ():
        reader.join(join, inside)
    if alias is not None:
        target = it.environment.table(alias)
        owner = inside.relations.get(it.names.lower(alias.alias_or_name)) or next(
            (relation for relation in inside.relations.values() if relation.table == target), None
        )
    owner = owner or inside.relations.get(name) or inside.relation(name)
    joined = bool(first.args.get("joins"))
    targets: dict[Table, list[Column]] = {}
    for assignment in node.expressions:
        left = assignment.this if isinstance(assignment, exp.EQ) else None
        relation = owner
        if isinstance(left, exp.Column) and left.args.get("table") is not None:
            relation = inside.relation(it.names.lower(left.text("table"))) or owner
        elif joined and isinstance(left, exp.Column):
            known = [one for one in inside.relations.values() if one.has(it.names.lower(left.name))]
            relation = known[0] if len(known) == 1 else owner
        columns = assigned(it, [assignment], inside)
        if relation is not None and relation.table is None:  # a join or CTE that can be written through
            for column in columns:
                origins = [(of, name_) for of, name_ in relation.find(column.name) or {} if of is not None]
                if len(origins) == 1:
                    column.name = origins[0][1]
                    targets.setdefault(origins[0][0], []).append(column)
                    reader.inputs.pop(origins[0][0], None)
            continue
        table = _base(relation)
        if table is not None:
            targets.setdefault(table, []).extend(columns)
    base = _base(owner)
    if joined and targets:
        if base is not None and base not in targets:
            reader.inputs.setdefault(base)
        for table in targets:
            if table != base:
                reader.inputs.pop(table, None)
    elif owner is not None and owner.table is None and base is not None:
        reader.inputs.pop(base, None)  # an updatable CTE reads only what it writes
    _where_and_order(it, node, inside)
    if not targets and base is not None and not any(isinstance(it_, exp.EQ) for it_ in node.expressions):
        targets[base] = []
    elif not targets and owner is not None and owner.table is not None:
        targets[owner.table] = []
    for table, columns in targets.items():
        it.effects.write(table, columns)
        it.give_back(node, table, inside, owner.alias if owner is not None else "")


def _where_and_order(it: EffectsReader, node: exp.Expr, scope: Scope) -> None:
    where = node.args.get("where")
    if where is not None:
        it.reader.decides(where.this, scope, FILTER)
        it.reader.join_pairs(where.this, scope)


def _named_in(it: EffectsReader, node: exp.Expr, target: exp.Expr) -> exp.Expr | None:
    """The Table in a FROM that an UPDATE or DELETE names as its target, by alias or by name."""
    name = it.names.lower(target.name)
    qualified = target.args.get("db") is not None
    found: exp.Expr | None = None
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, exp.Table):
            if not qualified and item.alias and it.names.lower(item.alias) == name:
                return item
            if it.names.lower(item.name) == name and (not item.alias or it.names.dialect in ("tsql", "fabric")):
                if not qualified or it.names.parts(item)[-2:] == it.names.parts(target)[-2:]:
                    found = found or item
        stack.extend(join.this for join in item.args.get("joins") or ())
    return found


def _base(relation: Relation | None) -> Table | None:
    """The table behind a target: itself, or the only one behind an updatable CTE or view."""
    if relation is None:
        return None
    if relation.table is not None:
        return relation.table
    tables = {table for sources in relation.columns.values() for (table, _) in sources if table is not None}
    tables |= {rest.table for rest in relation.rest if rest.table is not None}
    return tables.pop() if len(tables) == 1 else None


def delete(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done("DELETE", Category.DML)
    reader = it.reader
    inside = Scope(reader.with_(node, parent))
    using = node.args.get("using")
    items = [node.this, *(using if isinstance(using, list) else ())]
    items = [item for item in items if isinstance(item, exp.Expr)]
    targets: list[exp.Expr] = []
    for table in node.args.get("tables") or ():
        targets += [found for item in items if (found := _named_in(it, item, table)) is not None][:1]
    if not node.args.get("tables"):
        targets = [item for item in items[:1] if isinstance(item, exp.Table)]
    reader.targets_only.update(id(table) for table in targets)
    if len(items) > 1 and targets and targets[0] is items[0]:  # MySQL: DELETE FROM t USING t JOIN u
        named = [found for item in items[1:] if (found := _named_in(it, item, targets[0])) is not None]
        if named:
            items, targets = items[1:], named[:1]
            reader.targets_only.add(id(named[0]))
    for item in items:
        reader.from_item(item, inside)
    _where_and_order(it, node, inside)
    for table in targets:
        alias = it.names.lower(table.alias_or_name)
        target = _base(inside.relations.get(alias)) or it.environment.table(table)
        if target is not None:
            relation = inside.relations.get(alias)
            if relation is not None and relation.table is None:
                reader.inputs.pop(target, None)
            it.effects.outputs.setdefault(target)
            it.give_back(node, target, inside, alias)


def merge(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done("MERGE", Category.DML)
    reader = it.reader
    scope = reader.with_(node, parent)
    inside = Scope(scope)
    reader.from_item(node.args["using"], inside)
    source = next(iter(inside.relations.values()), None)
    reader.targets_only.add(id(node.this))
    reader.from_item(node.this, inside)
    owner = list(inside.relations.values())[-1] if inside.relations else None
    target = _base(owner)
    condition = node.args.get("on")
    if isinstance(condition, exp.Expr):
        reader.decides(condition, inside, JOIN)
        reader.join_pairs(condition, inside)
    columns: list[Column] = []
    whens = node.args.get("whens")
    for when in whens.expressions if whens is not None else ():
        if isinstance(when.args.get("condition"), exp.Expr):
            reader.decides(when.args["condition"], inside, CONDITIONAL)
        then = when.args.get("then")
        if isinstance(then, exp.Update):
            if any(isinstance(item, exp.Star) for item in (*then.expressions, then.this)):
                columns += reader.star_of_relation(source)
            else:
                columns += assigned(it, then.expressions, inside)
        elif isinstance(then, exp.Insert):
            columns += _merge_insert(it, then, target, source, scope)
    if target is not None:
        it.effects.write(target, columns)
        it.give_back(node, target, inside, owner.alias if owner is not None else "")


def _merge_insert(
    it: EffectsReader, node: exp.Expr, target: Table | None, source: Relation | None, outer: Scope
) -> list[Column]:
    """The values of an INSERT branch can only be the source's."""
    if isinstance(node.this, exp.Star):
        return it.reader.star_of_relation(source)
    if isinstance(node.this, exp.Var) and node.this.name.upper() == "ROW":
        rows = it.reader.star_of_relation(source)
        return it.place(target, rows, []) if target is not None else rows
    scope = Scope(outer)
    if source is not None:
        scope.add(source)
    listed = node.this.expressions if isinstance(node.this, (exp.Tuple, exp.Schema)) else ()
    names = [it.names.lower(item.name) for item in listed]
    values = node.args.get("expression")
    if isinstance(values, exp.Values) and values.expressions:
        values = values.expressions[0]
    cells = values.expressions if isinstance(values, exp.Tuple) else [values] if values is not None else []
    columns: list[Column] = []
    for cell in cells:
        columns += it.reader.projection(cell, scope)
    if not names and target is not None:
        return it.place(target, columns, [])
    return [Column(name, column.sources, column.node) for name, column in zip(names, columns, strict=False)]


# --- files -----------------------------------------------------------------------------------------------------------


def copy(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done("COPY", Category.DML)
    inner = node.this.this if isinstance(node.this, exp.Schema) else node.this
    listed = it.listed(node.this)
    files = [item for item in node.args.get("files") or () if isinstance(item, exp.Expr) and not _is_client(item)]
    if node.args.get("kind") is False or isinstance(inner, exp.Query):  # COPY t TO file
        for place in [found for item in files if (found := it.environment.table(item)) is not None]:
            _flow(it, place, inner, [])
        if not files:
            _read_only(it, inner)
        return
    target = it.environment.table(inner)
    if target is None:
        return
    it.effects.outputs.setdefault(target)
    for item in files:
        _flow(it, target, item, listed)


def _is_client(item: exp.Expr) -> bool:
    """COPY FROM STDIN, TO STDOUT, FROM PROGRAM: no table."""
    return not isinstance(item, exp.Literal) and item.name.upper() in ("STDIN", "STDOUT", "PROGRAM")


def _flow(it: EffectsReader, target: Table, source: exp.Expr, listed: Sequence[str]) -> None:
    if isinstance(source, exp.Query):
        it.effects.write(target, it.place(target, it.reader.query(source), listed))
        return
    table = it.environment.table(source)
    if table is None:
        it.effects.outputs.setdefault(target)
    else:
        # which field of a file is which column is the file's affair
        it.effects.inputs.setdefault(table)
        it.effects.outputs.setdefault(target)


def _read_only(it: EffectsReader, source: exp.Expr) -> None:
    if isinstance(source, exp.Query):
        it.reader.query(source)
    elif (table := it.environment.table(source)) is not None:
        it.effects.inputs.setdefault(table)


def load(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done("LOAD", Category.DML)
    target = it.environment.table(node.this)
    if target is None:
        return
    it.effects.outputs.setdefault(target)
    sources = [node.args["inpath"]] if isinstance(node.args.get("inpath"), exp.Expr) else []
    files = node.args.get("files")
    if isinstance(files, exp.Expr):
        sources += [item for item in files.find_all(exp.Literal) if "://" in item.name]
    for source in sources:
        _flow(it, target, source, [])


def put(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    """Snowflake's PUT file stage."""
    it.done("PUT", Category.DML)
    source, target = it.environment.table(node.this), it.environment.table(node.args["target"])
    if source is not None and target is not None:
        it.effects.inputs.setdefault(source)
        it.effects.outputs.setdefault(target)


def export(it: EffectsReader, node: exp.Expr, parent: Scope | None) -> None:
    it.done("EXPORT", Category.DML)
    columns = it.reader.query(node.this, parent)
    options = node.args.get("options")
    for literal in options.find_all(exp.Literal) if options is not None else ():
        if "://" in literal.name and (target := it.environment.table(literal)) is not None:
            it.effects.write(target, columns)


HANDLERS: dict[type, Handler] = {
    exp.Select: select,
    exp.Union: select,
    exp.Except: select,
    exp.Intersect: select,
    exp.Subquery: select,
    exp.Values: select,
    exp.Insert: insert,
    exp.MultitableInserts: multitable,
    exp.Update: update,
    exp.Delete: delete,
    exp.Merge: merge,
    exp.Copy: copy,
    exp.LoadData: load,
    exp.Export: export,
    exp.Put: put,
}

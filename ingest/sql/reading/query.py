"""A query's AST -> where each column of its result comes from, in one pass over its scopes.

Derived tables, CTEs and set operations are each read once, however often they are referred to, so cost grows with
the text and the columns, not with the paths through them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from sqlglot import exp

from ingest.sql.budget import Budget
from ingest.sql.reading.flow import (
    AGGREGATION,
    CONDITIONAL,
    FILTER,
    GROUP_BY,
    IDENTITY,
    JOIN,
    SORT,
    TRANSFORMATION,
    WINDOW,
    Sources,
    Via,
    add,
    add_all,
    masked,
    then,
    through,
    union,
)
from ingest.sql.reading.names import Names, is_path, parameter
from ingest.sql.reading.relations import STAR, Column, Relation, Scope, derived
from ingest.sql.result import Join, Table

_LATERAL_ALIASES = frozenset(
    {"snowflake", "redshift", "databricks", "spark", "teradata", "duckdb", "clickhouse", "singlestore", "dremio"}
)
_ORACLE_PSEUDO = frozenset(
    "rownum rowid level uid ora_rowscn connect_by_isleaf connect_by_iscycle sqlcode sqlerrm".split()
)
_PSEUDO = frozenset(
    "sysdate systimestamp user default current_date current_time current_timestamp current_user "
    "session_user localtime localtimestamp nextval currval $action _partitiontime _partitiondate "
    "sqlrowcount sqlstate sqlid metadata$filename "
    "metadata$file_row_number metadata$action metadata$isupdate metadata$row_id".split()
)
_MASKING = frozenset(
    "hash md5 md5_hex md5_binary md5_number sha sha1 sha1_hex sha2 sha2_hex sha224 sha256 sha384 sha512 crc32 "
    "xxhash64 xxhash32 farm_fingerprint hashbytes ora_hash standard_hash hmac encrypt aes_encrypt pgp_sym_encrypt "
    "crypt mask mask_first_n mask_last_n mask_hash mask_show_first_n mask_show_last_n anonymize tokenize redact "
    "pseudonymize cityhash64 siphash64 siphash128 murmurhash3_32 murmurhash3_64".split()
)
_MASKING_NODES = tuple(
    node
    for name in ("MD5", "MD5Digest", "SHA", "SHA1Digest", "SHA2", "SHA2Digest", "Encrypt", "FarmFingerprint")
    if isinstance(node := getattr(exp, name, None), type)
)
_FIRST_ONLY = frozenset(  # functions whose other arguments only say how
    {"Cast", "TryCast", "Extract", "DateTrunc", "TimestampTrunc", "JSONCast"}
)
_UNSURE_TABLE = Via(IDENTITY, 0.9, "the only table here whose columns are not known")
_AMBIGUOUS = Via(IDENTITY, 0.5, "which table has it is not known")
_CORRELATED = Via(IDENTITY, 0.8, "a table of the query around it, by its name")
_VARIABLE = Via(IDENTITY, 0.9, "a variable of that name")


_STRUCTS = frozenset(  # dialects where a dot may lead into a column
    "bigquery databricks spark spark2 hive duckdb trino presto athena clickhouse snowflake doris starrocks redshift "
    "risingwave drill dremio materialize".split()
) | {""}
_FLATTENED = ("seq", "key", "path", "index", "value", "this")
_MAX_TURNS = 8  # of a recursive CTE: columns may take each other's place


class Environment:
    """What a query may refer to beyond its own text. The session overrides this; here there is only a catalog."""

    def __init__(self, names: Names, columns: Callable[[Table], Mapping[str, str] | None]) -> None:
        self.names = names
        self._columns = columns

    def table(self, node: exp.Expr) -> Table | None:
        return self.names.table(node)

    def name_temporary(self, parts: tuple[str, ...], table: Table) -> None:
        """A temporary table goes by these parts from now on."""

    def columns(self, table: Table) -> Mapping[str, str] | None:
        return self._columns(table)

    def row(self, name: str) -> Relation | None:
        """A record by name: a cursor's row, NEW, inserted, EXCLUDED."""
        return None

    def variable(self, name: str) -> Sources | None:
        """Where a scalar variable's value comes from; None where there is no such variable."""
        return None

    def result(self, name: str) -> Relation | None:
        """A result set by name: what `TABLE(res)` or a call of a known function returns."""
        return None


class QueryReader:
    """Reads the queries of one statement and gathers what they read."""

    def __init__(self, environment: Environment, budget: Budget | None = None) -> None:
        self.environment = environment
        self.names = environment.names
        self.inputs: dict[Table, None] = {}
        self.indirect: Sources = {}  # what decides over all columns: joins, filters, groupings, orders
        self.joins: dict[Join, None] = {}
        self.targets_only: set[int] = set()  # ids of Table nodes that are targets, no inputs
        self.writes: Callable[[exp.Expr, Scope], list[Column]] | None = None  # of a writable CTE
        self._lateral = self.names.dialect in _LATERAL_ALIASES
        self._pseudo = _PSEUDO | _ORACLE_PSEUDO if self.names.dialect in ("oracle", "exasol") else _PSEUDO
        self._budget = budget or Budget()

    # --- queries ---------------------------------------------------------------------------------------------------

    def query(self, node: exp.Expr, parent: Scope | None = None) -> list[Column]:
        """The columns of any query expression's result."""
        self._budget.spend(10)
        while True:
            if isinstance(node, exp.Select):
                return self._select(node, parent)
            if isinstance(node, exp.SetOperation):
                return self._set_operation(node, parent)
            if isinstance(node, exp.Subquery):
                if node.args.get("with_"):
                    parent = self.with_(node, parent)
                inner = node.this
                if isinstance(inner, exp.Table) or node.args.get("joins") or node.args.get("pivots"):
                    scope = Scope(parent)
                    self._from_item(node, scope)
                    return self._star(scope.relations.values())
                node = inner
                continue
            if isinstance(node, exp.Values):
                return self._values(node, parent)
            if isinstance(node, exp.Table):
                scope = Scope(parent)
                self._from_item(node, scope)
                return self._star(scope.relations.values())
            if isinstance(node, (exp.Insert, exp.Update, exp.Delete, exp.Merge)) and self.writes is not None:
                return self.writes(node, parent or Scope())
            if isinstance(node, exp.Paren):
                node = node.this
                continue
            return [Column("", self.value(node, parent or Scope()), node, named=False)]

    def with_(self, node: exp.Expr, parent: Scope | None) -> Scope:
        """A scope that knows the CTEs of `node`."""
        scope = Scope(parent)
        with_ = node.args.get("with_")
        if with_ is None:
            return scope
        ctes = dict(scope.ctes)
        scope.ctes = ctes
        for cte in with_.expressions:
            name = self.names.lower(cte.alias)
            if cte.args.get("scalar"):  # ClickHouse: WITH (SELECT ...) AS x
                scope.aliases[name] = self.value(cte.this, scope)
                continue
            names = self._alias_columns(cte)
            body = cte.this
            if isinstance(body, exp.SetOperation) and (with_.args.get("recursive") or _mentions(body, name)):
                anchor = body
                while isinstance(anchor, exp.SetOperation):
                    anchor = anchor.this
                ctes.pop(name, None)  # inside the anchor the name means a table, if anything
                ctes[name] = derived(name, self.query(anchor, scope), names)
                for _ in range(_MAX_TURNS):  # until what the recursive part adds flows no further
                    before = ctes[name].columns
                    ctes[name] = derived(name, self.query(body, scope), names)
                    if ctes[name].columns == before:
                        break
            else:
                ctes[name] = derived(name, self.query(body, scope), names)
        return scope

    def _set_operation(self, node: exp.Expr, parent: Scope | None) -> list[Column]:
        branches: list[tuple[exp.Expr, bool]] = []
        top: exp.Expr = node
        scope = self.with_(node, parent) if node.args.get("with_") else parent
        while isinstance(node, exp.SetOperation):  # a chain of 1,000 UNION ALLs nests to the left
            if node is not top and node.args.get("with_"):
                scope = self.with_(node, scope)
            branches.append((node.expression, isinstance(node, (exp.Except, exp.Intersect))))
            node = node.this
        branches.append((node, False))
        result: list[Column] = []
        by_name = bool(top.args.get("by_name"))
        for index, (branch, filters) in enumerate(reversed(branches)):
            columns = self.query(branch, scope)
            if index == 0:
                result = [Column(c.name, dict(c.sources), c.node, c.relation, c.named) for c in columns]
                continue
            bits = FILTER if filters else IDENTITY
            if by_name:
                found = {column.name: column for column in result}
                for column in columns:
                    if column.name in found:
                        add_all(found[column.name].sources, column.sources, bits)
                    else:
                        result.append(Column(column.name, dict(column.sources), column.node, column.relation))
                continue
            starred = any(column.is_star for column in (*result, *columns))
            if starred and [c.name for c in result] != [c.name for c in columns]:
                _merge_starred(result, columns, bits)
                continue
            for mine, theirs in zip(result, columns, strict=False):
                add_all(mine.sources, theirs.sources, bits)
                if mine.is_star:
                    mine.relation = _either(mine.relation, theirs.relation)
        order = top.args.get("order")
        if order is not None:
            scope = Scope(scope)
            scope.aliases = {column.name: column.sources for column in result}
            self._order(order, scope, result)
        return result

    def _values(self, node: exp.Expr, parent: Scope | None) -> list[Column]:
        scope = parent or Scope()
        columns: list[Column] = []
        for row in node.expressions:
            cells = row.expressions if isinstance(row, exp.Tuple) else [row]
            for index, cell in enumerate(cells):
                if index == len(columns):
                    columns.append(Column(f"column{index + 1}", {}, cell, named=False))
                if not isinstance(cell, exp.Literal):
                    if isinstance(cell, exp.Column) and isinstance(cell.this, exp.Star):
                        return self._expand(cell, scope)
                    if len(cells) == 1 and (row := self._whole_row(cell)) is not None:
                        return self._star((row,))
                    add_all(columns[index].sources, self.value(cell, scope))
        names = self._alias_columns(node)
        for column, name in zip(columns, names, strict=False):
            column.name, column.named = name, True
        return columns

    def _whole_row(self, cell: exp.Expr) -> Relation | None:
        """PL/SQL's VALUES rec: a record, or one of a collection."""
        while isinstance(cell, exp.Paren):
            cell = cell.this
        if isinstance(cell, exp.Anonymous) or (isinstance(cell, exp.Column) and not cell.args.get("table")):
            return self.environment.row(self.names.lower(cell.name))
        return None

    def _select(self, node: exp.Expr, parent: Scope | None) -> list[Column]:
        args = node.args
        scope = self.with_(node, parent) if args.get("with_") else Scope(parent)
        source = args.get("from_")
        if source is not None:
            self._from_item(source.this, scope)
        for lateral in args.get("laterals") or ():
            self._from_item(lateral, scope)
        for join in args.get("joins") or ():
            self.join(join, scope)
        windows = {}
        for window in args.get("windows") or ():
            windows[self.names.lower(window.this.name)] = window
        return self.select_from(node, scope, windows)

    def select_from(self, node: exp.Expr, scope: Scope, windows: Mapping[str, exp.Expr] | None = None) -> list[Column]:
        """The select list and the clauses of a SELECT whose FROM is already in `scope`."""
        columns: list[Column] = []
        for projection in node.expressions:
            columns.extend(self.projection(projection, scope, windows))
        self._clauses(node, scope, columns)
        return columns

    def star_of(self, scope: Scope) -> list[Column]:
        """`*` in this scope."""
        return self._star(scope.relations.values(), scope.using)

    def star_of_relation(self, relation: Relation | None) -> list[Column]:
        """`t.*`"""
        return self._star((relation,)) if relation is not None else []

    def _clauses(self, node: exp.Expr, scope: Scope, columns: Sequence[Column]) -> None:
        """What decides over all columns: WHERE, GROUP BY, HAVING, QUALIFY, ORDER BY, CONNECT BY, DISTINCT ON."""
        args = node.args
        for key in ("where", "prewhere", "having", "qualify"):
            clause = args.get(key)
            if clause is not None:
                self.decides(clause.this, scope, FILTER)
                if key == "where":
                    self.join_pairs(clause.this, scope)
        connect = args.get("connect")
        if connect is not None:
            for part in (connect.args.get("start"), connect.args.get("connect")):
                if part is not None:
                    self.decides(part, scope, JOIN)
        group = args.get("group")
        if group is not None:
            for key in group.expressions:
                self._ordinal(key, scope, columns, GROUP_BY)
            if group.args.get("all"):
                for column in columns:
                    if isinstance(column.node, exp.Expr) and column.node.find(exp.AggFunc) is None:
                        for origin, via in column.sources.items():
                            add(self.indirect, origin, Via(GROUP_BY, via.confidence, via.reason))
            for kind in ("grouping_sets", "cube", "rollup"):
                for item in group.args.get(kind) or ():
                    if isinstance(item, exp.Expr):
                        self.decides(item, scope, GROUP_BY)
        distinct = args.get("distinct")
        if distinct is not None and distinct.args.get("on") is not None:
            self.decides(distinct.args["on"], scope, GROUP_BY)
        for key in ("order", "sort", "distribute", "cluster"):
            clause = args.get(key)
            if clause is not None:
                self._order(clause, scope, columns)
        for key in ("limit", "offset"):
            clause = args.get(key)
            if isinstance(clause, exp.Expr) and clause.find(exp.Query) is not None:
                self.decides(clause, scope, FILTER)

    def _order(self, clause: exp.Expr, scope: Scope, columns: Sequence[Column]) -> None:
        for item in clause.expressions:
            self._ordinal(item.this if isinstance(item, exp.Ordered) else item, scope, columns, SORT)

    def _ordinal(self, key: exp.Expr, scope: Scope, columns: Sequence[Column], bits: int) -> None:
        """A grouping or sorting key: an expression, or the number of a result column."""
        if isinstance(key, exp.Literal):
            number = key.name if len(key.name) < 6 else ""
            if not key.is_string and number.isdigit() and 0 < int(number) <= len(columns):
                for origin, via in columns[int(number) - 1].sources.items():
                    add(self.indirect, origin, Via(bits, via.confidence, via.reason))
            return
        if isinstance(key, exp.Column) and not key.args.get("table") and key.name.lower() in scope.aliases:
            name = key.name.lower()
            if bits != GROUP_BY or not any(relation.has(name) for relation in scope.relations.values()):
                for origin, via in scope.aliases[name].items():
                    add(self.indirect, origin, Via(bits, via.confidence, via.reason))
                return
        self.decides(key, scope, bits)

    def decides(self, node: exp.Expr, scope: Scope, bits: int) -> None:
        """What the expression is made of decides over all columns, whatever happens in it."""
        for origin, via in self.value(node, scope, use_aliases=True).items():
            kind = WINDOW if via.bits == WINDOW else bits
            add(self.indirect, origin, Via(kind, via.confidence, via.reason))

    # --- the select list -------------------------------------------------------------------------------------------

    def projection(
        self, node: exp.Expr, scope: Scope, windows: Mapping[str, exp.Expr] | None = None
    ) -> Iterator[Column]:
        if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            yield from self._expand(node, scope)
            return
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Star):
            sources = self.value(node.this, scope, windows=windows)
            yield Column(STAR, through(sources, Via(IDENTITY, 0.4, "the fields of a value")), node, ())
            return
        if isinstance(node, exp.Aliases):
            sources = self.value(node.this, scope, windows=windows)
            for name in node.expressions:
                yield self._named(self.names.lower(name.name), sources, node, scope)
            return
        if isinstance(node, exp.Alias):
            sources = self.value(node.this, scope, windows=windows)
            yield self._named(self.names.lower(node.alias), sources, node.this, scope)
            return
        if isinstance(node, (exp.PropertyEQ, exp.EQ)) and isinstance(node.this, exp.Parameter):
            # SELECT @v = a: an assignment; the session reads it from the column's name
            yield Column(self.names.lower(parameter(node.this)), self.value(node.expression, scope), node.expression)
            return
        sources = self.value(node, scope, windows=windows)
        name = _output_name(node)
        if name:
            lowered = self.names.lower(name)
            scope.evident.add(lowered)
            yield Column(lowered, sources, node)
        else:
            yield Column(self.names.lower(_cast_name(node)), sources, node, named=False)

    def _named(self, name: str, sources: Sources, node: exp.Expr, scope: Scope) -> Column:
        scope.aliases.setdefault(name, sources)
        return Column(name, sources, node)

    def _expand(self, node: exp.Expr, scope: Scope) -> list[Column]:
        """`*` or `t.*` with EXCEPT, REPLACE and RENAME."""
        star: exp.Expr = node
        relations: Iterable[Relation] = scope.relations.values()
        if isinstance(node, exp.Column):
            star = node.this
            parts = tuple(self.names.lower(part.name) for part in node.parts[:-1])
            found = self._relation(parts, scope)
            if found is None:
                value = self._column_of(parts, scope)
                return [Column(STAR, through(value, Via(IDENTITY, 0.4, "the fields of a value")), node, ())]
            relations = (found,)
        removed = {self.names.lower(it.name) for it in star.args.get("except_") or ()}
        renamed = {
            self.names.lower(it.this.name): self.names.lower(it.alias)
            for it in star.args.get("rename") or ()
            if isinstance(it, exp.Alias)
        }
        replaced = {
            self.names.lower(it.alias): it.this for it in star.args.get("replace") or () if isinstance(it, exp.Alias)
        }
        pattern = star.args.get("ilike")
        like = pattern.name.lower().replace("%", "*").replace("_", "?") if isinstance(pattern, exp.Expr) else "*"
        columns: list[Column] = []
        for column in self._star(relations, scope.using if star is node else ()):
            if not column.is_star and not fnmatchcase(column.name, like):
                continue
            if column.is_star:
                if removed or renamed or replaced:
                    # what the star leaves out or makes anew can't be found behind it any more
                    hidden = frozenset(removed) | frozenset(renamed) | frozenset(replaced)
                    column.relation = (Relation("", rest=column.relation, hidden=hidden),)
                    behind = column.relation[0].rest
                    columns.extend(
                        Column(new, union(relation.find(old) or {} for relation in behind), node)
                        for old, new in renamed.items()
                    )
                    columns.extend(Column(name, self.value(value, scope), value) for name, value in replaced.items())
                columns.append(column)
            elif column.name in replaced:
                value = replaced[column.name]
                columns.append(Column(column.name, self.value(value, scope), value))
            elif column.name not in removed:
                column.name = renamed.get(column.name, column.name)
                columns.append(column)
        return columns

    def _star(self, relations: Iterable[Relation], using: Iterable[str] = ()) -> list[Column]:
        columns: list[Column] = []
        merged: dict[str, Column] = {}
        for relation in relations:
            for name, sources in relation.star():
                if name == STAR:
                    columns.append(Column(STAR, sources, None, (relation,)))
                elif name in using and name in merged:
                    add_all(merged[name].sources, sources)
                else:
                    column = Column(name, dict(sources) if name in using else sources)
                    if name in using:
                        merged[name] = column
                    columns.append(column)
        self._budget.spend(len(columns))
        return columns

    # --- FROM ------------------------------------------------------------------------------------------------------

    def from_item(self, node: exp.Expr, scope: Scope) -> None:
        """Adds what stands in a FROM or USING to the scope."""
        self._from_item(node, scope)

    def _from_item(self, node: exp.Expr, scope: Scope) -> None:
        relation = self._relation_of(node, scope)
        for pivot in node.args.get("pivots") or ():
            relation = self._pivot(pivot, relation, scope)
        if relation is not None:
            scope.add(relation)
        for join in node.args.get("joins") or ():
            self.join(join, scope)
        for lateral in node.args.get("laterals") or ():
            self._from_item(lateral, scope)

    def _relation_of(self, node: exp.Expr, scope: Scope) -> Relation | None:
        if isinstance(node, (exp.Final, exp.Stream)):
            node = node.this
        alias = self.names.lower(node.alias) if node.alias else ""
        names = self._alias_columns(node)
        if isinstance(node, exp.Table):
            return self._table(node, alias, names, scope)
        if isinstance(node, exp.Subquery):
            inner = node.this
            if isinstance(inner, exp.Table):
                if not alias:
                    self._from_item(inner, scope)  # (a JOIN b): their names stay in view
                    return None
                inside = Scope(scope)
                self._from_item(inner, inside)
                return derived(alias, self._star(inside.relations.values()), names)
            if isinstance(inner, exp.Subquery) and not alias and not _is_query(inner):
                self._from_item(inner, scope)
                return None
            outer = self.with_(node, scope) if node.args.get("with_") else scope
            return derived(alias, self.query(inner, outer), names)
        if isinstance(node, exp.Values):
            return derived(alias, self._values(node, scope), names)
        if isinstance(node, exp.Lateral):
            return self._lateral_view(node, alias, names, scope)
        if isinstance(node, exp.Unnest):
            return self._unnest(node, alias, names, scope)
        if isinstance(node, exp.TableFromRows):
            return self._function(node.this, alias, names, scope)
        if isinstance(node, exp.Query):
            return derived(alias, self.query(node, scope), names)
        return self._function(node, alias, names, scope)

    def _table(self, node: exp.Expr, alias: str, names: Sequence[str], scope: Scope) -> Relation | None:
        name = node.this
        if not isinstance(name, (exp.Identifier, exp.Dot, exp.Var, exp.Literal, exp.Parameter, exp.Placeholder)):
            if not isinstance(name, exp.DynamicIdentifier) and name.name.lower() != "identifier":
                return self._function(name, alias, names, scope)
        short = self.names.lower(name.name) if not node.args.get("db") and isinstance(name, exp.Identifier) else ""
        if isinstance(name, (exp.Parameter, exp.Placeholder)):
            result = self.environment.result(self.names.lower(parameter(name)))
            if result is not None:
                return derived(alias or result.alias, self._star((result,)), names)
        if short:
            found = scope.ctes.get(short)
            if found is None:
                found = self.environment.row(short)
            if found is not None:
                if not alias and not names:
                    return found if found.alias == short else _called(found, short)
                return derived(alias or short, self._star((found,)), names)
            if short == "dual" and self.names.dialect in ("oracle", "mysql", "snowflake", "exasol", ""):
                return Relation(alias or short, known={})
        elif isinstance(node.args.get("db"), exp.Identifier) and scope.relation(self.names.lower(node.text("db"))):
            owner = scope.relation(self.names.lower(node.text("db")))
            field = self.names.lower(node.name)
            if owner is not None and (owner.has(field) or self.names.dialect == "bigquery"):
                # FROM t, t.items: an array of the row before it
                return Relation(alias or field, anything=through(owner.require(field), Via(TRANSFORMATION)))
        table = self.environment.table(node)
        if table is None:
            return None
        if id(node) not in self.targets_only:
            self.inputs.setdefault(table)
        known = self.environment.columns(table)
        relation = Relation(alias or table.parts[-1], table=table, known=known)
        if names and known is not None:
            return derived(alias, self._star((relation,)), names)
        return relation

    def _function(self, node: exp.Expr | None, alias: str, names: Sequence[str], scope: Scope) -> Relation | None:
        """A table function: its columns come from its arguments, if from anything we know."""
        if node is None:
            return None
        called = node
        while isinstance(called, exp.Anonymous) and called.name.lower() in ("table", "the") and called.expressions:
            called = called.expressions[0]
        if isinstance(called, exp.Query):
            return derived(alias, self.query(called, scope), names)
        if isinstance(called, (exp.Placeholder, exp.Parameter)):
            name = self.names.lower(parameter(called))
        else:
            inner = called.expression if isinstance(called, exp.Dot) else called
            name = self.names.lower(inner.name or "") if isinstance(inner, (exp.Anonymous, exp.Column)) else ""
        result = self.environment.result(name) if name else None
        if result is None and self.names.dialect == "snowflake":
            if isinstance(called, exp.Column) or (isinstance(called, exp.Literal) and called.is_string):
                return self._named_table(called, alias)  # TABLE('db.s.t')
        if result is not None:
            self.value(called, scope)
            return derived(alias or name, self._star((result,)), names)
        path = self._file_read(called, name)
        if path is not None:
            self.inputs.setdefault(path)
            return Relation(alias or path.parts[-1], table=path)
        sources = self.value(called, scope) if not isinstance(called, exp.Literal) else {}
        sources = through(sources, Via(TRANSFORMATION))
        relation = Relation(alias or name or "table", anything=sources)
        schema = called.args.get("schema") if isinstance(called, exp.JSONTable) else None
        for column in schema.find_all(exp.JSONColumnDef) if schema is not None else ():
            if column.this is not None:
                relation.columns[self.names.lower(column.this.name)] = {} if column.args.get("ordinality") else sources
        for column in names:
            relation.columns[column] = sources
        if alias and not names:
            relation.columns[alias] = sources  # FROM f(x) AS n: the value goes by the alias
        return relation

    def _named_table(self, called: exp.Expr, alias: str) -> Relation | None:
        if isinstance(called, exp.Literal):
            table: Table | None = Table(self.names.complete(tuple(self.names.lower(called.name).split("."))))
        else:
            table = self.environment.table(called)
        if table is None:
            return None
        self.inputs.setdefault(table)
        return Relation(alias or table.parts[-1], table=table, known=self.environment.columns(table))

    def _file_read(self, called: exp.Expr, name: str) -> Table | None:
        """The file that a function like read_csv('x.csv') or s3('https://...') reads."""
        name = name or type(called).__name__.lower().replace("readcsv", "read_csv").replace(
            "readparquet", "read_parquet"
        )
        if not name.startswith(("read_", "scan_", "parquet_", "s3", "url", "file", "gcs", "hdfs", "azureblob")):
            return None
        first = next((it for it in _expressions(called.args)), None)
        return self.environment.table(first) if isinstance(first, exp.Literal) and first.is_string else None

    def _unnest(self, node: exp.Expr, alias: str, names: Sequence[str], scope: Scope) -> Relation:
        sources = through(union(self.value(it, scope) for it in node.expressions), Via(TRANSFORMATION))
        columns = list(names) or ([alias] if alias else [])
        relation = Relation(alias or (columns[0] if columns else "unnest"), anything=sources)
        for name in columns:
            relation.columns[name] = sources
        offset = node.args.get("offset")
        if isinstance(offset, exp.Expr):
            relation.columns[self.names.lower(offset.name)] = {}
        return relation

    def _lateral_view(self, node: exp.Expr, alias: str, names: Sequence[str], scope: Scope) -> Relation | None:
        inner = node.this
        if isinstance(inner, exp.Subquery):
            return derived(alias, self.query(inner, scope), names)
        if isinstance(inner, exp.Unnest):
            return self._unnest(inner, alias, names, scope)
        if isinstance(inner, (exp.Anonymous, exp.Dot)):
            return self._function(inner, alias, names, scope)
        sources = through(self.value(inner, scope), Via(TRANSFORMATION))
        relation = Relation(alias or "lateral", anything=sources)
        if self.names.dialect == "snowflake":
            names = names or _FLATTENED
        for name in names:
            # Snowflake's FLATTEN: SEQ only counts, the others hold what was flattened
            relation.columns[name] = {} if name == "seq" and len(names) == 6 else sources
        return relation

    def _pivot(self, pivot: exp.Expr, relation: Relation | None, scope: Scope) -> Relation | None:
        if relation is None:
            return None
        inside = Scope(scope)
        inside.add(relation)
        alias = self.names.lower(pivot.alias) if pivot.alias else relation.alias
        fields = [field for field in pivot.args.get("fields") or () if isinstance(field, exp.In)]
        gone: set[str] = set()
        made: dict[str, Sources] = {}
        if pivot.args.get("unpivot"):
            values: list[Sources] = []  # one a value column
            for field in fields:
                for item in field.expressions:
                    for at, column in enumerate(item.find_all(exp.Column, bfs=False)):
                        gone.add(self.names.lower(column.name))
                        if at == len(values):
                            values.append({})
                        add_all(values[at], self.value(column, inside), TRANSFORMATION)
                made[self.names.lower(field.this.name)] = {}
            parts = [
                part
                for name in pivot.expressions
                for part in (name.expressions if isinstance(name, exp.Tuple) else [name])
            ]
            for at, part in enumerate(parts):
                whole = union(values) if len(parts) != len(values) else values[at]
                made[self.names.lower(part.name)] = whole
        else:
            aggregated = [self.value(it, inside) for it in pivot.expressions]
            for it in pivot.expressions:
                gone.update(self.names.lower(column.name) for column in it.find_all(exp.Column))
            for field in fields:
                add_all(self.indirect, self.value(field.this, inside), GROUP_BY)
                gone.update(self.names.lower(column.name) for column in field.this.find_all(exp.Column))
            for at, name in enumerate(pivot.args.get("columns") or ()):
                # every value of the field in turn has all aggregates
                made[self.names.lower(name.name).strip("'")] = aggregated[at % len(aggregated)] if aggregated else {}
        result = Relation(alias)
        for column in self._star((relation,)):
            if column.is_star:
                result.rest = (*result.rest, *column.relation)
                result.hidden = frozenset(gone)
            elif column.name not in gone:
                result.columns[column.name] = column.sources
        result.columns.update(made)
        listed = self._alias_columns(pivot)
        if listed and result.rest:
            # the pivoted columns come last; before them stand those of a table that is not known, by their own names
            named = dict(zip(listed[-len(made) :], made.values(), strict=False)) if made else {}
            for name in listed:
                result.columns[name] = named.get(name) or union(it.find(name) or {} for it in result.rest)
            return result
        return derived(alias, self._star((result,)), listed) if listed else result

    def join(self, join: exp.Expr, scope: Scope) -> None:
        count = len(scope.relations)
        self._from_item(join.this, scope)
        for nested in join.args.get("joins") or ():
            self.join(nested, scope)
        kind, method = (str(join.args.get(key) or "").upper() for key in ("kind", "method"))
        before: list[Relation] = []
        right: list[Relation] = []
        if join.args.get("using") or method == "NATURAL" or kind in ("SEMI", "ANTI"):
            relations = list(scope.relations.values())
            before, right = relations[:count], relations[count:]
        using = [self.names.lower(column.name) for column in join.args.get("using") or ()]
        if method == "NATURAL":
            known = {name for relation in before for name, _ in relation.star()} - {STAR}
            using += [name for relation in right for name, _ in relation.star() if name in known]
        for name in using:
            scope.using.add(name)
            for relation in (*before, *right):
                add_all(self.indirect, relation.find(name) or {}, JOIN)
            for left in before[:1]:
                for other in right:
                    self._joined(left.find(name), other.find(name))
        condition = join.args.get("on")
        if condition is not None:
            self.decides(condition, scope, JOIN)
            self.join_pairs(condition, scope)
        match = join.args.get("match_condition")
        if match is not None:
            self.decides(match, scope, JOIN)
        if kind in ("SEMI", "ANTI"):
            gone = before if str(join.args.get("side") or "").upper() == "RIGHT" else right
            kept = [(name, it) for name, it in scope.relations.items() if it not in gone]
            scope.relations = dict(kept)  # that side only decides which rows stay

    def join_pairs(self, condition: exp.Expr, scope: Scope) -> None:
        """Equal columns of two tables, as evidence of keys."""
        stack = [condition]
        while stack:
            node = stack.pop()
            if isinstance(node, (exp.And, exp.Paren)):
                stack.extend(part for part in (node.this, node.args.get("expression")) if part is not None)
            elif isinstance(node, exp.EQ) and isinstance(node.this, exp.Column):
                if isinstance(node.expression, exp.Column):
                    self._joined(self._column(node.this, scope), self._column(node.expression, scope))

    def _joined(self, left: Sources | None, right: Sources | None) -> None:
        if left and right and len(left) == 1 and len(right) == 1:
            (one, one_column), (two, two_column) = next(iter(left)), next(iter(right))
            if one is not None and two is not None and one != two:
                if (one.parts, one_column) > (two.parts, two_column):
                    one, one_column, two, two_column = two, two_column, one, one_column
                self.joins.setdefault(Join(one, one_column, two, two_column))

    def _alias_columns(self, node: exp.Expr) -> list[str]:
        alias = node.args.get("alias")
        if not isinstance(alias, exp.TableAlias):
            return []
        return [
            self.names.lower(column.name if isinstance(column, exp.Expr) else str(column))
            for column in alias.args.get("columns") or ()
        ]

    # --- values ----------------------------------------------------------------------------------------------------

    def value(
        self,
        node: exp.Expr,
        scope: Scope,
        windows: Mapping[str, exp.Expr] | None = None,
        use_aliases: bool = False,
    ) -> Sources:
        """Where an expression's value comes from. Walks with a stack of its own: sums may be 100,000 terms long."""
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            return self._column(node, scope, use_aliases)
        result: Sources = {}
        stack: list[tuple[exp.Expr, int, Scope]] = [(node, IDENTITY, scope)]
        steps = 0
        while stack:
            node, bits, scope = stack.pop()
            steps += 1
            if steps & 0xFF == 0:
                self._budget.spend(0x100)
            if isinstance(node, exp.Column):
                if isinstance(node.this, exp.Star):
                    add_all(result, self._whole(node, scope), bits)
                else:
                    add_all(result, self._column(node, scope, use_aliases), bits)
            elif isinstance(node, (exp.Literal, exp.DataType, exp.Var, exp.Null, exp.Boolean, exp.JSONPath)):
                continue
            elif isinstance(node, (exp.Paren, exp.Alias, exp.Ordered)):
                stack.append((node.this, bits, scope))
            elif isinstance(node, exp.Query):
                inner = self.query(node, scope)
                for column in inner:
                    add_all(result, column.sources, bits)
            elif isinstance(node, exp.Dot):
                add_all(result, self._path(node, scope), bits)
            elif isinstance(node, exp.Identifier):
                if node.name.lower() not in scope.bound:
                    found = self.environment.variable(self.names.lower(node.name))
                    if found:
                        add_all(result, found, bits)
            elif isinstance(node, (exp.Parameter, exp.SessionParameter, exp.Placeholder)):
                name = self.names.lower(parameter(node))
                if isinstance(node, exp.Parameter) and name[1:].isdigit():
                    add_all(result, self._positional(name[1:], scope), bits)
                else:
                    found = self.environment.variable(name)
                    if found:
                        add_all(result, found, bits)
            else:
                self._children(node, bits, scope, stack, result, windows or {})
        self._budget.spend(steps & 0xFF)
        return result

    def _children(
        self,
        node: exp.Expr,
        bits: int,
        scope: Scope,
        stack: list[tuple[exp.Expr, int, Scope]],
        result: Sources,
        windows: Mapping[str, exp.Expr],
    ) -> None:
        """Pushes the parts of a compound expression, each with what it does to the value."""
        changed = then(TRANSFORMATION, bits)
        decides = then(CONDITIONAL, bits)
        args = node.args
        if isinstance(node, exp.Case):
            for branch in args.get("ifs") or ():
                stack.append((branch.this, decides, scope))
                stack.append((branch.args["true"], changed, scope))
            if args.get("this") is not None:
                stack.append((node.this, decides, scope))
            if args.get("default") is not None:
                stack.append((args["default"], changed, scope))
            return
        if isinstance(node, exp.If):
            stack.append((node.this, decides, scope))
            stack.extend((args[key], changed, scope) for key in ("true", "false") if args.get(key) is not None)
            return
        if isinstance(node, exp.Nvl2):
            stack.append((node.this, decides, scope))
            stack.extend((args[key], changed, scope) for key in ("true", "false") if args.get(key) is not None)
            return
        if isinstance(node, exp.DecodeCase):
            parts = node.expressions
            stack.append((parts[0], decides, scope))
            for at in range(1, len(parts), 2):
                is_default = at == len(parts) - 1
                stack.append((parts[at], changed if is_default else decides, scope))
                if not is_default:
                    stack.append((parts[at + 1], changed, scope))
            return
        if isinstance(node, exp.Nullif):
            stack.append((node.this, changed, scope))
            stack.append((node.expression, decides, scope))
            return
        if isinstance(node, exp.Exists):
            columns = self.query(node.this, scope) if isinstance(node.this, exp.Query) else ()
            for column in columns:
                if not column.is_star:
                    add_all(self.indirect, column.sources, FILTER)
            return
        if isinstance(node, exp.In):
            stack.append((node.this, changed, scope))
            stack.extend((it, decides, scope) for it in args.get("expressions") or ())
            if args.get("query") is not None:
                for column in self.query(args["query"], scope):
                    add_all(result, column.sources, decides)
            if args.get("unnest") is not None:
                stack.append((args["unnest"], decides, scope))
            return
        if isinstance(node, exp.Window):
            stack.append((node.this, changed, scope))
            named = args.get("alias")
            ordering = windows.get(self.names.lower(named.name)) if isinstance(named, exp.Identifier) else None
            for part in (node, ordering) if ordering is not None else (node,):
                inside = then(WINDOW, bits)
                stack.extend((it, inside, scope) for it in part.args.get("partition_by") or ())
                order = part.args.get("order")
                if order is not None:
                    stack.extend((it, inside, scope) for it in order.expressions)
            return
        if isinstance(node, exp.Filter):
            stack.append((node.this, bits, scope))
            stack.append((node.expression.this, then(FILTER, bits), scope))
            return
        if isinstance(node, exp.WithinGroup):
            stack.append((node.this, then(AGGREGATION, bits), scope))
            called = node.this
            of_value = isinstance(called, (exp.PercentileCont, exp.PercentileDisc, exp.Mode))
            inside = then(AGGREGATION if of_value else SORT, bits)
            stack.extend((it, inside, scope) for it in node.expression.expressions)
            return
        if isinstance(node, exp.AggFunc):
            inside = then(AGGREGATION, bits)
            if isinstance(node, exp.Count) and (isinstance(node.this, exp.Star) or node.this is None):
                for relation in scope.relations.values():
                    if relation.table is not None:
                        add(result, (relation.table, STAR), Via(inside, 0.6, "rows are counted"))
                return
            for child in _expressions(args):
                if isinstance(child, exp.Order):
                    stack.extend((it, then(SORT, bits), scope) for it in child.expressions)
                    if child.this is not None:  # LISTAGG(x) WITHIN GROUP (ORDER BY y), ARRAY_AGG(x ORDER BY y)
                        stack.append((child.this, inside, scope))
                else:
                    stack.append((child, inside, scope))
            return
        if isinstance(node, exp.Lambda):
            inside_scope = Scope(scope)
            inside_scope.bound = scope.bound | {it.name.lower() for it in node.expressions}
            stack.append((node.this, bits, inside_scope))
            return
        if isinstance(node, (exp.PropertyEQ, exp.Kwarg)):
            stack.append((node.expression, bits, scope))
            return
        if isinstance(node, exp.Anonymous):
            name = node.name.lower()
            if name in _MASKING:
                changed = masked(changed)
            elif (collected := self.environment.variable(name)) is not None:
                add_all(result, collected, bits)  # one of a collection: l(i)
                return
            elif (returned := self.environment.result(name)) is not None:
                add_all(result, returned.everything(), bits)
            elif name == "values" and node.expressions and isinstance(node.expressions[0], exp.Identifier):
                excluded = self._relation(("excluded",), scope)  # MySQL: VALUES(col) in ON DUPLICATE KEY UPDATE
                if excluded is not None:
                    add_all(result, excluded.find(self.names.lower(node.expressions[0].name)) or {}, bits)
                return
            elif name.startswith("dictget") and node.expressions:
                stack.extend((it, changed, scope) for it in node.expressions[1:])
                self._dictionary(node.expressions[0])
                return
        elif isinstance(node, _MASKING_NODES):
            changed = masked(changed)
        elif type(node).__name__ in _FIRST_ONLY:
            stack.append((node.this, changed, scope))
            if isinstance(node.args.get("expression"), exp.Expr):
                stack.append((node.args["expression"], changed, scope))
            return
        elif isinstance(node, exp.Interval):
            changed = bits
        stack.extend((child, changed, scope) for child in _expressions(args))

    def _dictionary(self, node: exp.Expr) -> None:
        """ClickHouse: the dictionary that dictGet reads."""
        parts = tuple(node.name.lower().split(".")) if isinstance(node, exp.Literal) else self.names.parts(node)
        if parts:
            self.inputs.setdefault(Table(self.names.complete(parts)))

    def _positional(self, number: str, scope: Scope) -> Sources:
        """`$1`: an argument, or a field of a staged file."""
        bound = self.environment.variable(f"${number}")
        if bound is not None:
            return bound
        for relation in scope.relations.values():
            if relation.table is not None and is_path(relation.table.parts):
                return {(relation.table, f"${number}"): Via()}
        return union(relation.find(f"${number}") or {} for relation in scope.relations.values())

    def _whole(self, node: exp.Column, scope: Scope) -> Sources:
        relation = self._relation(tuple(self.names.lower(part.name) for part in node.parts[:-1]), scope)
        return relation.everything() if relation is not None else {}

    # --- columns ---------------------------------------------------------------------------------------------------

    def _column(self, node: exp.Expr, scope: Scope, use_aliases: bool = False) -> Sources:
        args = node.args
        last = args["this"]
        if isinstance(last, exp.Parameter):
            name = "$" + last.name if last.name.isdigit() else self.names.lower(parameter(last))
        else:
            name = self.names.lower(last.name)
        table = args.get("table")
        if table is None:
            return self._unqualified(name, scope, use_aliases)
        parts = tuple(
            self.names.lower(part.name) for part in (args.get("catalog"), args.get("db"), table) if part is not None
        )
        return self._column_of((*parts, name), scope)

    def _column_of(self, parts: tuple[str, ...], scope: Scope) -> Sources:
        """`t.c`, `s.t.c`, `t.c.field`, `c.field`: whatever the parts can mean, the longest table name first."""
        if len(parts) == 1:
            return self._unqualified(parts[0], scope)
        here: Scope | None = scope
        while here is not None:
            for cut in range(len(parts) - 1, 0, -1):
                relation = here.relation(*parts[:cut]) if cut > 1 else here.relation(parts[0])
                if relation is not None:
                    return _field(relation.require(parts[cut]), parts[cut + 1 :])
            here = here.parent
        row = self.environment.row(parts[0])
        if row is not None:
            return _field(row.find(parts[1]) or {}, parts[2:])
        if parts[-2] == "session" and (of_session := self.environment.variable(parts[-1])) is not None:
            return of_session
        dotted = self.environment.variable(".".join(parts))
        if dotted is not None:
            return dotted
        if parts[-1] in self._pseudo:
            return {}
        if not scope.relations and (of_block := self.environment.variable(parts[-1])) is not None:
            return of_block  # a variable by its block's label
        if self.names.dialect not in _STRUCTS:
            return {}
        whole = self._unqualified(parts[0], scope, silent=True)
        return _field(whole, parts[1:])

    def _unqualified(self, name: str, scope: Scope, use_aliases: bool = False, silent: bool = False) -> Sources:
        if name in scope.bound:
            return {}
        here: Scope | None = scope
        fallback: Sources | None = None
        aliases = use_aliases or self._lateral
        while here is not None:
            relations = list(here.relations.values())
            self._budget.spend(1 + len(relations))
            known = [relation for relation in relations if relation.has(name)]
            if len(known) == 1 and not (name in here.using and any(it.is_open for it in relations)):
                return known[0].find(name) or {}
            opened = [relation for relation in relations if relation.is_open and relation not in known]
            if name in here.using:
                return union(relation.find(name) or {} for relation in (*known, *opened))
            if known:
                found = union(relation.find(name) or {} for relation in known)
                return through(found, Via(IDENTITY, 0.6, "more than one table has it"))
            alias = here.aliases.get(name)
            if alias is not None and name not in here.evident and (aliases or not opened):
                return alias
            if here is scope and name in self._pseudo:
                return {}
            variable = self.environment.variable(name)
            if variable is not None:
                return through(variable, _VARIABLE) if opened else variable
            if (whole := here.relations.get(name)) is not None and not opened:
                return whole.everything()
            if opened and fallback is None:
                if name in here.relations and len(opened) > 1:
                    return here.relations[name].everything()
                fallback = self._guess(name, opened, len(relations), silent)
                if here is scope and len(opened) == 1:
                    here.evident.add(name)
            here = here.parent
            if here is not None and fallback is not None:
                # an outer table that surely has it is likelier than an inner one that might
                certain = [relation for relation in here.relations.values() if relation.has(name)]
                if len(certain) == 1 and all(key[0] is None for key in fallback):
                    return through(certain[0].find(name) or {}, _CORRELATED)
                break
        return fallback or {}

    def _guess(self, name: str, opened: Sequence[Relation], total: int, silent: bool) -> Sources:
        tables = [relation for relation in opened if relation.anything is None]
        if len(tables) == 1:
            opened = tables  # a table is likelier to have it than a function's result
        if len(opened) == 1:
            found = opened[0].find(name) or {}
            return found if total == 1 else through(found, _UNSURE_TABLE)
        if silent:
            return {}
        return {(None, name): _AMBIGUOUS}

    def _relation(self, parts: tuple[str, ...], scope: Scope) -> Relation | None:
        here: Scope | None = scope
        while here is not None:
            found = here.relation(*parts)
            if found is not None:
                return found
            here = here.parent
        return self.environment.row(parts[-1])

    def _path(self, node: exp.Expr, scope: Scope) -> Sources:
        """`a.b.c[0].d`: a field of a column."""
        fields: list[str] = []
        while isinstance(node, exp.Dot):
            if isinstance(node.expression, exp.Identifier):
                fields.append(self.names.lower(node.expression.name))
                node = node.this
            else:  # a method or a qualified function: s.f(x)
                sources = self.value(node.expression, scope)
                return through(sources, Via(TRANSFORMATION))
        if isinstance(node, (exp.Anonymous, exp.Placeholder, exp.Parameter)) and fields:
            called = parameter(node) if not isinstance(node, exp.Anonymous) else node.name
            row = self.environment.row(self.names.lower(called))
            if row is not None:  # :NEW.a, a record of a collection: l(i).a
                return _field(row.find(fields[-1]) or {}, tuple(reversed(fields[:-1])))
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            parts = tuple(self.names.lower(part.name) for part in node.parts)
            return self._column_of((*parts, *reversed(fields)), scope)
        if isinstance(node, exp.Identifier):
            return self._column_of((self.names.lower(node.name), *reversed(fields)), scope)
        if isinstance(node, exp.Paren) and isinstance(node.this, exp.Column) and not node.this.args.get("table"):
            relation = scope.relations.get(self.names.lower(node.this.name))
            if relation is not None and fields:
                return relation.require(fields[-1])
        return _field(self.value(node, scope), tuple(reversed(fields)))


def _field(sources: Sources, fields: tuple[str, ...]) -> Sources:
    """A field of a struct column is a column of its own where nothing came between."""
    if not fields:
        return sources
    path = ".".join(field for field in fields if not field.isdigit())  # a number is a place, no field
    if not path:
        return sources
    return {
        (table, f"{column}.{path}" if via.bits == IDENTITY and column != STAR else column): via
        for (table, column), via in sources.items()
    }


def _called(relation: Relation, alias: str) -> Relation:
    return Relation(
        alias, relation.columns, relation.table, relation.known, relation.rest, relation.anything, relation.hidden
    )


def _either(one: tuple[Relation, ...], two: tuple[Relation, ...]) -> tuple[Relation, ...]:
    """What stands behind the star of a set operation: a column comes from both sides."""
    return (Relation("", rest=(Relation("", rest=one), Relation("", rest=two)), is_union=True),)


def _merge_starred(result: list[Column], columns: Sequence[Column], bits: int) -> None:
    """Branches of a set operation of which one holds a star: by name where there are names, else all into the star."""
    by_name = {column.name: column for column in result}
    for column in columns:
        mine = by_name.get(column.name)
        if mine is not None:
            add_all(mine.sources, column.sources, bits)
            if mine.is_star:
                mine.relation = _either(mine.relation, column.relation)
        elif STAR in by_name and not column.is_star:
            by_name[STAR].relation = (
                *by_name[STAR].relation,
                Relation("", {column.name: through(column.sources, Via(bits))}),
            )
        else:
            added = Column(column.name, dict(column.sources), column.node, column.relation, column.named)
            result.append(added)
            by_name[column.name] = added


def _mentions(node: exp.Expr, name: str) -> bool:
    return any(table.name.lower() == name and not table.args.get("db") for table in node.find_all(exp.Table))


def _is_query(node: exp.Expr) -> bool:
    while isinstance(node, exp.Subquery):
        node = node.this
    return isinstance(node, exp.Query)


def _output_name(node: exp.Expr) -> str:
    """The name an engine gives a result column without AS: a plain column's own."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Column):
        return node.name if not isinstance(node.this, exp.Parameter) else ""
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        return node.expression.name
    return ""


def _cast_name(node: exp.Expr) -> str:
    """`a::date` goes by `a` in PostgreSQL and by habit."""
    while isinstance(node, (exp.Cast, exp.TryCast, exp.Paren)):
        node = node.this
    return node.name if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier) else ""


def _expressions(args: Mapping[str, object]) -> Iterator[exp.Expr]:
    for value in args.values():
        if isinstance(value, exp.Expr):
            yield value
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, exp.Expr):
                    yield item

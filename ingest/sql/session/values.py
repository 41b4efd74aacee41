"""Runs declarations, assignments, cursors and returns: variables carry lineage from where they are set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from sqlglot import exp

from ingest.sql.reading.effects import Effects
from ingest.sql.reading.flow import union
from ingest.sql.reading.relations import STAR, Column, Relation, Scope, derived
from ingest.sql.result import Category, Table
from ingest.sql.script.nodes import Assign, Declare, Fetch, Open, Return, Tokens, Variable
from ingest.sql.script.tokens import tokenise
from ingest.sql.session.state import TableState, Value
from ingest.sql.session.statements import StatementRunner


class ValueRunner(StatementRunner):
    """Variables, records, cursors and result sets."""

    def _declare(self, node: Declare) -> None:
        for variable in node.variables:
            self._declare_one(variable)

    def _declare_one(self, variable: Variable) -> None:
        name = variable.name
        kind = variable.type[0].text.upper() if variable.type else ""
        if kind == "TABLE" and name.startswith("@"):
            table = Table((name,), True)
            self.state.tables[table] = TableState(self._listed_columns(variable.type))
            return
        value = Value()
        typed = "".join(token.text for token in variable.type).lower()
        if typed in self._types:
            self._record_types[name] = self._types[typed]
        if variable.query:
            columns = self._query(variable.query)
            value = Value(row=derived(name, columns)) if columns is not None else value
        elif variable.text:
            columns = self._dynamic_columns(variable.text, (), variable.text)
            value = Value(row=derived(name, columns)) if columns is not None else value
        elif variable.default:
            text = "".join(token.text for token in variable.default).lower()
            other = self.state.variable(text)
            value = other if other is not None else self._value_of(variable.default)
        self.state.frames[-1][name] = value

    def _listed_columns(self, tokens: Tokens) -> dict[str, str] | None:
        """The columns of `TABLE (a int, b text)`."""
        create = tokenise("CREATE", self.dialect)
        head = [*create, *(tokenise("TABLE t", self.dialect)), *tokens[1:]]
        node = self.parser.parse(head)
        if isinstance(node, exp.Create) and isinstance(node.this, exp.Schema):
            columns = {self.names.lower(it.name): "" for it in node.this.expressions if isinstance(it, exp.ColumnDef)}
            return columns or None
        return None

    def _assign(self, node: Assign) -> None:
        if node.text:
            columns = self._dynamic_columns(node.text, (), node.tokens or node.text)
            if columns is not None:
                self._set(node.targets, columns)
            return
        head = node.value[0].text.upper() if node.value else ""
        inner = next((token.text.upper() for token in node.value if token.text != "("), "")
        if head in ("SELECT", "WITH") or (head == "(" and inner in ("SELECT", "WITH")):
            columns = self._query(node.value)
            if columns is not None:
                self._set(node.targets, columns)
            return
        if len(node.targets) > 1:
            parts = self.parser.expression(node.value)
            cells = parts.expressions if isinstance(parts, (exp.Tuple, exp.Struct)) else []
            for target, cell in zip(node.targets, cells, strict=False):
                self.state.assign(target, self._value(cell))
            return
        for target in node.targets:
            value = self._value_of(node.value)
            if node.operator:
                known = self.state.variable(target) or Value()
                texts = (
                    frozenset(one + two for one in known.texts for two in value.texts)
                    if node.operator == "+" and len(known.texts) * len(value.texts) <= 16
                    else frozenset()
                )
                value = Value(union((known.sources, value.sources)), texts)
            self._assign_one(target, value, node.tokens)

    def _assign_one(self, target: str, value: Value, tokens: Tokens) -> None:
        head, dot, rest = target.partition(".")
        if not dot:
            self.state.assign(target, value)
            return
        record = self.state.variable(head)
        row = record.row if record is not None else None
        if row is not None and row.table is not None and head.lstrip(":") == "new":
            # a BEFORE trigger changes the row that is written
            effects = Effects("SET", Category.DML)
            effects.write(row.table, [Column(rest, value.sources)])
            effects.writes[-1].columns[0].named = True
            self._apply(tokens, effects, None, ())
            return
        columns = dict(row.columns) if row is not None else {}
        columns[rest] = value.sources
        made = Relation(head, columns)
        if row is not None:
            made = Relation(head, columns, row.table, row.known, row.rest, row.anything, row.hidden)
        self.state.assign(head, Value(row=made))

    def _set(self, targets: Sequence[str], columns: list[Column]) -> None:
        """The result of a query goes into variables: one each, or all into a record."""
        if len(targets) == 1:
            known = self.state.variable(targets[0])
            is_row = known is not None and known.row is not None
            names = self._record_types.get(targets[0], ())
            if len(names) == len(columns) and not any(column.is_star for column in columns):
                # a record of a declared type: by position
                columns = [Column(name, it.sources, it.node) for name, it in zip(names, columns, strict=True)]
            if len(columns) > 1 or is_row or any(column.is_star for column in columns):
                row = derived(targets[0], columns)
                self.state.assign(
                    targets[0], Value(union(it.sources for it in columns[:1]) if len(columns) == 1 else {}, row=row)
                )
                return
        for target, column in zip(targets, columns, strict=False):
            texts = self._texts(column.node) if isinstance(column.node, exp.Expr) else frozenset()
            value = Value(column.sources, texts, derived(target, columns) if len(targets) == 1 else None)
            self._assign_one(target, value, ())

    def _open(self, node: Open) -> None:
        columns = None
        if node.query:
            columns = self._query(node.query)
        elif node.text:
            known = self.state.variable("".join(token.text for token in node.text).lower())
            if known is not None and known.row is not None:
                self.state.assign(node.cursor, known)
                return
            columns = self._dynamic_columns(node.text, node.using, node.tokens or node.text)
        if columns is not None:
            self.state.assign(node.cursor, Value(row=derived(node.cursor, columns)))

    def _fetch(self, node: Fetch) -> None:
        cursor = self.state.variable(node.cursor)
        if cursor is None or cursor.row is None:
            return
        columns = [
            Column(name, sources, None, (cursor.row,) if name == STAR else ()) for name, sources in cursor.row.star()
        ]
        if len(node.into) == 1:
            known = self.state.variable(node.into[0])
            if len(columns) > 1 or (known is not None and known.row is not None):
                self.state.assign(node.into[0], Value(row=cursor.row))
                return
            if len(columns) == 1:
                self.state.assign(node.into[0], Value(columns[0].sources, row=cursor.row))
                return
        for name, column in zip(node.into, columns, strict=False):
            self.state.assign(name, Value(column.sources))

    def _return(self, node: Return) -> None:
        columns: list[Column] | None = None
        if node.text:
            columns = self._dynamic_columns(node.text, node.using, node.tokens or node.text)
        elif node.query:
            columns = self._query(node.value)
            if columns is None and node.value:
                value = self.state.variable("".join(token.text for token in node.value).lower())
                if value is not None and value.row is not None:
                    columns = [Column(name, sources) for name, sources in value.row.star()]
        elif node.value:
            parsed = self.parser.expression(node.value)
            name = "".join(token.text for token in node.value).lower()
            known = self.state.variable(name)
            if known is not None and known.row is not None and not known.sources:
                columns = [Column(it, sources) for it, sources in known.row.star()]
            elif isinstance(parsed, exp.Anonymous) and parsed.name.lower() in self._types:
                names = self._types[parsed.name.lower()]  # PIPE ROW (t(a, b))
                columns = [
                    Column(attribute, self._value(it).sources, it)
                    for attribute, it in zip(names, parsed.expressions, strict=False)
                ]
            elif isinstance(parsed, exp.Tuple):
                columns = [Column("", self._value(it).sources, it) for it in parsed.expressions]
            elif parsed is not None:
                columns = [Column("", self._value(parsed).sources, parsed, named=False)]
        elif self._running and self._running[-1].returns:
            row = [self.state.variable(name) for name in self._running[-1].returns]  # RETURN NEXT of OUT columns
            columns = [Column("", value.sources if value is not None else {}) for value in row]
        if columns:
            self._results[-1].append(columns)

    def _value_of(self, tokens: Tokens) -> Value:
        if not tokens:
            return Value()
        text = "".join(token.text for token in tokens).lower()
        known = self.state.variable(text)
        if known is not None:
            return known
        parsed = self.parser.expression(tokens)
        return self._value(parsed) if parsed is not None else Value()

    def _value(self, node: exp.Expr) -> Value:
        if isinstance(node, exp.Query) or any(True for _ in node.find_all(exp.Query)):
            reader = self._query_reader()
            sources = reader.value(node, Scope())
            if reader.inputs:
                effects = Effects("SELECT", Category.DQL, inputs=dict(reader.inputs))
                self._record_at(effects, reader)
            return Value(sources, self._texts(node))
        reader = self._query_reader()
        called = node.expression if isinstance(node, exp.Dot) else node
        if isinstance(called, exp.Anonymous):
            row = self.result(called.name.lower())
            if row is not None:  # a function that returns a cursor, a record or a value
                return Value(union((row.everything(), reader.value(node, Scope()))), row=row)
        return Value(reader.value(node, Scope()), self._texts(node))

    @abstractmethod
    def _dynamic_columns(self, text: Tokens, using: Sequence[Tokens], tokens: Tokens) -> list[Column] | None:
        """The columns that a dynamic text answers; None where the text can't be known."""

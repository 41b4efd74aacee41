"""Runs single statements: reads their effects, changes the state by them, and keeps the record."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlglot import exp
from sqlglot.tokenizer_core import Token

from ingest.sql.budget import PER_TOKEN, OutOfSteps
from ingest.sql.reading import commands
from ingest.sql.reading.effects import Effects
from ingest.sql.reading.parse import Parsed
from ingest.sql.reading.query import QueryReader
from ingest.sql.reading.relations import Column, Relation, Scope
from ingest.sql.reading.salvage import tables_in
from ingest.sql.reading.statement import EffectsReader
from ingest.sql.result import Category, Place, Table, Unread
from ingest.sql.script import split
from ingest.sql.script.nodes import Leaf, Tokens, Unsplit
from ingest.sql.script.tokens import index, place, tokenise
from ingest.sql.session.environment import Bound, SessionEnvironment
from ingest.sql.session.folding import UNKNOWN
from ingest.sql.session.recording import PARTLY_READ, Record, contents_of, flow_of, lasting_of
from ingest.sql.session.state import TableState, Value, filled

SPENT = "too much work for one script; this and what follows is not read"
COMMITS = frozenset({"oracle", "mysql", "snowflake", "singlestore"})  # DDL ends the transaction
_NO_STATEMENT = (exp.Condition, exp.Alias, exp.Aliases, exp.Identifier, exp.Var)
_DDL_WORDS = frozenset({"CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "COMMENT"})


class StatementRunner(SessionEnvironment):
    """Statements, one by one."""

    def _leaf(self, node: Leaf) -> None:
        if node.tokens:
            self._statement(node.tokens)

    def _unsplit(self, node: Unsplit) -> None:
        unread = Unread(Place(*node.place), node.reason, self.parser.text(node.tokens)[:500])
        self.unread.setdefault(unread)
        if not node.tokens:
            return
        effects = self._effects_reader(self._query_reader())
        self._salvage(node.tokens, effects)
        effects.done("UNREAD", Category.OTHER)
        self._record(node.tokens, effects.finish(), None, (unread,), whole=False)

    def _query(self, tokens: Tokens) -> list[Column] | None:
        """Runs a query whose result goes elsewhere (a cursor, a variable)."""
        while len(tokens) > 1 and tokens[0].text == "(" and tokens[-1].text == ")":
            tokens = tokens[1:-1]
        if not tokens or tokens[0].text.upper() not in (
            "SELECT",
            "WITH",
            "VALUES",
            "TABLE",
            "(",
            "FROM",
            "SEL",
            "INSERT",
            "UPDATE",
            "DELETE",
        ):
            return None
        self._results.append([])
        outer, self._captured = self._captured, True
        try:
            self._statement(tokens)
        finally:  # a statement that is given up must not change how the next one is read
            self._captured = outer
            results = self._results.pop()
        return results[0] if results else None

    def _condition(self, tokens: Tokens) -> None:
        """Tables that a condition reads are inputs."""
        if not tokens or not any(token.text.upper() == "SELECT" for token in tokens):
            return
        parsed = self.parser.expression(tokens)
        if parsed is None:
            return
        reader = self._query_reader()
        reader.value(parsed, Scope())
        if reader.inputs:
            effects = Effects("CONDITION", Category.DQL, inputs=dict(reader.inputs))
            self._record(tokens, effects, reader, ())

    def _statement(self, tokens: Tokens) -> None:
        self.budget.next_statement()
        if self.budget.is_spent:
            self._record(
                tokens, Effects("UNREAD", Category.OTHER), None, (self.parser.unread(tokens, SPENT),), whole=False
            )
            return
        self.budget.script -= PER_TOKEN * len(tokens)
        tokens = commands.rewrite(self._identified(tokens), self.dialect)
        if any(token.text.upper() == "TYPE" for token in tokens[:5]) and tokens[0].text.upper() in ("CREATE", "TYPE"):
            self._object_type(tokens)
        reader = self._query_reader()
        effects = self._effects_reader(reader)
        if commands.read(tokens, self.parser, effects, self._nested):
            self._apply(tokens, effects.finish(), reader, ())
            return
        parsed = self.parser.statement(
            tokens, self._is_variable, bool(self._running) and self._running[-1].kind != "TASK"
        )
        unread = list(parsed.unread)
        if parsed.output is not None:
            self._output(parsed, effects)
        if isinstance(parsed.node, exp.Command):
            if not commands.read_opaque(tokens, self.parser, effects, self._nested):
                unread.append(self.parser.unread(tokens, "a statement of a kind that is not known"))
                self._salvage(tokens, effects)
        elif isinstance(parsed.node, _NO_STATEMENT) and not isinstance(parsed.node, exp.Query):
            if parsed.whole:
                unread.append(self.parser.unread(tokens, "not a statement"))
            self._salvage(tokens, effects)
        elif parsed.node is not None:
            try:
                effects.read(parsed.node)
            except OutOfSteps:
                unread.append(
                    self.parser.unread(tokens, "too much work for one statement; what was found by then counts")
                )
            except RecursionError:
                unread.append(self.parser.unread(tokens, "nested too deeply"))
            except Exception as error:  # a tree that no grammar makes whole: what was found before counts
                if parsed.whole:
                    unread.append(self.parser.unread(tokens, f"not understood ({type(error).__name__})"))
                parsed.whole = False
            if not parsed.whole:
                self._salvage(tokens, effects)
        else:
            self._salvage(tokens, effects)
        found = effects.effects
        if not found.kind:
            head = tokens[0].text.upper()
            found.kind = head
            found.category = Category.DDL if head in _DDL_WORDS else found.category
        if parsed.into:
            self._into(parsed.into, found)
        if parsed.outfile and found.result is not None:
            found.write(Table((self.names.lower(parsed.outfile),)), found.result)
            found.kind, found.category, found.result = "SELECT INTO", Category.DML, None
        self._apply(tokens, effects.finish(), reader, unread, parsed.whole)

    def _identified(self, tokens: Tokens) -> Tokens:
        """IDENTIFIER(x) as the name that it is known to be."""
        if not any(token.text.upper() == "IDENTIFIER" for token in tokens):
            return tokens
        close = index(list(tokens)).close
        result: list[Token] = []
        at = 0
        while at < len(tokens):
            like = tokens[at]
            end = close[at + 1] if at and like.text.upper() == "IDENTIFIER" and at + 1 < len(tokens) else -1
            node = self.parser.expression(tokens[at + 2 : end]) if end > 0 else None
            texts = self._folder().fold(node) if node is not None else []
            if len(texts) == 1 and UNKNOWN not in texts[0]:
                result += [
                    Token(it.token_type, it.text, like.line, like.col, like.start, like.end)
                    for it in tokenise(texts[0], self.dialect)
                ]
                at = end + 1
            else:
                result.append(like)
                at += 1
        return tuple(result)

    def _object_type(self, tokens: Tokens) -> None:
        """CREATE TYPE t AS OBJECT (a NUMBER, b DATE), AS (a int): the attributes name a constructor's arguments."""
        words = [token.text.upper() for token in tokens]
        at = words.index("TYPE")
        start = next((it for it in range(at + 2, len(words)) if words[it] == "("), -1)
        if "OF" in words[at:] and start < 0:  # TYPE list IS TABLE OF record
            element = self._types.get(tokens[words.index("OF") + 1].text.lower()) if words[-1] != "OF" else None
            if element is not None:
                self._types[tokens[at + 1].text.lower()] = element
        if start < 0 or not {"AS", "IS"} & set(words[at:start]):
            return
        name = next(
            (
                token.text.lower()
                for token in reversed(tokens[at + 1 : start])
                if token.text.upper() not in ("AS", "IS", "OBJECT", "TABLE", "OF", "VARRAY", "FORCE", "UNDER")
            ),
            "",
        )
        depth, attributes, first = 0, [], True
        for token in tokens[start:]:
            if token.text == "(":
                depth += 1
            elif token.text == ")":
                depth -= 1
            elif depth == 1 and token.text == ",":
                first = True
            elif depth == 1 and first:
                attributes.append(token.text.lower())
                first = False
        self._types[name] = tuple(attributes)

    def _nested(self, tokens: Tokens) -> None:
        """A statement inside another (a task's): it is a step of its own."""
        text = self.parser.text(tokens)
        inner = split(text, self.dialect)
        if len(inner) == 1 and isinstance(inner[0], Leaf):
            self._statement(tokens)
        else:
            self._run_text(text, tokens, Bound([]))

    @abstractmethod
    def _run_text(self, text: str, tokens: Tokens, frame: Bound) -> list[Column] | None:
        """Runs a text that a statement holds."""

    @abstractmethod
    def _set(self, targets: Sequence[str], columns: list[Column]) -> None:
        """The result of a query goes into variables."""

    def _salvage(self, tokens: Tokens, effects: EffectsReader) -> None:
        """What the names around INTO, FROM and JOIN tell where the grammar could not."""
        ctes, inputs, outputs = tables_in(tokens)
        for names, into in ((inputs, effects.effects.inputs), (outputs, effects.effects.outputs)):
            for name in names:
                node = self.parser.table(name)
                table = self.table(node) if node is not None else None
                if table is not None and not (len(table.parts) == 1 and table.parts[0] in ctes):
                    into.setdefault(table)

    def _into(self, names: Sequence[str], effects: Effects) -> None:
        columns = effects.returned if effects.returned is not None else effects.result
        if columns is None:
            return
        if effects.returned is not None:
            for target in effects.outputs:
                if any(table == target for it in columns for (table, _) in it.sources):
                    effects.inputs.setdefault(target)
        self._set(names, columns)
        if effects.result is not None:
            effects.result = None
            effects.kind = "SELECT INTO"

    def _output(self, parsed: Parsed, effects: EffectsReader) -> None:
        output = parsed.output
        assert output is not None

        def returning(scope: Scope, row: Relation) -> None:
            columns = effects.returned(output.expressions, scope, row)
            node = self.parser.table(output.target) if output.target else None
            target = self.table(node) if node is not None else None
            if target is None:
                self._results[-1].append(columns)
                return
            if row.table is not None:
                effects.uses(row.table, columns)
            effects.effects.write(target, effects.place(target, columns, output.columns))

        effects.returning = returning

    def _apply(
        self,
        tokens: Tokens,
        effects: Effects,
        reader: QueryReader | None,
        unread: Iterable[Unread],
        whole: bool = True,
    ) -> None:
        """What a statement does to the session, and its record."""
        if effects.result is not None and any(column.name.startswith("@") for column in effects.result):
            for column in effects.result:
                if column.name.startswith("@"):
                    texts = self._texts(column.node) if isinstance(column.node, exp.Expr) else frozenset()
                    self.state.assign(column.name, Value(column.sources, texts))
            effects.result = None
        if effects.result is not None:
            self._results[-1].append(effects.result)
            if self._captured or self._running:
                effects.result = None
        self._record(tokens, effects, reader, unread, whole)
        self._change(effects)
        if (
            self.dialect in COMMITS
            and effects.category is Category.DDL
            and not any(it.table.temporary for it in effects.created)
        ):
            current = self._transactions[-1] if self._transactions else None
            if current is not None and current.depth == self._conditions:
                current.since, current.tables = len(self.records), dict(self.state.tables)

    def _change(self, effects: Effects) -> None:
        """Tables made, filled, emptied, renamed and dropped."""
        state = self.state
        written = {id(write): contents_of(write, state) for write in effects.writes if write.target.temporary}
        inputs = state.expand_inputs(effects.inputs) if written else {}
        indirect = state.expand(effects.indirect) if written else {}
        for made in effects.created:
            if made.replaces or made.table not in state.tables:
                state.tables[made.table] = TableState(made.columns)
        if effects.kind == "TRUNCATE":
            for table in effects.outputs:
                if table in state.tables:
                    state.tables[table] = TableState(state.tables[table].columns)
        for write in effects.writes:
            if write.target.temporary:
                known = state.tables.get(write.target, TableState())
                if effects.kind == "INSERT OVERWRITE":
                    known = TableState(known.columns)
                state.tables[write.target] = filled(known, written[id(write)], inputs, indirect)
        for old, new in effects.renamed:
            if old in state.tables:
                state.tables[new] = state.tables.pop(old)
        for one, two in effects.swapped:
            first, second = state.tables.pop(one, None), state.tables.pop(two, None)
            for table, content in ((one, second), (two, first)):
                if content is not None:
                    state.tables[table] = content
        for table in effects.dropped:
            if table.temporary or table in state.tables:
                state.tables.pop(table, None)
        if effects.kind.startswith("ALTER"):
            for table in effects.outputs:
                self._altered.add(table)
                if table in state.tables:
                    state.tables[table] = replace(state.tables[table], columns=None)

    def _record_at(self, effects: Effects, reader: QueryReader) -> None:
        """A query inside an expression (a default, an argument): it has no statement of its own."""
        key = (*self._path, "value", tuple(effects.inputs))
        record = self.records.get(key)
        if record is None:
            self._order += 1
            at = self._outer_place[0] if self._outer_place else Place(1, 1)
            record = Record(
                at, "", (self._outer_place[1] if self._outer_place else 0, self._order), self._routine_name()
            )
            self.records[key] = record
        record.effects = effects
        flow = flow_of(effects)
        record.hop.merge(flow)
        record.lasting.merge(lasting_of(flow, self.state))

    def _record(
        self,
        tokens: Tokens,
        effects: Effects,
        reader: QueryReader | None,
        unread: Iterable[Unread],
        whole: bool = True,
    ) -> Record:
        key = (*self._path, tokens[0].start if tokens else -1, self._routine_name(), effects.kind == "CONDITION")
        record = self.records.get(key)
        if record is None:
            self._order += 1
            if self._outer_place is not None:
                at, start = self._outer_place
            else:
                at, start = (Place(*place(tokens[0])), tokens[0].start) if tokens else (Place(1, 1), 0)
            record = Record(at, self.parser.text(tokens), (start, self._order), self._routine_name())
            self.records[key] = record
        record.effects = effects
        flow = flow_of(effects)
        record.hop.merge(flow)
        record.lasting.merge(lasting_of(flow, self.state))
        for item in unread:
            if self._outer_place is not None:
                item = Unread(self._outer_place[0], item.reason, item.text)
            record.unread.setdefault(item)
            self.unread.setdefault(item)
        if reader is not None:
            record.joins.update(reader.joins)
        if not whole:
            record.cap, record.reason = PARTLY_READ, "a part of the statement could not be read"
        return record

    def _note(self, tokens: Tokens, reason: str) -> None:
        unread = self.parser.unread(tokens, reason)
        if self._outer_place is not None:
            unread = Unread(self._outer_place[0], reason, unread.text)
        self.unread.setdefault(unread)
        record = self._record(tokens, Effects("EXECUTE", Category.OTHER), None, ())
        record.unread.setdefault(unread)

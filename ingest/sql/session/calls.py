"""Runs routines where they are called, or alone where nobody in the script calls them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ingest.sql.reading.effects import Effects
from ingest.sql.reading.flow import Via, add_all
from ingest.sql.reading.relations import Column, Relation
from ingest.sql.result import Category, Place, Routine, Table
from ingest.sql.script.nodes import Block, Branch, Call, Leaf, Loop, Node, Tokens
from ingest.sql.script.nodes import Routine as RoutineNode
from ingest.sql.script.tokens import place, tokenise
from ingest.sql.session.dynamic import named_argument
from ingest.sql.session.environment import Open
from ingest.sql.session.state import TableState, Value
from ingest.sql.session.transactions import IMPLICIT, TransactionRunner

_MAX_CALLS = 12  # deep
_MAX_RUNS = 6  # of one routine: more calls tell nothing new


class CallRunner(TransactionRunner):
    """Procedures, functions, triggers, packages."""

    def _register(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            if isinstance(node, RoutineNode):
                if node.name and node.kind != "PACKAGE":
                    self.routines.setdefault(node.name, node)
                    only_calls = node.kind == "TRIGGER" and all(isinstance(it, Call) for it in node.body.body)
                    if node.kind in ("PROCEDURE", "FUNCTION", "TRIGGER") and not only_calls:
                        name = ".".join(self.names.complete(node.name))
                        line, column = place(node.place)
                        self.found_routines[node.name] = Routine(name, node.kind, Place(line, column))
                    if node.kind == "TRIGGER" and node.table:
                        table = Table(self.names.complete(node.table))
                        for inner in node.body.body:
                            if isinstance(inner, Call):
                                self._trigger_tables[inner.name] = table
                                self._trigger_rows[inner.name] = tuple(_row_names(node.tokens))
                self._register(node.body.body)

    def _called(self, nodes: Iterable[Node]) -> set[tuple[str, ...]]:
        """The names that some part of the script calls."""
        result: set[tuple[str, ...]] = set()
        words = {name[-1] for name in self.routines}
        stack: list[object] = list(nodes)
        while stack:
            node = stack.pop()
            if isinstance(node, Call):
                result.add(node.name[-2:] if node.name[-2:] in self.routines else node.name[-1:])
            elif isinstance(node, Leaf) and words:
                for at, token in enumerate(node.tokens[:-1]):
                    if token.text.lower() in words and node.tokens[at + 1].text == "(":
                        result.add((token.text.lower(),))
            if isinstance(node, (Block, Loop)):
                stack.extend(node.body)
                for handler in getattr(node, "handlers", ()):
                    stack.extend(handler)
            elif isinstance(node, Branch):
                for arm in node.arms:
                    stack.extend(arm.body)
            elif isinstance(node, RoutineNode):
                if node.kind == "TRIGGER":
                    continue
                stack.append(node.body)
        return result

    def _waits(self, node: Node, called: set[tuple[str, ...]]) -> bool:
        """A routine that the script calls runs where it is called."""
        return isinstance(node, RoutineNode) and bool(node.name) and any(node.name[-len(it) :] == it for it in called)

    def _define(self, node: RoutineNode) -> None:
        if node.kind == "PACKAGE":
            package = node.name[-1] if node.name else ""
            self.state.frames.append(self.state.packages.get(package, {}))
            self._nodes(it for it in node.body.body if not isinstance(it, RoutineNode))
            self.state.packages[package] = self.state.frames.pop()
            self.state.frames.append({})
            for inner in node.body.body:
                if isinstance(inner, RoutineNode) and id(inner) not in self._done:
                    self._define(inner)
            self.state.frames.pop()
            return
        if id(node) in self._done:
            return
        if node.name and any(id(it) == id(node) for it in self._running):
            return
        self._routine_alone(node)

    def _routine_alone(self, node: RoutineNode) -> None:
        """A routine that nobody calls: as if it were called with unknown arguments."""
        if not node.name and node.kind in ("BLOCK",):
            self._block(node.body)  # an anonymous block shares the session's tables
            self._done.add(id(node))
            return
        outer = self.state.copy()
        self._call(node, (), ())
        if node.kind == "TRIGGER" or not node.name:
            return
        for table, state in outer.tables.items():
            if table.temporary:
                self.state.tables[table] = state

    def _routine(self, name: tuple[str, ...]) -> RoutineNode | None:
        found = self.routines.get(name)
        if found is not None:
            return found
        for known, routine in self.routines.items():
            if known[-len(name) :] == name or name[-len(known) :] == known:
                return routine
        last = [routine for known, routine in self.routines.items() if name and known[-1] == name[-1]]
        return last[0] if len(last) == 1 else None

    def _call(
        self, node: RoutineNode, arguments: Sequence[tuple[str, Value]], targets: Sequence[tuple[str, str]]
    ) -> list[Column]:
        """Runs a routine; answers with the columns that it returns."""
        if len(self._running) >= _MAX_CALLS or any(it is node for it in self._running):
            return []
        self._runs[id(node)] = self._runs.get(id(node), 0) + 1
        if self._runs[id(node)] > _MAX_RUNS or self.budget.is_spent:
            return self._returned.get(id(node), [])
        self._done.add(id(node))
        frames = self.state.frames
        frame: dict[str, Value] = {}
        for index, parameter in enumerate(node.parameters):
            value = Value()
            for position, (name, given) in enumerate(arguments):
                if name == parameter.name.lstrip("@") if name else position == index:
                    value = given
            if value == Value() and parameter.default:
                value = self._value_of(parameter.default)
            frame[parameter.name] = value
        for position, (_, given) in enumerate(arguments, 1):
            frame.setdefault(f"${position}", given)  # of a prepared statement
        package = self.state.packages.get(node.name[-2]) if len(node.name) > 1 else None
        self.state.frames = [frames[0], *([package] if package is not None else []), frame]
        if node.returns_variable:
            table = Table((node.returns_variable,), True)
            self.state.tables[table] = TableState(dict.fromkeys(node.returns, "") or None)
        trigger = Table(self.names.complete(node.table)) if node.table else self._trigger_table(node)
        if trigger is not None:
            for name in ("new", "old", "inserted", "deleted", *_row_names(node.tokens), *self._rows_of(node)):
                row = Relation(name, table=trigger, known=super().columns(trigger))
                frame[name] = Value(row=row)
        self._running.append(node)
        self._results.append([])
        dynamic, self._dynamic = self._dynamic, []
        conditions, self._conditions = self._conditions, 0
        implicit = self.dialect in IMPLICIT and not self._transactions
        if implicit:
            self._transactions.append(Open(len(self.records), 0, dict(self.state.tables)))
        self._block(node.body)
        if implicit and self._transactions:
            self._transactions.pop()
        self._conditions, self._dynamic = conditions, dynamic
        self._running.pop()
        results = self._results.pop()
        values = self.state.frames[-1] if len(self.state.frames) > 1 else frame
        if package is not None and len(self.state.frames) > 2:
            self.state.packages[node.name[-2]] = self.state.frames[1]
        frames[0] = self.state.frames[0]
        self.state.frames = frames
        parameters = {parameter.name.lstrip("@"): parameter.name for parameter in node.parameters}
        for index, (named, target) in enumerate(targets):
            by_position = node.parameters[index].name if index < len(node.parameters) else ""
            name = parameters.get(named, "") if named else by_position
            if target and name:
                self.state.assign(target, values.get(name, Value()))
        columns: list[Column] = []
        if node.returns_variable:
            table = Table((node.returns_variable,), True)
            columns = [Column(name, {(table, name): Via()}) for name in node.returns]
        for result in results:
            if not columns:
                columns = [Column(it.name, dict(it.sources), it.node, it.relation, it.named) for it in result]
            else:
                for mine, theirs in zip(columns, result, strict=False):
                    add_all(mine.sources, theirs.sources)
        for column, name in zip(columns, node.returns, strict=False):
            if not column.is_star:
                column.name, column.named = name, True
        self._returned[id(node)] = columns
        return columns

    def _returned_by(self, name: str) -> list[Column] | None:
        routine = self._routine((name,))
        if routine is None or routine.kind not in ("FUNCTION", "PROCEDURE"):
            return None
        return self._call(routine, (), ())

    def _rows_of(self, node: RoutineNode) -> tuple[str, ...]:
        for name, rows in self._trigger_rows.items():
            if node.name[-len(name) :] == name or name[-len(node.name) :] == node.name:
                return rows
        return ()

    def _trigger_table(self, node: RoutineNode) -> Table | None:
        for name, table in self._trigger_tables.items():
            if node.name[-len(name) :] == name or name[-len(node.name) :] == node.name:
                return table
        return None

    def _run_call(self, node: Call) -> None:
        name = node.name
        if name[-1:] == ("sp_rename",) and len(node.arguments) >= 2:
            self._renamed_by_call(node)
            return
        if self._running:
            caller = self.found_routines.get(self._running[-1].name)
            called = ".".join(self.names.complete(name))
            if caller is not None and called not in caller.calls:
                self.found_routines[self._running[-1].name] = replace(caller, calls=(*caller.calls, called))
        arguments: list[tuple[str, Value]] = []
        targets: list[tuple[str, str]] = []
        for tokens in node.arguments:
            named, value_tokens = named_argument(tokens)
            arguments.append((named, self._value_of(value_tokens)))
            plain = [token for token in value_tokens if token.text.upper() not in ("OUTPUT", "OUT")]
            text = "".join(token.text for token in plain).lower().lstrip(":")
            known = text.startswith("@") or self.state.variable(text) is not None
            targets.append((named, text if known else ""))
        routine = self._routine(name)
        if routine is None:
            if any(token.text.upper() == "SELECT" for it in node.arguments for token in it):
                for tokens in node.arguments:
                    self._condition(tokens)
            if node.tokens and not node.insert:
                self._record(node.tokens, Effects("CALL", Category.OTHER), None, ())
            columns: list[Column] = []
        else:
            columns = self._call(routine, arguments, targets)
        for target, column in zip(node.into, columns, strict=False):
            self.state.assign(target, Value(column.sources))
        if node.insert:
            self._insert_result(node.insert, columns, node.tokens or node.insert)

    def _renamed_by_call(self, node: Call) -> None:
        """T-SQL's sp_rename 'old', 'new'."""
        texts = []
        for tokens in node.arguments[:2]:
            value = self._value_of(named_argument(tokens)[1])
            texts.append(next(iter(value.texts), ""))
        reader = self._effects_reader(self._query_reader())
        old, new = (self.parser.table(tuple(tokenise(text, self.dialect))) if text else None for text in texts)
        if len(node.arguments) == 2 and old is not None and new is not None:
            before, after = self.table(old), self.table(new)
            if before is not None and after is not None:
                reader.rename(before, Table((*before.parts[:-1], after.parts[-1]), before.temporary))
        self._apply(node.tokens, reader.finish(), reader.reader, ())

    def _insert_result(self, head: Tokens, columns: list[Column], tokens: Tokens) -> None:
        """INSERT INTO t (a, b) EXEC ...: what was run answers with `columns`."""
        name, listed = _head_of_insert(head)
        node = self.parser.table(name)
        target = self.table(node) if node is not None else None
        if target is None:
            return
        reader = self._effects_reader(self._query_reader())
        reader.done("INSERT", Category.DML)
        reader.effects.write(target, reader.place(target, columns, listed))
        self._apply(tokens, reader.finish(), reader.reader, ())

    @abstractmethod
    def _block(self, node: Block) -> None:
        """Runs a block."""


def _row_names(tokens: Tokens) -> list[str]:
    """A trigger's REFERENCING NEW AS n OLD AS o, or NEW TABLE AS ns."""
    words = [token.text.upper() for token in tokens]
    if "REFERENCING" not in words:
        return []
    result = []
    for at in range(words.index("REFERENCING") + 1, len(words)):
        if words[at] in ("NEW", "OLD"):
            rest = [i for i in range(at + 1, min(at + 4, len(words))) if words[i] not in ("AS", "TABLE", "ROW")]
            result += [tokens[rest[0]].text.lower()] if rest else []
        elif words[at] in ("FOR", "WHEN", "DECLARE", "BEGIN"):
            break
    return result


def _head_of_insert(tokens: Tokens) -> tuple[Tokens, tuple[str, ...]]:
    """`INSERT INTO t (a, b)` -> the name's tokens and the columns."""
    start = 1
    while start < len(tokens) and tokens[start].text.upper() in ("INTO", "OVERWRITE", "TABLE"):
        start += 1
    end = start
    while end < len(tokens) and tokens[end].text != "(":
        end += 1
    listed = tuple(token.text.lower() for token in tokens[end + 1 :] if token.text not in (",", ")", "("))
    return tokens[start:end], listed

"""Runs a script's block tree as its engine would: statements in order over shared tables, variables and cursors.

Nothing is executed but names: both ways of an IF are taken, a loop's body some turns (so that what one leaves reaches
the next), a procedure of the script where it is called. The runners stand on each other: environment, running,
values, dynamic, transactions, calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ingest.sql.budget import OutOfSteps
from ingest.sql.reading.relations import Column, derived
from ingest.sql.result import Table
from ingest.sql.script.nodes import (
    Assign,
    Block,
    Branch,
    Call,
    Declare,
    Execute,
    Fetch,
    Leaf,
    Loop,
    Node,
    Open,
    Return,
    Transaction,
    Unsplit,
)
from ingest.sql.script.nodes import Routine as RoutineNode
from ingest.sql.session.calls import CallRunner
from ingest.sql.session.state import State, Value, merge
from ingest.sql.session.statements import SPENT

_TURNS = (3, 2, 1)  # how often a loop's body runs: the outermost, one in it, deeper ones


class Session(CallRunner):
    """One run over one script."""

    def run(self, nodes: Sequence[Node]) -> None:
        """The whole script."""
        self._register(nodes)
        called = self._called(nodes)
        self._nodes([node for node in nodes if not self._waits(node, called)])
        for routine in list(self.routines.values()):
            if id(routine) not in self._done:
                self._routine_alone(routine)
        self._drop_temporaries()

    def _drop_temporaries(self) -> None:
        """DROP TABLE IF EXISTS x in front of CREATE TEMPORARY TABLE x means that one, if nothing else is called so."""
        used: set[Table] = set()
        temporary: set[Table] = set()
        for record in self.records.values():
            for table in (*record.hop.inputs, *record.hop.outputs):
                if table.temporary:
                    temporary.add(table)
                elif not record.effects or not record.effects.kind.startswith("DROP"):
                    used.add(table)
        for record in self.records.values():
            if record.effects is not None and record.effects.kind.startswith("DROP"):
                for table in list(record.hop.outputs):
                    other = Table(table.parts[-1:], True)
                    if table not in used and other in temporary:
                        for flow in (record.hop, record.lasting):
                            flow.outputs.pop(table, None)
                        record.hop.outputs[other] = None

    def _nodes(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            self._node(node)

    def _node(self, node: Node) -> None:
        handler = _NODES.get(type(node))
        if handler is None:
            return
        try:
            handler(self, node)
        except OutOfSteps:
            reason = SPENT
        except Exception as error:  # whatever one statement does to us, the others count
            reason = f"not understood ({type(error).__name__})"
        else:
            return
        tokens = getattr(node, "tokens", ())
        if tokens:
            self.unread.setdefault(self.parser.unread(tokens, reason))

    def _block(self, node: Block) -> None:
        self.state.frames.append({})
        before = self.state.copy()
        self._nodes(node.body)
        after = self.state.copy()
        self._conditions += 1
        ends = [after]
        for handler in node.handlers:
            self.state.become(merge([before, after]))
            self._nodes(handler)
            ends.append(self.state.copy())
        self._conditions -= 1
        if len(ends) > 1:
            self.state.become(merge(ends))
        if len(self.state.frames) > 1:
            self.state.frames.pop()

    def _branch(self, node: Branch) -> None:
        before = self.state.copy()
        ends: list[State] = []
        self._conditions += 1
        for arm in node.arms:
            self.state.become(before.copy())
            self._condition(arm.condition)
            self._nodes(arm.body)
            ends.append(self.state.copy())
        self._conditions -= 1
        if not node.exhaustive or not ends:
            ends.append(before)
        self.state.become(merge(ends))

    def _loop(self, node: Loop) -> None:
        before = self.state.copy()
        self.state.frames.append({})
        self._conditions += 1
        if node.variables or node.variable:
            self._loop_variable(node)
        else:
            self._condition(node.condition)
        self._loops += 1
        for _ in range(_TURNS[min(self._loops, len(_TURNS)) - 1]):
            self._nodes(node.body)
        self._loops -= 1
        self._conditions -= 1
        self.state.frames.pop()
        self.state.become(merge([self.state, before]))

    def _loop_variable(self, node: Loop) -> None:
        columns: list[Column] | None = None
        if node.query:
            columns = self._query(node.query)
        elif node.text:
            columns = self._dynamic_columns(node.text, node.using, node.tokens or node.text)
        elif node.cursor:
            value = self.state.variable(node.cursor)
            if value is not None and value.row is not None:
                for name in node.variables or (node.variable,):
                    self.state.frames[-1][name] = Value(row=value.row)
                return
        if columns is None:
            for name in node.variables or (node.variable,):
                self.state.frames[-1][name] = Value(self._value_of(node.condition).sources)
            return
        names = node.variables or (node.variable,)
        if len(names) == 1:
            self.state.frames[-1][names[0]] = Value(row=derived(names[0], columns))
        else:
            for name, column in zip(names, columns, strict=False):
                self.state.frames[-1][name] = Value(column.sources)


_NODES: dict[type, Callable[..., None]] = {
    Leaf: Session._leaf,
    Declare: Session._declare,
    Assign: Session._assign,
    Open: Session._open,
    Fetch: Session._fetch,
    Execute: Session._execute,
    Call: Session._run_call,
    Return: Session._return,
    Transaction: Session._transaction,
    Branch: Session._branch,
    Loop: Session._loop,
    Block: Session._block,
    RoutineNode: Session._define,
    Unsplit: Session._unsplit,
}

"""COMMIT and ROLLBACK scope what happened: what surely is undone counts nowhere."""

from __future__ import annotations

from ingest.sql.reading.effects import Effects
from ingest.sql.result import Category
from ingest.sql.script.nodes import Transaction
from ingest.sql.session.dynamic import DynamicRunner
from ingest.sql.session.environment import Open
from ingest.sql.session.statements import COMMITS

ALWAYS = frozenset({"oracle", ""})  # ... outside of routines, too
IMPLICIT = frozenset({"oracle", "postgres", "redshift", "teradata", ""})  # a transaction begins by itself


class TransactionRunner(DynamicRunner):
    """BEGIN, COMMIT, ROLLBACK, SAVEPOINT."""

    def _transaction(self, node: Transaction) -> None:
        if node.action == "BEGIN":
            if self._transactions and self.dialect in IMPLICIT:
                self._transactions.pop()
            self._transactions.append(Open(len(self.records), self._conditions, dict(self.state.tables)))
        elif node.action == "SAVEPOINT":
            current = self._current()
            if current is not None:
                current.savepoints[node.savepoint] = len(self.records)
        elif node.action == "COMMIT":
            if self._transactions and self._conditions == self._transactions[-1].depth:
                self._transactions.pop()
                self._begin_implicit()
        elif node.action == "ROLLBACK":
            self._rollback(node)
        if node.tokens:
            self._record(node.tokens, Effects(node.action, Category.TCL), None, ())

    def _current(self) -> Open | None:
        if not self._transactions:
            self._begin_implicit()
        return self._transactions[-1] if self._transactions else None

    def _begin_implicit(self) -> None:
        if self.dialect in IMPLICIT:
            self._transactions.append(Open(len(self.records), self._conditions, dict(self.state.tables)))

    def _rollback(self, node: Transaction) -> None:
        current = self._transactions[-1] if self._transactions else None
        if current is None and self.dialect in ALWAYS and not self._running:
            current = Open(0, 0, {})
        if current is None or self._conditions != current.depth:
            return
        since = current.since
        if node.savepoint:
            if node.savepoint not in current.savepoints and self.dialect not in ("tsql", "fabric"):
                return
            since = current.savepoints.get(node.savepoint, since)
        for record in list(self.records.values())[since:]:
            if record.effects is not None and not (self.dialect in COMMITS and record.effects.category is Category.DDL):
                record.rolled_back = True
        if not node.savepoint or node.savepoint not in current.savepoints:
            temporary = {
                table: it
                for table, it in self.state.tables.items()
                if table not in current.tables and self.dialect in COMMITS
            }
            self.state.tables = {**current.tables, **temporary}
            if self._transactions:
                self._transactions.pop()
            self._begin_implicit()

"""What the statements of a running script can refer to: its tables, variables, rows and routines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from ingest.sql.budget import Budget
from ingest.sql.reading import ddl, dml
from ingest.sql.reading.flow import Sources
from ingest.sql.reading.names import Catalog, Names
from ingest.sql.reading.parse import Parser
from ingest.sql.reading.query import Environment, QueryReader
from ingest.sql.reading.relations import Column, Relation, derived
from ingest.sql.reading.statement import EffectsReader
from ingest.sql.result import Place, Routine, Table, Unread
from ingest.sql.script.nodes import Routine as RoutineNode
from ingest.sql.script.tokens import tokenise
from ingest.sql.session.folding import UNKNOWN, Folder
from ingest.sql.session.recording import Record
from ingest.sql.session.state import State, TableState, Value

_HANDLERS = {**dml.HANDLERS, **ddl.HANDLERS}


@dataclass(slots=True)
class Open:
    """A transaction under way: its first record, how many conditions it began under, the tables before it."""

    since: int
    depth: int
    tables: dict[Table, TableState]
    savepoints: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Bound:
    """Values for the placeholders of a dynamic text, in order and by name."""

    values: list[Value]
    named: dict[str, Value] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    next: int = 0
    base: int = 0  # the frames below are a routine's, whose variables the text does not see


class SessionEnvironment(Environment, ABC):
    """The state of one run over one script, and what a query finds in it."""

    def __init__(self, sql: str, names: Names, catalog: Catalog, budget: Budget, explain: bool = False) -> None:
        super().__init__(names, catalog.columns)
        self.dialect = names.dialect
        self.explain = explain
        self.parser = Parser(sql, names.dialect)
        self.state = State()
        self.records: dict[tuple[object, ...], Record] = {}
        self.routines: dict[tuple[str, ...], RoutineNode] = {}
        self.found_routines: dict[tuple[str, ...], Routine] = {}
        self.unread: dict[Unread, None] = {}
        self.budget = budget
        self._loops = 0
        self._runs: dict[int, int] = {}
        self._returned: dict[int, list[Column]] = {}
        self._altered: set[Table] = set()
        self._temporary_names: set[tuple[str, ...]] = set()  # qualified ones
        self._done: set[int] = set()  # ids of routines that have run
        self._running: list[RoutineNode] = []
        self._path: tuple[object, ...] = ()  # of the dynamic text that is run
        self._outer_place: tuple[Place, int] | None = None
        self._conditions = 0
        self._dynamic: list[Bound] = []
        self._transactions: list[Open] = []
        self._results: list[list[list[Column]]] = [[]]  # result sets of each running routine
        self._trigger_tables: dict[tuple[str, ...], Table] = {}
        self._trigger_rows: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._order = 0
        self._captured = False  # the query's result goes into a cursor or a variable, to nobody who asked
        self._record_types: dict[str, tuple[str, ...]] = {}  # variables of a declared record type
        self._types: dict[str, tuple[str, ...]] = {}  # object types' attributes

    def table(self, node: exp.Expr) -> Table | None:
        if isinstance(node, exp.Schema):
            node = node.this
        name = node.this if isinstance(node, exp.Table) else node
        if isinstance(name, exp.Identifier) and name.args.get("temporary"):
            return Table(("#" + self.names.lower(name.name),), True)
        if isinstance(name, exp.Identifier) and name.args.get("global_"):
            return Table(("##" + self.names.lower(name.name),), True)
        if isinstance(name, exp.Parameter):
            return Table(self.names.parts(name), True)
        if isinstance(name, exp.Anonymous) and name.name.lower() == "identifier" and name.expressions:
            return self._identifier(name.expressions[0])
        if type(name).__name__ == "DynamicIdentifier":
            return self._identifier(name.this)
        if isinstance(name, exp.Placeholder):
            return None
        parts = self.names.parts(node)
        if not parts or not parts[-1] or UNKNOWN in parts[-1]:
            return None
        if parts[-1].startswith("#") or (len(parts) > 1 and parts[-2] in ("_session", "pg_temp")):
            return Table(parts[-1:], True)
        temporary = Table(parts[-1:], True)
        if temporary in self.state.tables and (len(parts) == 1 or parts in self._temporary_names):
            return temporary
        return Table(self.names.complete(parts))

    def name_temporary(self, parts: tuple[str, ...], table: Table) -> None:
        self._temporary_names.add(parts)

    def _identifier(self, node: exp.Expr) -> Table | None:
        """Snowflake's IDENTIFIER(x)."""
        for text in self._folder().fold(node):
            if UNKNOWN not in text and text:
                parsed = self.parser.table(tuple(tokenise(text, self.dialect)))
                return self.table(parsed) if parsed is not None else None
        return None

    def columns(self, table: Table) -> Mapping[str, str] | None:
        made = self.state.tables.get(table)
        if made is not None:
            return made.columns
        return None if table.temporary or table in self._altered else super().columns(table)

    def row(self, name: str) -> Relation | None:
        value = self._seen(name.lstrip(":"))
        return value.row if value is not None else None

    def _seen(self, name: str) -> Value | None:
        base = self._dynamic[-1].base if self._dynamic and name[:1] not in ("@", ":", "$", "?") else 0
        return self.state.variable(name, base)

    def variable(self, name: str) -> Sources | None:
        found = self._seen(name)
        if found is None and self._dynamic and name[:1] in ("$", ":", "@"):
            found = self._bound(name)
        if found is None and name[:1] in (":", "$", "@"):
            found = self.state.variable(name[1:])
        if name.startswith(UNKNOWN):
            return {}  # a piece of dynamic SQL
        if found is None and "." in name:
            head, _, rest = name.partition(".")
            row = self.row(head)
            return row.find(rest) if row is not None else None
        if found is None:
            return None
        if found.row is not None and not found.sources:
            return found.row.everything()
        return found.sources

    def _bound(self, name: str) -> Value | None:
        frame = self._dynamic[-1]
        plain = name.lstrip("@:$?")
        if plain in frame.named:
            return frame.named[plain]
        if plain.isdigit():
            at = int(plain) - 1
        elif not plain:
            at, frame.next = frame.next, frame.next + 1
        else:
            at = frame.seen.setdefault(plain, len(frame.seen))
        return frame.values[at] if 0 <= at < len(frame.values) else None

    def result(self, name: str) -> Relation | None:
        value = self.state.variable(name)
        if value is not None and value.row is not None:
            return value.row
        columns = self._returned_by(name)
        return derived(name, columns) if columns else None

    def _is_variable(self, name: str) -> bool:
        return self.state.variable(name.partition(".")[0]) is not None

    def _query_reader(self) -> QueryReader:
        return QueryReader(self, self.budget)

    def _effects_reader(self, reader: QueryReader) -> EffectsReader:
        return EffectsReader(reader, _HANDLERS)

    def _texts(self, node: exp.Expr) -> frozenset[str]:
        if isinstance(node, exp.Query):
            return frozenset()
        texts = self._folder().fold(node)
        return frozenset(texts) if not all(text.startswith(UNKNOWN) for text in texts) else frozenset()

    def _folder(self) -> Folder:
        def lookup(name: str) -> frozenset[str]:
            value = self.state.variable(name) or self.state.variable(name.lstrip(":$@"))
            return value.texts if value is not None else frozenset()

        return Folder(lookup)

    def _routine_name(self) -> str | None:
        for routine in reversed(self._running):
            if routine.name:
                return ".".join(self.names.complete(routine.name))
        return None

    @abstractmethod
    def _returned_by(self, name: str) -> list[Column] | None:
        """The columns that a routine of the script returns; None where it is none."""

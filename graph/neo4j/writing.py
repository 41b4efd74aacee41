"""Writes deltas to Neo4j: each in one transaction that first checks, under a lock, from where it starts.

The fence is the node `(:Andon {name: "andon"})`: generation, position and how far the fold state was read, and the
token of the lease under which it was written last. Whoever finds another position than the one its delta starts from,
or a greater token than its own, writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from graph.changed import Mark
from graph.errors import Conflict
from graph.model import Position

from .connection import Connection
from .delta import Delta, first_key
from .words import COLUMN_LABEL, ENTITY, Labels

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

_READ_STATE = "RETURN a.generation, a.building, a.tidy, a.token, a.incarnation, a.position, a.lastEdge, a.lastNode"
_LOCK = f"MERGE (a:Andon {{name: 'andon'}}) SET a.lockedAt = timestamp() WITH a {_READ_STATE}"
STATE = f"MATCH (a:Andon {{name: 'andon'}}) {_READ_STATE}"
_MOVE = "MATCH (a:Andon {name: 'andon'}) SET a += $properties"
_AT_ONCE = 5_000
_COLUMN = (
    "{key: it[0], urn: it[1], type: 'Column', name: it[2], dataset: row.name, namespace: row.namespace,"
    " dataType: it[3], ordinal: it[4], description: it[5], tags: it[6]}"
)
_DROP_IDLE = f"WITH DISTINCT c WHERE c.type = 'Column' AND NOT c:{COLUMN_LABEL} AND NOT EXISTS {{ (c)--() }} DELETE c"
"""A column that is no longer there stays, without its label, for as long as lineage speaks of it."""


@dataclass(frozen=True, slots=True)
class State:
    """What Neo4j holds: `generation` 0 is nothing yet; `tidy`: an earlier generation may still lie about."""

    generation: int
    building: int
    tidy: bool
    token: int
    mark: Mark

    @classmethod
    def of(cls, row: list[Any] | None) -> State:
        values = row or [None] * 8
        generation, building, tidy, token, *mark = (it or 0 for it in values)
        incarnation, position, last_edge, last_node = mark
        return cls(generation, building, bool(tidy), token, Mark(incarnation, Position(position), last_edge, last_node))


class Fenced(Conflict):
    """Another projection writes here by a later lease, or has already written this."""


class Writer:
    """Writes under the fencing token of the lease that this process holds."""

    def __init__(self, connection: Connection, labels: Labels, token: Callable[[], int]) -> None:
        self._connection = connection
        self._labels = labels
        self._token = token

    def hashes(self, keys: Sequence[int]) -> dict[int, int]:
        """Of what is said of these entities, by key: as they were last written."""
        with self._connection.reading() as ask:
            rows = ask(f"UNWIND $keys AS key MATCH (n:{ENTITY} {{key: key}}) RETURN key, n.fold", keys=list(keys))
        return {key: hash for key, hash in rows if hash is not None}

    def state(self) -> State:
        with self._connection.reading() as ask:
            rows = ask(STATE)
        return State.of(rows[0] if rows else None)

    # A difference --------------------------------------------------------------------------------------------

    def apply(self, delta: Delta, held: State) -> State:
        """Bring the running generation from `held` to the delta's mark. Raises `Fenced`."""

        def work(transaction: ManagedTransaction) -> None:
            found = self._lock(transaction, delta.mark)
            if found.generation == held.generation and found.mark == delta.mark:
                return  # an earlier try was committed although its answer was lost
            if (found.generation, found.mark) != (held.generation, held.mark):
                raise Fenced(
                    f"Neo4j is at position {found.mark.position} where {held.mark.position} was expected:"
                    " another projection writes there"
                )
            self._write(transaction, delta, labelled=True)
            transaction.run(_MOVE, properties=self._marked(delta.mark)).consume()

        self._connection.write(work)
        return State(held.generation, held.building, held.tidy, self._token(), delta.mark)

    def _lock(self, transaction: ManagedTransaction, mark: Mark) -> State:
        """The state, which nobody else can change before the transaction's end; tokens are of one fold state."""
        [row] = transaction.run(_LOCK).values()
        found = State.of(row)
        if found.mark.incarnation == mark.incarnation and found.token > self._token():
            raise Fenced(f"the lease of Neo4j's projection is another's (token {found.token} over {self._token()})")
        return found

    def _marked(self, mark: Mark) -> dict[str, Any]:
        return {
            "token": self._token(), "incarnation": mark.incarnation, "position": mark.position,
            "lastEdge": mark.last_edge, "lastNode": mark.last_node,
        }  # fmt: skip

    # A generation --------------------------------------------------------------------------------------------

    def build(self, parts: Iterable[Delta], held: State, generation: int, mark: Mark) -> State:
        """Write a whole generation beside the running one and put it in that one's place. Raises `Fenced`."""

        def begin(transaction: ManagedTransaction) -> None:
            self._lock(transaction, mark)
            transaction.run(_MOVE, properties={"building": generation}).consume()

        def write(transaction: ManagedTransaction, part: Delta) -> None:
            if self._is_building(transaction, generation, mark):
                self._write(transaction, part, labelled=not held.generation, is_new=True)

        def swap(transaction: ManagedTransaction) -> None:
            if self._is_building(transaction, generation, mark):
                properties = self._marked(mark) | {"generation": generation, "building": 0, "tidy": True}
                transaction.run(_MOVE, properties=properties).consume()

        self._connection.write(begin)
        self._remove_others(held.generation)
        for part in parts:
            self._connection.write(partial(write, part=part))
        self._connection.write(swap)
        return self.tidy(State(generation, 0, True, self._token(), mark))

    def _is_building(self, transaction: ManagedTransaction, generation: int, mark: Mark) -> bool:
        """Whether it is still to be built; raises `Fenced` if another one is."""
        found = self._lock(transaction, mark)
        if found.generation == generation:
            return False
        if found.building != generation:
            raise Fenced("another projection builds a generation of its own")
        return True

    def tidy(self, state: State) -> State:
        """Remove what the running generation replaced, then give its nodes the labels that were those'."""
        if not state.tidy:
            return state
        self._remove_others(state.generation)
        for type in self._types(state.generation):
            self._label(type)
        self._connection.write(lambda it: it.run(_MOVE, properties={"tidy": False}).consume())
        return State(state.generation, 0, False, state.token, state.mark)

    def _remove_others(self, generation: int) -> None:
        """Whatever is not of this generation, in transactions of a bounded size."""
        statement = (
            f"MATCH (n:{ENTITY}) WHERE n.key < $first OR n.key >= $end WITH n LIMIT $limit"
            " DETACH DELETE n RETURN count(*)"
        )
        first, end = first_key(generation), first_key(generation + 1)

        def remove(transaction: ManagedTransaction) -> int:
            [[count]] = transaction.run(statement, first=first, end=end, limit=_AT_ONCE).values()
            return int(count)

        while self._connection.write(remove):
            pass

    def _types(self, generation: int) -> list[str]:
        with self._connection.reading() as ask:
            return [row[0] for row in ask(f"MATCH (n:{ENTITY}) RETURN DISTINCT n.type") if row[0]]

    def _label(self, type: str) -> None:
        labels = self._labels.worn(type)
        last = labels.rsplit(":", 1)[1]
        present = " AND EXISTS { (n)<-[:HAS_COLUMN]-() }" if type == COLUMN_LABEL else ""
        statement = (
            f"MATCH (n:{ENTITY}) WHERE n.type = $type AND NOT n:{last}{present}"
            f" WITH n LIMIT $limit SET n{labels} RETURN count(*)"
        )

        def give(transaction: ManagedTransaction) -> int:
            [[count]] = transaction.run(statement, type=type, limit=_AT_ONCE).values()
            return int(count)

        while self._connection.write(give):
            pass

    # Statements ----------------------------------------------------------------------------------------------

    def _write(self, transaction: ManagedTransaction, delta: Delta, *, labelled: bool, is_new: bool = False) -> None:
        """`is_new`: none of it is there, so that nothing need be looked for."""

        def run(statement: str, rows: list[Any]) -> None:
            for start in range(0, len(rows), _AT_ONCE):
                transaction.run(f"UNWIND $rows AS row {statement}", rows=rows[start : start + _AT_ONCE]).consume()

        for type, keys in delta.closed.items():
            run(f"MATCH (a)-[r:{type} {{key: row}}]->(b) DELETE r WITH a, b UNWIND [a, b] AS c {_DROP_IDLE}", keys)
        run(
            f"MATCH (n:{ENTITY} {{key: row}}) OPTIONAL MATCH (n)-[:HAS_COLUMN]->(c) DETACH DELETE n, c",
            delta.gone,
        )
        for type, rows in delta.entities.items():
            others = self._labels.others(type)
            labels = f" SET n{self._labels.worn(type)}" + (f" REMOVE n{others}" if others else "") if labelled else ""
            run(
                f"{'CREATE' if is_new else 'MERGE'} (n:{ENTITY} {{key: row.key}})"
                " SET n = row.properties, n.key = row.key, n.fold = row.hash,"
                f" n.createdAt = {_instant('row.createdAt')}, {_times('row.times', 0)}{labels}",
                rows,
            )
        run(f"MATCH (n:{ENTITY} {{key: row[0]}}) SET {_times('row', 1)}", delta.renewed)
        if not is_new:
            run(
                f"MATCH (d:{ENTITY} {{key: row.dataset}})-[h:HAS_COLUMN]->(c)"
                " WHERE NOT c.key IN [it IN row.columns | it[0]]"
                f" DELETE h SET c = c {{.key, .urn, .type, .name, .dataset, .namespace}} REMOVE c:{COLUMN_LABEL}"
                f" WITH c {_DROP_IDLE}",
                delta.columns,
            )
        labels = f"{ENTITY}:{COLUMN_LABEL}" if labelled else ENTITY
        written = (
            f"CREATE (d)-[:HAS_COLUMN]->(:{labels} {_COLUMN})"
            if is_new
            else f"MERGE (c:{ENTITY} {{key: it[0]}}) SET c = {_COLUMN} SET c:{labels} MERGE (d)-[:HAS_COLUMN]->(c)"
        )
        run(f"MATCH (d:{ENTITY} {{key: row.dataset}}) UNWIND row.columns AS it {written}", delta.columns)
        run(
            f"MERGE (n:{ENTITY} {{key: row.key}}) ON CREATE SET n = row.properties, n.key = row.key",
            list(delta.ends.values()),
        )
        for type, rows in delta.opened.items():
            run(
                f"UNWIND row.edges AS it MATCH (a:{ENTITY} {{key: it[1]}}) MATCH (b:{ENTITY} {{key: it[2]}})"
                f" CREATE (a)-[:{type} {{key: it[0], fold: [row.kind, row.job, it[3], it[4], row.since], via: row.via,"
                f" transformations: row.transformations, validFrom: {_instant('row.since')}, evidence: row.evidence,"
                f" lastConfirmedAt: {_instant('row.confirmedAt')}}}]->(b)",
                rows,
            )
        # An end may have come for an edge whose other end is nobody any more.
        run(f"MATCH (c:{ENTITY} {{key: row}}) WITH c {_DROP_IDLE}", list(delta.ends))
        for type, rows in delta.confirmed.items():
            run(
                f"UNWIND row.keys AS key MATCH ()-[r:{type} {{key: key}}]->()"
                f" SET r.evidence = row.evidence, r.lastConfirmedAt = {_instant('row.confirmedAt')}",
                rows,
            )


def _instant(number: str) -> str:
    """Microseconds since 1970, or null, as Neo4j's DateTime."""
    return f"CASE WHEN {number} IS NOT NULL THEN datetime.fromepochmillis(0) + duration({{microseconds: {number}}}) END"


def _times(row: str, first: int) -> str:
    """Sets what `ShownEntity.times` has, from that element of a row on."""
    updated, state, started, ended = (f"{row}[{first + it}]" for it in range(4))
    return (
        f"n.updatedAt = {_instant(updated)}, n.lastRun = {state}, n.lastRunStartedAt = {_instant(started)},"
        f" n.lastRunEndedAt = {_instant(ended)}"
    )

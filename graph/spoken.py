"""What is said of a name, recorded so that a repetition costs one row and changes nothing.

`Spoken.say` keeps, for each name, the newest time each (facet set, role) was said (`slot`; what falls out of the
32 kept goes to `overflow`), and answers which registers came to another value. The whole of what was said stays in
`says`, from which any past instant is read.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from .attributes import ATTRIBUTE
from .database import Cached, Database
from .derivations import DERIVED_TAG
from .entity import read_overflow
from .model import FOREVER, Instant, Position
from .nodes import Nodes
from .registers import FULL_SCHEMA, FacetSets, Order, Overflowed, Said, facet_items, items
from .statements import Role

_KEPT_SLOTS = 32
_CAN_DROP = (Role.DROPPED, Role.OUTPUT, Role.LISTED)
DROPPED = "~dropped"
"""Among the registers that differ: whether the entity is gone."""

COLUMNS = "~columns"
"""Among them: columns that the schema in force leaves out may be there again, since they are named after it."""

SHOWN = frozenset({"datasetType", "documentation", "jobType", "ownership", "tags"})
"""The facets that an entity's present row is made of."""

Value = bytes | int | None
Slots = dict[tuple[int, int], tuple[int, Instant]]
"""(set, role) -> (rank, at)."""

_AMONG = "IN (SELECT value FROM json_each(?))"


@dataclass(slots=True)
class NameState:
    """What is in force of a name at present. `first`: when it was first spoken of, FOREVER if it never was."""

    slots: Slots
    overflow: dict[str, Overflowed]
    facets: dict[str, tuple[Order, Value]]
    roles: dict[int, Instant]
    first: Instant

    @property
    def is_dropped(self) -> bool:
        dropped = self.roles.get(Role.DROPPED)
        if dropped is None:
            return False
        written = max(self.roles.get(Role.OUTPUT, dropped), self.roles.get(Role.LISTED, dropped))
        return dropped >= written


def _shows_again(state: NameState, held: tuple[int, Instant] | None, at: Instant) -> bool:
    schema = state.facets.get(FULL_SCHEMA)
    if schema is None or schema[1] is None:
        return False
    since = schema[0][1]
    return since <= at and (held is None or held[1] < since)


class Spoken:
    """Records what is said, within the caller's transaction; rows are written at `flush`."""

    def __init__(self, database: Database, sets: FacetSets, nodes: Nodes) -> None:
        self._database = database
        self._sets = sets
        self._nodes = nodes
        self._states: Cached = Cached(self._read_state, 50_000)
        self._says: list[tuple[int, Instant, Position, int, int, int]] = []
        self._slots: dict[tuple[int, int, int], tuple[int, Instant]] = {}

    def forget(self) -> None:
        self._states.clear()
        self._says.clear()
        self._slots.clear()

    def flush(self) -> None:
        """Write what is gathered; whoever reads `says` or `slot` within the transaction asks for it first."""
        if self._says:
            self._database.executemany(
                "INSERT INTO says (name_id, at, position, role, rank, set_id) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                self._says,
            )
            self._says.clear()
        if self._slots:
            self._database.executemany(
                "INSERT INTO slot (name_id, set_id, role, rank, at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (name_id, set_id, role) DO UPDATE SET at = excluded.at",
                [(*key, *value) for key, value in self._slots.items()],
            )
            self._slots.clear()

    def say(self, name_id: int, role: int, rank: int, set_id: int, at: Instant, position: Position) -> set[str] | None:
        """(set, role) was said of a name: the keys whose value differs for that, None if nothing at all does."""
        state: NameState = self._states(name_id)
        self._says.append((name_id, at, position, role, rank, set_id))
        key = (set_id, role)
        held = state.slots.get(key)
        differing: set[str] | None = None
        if role != Role.PERSON and at < state.first:  # what a person says of something does not make it exist
            state.first = at
            differing = set()
        if held is not None and at <= held[1]:
            return differing
        known = self._sets.get(set_id)
        if known.columns and _shows_again(state, held, at):
            differing = differing or set()
            differing.add(COLUMNS)
        if held is None:
            for path in known.columns:
                self._nodes.column(name_id, path, at, position)
            if len(state.slots) >= _KEPT_SLOTS:
                self._spill(name_id, state)
        state.slots[key] = (rank, at)
        self._slots[name_id, set_id, role] = (rank, at)
        for register, order, value in facet_items(Said(known, role, rank, at)):
            best = state.facets.get(register)
            if best is None or order > best[0]:
                state.facets[register] = (order, value)
                if value != (best[1] if best is not None else None):
                    differing = differing or set()
                    differing.add(register)
        if at > state.roles.get(role, at - 1):
            was_dropped = role in _CAN_DROP and state.is_dropped
            state.roles[role] = at
            if role in _CAN_DROP and was_dropped != state.is_dropped:
                differing = differing or set()
                differing.add(DROPPED)
        return differing

    def value(self, name_id: int, key: str) -> Value:
        """What is in force of one register of a name; None where it is deleted or was never said."""
        state: NameState = self._states(name_id)
        found = state.facets.get(key)
        return None if found is None else found[1]

    def present(self, name_id: int) -> tuple[list[Said], Iterable[Overflowed], Instant]:
        """All that is said of a name now: sets, what fell out of those kept, and since when (FOREVER: never)."""
        state: NameState = self._states(name_id)
        said = [Said(self._sets.get(set_id), role, rank, at) for (set_id, role), (rank, at) in state.slots.items()]
        return said, state.overflow.values(), state.first

    def agrees(self, name_id: int, since: Instant, values: dict[str, Value]) -> bool:
        """Whether a name says of its entity, all since then, what `values` hold; adds what they lack."""
        state: NameState = self._states(name_id)
        if Role.DROPPED in state.roles:
            return False
        return all(
            order[1] >= since and values.setdefault(key, value) == value
            for key, (order, value) in state.facets.items()
            if key in SHOWN or key.startswith(("tag:", ATTRIBUTE, DERIVED_TAG))
        )

    def _spill(self, name_id: int, state: NameState) -> None:
        """Move the set said longest ago to the overflow: one best value a key is all it can still matter for."""
        self.flush()
        key = min(state.slots, key=lambda it: state.slots[it][1])
        rank, at = state.slots.pop(key)
        said = Said(self._sets.get(key[0]), key[1], rank, at)
        for register, order, value in (*items(said), (f"~role{key[1]}", (rank, at, 0, b""), b"")):
            held = state.overflow.get(register)
            if held is None or order > held.order:
                state.overflow[register] = Overflowed(register, order, value)
                self._database.execute(
                    "INSERT INTO overflow (name_id, key, rank, at, tie, digest, value, value_id)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name_id, key) DO UPDATE SET rank = excluded.rank,"
                    " at = excluded.at, tie = excluded.tie, digest = excluded.digest, value = excluded.value,"
                    " value_id = excluded.value_id",
                    (name_id, register, *order, *((None, value) if isinstance(value, int) else (value, None))),
                )
        self._database.execute("DELETE FROM slot WHERE name_id = ? AND set_id = ? AND role = ?", (name_id, *key))

    def expect(self, name_ids: Iterable[int]) -> None:
        """Read at once what is in force of these names, for those who will speak of them."""
        unknown = [it for it in dict.fromkeys(name_ids) if it not in self._states and it not in self._nodes.made]
        if len(unknown) < 2:
            return
        self.flush()
        asked = (json.dumps(unknown),)
        slots: dict[int, Slots] = defaultdict(dict)
        rows = self._database.execute(f"SELECT name_id, set_id, role, rank, at FROM slot WHERE name_id {_AMONG}", asked)
        for name_id, set_id, role, rank, at in rows.fetchall():
            slots[name_id][set_id, role] = (rank, at)
        self._sets.expect_kept(set_id for held in slots.values() for set_id, _ in held)
        rows = self._database.execute(f"SELECT DISTINCT name_id FROM overflow WHERE name_id {_AMONG}", asked)
        spilled = {row[0] for row in rows.fetchall()}
        rows = self._database.execute(
            "SELECT id, (SELECT at FROM says WHERE name_id = node.id AND role <> 5 ORDER BY at LIMIT 1) FROM node"
            f" WHERE id {_AMONG}",
            asked,
        )
        for name_id, first in rows.fetchall():
            overflow = read_overflow(self._database, name_id) if name_id in spilled else {}
            state = self._state(slots[name_id], overflow, FOREVER if first is None else first)
            self._states.put(name_id, state)

    def _read_state(self, name_id: int) -> NameState:
        if name_id in self._nodes.made:
            return NameState({}, {}, {}, {}, FOREVER)
        self.flush()
        slots = {
            (set_id, role): (rank, at)
            for set_id, role, rank, at in self._database.execute(
                "SELECT set_id, role, rank, at FROM slot WHERE name_id = ?", (name_id,)
            )
        }
        row = self._database.execute(
            "SELECT at FROM says WHERE name_id = ? AND role <> 5 ORDER BY at LIMIT 1", (name_id,)
        ).fetchone()
        return self._state(slots, read_overflow(self._database, name_id), row[0] if row else FOREVER)

    def _state(self, slots: Slots, overflow: dict[str, Overflowed], first: Instant) -> NameState:
        facets: dict[str, tuple[Order, Value]] = {}
        roles: dict[int, Instant] = {}
        for it in overflow.values():
            if it.key.startswith("~role"):
                roles[int(it.key[5:])] = it.order[1]
            elif it.key[0] != ".":
                facets[it.key] = (it.order, it.value)
        for (set_id, role), (rank, at) in slots.items():
            roles[role] = max(at, roles.get(role, at))
            for register, order, value in facet_items(Said(self._sets.get(set_id), role, rank, at)):
                if register not in facets or order > facets[register][0]:
                    facets[register] = (order, value)
        return NameState(slots, overflow, facets, roles, first)

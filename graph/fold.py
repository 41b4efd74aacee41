"""The fold: statements in, changes out, the same graph in whatever order they come.

`Fold.apply` takes the statements of one envelope into the tables of `schema`, in the caller's transaction, and
answers what the present graph differs by for it. The meaning of it all is in `timeline` (runs and sayings),
`registers` (facets), `identity` (symlinks and renames); this module orders the work.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec

from ontology import Ontology

from .database import Cached, Database
from .membership import Members
from .model import BEGINNING, FOREVER, LATEST, Change, Envelope, Instant, Name, Position
from .nodes import Nodes
from .registers import (
    FULL_SCHEMA,
    FacetSets,
    KnownSet,
    Overflowed,
    Winner,
    facets_in_force,
    items,
    present_columns,
    winners,
)
from .registers import Said as SaidSet
from .sayings import EdgeChange, Sayings, names_in
from .statements import Declared, FacetSet, Flows, Role, RunSaid, Said, Statements
from .timeline import COLUMN, DERIVED, FEEDS, READS, WIDE, WRITES, RunEvent, run_state

_KEPT_SLOTS = 32
_RUN_CHANGES = {"START": "run.started", "COMPLETE": "run.completed", "FAIL": "run.failed", "ABORT": "run.aborted"}
_SEARCHED = frozenset({"run", "firing", "column"})  # kinds that are not in the full-text index
_RELATIONS = {
    DERIVED: "derivedFrom", COLUMN: "columnDerivedFrom", WIDE: "columnDerivedFrom", READS: "reads", WRITES: "writes",
    FEEDS: "feeds",
}  # fmt: skip


@dataclass(slots=True)
class NameState:
    """What the fold must know of a name at present: which sets were said last, and what that adds up to."""

    slots: dict[tuple[int, int], tuple[int, Instant]]  # (set, role) -> (rank, at)
    overflow: dict[str, Overflowed]
    first: Instant
    newest: Instant
    newest_slot: tuple[int, int] | None


@dataclass(slots=True)
class _Touched:
    """What one envelope changed about entities, before it is written out."""

    opened: set[int] = field(default_factory=set)
    renewed: dict[int, set[str]] = field(default_factory=dict)  # name -> facet keys that differ


class Fold:
    """Folds envelopes, in journal order, into the database it is given."""

    def __init__(self, database: Database, ontology: Ontology) -> None:
        self._database = database
        self._ontology = ontology
        self._sets = FacetSets(database)
        self._nodes = Nodes(database)
        self._members = Members(database, self._nodes, self._sets)
        self._sayings = Sayings(database, self._nodes)
        self._states: Cached = Cached(self._read_state, 50_000)
        self._mentions: Cached = Cached(lambda _: None, 20_000)
        self._job_contents: set[tuple[int, int]] = set()
        self._updated: dict[int, Instant] = {}

    def forget(self) -> None:
        """Drop everything remembered: the transaction it was read in was rolled back."""
        for part in (self._sets, self._nodes, self._sayings, self._states, self._mentions):
            part.clear()
        self._members.load()
        self._job_contents.clear()
        self._updated.clear()

    def flush(self) -> None:
        """Write what is gathered over a batch: how recently each entity was spoken of."""
        self._database.executemany(
            "UPDATE entity SET updated_at = max(updated_at, ?) WHERE id = ?",
            [(at, self._members.entity(name)) for name, at in self._updated.items()],
        )
        self._updated.clear()

    def apply(self, envelope: Envelope, statements: Statements) -> list[Change]:
        at, position = statements.at, envelope.position
        touched = _Touched()
        redraw: set[int] = set()
        for said in statements.said:
            redraw |= self._said(said, at, position, touched)
        for renamed in statements.renamed:
            source = self._mention(renamed.previous, at, position, touched)
            target = self._mention(renamed.subject, at, position, touched)
            self._members.add_rename(source, target, at, envelope.digest, position)
            redraw |= {source, target}
        changes: list[Change] = []
        edges: list[EdgeChange] = []
        if redraw:
            edges += self._redraw(redraw, at, position, touched)
        if statements.run is not None:
            edges += self._run(statements.run, at, envelope, touched, changes)
        for declared in statements.declared:
            edges += self._declared(declared, at, envelope, touched)
        changes += self._entity_changes(touched, at, position)
        changes += self._edge_changes(edges, at, position)
        self._nodes.made.clear()
        self._write_changes(changes)
        return changes

    # Registers and presence --------------------------------------------------------------------------------

    def _mention(self, name: Name, at: Instant, position: Position, touched: _Touched) -> int:
        """Something was named in passing: it exists from now on."""
        known = self._nodes.existing(name)
        name_id = self._nodes.name_id(name, at, position) if known is None else known
        self._say(name_id, int(Role.MENTIONED), 0, 0, at, position, touched)
        return name_id

    def _said(self, said: Said, at: Instant, position: Position, touched: _Touched) -> set[int]:
        name_id = self._nodes.name_id(said.subject, at, position)
        known = self._known_set(said, name_id, at, position)
        redraw: set[int] = set()
        if known.identifiers is not None:
            digest = known.facets["symlinks"][0]
            if self._members.symlinks_differ(name_id, at, digest, known.identifiers):
                redraw.add(name_id)
            for identifier in known.identifiers:
                self._mention(identifier.name, at, position, touched)
            self._members.note_symlinks(name_id, known.identifiers, at, position)
        self._say(name_id, int(said.role), int(said.rank), known.id, at, position, touched)
        if name_id in self._members.vacated and said.role in (Role.OUTPUT, Role.LISTED):
            redraw.add(name_id)
        return redraw

    def _known_set(self, said: Said, name_id: int, at: Instant, position: Position) -> KnownSet:
        if said.facets is None:
            return self._sets.get(0)
        set_id = self._sets.id_of(said.facets.digest)
        if set_id is not None:
            return self._sets.get(set_id)
        return self._sets.add(said.facets.digest, said.facets.load())

    def _say(
        self, name_id: int, role: int, rank: int, set_id: int, at: Instant, position: Position, touched: _Touched
    ) -> None:
        """Record that (set, role) was said of a name, and note which registers of it differ for that."""
        state: NameState = self._states(name_id)
        self._database.execute(
            "INSERT INTO says (name_id, at, position, role, rank, set_id) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (name_id, at, position, role, rank, set_id),
        )
        key = (set_id, role)
        held = state.slots.get(key)
        if not state.slots and not state.overflow:
            touched.opened.add(name_id)
        if at < state.first:
            state.first = at
            touched.renewed.setdefault(name_id, set())
        if at > self._updated.get(name_id, -1):
            self._updated[name_id] = at
        if held is not None:
            if at <= held[1]:
                return
            before = None if state.newest_slot == key else self._registers(state)
            state.slots[key] = (rank, at)
            self._database.execute(
                "UPDATE slot SET at = ? WHERE name_id = ? AND set_id = ? AND role = ?", (at, name_id, set_id, role)
            )
        else:
            before = self._registers(state)
            if len(state.slots) >= _KEPT_SLOTS:
                self._spill(name_id, state)
            state.slots[key] = (rank, at)
            self._database.execute(
                "INSERT INTO slot (name_id, set_id, role, rank, at) VALUES (?, ?, ?, ?, ?)",
                (name_id, set_id, role, rank, at),
            )
        if at >= state.newest:
            state.newest, state.newest_slot = at, key
        if before is None:
            return
        after = self._registers(state)
        differing = {
            it for it in before.keys() | after.keys() if _value(before.get(it)) != _value(after.get(it))
        }
        if role in (Role.DROPPED, Role.OUTPUT, Role.LISTED) and _dropped(before) != _dropped(after):
            differing.add("~dropped")
        if differing:
            touched.renewed.setdefault(name_id, set()).update(differing)

    def _registers(self, state: NameState) -> dict[str, Winner]:
        found = winners(
            (SaidSet(self._sets.get(set_id), role, rank, at) for (set_id, role), (rank, at) in state.slots.items()),
            state.overflow.values(),
        )
        for (_, role), (rank, at) in state.slots.items():
            key = f"~role{role}"
            if key not in found or found[key].at < at:
                found[key] = Winner((rank, at, 0, b""), b"")
        return found

    def _spill(self, name_id: int, state: NameState) -> None:
        """Move the set said longest ago to the overflow: one best value a key is all it can still matter for."""
        key = min(state.slots, key=lambda it: state.slots[it][1])
        rank, at = state.slots.pop(key)
        said = SaidSet(self._sets.get(key[0]), key[1], rank, at)
        spilled = [*items(said), (f"~role{key[1]}", (rank, at, 0, b""), b"")]
        for register, order, value in spilled:
            held = state.overflow.get(register)
            if held is None or order > held.order:
                state.overflow[register] = Overflowed(register, order, value)
                self._database.execute(
                    "INSERT INTO overflow (name_id, key, rank, at, tie, digest, value) VALUES (?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (name_id, key) DO UPDATE SET rank = excluded.rank, at = excluded.at,"
                    " tie = excluded.tie, digest = excluded.digest, value = excluded.value",
                    (name_id, register, *order, value),
                )
        self._database.execute(
            "DELETE FROM slot WHERE name_id = ? AND set_id = ? AND role = ?", (name_id, *key)
        )

    def _read_state(self, name_id: int) -> NameState:
        slots = {
            (set_id, role): (rank, at)
            for set_id, role, rank, at in self._database.execute(
                "SELECT set_id, role, rank, at FROM slot WHERE name_id = ?", (name_id,)
            )
        }
        newest_slot = max(slots, key=lambda it: slots[it][1], default=None)
        newest = slots[newest_slot][1] if newest_slot else BEGINNING
        row = self._database.execute("SELECT at FROM says WHERE name_id = ? ORDER BY at LIMIT 1", (name_id,)).fetchone()
        first = row[0] if row else FOREVER
        return NameState(slots, read_overflow(self._database, name_id), first, newest, newest_slot)

    # Lineage -----------------------------------------------------------------------------------------------

    def _content(self, job: int, flows: Any, at: Instant, position: Position, touched: _Touched) -> int:
        content: int = self._sayings.content_id(flows)
        if not content:
            return 0
        mentions = self._mentions(content)
        if mentions is None:
            mentions = self._columns_named(self._sayings.flows(content), at, position)
            self._mentions.put(content, mentions)
        for name_id, set_id in mentions:
            self._say(name_id, int(Role.MENTIONED), 0, set_id, at, position, touched)
        if (job, content) not in self._job_contents:
            if len(self._job_contents) > 500_000:
                self._job_contents.clear()
            self._job_contents.add((job, content))
            names = [self._nodes.name_id(name, at, position) for name in names_in(self._sayings.flows(content))]  # type: ignore[arg-type]
            self._sayings.note_names(job, names)
        return content

    def _columns_named(self, flows: Flows, at: Instant, position: Position) -> list[tuple[int, int]]:
        """(name, set) for what lineage names in passing: sources and their columns, entries' targets."""
        named: dict[Name, dict[str, None]] = {}
        for entry in flows.entries or ():
            named.setdefault(entry.target, {})
            if entry.source is not None:
                columns = named.setdefault(entry.source, {})
                if entry.column:
                    columns[entry.column] = None
        for output in (*flows.column_lineage, *flows.entry_columns):
            for flow in output.flows or ():
                named.setdefault(flow.source, {})[flow.column] = None
                if flow.target_column is not None:
                    named.setdefault(output.output, {})[flow.target_column] = None
        return [
            (self._nodes.name_id(name, at, position), self._column_set(tuple(columns)))
            for name, columns in named.items()
        ]

    def _column_set(self, columns: tuple[str, ...]) -> int:
        if not columns:
            return 0
        digest = blake2b(msgspec.msgpack.encode(columns), digest_size=16, person=b"columns").digest()
        found = self._sets.id_of(digest)
        return found if found is not None else self._sets.add(digest, FacetSet(columns=columns)).id

    def _run(
        self, said: RunSaid, at: Instant, envelope: Envelope, touched: _Touched, changes: list[Change]
    ) -> list[EdgeChange]:
        position = envelope.position
        run = self._nodes.name_id(said.run, at, position)
        job = self._nodes.name_id(said.job, at, position)
        content = self._content(job, said.flows, at, position, touched) if said.flows is not None else 0
        event = RunEvent(at, envelope.digest, said.type, said.streaming, content)
        edges = self._sayings.add_event(run, job, event, position)
        before, after = self._run_now(run, job)
        if before != after:
            what = {"RUNNING": "run.started", "UNKNOWN": None}.get(after, _RUN_CHANGES.get(after))
            if what is not None:
                changes.append(Change(position, what, said.run.urn, at, said.job.urn))
        return edges

    def _run_now(self, run: int, job: int) -> tuple[str | None, str]:
        """Bring the run's present row up to date; (state before, state now)."""
        held = self._database.execute("SELECT job_id, state FROM run_now WHERE run_id = ?", (run,)).fetchone()
        jobs = [job] if held is None or held[0] == job else self._jobs_of(run)
        events = [event for it in jobs for event in self._sayings.events(run, it)]
        state = run_state(events)
        if len(jobs) > 1:  # one run id under several job names: the latest word
            job = max((event.at, event.digest, it) for it in jobs for event in self._sayings.events(run, it))[2]
        self._database.execute(
            "INSERT INTO run_now (run_id, job_id, state, started_at, ended_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (run_id) DO UPDATE SET job_id = excluded.job_id, state = excluded.state,"
            " started_at = excluded.started_at, ended_at = excluded.ended_at",
            (run, job, state.state, state.started_at, state.ended_at),
        )
        return (held[1] if held else None), state.state

    def _jobs_of(self, run: int) -> list[int]:
        rows = self._database.execute("SELECT DISTINCT job_id FROM run_event WHERE run_id = ?", (run,))
        return [row[0] for row in rows]

    def _declared(
        self, declared: Declared, at: Instant, envelope: Envelope, touched: _Touched
    ) -> list[EdgeChange]:
        position = envelope.position
        job = self._nodes.name_id(declared.job, at, position)
        content: int | None = None
        if declared.flows is not None:
            content = self._content(job, declared.flows, at, position, touched)
            if not content and not declared.register:
                return []
        return self._sayings.declare(
            job, at, envelope.digest, int(declared.rank), declared.register, content, position
        )

    def _redraw(
        self, names: set[int], at: Instant, position: Position, touched: _Touched
    ) -> list[EdgeChange]:
        moved, nodes = self._members.redraw(names, at, position)
        self._database.execute(
            "INSERT INTO meta (key, value) VALUES ('members', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (position,),
        )
        edges: list[EdgeChange] = []
        jobs: set[int] = set()
        for name in moved:
            rows = self._database.execute("SELECT job_id FROM job_name WHERE name_id = ?", (name,))
            jobs.update(row[0] for row in rows)
        if jobs:
            self._sayings.clear()
            for job in sorted(jobs):
                edges += self._sayings.refold_job(job, position)
        for node in nodes | moved:
            touched.renewed.setdefault(node, set()).add("~identity")
            for member in self._members.members(self._members.entity(node)):
                touched.renewed.setdefault(member, set())
        return edges

    # The present, and what changed about it ----------------------------------------------------------------

    def _entity_changes(self, touched: _Touched, at: Instant, position: Position) -> list[Change]:
        changes: list[Change] = []
        done: set[int] = set()
        for name in (*touched.opened, *touched.renewed):
            entity = self._members.entity(name)
            fields = touched.renewed.get(name, set())
            if entity != name and self._database.execute("SELECT 1 FROM entity WHERE id = ?", (name,)).fetchone():
                self._close_entity(name)
                changes.append(Change(position, "entity.closed", self._nodes.name(name).urn, at))
            if not entity or entity in done:
                continue
            done.add(entity)
            changes += self._refresh(entity, fields, at, position)
        return changes

    def _close_entity(self, node: int) -> None:
        self._database.execute("DELETE FROM entity WHERE id = ?", (node,))
        self._database.execute("DELETE FROM entity_search WHERE rowid = ?", (node,))

    def _refresh(self, entity: int, fields: set[str], at: Instant, position: Position) -> list[Change]:
        """Write the present row of an entity anew from all its names."""
        registers = entity_registers(self._database, self._sets, self._nodes, self._members.members(entity))
        if registers is None:  # all that was said under its name turned out to be of another entity
            self._close_entity(entity)
            return []
        name = self._nodes.name(entity)
        row = present_row(name, registers, self._sets, self._ontology)
        created, updated = registers.created_at, registers.updated_at
        held = self._database.execute(
            "SELECT type, description, tags, owners, dropped FROM entity WHERE id = ?", (entity,)
        ).fetchone()
        self._database.execute(
            "INSERT INTO entity (id, kind, namespace, name, type, description, tags, owners, dropped, created_at,"
            " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " type = excluded.type, description = excluded.description, tags = excluded.tags,"
            " owners = excluded.owners, dropped = excluded.dropped, created_at = excluded.created_at,"
            " updated_at = excluded.updated_at",
            (entity, name.kind, name.namespace, name.name, row.type, row.description, row.tags, row.owners,
             row.dropped, created, updated),
        )  # fmt: skip
        if name.kind not in _SEARCHED and (held is None or held[1] != row.description):
            if held is not None:
                self._database.execute("DELETE FROM entity_search WHERE rowid = ?", (entity,))
            self._database.execute(
                "INSERT INTO entity_search (rowid, name, namespace, description) VALUES (?, ?, ?, ?)",
                (entity, name.name, name.namespace, row.description or ""),
            )
        for path in present_columns(registers.winners) if "~schema" in fields or held is None else ():
            self._nodes.column(entity, path, at, position)
        return self._as_changes(name, held, row, fields, at, position)

    def _as_changes(
        self, name: Name, held: Any, row: PresentRow, fields: set[str], at: Instant, position: Position
    ) -> list[Change]:
        if held is None:
            return [Change(position, "entity.opened", name.urn, at)]
        changes = []
        facets = tuple(sorted(it for it in fields if it[0] not in ".~"))
        if held[4] != row.dropped:
            changes.append(Change(position, "entity.closed" if row.dropped else "entity.opened", name.urn, at))
        if FULL_SCHEMA in fields:
            changes.append(Change(position, "schema.changed", name.urn, at, fields=("schema",)))
        if facets:
            changes.append(Change(position, "entity.altered", name.urn, at, fields=facets))
        return changes

    def _edge_changes(self, edges: Iterable[EdgeChange], at: Instant, position: Position) -> list[Change]:
        return [
            Change(
                position,
                "relation.opened" if it.opened else "relation.closed",
                self._urn(it.edge[1], it.edge[0] in (COLUMN, WIDE)),
                at,
                self._urn(it.edge[2], it.edge[0] == COLUMN),
                _RELATIONS[it.edge[0]],
            )
            for it in edges
        ]

    def _urn(self, node: int, is_column: bool) -> str:
        if not is_column:
            return self._nodes.name(self._members.entity(node) or node).urn
        dataset, path = self._nodes.column_path(node)
        name = self._nodes.name(self._members.entity(dataset) or dataset)
        return Name("column", name.namespace, name.name, path).urn

    def _write_changes(self, changes: list[Change]) -> None:
        self._database.executemany(
            "INSERT INTO change (position, ordinal, what, urn, valid_at, other, kind, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (it.position, index, it.what, it.urn, it.valid_at, it.other, it.kind, ",".join(it.fields) or None)
                for index, it in enumerate(changes)
            ],
        )


def _value(winner: Winner | None) -> bytes | int | None:
    return winner.value if winner is not None else None


def _dropped(registers: dict[str, Winner]) -> bool:
    dropped = registers.get(f"~role{int(Role.DROPPED)}")
    if dropped is None:
        return False
    written = [registers[key].at for role in (Role.OUTPUT, Role.LISTED) if (key := f"~role{int(role)}") in registers]
    return dropped.at >= max(written, default=dropped.at)


def read_overflow(database: Database, name_id: int) -> dict[str, Overflowed]:
    rows = database.execute(
        "SELECT key, rank, at, tie, digest, value FROM overflow WHERE name_id = ?", (name_id,)
    )
    return {
        key: Overflowed(key, (rank, at, tie, bytes(digest)), value) for key, rank, at, tie, digest, value in rows
    }


@dataclass(frozen=True, slots=True)
class EntityRegisters:
    """What is said of an entity, added up over all its names."""

    winners: dict[str, Winner]
    said: tuple[SaidSet, ...]
    created_at: Instant
    updated_at: Instant
    dropped: bool


def gather(said: list[SaidSet], overflowed: Iterable[Overflowed], created_at: Instant) -> EntityRegisters:
    """Add up what was said; `said` holds each (set, role) with the last time it was said."""
    found = winners(said, overflowed)
    roles: dict[int, Instant] = {}
    for it in said:
        roles[it.role] = max(it.at, roles.get(it.role, it.at))
    for it_overflow in overflowed:
        if it_overflow.key.startswith("~role"):
            role = int(it_overflow.key[5:])
            roles[role] = max(it_overflow.order[1], roles.get(role, it_overflow.order[1]))
    written = max((roles[role] for role in (Role.OUTPUT, Role.LISTED) if role in roles), default=None)
    dropped = Role.DROPPED in roles and (written is None or roles[Role.DROPPED] >= written)
    updated = max(roles.values(), default=created_at)
    return EntityRegisters(found, tuple(said), created_at, updated, dropped)


def entity_registers(
    database: Database, sets: FacetSets, nodes: Nodes, members: Iterable[int]
) -> EntityRegisters | None:
    """The present registers of an entity with these nodes; None if nothing is said of it."""
    said: list[SaidSet] = []
    overflowed: list[Overflowed] = []
    created: list[Instant] = []
    for node in members:
        name_id = database.execute("SELECT name_id FROM node WHERE id = ?", (node,)).fetchone()[0]
        if nodes.is_shared(name_id):
            said += said_between(database, sets, node, name_id, nodes.occupancies(name_id))
        else:
            for set_id, role, rank, at in database.execute(
                "SELECT set_id, role, rank, at FROM slot WHERE name_id = ?", (name_id,)
            ):
                said.append(SaidSet(sets.get(set_id), role, rank, at))
            overflowed += read_overflow(database, name_id).values()
        created += created_between(database, node, name_id, nodes.occupancies(name_id))
    return gather(said, overflowed, min(created)) if created else None


def said_between(
    database: Database,
    sets: FacetSets,
    node: int,
    name_id: int,
    occupancies: Iterable[tuple[Instant, Instant, int]],
    valid: Instant = Instant(2**62),
    position: Position = LATEST,
) -> list[SaidSet]:
    """What was said of a name while this node bore it, at or before `valid`, up to `position`."""
    found = []
    for began, ended, bearer in occupancies:
        if bearer == node:
            rows = database.execute(
                "SELECT set_id, role, rank, max(at) FROM says WHERE name_id = ? AND at >= ? AND at < ? AND at <= ?"
                " AND position <= ? GROUP BY set_id, role, rank",
                (name_id, began, ended, valid, position),
            )
            found += [SaidSet(sets.get(set_id), role, rank, at) for set_id, role, rank, at in rows]
    return found


def created_between(
    database: Database,
    node: int,
    name_id: int,
    occupancies: Iterable[tuple[Instant, Instant, int]],
    valid: Instant = Instant(2**62),
    position: Position = LATEST,
) -> list[Instant]:
    """When a name was first spoken of while this node bore it: at most one instant an occupancy."""
    found = []
    for began, ended, bearer in occupancies:
        if bearer == node:
            row = database.execute(
                "SELECT at FROM says WHERE name_id = ? AND at >= ? AND at < ? AND at <= ? AND position <= ?"
                " ORDER BY at LIMIT 1",
                (name_id, began, ended, valid, position),
            ).fetchone()
            if row is not None:
                found.append(row[0])
    return found


@dataclass(frozen=True, slots=True)
class PresentRow:
    """What lists show of an entity; tags and owners as JSON arrays, None for none."""

    type: str
    description: str | None
    tags: str | None
    owners: str | None
    dropped: bool


def present_row(name: Name, registers: EntityRegisters, sets: FacetSets, ontology: Ontology) -> PresentRow:
    """The fields that an entity's facets add up to."""
    facets = facets_in_force(registers.winners)

    def read(key: str) -> dict[str, Any]:
        stored = facets.get(key)
        value = msgspec.json.decode(sets.value(stored)) if stored is not None else None
        return value if isinstance(value, dict) else {}

    tags = {
        (str(it.get("key")), str(it.get("field") or "")): it
        for it in _objects(read("tags").get("tags"))
        if it.get("key")
    }
    for key, winner in registers.winners.items():
        if key.startswith("tag:"):
            if winner.value is None:
                tags = {held: it for held, it in tags.items() if held[0] != key[4:]}
            else:
                tags[key[4:], ""] = read(key)
    owners = [it for it in _objects(read("ownership").get("owners")) if it.get("name")]
    description = read("documentation").get("description")
    return PresentRow(
        type=_type_of(name, read, ontology),
        description=description if isinstance(description, str) else None,
        tags=msgspec.json.encode([tags[key] for key in sorted(tags)]).decode() if tags else None,
        owners=msgspec.json.encode(owners).decode() if owners else None,
        dropped=registers.dropped,
    )


def _type_of(name: Name, read: Any, ontology: Ontology) -> str:
    if name.kind == "job":
        kind = read("jobType").get("jobType")
        return ontology.type_for_job(kind if isinstance(kind, str) else None)
    said = read("datasetType")
    text, sub_type = said.get("datasetType"), said.get("subType")
    return ontology.type_for(
        name.kind,
        name.namespace,
        text if isinstance(text, str) else None,
        sub_type if isinstance(sub_type, str) else None,
    )


def _objects(value: object) -> list[dict[str, Any]]:
    return [it for it in value if isinstance(it, dict)] if isinstance(value, list) else []

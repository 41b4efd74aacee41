"""The fold: statements in, changes out, the same graph in whatever order they come.

`Fold.apply` takes the statements of one envelope into the tables of `schema`, in the caller's transaction, and
answers what the present graph differs by for it. The meaning of it all is in `timeline` (runs and sayings),
`registers` (facets), `identity` (symlinks and renames); this module orders the work.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from ontology import Ontology

from .attributes import relation_of
from .database import Cached, Database
from .derivations import DERIVED_TAG, Derived, Mark, read_derived_key
from .entity import (
    EntityRegisters,
    PresentRow,
    created_between,
    derived_among,
    gather,
    present_row,
    retagged,
    said_among,
    said_between,
)
from .membership import Members
from .model import BEGINNING, FOREVER, Change, Envelope, Instant, Name, Position, parse_urn
from .nodes import Nodes
from .registers import FULL_SCHEMA, FacetSets, KnownSet, Overflowed
from .registers import Said as SaidSet
from .sayings import EdgeChange, Sayings, names_in
from .spoken import COLUMNS, Spoken
from .statements import Declared, Flows, OutputFlow, Rank, Role, RunSaid, Said, Statements
from .timeline import COLUMN, DERIVED, FEEDS, READS, WIDE, WRITES, RunEvent, run_state

_RUN_CHANGES = {
    "START": "run.started",
    "COMPLETE": "run.completed",
    "FAIL": "run.failed",
    "ABORT": "run.aborted",
}
_WITHOUT_COLUMNS = frozenset({"job", "run"})
_SEARCHED = frozenset({"run", "firing", "column"})  # kinds that are not in the full-text index
IDENTITY = "~identity"
"""Among the fields that differ: which names the entity has."""

_PRESENT = "SELECT id, type, description, tags, owners, dropped FROM entity"

_RELATIONS = {
    DERIVED: "derivedFrom", COLUMN: "columnDerivedFrom", WIDE: "columnDerivedFrom", READS: "reads", WRITES: "writes",
    FEEDS: "feeds",
}  # fmt: skip


@dataclass(slots=True)
class _Touched:
    """What one envelope changed about entities, before it is written out."""

    renewed: dict[int, set[str]] = field(default_factory=dict)  # name -> facet keys that differ
    columns: dict[int, set[str]] = field(default_factory=dict)  # name -> columns the envelope's facets name


class Fold:
    """Folds envelopes, in journal order, into the database it is given."""

    def __init__(self, database: Database, ontology: Ontology) -> None:
        self._database = database
        self._ontology = ontology
        self._sets = FacetSets(database)
        self._nodes = Nodes(database)
        self._spoken = Spoken(database, self._sets, self._nodes)
        self._members = Members(database, self._nodes, self._sets, self._spoken.flush)
        self._sayings = Sayings(database, self._nodes)
        self._mentions: Cached = Cached(lambda _: None, 20_000)
        self._jobs_of: Cached = Cached(self._read_jobs, 50_000)
        self._runs_now: Cached = Cached(self._read_run_now, 50_000)
        self._present: Cached = Cached(self._read_present, 20_000)
        self._job_contents: set[tuple[int, int]] = set()
        self._related: set[tuple[int, int]] = set()
        """(name, set) whose targets are in the table."""
        self._updated: dict[int, Instant] = {}
        self._tags: dict[int, str | None] = {}
        """Of entities of which only derived tags differ, all tags as they are to be written."""
        self._agreed: dict[int, Instant] = {}
        """Entities of several names that say nothing different of it -> when they were first spoken of."""
        self._changes: list[tuple[object, ...]] = []
        self._position = Position(0)
        self._is_named = False
        """Whether it is on record which making of the fold state this is: a projection of another is of no use."""

    def forget(self) -> None:
        """Drop everything remembered: the transaction it was read in was rolled back."""
        caches = (self._mentions, self._jobs_of, self._runs_now, self._present)
        for part in (self._sets, self._nodes, self._sayings, *caches):
            part.clear()
        self._spoken.forget()
        self._members.load()
        self._job_contents.clear()
        self._related.clear()
        self._updated.clear()
        self._tags.clear()
        self._agreed.clear()
        self._changes.clear()
        self._is_named = False

    def use(self, ontology: Ontology) -> bool:
        """Fold by these words from now on; whether the present was classed by others, so that they must be adopted."""
        self._ontology = ontology
        held = self._database.execute("SELECT value FROM meta WHERE key = 'words'").fetchone()
        return held is None or held[0] != ontology.fingerprint

    def adopt(self, ontology: Ontology) -> int:
        """Give every entity the class that this ontology says it is of; how many differ. In a transaction.

        A new class may claim a namespace or a type that entities have had all along. Does nothing where the present
        was classed by the same words.
        """
        if not self.use(ontology):
            return 0
        self.flush()
        rows = self._database.execute("SELECT id, type FROM entity WHERE kind NOT IN ('run', 'firing')").fetchall()
        differing = []
        for entity, type in rows:
            registers = self._registers(entity)
            if registers is not None:
                now = present_row(self._nodes.name(entity), registers, self._sets, ontology).type
                if now != type:
                    differing.append((now, entity))
                    self._present.drop(entity)
        self._database.executemany("UPDATE entity SET type = ? WHERE id = ?", differing)
        said = [("words", ontology.fingerprint)]
        if differing:  # what was projected from the present is to be projected anew
            said.append(("incarnation", secrets.randbits(62)))
        self._database.executemany(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", said
        )
        return len(differing)

    def flush(self) -> None:
        """Write what is gathered over a batch."""
        if not self._is_named:
            self._database.executemany(
                "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
                [("incarnation", secrets.randbits(62)), ("words", self._ontology.fingerprint)],
            )
            self._is_named = True
        self._sets.flush()
        self._spoken.flush()
        self._database.executemany(
            "INSERT INTO change (position, ordinal, what, urn, valid_at, other, kind, fields)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            self._changes,
        )
        self._changes.clear()
        self._write_tags()
        self._database.executemany(
            "UPDATE entity SET updated_at = CASE WHEN updated_at < ? THEN ? ELSE updated_at END, touched = ?"
            " WHERE id = ?",
            [(at, at, self._position, self._members.entity(name)) for name, at in self._updated.items()],
        )
        self._updated.clear()

    def _write_tags(self) -> None:
        if self._tags:
            rows = [(tags, entity) for entity, tags in self._tags.items()]
            self._database.executemany("UPDATE entity SET tags = ? WHERE id = ?", rows)
            self._tags.clear()

    def expect(self, statements: Iterable[Statements]) -> None:
        """Look up at once what folding these one by one would ask for."""
        names: dict[Name, None] = {}
        sets = []
        derived: dict[Name, None] = {}
        for it in statements:
            for said in it.said:
                names[said.subject] = None
                if said.rank == Rank.INFERENCE:
                    derived[said.subject] = None
                if said.facets is not None:
                    sets.append(said.facets)
            if it.run is not None:
                names[it.run.run] = names[it.run.job] = None
        self._nodes.expect(names)
        self._sets.expect(sets)
        known = {name: node for name in names if (node := self._nodes.existing(name)) is not None}
        self._spoken.expect(known.values())
        self._nodes.expect_columns(
            node for name, node in known.items() if name.kind not in _WITHOUT_COLUMNS and name not in derived
        )
        self._expect_present(known[it] for it in derived if it in known)

    def _expect_present(self, nodes: Iterable[int]) -> None:
        """Look up the present rows of these at once."""
        unknown = [it for it in nodes if it not in self._present and it not in self._nodes.made]
        if len(unknown) > 1:
            self._write_tags()
            rows = self._database.execute(
                f"{_PRESENT} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(unknown),)
            ).fetchall()
            for entity, *row in rows:
                self._present.put(entity, tuple(row))

    def apply(self, envelope: Envelope, statements: Statements) -> list[Change]:
        at, position = statements.at, envelope.position
        self._position = position
        touched = _Touched()
        redraw: set[int] = set()
        for said in statements.said:
            redraw |= self._said(said, at, position, touched)
        for index, renamed in enumerate(statements.renamed):
            source = self._mention(renamed.previous, at, position, touched)
            target = self._mention(renamed.subject, at, position, touched)
            self._members.add_rename(source, target, at, envelope.digest + bytes([index % 256]), position)
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
        self._changes += [
            (it.position, index, it.what, it.urn, it.valid_at, it.other, it.kind, ",".join(it.fields) or None)
            for index, it in enumerate(changes)
        ]
        return changes

    # What is said of entities ------------------------------------------------------------------------------

    def _mention(self, name: Name, at: Instant, position: Position, touched: _Touched) -> int:
        """Something was named in passing: it exists from now on."""
        name_id = self._nodes.name_id(name, at, position)
        self._say(name_id, int(Role.MENTIONED), 0, 0, at, position, touched)
        return name_id

    def _say(
        self,
        name_id: int,
        role: int,
        rank: int,
        set_id: int,
        at: Instant,
        position: Position,
        touched: _Touched,
    ) -> None:
        node = name_id
        differing = self._spoken.say(name_id, role, rank, set_id, at, position)
        if self._nodes.is_shared(name_id) or self._members.is_joined(name_id):
            # What is nothing new of the name may be of the entity: another name spoke since, or another bearer.
            node = self._nodes.bearer(name_id, at)
            if differing is None and at < self._agreed.get(self._members.entity(node), FOREVER):
                differing = set()
        if at > self._updated.get(node, BEGINNING):
            self._updated[node] = at
        if differing is not None:
            touched.renewed.setdefault(node, set()).update(differing)

    def _said(self, said: Said, at: Instant, position: Position, touched: _Touched) -> set[int]:
        """Take what is said of one subject in; answers the names whose identity must be worked out anew."""
        name_id = self._nodes.name_id(said.subject, at, position)
        known = self._known_set(said)
        redraw: set[int] = set()
        if known.identifiers is not None:
            digest = known.facets["symlinks"][0]
            if self._members.symlinks_differ(name_id, at, digest, known.identifiers):
                redraw.add(name_id)
            for identifier in known.identifiers:
                self._mention(identifier.name, at, position, touched)
            self._members.note_symlinks(name_id, known.identifiers, at, position)
        self._say(name_id, int(said.role), int(said.rank), known.id, at, position, touched)
        touched.columns.setdefault(name_id, set()).update(known.columns)
        if name_id in self._members.vacated and said.role in (Role.OUTPUT, Role.LISTED):
            redraw.add(name_id)
        if known.relations and (name_id, known.id) not in self._related:
            self._note_related(name_id, known, at, position)
        return redraw

    def _note_related(self, name_id: int, known: KnownSet, at: Instant, position: Position) -> None:
        """Remember which names a set relates its subject to, so that the relations are found from there too."""
        if len(self._related) > 100_000:
            self._related.clear()
        self._related.add((name_id, known.id))
        rows = []
        for key in known.relations:
            relation, of_column = relation_of(key)
            source = self._nodes.column(name_id, unquote(of_column[1:]), at, position) if of_column else name_id
            stored = known.facets[key][1]
            urns = msgspec.json.decode(self._sets.value(stored)) if stored is not None else ()
            rows += [(self._target_node(parse_urn(urn), at, position), relation, source) for urn in urns]
        self._database.executemany(
            "INSERT INTO related (target, relation, source) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", rows
        )

    def _target_node(self, name: Name, at: Instant, position: Position) -> int:
        if name.kind != "column":
            return self._nodes.name_id(name, at, position)
        dataset = Name(self._ontology.kind_for_namespace(name.namespace), name.namespace, name.name)
        return self._nodes.column(self._nodes.name_id(dataset, at, position), name.path, at, position)

    def _known_set(self, said: Said) -> KnownSet:
        if said.facets is None:
            return self._sets.get(0)
        return self._sets.of(said.facets)

    # Lineage -----------------------------------------------------------------------------------------------

    def _content(self, job: int, flows: Any, at: Instant, position: Position, touched: _Touched) -> int:
        content: int = self._sayings.content_id(flows)
        if not content:
            return 0
        mentions = self._mentions(content)
        if mentions is None:
            mentions = self._columns_named(self._sayings.flows(content), at, position)
            self._mentions.put(content, mentions)
        for name_id, set_id, role in mentions:
            said = touched.columns.get(name_id)
            if said is None or not said.issuperset(self._sets.get(set_id).columns):
                self._say(name_id, role, 0, set_id, at, position, touched)
        if (job, content) not in self._job_contents:
            if len(self._job_contents) > 500_000:
                self._job_contents.clear()
            self._job_contents.add((job, content))
            names = [self._nodes.name_id(name, at, position) for name in names_in(self._sayings.flows(content))]
            self._sayings.note_names(job, names)
        return content

    def _columns_named(self, flows: Flows, at: Instant, position: Position) -> list[tuple[int, int, int]]:
        """(name, set, role) for what lineage names in passing: sources and their columns, entries' targets."""
        named: dict[Name, dict[str, None]] = {}
        for entry in flows.entries or ():
            targets = named.setdefault(entry.target, {})
            if entry.target_column:
                targets[entry.target_column] = None
            if entry.source is not None:
                columns = named.setdefault(entry.source, {})
                if entry.column:
                    columns[entry.column] = None
        _name_columns((*flows.column_lineage, *flows.entry_columns), named)
        guessed: dict[Name, dict[str, None]] = {}
        _name_columns(flows.inferred, guessed)
        mentions = [
            (name, tuple(columns), int(role))
            for role, by_name in ((Role.MENTIONED, named), (Role.GUESSED, guessed))
            for name, columns in by_name.items()
        ]
        sets = self._sets.of_columns(columns for _, columns, _ in mentions if columns)
        return [
            (self._nodes.name_id(name, at, position), sets[columns].id if columns else 0, role)
            for name, columns, role in mentions
        ]

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
        held: tuple[int, str, Instant, Instant | None] | None = self._runs_now(run)
        jobs: set[int] = self._jobs_of(run)
        jobs.add(job)
        events = [event for it in jobs for event in self._sayings.events(run, it)]
        state = run_state(events)
        if len(jobs) > 1:  # one run id under several job names: the latest word
            job = max((event.at, event.digest, it) for it in jobs for event in self._sayings.events(run, it))[2]
        now = (job, state.state, state.started_at, state.ended_at)
        if now != held:
            self._database.execute(
                "INSERT INTO run_now (run_id, job_id, state, started_at, ended_at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (run_id) DO UPDATE SET job_id = excluded.job_id, state = excluded.state,"
                " started_at = excluded.started_at, ended_at = excluded.ended_at",
                (run, *now),
            )
            self._runs_now.put(run, now)
        return (held[1] if held else None), state.state

    def _read_run_now(self, run: int) -> tuple[int, str, Instant, Instant | None] | None:
        if run in self._nodes.made:
            return None
        row: tuple[int, str, Instant, Instant | None] | None = self._database.execute(
            "SELECT job_id, state, started_at, ended_at FROM run_now WHERE run_id = ?", (run,)
        ).fetchone()
        return row

    def _read_jobs(self, run: int) -> set[int]:
        if run in self._nodes.made:
            return set()
        rows = self._database.execute("SELECT DISTINCT job_id FROM run_event WHERE run_id = ?", (run,))
        return {row[0] for row in rows}

    def _declared(self, declared: Declared, at: Instant, envelope: Envelope, touched: _Touched) -> list[EdgeChange]:
        position = envelope.position
        job = self._nodes.name_id(declared.job, at, position)
        content: int | None = None
        if declared.flows is not None:
            content = self._content(job, declared.flows, at, position, touched)
            if not content and not declared.register:
                return []
        return self._sayings.declare(job, at, envelope.digest, int(declared.rank), declared.register, content, position)

    def _redraw(self, names: set[int], at: Instant, position: Position, touched: _Touched) -> list[EdgeChange]:
        moved, nodes = self._members.redraw(names, at, position)
        self._database.execute(
            "INSERT INTO meta (key, value) VALUES ('members', ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
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
            self._updated.pop(node, None)  # may be of another entity by now; the refresh reads it anew
            touched.renewed.setdefault(node, set()).add(IDENTITY)
            for member in self._members.members(self._members.entity(node)):
                touched.renewed.setdefault(member, set()).add(IDENTITY)
        return edges

    # The present, and what changed about it ----------------------------------------------------------------

    def _entity_changes(self, touched: _Touched, at: Instant, position: Position) -> list[Change]:
        changes: list[Change] = []
        done: set[int] = set()
        for name in touched.renewed:
            entity = self._members.entity(name)
            fields = touched.renewed.get(name, set())
            if entity != name and self._present(name) is not None:
                self._close_entity(name)
                changes.append(Change(position, "entity.closed", self._nodes.name(name).urn, at))
            if not entity or entity in done:
                continue
            done.add(entity)
            if self._only_derived(entity, fields):
                changes += self._retag(entity, fields, at, position)
            else:
                changes += self._refresh(entity, fields, at, position)
        return changes

    def _only_derived(self, entity: int, fields: set[str]) -> bool:
        """Whether nothing but derived tags differs of what is present and has one name: thousands at a time do."""
        return (
            bool(fields)
            and all(it.startswith(DERIVED_TAG) for it in fields)
            and not self._members.is_joined(entity)
            and not self._nodes.is_shared(entity)
            and self._present(entity) is not None
        )

    def _retag(self, entity: int, fields: set[str], at: Instant, position: Position) -> list[Change]:
        """What `_refresh` would do, by the tags alone."""
        held = self._present(entity)
        values = {key: self._spoken.value(entity, key) for key in sorted(fields)}
        tags, before = retagged(
            held[2], {key: None if it is None else self._sets.value(it) for key, it in values.items()}
        )
        self._present.put(entity, (held[0], held[1], tags, held[3], held[4]))
        self._tags[entity] = tags
        name = self._nodes.name(entity)
        altered = Change(position, "entity.altered", name.urn, at, fields=("tags",))
        return [altered, *_travelled(name, values, before, at, position)]

    def _close_entity(self, node: int) -> None:
        self._tags.pop(node, None)
        self._present.put(node, None)
        self._database.execute("DELETE FROM entity WHERE id = ?", (node,))
        self._database.execute("DELETE FROM entity_search WHERE rowid = ?", (node,))

    def _refresh(self, entity: int, fields: set[str], at: Instant, position: Position) -> list[Change]:
        """Write the present row of an entity anew from all its names."""
        registers = self._registers(entity)
        if registers is None:  # all that was said under its name turned out to be of another entity
            self._close_entity(entity)
            return []
        self._note_agreement(entity, registers.created_at)
        name = self._nodes.name(entity)
        row = present_row(name, registers, self._sets, self._ontology)
        created, updated = registers.created_at, registers.updated_at
        held = self._present(entity)
        self._tags.pop(entity, None)
        self._present.put(entity, (row.type, row.description, row.tags, row.owners, row.dropped))
        self._database.execute(
            "INSERT INTO entity (id, kind, namespace, name, type, description, tags, owners, attributes, dropped,"
            " created_at, updated_at, touched) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET"
            " type = excluded.type, description = excluded.description, tags = excluded.tags,"
            " owners = excluded.owners, attributes = excluded.attributes, dropped = excluded.dropped,"
            " created_at = excluded.created_at, updated_at = excluded.updated_at, touched = excluded.touched",
            (entity, name.kind, name.namespace, name.name, row.type, row.description, row.tags, row.owners,
             row.attributes, int(row.dropped), created, updated, position),
        )  # fmt: skip
        if name.kind not in _SEARCHED and (held is None or held[1] != row.description):
            if held is not None:
                self._database.execute("DELETE FROM entity_search WHERE rowid = ?", (entity,))
            self._database.execute(
                "INSERT INTO entity_search (rowid, name, namespace, description) VALUES (?, ?, ?, ?)",
                (entity, name.name.lower(), name.namespace.lower(), (row.description or "").lower()),
            )
        derived = {
            key: registers.winners[key].value if key in registers.winners else None
            for key in sorted(fields)
            if key.startswith(DERIVED_TAG)
        }
        changes = self._as_changes(name, held, row, fields, at, position)
        tags_before = held[2] if held is not None else None
        if tags_before != row.tags:
            changes += _given(name, said_among(tags_before), said_among(row.tags), at, position)
        if derived:
            changes += _travelled(name, derived, derived_among(tags_before), at, position)
        return changes

    def _read_present(self, entity: int) -> tuple[Any, ...] | None:
        if entity in self._nodes.made:
            return None
        if entity in self._tags:
            self._write_tags()
        row: tuple[Any, ...] | None = self._database.execute(f"{_PRESENT} WHERE id = ?", (entity,)).fetchone()
        return None if row is None else row[1:]

    def _registers(self, entity: int) -> EntityRegisters | None:
        """The present registers of an entity; None if nothing is said of it."""
        said: list[SaidSet] = []
        overflowed: list[Overflowed] = []
        created: list[Instant] = []
        for node in self._members.members(entity):
            name_id = self._nodes.first(node)
            if self._nodes.is_shared(name_id):
                self._spoken.flush()
                places = self._nodes.occupancies(name_id)
                said += said_between(self._database, self._sets, node, name_id, places)
                created += created_between(self._database, node, name_id, places)
            elif node == name_id:
                more, spilled, first = self._spoken.present(name_id)
                said += more
                overflowed += spilled
                created += [first] if first != FOREVER else []
        return gather(said, overflowed, min(created)) if created else None

    def _note_agreement(self, entity: int, created_at: Instant) -> None:
        """Remember whether it matters which of an entity's names is spoken of last, and for which bearer."""
        self._agreed.pop(entity, None)
        values: dict[str, bytes | int | None] = {}
        for node in self._members.members(entity):
            if not self._members.is_joined(node) and not self._nodes.is_shared(node):
                return  # by far the most: one name, one bearer
            name_id = self._nodes.existing(self._nodes.name(node))
            assert name_id is not None
            began, _, bearer = self._nodes.occupancies(name_id)[-1]
            if bearer != node or not self._spoken.agrees(name_id, began, values):
                return
        self._agreed[entity] = created_at

    def _as_changes(
        self, name: Name, held: Any, row: PresentRow, fields: set[str], at: Instant, position: Position
    ) -> list[Change]:
        if held is None:
            return [Change(position, "entity.opened", name.urn, at)]
        changes = []
        facets = tuple(sorted({"tags" if it.startswith(DERIVED_TAG) else it for it in fields if it[0] not in ".~"}))
        if bool(held[4]) != row.dropped:
            changes.append(Change(position, "entity.closed" if row.dropped else "entity.opened", name.urn, at))
        if FULL_SCHEMA in fields:
            changes.append(Change(position, "schema.changed", name.urn, at, fields=("schema",)))
        if facets:
            changes.append(Change(position, "entity.altered", name.urn, at, fields=facets))
        if COLUMNS in fields and FULL_SCHEMA not in fields:
            changes.append(Change(position, "columns.named", name.urn, at))
        if IDENTITY in fields:
            changes.append(Change(position, "entity.identified", name.urn, at))
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


def _given(
    name: Name, before: set[tuple[Mark, str]], now: set[tuple[Mark, str]], at: Instant, position: Position
) -> list[Change]:
    """The tags of an entity or its columns that somebody says from now on, and those that nobody says any more."""
    return [
        _of_tag(what, name, path, "", mark, at, position)
        for what, differing in (("tag.given", now - before), ("tag.taken", before - now))
        for mark, path in sorted(differing, key=lambda it: (it[1], it[0].label))
    ]


def _of_tag(what: str, name: Name, path: str, propagation: str, mark: Mark, at: Instant, position: Position) -> Change:
    of = Name("column", name.namespace, name.name, path) if path else name
    return Change(position, what, of.urn, at, fields=(propagation, quote(mark.label, safe="")))


def _travelled(
    name: Name, registers: Mapping[str, object], before: Collection[Derived], at: Instant, position: Position
) -> list[Change]:
    """The derived tags that reached an entity or its columns, those that left, and those that come by another way.

    `registers` are those of derived tags that differ, None for one that is gone.
    """
    changes = []
    for key, value in registers.items():
        propagation, mark, path = derived = read_derived_key(key)
        what = "tag.left" if value is None else "tag.rerouted" if derived in before else "tag.reached"
        changes.append(_of_tag(what, name, path, propagation, mark, at, position))
    return changes


def _name_columns(outputs: Iterable[OutputFlow], named: dict[Name, dict[str, None]]) -> None:
    for output in outputs:
        for flow in output.flows or ():
            named.setdefault(flow.source, {})[flow.column] = None
            if flow.target_column is not None:
                named.setdefault(output.output, {})[flow.target_column] = None

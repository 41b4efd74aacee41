"""What of the fold state is to be written to a triple store: all that differs since a mark, or the whole present.

`graph.changed` finds what may differ; each of those is described anew and its description replaced whole. Two things
change a description without its entity being spoken of, and are followed here: a column that comes or goes (what is
derived from it, what relates to it), and a name that becomes another entity's (runs and relations that say it).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from graph.changed import Changed, FoldEdge, Mark, changed_since, mark_of
from graph.database import in_chunks
from graph.model import make_urn
from graph.reader import EntityRecord
from graph.snapshot import Snapshot
from graph.timeline import COLUMN, FEEDS, WIDE, WRITES

from .describing import AT_ONCE, Describing
from .mapping import Description, entity_quads, quads, time_quads
from .syntax import Quad, iri
from .terms import Terms

_AMONG = "IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Seen:
    """What an entity's description was when it was last written, as hashes."""

    entity: int
    columns: int
    names: int
    """Of its columns' names and types: what others depend on."""
    told: int
    """Of the registers that it was made of."""


@dataclass(slots=True)
class Delta:
    """What `subjects` (IRIs as terms) say is `quads` from now on; `renewed` were only spoken of again."""

    mark: Mark
    terms: Terms
    subjects: set[str] = field(default_factory=set)
    widened: set[str] = field(default_factory=set)
    """Those of the subjects whose columns are said anew too; columns that they had before are subjects as well."""
    quads: list[Quad] = field(default_factory=list)
    renewed: set[str] = field(default_factory=set)
    times: list[Quad] = field(default_factory=list)
    """Of the renewed."""
    seen: dict[int, Seen] = field(default_factory=dict)


def whole(snapshot: Snapshot, terms: Terms, seen: dict[int, Seen] | None = None) -> Iterator[list[Quad]]:
    """All that is so as of the snapshot, in parts; notes in `seen` what was said."""
    describing = Describing(snapshot)
    for described in describing.everything():
        part: list[Quad] = []
        for it in described:
            part += quads(it, terms)
            if seen is not None and it.record.kind != "run":
                seen[it.record.id] = _seen(it, terms, describing)
        yield part


def difference(snapshot: Snapshot, since: Mark, terms: Terms, limit: int, seen: Mapping[int, Seen]) -> Delta | None:
    """All that differs since then; None where that is more than `limit` rows of the fold.

    What `seen` shows to be as it was is left out; it must be of the state at `since`.
    """
    changed = changed_since(snapshot, since, limit, runs=True)
    if changed is None:
        return None
    return _Difference(snapshot, terms, seen).of(changed)


class _Difference:
    def __init__(self, snapshot: Snapshot, terms: Terms, seen: Mapping[int, Seen]) -> None:
        self._snapshot = snapshot
        self._terms = terms
        self._seen = seen
        self._describing = Describing(snapshot)
        self._delta = Delta(mark_of(snapshot), terms)

    def of(self, changed: Changed) -> Delta:
        moved = set(changed.moved)
        forgotten: set[int] = set()
        touched = {id for id, _ in changed.touched}
        ids = {id for id in touched if self._is_timely(id)} | moved | changed.widened
        ids |= self._jobs_of({id for id, kind in changed.touched if kind == "run"})
        for edges in (changed.opened, changed.closed, changed.again):
            ids |= self._sayers(edges)
        if moved:
            forgotten = self._forget_names(moved) | moved
            ids |= forgotten | self._runs_that_say(moved) | self._relating_to(moved)
        ids |= self._hanging_on_columns_of({id for id in touched | ids if not self._is_timely(id)}, moved)
        ids |= self._told_otherwise(touched - ids)
        for some in in_chunks(sorted(ids - {0}), AT_ONCE):
            for described in self._describing.describe(some):
                self._add(described, described.record.id in forgotten)
        return self._delta

    def _told_otherwise(self, touched: set[int]) -> set[int]:
        """Those of which something else is said now; the others were spoken of again, which is noted.

        Most are others: a run names its datasets with all that is known of them.
        """
        found = touched - self._seen.keys()
        for some in in_chunks(sorted(touched - found), AT_ONCE):
            records = self._snapshot.entities_by_id(some)
            self._snapshot.expect_said(records)
            found |= set(some) - records.keys()
            for record in records.values():
                before = self._seen[record.id]
                if before.told != self._describing.told(record) or before.names != self._describing.column_signature(
                    record.id
                ):
                    found.add(record.id)
                else:
                    self._renew(record)
        return found

    def _renew(self, record: EntityRecord) -> None:
        self._delta.renewed.add(iri(record.urn))
        self._delta.times += time_quads(record, self._terms)

    def _jobs_of(self, runs: Collection[int]) -> set[int]:
        """Every job that one of the runs was ever said to be of: its newest run may be another now."""
        found: set[int] = set()
        for part in in_chunks(sorted(runs), 5_000):
            rows = self._snapshot.database.execute(
                f"SELECT DISTINCT job_id FROM run_event WHERE run_id {_AMONG}", (json.dumps(list(part)),)
            )
            found.update(row[0] for row in rows)
        return found

    def _is_timely(self, entity: int) -> bool:
        """Whether it is of a kind that has no columns."""
        return self._snapshot.node_name(entity).kind in ("run", "job")

    def _sayers(self, edges: Iterable[FoldEdge]) -> set[int]:
        """The entities whose descriptions these edges are part of: the job, or what is derived."""
        nodes = {source if kind in (WRITES, FEEDS) else target for _, kind, _, source, target, *_ in edges}
        return self._entities(nodes)

    def _entities(self, nodes: Collection[int]) -> set[int]:
        """Of nodes of entities and of columns."""
        found: set[int] = set()
        for part in in_chunks(sorted(nodes), 5_000):
            rows = self._snapshot.database.execute(
                f"SELECT id, parent FROM node WHERE id {_AMONG}", (json.dumps(list(part)),)
            )
            found |= {self._snapshot.entity_of(parent or node) for node, parent in rows}
        return found - {0}

    def _forget_names(self, moved: set[int]) -> set[int]:
        """Say nothing more of the names that moved, but by whoever bears them now; answers those."""
        found: set[int] = set()
        for node in moved:
            name = self._snapshot.node_name(node)
            subject = iri(make_urn(name.kind, name.namespace, name.name))
            self._delta.subjects.add(subject)
            self._delta.widened.add(subject)
            bearer = self._snapshot.find(frozenset({name.kind}), name.namespace, name.name)
            if bearer is not None:
                found.add(bearer.id)
        return found

    def _runs_that_say(self, moved: set[int]) -> set[int]:
        """The runs whose inputs or outputs may be others now."""
        jobs = json.dumps(self._snapshot.jobs_speaking_of(moved, job_nodes=False))
        rows = self._snapshot.database.execute(
            f"SELECT DISTINCT saying FROM piece WHERE job_id {_AMONG} AND saying > 0", (jobs,)
        )
        return {row[0] for row in rows}

    def _relating_to(self, moved: set[int]) -> set[int]:
        """The entities that ever said a relation to one of these, or to a column of theirs."""
        return self._sources({*self._with_names(moved), *self._columns_of(moved)})

    def _with_names(self, entities: Collection[int]) -> set[int]:
        """Their nodes, and what their names' registers are kept under."""
        nodes = {*self._snapshot.nodes_of(entities), *entities}
        found = set(nodes)
        for part in in_chunks(sorted(nodes), 5_000):
            rows = self._snapshot.database.execute(
                f"SELECT name_id FROM node WHERE id {_AMONG}", (json.dumps(list(part)),)
            )
            found.update(row[0] for row in rows)
        return found

    def _sources(self, targets: Collection[int]) -> set[int]:
        found: set[int] = set()
        for part in in_chunks(sorted(targets), 5_000):
            rows = self._snapshot.database.execute(
                f"SELECT source FROM related WHERE target {_AMONG}", (json.dumps(list(part)),)
            ).fetchall()
            found |= {row[0] for row in rows}
        names = [row[0] for row in self._bearers(found)]
        return self._entities({*found, *names})

    def _bearers(self, names: Collection[int]) -> list[tuple[int]]:
        rows: list[tuple[int]] = self._snapshot.database.execute(
            f"SELECT id FROM node WHERE name_id {_AMONG} AND name_id <> id", (json.dumps(sorted(names)),)
        ).fetchall()
        return rows

    def _columns_of(self, entities: Collection[int]) -> list[int]:
        found: list[int] = []
        for part in in_chunks(sorted(self._with_names(entities)), 5_000):
            rows = self._snapshot.database.execute(
                f"SELECT id FROM node WHERE parent {_AMONG} AND parent > 0", (json.dumps(list(part)),)
            )
            found += [row[0] for row in rows]
        return found

    def _hanging_on_columns_of(self, ids: set[int], moved: set[int]) -> set[int]:
        """Whose descriptions name columns of these, where those may have come, gone or got another name."""
        differing = [
            id
            for id in sorted(ids)
            if id in moved or id not in self._seen or self._describing.column_signature(id) != self._seen[id].names
        ]
        columns = self._columns_of(differing)
        found: set[int] = set()
        for part in in_chunks(columns, 5_000):
            rows = self._snapshot.database.execute(
                f"SELECT DISTINCT target FROM edge WHERE source {_AMONG} AND kind IN ({COLUMN}, {WIDE})",
                (json.dumps(list(part)),),
            ).fetchall()
            found |= self._entities({row[0] for row in rows})
        return found | self._sources(columns)

    def _add(self, described: Description, is_forgotten: bool) -> None:
        delta, record = self._delta, described.record
        subject = iri(record.urn)
        if record.kind == "run":
            delta.subjects.add(subject)
            delta.quads += quads(described, self._terms)
            return
        said = list(entity_quads(described, self._terms))
        columns = [quad for column in described.columns for quad in entity_quads(column, self._terms)]
        names = self._describing.column_signature(record.id)
        now = Seen(hash(tuple(said)), hash(tuple(columns)), names, described.told)
        before = None if is_forgotten else self._seen.get(record.id)
        delta.seen[record.id] = now
        if before is None or before.entity != now.entity or before.columns != now.columns:
            delta.subjects.add(subject)
            delta.quads += said
            delta.quads += time_quads(record, self._terms)
            if before is None or before.columns != now.columns:
                delta.widened.add(subject)
                delta.subjects |= {iri(column.record.urn) for column in described.columns}
                delta.quads += columns
        else:
            self._renew(record)


def _seen(described: Description, terms: Terms, describing: Describing) -> Seen:
    columns = tuple(quad for column in described.columns for quad in entity_quads(column, terms))
    names = describing.column_signature(described.record.id)
    return Seen(hash(tuple(entity_quads(described, terms))), hash(columns), names, described.told)

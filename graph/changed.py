"""What of the fold state differs since a position: where every projection of the present begins.

It is read, not computed from events: rows of `edge` tell by themselves since and until when they were known, the
entities when they were last spoken of. So it costs what changed, and a projection can go on from any earlier position.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .database import Database
from .model import FOREVER, LATEST, Instant, Position
from .snapshot import Snapshot

FoldEdge = tuple[int, int, int, int, int, bytes | None, Instant]
"""(id, kind, job, source, target, transformations, since), as the fold keeps it."""

HOLDS = f"known_to = {LATEST} AND valid_to = {FOREVER}"
"""Of the edges that hold at present."""

_EDGE = "SELECT id, kind, job_id, source, target, detail, valid_from FROM edge"
_AMONG = "IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far something has read the fold state. `incarnation` differs after the fold was made anew."""

    incarnation: int
    position: Position
    last_edge: int
    last_node: int


def mark_of(snapshot: Snapshot) -> Mark:
    """Where the fold state is."""
    database = snapshot.database
    meta = dict(database.execute("SELECT key, value FROM meta").fetchall())
    last_edge = database.execute("SELECT coalesce(max(id), 0) FROM edge").fetchone()[0]
    last_node = database.execute("SELECT coalesce(max(id), 0) FROM node").fetchone()[0]
    return Mark(meta.get("incarnation", 0), Position(meta.get("position", 0)), last_edge, last_node)


@dataclass(frozen=True, slots=True)
class Changed:
    """All that may differ, by the fold's own ids: what is not named here is as it was."""

    touched: Sequence[tuple[int, str]]
    """(entity, kind) of those that were spoken of."""
    opened: Sequence[FoldEdge]
    closed: Sequence[FoldEdge]
    """Edges that held then; what `again` and `opened` do not have is gone."""
    moved: set[int]
    """Entities whose names are others than then, by a merge, a split or a rename, before and after."""
    again: Sequence[FoldEdge]
    """The edges that end at what has moved, whether they changed or not."""
    widened: set[int]
    """Entities that have columns which were never named before."""


def changed_since(snapshot: Snapshot, since: Mark, limit: int, *, runs: bool = False) -> Changed | None:
    """What differs since then; None where that is more than `limit` rows. Runs count as `touched` only if asked for."""
    database = snapshot.database
    touched = database.execute(
        f"SELECT id, kind FROM entity WHERE touched > ? AND kind <> 'run' LIMIT {limit + 1}", (since.position,)
    ).fetchall()
    if runs:
        touched += database.execute(
            f"SELECT id, kind FROM entity WHERE touched > ? AND kind = 'run' LIMIT {limit + 1}", (since.position,)
        ).fetchall()
    opened = edges_where(database, f"id > ? AND {HOLDS} LIMIT {limit + 1}", since.last_edge)
    closed = database.execute(
        f"{_EDGE} WHERE known_to > ? AND known_to < {LATEST} AND id <= ?", (since.position, since.last_edge)
    ).fetchall()
    if len(opened) + len(closed) + len(touched) > limit:
        return None
    moved = _moved(snapshot, since.position)
    return Changed(touched, opened, closed, moved, _touching(snapshot, moved), _widened(snapshot, since.last_node))


def edges_where(database: Database, where: str, mark: object) -> list[FoldEdge]:
    """The edges for which an SQL condition with one parameter holds."""
    found: list[FoldEdge] = database.execute(f"{_EDGE} WHERE {where}", (mark,)).fetchall()
    return found


def _moved(snapshot: Snapshot, since: Position) -> set[int]:
    known = f"known_from > ? OR (known_to > ? AND known_to < {LATEST})"
    found: set[int] = set()
    for columns, table in (("node, entity", "member"), ("node, name_id", "occupancy")):
        rows = snapshot.database.execute(f"SELECT {columns} FROM {table} WHERE {known}", (since, since))
        for pair in rows.fetchall():
            found.update(pair)
    found |= {snapshot.entity_of(node) for node in found}
    return found - {0}


def _touching(snapshot: Snapshot, entities: set[int]) -> list[FoldEdge]:
    """The edges that end at any name of these entities, or at a column of theirs."""
    if not entities:
        return []
    nodes = {*snapshot.nodes_of(entities), *entities}
    rows = snapshot.database.execute(
        f"SELECT id FROM node WHERE parent {_AMONG} AND parent > 0", (json.dumps(sorted(nodes)),)
    )
    ends = json.dumps(sorted(nodes | {row[0] for row in rows.fetchall()}))
    found = edges_where(snapshot.database, f"source {_AMONG} AND {HOLDS}", ends)
    found += edges_where(snapshot.database, f"target {_AMONG} AND {HOLDS}", ends)
    return list({it[0]: it for it in found}.values())


def _widened(snapshot: Snapshot, last_node: int) -> set[int]:
    rows = snapshot.database.execute("SELECT DISTINCT parent FROM node WHERE id > ? AND parent > 0", (last_node,))
    return {snapshot.entity_of(row[0]) for row in rows.fetchall()} - {0}

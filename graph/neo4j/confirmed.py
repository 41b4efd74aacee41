"""Who said last what holds of a job: evidence of its relations, for many jobs at a time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from graph.database import Database
from graph.model import LATEST, Instant

_KEPT = 20
"""Positions of evidence, and the newest governing sayings that are looked at for them."""

_AMONG = "IN (SELECT value FROM json_each(?))"
_GOVERNS = f"known_to = {LATEST} AND saying <> 0"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The newest positions at which it was said, in order, and when it was said last."""

    evidence: tuple[int, ...]
    at: Instant | None


NONE = Confirmation((), None)


def confirmations(database: Database, jobs: Collection[int]) -> Mapping[int, Confirmation]:
    """By job; those of whom nothing governs have none."""
    runs: dict[int, list[int]] = {}
    declared: dict[int, int] = {}
    for job, saying in _sayings(database, jobs):
        if saying > 0:
            runs.setdefault(saying, []).append(job)
        else:
            declared[-saying] = job
    said: dict[int, list[tuple[Instant, int]]] = defaultdict(list)
    rows = _rows(
        database,
        "SELECT run_id, job_id, at, position FROM (SELECT run_id, job_id, at, position, row_number() OVER"
        " (PARTITION BY run_id, job_id ORDER BY at DESC, position DESC) AS age FROM run_event"
        f" WHERE run_id {_AMONG} AND content_id > 0) AS said WHERE age <= {_KEPT}",
        list(runs),
    )
    for run, job, at, position in rows:
        if job in runs[run]:
            said[job].append((at, position))
    for id, at, position in _rows(
        database, f"SELECT id, at, position FROM declaration WHERE id {_AMONG}", list(declared)
    ):
        said[declared[id]].append((at, position))
    return {job: _newest(times) for job, times in said.items()}


def _newest(times: list[tuple[Instant, int]]) -> Confirmation:
    newest = sorted(times, reverse=True)[:_KEPT]
    return Confirmation(tuple(sorted(position for _, position in newest)), newest[0][0])


def _sayings(database: Database, jobs: Collection[int]) -> list[tuple[int, int]]:
    """(job, saying) of the newest segments of each; a job's history is not read to its beginning."""
    return _rows(
        database,
        "SELECT DISTINCT job_id, saying FROM node JOIN governs ON job_id = node.id"
        f" WHERE node.id {_AMONG} AND {_GOVERNS} AND valid_from >= coalesce((SELECT valid_from FROM governs"
        f" WHERE job_id = node.id AND {_GOVERNS} ORDER BY valid_from DESC LIMIT 1 OFFSET {_KEPT - 1}), {-LATEST})",
        sorted(jobs),
    )


def _rows(database: Database, statement: str, ids: Collection[int]) -> list[Any]:
    found: list[Any] = database.execute(statement, (json.dumps(list(ids)),)).fetchall() if ids else []
    return found

"""What Neo4j shows of entities and columns, read from the fold state many at a time.

Each comes with a hash of what is said of it but for the times that every run renews: what has the hash that Neo4j
holds need not be written again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from graph.model import Instant
from graph.reader import EntityRecord
from graph.snapshot import ColumnField, Snapshot

from .words import LEFT_OUT

Properties = dict[str, Any]

_SHAPE = 1
"""Counted up when the same facts are shown otherwise: hashes of the former shape then match nothing."""

_AMONG = "IN (SELECT value FROM json_each(?))"
_NO_RUN: tuple[None, None, None] = (None, None, None)
_encode = msgspec.msgpack.Encoder(enc_hook=str).encode


@dataclass(frozen=True, slots=True)
class ShownEntity:
    """`last_run`: (state, started, ended) of a job's latest run, Nones for none and for what is no job."""

    record: EntityRecord
    properties: Properties
    columns: Mapping[str, ColumnField]
    column_tags: Mapping[str, Sequence[str]]
    last_run: tuple[str | None, Instant | None, Instant | None]
    hash: int

    @property
    def times(self) -> list[Any]:
        """What each run renews: when it was last spoken of, and the last run."""
        return [self.record.updated_at, *self.last_run]


def shown_entities(snapshot: Snapshot, ids: Sequence[int]) -> list[ShownEntity]:
    """Those of these that the present has and Neo4j shows."""
    records = [it for it in snapshot.entities_by_id(ids).values() if it.kind not in LEFT_OUT]
    jobs = [it for it in records if it.kind == "job"]
    runs, retired = _last_runs(snapshot, jobs), _retired(snapshot, jobs)
    columns = snapshot.columns_of(it.id for it in records if it.kind != "job")
    return [
        _shown(it, it.id in retired if it.kind == "job" else None, runs.get(it.id, _NO_RUN), columns.get(it.id, {}))
        for it in records
    ]


def _shown(
    record: EntityRecord,
    is_retired: bool | None,
    last_run: tuple[str | None, Instant | None, Instant | None],
    columns: Mapping[str, ColumnField],
) -> ShownEntity:
    tags: list[str] = []
    column_tags: dict[str, list[str]] = defaultdict(list)
    for tag in record.tags:
        said = tag.key if tag.value is None else f"{tag.key}={tag.value}"
        (column_tags[tag.field] if tag.field else tags).append(said)
    properties: Properties = {
        "urn": record.urn, "type": record.type, "namespace": record.namespace, "name": record.name,
        "description": record.description, "dropped": record.dropped, "tags": tags,
        "owners": [it.name for it in record.owners],
    }  # fmt: skip
    if is_retired is not None:
        properties["retired"] = is_retired
    said_of_it = (
        _SHAPE,
        list(properties.values()),
        record.created_at,
        list(columns.items()),
        list(column_tags.items()),
    )
    digest = blake2b(_encode(said_of_it), digest_size=8).digest()
    return ShownEntity(
        record, properties, columns, column_tags, last_run, int.from_bytes(digest, signed=True, byteorder="big")
    )


def _last_runs(
    snapshot: Snapshot, jobs: Iterable[EntityRecord]
) -> Mapping[int, tuple[str | None, Instant | None, Instant | None]]:
    rows = snapshot.database.execute(
        "SELECT job_id, state, started_at, ended_at FROM run_now WHERE run_id IN (SELECT"
        " (SELECT run_id FROM run_now WHERE job_id = node.id ORDER BY started_at DESC, run_id DESC LIMIT 1)"
        f" FROM node WHERE id {_AMONG})",
        (json.dumps([it.id for it in jobs]),),
    )
    return {job: (state, started, ended) for job, state, started, ended in rows.fetchall()}


def _retired(snapshot: Snapshot, jobs: Sequence[EntityRecord]) -> set[int]:
    rows = snapshot.database.execute(
        f"SELECT DISTINCT job_id FROM declaration WHERE rank = 3 AND register = 1 AND job_id {_AMONG}",
        (json.dumps([it.id for it in jobs]),),
    )
    spoken_of = {row[0] for row in rows.fetchall()}
    return {it.id for it in jobs if it.id in spoken_of and snapshot.is_retired(it)}

"""What propagations derive, worked out from scratch in the plainest way: every path is walked, nothing is remembered.

Edges of columns are read off the newest event of each job, all else (names, tags, columns, edges of datasets) off the
graph's answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from graph.reader import EntityQuery, GraphSnapshot, Level, LineageQuery
from rules.propagation import Propagation
from tests.reference.events import DB, col, ds

Json = dict[str, Any]
Edges = dict[str, set[str]]
"""By place, the places next to it to which a tag goes."""


def derived(
    snapshot: GraphSnapshot, events: Mapping[str, Json], propagation: Propagation
) -> dict[str, dict[str, tuple[int, str]]]:
    """By place, for each tag that it did not get from anybody: the fewest hops, and the first place before it.

    `events` is the newest lineage event of each job, by the job's name.
    """
    records = snapshot.entities(EntityQuery(include_dropped=True, first=1_000)).records
    places = {it.urn: it for it in records}
    if propagation.level is Level.COLUMN:
        places = {it.urn: it for record in records for it in snapshot.columns(record)}
    said = {
        urn: {
            it.key if it.value is None else f"{it.key}={it.value}"
            for it in record.tags
            if it.said and it.key in propagation.tags and (propagation.level is Level.COLUMN or not it.field)
        }
        for urn, record in places.items()
    }
    edges = (_of_columns if propagation.level is Level.COLUMN else _of_datasets)(snapshot, events, propagation)
    if propagation.direction.value == "UPSTREAM":
        turned: Edges = defaultdict(set)
        for source, targets in edges.items():
            for it in targets:
                turned[it].add(source)
        edges = turned
    found: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)
    for tag in sorted(set[str]().union(*said.values())):
        hops = {urn: 0 for urn, tags in said.items() if tag in tags}
        front = set(hops)
        for hop in range(1, propagation.depth + 1):
            reached: dict[str, set[str]] = defaultdict(set)
            for urn in front & places.keys():  # what is not there hands nothing on
                for it in edges.get(urn, ()):
                    if it not in hops:
                        reached[it].add(urn)
            for urn, before in reached.items():
                hops[urn] = hop
                found[urn][tag] = hop, min(before)
            front = set(reached)
    return {urn: tags for urn, tags in found.items() if urn in places}


def _is_stopped(snapshot: GraphSnapshot, job: str, propagation: Propagation) -> bool:
    record = snapshot.entity(job)
    if record is None:
        return False
    tags = {it.key for it in record.tags}
    return bool(tags & propagation.job_tags) or any(fnmatchcase(record.name, it) for it in propagation.jobs)


def _of_datasets(snapshot: GraphSnapshot, events: Mapping[str, Json], propagation: Propagation) -> Edges:
    records = snapshot.entities(EntityQuery(kinds=frozenset({"dataset"}), include_dropped=True, first=1_000)).records
    edges: Edges = defaultdict(set)
    for edge in snapshot.lineage(LineageQuery(tuple(it.urn for it in records), depth=1)).edges if records else ():
        if any(not _is_stopped(snapshot, it, propagation) for it in edge.via):
            edges[edge.source].add(edge.target)
    return edges


def _of_columns(snapshot: GraphSnapshot, events: Mapping[str, Json], propagation: Propagation) -> Edges:
    edges: Edges = defaultdict(set)
    for name, event in events.items():
        if _is_stopped(snapshot, f"urn:andon:job:airflow:{name}", propagation):
            continue
        for output in event["outputs"]:
            lineage = output["facets"]["columnLineage"]
            target = _column(snapshot, output["name"], "")
            for path, inputs in lineage["fields"].items():
                for it in inputs["inputFields"]:
                    if _passes(it.get("transformations", ()), False, propagation):
                        edges[_column(snapshot, it["name"], it["field"])].add(_column(snapshot, output["name"], path))
            for it in lineage.get("dataset", ()):
                if _passes(it.get("transformations", ()), True, propagation):
                    record = snapshot.entity(target)
                    for column in snapshot.columns(record) if record is not None else ():
                        edges[_column(snapshot, it["name"], it["field"])].add(column.urn)
    return {source: {it for it in targets if it != source} for source, targets in edges.items()}


def _column(snapshot: GraphSnapshot, dataset: str, path: str) -> str:
    """The urn of a column, or of a dataset, by the name that it is known by now."""
    record = snapshot.entity(ds(dataset))
    assert record is not None and record.namespace == DB
    return col(record.name, path) if path else record.urn


def _passes(transformations: Sequence[Json], wide: bool, propagation: Propagation) -> bool:
    if not transformations:
        return propagation.indirect or not wide
    for it in transformations:
        is_indirect = wide or it["type"] == "INDIRECT"
        is_masked = it.get("masking", False) and propagation.masking
        is_listed = {it["type"], it.get("subtype")} & propagation.transformations
        if not is_masked and not is_listed and (propagation.indirect or not is_indirect):
            return True
    return False

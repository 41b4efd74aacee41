"""Lineage that facets say: `columnLineage` (1-0 to 1-2) and the explicit `lineage` facet (1-0-0)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graph.model import Name
from graph.statements import ColumnFlow, EntityFlow, OutputFlow, Transformation

from .facets import NameOf


def column_flows(facet: object, name_of: NameOf) -> tuple[ColumnFlow, ...]:
    """The flows of a columnLineage facet; `fields` may be missing, null or empty (Trino)."""
    if not isinstance(facet, dict):
        return ()
    flows: list[ColumnFlow] = []
    fields = facet.get("fields")
    for column, entry in fields.items() if isinstance(fields, dict) else ():
        if not isinstance(entry, dict):
            continue
        old = _old_transformations(entry)
        flows.extend(
            ColumnFlow(name_of(*source), field, column, _transformations(item) or old)
            for item in _items(entry.get("inputFields"))
            if (source := _source(item)) and (field := _field(item))
        )
    flows.extend(
        ColumnFlow(name_of(*source), field, None, _transformations(item))
        for item in _items(facet.get("dataset"))
        if (source := _source(item)) and (field := _field(item))
    )
    return tuple(flows)


def entries(facet: object, own_job: Name, name_of: NameOf) -> tuple[EntityFlow | OutputFlow, ...]:
    """The entries of a job's `lineage` facet; a JOB entry without a name is the event's own job."""
    listed = facet.get("entries") if isinstance(facet, dict) else None
    found: list[EntityFlow | OutputFlow] = []
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and (target := _entity(entry, own_job, name_of)) is not None:
            found.extend(entry_flows(entry, target, own_job, name_of))
    return tuple(found)


def split_flows(found: tuple[EntityFlow | OutputFlow, ...]) -> dict[str, Any]:
    """The two parts of `Flows` that an explicit facet fills."""
    return {
        "entries": tuple(flow for flow in found if isinstance(flow, EntityFlow)),
        "entry_columns": tuple(flow for flow in found if isinstance(flow, OutputFlow)),
    }


def entry_flows(
    entry: dict[str, Any], target: Name, own_job: Name, name_of: NameOf
) -> Iterator[EntityFlow | OutputFlow]:
    """The flows into one target; an empty `inputs` says "no upstream" and yields a flow without a source."""
    inputs = entry.get("inputs")
    flows: list[ColumnFlow] = []
    sources = 0
    for item in _items(inputs):
        source = _entity(item, own_job, name_of)
        if source is None:
            continue
        sources += 1
        column = _field(item)
        if column and source.kind != "job":
            flows.append(ColumnFlow(source, column, None, _transformations(item)))
        yield EntityFlow(target, source, column, None, _transformations(item))
    fields = entry.get("fields")
    for column, field in fields.items() if isinstance(fields, dict) else ():
        for item in _items(field.get("inputs") if isinstance(field, dict) else None):
            source = _entity(item, own_job, name_of)
            if source is None:
                continue
            sources += 1
            source_column = _field(item)
            if source_column and source.kind != "job":
                flows.append(ColumnFlow(source, source_column, column, _transformations(item)))
            yield EntityFlow(target, source, None, column)
    if not sources:
        yield EntityFlow(target, None)
    if flows:
        yield OutputFlow(target, tuple(flows))


def _entity(item: dict[str, Any], own_job: Name, name_of: NameOf) -> Name | None:
    is_job = str(item.get("type", "DATASET")).upper() == "JOB"
    source = _source(item)
    if source is None:
        return own_job if is_job and not item.get("name") else None
    return Name("job", *source) if is_job else name_of(*source)


def _items(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _source(item: dict[str, Any]) -> tuple[str, str] | None:
    namespace, name = item.get("namespace"), item.get("name")
    if isinstance(namespace, str) and isinstance(name, str) and namespace and name:
        return namespace, name
    return None


def _field(item: dict[str, Any]) -> str | None:
    field = item.get("field")
    return field if isinstance(field, str) and field else None


def _transformations(item: dict[str, Any]) -> tuple[Transformation, ...]:
    return tuple(
        Transformation(
            type=str(entry.get("type") or "DIRECT"),
            subtype=str(entry["subtype"]) if entry.get("subtype") else None,
            description=str(entry["description"]) if entry.get("description") else None,
            masking=entry.get("masking") is True,
        )
        for entry in _items(item.get("transformations"))
    )


def _old_transformations(entry: dict[str, Any]) -> tuple[Transformation, ...]:
    """What 1-0-x said for all inputs of a column at once: IDENTITY or MASKED, with a description."""
    kind = str(entry.get("transformationType") or "").upper()
    if not kind:
        return ()
    description = entry.get("transformationDescription")
    text = description if isinstance(description, str) and description else None
    if kind == "MASKED":
        return (Transformation("DIRECT", "TRANSFORMATION", text, True),)
    return (Transformation("DIRECT", kind, text, False),)

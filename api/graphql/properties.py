"""What facets say in plain values: an entity's `properties`, and a dataset's schema as a list of fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

PROPERTIES: tuple[tuple[str, str, str], ...] = (
    # facet, its field, the property
    ("dataSource", "name", "dataSourceName"),
    ("dataSource", "uri", "dataSourceUri"),
    ("datasetType", "datasetType", "datasetType"),
    ("datasetType", "subType", "datasetSubType"),
    ("storage", "storageLayer", "storageLayer"),
    ("storage", "fileFormat", "fileFormat"),
    ("version", "datasetVersion", "datasetVersion"),
    ("catalog", "framework", "catalogFramework"),
    ("catalog", "name", "catalogName"),
    ("lifecycleStateChange", "lifecycleStateChange", "lifecycleStateChange"),
    ("jobType", "processingType", "processingType"),
    ("jobType", "integration", "integration"),
    ("jobType", "jobType", "jobType"),
    ("sourceCodeLocation", "url", "sourceCodeUrl"),
    ("sourceCodeLocation", "version", "sourceCodeVersion"),
    ("nominalTime", "nominalStartTime", "nominalStartTime"),
    ("nominalTime", "nominalEndTime", "nominalEndTime"),
    ("processing_engine", "name", "engineName"),
    ("processing_engine", "version", "engineVersion"),
    ("errorMessage", "message", "errorMessage"),
)
_FACETS = {facet for facet, _, _ in PROPERTIES}
_MAX_NESTING = 32


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A field of a schema facet; `name` is its path, `a.b` for a nested one."""

    name: str
    type: str | None
    description: str | None


def properties_of(facets: Mapping[str, bytes]) -> dict[str, object]:
    """The properties that an entity's facets give; facets of another form give none."""
    parsed = {key: _object(value) for key, value in facets.items() if key in _FACETS}
    return {
        name: value
        for facet, field, name in PROPERTIES
        if isinstance(value := parsed.get(facet, {}).get(field), str | int | float | bool)
    }


def schema_of(facet: bytes | None) -> list[SchemaField]:
    """The fields of a schema facet (OpenLineage SchemaDatasetFacet), parents before their children."""
    return list(_fields(_object(facet).get("fields"), "", 0)) if facet is not None else []


def _fields(fields: object, prefix: str, depth: int) -> Iterator[SchemaField]:
    if not isinstance(fields, list) or depth > _MAX_NESTING:
        return
    for field in fields:
        if isinstance(field, dict) and isinstance(name := field.get("name"), str):
            yield SchemaField(prefix + name, _text(field.get("type")), _text(field.get("description")))
            yield from _fields(field.get("fields"), f"{prefix}{name}.", depth + 1)


def _object(value: bytes) -> dict[str, object]:
    try:
        content = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

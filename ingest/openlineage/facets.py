"""Facets of one entity in one event, as registers and as what they say of columns and other names.

Reading is soft: a facet whose content is off is kept as it came and says nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from graph.model import Name
from graph.statements import Facet, FacetSet, Identifier

from .events import read_any, read_object

NameOf = Callable[[str, str], Name]
"""The name of what OpenLineage calls a dataset: (namespace, name) -> its key class and name."""

SchemaField = tuple[str, str | None, str | None]


def digest_of(raw: bytes | memoryview) -> bytes:
    return blake2b(raw, digest_size=16).digest()


def facets_in(raw: msgspec.Raw) -> Iterator[tuple[str, bytes]]:
    """(key, JSON) of each facet in a `facets` object; facets that are null say nothing."""
    if len(bytes(raw)) > 2:
        for key, value in read_object(raw).items() if bytes(raw)[:1] == b"{" else ():
            text = bytes(value)
            if text != b"null":
                yield key, text


def read_facet_set(raws: tuple[msgspec.Raw, ...], name_of: NameOf) -> FacetSet:
    """All facets of one entity of one event: `facets`, then `inputFacets` and `outputFacets`."""
    facets: dict[str, Facet] = {}
    values: dict[str, Any] = {}
    for raw in raws:
        for key, text in facets_in(raw):
            value = _deleted_or_value(text)
            facets[key] = Facet(key, None if value is None else text, digest_of(text))
            values[key] = value
    fields = schema_fields(values.get("schema"))
    columns = dict.fromkeys(path for path, _, _ in fields or ())
    columns.update(dict.fromkeys(_lineage_columns(values.get("columnLineage"))))
    return FacetSet(
        facets=tuple(facets.values()),
        columns=tuple(columns),
        fields=fields,
        identifiers=_identifiers(values["symlinks"], name_of) if "symlinks" in facets else None,
    )


def _deleted_or_value(text: bytes) -> Any:
    """None for a facet with `_deleted: true`; only facets that Andon reads further are parsed."""
    value = read_any(text)
    return None if isinstance(value, dict) and value.get("_deleted") is True else value


def schema_fields(schema: object) -> tuple[SchemaField, ...] | None:
    """(path, type, description) in order; nested fields follow their parent as `parent.child`.

    None where there is no readable list of fields.
    """
    listed = schema.get("fields") if isinstance(schema, dict) else None
    if not isinstance(listed, list):
        return None
    return tuple(_fields(listed, ""))


def _fields(listed: list[object], prefix: str) -> Iterator[SchemaField]:
    for field in listed:
        if not isinstance(field, dict) or not isinstance(field.get("name"), str) or not field["name"]:
            continue
        path = prefix + field["name"]
        yield path, _text(field.get("type")), _text(field.get("description"))
        if isinstance(field.get("fields"), list):
            yield from _fields(field["fields"], f"{path}.")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _lineage_columns(facet: object) -> Iterator[str]:
    fields = facet.get("fields") if isinstance(facet, dict) else None
    if isinstance(fields, dict):
        yield from fields


def _identifiers(facet: object, name_of: NameOf) -> tuple[Identifier, ...]:
    listed = facet.get("identifiers") if isinstance(facet, dict) else None
    found = []
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and item.get("namespace") and item.get("name"):
            if isinstance(item["namespace"], str) and isinstance(item["name"], str):
                found.append(Identifier(name_of(item["namespace"], item["name"]), str(item.get("type") or "")))
    return tuple(found)

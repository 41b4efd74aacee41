"""The registers of attributes and relations: plain values and targets that sources and people give an entity.

They are registers like a facet (docs/meaning.md), so rank, time and merges decide between sayings as they do there:
`attribute:<name>` holds a JSON value, `relation:<name>` a JSON array of urns, the whole list of targets that one
saying says. A column has no registers of its own; its dataset's carry its percent-encoded path after a `#`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

ATTRIBUTE = "attribute:"
RELATION = "relation:"
TYPE = ATTRIBUTE + "type"
"""The register of an entity's class: the ontology's name for it."""

TAG = "tag:"
"""The register of a tag that a person gave, followed by the tag's key; of a column's, by `#<its path>:` before that."""

_PATH = "#"


def attribute_key(name: str, path: str = "") -> str:
    """The register of an attribute of an entity, or of its column `path`."""
    return ATTRIBUTE + name + _suffix(path)


def relation_key(name: str, path: str = "") -> str:
    """The register of a relation whose source is an entity, or its column `path`."""
    return RELATION + name + _suffix(path)


def tag_key(tag: str, path: str = "") -> str:
    """The register of a tag that a person gave an entity, or its column `path`."""
    return f"{TAG}{_suffix(path)}:{tag}" if path else TAG + tag


def tag_of(key: str) -> tuple[str, str]:
    """(tag, path of the column or "") behind the key of a tag's register."""
    place, colon, tag = key.removeprefix(TAG).partition(":")
    return (tag, unquote(place[1:])) if colon and place.startswith(_PATH) else (key.removeprefix(TAG), "")


def is_fact(key: str) -> bool:
    """Whether a register holds an attribute or a relation, and so is no facet."""
    return key.startswith((ATTRIBUTE, RELATION))


def relation_of(key: str) -> tuple[str, str]:
    """(relation, suffix of the column's path or "") behind the key of a relation's register."""
    name, mark, path = key.removeprefix(RELATION).partition(_PATH)
    return name, mark + path


def relation_keys(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(key for key in keys if key.startswith(RELATION))


def values_of(values: Mapping[str, object], path: str = "") -> dict[str, object]:
    """By attribute, what `values` (by the rest of their registers' keys) hold of the entity or of one column."""
    if not path:
        return {key: value for key, value in values.items() if _PATH not in key}
    suffix = _suffix(path)
    return {key.removesuffix(suffix): value for key, value in values.items() if key.endswith(suffix)}


def says_of_columns(attribute: str, values: str) -> bool:
    """Whether `values`, as JSON text, hold such an attribute of a column."""
    return f'"{attribute}{_PATH}' in values


def _suffix(path: str) -> str:
    return _PATH + quote(path, safe="-._~") if path else ""

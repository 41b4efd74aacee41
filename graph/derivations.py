"""The registers of derived tags: what a propagation worked out for an entity or one of its columns.

`derived:<propagation>:<tag>` holds where the tag came from, and is deleted when it no longer follows; a column's has
its path after a `#`, as attributes do (`attributes`). A derived tag stands beside what people and producers say and
never in its place: each goes alone. The way is read hop by hop, since each register names the place before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from .reader import Derivation, EntityRecord, GraphSnapshot, Tag

DERIVED_TAG = "derived:"

_SAFE = "-._~"


class Mark(NamedTuple):
    """A tag as it travels; tags of one key and other values are others."""

    key: str
    value: str | None = None

    @property
    def label(self) -> str:
        """As conditions and RDF name it: `pii`, `pii=email`."""
        return self.key if self.value is None else f"{self.key}={self.value}"


class Derived(NamedTuple):
    """What the key of such a register says; `path` is "" for the entity itself."""

    propagation: str
    mark: Mark
    path: str


@lru_cache(maxsize=10_000)
def derived_key(propagation: str, mark: Mark, path: str = "") -> str:
    value = "" if mark.value is None else "=" + quote(mark.value, safe=_SAFE)
    suffix = "#" + quote(path, safe=_SAFE) if path else ""
    return f"{DERIVED_TAG}{propagation}:{quote(mark.key, safe=_SAFE)}{value}{suffix}"


@lru_cache(maxsize=10_000)
def read_derived_key(key: str) -> Derived:
    """The inverse of `derived_key`."""
    said, _, path = key.removeprefix(DERIVED_TAG).partition("#")
    propagation, _, label = said.partition(":")
    tag, equals, value = label.partition("=")
    return Derived(propagation, Mark(unquote(tag), unquote(value) if equals else None), unquote(path))


def derivation(propagation: str, stored: Mapping[str, Any]) -> dict[str, object]:
    """A register's value among the tags of a present row; `graph.reader.Derivation` is the same for readers."""
    return {"by": propagation, **{key: stored.get(key) for key in ("from", "hops", "evidence")}}


def own_tags(entity: EntityRecord) -> list[Tag]:
    """Those of a column, or of an entity without those of its columns."""
    return [it for it in entity.tags if entity.kind == "column" or not it.field]


def hops_of(derived: Derivation, snapshot: GraphSnapshot) -> list[Derivation]:
    """The hops by which a tag came, the last one first, as of the snapshot."""
    found: list[Derivation] = []
    here: Derivation | None = derived
    while here is not None and len(found) < derived.hops:
        found.append(here)
        entity = snapshot.entity(here.origin)
        tags = [it for it in own_tags(entity) if (it.key, it.value) == derived.mark] if entity is not None else []
        before = [] if any(it.said for it in tags) else [one for it in tags for one in it.derived]
        here = next((it for it in before if it.propagation == derived.propagation), None)
    return found


def way_of(derived: Derivation, snapshot: GraphSnapshot) -> list[str]:
    """Urns from where the tag is said to the place before the one that got it so, as of the snapshot."""
    return [it.origin for it in reversed(hops_of(derived, snapshot))]

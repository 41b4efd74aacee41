"""What changed between two ontologies, for whoever swaps one for the other while running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ontology.model import Ontology


@dataclass(frozen=True, slots=True)
class Change:
    """A term that both ontologies have, and the names of the fields of `ontology.model` in which it differs, sorted."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """Of one sort of terms; all by name, sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class Difference:
    """False in a condition where nothing changed but perhaps versions and the names of files."""

    classes: Changes
    relations: Changes
    attributes: Changes

    def __bool__(self) -> bool:
        return bool(self.classes or self.relations or self.attributes)


def difference(before: Ontology, after: Ontology) -> Difference:
    """What has to be done to `before` to make it `after`. The file that declares a term doesn't count."""
    return Difference(
        _changes(before.classes, after.classes),
        _changes(before.relations, after.relations),
        _changes(before.attributes, after.attributes),
    )


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    in_both = sorted(before.keys() & after.keys())
    differing = [Change(name, _differing(before[name], after[name])) for name in in_both]
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(change for change in differing if change.fields),
        removed=tuple(sorted(before.keys() - after.keys())),
    )


def _differing(before: Any, after: Any) -> tuple[str, ...]:
    names = (field.name for field in fields(before) if field.name != "module")
    return tuple(sorted(name for name in names if getattr(before, name) != getattr(after, name)))

"""What a steward would say, said by a rule: whose it is, what is in its columns, whether to use it, whose incident."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field

from yaml.nodes import Node

from graph.errors import InvalidInput
from graph.reader import ColumnRecord, EntityRecord, GraphSnapshot, Owner
from rules.action import Moot, Occasion, Order
from rules.actions.statement import MAX_CAUSE, MAX_TAG, open_incidents, order_of
from rules.document import Document
from rules.impact import Hit

MAX_PATTERNS = 50
MAX_COLUMNS = 1_000
"""Columns that one classification tags; more is an error, since a pattern that means so many means something else."""

_NOTHING = Moot()


@dataclass(frozen=True, slots=True)
class SetOwner:
    """Make somebody the only owner of what is hit; nothing where that is so."""

    owner: str
    type: str | None = None
    kind = "set_owner"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order | Moot:
        if hit.entity.owners == (Owner(self.owner, self.type),):
            return _NOTHING
        said = {"name": self.owner} | ({"type": self.type} if self.type is not None else {})
        return order_of("setOwners", occasion, {"owners": [said]})


@dataclass(frozen=True, slots=True)
class Classify:
    """Give a tag to the columns of what is hit whose names are like one of the patterns (`*`, `?`, `[a-z]`), whatever
    their case; to those that do not have it.
    """

    tag: str
    patterns: tuple[str, ...]
    value: str | None = None
    like: re.Pattern[str] = field(init=False, repr=False, compare=False)
    kind = "classify"
    for_owners = False

    def __post_init__(self) -> None:
        parts = "|".join(fnmatch.translate(it.lower()) for it in self.patterns)
        object.__setattr__(self, "like", re.compile(parts))

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order | Moot:
        snapshot = occasion.snapshot
        assert snapshot is not None
        dataset, columns = _columns(hit.entity, snapshot)
        found = [it.path for it in columns if self.like.match(it.path.lower()) and not self._has(it)]
        if len(found) > MAX_COLUMNS:
            raise InvalidInput(f"means {len(found)} columns, expected at most {MAX_COLUMNS}", field="columns")
        if not found:
            return _NOTHING
        each = [(dataset.urn, {"column": path}) for path in sorted(found)]
        return order_of("addTag", occasion, {"key": self.tag, "value": self.value}, each)

    def _has(self, column: ColumnRecord) -> bool:
        return any((it.key, it.value) == (self.tag, self.value) for it in column.tags)


@dataclass(frozen=True, slots=True)
class Mark:
    """Deprecate what is hit, or certify it; nothing where it is so."""

    kind: str
    note: str | None = None
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order | Moot:
        assert occasion.snapshot is not None
        mark = "deprecated" if self.kind == "deprecate" else "certified"
        said = occasion.snapshot.attributes(hit.entity)
        if f"{mark}At" in said and said.get(f"{mark}Because") == self.note:
            return _NOTHING
        return order_of(self.kind, occasion, {"note": self.note, mark: True})


@dataclass(frozen=True, slots=True)
class CloseIncident:
    """Close the open incidents that the rule `of` opened on what is hit; without it, what is hit is the incident."""

    of: str | None = None
    kind = "close_incident"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order | Moot:
        incidents = _incidents(self.of, occasion, hit)
        return order_of("closeIncident", occasion, {}, [(it, {}) for it in incidents]) if incidents else _NOTHING


@dataclass(frozen=True, slots=True)
class AssignIncident:
    """Say who is to end incidents; which ones, as `CloseIncident`."""

    owner: str
    of: str | None = None
    kind = "assign_incident"
    for_owners = False

    def order(self, key: str, occasion: Occasion, hit: Hit, owner: Owner | None) -> Order | Moot:
        incidents = _incidents(self.of, occasion, hit)
        said = {"owner": self.owner}
        return order_of("assignIncident", occasion, said, [(it, {}) for it in incidents]) if incidents else _NOTHING


def _columns(entity: EntityRecord, snapshot: GraphSnapshot) -> tuple[EntityRecord, tuple[ColumnRecord, ...]]:
    if isinstance(entity, ColumnRecord):
        return snapshot.entities_by_id([entity.dataset_id])[entity.dataset_id], (entity,)
    return entity, snapshot.columns(entity)


def _incidents(of: str | None, occasion: Occasion, hit: Hit) -> list[str]:
    if of is not None:
        return open_incidents(occasion, of, hit.entity)
    if hit.entity.kind != "incident":
        raise InvalidInput(f"{hit.entity.urn} is no incident; `of` names the rule that opened it")
    return [hit.entity.urn]


def read_set_owner(document: Document, node: Node, path: str) -> SetOwner:
    fields = document.mapping(node, path, ("owner",), ("type",))
    return SetOwner(
        owner=document.up_to(fields["owner"], f"{path}.owner", MAX_TAG),
        type=document.up_to(fields["type"], f"{path}.type", MAX_TAG) if "type" in fields else None,
    )


def read_classify(document: Document, node: Node, path: str) -> Classify:
    fields = document.mapping(node, path, ("tag", "columns"), ("value",))
    patterns = document.texts(fields["columns"], f"{path}.columns", MAX_PATTERNS)
    if not patterns or any(len(it) > MAX_TAG for it in patterns):
        reason = f"expected 1 to {MAX_PATTERNS} patterns of at most {MAX_TAG} characters"
        raise document.fault(fields["columns"], f"{path}.columns", reason)
    return Classify(
        tag=document.up_to(fields["tag"], f"{path}.tag", MAX_TAG),
        patterns=patterns,
        value=document.up_to(fields["value"], f"{path}.value", MAX_TAG) if "value" in fields else None,
    )


def read_deprecate(document: Document, node: Node, path: str) -> Mark:
    return Mark("deprecate", _note(document, node, path))


def read_certify(document: Document, node: Node, path: str) -> Mark:
    return Mark("certify", _note(document, node, path))


def read_close_incident(document: Document, node: Node, path: str) -> CloseIncident:
    fields = document.mapping(node, path, (), ("of",))
    return CloseIncident(document.text(fields["of"], f"{path}.of") if "of" in fields else None)


def read_assign_incident(document: Document, node: Node, path: str) -> AssignIncident:
    fields = document.mapping(node, path, ("owner",), ("of",))
    return AssignIncident(
        owner=document.up_to(fields["owner"], f"{path}.owner", MAX_TAG),
        of=document.text(fields["of"], f"{path}.of") if "of" in fields else None,
    )


def _note(document: Document, node: Node, path: str) -> str | None:
    fields = document.mapping(node, path, (), ("note",))
    return document.up_to(fields["note"], f"{path}.note", MAX_CAUSE) if "note" in fields else None

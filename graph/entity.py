"""What is said of an entity, added up over all its names: at present, or as of any instant."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ontology import Ontology

from .attributes import ATTRIBUTE, TAG, TYPE, tag_of
from .database import Database
from .derivations import DERIVED_TAG, Derived, Mark, derivation, read_derived_key
from .model import FOREVER, LATEST, Instant, Name, Position
from .registers import FacetSets, Overflowed, Said, Winner, facets_in_force, winners
from .statements import Role

_read_listed = msgspec.json.Decoder(list[dict[str, Any]]).decode


def read_overflow(database: Database, name_id: int) -> dict[str, Overflowed]:
    return {it.key: it for _, it in overflow_of(database, [name_id])}


def overflow_of(database: Database, name_ids: Sequence[int]) -> list[tuple[int, Overflowed]]:
    """(name, what spilled of it) for these names."""
    rows = database.execute(
        "SELECT name_id, key, rank, at, tie, digest, value, value_id FROM overflow"
        " WHERE name_id IN (SELECT value FROM json_each(?))",
        (json.dumps(name_ids),),
    )
    return [
        (name_id, Overflowed(key, (rank, at, tie, digest), value if value_id is None else value_id))
        for name_id, key, rank, at, tie, digest, value, value_id in rows
    ]


@dataclass(frozen=True, slots=True)
class EntityRegisters:
    """What is said of an entity, added up over all its names."""

    winners: dict[str, Winner]
    said: tuple[Said, ...]
    created_at: Instant
    updated_at: Instant
    dropped: bool


def gather(said: list[Said], overflowed: Iterable[Overflowed], created_at: Instant) -> EntityRegisters:
    """Add up what was said; `said` holds each (set, role) with the last time it was said."""
    found = winners(said, overflowed)
    roles: dict[int, Instant] = {}
    for it in said:
        roles[it.role] = max(it.at, roles.get(it.role, it.at))
    for it_overflow in overflowed:
        if it_overflow.key.startswith("~role"):
            role = int(it_overflow.key[5:])
            roles[role] = max(it_overflow.order[1], roles.get(role, it_overflow.order[1]))
    written = max((roles[role] for role in (Role.OUTPUT, Role.LISTED) if role in roles), default=None)
    dropped = Role.DROPPED in roles and (written is None or roles[Role.DROPPED] >= written)
    updated = max(roles.values(), default=created_at)
    return EntityRegisters(found, tuple(said), created_at, updated, dropped)


def said_between(
    database: Database,
    sets: FacetSets,
    node: int,
    name_id: int,
    occupancies: Iterable[tuple[Instant, Instant, int]],
    valid: Instant = FOREVER,
    position: Position = LATEST,
) -> list[Said]:
    """What was said of a name while this node bore it, at or before `valid`, up to `position`."""
    found = []
    for began, ended, bearer in occupancies:
        if bearer == node:
            rows = database.execute(
                "SELECT set_id, role, rank, max(at) FROM says WHERE name_id = ? AND at >= ? AND at < ? AND at <= ?"
                " AND position <= ? GROUP BY set_id, role, rank",
                (name_id, began, ended, valid, position),
            )
            found += [Said(sets.get(set_id), role, rank, at) for set_id, role, rank, at in rows]
    return found


def created_between(
    database: Database,
    node: int,
    name_id: int,
    occupancies: Iterable[tuple[Instant, Instant, int]],
    valid: Instant = FOREVER,
    position: Position = LATEST,
) -> list[Instant]:
    """When a name was first spoken of while this node bore it: at most one instant an occupancy."""
    found = []
    for began, ended, bearer in occupancies:
        if bearer == node:
            row = database.execute(
                "SELECT at FROM says WHERE name_id = ? AND at >= ? AND at < ? AND at <= ? AND position <= ?"
                " AND role <> 5 ORDER BY at LIMIT 1",
                (name_id, began, ended, valid, position),
            ).fetchone()
            if row is not None:
                found.append(row[0])
    return found


@dataclass(frozen=True, slots=True)
class PresentRow:
    """What lists show of an entity; tags and owners as JSON arrays, attributes as an object; None for none."""

    type: str
    description: str | None
    tags: str | None
    owners: str | None
    attributes: str | None
    dropped: bool


def present_row(name: Name, registers: EntityRegisters, sets: FacetSets, ontology: Ontology) -> PresentRow:
    """The fields that an entity's facets add up to."""
    facets = facets_in_force(registers.winners)

    def read(key: str) -> dict[str, Any]:
        stored = facets.get(key)
        value = msgspec.json.decode(sets.value(stored)) if stored is not None else None
        return value if isinstance(value, dict) else {}

    tags = {
        (str(it.get("key")), str(it.get("field") or "")): _plain(it)
        for it in _objects(read("tags").get("tags"))
        if it.get("key")
    }
    derived = []
    for key, winner in registers.winners.items():
        if key.startswith(TAG):
            tag, path = tag_of(key)
            if winner.value is None:
                tags = {held: it for held, it in tags.items() if held[0] != tag or path not in ("", held[1])}
            else:
                tags[tag, path] = read(key)
        elif key.startswith(DERIVED_TAG) and winner.value is not None:
            derived.append((read_derived_key(key), winner.value))
    listed = [tags[key] for key in sorted(tags)]
    if derived:
        listed = _with_derived(listed, [(it, msgspec.json.decode(sets.value(value))) for it, value in derived])
    owners = [it for it in _objects(read("ownership").get("owners")) if it.get("name")]
    description = read("documentation").get("description")
    attributes = {
        key.removeprefix(ATTRIBUTE): msgspec.Raw(sets.value(stored))
        for key, stored in facets.items()
        if key.startswith(ATTRIBUTE) and key != TYPE
    }
    said_type = msgspec.json.decode(sets.value(facets[TYPE])) if TYPE in facets else None
    return PresentRow(
        type=_more_telling(name, said_type, _type_of(name, read, ontology), ontology),
        description=description if isinstance(description, str) else None,
        tags=msgspec.json.encode(listed).decode() if listed else None,
        owners=msgspec.json.encode(owners).decode() if owners else None,
        attributes=msgspec.json.encode(dict(sorted(attributes.items()))).decode() if attributes else None,
        dropped=registers.dropped,
    )


def retagged(tags: str | None, registers: Mapping[str, bytes | None]) -> tuple[str | None, Collection[Derived]]:
    """The tags of a present row where these registers of derived tags came to other values, None for what is gone; and
    which derived ones there were.
    """
    listed = _read_listed(tags) if tags is not None else []
    said = [{key: it for key, it in tag.items() if key != "derived"} for tag in listed if tag.get("said", True)]
    derived: dict[Derived, dict[str, Any]] = {
        Derived(it["by"], Mark(tag["key"], tag.get("value")), tag.get("field") or ""): it
        for tag in listed
        for it in tag.get("derived", ())
    }
    before = tuple(derived)
    for key, value in registers.items():
        derived.pop(read_derived_key(key), None)
        if value is not None:
            derived[read_derived_key(key)] = msgspec.json.decode(value)
    found = _with_derived(said, list(derived.items()))
    return (msgspec.json.encode(found).decode() if found else None), before


def derived_among(tags: str | None) -> set[Derived]:
    """The derived ones among the tags of a present row."""
    return {
        Derived(it["by"], Mark(tag["key"], tag.get("value")), tag.get("field") or "")
        for tag in (_read_listed(tags) if tags is not None else ())
        for it in tag.get("derived", ())
    }


def said_among(tags: str | None) -> set[tuple[Mark, str]]:
    """The tags of a present row that somebody says, each with the path of its column or ""."""
    return {
        (Mark(str(tag["key"]), None if tag.get("value") is None else str(tag["value"])), str(tag.get("field") or ""))
        for tag in (_read_listed(tags) if tags is not None else ())
        if tag.get("said", True)
    }


def _with_derived(said: list[dict[str, Any]], derived: list[tuple[Derived, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The tags that are said and those that are derived; one that is both is there once."""
    found = {
        (str(it["key"]), str(it.get("field") or ""), None if it.get("value") is None else str(it["value"])): it
        for it in said
    }
    for (propagation, mark, path), stored in sorted(derived, key=lambda it: it[0].propagation):
        at = mark.key, path, mark.value
        tag = found.get(at) or {
            "key": mark.key, "value": mark.value, "field": path or None, "source": f"propagation:{propagation}",
            "said": False,
        }  # fmt: skip
        found[at] = {**tag, "derived": [*tag.get("derived", ()), derivation(propagation, stored)]}
    return [found[at] for at in sorted(found, key=lambda it: (it[0], it[1], it[2] is not None, it[2] or ""))]


def _more_telling(name: Name, said: object, found: str, ontology: Ontology) -> str:
    """The class that was said outright, unless facets tell a subclass of it."""
    known = ontology.classes.get(said) if isinstance(said, str) else None
    if known is None or known.kind != name.kind or found in ontology.subclasses(known.name):
        return found
    return known.name


def _type_of(name: Name, read: Any, ontology: Ontology) -> str:
    if name.kind == "job":
        kind = read("jobType").get("jobType")
        return ontology.type_for_job(kind if isinstance(kind, str) else None)
    said = read("datasetType")
    text, sub_type = said.get("datasetType"), said.get("subType")
    return ontology.type_for(
        name.kind,
        name.namespace,
        text if isinstance(text, str) else None,
        sub_type if isinstance(sub_type, str) else None,
    )


def _objects(value: object) -> list[dict[str, Any]]:
    return [it for it in value if isinstance(it, dict)] if isinstance(value, list) else []


def _plain(tag: dict[str, Any]) -> dict[str, Any]:
    """A producer's tag without what only we say of tags."""
    return {key: value for key, value in tag.items() if key not in ("derived", "said")}

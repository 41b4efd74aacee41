"""Data vaults: which tables are hubs, links and satellites.

D. Linstedt and M. Olschimke, "Building a Scalable Data Warehouse with Data Vault 2.0" (2015): a hub holds a business
key under its hash, a link the hashes of two or more hubs, a satellite what describes one of them at a load date; all
carry the load date and the record source.
"""

from __future__ import annotations

from typing import NamedTuple

from ingest.sql.modelling.facts import Estate, Role, TableFacts

_LOADED = (
    "load_date",
    "load_dts",
    "ldts",
    "load_datetime",
    "load_timestamp",
    "loaddate",
    "load_ts",
    "loaded_at",
    "ldate",
)
_SOURCE = ("record_source", "rec_src", "rsrc", "recordsource", "record_src", "rec_source", "source_system", "rs")
_DIFFERENCE = ("hashdiff", "hash_diff", "hdiff")
_HASH = ("_hk", "_hkey", "_hashkey", "_hash_key", "_hsk", "_hash")
_VAULT = (Role.HUB, Role.LINK, Role.SATELLITE)


class Part(NamedTuple):
    role: Role
    confidence: float
    evidence: tuple[str, ...]


def vault_parts(estate: Estate, work: set[str]) -> dict[str, Part]:
    """The role of each table that belongs to a vault; `work` tables (staging, temporary) belong to none."""
    marked = {name for name in estate.tables if name not in work and _marks(estate, name) >= 2}
    found: dict[str, Part] = {}
    for name in sorted(marked):
        part = _part(estate, estate.tables[name], marked)
        if part is not None:
            found[name] = part
    return {
        name: part for name, part in found.items() if part.role is not Role.SATELLITE or _about(estate, name, found)
    }


def _marks(estate: Estate, name: str) -> int:
    """How many of a vault's marks a table has; a hint in its name counts only beside keys."""
    table = estate.tables[name]
    hinted = estate.hints.get(name)
    columns = table.columns
    marks = any(_is(column, _LOADED) for column in columns) + any(_is(column, _SOURCE) for column in columns)
    marks += any(column.endswith(_HASH) for column in columns) + any(_is(column, _DIFFERENCE) for column in columns)
    if hinted is not None and hinted[0] in _VAULT:
        # One letter is a hint beside a vault's columns only.
        marks += 2 if len(hinted[1]) > 2 and (estate.references[name] or estate.referred_by.get(name)) else 1
    return marks


def _is(column: str, names: tuple[str, ...]) -> bool:
    return column in names or column.endswith(tuple(f"_{name}" for name in names if len(name) > 3))


def _part(estate: Estate, table: TableFacts, marked: set[str]) -> Part | None:
    loaded = [column for column in table.columns if _is(column, _LOADED)]
    source = [column for column in table.columns if _is(column, _SOURCE)]
    difference = [column for column in table.columns if _is(column, _DIFFERENCE)]
    parents = sorted({reference.table for reference in estate.references[table.name] if reference.table in marked})
    hashes = [column for column in table.columns if column.endswith(_HASH)]
    key = f"key {', '.join(table.primary_key)}" if table.primary_key else f"hash key {', '.join(hashes[:1])}"
    evidence = [f"load date {column}" for column in loaded[:1]] + [f"record source {column}" for column in source[:1]]
    kept_by_date = any(column in table.primary_key for column in loaded)
    rest = len(table.columns) - len({*loaded, *source, *difference, *hashes, *table.primary_key})
    if difference or kept_by_date or (len(parents) == 1 and _refers_by_key(estate, table)):
        role = Role.SATELLITE
        evidence += [f"hash difference {column}" for column in difference[:1]]
        evidence += [f"describes {parent}" for parent in parents[:1]] + ["one row for each load date"] * kept_by_date
        structure = 0.2 + 0.15 * bool(difference) + 0.15 * kept_by_date + 0.1 * (rest > 0)
    elif len(parents) >= 2 or (not parents and len(hashes) >= 3):
        role = Role.LINK
        evidence += [f"connects {', '.join(parents)}" if parents else f"{len(hashes)} hash keys", key]
        structure = 0.4 + 0.1 * (rest <= 2)
    elif not parents and len(table.primary_key) <= 1 and (rest <= 3 or not table.columns):
        role = Role.HUB
        evidence += [key, "a business key"] if table.columns else ["others refer to it, and it to none"]
        structure = 0.3 + 0.2 * bool(estate.referred_by.get(table.name))
    else:
        return None
    hinted = estate.hints.get(table.name)
    agrees = hinted is not None and hinted[0] is role
    if hinted is not None:
        if hinted[0] in _VAULT and not agrees and len(hinted[1]) > 2:
            structure -= 0.2
        evidence.append(f"named {hinted[1]}")
    confidence = structure + 0.15 * bool(loaded) + 0.15 * bool(source) + 0.15 * agrees
    return Part(role, round(min(confidence, 0.98), 2), tuple(evidence))


def _refers_by_key(estate: Estate, table: TableFacts) -> bool:
    """Is the key that refers to the parent (a part of) the table's own?"""
    columns = {column for reference in estate.references[table.name] for column in reference.columns}
    return bool(columns & {*table.primary_key}) or not table.primary_key


def _about(estate: Estate, name: str, found: dict[str, Part]) -> bool:
    """Does a satellite stand beside a hub or link (one that no key leads to counts by its hash difference)?"""
    parents = [reference.table for reference in estate.references[name]]
    difference = any(_is(column, _DIFFERENCE) for column in estate.tables[name].columns)
    return any(parent in found for parent in parents) or difference

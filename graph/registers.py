"""Registers: which facet value of a name is in force, kept so that a repetition costs one row.

An envelope says a whole *set* of facets of a name. Sets repeat, so the fold keeps, per name, the newest time
each (set, role) was said (`slot`), and for sets that fell out of the 32 kept, the best value of each key
(`overflow`). The winner of a key is the maximum of (rank, at, tie, digest) over all of them, whatever the order
they came in. Past states are read from `says` instead, through the same `winners`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from .attributes import relation_keys
from .database import Cached, Database, Ids, in_chunks
from .model import Instant, Name
from .statements import Digested, FacetSet, Identifier, Role

SCHEMA_KEY = "schema"
FULL_SCHEMA = "~schema"  # a schema said of an output or by a listing: the only kind that closes columns
GUESSED = "~?"  # goes before a column that only inference names, as "." before one that is said
_INLINE = 160  # bytes; larger facet values are shared rows

Order = tuple[int, Instant, int, bytes]
"""(rank, at, tie, digest): the greater wins."""


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A facet set as kept: value None is `_deleted`, an int is a row of facet_value."""

    id: int
    facets: dict[str, tuple[bytes, bytes | int | None]]  # key -> (digest, value)
    columns: tuple[str, ...]
    fields: tuple[tuple[str, str | None, str | None], ...] | None
    identifiers: tuple[Identifier, ...] | None
    relations: tuple[str, ...] = ()  # the keys among `facets` that are relations'


@dataclass(frozen=True, slots=True)
class Said:
    """One (set, role) of a name and the time it was said (last, where there were several)."""

    known: KnownSet
    role: int
    rank: int
    at: Instant


@dataclass(frozen=True, slots=True)
class Overflowed:
    key: str
    order: Order
    value: bytes | int | None


@dataclass(frozen=True, slots=True)
class Winner:
    """The value in force of one register; None where the newest saying deleted it."""

    order: Order
    value: bytes | int | None

    @property
    def at(self) -> Instant:
        return self.order[1]


_STORED = tuple[
    dict[str, tuple[bytes, bytes | int | None]],
    tuple[str, ...],
    tuple[tuple[str, str | None, str | None], ...] | None,
    tuple[tuple[str, str, str, str], ...] | None,
]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_STORED).decode
EMPTY = KnownSet(0, {}, (), None, None)


class FacetSets:
    """The facet sets ever said, by digest and by id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: Cached = Cached(self._find_id, 200_000)
        self._sets: Cached = Cached(self._read, 20_000)
        self._values: Cached = Cached(self._read_value, 4_096)
        self._value_ids: Cached = Cached(self._find_value, 200_000)
        self._loaded: dict[bytes, FacetSet] = {}  # expected ones, on their way to the table
        self._new_sets, self._new_values = Ids(database, "facet_set"), Ids(database, "facet_value")
        self._unwritten: dict[str, list[tuple[int, bytes, bytes]]] = {"facet_value": [], "facet_set": []}

    def clear(self) -> None:
        for part in (self._ids, self._sets, self._values, self._value_ids, self._new_sets, self._new_values):
            part.clear()
        self._loaded.clear()
        for rows in self._unwritten.values():
            rows.clear()

    def flush(self) -> None:
        """Write what was added; whoever reads the tables asks for it first."""
        for table, rows in self._unwritten.items():
            if rows:
                self._database.executemany(f"INSERT INTO {table} (id, digest, body) VALUES (?, ?, ?)", rows)
                rows.clear()

    def id_of(self, digest: bytes) -> int | None:
        found: int | None = self._ids(digest)
        return found

    def _find_id(self, digest: bytes) -> int | None:
        self.flush()
        row = self._database.execute("SELECT id FROM facet_set WHERE digest = ?", (digest,)).fetchone()
        return row[0] if row else None

    def of(self, said: Digested[FacetSet]) -> KnownSet:
        """The set as kept; kept from now on."""
        set_id = self.id_of(said.digest)
        if set_id is not None:
            return self.get(set_id)
        loaded = self._loaded.pop(said.digest, None)
        return self.add(said.digest, said.load() if loaded is None else loaded)

    def of_columns(self, named: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], KnownSet]:
        """The sets that name columns and say nothing of them; kept from now on."""
        digests = {
            columns: blake2b(msgspec.msgpack.encode(columns), digest_size=16, person=b"columns").digest()
            for columns in named
        }
        self._expect("facet_set", [it for it in digests.values() if it not in self._ids], self._ids)
        found = {}
        for columns, digest in digests.items():
            set_id = self.id_of(digest)
            if set_id is None:
                found[columns] = self.add(digest, FacetSet(columns=columns))
            else:
                found[columns] = KnownSet(set_id, {}, columns, None, None)
                if set_id not in self._sets:
                    self._sets.put(set_id, found[columns])
        return found

    def expect(self, said: Iterable[Digested[FacetSet]]) -> None:
        """Look these sets up at once, and the values of those that are new, for those who will ask for them."""
        unknown = {it.digest: it for it in said if it.digest not in self._ids}
        if len(unknown) < 2:
            return
        self._expect("facet_set", list(unknown), self._ids)
        self._loaded = {digest: it.load() for digest, it in unknown.items() if self._ids(digest) is None}
        values = {
            facet.digest: None
            for facets in self._loaded.values()
            for facet in facets.facets
            if facet.value is not None and len(facet.value) > _INLINE and facet.digest not in self._value_ids
        }
        self._expect("facet_value", list(values), self._value_ids)

    def _expect(self, table: str, digests: Sequence[bytes], ids: Cached) -> None:
        self.flush()
        for part in in_chunks(digests, 100):
            marks = ", ".join("?" * len(part))
            rows = self._database.execute(f"SELECT digest, id FROM {table} WHERE digest IN ({marks})", part)
            found = dict(rows.fetchall())
            for digest in part:
                ids.put(digest, found.get(digest))

    def add(self, digest: bytes, facets: FacetSet) -> KnownSet:
        stored = {facet.key: (facet.digest, self._store_value(facet.digest, facet.value)) for facet in facets.facets}
        identifiers = (
            None
            if facets.identifiers is None
            else tuple((it.name.kind, it.name.namespace, it.name.name, it.type) for it in facets.identifiers)
        )
        body = _encode((stored, facets.columns, facets.fields, identifiers))
        set_id = self._new_sets.new()
        self._unwritten["facet_set"].append((set_id, digest, body))
        known = KnownSet(set_id, stored, facets.columns, facets.fields, facets.identifiers, relation_keys(stored))
        self._ids.put(digest, known.id)
        self._sets.put(known.id, known)
        return known

    def _store_value(self, digest: bytes, value: bytes | None) -> bytes | int | None:
        if value is None or len(value) <= _INLINE:
            return value
        kept: int | None = self._value_ids(digest)
        if kept is None:
            kept = self._new_values.new()
            self._unwritten["facet_value"].append((kept, digest, value))
            self._value_ids.put(digest, kept)
        return kept

    def _find_value(self, digest: bytes) -> int | None:
        self.flush()
        row = self._database.execute("SELECT id FROM facet_value WHERE digest = ?", (digest,)).fetchone()
        return row[0] if row else None

    def get(self, set_id: int) -> KnownSet:
        if not set_id:
            return EMPTY
        known: KnownSet = self._sets(set_id)
        return known

    def expect_kept(self, set_ids: Iterable[int]) -> None:
        """Read these sets at once, for those who will ask for them."""
        unknown = [it for it in dict.fromkeys(set_ids) if it and it not in self._sets]
        if len(unknown) < 2:
            return
        self.flush()
        rows = self._database.execute(
            "SELECT id, body FROM facet_set WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(unknown),)
        )
        for set_id, body in rows.fetchall():
            self._sets.put(set_id, _known(set_id, body))

    def _read(self, set_id: int) -> KnownSet:
        self.flush()
        row = self._database.execute("SELECT body FROM facet_set WHERE id = ?", (set_id,)).fetchone()
        return _known(set_id, row[0])

    def value(self, stored: bytes | int) -> bytes:
        """A facet's JSON, wherever it is kept."""
        if isinstance(stored, bytes):
            return stored
        found: bytes = self._values(stored)
        return found

    def _read_value(self, value_id: int) -> bytes:
        self.flush()
        row = self._database.execute("SELECT body FROM facet_value WHERE id = ?", (value_id,)).fetchone()
        return bytes(row[0])


def _known(set_id: int, body: bytes) -> KnownSet:
    facets, columns, fields, identifiers = _decode(body)
    names = (
        None
        if identifiers is None
        else tuple(Identifier(Name(kind, namespace, name), type) for kind, namespace, name, type in identifiers)
    )
    return KnownSet(set_id, facets, columns, fields, names, relation_keys(facets))


_SCHEMA_TIE = {int(Role.OUTPUT): 2, int(Role.NOTED): 2, int(Role.LISTED): 1}


def facet_items(said: Said) -> Iterable[tuple[str, Order, bytes | int | None]]:
    """The registers of facets that one saying sets; `~schema` is a full schema's.

    A deleted schema ends the schema in force, so it counts as one.
    """
    full = said.role in _SCHEMA_TIE
    for key, (digest, value) in said.known.facets.items():
        tie = _SCHEMA_TIE.get(said.role, 0) if key == SCHEMA_KEY else 0
        order = (said.rank, said.at, tie, digest)
        yield key, order, value
        if key == SCHEMA_KEY and full and (said.known.fields is not None or value is None):
            yield FULL_SCHEMA, order, value


def items(said: Said) -> Iterable[tuple[str, Order, bytes | int | None]]:
    """Every register that one saying sets: its facets, and `.path` (guessed: `~?path`) for each column it names."""
    yield from facet_items(said)
    mark = GUESSED if said.role == Role.GUESSED else "."
    for path in said.known.columns:
        yield f"{mark}{path}", (0, said.at, 0, b""), b""  # when it was last named counts, not by whom


def winners(said: Iterable[Said], overflowed: Iterable[Overflowed] = ()) -> dict[str, Winner]:
    """The register in force for every key, columns (`.path`) included."""
    best: dict[str, tuple[Order, bytes | int | None]] = {}
    for it in overflowed:
        held = best.get(it.key)
        if held is None or it.order > held[0]:
            best[it.key] = (it.order, it.value)
    for saying in said:
        for key, order, value in items(saying):
            held = best.get(key)
            if held is None or order > held[0]:
                best[key] = (order, value)
    return {key: Winner(order, value) for key, (order, value) in best.items()}


def schema_in_force_at(registers: dict[str, Winner]) -> Instant | None:
    """When the schema in force was said, None if there is none."""
    schema = registers.get(FULL_SCHEMA)
    return schema.at if schema is not None and schema.value is not None else None


def present_columns(registers: dict[str, Winner]) -> set[str]:
    """The columns named at or after the schema in force, or all if there is none, guessed ones too."""
    since = schema_in_force_at(registers)
    if since is None:
        return every_column(registers)
    return {key[1:] for key, winner in registers.items() if key[0] == "." and winner.at >= since}


def every_column(registers: dict[str, Winner]) -> set[str]:
    """All columns ever named, and those guessed."""
    named = {key[1:] for key in registers if key[0] == "."}
    return named | {key[len(GUESSED) :] for key in registers if key.startswith(GUESSED)}


def facets_in_force(registers: dict[str, Winner]) -> dict[str, bytes | int]:
    """Facet key -> stored value, without deleted ones and without the registers of our own making."""
    return {key: winner.value for key, winner in registers.items() if winner.value is not None and key[0] not in ".~"}


def column_fields(said: Iterable[Said], registers: dict[str, Winner]) -> dict[str, tuple[int, str | None, str | None]]:
    """Column path -> (ordinal from 1, type, description), from the newest schema that names it."""
    found: dict[str, tuple[Order, tuple[int, str | None, str | None]]] = {}
    for saying in said:
        order = (
            saying.rank,
            saying.at,
            _SCHEMA_TIE.get(saying.role, 0),
            saying.known.facets.get(SCHEMA_KEY, (b"", None))[0],
        )
        for ordinal, (path, kind, text) in enumerate(saying.known.fields or (), start=1):
            held = found.get(path)
            if held is None or order > held[0]:
                found[path] = (order, (ordinal, kind, text))
    return {path: field for path, (_, field) in found.items()}

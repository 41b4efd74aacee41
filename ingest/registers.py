"""Attributes and relations as statements: the registers that a source sets, and the lineage that some relations are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import TypeVar

import msgspec

from graph.model import Name
from graph.statements import Declared, Digested, EntityFlow, Facet, FacetSet, Flows, Rank

IMPLICIT = "facts"
"""The kind of the implicit jobs by which relations are lineage; no class has it."""

T = TypeVar("T")
write = msgspec.json.Encoder(order="sorted").encode


def facet_set(registers: Mapping[str, object], columns: tuple[str, ...] = ()) -> Digested[FacetSet]:
    """These registers, by key, None for one that ends; and the columns that are named."""
    facets = tuple(_facet(key, value) for key, value in registers.items())
    parts = digest_of(b"facts", *(facet.digest for facet in facets), b"columns", *(it.encode() for it in columns))
    return Digested(parts, _always(FacetSet(facets, columns)))


def urns_of(targets: Iterable[Name]) -> list[str]:
    """The value of a relation's register."""
    return sorted({it.urn for it in targets})


def lineage(subject: Name, relation: str, targets: tuple[Name, ...], rank: Rank) -> Iterator[Declared]:
    """A relation that carries lineage declares it, for an implicit job of its own: data of the targets went in.

    Columns are left out: their relations say nothing of how values come about.
    """
    if subject.path or any(it.path for it in targets):
        return
    entries = tuple(EntityFlow(subject, it) for it in targets) or (EntityFlow(subject, None),)
    digest = digest_of(relation.encode(), subject.urn.encode(), *(it.urn.encode() for it in targets))
    job = Name(IMPLICIT, subject.urn, relation)
    yield Declared(job, rank, Digested(digest, _always(Flows(entries=entries))), register=True)


def _facet(key: str, value: object) -> Facet:
    content = None if value is None else write(value)
    return Facet(key, content, digest_of(key.encode(), content or b"null"))


def _always(value: T) -> Callable[[], T]:
    return lambda: value


def digest_of(*parts: bytes) -> bytes:
    """16 bytes; each part's length goes in, so that no two lists of parts run into each other."""
    hashed = blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.digest()

"""How a column's value comes about: origins, and by which transformations they reach it.

A set of transformations is an `int` of the bits below (OpenLineage ColumnLineageDatasetFacet 1-2-0, types and
subtypes); the masked form of a bit is the bit shifted by `MASKED`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from graph.statements import Transformation
from ingest.sql.result import Table

IDENTITY, TRANSFORMATION, AGGREGATION, JOIN, GROUP_BY, FILTER, SORT, WINDOW, CONDITIONAL = (1 << i for i in range(9))
DIRECT = IDENTITY | TRANSFORMATION | AGGREGATION
MASKED = 9
_NAMES = ("IDENTITY", "TRANSFORMATION", "AGGREGATION", "JOIN", "GROUP_BY", "FILTER", "SORT", "WINDOW", "CONDITIONAL")
_LOW = (1 << MASKED) - 1


class Via(NamedTuple):
    """By which transformations, how surely (0 to 1), and why no surer."""

    bits: int = IDENTITY
    confidence: float = 1.0
    reason: str = ""


Origin = tuple[Table | None, str]  # None: which table has the column is left open
Sources = dict[Origin, Via]

PLAIN = Via()


@lru_cache(maxsize=4096)
def then(first: int, second: int) -> int:
    """The transformations of going through `first` and then through `second`.

    What decides over a value but is no part of it stays so: an INDIRECT step on either side makes the whole one.
    """
    result = 0
    for i in range(2 * MASKED):
        if not first >> i & 1:
            continue
        for j in range(2 * MASKED):
            if not second >> j & 1:
                continue
            one, two = i % MASKED, j % MASKED
            masked = i >= MASKED or j >= MASKED
            if one > 2:
                kind = one
            elif two > 2:
                kind = two
            else:
                kind = max(one, two)
            result |= 1 << (kind + (MASKED if masked else 0))
    return result


def add(into: Sources, origin: Origin, via: Via) -> None:
    """Another way from `origin`: the kinds add up, the surer word counts."""
    known = into.get(origin)
    if known is None:
        into[origin] = via
    elif known != via:
        surer = known if known.confidence >= via.confidence else via
        into[origin] = Via(known.bits | via.bits, surer.confidence, surer.reason)


def add_all(into: Sources, sources: Sources, bits: int = IDENTITY) -> None:
    """Every origin of `sources`, gone on through `bits`."""
    for origin, via in sources.items():
        add(into, origin, via if bits == IDENTITY else Via(then(via.bits, bits), via.confidence, via.reason))


def through(sources: Sources, via: Via) -> Sources:
    """`sources` gone on through one more step."""
    if via == PLAIN:
        return sources
    return {
        origin: Via(
            then(inner.bits, via.bits),
            min(inner.confidence, via.confidence),
            inner.reason if inner.confidence < via.confidence or not via.reason else via.reason,
        )
        for origin, inner in sources.items()
    }


def union(many: Iterable[Sources]) -> Sources:
    result: Sources = {}
    for sources in many:
        add_all(result, sources)
    return result


@lru_cache(maxsize=4096)
def transformations(bits: int) -> tuple[Transformation, ...]:
    """The bits as OpenLineage writes them."""
    return tuple(
        Transformation("DIRECT" if i % MASKED < 3 else "INDIRECT", _NAMES[i % MASKED], masking=i >= MASKED)
        for i in range(2 * MASKED)
        if bits >> i & 1
    )


def masked(bits: int) -> int:
    """The same kinds, masked."""
    return (bits & _LOW) << MASKED | bits & ~_LOW


def is_direct(bits: int) -> bool:
    return bool((bits | bits >> MASKED) & DIRECT)

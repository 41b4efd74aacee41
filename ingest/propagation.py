"""Envelopes of kind `propagation`: derived tags that are there from now on, and those that are not any more.

The body is JSON: `propagation` and `version`, `position` (the state it was worked out from), `because` (positions of
what changed before it, the newest of them), `at` (ISO 8601, its valid time), and `said`, for each entity `[urn, [[path,
key, value, origin, hops, [evidence]], ...]]`; `path` is "" for the entity itself, `value` null for a tag without one,
`origin` null where the tag goes. `origin` is the place before (a urn), `hops` how many it took from where the tag is
said, `evidence` the positions that made the last hop hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from graph.derivations import Mark, derived_key
from graph.errors import InvalidInput
from graph.model import Envelope, Instant, NewEnvelope, Position, isoformat, parse_instant, parse_urn
from graph.statements import Digested, Facet, FacetSet, Rank, Role, Said, Statements
from ingest import mutation
from ingest.characters import without_nul
from ingest.registers import digest_of, write

KIND = "propagation"
MAX_TARGETS = 1_000


class Propagated(NamedTuple):
    """By which version of which propagation, because of what (positions)."""

    name: str
    version: str
    because: tuple[int, ...] = ()


class Target(msgspec.Struct, frozen=True, array_like=True):
    """One derived tag of an entity or, by `path`, of a column; it goes where `origin` is None."""

    path: str
    key: str
    value: str | None
    origin: str | None
    hops: int
    evidence: tuple[int, ...]


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    propagation: str
    version: str
    position: int
    because: tuple[int, ...]
    at: str
    said: tuple[tuple[str, tuple[Target, ...]], ...]


_read = msgspec.json.Decoder(_Body).decode


def envelopes(
    propagation: Propagated, position: Position, at: Instant, said: Iterable[tuple[str, Target]]
) -> list[NewEnvelope]:
    """What is said of these (urn, target), at most `MAX_TARGETS` in each; the same said gives the same envelopes."""
    name, version, because = propagation
    found = []
    for number, chunk in enumerate(_chunks(sorted(said, key=_order))):
        body = msgspec.json.encode(
            _Body(
                propagation=name, version=version, position=position, because=because, at=isoformat(at), said=chunk
            )
        )  # fmt: skip
        key = digest_of(KIND.encode(), name.encode(), str(position).encode(), str(number).encode(), body)
        found.append(NewEnvelope(KIND, f"propagation:{name}", key, body))
    return found


def firing_behind(envelope: Envelope | None, read: Callable[[Position], Envelope | None]) -> str | None:
    """The firing by which a rule had this said, or what made a tag travel; `read(position)` gives other envelopes."""
    if envelope is None or envelope.body is None:
        return None
    if envelope.kind != KIND:
        return mutation.firing_of(envelope)
    said = (read(Position(it)) for it in _read(envelope.body).because)
    firings = (mutation.firing_of(it) for it in said if it is not None)
    return next((it for it in firings if it is not None), None)


def _order(said: tuple[str, Target]) -> tuple[str, ...]:
    urn, it = said
    return urn, it.path, it.key, it.value or ""


def _chunks(said: Sequence[tuple[str, Target]]) -> Iterable[tuple[tuple[str, tuple[Target, ...]], ...]]:
    for start in range(0, len(said), MAX_TARGETS):
        by_urn: dict[str, list[Target]] = {}
        for urn, it in said[start : start + MAX_TARGETS]:
            by_urn.setdefault(urn, []).append(it)
        yield tuple((urn, tuple(targets)) for urn, targets in by_urn.items())


def decode(envelope: Envelope) -> Statements:
    """What one envelope says of its targets; a redacted one says nothing.

    Raises `InvalidInput` for a body that `envelopes` would not have written.
    """
    if envelope.body is None:
        return Statements(envelope.received_at)
    try:
        body = _read(without_nul(envelope.body))
        at = parse_instant(body.at)
    except msgspec.DecodeError as error:
        raise InvalidInput(str(error)) from None
    except ValueError as error:
        raise InvalidInput(str(error), field="at") from None
    values: dict[tuple[str, int, tuple[int, ...]], bytes] = {}
    return Statements(at, tuple(_said(body.propagation, urn, targets, values) for urn, targets in body.said))


def _said(
    propagation: str, urn: str, targets: Sequence[Target], values: dict[tuple[str, int, tuple[int, ...]], bytes]
) -> Said:
    facets = []
    for it in targets:
        content = None
        if it.origin is not None:
            alike = it.origin, it.hops, it.evidence  # many targets have one origin
            content = values.get(alike)
            if content is None:
                content = values[alike] = write({"from": it.origin, "hops": it.hops, "evidence": it.evidence})
        key = derived_key(propagation, Mark(it.key, it.value), it.path)
        facets.append(Facet(key, content, digest_of(key.encode(), content or b"null")))
    digest = digest_of(b"derived", *(it.digest for it in facets))
    found = FacetSet(tuple(facets))
    return Said(parse_urn(urn), Role.PERSON, Digested(digest, lambda: found), Rank.INFERENCE)

"""The values every part of Andon speaks in: instants, names, urns, envelopes, as-of.

Instants are whole microseconds since 1970-01-01 UTC (`Instant`); they become `datetime` at the edges only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, NewType
from urllib.parse import quote, unquote

from .errors import InvalidInput

Instant = NewType("Instant", int)
Position = NewType("Position", int)

BEGINNING = Instant(-(2**62))  # before every instant
FOREVER = Instant(2**62)  # after every instant; the end of an open interval
LATEST = Position(2**62)  # after every position; the end of an open known interval

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?"
    r"\s*([Zz]|[+-]\d\d:?\d\d)?(?:\[[\w/+-]+\])?"
)


def parse_instant(text: str) -> Instant:
    """Read an ISO 8601 date-time; no zone means UTC, digits past the microsecond are cut.

    Raises `ValueError` for anything else, a bare date included.
    """
    if len(text) == 24 and text[10] == "T" and text[23] == "Z":  # what most producers send
        moment = datetime.fromisoformat(text)
    else:
        match = _TIME.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:40]!r} is not an ISO 8601 date-time such as 2026-11-23T08:00:00Z")
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        micros = int((fraction or "0")[:6].ljust(6, "0"))
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), micros, tzinfo=UTC)
        if zone and zone not in "Zz":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            try:
                moment = moment - offset if zone[0] == "+" else moment + offset
            except OverflowError:
                raise ValueError(f"{text[:40]!r} is outside the years 1 to 9999") from None
    return to_instant(moment)


def to_instant(moment: datetime) -> Instant:
    """The instant of an aware `datetime`."""
    delta = moment - _EPOCH
    return Instant((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds)


def to_datetime(instant: Instant) -> datetime:
    """The aware UTC `datetime` of an instant."""
    return _EPOCH + timedelta(microseconds=instant)


def isoformat(instant: Instant) -> str:
    """`2026-11-23T08:00:00Z`, with as many digits of fraction as the instant has (0, 3 or 6)."""
    seconds, micros = divmod(instant, 1_000_000)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    if not micros:
        return f"{text}Z"
    return f"{text}.{micros // 1000:03d}Z" if micros % 1000 == 0 else f"{text}.{micros:06d}Z"


def storable(text: str) -> str:
    """The text with U+FFFD for each U+0000, which PostgreSQL has no text for: the graph of both stacks holds it so."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}") if "\x00" in text else text


class Name(NamedTuple):
    """What a source calls an entity: key class (`kind`), OpenLineage namespace and name.

    A column's `name` is its dataset's name and `path` the column's; every other kind has an empty path.
    """

    kind: str
    namespace: str
    name: str
    path: str = ""

    @property
    def urn(self) -> str:
        return make_urn(self.kind, self.namespace, self.name, self.path)


@lru_cache(maxsize=65_536)
def _encode(text: str) -> str:
    return quote(text, safe="-._~")


@lru_cache(maxsize=65_536)
def _decoded(text: str) -> str:
    return storable(unquote(text))


def make_urn(kind: str, namespace: str, name: str, path: str = "") -> str:
    """`urn:andon:<kind>:<namespace>:<name>[:<column path>]`, each part percent-encoded."""
    urn = f"urn:andon:{kind}:{_encode(namespace)}:{_encode(name)}"
    return f"{urn}:{_encode(path)}" if path else urn


def parse_urn(urn: str) -> Name:
    """The name behind a urn, as the graph holds it; raises `InvalidInput` if it is not one of ours."""
    parts = urn.split(":")
    if parts[:2] != ["urn", "andon"] or not 5 <= len(parts) <= 6 or (len(parts) == 6) != (parts[2] == "column"):
        raise InvalidInput(f"{urn[:200]!r} is not a urn like urn:andon:dataset:<namespace>:<name>", field="urn")
    return Name(parts[2], *map(_decoded, parts[3:]))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What came in at one door at one time: the journal's unit, kept byte for byte.

    `kind` picks the decoder (`openlineage`, `facts`, `mutation`, `redaction`, `action`, `propagation`); `body` is None
    once redacted.
    """

    position: Position
    kind: str
    source: str
    received_at: Instant
    digest: bytes
    body: bytes | None


@dataclass(frozen=True, slots=True)
class NewEnvelope:
    """An envelope on its way in; `key` de-duplicates it (content hash, or a delivery id's)."""

    kind: str
    source: str
    key: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class AsOf:
    """Which state is asked for: what was true at `valid`, as far as `position` had told us.

    None for `valid` is no upper bound, None for `position` is all that is projected.
    """

    valid: Instant | None = None
    position: Position | None = None

    @property
    def is_present(self) -> bool:
        return self.valid is None and self.position is None


PRESENT = AsOf()


@dataclass(frozen=True, slots=True)
class Change:
    """What one envelope did to the present graph; what rules and subscriptions see.

    `what` is `entity.opened|closed|altered`, `relation.opened|closed`, `run.started|completed|failed|aborted`,
    `schema.changed`, `columns.named` (some that the schema left out may be there again), `entity.identified` (its names
    are others), `tag.given|taken` (a tag that is said) or `tag.reached|rerouted|left` (one that is derived; of
    all of these `fields` are the propagation, if any, and the percent-encoded tag).
    `urn` is the entity (a relation's source), `other` a relation's target, else `fields` the facet keys that differ,
    `valid_at` the producer's time.
    """

    position: Position
    what: str
    urn: str
    valid_at: Instant
    other: str | None = None
    kind: str | None = None
    fields: tuple[str, ...] = ()

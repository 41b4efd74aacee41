"""The records that a moved journal is made of, whatever carries them.

A header, the envelopes in order, the dead letters oldest first, and an end that counts them and has the SHA-256
of all before it, each as a line of JSON. A body is given as text where it is UTF-8, else in base64: both give
the same bytes back. A redacted envelope has the reason instead.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from graph.errors import InvalidInput
from graph.journal import DeadLetter
from graph.model import Envelope, Instant, Position, isoformat, parse_instant

VERSION = 1


class Predecessor(msgspec.Struct, frozen=True):
    """The envelope before the first one, by which a part finds its place."""

    received_at: str
    key: str


class Header(msgspec.Struct, frozen=True, tag="journal", tag_field="record", omit_defaults=True):
    version: int
    first: int  # position; one more than `last` where there is no envelope
    last: int
    after: Predecessor | None = None


class EnvelopeRecord(msgspec.Struct, frozen=True, tag="envelope", tag_field="record", omit_defaults=True):
    position: int
    kind: str
    source: str
    received_at: str
    key: str  # hex
    text: str | None = None
    base64: str | None = None
    redacted: str | None = None


class LetterRecord(msgspec.Struct, frozen=True, tag="dead_letter", tag_field="record", omit_defaults=True):
    id: int
    received_at: str
    source: str
    reason: str
    field: str = ""
    position: int | None = None
    text: str | None = None
    base64: str | None = None


class End(msgspec.Struct, frozen=True, tag="end", tag_field="record"):
    envelopes: int
    dead_letters: int
    sha256: str  # of all lines before this one


Content = EnvelopeRecord | LetterRecord
Record = Header | EnvelopeRecord | LetterRecord | End

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def line_of(record: Record) -> bytes:
    return _encoder.encode(record) + b"\n"


def record_of(line: bytes, number: int) -> Record:
    """Raises `InvalidInput` for a line that is no record."""
    try:
        return _decoder.decode(line)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"line {number} is no record of a journal: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidInput(f"line {number} is no JSON: this is no exported journal, or it is cut off") from None


class Tally:
    """Counts and hashes records as they pass, to write the end or to hold against it."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._envelopes = 0
        self._letters = 0

    def add(self, record: Record, line: bytes) -> None:
        self._hash.update(line)
        self._envelopes += isinstance(record, EnvelopeRecord)
        self._letters += isinstance(record, LetterRecord)

    def end(self) -> End:
        return End(self._envelopes, self._letters, self._hash.hexdigest())


def in_order(records: Iterable[Record]) -> Iterator[Header | Content]:
    """The records but for the end, as long as they come in the order they must; raises `InvalidInput` otherwise."""
    expected = 0
    header: Header | None = None
    letters = False
    for record in records:
        if header is None:
            if not isinstance(record, Header):
                raise InvalidInput("this is no exported journal: it does not begin with its header")
            if record.version != VERSION:
                raise InvalidInput(f"the file has format {record.version}, this Andon reads {VERSION}")
            header, expected = record, record.first
        elif isinstance(record, EnvelopeRecord) and not letters:
            if record.position != expected or record.position > header.last:
                raise InvalidInput(f"position {record.position} stands where {expected} should")
            expected += 1
        elif isinstance(record, LetterRecord):
            letters = True
        elif isinstance(record, End):
            if expected != header.last + 1:
                raise InvalidInput(f"position {expected} is missing")
            continue
        else:
            raise InvalidInput("the records stand in another order than they were written in")
        yield record


# --- to and from what the journal speaks in ---------------------------------------------------------------------


def predecessor_of(envelope: Envelope) -> Predecessor:
    return Predecessor(isoformat(envelope.received_at), envelope.digest.hex())


def envelope_record(envelope: Envelope, redacted: str | None) -> EnvelopeRecord:
    text, coded = _written(envelope.body)
    return EnvelopeRecord(
        position=envelope.position,
        kind=envelope.kind,
        source=envelope.source,
        received_at=isoformat(envelope.received_at),
        key=envelope.digest.hex(),
        text=text,
        base64=coded,
        redacted=(redacted or "") if envelope.body is None else None,
    )


def envelope_of(record: EnvelopeRecord) -> Envelope:
    """Raises `InvalidInput` for values that stand for nothing."""
    body = _body(record, f"position {record.position}")
    if (body is None) != (record.redacted is not None):
        raise InvalidInput(f"position {record.position} must have a body or the reason why not")
    try:
        key = bytes.fromhex(record.key)
        received_at = parse_instant(record.received_at)
    except ValueError as error:
        raise InvalidInput(f"position {record.position}: {error}") from None
    return Envelope(Position(record.position), record.kind, record.source, received_at, key, body)


def letter_record(letter: DeadLetter) -> LetterRecord:
    text, coded = _written(letter.body)
    return LetterRecord(
        id=letter.id,
        received_at=isoformat(letter.received_at),
        source=letter.source,
        reason=letter.reason,
        field=letter.field,
        position=letter.position,
        text=text,
        base64=coded,
    )


def letter_of(record: LetterRecord) -> DeadLetter:
    """Raises `InvalidInput` for values that stand for nothing."""
    position = None if record.position is None else Position(record.position)
    body = _body(record, f"dead letter {record.id}")
    received_at = _instant(record.received_at, f"dead letter {record.id}")
    return DeadLetter(record.id, received_at, record.source, record.reason, record.field, body, position)


def _instant(text: str, where: str) -> Instant:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise InvalidInput(f"{where}: {error}") from None


def _written(body: bytes | None) -> tuple[str | None, str | None]:
    """As text or in base64."""
    if body is None:
        return None, None
    try:
        return body.decode(), None
    except UnicodeDecodeError:
        return None, base64.b64encode(body).decode()


def _body(record: Content, where: str) -> bytes | None:
    if record.text is not None:
        return record.text.encode()
    if record.base64 is None:
        return None
    try:
        return base64.b64decode(record.base64, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"{where} is no base64") from None

"""Moving a journal: out of one into a file, and into another so that it makes the identical graph.

Positions, received times, keys and bytes stay, redactions with their reason and dead letters too. Memory does not grow
with the journal: records stream from the one to the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from graph.errors import Conflict, InvalidInput
from graph.journal import DeadLetter, Journal, JournalReader
from graph.model import Envelope, Position

from . import ndjson, parquet
from .records import (
    VERSION,
    Content,
    End,
    EnvelopeRecord,
    Header,
    Record,
    envelope_of,
    envelope_record,
    in_order,
    letter_of,
    letter_record,
    predecessor_of,
)

FORMATS = ("ndjson", "parquet")
_BYTES_AT_ONCE = 4 * 1024 * 1024  # of bodies that are held, or that one transaction takes
_AT_ONCE = 512  # envelopes

Progress = Callable[[int, int], None]
"""Called with how much of how much is done."""


def _quiet(_done: int, _of: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    envelopes: int  # that are new here
    known: int  # that were here, and are the same
    redacted: int  # that were here with their bytes, and are not any more
    dead_letters: int  # in the file


# --- out --------------------------------------------------------------------------------------------------------


def export_file(
    journal: JournalReader,
    path: Path,
    format: str | None = None,
    first: int = 1,
    last: int | None = None,
    progress: Progress = _quiet,
) -> End:
    """Write the envelopes from `first` to `last` and the dead letters into a new file; returns what stands at its end.

    The format is as the name ends (.parquet, else NDJSON; .gz and .zst pack it) unless given. The file appears when it
    is whole and durable. Raises `Conflict` where there is a file of that name, `InvalidInput` for the arguments.
    """
    if path.exists():
        raise Conflict(f"there is a file {path} already")
    carrier = format or ("parquet" if path.suffix == ".parquet" else "ndjson")
    part = path.with_name(path.name + ".part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            contents = records(journal, first, last, progress)
            if carrier == "parquet":
                end = parquet.write(file, contents)
            else:
                packed = ndjson.packed(file, path.name)
                end = ndjson.write(packed, contents)
                if packed is not file:
                    packed.close()  # which leaves `file` open
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, path)
    finally:
        part.unlink(missing_ok=True)
    return end


def export_stream(
    journal: JournalReader, file: IO[bytes], first: int = 1, last: int | None = None, progress: Progress = _quiet
) -> End:
    """The same as plain NDJSON into a pipe."""
    return ndjson.write(file, records(journal, first, last, progress))


def records(
    journal: JournalReader, first: int = 1, last: int | None = None, progress: Progress = _quiet
) -> Iterator[Header | Content]:
    """What a moved journal is made of, but for its end. Dead letters without a position always come along."""
    newest = journal.last_position()
    last = newest if last is None else min(last, newest)
    if not 1 <= first <= last + 1:
        raise InvalidInput(f"the journal has no positions from {first} to {last}; its last one is {newest}")
    before = journal.envelope(first - 1) if first > 1 else None
    yield Header(VERSION, first, last, predecessor_of(before) if before is not None else None)
    for envelope in _envelopes(journal, first, last):
        progress(envelope.position - first, last - first + 1)
        yield envelope_record(envelope, journal.redaction(envelope.position) if envelope.body is None else None)
    for letter in _letters(journal):
        if letter.position is None or first <= letter.position <= last:
            yield letter_record(letter)


def _envelopes(journal: JournalReader, first: int, last: int) -> Iterator[Envelope]:
    """In pages whose size follows that of the bodies, so that large ones don't fill the memory."""
    limit, after = 16, first - 1
    while after < last and (page := journal.read(after, min(limit, last - after))):
        yield from page
        after = page[-1].position
        size = sum(len(envelope.body or b"") for envelope in page) // len(page)
        limit = max(1, min(_AT_ONCE, _BYTES_AT_ONCE // (size or 1)))


def _letters(journal: JournalReader) -> Iterator[DeadLetter]:
    """Oldest first, though the journal lists them newest first: their ids are gathered, not their bodies."""
    ids: list[int] = []
    while page := journal.dead_letters(_AT_ONCE, ids[-1] if ids else None):
        ids += [letter.id for letter in page]
    for id in reversed(ids):
        if (letter := journal.dead_letter(id)) is not None:  # None: removed meanwhile
            yield letter


# --- in ---------------------------------------------------------------------------------------------------------


def import_file(
    journal: Journal,
    path: Path,
    checking: Progress = _quiet,
    importing: Progress = _quiet,
    begin: Callable[[Position], None] = lambda last: None,
) -> Imported:
    """Bring a journal up to an exported one: what it has already must be the same, the rest follows.

    The file is read twice: it is checked to its end before anything is stored. `begin` is called between the two with
    the position that the journal will end at, if there is anything to store. Raises `InvalidInput` for a file that is
    cut off, altered or something else, and `Conflict` for a journal that holds something else.
    """
    known, last, redactions = _check(journal, path, checking)
    if last > known:
        begin(Position(last))
    for position, reason in redactions.items():
        journal.redact(position, reason)
    batch = _Batch(journal)
    envelopes = passed_over = letters = 0
    for record in _read(path, importing):
        if isinstance(record, EnvelopeRecord) and record.position <= known:
            passed_over += 1
        elif isinstance(record, EnvelopeRecord):
            envelopes += 1
            batch.add(envelope_of(record), record.redacted)
        elif not isinstance(record, Header):
            letters += 1
            batch.add_letter(letter_of(record))
    batch.flush()
    return Imported(envelopes, passed_over, len(redactions), letters)


class _Batch:
    """Gathers what one transaction takes."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._envelopes: list[Envelope] = []
        self._reasons: dict[int, str] = {}
        self._letters: list[DeadLetter] = []
        self._size = 0

    def add(self, envelope: Envelope, redacted: str | None) -> None:
        self._envelopes.append(envelope)
        if redacted is not None:
            self._reasons[envelope.position] = redacted
        self._took(envelope.body)

    def add_letter(self, letter: DeadLetter) -> None:
        self._letters.append(letter)
        self._took(letter.body)

    def _took(self, body: bytes | None) -> None:
        self._size += len(body or b"")
        if self._size >= _BYTES_AT_ONCE or len(self._envelopes) + len(self._letters) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if self._envelopes:
            self._journal.import_envelopes(self._envelopes, self._reasons)
        if self._letters:
            self._journal.import_dead_letters(self._letters)
        self._envelopes, self._reasons, self._letters, self._size = [], {}, [], 0


def _check(journal: Journal, path: Path, progress: Progress) -> tuple[int, int, dict[int, str]]:
    """The last position of the journal, that of the file, and what only the file has redacted; reads it to its end."""
    last: int = journal.last_position()
    brought_last = last
    redactions: dict[int, str] = {}
    here: Iterator[Envelope] = iter(())
    for record in _read(path, progress):
        if isinstance(record, Header):
            _check_place(journal, record, last)
            brought_last = record.last
            here = _envelopes(journal, record.first, min(last, record.last))
        elif isinstance(record, EnvelopeRecord):
            brought = envelope_of(record)
            if brought.position > last:
                continue
            kept = next(here)
            if not _same(kept, brought):
                raise Conflict(f"the journal holds something else: position {kept.position} is not that of the file")
            if brought.body is None and kept.body is not None:
                redactions[kept.position] = record.redacted or ""
        else:
            letter_of(record)
    return last, brought_last, redactions


def _check_place(journal: Journal, header: Header, last: int) -> None:
    if header.first > last + 1:
        raise Conflict(
            f"the file begins at position {header.first} and the journal ends at {last}: import what is between first"
        )
    before = journal.envelope(header.first - 1)
    if header.after is not None and before is not None and predecessor_of(before) != header.after:
        raise Conflict(f"the journal holds something else: position {before.position} is not that of the file")


def _same(kept: Envelope, brought: Envelope) -> bool:
    """Wholly, but that the bytes of either may have been redacted."""
    if kept.body is not None and brought.body is not None and kept.body != brought.body:
        return False
    return (kept.position, kept.kind, kept.source, kept.received_at, kept.digest) == (
        brought.position,
        brought.kind,
        brought.source,
        brought.received_at,
        brought.digest,
    )


def _read(path: Path, progress: Progress) -> Iterator[Header | Content]:
    size = path.stat().st_size
    with path.open("rb") as file:
        carrier = parquet if file.read(4) == parquet.MAGIC else ndjson

    def reported() -> Iterator[Record]:
        for record, taken in carrier.read(path):
            progress(taken, size)
            yield record

    return in_order(reported())

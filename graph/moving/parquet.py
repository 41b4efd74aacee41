"""A moved journal as a Parquet file: one row a record, for those who want to query it too.

`body` has the bytes. Header and end stand in the file's metadata, as the lines they are in NDJSON, and the checksum
is that of the same records there. Needs pyarrow (`pip install 'andon[parquet]'`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from graph.errors import InvalidInput
from graph.journal import DeadLetter
from graph.model import Envelope, to_instant

from .records import (
    Content,
    End,
    EnvelopeRecord,
    Header,
    Record,
    Tally,
    envelope_of,
    envelope_record,
    letter_of,
    letter_record,
    line_of,
    record_of,
)

MAGIC = b"PAR1"
_GROUP_BYTES = 8 * 1024 * 1024  # of bodies; a row group is held in memory
_GROUP_ROWS = 10_000
_HEADER, _END = b"andon.header", b"andon.end"
_FIELDS = ("record", "position", "id", "kind", "source", "received_at", "key", "body", "reason", "field")


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InvalidInput("Parquet needs pyarrow: pip install 'andon[parquet]'") from None
    return pyarrow, pyarrow.parquet


def _schema(arrow: Any) -> Any:
    types = {
        "position": arrow.int64(),
        "id": arrow.int64(),
        "received_at": arrow.timestamp("us", "UTC"),
        "key": arrow.binary(),
        "body": arrow.large_binary(),
    }
    return arrow.schema([(name, types.get(name, arrow.string())) for name in _FIELDS])


def write(file: IO[bytes], records: Iterable[Header | Content]) -> End:
    """Write the records and their end; returns the end."""
    arrow, parquet = _pyarrow()
    schema = _schema(arrow)
    tally = Tally()
    rows: list[dict[str, Any]] = []
    held = 0
    with parquet.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
        for record in records:
            line = line_of(record)
            tally.add(record, line)
            if isinstance(record, Header):
                writer.add_key_value_metadata({_HEADER: line})
                continue
            rows.append(_row(record))
            held += len(line)
            if held >= _GROUP_BYTES or len(rows) >= _GROUP_ROWS:
                writer.write_table(arrow.Table.from_pylist(rows, schema))
                rows, held = [], 0
        if rows:
            writer.write_table(arrow.Table.from_pylist(rows, schema))
        end = tally.end()
        writer.add_key_value_metadata({_END: line_of(end)})
    return end


def read(path: Path) -> Iterator[tuple[Record, int]]:
    """Each record and how many bytes of the file were taken so far; the end comes last and is true.

    Raises `InvalidInput` for a file that is cut off, was altered or is something else.
    """
    arrow, parquet = _pyarrow()
    tally = Tally()
    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            said = file.metadata.metadata or {}
            if _HEADER not in said or _END not in said or not file.schema_arrow.equals(_schema(arrow)):
                raise InvalidInput("this Parquet file is no exported journal")
            header, end = record_of(said[_HEADER], 1), record_of(said[_END], 1)
            tally.add(header, line_of(header))
            yield header, 0
            taken = 0
            for number in range(file.num_row_groups):
                for row in file.read_row_group(number).to_pylist():
                    record = _record(row)
                    tally.add(record, line_of(record))
                    yield record, taken
                group = file.metadata.row_group(number)
                taken += sum(group.column(it).total_compressed_size for it in range(group.num_columns))
    except (FileNotFoundError, InvalidInput):
        raise
    except (arrow.ArrowException, OSError, AttributeError, TypeError, ValueError) as error:  # what damage leads to
        raise InvalidInput(f"the file is cut off or damaged: {error}") from None
    if end != tally.end():
        raise InvalidInput("the file was altered or damaged: its content and its checksum differ")
    yield end, path.stat().st_size


def _row(record: Content) -> dict[str, Any]:
    said: Envelope | DeadLetter
    if isinstance(record, EnvelopeRecord):
        said = envelope_of(record)
        own: dict[str, Any] = {"kind": said.kind, "key": said.digest, "reason": record.redacted}
    else:
        said = letter_of(record)
        own = {"id": said.id, "reason": said.reason, "field": said.field}
    return {
        "record": "envelope" if isinstance(record, EnvelopeRecord) else "dead_letter",
        "position": said.position,
        "source": said.source,
        "received_at": said.received_at,
        "body": said.body,
        **own,
    }


def _record(row: dict[str, Any]) -> Content:
    received_at = to_instant(row["received_at"])
    if row["record"] == "envelope":
        envelope = Envelope(row["position"], row["kind"], row["source"], received_at, row["key"], row["body"])
        return envelope_record(envelope, row["reason"])
    position, body = row["position"], row["body"]
    return letter_record(DeadLetter(row["id"], received_at, row["source"], row["reason"], row["field"], body, position))

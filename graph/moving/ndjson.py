"""A moved journal as lines of JSON, plain or packed."""

from __future__ import annotations

import gzip
import importlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from graph.errors import InvalidInput

from .records import Content, End, Header, Record, Tally, line_of, record_of

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_LEVEL = 6


def packed(file: IO[bytes], name: str) -> IO[bytes]:
    """A file to write to that packs as the name's ending says, or `file` itself. Raises `InvalidInput`."""
    if name.endswith(".gz"):
        return gzip.GzipFile("", "wb", _LEVEL, file, 0)  # type: ignore[return-value]  # without name and time
    if name.endswith((".zst", ".zstd")):
        return _zstd(file, "wb")
    return file


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """A file to read from, whatever the content was packed with."""
    start = file.read(4)
    file.seek(0)
    if start.startswith(_GZIP):
        return gzip.GzipFile(fileobj=file, mode="rb")  # type: ignore[return-value]
    return _zstd(file, "rb") if start == _ZSTD else file


def _zstd(file: IO[bytes], mode: str) -> IO[bytes]:
    try:
        zstd: Any = importlib.import_module("compression.zstd")
    except ImportError:
        raise InvalidInput("zstd needs Python 3.14 or later: use a name that ends in .gz") from None
    opened: IO[bytes] = zstd.ZstdFile(file, mode)
    return opened


def write(file: IO[bytes], records: Iterable[Header | Content]) -> End:
    """Write the records and their end; returns the end."""
    tally = Tally()
    for record in records:
        line = line_of(record)
        tally.add(record, line)
        file.write(line)
    end = tally.end()
    file.write(line_of(end))
    return end


def read(path: Path) -> Iterator[tuple[Record, int]]:
    """Each record and how many bytes of the file were taken so far; the end comes last and is true.

    Raises `InvalidInput` for a file that is cut off, was altered or is something else.
    """
    with path.open("rb") as raw:
        tally = Tally()
        end: End | None = None
        for number, line in enumerate(_lines(unpacked(raw)), 1):
            if end is not None:
                raise InvalidInput(f"there is something behind the end, from line {number} on")
            if not line.endswith(b"\n"):
                raise InvalidInput(f"the file is cut off in line {number}")
            record = record_of(line, number)
            if isinstance(record, End):
                end = record
                if end != tally.end():
                    raise InvalidInput("the file was altered or damaged: its content and its checksum differ")
            tally.add(record, line)
            yield record, raw.tell()
        if end is None:
            raise InvalidInput("the file is cut off: it has no end")


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    try:
        yield from file
    except EOFError:
        raise InvalidInput("the file is cut off: it ends while it is being unpacked") from None
    except (zlib.error, gzip.BadGzipFile) as error:
        raise InvalidInput(f"the file is damaged: {error}") from None

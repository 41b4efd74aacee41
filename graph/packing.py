"""How journals keep bodies: deflated where that saves more than it costs."""

from __future__ import annotations

import zlib

PLAIN, ZLIB = 0, 1
_COMPRESS_FROM = 512  # bytes; below, deflating saves less than the row costs


def pack(body: bytes) -> tuple[int, bytes]:
    """(codec, bytes to keep)."""
    return (PLAIN, body) if len(body) < _COMPRESS_FROM else (ZLIB, zlib.compress(body, 1))


def unpack(codec: int, body: bytes | None) -> bytes | None:
    return zlib.decompress(body) if codec == ZLIB and body is not None else body

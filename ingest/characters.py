"""Characters that envelopes may hold and the graph does not."""

from __future__ import annotations

import re

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def without_nul(body: bytes) -> bytes:
    """JSON as it is decoded: with U+FFFD for each U+0000, which can stand in JSON as `\\u0000` alone.

    Every decoder reads its envelope so, and thus both stacks fold the same: PostgreSQL's text takes any character but
    that one. The journal keeps the body as it came.
    """
    return _NUL.sub(rb"\1\\ufffd", body) if b"\\u0000" in body else body

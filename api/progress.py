"""The progress bar that long commands show."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_REDRAWN = 0.1  # seconds between two looks
_WIDTH = 30


class Bar:
    """How far we are, on standard error while it is a terminal."""

    def __init__(self, total: int = 1) -> None:
        self._total = max(total, 1)
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def show(self, done: int, what: str, total: int | None = None) -> None:
        """`what` must be printable; `total` where it was not known before."""
        if total is not None:
            self._total = max(total, 1)
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + _REDRAWN
            filled = _WIDTH * done // self._total
            bar = "#" * filled + "." * (_WIDTH - filled)
            sys.stderr.write(f"\r\x1b[K[{bar}] {100 * done // self._total:3} % {what[-40:]}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar while the block runs; what it is given says how much of how much is done."""
    bar = Bar()
    try:
        yield lambda done, total: bar.show(done, what, total)
    finally:
        bar.clear()

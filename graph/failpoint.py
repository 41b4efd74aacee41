"""Named places where a test can have the process die, to prove that nothing acknowledged is lost there.

Costs one comparison when none is armed. Never armed outside tests: the setting is refused beyond loopback.
"""

from __future__ import annotations

import os
import signal

PLACES = (
    "journal.before_commit",
    "journal.after_commit",
    "projector.before_fold",
    "projector.during_fold",
    "projector.before_commit",
    "projector.after_commit",
)

_armed: str | None = None
_remaining = 0


def arm(spec: str) -> None:
    """Arm `place` or `place:n` (die at the n-th passing). Raises `ValueError` for an unknown place."""
    global _armed, _remaining
    place, _, count = spec.partition(":")
    if place not in PLACES:
        raise ValueError(f"unknown failpoint {place!r}; known: {', '.join(PLACES)}")
    _armed, _remaining = place, int(count or 1)


def reach(place: str) -> None:
    """Die here by SIGKILL if this place is armed and its count has run down."""
    global _remaining
    if _armed == place:
        _remaining -= 1
        if _remaining <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

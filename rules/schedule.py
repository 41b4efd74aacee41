"""Times by the clock on the wall: which instants a schedule comes to, summer time and winter time included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from graph.errors import InvalidInput
from graph.model import Instant

MAX_LENGTH = 200
_OVERLAP = timedelta(hours=3)
"""No clock has ever been turned back by more; the search begins that much earlier."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`cron` has minute, hour, day of the month, month and day of the week (mon to sun), as crontab(5) has them.

    A time that the clock skips in spring comes an hour later by it; one that it repeats in autumn comes once, but for
    schedules of every hour (`*` or `*/n`), which go by what really passes. Raises `InvalidInput`.
    """

    cron: str
    timezone: str

    def __post_init__(self) -> None:
        if len(self.cron) > MAX_LENGTH:
            raise InvalidInput(f"is longer than {MAX_LENGTH} characters")
        if re.search(r"\d", self.cron.split()[-1] if self.cron.split() else ""):
            raise InvalidInput("name the days of the week, as mon-fri: numbers mean different days to different tools")
        try:
            _zone(self.timezone)
        except (ValueError, OSError, KeyError):
            raise InvalidInput(
                f"there is no time zone {self.timezone[:100]!r}; expected one as Europe/Berlin"
            ) from None
        try:
            _trigger(self.cron)
        except ValueError as error:
            raise InvalidInput(f"is not a cron expression: {str(error)[:200]}") from None
        if self.next_after(Instant(0)) is None:
            raise InvalidInput("never comes")

    def next_after(self, instant: Instant) -> Instant | None:
        """The first instant after one; None where there is none."""
        zone, trigger = _zone(self.timezone), _trigger(self.cron)
        after = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=instant)
        by_the_wall = after.astimezone(zone).replace(tzinfo=UTC) - _OVERLAP
        folds = (0, 1) if self.cron.split()[1].startswith("*") else (0,)
        found: datetime | None = None
        while (at := trigger.get_next_fire_time(None, by_the_wall)) is not None:
            real = [at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in folds]
            if found is not None and real[0] >= found:
                break
            later = [it for it in real if it > after]
            found = min([it for it in (found, *later) if it is not None], default=None)
            by_the_wall = at + timedelta(microseconds=1)
        return None if found is None else _instant(found)

    def last_until(self, first: Instant, last: Instant) -> Instant | None:
        """The last instant in (first, last]; None where there is none."""
        nearer = (Instant(last - seconds * 1_000_000) for seconds in (600, 86_400, 40 * 86_400))
        for start in (*(it for it in nearer if it > first), first):
            found, at = None, self.next_after(start)
            while at is not None and at <= last:
                found, at = at, self.next_after(at)
            if found is not None:
                return found
        return None

    def day_began(self, instant: Instant) -> Instant:
        """Midnight before it, by the clock of the time zone."""
        zone = _zone(self.timezone)
        local = (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=instant)).astimezone(zone)
        return _instant(datetime.combine(local.date(), time(), zone))


def _instant(moment: datetime) -> Instant:
    return Instant((moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1))


@lru_cache(maxsize=1_000)
def _trigger(cron: str) -> CronTrigger:
    """By a clock that is never put forward or back: `Schedule` sees to that."""
    return CronTrigger.from_crontab(cron, timezone=UTC)


@lru_cache(maxsize=1_000)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)

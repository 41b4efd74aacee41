"""Times by the clock: zones, summer time, days, and what is no schedule."""

from __future__ import annotations

import pytest

from graph.errors import InvalidInput
from graph.model import Instant, isoformat, parse_instant
from rules.schedule import Schedule


def times(cron: str, zone: str, after: str, count: int) -> list[str]:
    schedule, at, found = Schedule(cron, zone), parse_instant(after), []
    for _ in range(count):
        following = schedule.next_after(at)
        assert following is not None
        at = following
        found.append(isoformat(at))
    return found


def test_seven_in_the_morning_of_working_days_is_by_the_clock_of_the_zone() -> None:
    # Friday, 23 October 2026, is the last working day of summer time in Berlin.
    assert times("0 7 * * mon-fri", "Europe/Berlin", "2026-10-22T12:00:00Z", 3) == [
        "2026-10-23T05:00:00Z", "2026-10-26T06:00:00Z", "2026-10-27T06:00:00Z",
    ]  # fmt: skip


def test_a_time_that_the_clock_skips_comes_an_hour_later_by_it() -> None:
    # On 29 March 2026 it is 3:00 after 1:59 in Berlin; at 1:30 UTC the clock shows 3:30.
    assert times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2) == [
        "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z",
    ]  # fmt: skip


def test_a_time_that_the_clock_repeats_comes_once() -> None:
    # On 25 October 2026 it is 2:30 in Berlin at 0:30 and at 1:30 UTC.
    assert times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2) == [
        "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z",
    ]  # fmt: skip


@pytest.mark.parametrize("hour", ["*", "*/1"])
def test_every_half_hour_goes_by_what_passes_though_the_clock_is_turned_back(hour: str) -> None:
    assert times(f"*/30 {hour} * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", 6) == [
        "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z",
        "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:30:00Z",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cron", "since", "upto", "last"),
    [
        ("0 7 * * *", "2026-01-01T00:00:00Z", "2026-03-01T06:00:00Z", "2026-02-28T07:00:00Z"),
        ("*/5 * * * *", "2026-01-01T00:00:00Z", "2026-03-01T06:04:00Z", "2026-03-01T06:00:00Z"),
        ("0 0 1 * *", "2026-01-01T00:00:00Z", "2026-03-31T06:04:00Z", "2026-03-01T00:00:00Z"),
        ("0 0 1 1 *", "2020-06-01T00:00:00Z", "2026-03-31T06:04:00Z", "2026-01-01T00:00:00Z"),
    ],
)
def test_the_last_time_of_a_long_while(cron: str, since: str, upto: str, last: str) -> None:
    assert Schedule(cron, "UTC").last_until(parse_instant(since), parse_instant(upto)) == parse_instant(last)


def test_there_is_no_last_time_where_none_came() -> None:
    at = parse_instant("2026-01-01T07:00:00Z")
    assert Schedule("0 7 * * *", "UTC").last_until(at, Instant(at + 1)) is None


def test_a_day_begins_by_the_clock_of_the_zone() -> None:
    schedule = Schedule("0 7 * * *", "Asia/Kolkata")
    assert schedule.day_began(parse_instant("2026-01-01T01:30:00Z")) == parse_instant("2025-12-31T18:30:00Z")


@pytest.mark.parametrize(
    ("cron", "zone", "reason"),
    [
        ("0 7 * *", "UTC", "is not a cron expression"),
        ("", "UTC", "is not a cron expression"),
        ("61 * * * *", "UTC", "higher than the maximum"),
        ("0 7 * * 1-5", "UTC", "name the days of the week"),
        ("0 0 31 2 *", "UTC", "never comes"),
        ("0 7 * * mon", "Mars/Base", "there is no time zone 'Mars/Base'"),
        ("0 7 * * mon", "../../etc/passwd", "there is no time zone"),
        ("0 7 * * " + "mon," * 100, "UTC", "longer than 200"),
    ],
)
def test_what_is_no_schedule_is_said(cron: str, zone: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        Schedule(cron, zone)

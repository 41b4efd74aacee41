"""The process that folds is killed under load, again and again: another one goes on where it ended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.service import Service, wait_until
from tests.faults.aftermath import assert_nothing_lost_or_doubled, assert_one_folded_at_a_time
from tests.faults.installation import Installation
from tests.faults.sending import Load, until_accepted

pytestmark = [pytest.mark.systems, pytest.mark.timeout(480)]

WITHIN = 10.0
"""Seconds in which somebody folds again, on a machine that has nothing else to do."""

KILLS = 3


def patience() -> float:
    """`WITHIN`, and as much longer as processes here have to wait for their turn."""
    return WITHIN * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_a_killed_projector_is_replaced_within_ten_seconds_and_nothing_is_lost_or_doubled(
    tmp_path: Path, installation: Installation, say: Callable[[str], None]
) -> None:
    one, other = installation.process("one"), installation.process("other")
    with installation.running(one, other):
        with Load([one, other]) as load:
            for number in range(KILLS):
                until_accepted(load.sent, 30, wait_until)
                victim = installation.folds([one, other])
                taken = takeover(installation, victim)
                say(f"{taken:.1f} s from kill {number + 1} to the next commit (load {os.getloadavg()[0]:.1f})")
                assert taken < patience()
                victim.start()
            until_accepted(load.sent, 30, wait_until)
        commits = installation.commits()
        assert len({it.token for it in commits}) > KILLS
        assert_one_folded_at_a_time(commits)
        assert_nothing_lost_or_doubled(installation, load.sent, tmp_path, KILLS)
        say(f"{len(load.sent.runs)} events, {len(installation.receiver.received)} messages")


def takeover(installation: Installation, victim: Service) -> float:
    """Kill it; returns after how many seconds somebody has folded on."""
    victim.kill()
    killed, behind = time.monotonic(), installation.position()
    wait_until(lambda: installation.position() > behind, 6 * WITHIN, "somebody folds")
    return time.monotonic() - killed

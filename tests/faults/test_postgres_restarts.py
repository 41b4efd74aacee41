"""PostgreSQL is restarted under load: clients hear 503 and when to come again, and then all goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.service import Service, wait_until
from tests.faults.aftermath import assert_nothing_lost_or_doubled, assert_one_folded_at_a_time
from tests.faults.installation import Installation
from tests.faults.sending import Answer, Load, until_accepted

pytestmark = [pytest.mark.systems, pytest.mark.timeout(480)]

AWAY = 4.0
"""Seconds."""
FORGIVEN = 15.0
"""Seconds after its return in which everything is taken and folded again, on a machine with nothing else to do."""


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_of_postgresql_is_answered_with_503_and_loses_nothing(
    tmp_path: Path, restartable: Installation, how: str, say: Callable[[str], None]
) -> None:
    """`stop` is an operator's, `kill` is a crash: it recovers from its log."""
    one, other = restartable.process("one"), restartable.process("other")
    with restartable.running(one, other):
        pids = [one.pid, other.pid]
        with Load([one, other]) as load:
            until_accepted(load.sent, 30, wait_until)
            gone = time.monotonic()
            getattr(restartable.postgres, how)()
            away = time.monotonic()
            questions = ask_until([one, other], away + AWAY)
            starting = time.monotonic()  # it takes connections a little before its start is known to be through
            restartable.postgres.start()
            back = time.monotonic()
            behind = restartable.position()
            until_accepted(load.sent, 30, wait_until)
            wait_until(lambda: restartable.position() > behind, 6 * FORGIVEN, "somebody folds")
            folded = time.monotonic() - back
        answers = list(load.sent.answers)
        assert [it for it in answers if it.status not in (200, 201, 503)] == []
        refused = [it for it in answers if it.status == 503]
        assert len(refused) > 5
        assert all(it.retry_after is not None and it.retry_after >= 1 for it in refused)
        assert all(it.at >= gone for it in refused)
        assert [it for it in answers if it.status != 503 and away < it.at - it.took and it.at < starting] == []
        assert questions == {"UNAVAILABLE"}
        assert [one.pid, other.pid] == pids, "nobody had to be started again"
        assert restartable.postgres.password not in one.printed() + other.printed()
        say(
            f"{how}: {len(refused)} refused, the slowest in {max(it.took for it in refused):.1f} s; taken again"
            f" {first_taken(answers, back):.1f} s after its return, folded again after {folded:.1f} s"
        )
        for service in (one, other):
            wait_until(lambda it=service: it.client.get("/readyz").status_code == 200, FORGIVEN, "it is ready")  # type: ignore[misc]
        assert_one_folded_at_a_time(restartable.commits())
        assert_nothing_lost_or_doubled(restartable, load.sent, tmp_path)


def ask_until(services: list[Service], until: float) -> set[str]:
    """They are alive and not ready; returns the codes with which questions were answered."""
    seen = set()
    while time.monotonic() < until:
        for service in services:
            assert service.client.get("/healthz").status_code == 200
            assert service.client.get("/readyz").status_code == 503
            answer = service.post_graphql("{ entities { totalCount } }").json()
            seen.add(answer["errors"][0]["extensions"]["code"] if "errors" in answer else "answered")
        time.sleep(0.2)
    return seen


def first_taken(answers: list[Answer], back: float) -> float:
    return min(it.at for it in answers if it.at > back and it.status < 300) - back

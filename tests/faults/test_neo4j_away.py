"""Neo4j is stopped for half a minute while events go on: nobody waits for it, and it is brought along afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.service import Service, wait_until
from tests.faults.aftermath import assert_nothing_lost_or_doubled
from tests.faults.installation import Installation, metric
from tests.faults.sending import DASHBOARDS, Load, until_accepted

pytestmark = [pytest.mark.systems, pytest.mark.timeout(480)]

AWAY = 30.0
"""Seconds."""
LINEAGE = """query($urn: String!) { lineage(urns: [$urn], direction: UPSTREAM, depth: 3) {
    position nodes { urn } edges { source target via evidence } } }"""
DASHBOARD = f"urn:andon:dashboard:{DASHBOARDS.replace(':', '%3A').replace('/', '%2F')}:sales"


def walks(service: Service) -> float:
    return metric(service, "andon_neo4j_walks_total")


def test_neo4j_may_be_stopped_for_half_a_minute_and_is_brought_along_once_it_is_back(
    tmp_path: Path, installation: Installation, say: Callable[[str], None]
) -> None:
    one, other = installation.process("one"), installation.process("other")
    with installation.running(one, other):
        with Load([one, other]) as load:
            until_accepted(load.sent, 30, wait_until)
            assert one.graphql(LINEAGE, {"urn": DASHBOARD})["lineage"]["edges"]
            wait_until(lambda: walked(one) and walked(other), 30, "Neo4j answers for both")

            gone = time.monotonic()
            stopping = threading.Thread(target=installation.neo4j.stop)
            stopping.start()
            try:
                slowest = ask_meanwhile([one, other], gone + AWAY)
            finally:
                stopping.join()
                installation.neo4j.start()
            back = time.monotonic()
            accepted = load.sent.accepted_since(gone)
            longest = longest_wait(load, gone, back)
            until_accepted(load.sent, 30, wait_until)
        position = one.position()
        for service in (one, other):
            wait_until(lambda it=service: metric(it, "andon_neo4j_position") >= position, 60, "it has the backlog")  # type: ignore[misc]
        drained = time.monotonic() - back
        assert load.sent.statuses().keys() <= {200, 201}, "somebody waited in vain"
        assert accepted > AWAY, "events went on"
        say(
            f"away for {back - gone:.0f} s: {accepted} requests taken, the slowest in {longest:.1f} s;"
            f" lineage at most {slowest:.1f} s; {drained:.1f} s until Neo4j had it all"
        )
        wait_until(lambda: walked(one) and walked(other), 30, "Neo4j answers again")
        assert_nothing_lost_or_doubled(installation, load.sent, tmp_path)


def walked(service: Service) -> bool:
    """Ask, and say whether Neo4j has answered."""
    before = walks(service)
    service.graphql(LINEAGE, {"urn": DASHBOARD})
    return walks(service) > before


def ask_meanwhile(services: list[Service], until: float) -> float:
    """Read one's own writes all the while; returns the longest that it took, in seconds."""
    slowest = 0.0
    while time.monotonic() < until:
        for service in services:
            position = service.position()
            began = time.monotonic()
            answer = service.graphql(LINEAGE, {"urn": DASHBOARD}, min_position=position)["lineage"]
            slowest = max(slowest, time.monotonic() - began)
            assert answer["position"] >= position
            assert answer["edges"]
        time.sleep(0.2)
    return slowest


def longest_wait(load: Load, start: float, end: float) -> float:
    return max(it.took for it in list(load.sent.answers) if start <= it.at <= end)

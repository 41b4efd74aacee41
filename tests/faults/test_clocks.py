"""Two processes whose clocks differ by more than a minute: no lease, no order and no question goes by either."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.end_to_end.service import Service, wait_until
from tests.faults.aftermath import assert_nothing_lost_or_doubled, assert_one_folded_at_a_time
from tests.faults.installation import Installation
from tests.faults.sending import Load, until_accepted
from tests.faults.test_takeover import patience, takeover

pytestmark = [pytest.mark.systems, pytest.mark.timeout(480)]

CLOCK = Path(__file__).parent / "clock"
AHEAD = 90.0
"""Seconds; longer than the lease under which a worker delivers a message."""
KNOWN = 'query($known: DateTime!) { entities(type: "Run", asOf: {known: $known}) { totalCount } }'
AT = 'query($position: Int!) { entities(type: "Run", asOf: {position: $position}) { totalCount } }'
DESCRIBE = """mutation($urn: String!, $text: String!) {
    describe(urn: $urn, description: $text) { position entity { description } } }"""
TABLE = "urn:andon:dataset:fault%3A%2F%2Ftest:orders"


def with_clock(installation: Installation, name: str, ahead: float) -> Service:
    return installation.process(name, environment={"PYTHONPATH": str(CLOCK), "FAULTS_CLOCK_AHEAD": str(ahead)})


def received(installation: Installation) -> list[datetime]:
    """When each envelope was received, by position."""
    with psycopg.connect(installation.url) as connection:
        rows = connection.execute("SELECT received_at FROM andon.envelope ORDER BY position").fetchall()
    return [datetime.fromtimestamp(micros / 1_000_000, UTC) for (micros,) in rows]


@pytest.mark.parametrize("first", ["ahead", "behind"])
def test_clocks_that_differ_by_more_than_a_minute_change_nothing(
    tmp_path: Path, installation: Installation, first: str, say: Callable[[str], None]
) -> None:
    processes = {
        "ahead": with_clock(installation, "ahead", AHEAD / 2),
        "behind": with_clock(installation, "behind", -AHEAD / 2),
    }
    began = datetime.now(UTC)
    one, other = processes.pop(first), *processes.values()
    with installation.running(one, other):
        with Load([one, other]) as load:
            until_accepted(load.sent, 40, wait_until)
            assert installation.folds([one, other]) is one
            until_accepted(load.sent, 40, wait_until)
            assert_known_is_sensible([one, other], installation, began)
            assert_the_last_word_counts([one, other])
            taken = takeover(installation, one)
            say(f"the {first} one killed: {taken:.1f} s to the next commit")
            assert taken < patience()
            one.start()
            until_accepted(load.sent, 40, wait_until)
            assert installation.folds([one, other]) is other
        assert_one_folded_at_a_time(installation.commits())
        assert len({it.token for it in installation.commits()}) == 2, "nobody else took it"
        assert_nothing_lost_or_doubled(installation, load.sent, tmp_path, deaths=1)


def assert_known_is_sensible(services: list[Service], installation: Installation, began: datetime) -> None:
    """What is asked as of a moment is what had been received by then, by any process and by the time of the world."""
    times = received(installation)
    assert times == sorted(times)
    assert began - timedelta(seconds=1) < times[0] and times[-1] < datetime.now(UTC) + timedelta(seconds=1)
    for position in (len(times) // 3, len(times) // 2, len(times)):
        moment = times[position - 1]
        last = sum(it <= moment for it in times)  # some are received at one moment
        for service in services:
            known = asked(service, KNOWN, {"known": moment.isoformat()}, last)
            assert known == asked(service, AT, {"position": last}, last) > 0
    for service in services:
        assert asked(service, KNOWN, {"known": (times[0] - timedelta(seconds=1)).isoformat()}, len(times)) == 0


def asked(service: Service, query: str, variables: dict[str, Any], position: int) -> int:
    return int(service.graphql(query, variables, min_position=position)["entities"]["totalCount"])


def assert_the_last_word_counts(services: list[Service]) -> None:
    """Of what people say, whichever process they say it to."""
    for text, service in zip(("one", "two", "three", "four"), [*services, *services], strict=True):
        answer = service.post_graphql(DESCRIBE, {"urn": TABLE, "text": text}, {"X-Andon-Csrf": "1"}).json()
        assert "errors" not in answer, answer
        assert answer["data"]["describe"]["entity"]["description"] == text
        time.sleep(0.01)

"""Two processes that both mean to fold: at most one does at any time, and what the other still writes is refused."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from graph.errors import Unavailable
from graph.model import PRESENT, Position
from graph.postgres import PostgresGraph
from ontology import load
from tests.contract.telling import dump, fold, tell
from tests.end_to_end.service import Service, wait_until
from tests.faults.aftermath import assert_nothing_lost_or_doubled, assert_one_folded_at_a_time
from tests.faults.installation import Installation, watch
from tests.faults.sending import Load, until_accepted
from tests.reference.events import dataset_event
from tests.servers.postgres import PostgresServer

pytestmark = [pytest.mark.systems, pytest.mark.timeout(480)]

ROUNDS = 4
LEASE = 6.0
"""Seconds that a process may fold on where nobody hears of it."""


@contextmanager
def frozen(service: Service) -> Iterator[None]:
    """The process stands still while its connections stay open, as one does whose machine is paused."""
    os.kill(service.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(service.pid, signal.SIGCONT)


def test_a_process_that_comes_back_from_a_pause_has_lost_the_lease_and_writes_nothing(
    tmp_path: Path, installation: Installation, say: Callable[[str], None]
) -> None:
    one, other = installation.process("one"), installation.process("other")
    with installation.running(one, other):
        with Load([one, other]) as load:
            for _ in range(ROUNDS):
                until_accepted(load.sent, 10, wait_until)
                loser = installation.folds([one, other])
                [winner] = [it for it in (one, other) if it is not loser]
                began = time.monotonic()
                with frozen(loser):
                    wait_until(lambda it=winner: installation.folding_pid() == it.pid, 60, "the other takes over")  # type: ignore[misc]
                    say(f"{time.monotonic() - began:.1f} s from the pause to the takeover")
                    until_accepted(load.sent, 10, wait_until)
                until_accepted(load.sent, 10, wait_until)
                assert installation.folding_pid() == winner.pid
        commits = installation.commits()
        assert_one_folded_at_a_time(commits)
        assert len({it.token for it in commits}) == ROUNDS + 1
        assert_nothing_lost_or_doubled(installation, load.sent, tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_many_that_fight_for_it_fold_each_event_once(postgres: PostgresServer, seed: int) -> None:
    """With a lease that runs out again and again in the middle of what they do."""
    words = load()
    url = postgres.new_database()
    bodies = [dataset_event(second, f"t{second % 5}") for second in range(1, 121)]
    graphs = [PostgresGraph(url, words, lease_seconds=0.05) for _ in range(3)]
    assert graphs[0].lead()
    watch(url)
    deadline = time.monotonic() + 60
    refused = threading.Semaphore(0)

    def fight(number: int) -> int:
        graph, chance, folded = graphs[number], random.Random(f"{seed} {number}"), 0
        while (position := graph.position()) < len(bodies) and time.monotonic() < deadline:
            try:
                if graph.lead():
                    time.sleep(chance.choice((0, 0, 0.1)))
                    with graph.transaction():
                        if (position := graph.position()) == len(bodies):
                            raise Unavailable("another was faster")
                        fold(graph, bodies[position], position + 1)
                        time.sleep(chance.choice((0, 0, 0.1)))
                    graph.commit(Position(position + 1))
                    folded += 1
            except Unavailable:
                refused.release()
            time.sleep(chance.choice((0, 0, 0.06)))
        return folded

    with ThreadPoolExecutor(3) as threads:
        folded = list(threads.map(fight, range(3)))

    assert sum(folded) == len(bodies)
    assert all(folded), "all had their turns"
    assert refused.acquire(blocking=False), "nobody ever lost it, or this test says nothing"
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT former, position, token FROM watched.commit ORDER BY number").fetchall()
    assert [position for _, position, _ in rows] == list(range(1, len(bodies) + 1))
    tokens = [token for _, _, token in rows]
    assert tokens == sorted(tokens) and len(set(tokens)) > 3
    alone = PostgresGraph(url, words, schema="alone")
    tell(alone, bodies)
    assert dump(graphs[0], PRESENT) == dump(alone, PRESENT)
    for graph in (*graphs, alone):
        graph.close()

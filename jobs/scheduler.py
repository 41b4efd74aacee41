"""Says in the journal that a rule's time has come, so that a backtest hears the clock as the live rules did.

There is no timer that could be lost: what was said last is in the graph, and what comes next follows from it. Any
number of processes may look at the clock; one time of one rule is one envelope. After a standstill the last missed time
alone is said, and the rule's `max_age` decides whether it is still worth acting on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from graph.model import PRESENT, AsOf, Instant, NewEnvelope, parse_instant
from graph.reader import GraphSnapshot
from rules import record
from rules.index import TICK
from rules.loop import Loop
from rules.rule import Rule, Timer

_IDLE = 1.0  # seconds between looks: also how late a time can be noticed


class Scheduler:
    """Runs from `start` to `stop`. `rules()` are those in force, `append` is the journal's, `clock` the service's."""

    def __init__(
        self,
        rules: Callable[[], Sequence[Rule]],
        snapshot: Callable[[AsOf], AbstractContextManager[GraphSnapshot]],
        append: Callable[[NewEnvelope], object],
        clock: Callable[[], Instant],
    ) -> None:
        self._rules = rules
        self._snapshot = snapshot
        self._append = append
        self._clock = clock
        self._next: dict[str, tuple[str, Instant | None]] = {}
        """By rule, its version and when its time comes next."""
        self._loop = Loop("andon-scheduler", self.step, _IDLE)

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        self._loop.stop(timeout=5.0)

    def step(self) -> bool:
        """Say of each rule whose time has come that it has; False, for there is nothing more to do at once."""
        now = self._clock()
        timed = [(rule, rule.trigger) for rule in self._rules() if isinstance(rule.trigger, Timer)]
        self._look_up([rule for rule, _ in timed if self._next.get(rule.name, ("",))[0] != rule.version_id], now)
        for rule, timer in timed:
            due = self._next[rule.name][1]
            if due is not None and due <= now:
                last = timer.schedule.last_until(Instant(due - 1), now)
                assert last is not None
                self._append(record.tick(rule.name, last))
                self._next[rule.name] = rule.version_id, timer.schedule.next_after(last)
        return False

    def _look_up(self, rules: Iterable[Rule], now: Instant) -> None:
        """When the times of these come, by what the graph knows of them."""
        if rules := [*rules]:
            with self._snapshot(PRESENT) as snapshot:
                for rule in rules:
                    assert isinstance(rule.trigger, Timer)
                    since = _known_since(rule, snapshot) or now
                    self._next[rule.name] = rule.version_id, rule.trigger.schedule.next_after(since)


def _known_since(rule: Rule, snapshot: GraphSnapshot) -> Instant | None:
    """When its time came last, or this version began; None for a rule that the graph does not know yet."""
    entity = snapshot.entity(rule.urn)
    facets = snapshot.facets(entity) if entity is not None else {}
    said = (json.loads(facets[it])["at"] for it in (TICK, "definition") if it in facets)
    return max((parse_instant(it) for it in said), default=None)

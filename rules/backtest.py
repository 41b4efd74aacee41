"""What rules would have done: the engine over changes of the past, with nothing behind it that acts.

The evaluation is the live one, at the same positions of the same graph, so that a backtest finds exactly what the
rules fired, or would have fired had they been there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from graph.errors import TooLarge
from graph.model import Change, Instant, NewEnvelope, Position
from rules.engine import Engine
from rules.lasting import said_in
from rules.outbox import ACTED, Firing, Said, raised_by
from rules.rule import Mode, Rule
from rules.sources import Sources

MAX_FIRINGS = 10_000


class Before(Protocol):
    """What an outbox knows of firings before the backtest began."""

    def depth(self, firing: str) -> int | None: ...

    def fired(self, rule: str, since: Instant, below: Position, subject: str | None) -> int: ...

    def said(self, rule: str, subject: str, below: Position) -> Said | None: ...


class Nothing:
    """Nothing fired before."""

    def depth(self, firing: str) -> int | None:
        return None

    def fired(self, rule: str, since: Instant, below: Position, subject: str | None) -> int:
        return 0

    def said(self, rule: str, subject: str, below: Position) -> Said | None:
        return None


class Memory:
    """`rules.outbox.Decisions` that keeps what is decided and has nobody act on it."""

    def __init__(self, after: Position, before: Before) -> None:
        self.firings: list[Firing] = []
        self._began = after
        self._position = after
        self._before = before
        self._depths: dict[str, int] = {}

    def checkpoint(self) -> Position | None:
        return self._position

    def decide(
        self, after: Position, upto: Position, firings: Sequence[Firing], reports: Sequence[NewEnvelope]
    ) -> bool:
        self.firings += firings
        if len(self.firings) > MAX_FIRINGS:
            raise TooLarge(f"the rule fires more than {MAX_FIRINGS} times; ask about less time", field="to")
        self._depths.update((it.id, it.depth) for it in firings)
        self._position = upto
        return True

    def depth(self, firing: str) -> int | None:
        return self._depths[firing] if firing in self._depths else self._before.depth(firing)

    def fired(self, rule: str, since: Instant, below: Position, subject: str | None) -> int:
        here = (
            it for it in self.firings
            if it.rule == rule and it.verdict in ACTED and it.fired_at > since and it.position < below
            and subject in (None, it.subject)
        )  # fmt: skip
        return sum(1 for _ in here) + self._before.fired(rule, since, Position(self._began + 1), subject)

    def said(self, rule: str, subject: str, below: Position) -> Said | None:
        here = said_in(self.firings, rule, subject, below)
        return here if here is not None else self._before.said(rule, subject, Position(self._began + 1))

    def raised(self, rule: str, target: str) -> Sequence[str]:
        return raised_by(self.firings, rule, target)


def backtest(
    rules: Sequence[Rule],
    sources: Sources,
    *,
    after: Position,
    upto: Position,
    ignore_age: bool = False,
    before: Before | None = None,
) -> list[Firing]:
    """The firings of changes in (after, upto], in order, whatever mode the rules are in.

    `ignore_age`: old changes count too, as those of imported history. `before` is an outbox that knows what fired
    until `after`. Raises `TooLarge` past `MAX_FIRINGS`.
    """

    def within(position: int, limit: int) -> list[Change]:
        return [it for it in sources.changes(position, limit) if it.position <= upto]

    memory = Memory(after, before or Nothing())
    engine = Engine(
        [_live(rule, ignore_age) for rule in rules], replace(sources, changes=within), memory, heeds_switches=False
    )
    while engine.step():
        pass
    return memory.firings


def _live(rule: Rule, ignore_age: bool) -> Rule:
    limits = replace(rule.limits, max_age=timedelta.max) if ignore_age else rule.limits
    return replace(rule, mode=Mode.LIVE, limits=limits)

"""What rules would have done: the engine over changes of the past, with nothing behind it that acts.

The evaluation is the live one, at the same positions of the same graph, so that a backtest finds exactly what the
rules fired, or would have fired had they been there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

from graph.errors import TooLarge
from graph.model import AsOf, Change, Instant, NewEnvelope, Position
from graph.reader import GraphSnapshot
from rules.engine import Engine
from rules.outbox import Firing, raised_by
from rules.rule import Mode, Rule

MAX_FIRINGS = 10_000


class Memory:
    """`rules.outbox.Decisions` that keeps what is decided and has nobody act on it."""

    def __init__(self, after: Position, known_depth: Callable[[str], int | None]) -> None:
        self.firings: list[Firing] = []
        self._position = after
        self._known_depth = known_depth
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
        return self._depths[firing] if firing in self._depths else self._known_depth(firing)

    def raised(self, rule: str, target: str) -> Sequence[str]:
        return raised_by(self.firings, rule, target)


def backtest(
    rules: Sequence[Rule],
    *,
    changes: Callable[[int, int], list[Change]],
    snapshot: Callable[[AsOf], AbstractContextManager[GraphSnapshot]],
    received_at: Callable[[Position], Instant],
    after: Position,
    upto: Position,
    cause: Callable[[Position], str | None] = lambda _: None,
    ignore_age: bool = False,
    known_depth: Callable[[str], int | None] = lambda _: None,
) -> list[Firing]:
    """The firings of changes in (after, upto], in order, whatever mode the rules are in.

    `ignore_age`: old changes count too, as those of imported history. `known_depth` is an outbox's `depth`, for what
    began before `after`; the other arguments are those of `Engine`. Raises `TooLarge` past `MAX_FIRINGS`.
    """

    def within(position: int, limit: int) -> list[Change]:
        return [it for it in changes(position, limit) if it.position <= upto]

    memory = Memory(after, known_depth)
    engine = Engine(
        [replace(rule, mode=Mode.LIVE, max_age=timedelta.max if ignore_age else rule.max_age) for rule in rules],
        changes=within,
        snapshot=snapshot,
        received_at=received_at,
        outbox=memory,
        cause=cause,
    )
    while engine.step():
        pass
    return memory.firings

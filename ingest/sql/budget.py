"""How much work a text may cause. Counted in steps, not in seconds: the same text gives the same answer on a busy
machine, so a graph that is rebuilt is the same graph."""

from __future__ import annotations

STATEMENT = 2_000_000  # steps of one statement: some seconds
SCRIPT = 30_000_000  # steps of a whole script: a minute or two
PER_TOKEN = 4  # steps of parsing one token


class OutOfSteps(Exception):
    """The budget is used up; what was found so far stands. `whole`: the script's, not only the statement's."""

    def __init__(self, whole: bool) -> None:
        super().__init__("the budget of steps is used up")
        self.whole = whole


class Budget:
    """Steps that are left, for the script and for the statement at hand. A step is a node of the syntax tree looked
    at, a column passed on, or a quarter of a token parsed: two to five microseconds."""

    __slots__ = ("script", "statement", "_each")

    def __init__(self, script: int = SCRIPT, statement: int = STATEMENT) -> None:
        self.script = script
        self._each = statement
        self.statement = statement

    def next_statement(self) -> None:
        self.statement = self._each

    @property
    def is_spent(self) -> bool:
        return self.script <= 0

    def spend(self, steps: int) -> None:
        """Raises `OutOfSteps` when there are none left."""
        self.script -= steps
        self.statement -= steps
        if self.statement < 0 or self.script < 0:
            raise OutOfSteps(self.script < 0)

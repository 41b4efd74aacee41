"""Rules by what they are on, so that a change costs what may concern it, however many rules there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from graph.model import Change
from rules.rule import Rule, Timer

TICK = "tick"
"""Facet of a rule's entity that says when its time came last."""


class Index:
    """`all` are the rules in the order given."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.all = tuple(rules)
        self._by_urn = {rule.urn: rule for rule in rules}
        self._by_change: dict[tuple[str, str], list[Rule]] = {}
        for rule in rules:
            triggers = [rule.resolve.trigger] if rule.resolve is not None else []
            if not isinstance(rule.trigger, Timer):
                triggers.append(rule.trigger)
            pairs = {it for trigger in triggers for it in product(trigger.committed, trigger.kinds)}
            for what, kind in sorted(pairs):
                self._by_change.setdefault((what, kind), []).append(rule)

    def on(self, change: Change) -> Sequence[Rule]:
        """Those that may have something to say to a change, by what it is and the kind of entity."""
        return self._by_change.get((change.what, change.urn.split(":", 3)[2]), ())

    def timed(self, change: Change) -> Rule | None:
        """The rule whose time has come, if that may be what the change says: by a rule's first mention too."""
        if TICK not in change.fields and change.what != "entity.opened":
            return None
        rule = self._by_urn.get(change.urn)
        return rule if rule is not None and isinstance(rule.trigger, Timer) else None

    def named(self, urns: Iterable[str]) -> list[Rule]:
        """Those that these urns name."""
        return [self._by_urn[urn] for urn in sorted(self._by_urn.keys() & {*urns})]

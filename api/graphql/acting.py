"""What rules did, would have done, and wait for; and what people say to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import islice
from typing import Any

import strawberry

from api.graphql import shapes
from api.graphql.inputs import AsOf, page_size
from api.graphql.operation import operation
from api.graphql.proof import Proof, proof_of, rule_text
from api.graphql.rules import Backtest, BacktestAnswer, RuleAnswer, RuleDefinition
from api.graphql.shapes import answering
from graph.errors import InvalidInput
from graph.model import PRESENT, Position
from graph.model import AsOf as AsOfPosition
from graph.reader import EntityQuery, EntityRecord, GraphSnapshot
from ingest import mutation as statement

MAX_BACKTEST = 20_000
"""Positions that one backtest may cover."""
MAX_NOTE = 10_000  # characters
_PAGE = 200


@strawberry.enum(description="What becomes of what a rule decides.")
class RuleMode(Enum):
    LIVE = strawberry.enum_value("live", description="It is done.")
    SHADOW = strawberry.enum_value("shadow", description="It is recorded, and not done.")
    OFF = strawberry.enum_value("off", description="The rule decides nothing.")


@strawberry.type
class ActingQuery:
    @answering(list[shapes.Firing], "What rules did, newest first.")
    def firings(self, info: strawberry.Info, first: int | None = None) -> Sequence[Any]:
        return operation(info).services.acting.firings(page_size(first))

    @answering(shapes.Firing | None)
    def firing(self, info: strawberry.Info, urn: str) -> Any:
        return operation(info).services.acting.firing(urn)

    @answering(Proof | None, "Why a firing was, and what came of it: all that it rests on. Null where there is none.")
    def explain(self, info: strawberry.Info, firing: str) -> Any:
        asking = operation(info)
        services = asking.services
        found = services.acting.firing(firing)
        if found is None:
            return None
        owner = next((it.owner for it in services.acting.rules if it.name == found.rule), None)
        known = (asking.open(it) for it in (PRESENT, AsOfPosition(position=Position(found.position))))
        text = next((it for snapshot in known if (it := rule_text(found, snapshot)) is not None), None)
        return proof_of(found, services.journal, services.ontology, owner, text)

    @answering(list[RuleDefinition], "The rules in force, in the order of their files.")
    def rules(self, info: strawberry.Info) -> Sequence[Any]:
        acting = operation(info).services.acting
        modes = acting.modes()
        return [RuleAnswer(it, modes[it.name]) for it in acting.rules]

    @answering(RuleDefinition | None)
    def rule(self, info: strawberry.Info, name: str) -> Any:
        acting = operation(info).services.acting
        found = [it for it in acting.rules if it.name == name]
        return RuleAnswer(found[0], acting.modes()[name]) if found else None

    @answering(list[shapes.Firing], "Firings that wait for somebody's approval, the most urgent first.")
    def approvals(self, info: strawberry.Info, first: int | None = None) -> Sequence[Any]:
        return operation(info).services.acting.waiting(page_size(first))

    @answering(list[shapes.Entity], "Incidents, newest first; those that are open, or all.")
    def incidents(
        self, info: strawberry.Info, open: bool = True, first: int | None = None, as_of: AsOf | None = None
    ) -> Sequence[EntityRecord]:
        snapshot = operation(info).snapshot(as_of, info._raw_info.path)
        return list(islice(_incidents(snapshot, open), page_size(first)))

    @answering(
        Backtest,
        "What a rule would have done about the changes of positions in (`after`, `upto`]; nothing is done. `rule` names"
        " one in force, `yaml` is the text of any other.",
    )
    def backtest(
        self,
        info: strawberry.Info,
        rule: str | None = None,
        yaml: str | None = None,
        after: int = 0,
        upto: int | None = None,
        ignore_age: bool = False,
    ) -> Any:
        services = operation(info).services
        if (rule is None) == (yaml is None):
            raise InvalidInput("expected either 'rule' or 'yaml'", field="rule")
        last = services.progress.position if upto is None else min(upto, services.progress.position)
        if last - after > MAX_BACKTEST:
            reason = (
                f"covers {last - after} positions, expected at most {MAX_BACKTEST}; 'andon rules backtest' has no bound"
            )
            raise InvalidInput(reason, field="after")
        found = services.acting.backtest(services.ontology, rule, yaml, max(after, 0), last, ignore_age)
        return BacktestAnswer.of(after, last, found)


def _incidents(snapshot: GraphSnapshot, only_open: bool) -> Iterator[EntityRecord]:
    after = None
    while True:
        query = EntityQuery(kinds=frozenset({statement.INCIDENT}), order="CREATED_AT_DESC", first=_PAGE, after=after)
        page = snapshot.entities(query)
        for it in page.records:
            if not only_open or "closedAt" not in snapshot.attributes(it):
                yield it
        if not page.has_next:
            return
        after = page.cursors[-1]

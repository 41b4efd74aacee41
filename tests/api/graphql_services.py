"""A GraphQL engine over a fake graph and a real journal, for tests of GraphQL without the rest of the
service.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

import ontology
from api.auth import ANYONE, Caller
from api.graphql import Engine, Services, build_schema
from api.graphql.engine import Outcome, Request
from api.graphql.limits import Limits
from graph.errors import NotFound
from graph.model import Instant
from graph.sqlite_journal import SqliteJournal
from rules.outbox import Firing, FiringRecord
from rules.rule import Rule
from tests.api.fake_graph import T0, FakeGraph

ONTOLOGY = ontology.load()
SCHEMA, SDL = build_schema(ONTOLOGY)
LIMITS = Limits(depth=10, cost=10_000, aliases=15, tokens=2_000)


@dataclass
class FixedProgress:
    """Stands at a position and never moves."""

    position: int = 7
    rebuilds: int = 0

    def await_position(self, position: int, timeout: float) -> bool:
        return self.position >= position

    def rebuild(self) -> None:
        self.rebuilds += 1


@dataclass
class Asking:
    """Runs operations and gives their answers as JSON."""

    engine: Engine
    services: Services
    progress: FixedProgress

    def run(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        caller: Caller = ANYONE,
        csrf: bool = True,
        name: str | None = None,
        seconds: float = 5,
    ) -> Outcome:
        return self.engine.run(Request(query, variables or {}, name, caller, csrf), seconds)

    def answer(self, query: str, variables: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        content: dict[str, Any] = msgspec.json.decode(self.run(query, variables, **options).body)
        return content

    def data(self, query: str, variables: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        content = self.answer(query, variables, **options)
        assert "errors" not in content, content
        data: dict[str, Any] = content["data"]
        return data

    def codes(self, query: str, variables: dict[str, Any] | None = None, **options: Any) -> list[str]:
        """The codes of the errors in the answer."""
        content = self.answer(query, variables, **options)
        return [error["extensions"]["code"] for error in content.get("errors", ())]


class NoRules:
    """`api.graphql.services.Acting` where there are none."""

    rules: tuple[Rule, ...] = ()

    def modes(self) -> dict[str, str]:
        return {}

    def firings(self, first: int) -> list[FiringRecord]:
        return []

    waiting = firings

    def firing(self, urn: str) -> FiringRecord | None:
        return None

    def backtest(self, *_: object) -> list[Firing]:
        return []

    def answer(self, urn: str, approved: bool, by: str, note: str | None = None, *, is_known: bool = True) -> None:
        raise NotFound("there is no firing")

    def reload(self) -> tuple[Rule, ...]:
        return ()

    def replay(self, key: str) -> None:
        raise NotFound("there is no action")


def asking(graph: FakeGraph, journal: SqliteJournal, *, introspection: bool = True) -> Asking:
    progress = FixedProgress()
    services = Services(
        reader=graph,
        journal=journal,
        progress=progress,
        ontology=ONTOLOGY,
        acting=NoRules(),
        authentication=lambda: False,
        now=lambda: Instant(T0),
        started_at=T0,
        version="1.2.3",
        lineage_max_nodes=5_000,
        position_wait=0.05,
    )
    return Asking(Engine(SCHEMA, services, LIMITS, introspection=introspection), services, progress)


def journal_in(folder: Path) -> SqliteJournal:
    return SqliteJournal(folder / "journal.db", synchronous="OFF")

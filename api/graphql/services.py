"""What the resolvers work with: the ports they read from and write to, bound once by `api.app`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from graph.journal import Journal
from graph.model import Instant
from graph.reader import EntityRecord, GraphReader
from ontology import Ontology
from rules import outbox
from rules.rule import Rule


class FiringAction(Protocol):
    """One action of a firing: its idempotency key, kind, target, state, tries, the last error, and its result."""

    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def last_error(self) -> str | None: ...
    @property
    def result(self) -> Mapping[str, object] | None: ...


class Firing(Protocol):
    """A rule that fired: on what, at which position, on what evidence, and what it did."""

    @property
    def urn(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def rule_version(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def subject(self) -> str: ...
    @property
    def fired_at(self) -> Instant: ...
    @property
    def what(self) -> str: ...
    @property
    def cause(self) -> str | None: ...
    @property
    def verdict(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def actions(self) -> Sequence[FiringAction]: ...
    @property
    def evidence(self) -> Sequence[int]: ...
    @property
    def data(self) -> object: ...
    @property
    def awaited(self) -> outbox.Awaited | None: ...
    @property
    def answered(self) -> outbox.Answered | None: ...


class Acting(Protocol):
    """The rules, and what they do; `rules.RuleService` says what each of these does and raises."""

    @property
    def rules(self) -> Sequence[Rule]: ...
    def modes(self) -> Mapping[str, str]: ...
    def firings(self, first: int) -> Sequence[Firing]: ...
    def firing(self, urn: str) -> outbox.FiringRecord | None: ...
    def waiting(self, first: int) -> Sequence[Firing]: ...
    def backtest(
        self, ontology: Ontology, name: str | None, yaml: str | None, after: int, upto: int, ignore_age: bool
    ) -> Sequence[outbox.Firing]: ...
    def answer(self, urn: str, approved: bool, by: str, note: str | None = None, *, is_known: bool = True) -> None: ...
    def reload(self) -> Sequence[Rule]: ...
    def replay(self, key: str) -> None: ...


class Progress(Protocol):
    """How far the graph has read the journal."""

    @property
    def position(self) -> int: ...

    def await_position(self, position: int, timeout: float) -> bool:
        """Block until the graph has read up to `position`; False if `timeout` seconds were not enough."""

    def rebuild(self) -> None:
        """Forget the graph and fold it anew from the journal, soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    reader: GraphReader
    journal: Journal
    progress: Progress
    ontology: Ontology
    acting: Acting
    authentication: Callable[[], bool]
    now: Callable[[], Instant]
    started_at: Instant
    version: str
    lineage_max_nodes: int
    position_wait: float
    check_shapes: Callable[[EntityRecord, Mapping[str, object], Mapping[str, Sequence[str]]], None] | None = None
    """Raises `InvalidInput` where these attributes and targets of an entity would break a shape; None checks none."""
    rdf_position: Callable[[], int | None] = lambda: None
    """How far RDF is; None where it is not kept, or nobody has asked it yet."""

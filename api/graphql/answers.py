"""Values behind the shapes that no record of `graph.reader` is: pages, and what is counted or renamed on the
way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graph.journal import DeadLetter as DeadLetterRecord
from graph.model import Instant, Position
from graph.reader import DiffRecord, EdgeRecord, EntityRecord, LineageAnswer, Page


@dataclass(frozen=True, slots=True)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Edge:
    cursor: str
    node: EntityRecord


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of entities as Relay wants it."""

    page: Page
    has_previous: bool

    @property
    def nodes(self) -> Sequence[EntityRecord]:
        return self.page.records

    @property
    def edges(self) -> Sequence[Edge]:
        return [Edge(cursor, node) for cursor, node in zip(self.page.cursors, self.page.records, strict=True)]

    @property
    def total_count(self) -> int:
        return self.page.total

    @property
    def page_info(self) -> PageInfo:
        cursors = self.page.cursors
        first, last = (cursors[0], cursors[-1]) if cursors else (None, None)
        return PageInfo(self.page.has_next, self.has_previous, first, last)


@dataclass(frozen=True, slots=True)
class Relation:
    name: str
    outgoing: bool
    entity: EntityRecord


@dataclass(frozen=True, slots=True)
class HiddenCount:
    urn: str
    up: int
    down: int


@dataclass(frozen=True, slots=True)
class LineageGraph:
    """A lineage answer whose hidden neighbours are a list, sorted by urn."""

    answer: LineageAnswer

    @property
    def nodes(self) -> Sequence[EntityRecord]:
        return self.answer.nodes

    @property
    def edges(self) -> Sequence[EdgeRecord]:
        return self.answer.edges

    @property
    def truncated(self) -> bool:
        return self.answer.truncated

    @property
    def total_nodes(self) -> int:
        return self.answer.total_nodes

    @property
    def position(self) -> Position:
        return self.answer.position

    @property
    def hidden(self) -> Sequence[HiddenCount]:
        return [HiddenCount(urn, up, down) for urn, (up, down) in sorted(self.answer.hidden.items()) if up or down]


@dataclass(frozen=True, slots=True)
class DiffItem:
    record: DiffRecord

    @property
    def change(self) -> str:
        return self.record.change

    @property
    def urn(self) -> str | None:
        return self.record.entity.urn if self.record.entity is not None else None

    @property
    def entity(self) -> EntityRecord | None:
        return self.record.entity

    @property
    def edge(self) -> EdgeRecord | None:
        return self.record.edge

    @property
    def fields(self) -> Sequence[str]:
        return self.record.fields


@dataclass(frozen=True, slots=True)
class GraphDiff:
    items: Sequence[DiffItem]
    total_count: int
    page_info: PageInfo


@dataclass(frozen=True, slots=True)
class TypeCount:
    type: str
    count: int


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    version: str
    ontology_version: str
    position_received: int
    position_projected: int
    position_rdf: int | None
    dead_letters: int
    counts: Sequence[TypeCount]
    stops: int
    started_at: Instant
    authentication: bool


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter with its body as text; bytes that are no UTF-8 show as replacement characters."""

    letter: DeadLetterRecord

    @property
    def id(self) -> int:
        return self.letter.id

    @property
    def position(self) -> int | None:
        return self.letter.position

    @property
    def received_at(self) -> Instant:
        return self.letter.received_at

    @property
    def source(self) -> str:
        return self.letter.source

    @property
    def reason(self) -> str:
        return self.letter.reason

    @property
    def field(self) -> str | None:
        return self.letter.field or None

    @property
    def body(self) -> str | None:
        return self.letter.body.decode(errors="replace") if self.letter.body is not None else None


@dataclass(frozen=True, slots=True)
class MutationResult:
    position: int
    entity: EntityRecord | None

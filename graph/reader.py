"""The port by which interfaces read the graph: entities, lineage, differences, as of any instant.

GraphQL, REST, the rules and the page see the graph through `GraphReader` alone. Answers are frozen records;
what is rarely wanted (facets, aliases, columns) is asked for by a call of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from .derivations import Mark
from .model import PRESENT, AsOf, Instant, Position
from .statements import Transformation

PARENT_JOB = "andon_parent"
"""A job's facet {"job": {"namespace", "name"}}: whose child it is also where no run says so."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """By which propagation a tag was derived, from the tag of which place (urn), how many hops from where it was said.

    `evidence` are the positions that made the last hop hold.
    """

    propagation: str
    mark: Mark
    origin: str
    hops: int
    evidence: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    key: str
    value: str | None = None
    source: str | None = None
    field: str | None = None  # the column path the tag is said of, within its dataset
    derived: tuple[Derivation, ...] = ()
    said: bool = True  # False: it is only derived


@dataclass(frozen=True, slots=True)
class Owner:
    name: str
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name an entity is known by; `kind` is TABLE, LOCATION, FORMER or None."""

    namespace: str
    name: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class EntityRecord:
    """One entity as of the instant asked for; `id` is the store's own key and stays inside the process."""

    id: int
    kind: str  # the key class's urn kind
    type: str  # the ontology class, perhaps a subclass
    namespace: str
    name: str
    urn: str
    created_at: Instant
    updated_at: Instant
    description: str | None = None
    tags: tuple[Tag, ...] = ()
    owners: tuple[Owner, ...] = ()
    dropped: bool = False
    attributes: str | None = None  # JSON object; `GraphSnapshot.attributes` reads it


@dataclass(frozen=True, slots=True)
class ColumnRecord(EntityRecord):
    dataset_id: int = 0
    path: str = ""
    data_type: str | None = None
    ordinal: int | None = None


@dataclass(frozen=True, slots=True)
class RunRecord(EntityRecord):
    state: str = "UNKNOWN"
    started_at: Instant | None = None
    ended_at: Instant | None = None
    job_id: int = 0


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A dataset version: as its format names it, else one an output's COMPLETE run (run urn then)."""

    version: str
    created_at: Instant
    run_urn: str | None


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    """An attribute of an entity, or any one of its values where it has many, compares so with one of `values`.

    `comparison` is `=`, `<` or `>`; numbers are compared as numbers, text by code point. `values` are of one type; only
    `=` compares with more than one. Instants are written as `model.isoformat` does.
    """

    name: str
    comparison: str
    values: tuple[str | int | float | bool, ...]
    is_instant: bool = False


@dataclass(frozen=True, slots=True)
class EntityQuery:
    """Which entities to list. `types` are ontology classes with their subclasses already expanded."""

    types: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    namespaces: frozenset[str] | None = None
    names: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    owners: frozenset[str] | None = None
    attributes: tuple[AttributeCondition, ...] = ()
    search: str | None = None
    include_dropped: bool = False
    order: str = "NAME"  # NAME | CREATED_AT_DESC | UPDATED_AT_DESC
    first: int = 100
    after: str | None = None  # a cursor from an earlier page


@dataclass(frozen=True, slots=True)
class Page:
    """`cursors[i]` belongs to `records[i]`; `total` counts all that match, on every page alike."""

    records: tuple[EntityRecord, ...]
    cursors: tuple[str, ...]
    total: int
    has_next: bool


class Direction(Enum):
    UPSTREAM = "UPSTREAM"
    DOWNSTREAM = "DOWNSTREAM"
    BOTH = "BOTH"


class Level(Enum):
    DATASET = "DATASET"
    COLUMN = "COLUMN"
    JOB = "JOB"


@dataclass(frozen=True, slots=True)
class LineageQuery:
    """`depth` counts hops of `level`; filters bridge over what they hide. `limit` bounds the nodes answered.

    `with_intervals` and `with_evidence` may be switched off by a caller that does not show them.
    """

    urns: tuple[str, ...]
    direction: Direction = Direction.BOTH
    depth: int = 3
    level: Level = Level.DATASET
    types: frozenset[str] | None = None
    namespaces: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    history: bool = False
    limit: int = 5_000
    with_intervals: bool = True
    with_evidence: bool = True
    with_hidden: bool = True


@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """`source` flows into `target`; the interval is [valid_from, valid_to), None for open."""

    source: str
    target: str
    kind: str
    via: tuple[str, ...] = ()
    transformations: tuple[Transformation, ...] = ()
    valid_from: Instant = Instant(0)
    valid_to: Instant | None = None
    last_confirmed_at: Instant = Instant(0)
    evidence: tuple[int, ...] = ()
    evidence_count: int = 0


@dataclass(frozen=True, slots=True)
class LineageAnswer:
    """`hidden` maps a shown node's urn to its (upstream, downstream) neighbours beyond the answer."""

    nodes: tuple[EntityRecord, ...]
    edges: tuple[EdgeRecord, ...]
    truncated: bool
    total_nodes: int
    position: Position
    hidden: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RelationRecord:
    """What somebody said: `source` has `relation` (its name in the ontology, never that of an inverse) to `target`."""

    relation: str
    source: EntityRecord
    target: EntityRecord


@dataclass(frozen=True, slots=True)
class StopRecord:
    """A stop that holds: `target` is the urn of what was stopped, `policy` is block, isolate or warn."""

    entity: EntityRecord
    target: str
    cause: str
    policy: str
    owner: str | None
    since: Instant

    @property
    def urn(self) -> str:
        return self.entity.urn


@dataclass(frozen=True, slots=True)
class StopHere:
    """A stop for which an entity stands; `via` is the way to it, urns from what was stopped to the entity itself."""

    stop: StopRecord
    via: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathRecord:
    nodes: tuple[EntityRecord, ...]
    edges: tuple[EdgeRecord, ...]


@dataclass(frozen=True, slots=True)
class DiffRecord:
    """`change` is OPENED, CLOSED or ALTERED; exactly one of entity and edge is set."""

    change: str
    entity: EntityRecord | None = None
    edge: EdgeRecord | None = None
    fields: tuple[str, ...] = ()


Support = tuple[tuple[int, ...], int]
"""(positions of the newest 20 envelopes that say something, ascending, how many there are)"""


class GraphSnapshot(Protocol):
    """One consistent state of the graph; every method answers as of `as_of`."""

    as_of: AsOf

    def position(self) -> Position:
        """The journal position this snapshot has read up to."""

    def entity(self, urn: str) -> EntityRecord | None:
        """The entity a urn resolves to: former and merged names resolve to their entity."""

    def find(self, kinds: frozenset[str], namespace: str, name: str) -> EntityRecord | None:
        """The entity of one of these kinds that is known by this name."""

    def entities(self, query: EntityQuery) -> Page:
        """One page of entities; raises `InvalidInput` for a cursor that is none."""

    def entities_by_id(self, ids: Sequence[int]) -> dict[int, EntityRecord]: ...

    def facets(self, entity: EntityRecord) -> dict[str, bytes]:
        """Facet key -> its JSON, verbatim, without deleted ones."""

    def aliases(self, entity: EntityRecord) -> tuple[Alias, ...]: ...

    def attributes(self, entity: EntityRecord) -> dict[str, object]:
        """Attribute name -> JSON value, as they were said; the class is the record's `type`."""

    def relations(self, entity: EntityRecord, relation: str | None = None) -> tuple[RelationRecord, ...]:
        """All that was said to go out from it, or one relation's, in (relation, target urn) order.

        What the graph works out itself (reads, writes, derivedFrom, ...) is read by its own calls.
        """

    def related_from(
        self, entity: EntityRecord, relation: str | None = None, first: int | None = None
    ) -> tuple[RelationRecord, ...]:
        """All that was said to come in to it, or one relation's, in (relation, source urn) order; `first` of them."""

    def columns(self, dataset: EntityRecord) -> tuple[ColumnRecord, ...]:
        """Present columns, in the schema's order, those only named elsewhere last."""

    def versions(self, dataset: EntityRecord) -> tuple[VersionRecord, ...]:
        """Newest first."""

    def runs(self, job: EntityRecord, first: int) -> tuple[RunRecord, ...]:
        """Newest start first."""

    def run_datasets(self, run: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        """(inputs, outputs): the union over the run's events."""

    def job_datasets(self, job: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        """(inputs, outputs) of the job's present lineage."""

    def said_in(self, entity: EntityRecord, keys: frozenset[str] | None = None) -> Support:
        """Which envelopes spoke of an entity, or said something of these registers of it."""

    def output_said_in(self, source: EntityRecord, output: EntityRecord) -> Support:
        """Which envelopes say that a run has an output, or that a job has by its present lineage."""

    def dataset_jobs(self, dataset: EntityRecord) -> tuple[tuple[EntityRecord, ...], tuple[EntityRecord, ...]]:
        """(jobs that read it, jobs that write it) by their present lineage, in urn order."""

    def parent(self, entity: EntityRecord) -> EntityRecord | None:
        """The parent job of a job, the parent run of a run.

        A job's is that of its latest-started run, else what its own facet `PARENT_JOB` says.
        """

    def is_retired(self, job: EntityRecord) -> bool: ...

    def lineage(self, query: LineageQuery) -> LineageAnswer:
        """Raises `NotFound` for a start that does not exist and `InvalidInput` for one of the wrong level."""

    def paths(self, source: str, target: str, level: Level, limit: int = 20) -> tuple[PathRecord, ...]:
        """Shortest paths downstream from source to target, at most `limit`."""

    def stops(self) -> tuple[StopRecord, ...]:
        """The stops that hold, the oldest first."""

    def stops_on(self, entity: EntityRecord) -> tuple[StopHere, ...]:
        """The stops for which it stands, its own and those that reach it from upstream: the strongest policy first,
        then the nearest. A column stands with its dataset, a run with its job.
        """

    def counts(self) -> dict[str, int]:
        """Entities by ontology class, dropped ones left out; columns are all that were ever named."""


class GraphReader(Protocol):
    """Opens snapshots; safe to call from any thread."""

    def snapshot(self, as_of: AsOf = PRESENT) -> AbstractContextManager[GraphSnapshot]: ...

    def diff(self, before: AsOf, after: AsOf, urns: Sequence[str] | None = None) -> Iterator[DiffRecord]:
        """What differs between two states: entities first, then relations, each in urn order."""

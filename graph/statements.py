"""What a decoder makes of an envelope: who says what, about which entity, valid when.

Decoders are pure: `Envelope -> Statements`. Large parts that sources repeat word for word (facets, column
lineage) travel as `Digested`: a content hash and a way to read the value, so that a repetition is recognised
by its hash and not parsed again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from .model import Instant, Name

T = TypeVar("T")


class Rank(IntEnum):
    """Whose word counts more, before time decides (docs/meaning.md, Facets)."""

    INFERENCE = 1
    PRODUCER = 2
    PERSON = 3


class Role(IntEnum):
    """In which role an envelope mentions an entity; a slot of its registers each.

    At equal times OUTPUT > LISTED > INPUT decides between schemas.
    """

    INPUT = 0
    LISTED = 1  # a DatasetEvent, a catalogue's listing
    OUTPUT = 2
    SUBJECT = 3  # a job's or run's own facets
    MENTIONED = 4  # named in passing: a parent, a column's source
    PERSON = 5  # said beside what makes it exist: by a person, or derived
    DROPPED = 6
    NOTED = 7  # an output that a DROP or RENAME stands on: no write
    GUESSED = 8  # columns that only inference names: there as long as no schema is in force


@dataclass(frozen=True, slots=True)
class Digested(Generic[T]):
    """A value known by the hash of its bytes; `load` parses it and is called at most once per new hash."""

    digest: bytes
    load: Callable[[], T]


@dataclass(frozen=True, slots=True)
class Facet:
    """One register of an entity: `value` is its JSON verbatim, None when `_deleted`."""

    key: str
    value: bytes | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Identifier:
    """One entry of a symlinks facet; `type` is TABLE, LOCATION or whatever the producer wrote."""

    name: Name
    type: str


@dataclass(frozen=True, slots=True)
class FacetSet:
    """All facets one envelope says of one entity.

    `columns` are the column paths it names, `fields` the schema's (path, type, description) in order;
    `identifiers` is None where there is no symlinks facet (which changes nothing) and empty where the facet
    is there and names nobody.
    """

    facets: tuple[Facet, ...] = ()
    columns: tuple[str, ...] = ()
    fields: tuple[tuple[str, str | None, str | None], ...] | None = None
    identifiers: tuple[Identifier, ...] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """An envelope speaks of `subject` in `role`, with these facets."""

    subject: Name
    role: Role
    facets: Digested[FacetSet] | None = None
    rank: Rank = Rank.PRODUCER


@dataclass(frozen=True, slots=True)
class Renamed:
    """The entity called `previous` is called `subject` from now on."""

    subject: Name
    previous: Name


@dataclass(frozen=True, slots=True)
class Transformation:
    """How a source column reaches its target (OpenLineage ColumnLineageDatasetFacet 1-2-0).

    `confidence` is that of an inference, 0 to 1; None: a producer's word.
    """

    type: str
    subtype: str | None = None
    description: str | None = None
    masking: bool = False
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ColumnFlow:
    """`source`.`column` flows into `target_column`, or into the whole output when that is None."""

    source: Name
    column: str
    target_column: str | None
    transformations: tuple[Transformation, ...]


@dataclass(frozen=True, slots=True)
class OutputFlow:
    """The column lineage said of one output; `flows` None: the facet is there as `_deleted`."""

    output: Name
    flows: tuple[ColumnFlow, ...] | None


@dataclass(frozen=True, slots=True)
class EntityFlow:
    """One input of one entry of an explicit `lineage` facet; source None: "no upstream", said outright."""

    target: Name
    source: Name | None
    column: str | None = None
    target_column: str | None = None
    transformations: tuple[Transformation, ...] = ()


@dataclass(frozen=True, slots=True)
class Flows:
    """The lineage one envelope says for its job: the unit that accumulates over a run.

    `inferred` are column flows into outputs, all with a confidence; they count for outputs of whose columns no
    producer has said anything.
    """

    inputs: tuple[Name, ...] = ()
    outputs: tuple[Name, ...] = ()
    column_lineage: tuple[OutputFlow, ...] = ()
    entries: tuple[EntityFlow, ...] | None = None  # None: no explicit `lineage` facet
    entry_columns: tuple[OutputFlow, ...] = ()
    inferred: tuple[OutputFlow, ...] = ()

    @property
    def has_datasets(self) -> bool:
        return bool(self.inputs or self.outputs or self.entries)


@dataclass(frozen=True, slots=True)
class RunSaid:
    """One event of a run; `type` START RUNNING COMPLETE FAIL ABORT OTHER ("" counts as RUNNING)."""

    run: Name
    job: Name
    type: str
    streaming: bool
    flows: Digested[Flows] | None


@dataclass(frozen=True, slots=True)
class Declared:
    """Lineage declared for a job (or, with a dataset as `job`, for an implicit one), outside any run.

    flows None withdraws the person's declaration.
    """

    job: Name
    rank: Rank
    flows: Digested[Flows] | None
    register: bool = False  # one declaration at a time per rank: the newest said replaces, in any order


@dataclass(frozen=True, slots=True)
class Statements:
    """All that one envelope says, valid at `at` (the producer's time)."""

    at: Instant
    said: tuple[Said, ...] = ()
    run: RunSaid | None = None
    declared: tuple[Declared, ...] = ()
    renamed: tuple[Renamed, ...] = ()

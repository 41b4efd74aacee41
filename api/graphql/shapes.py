"""What GraphQL answers look like: Strawberry types as shapes over the records of `graph.reader`.

No instance of a shape over a record is ever made: the executor reads a record's attribute of the same name
(or the one that `read` names), or calls the function that `ask` names with the record and its snapshot.
`schema.build_schema` binds both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import msgspec
import strawberry

from api.graphql import answers
from api.graphql.inputs import page_size
from api.graphql.properties import properties_of, schema_of
from api.graphql.values import Json
from graph.attributes import is_fact
from graph.derivations import DERIVED_TAG, way_of
from graph.model import Instant
from graph.reader import Alias as AliasRecord
from graph.reader import (
    ColumnRecord,
    EdgeRecord,
    EntityRecord,
    GraphSnapshot,
    RunRecord,
    StopHere,
    VersionRecord,
)

TAG_REGISTER = "tag:"
"""Facet keys of tags that people gave; shown as tags, not as facets."""

Ask = Callable[[Any, GraphSnapshot], object]
Resolver = TypeVar("Resolver", bound=Callable[..., object])


def read(attribute: str, description: str | None = None) -> Any:
    """A field whose value is the record's attribute of another name."""
    return strawberry.field(metadata={"attribute": attribute}, description=description)


def ask(question: Ask, description: str | None = None) -> Any:
    """A field whose value `question(record, snapshot)` looks up."""
    return strawberry.field(metadata={"ask": question}, description=description)


def about(description: str) -> Any:
    """A plain field with something to say about it."""
    return strawberry.field(description=description)


def answering(graphql_type: object, description: str | None = None) -> Callable[[Resolver], Resolver]:
    """Declares a resolver whose Python values are records and whose GraphQL type is the shape over them."""
    return cast(Callable[[Resolver], Resolver], strawberry.field(graphql_type=graphql_type, description=description))


def facets(entity: EntityRecord, snapshot: GraphSnapshot) -> dict[str, msgspec.Raw]:
    found = snapshot.facets(entity)
    return {
        key: msgspec.Raw(value)
        for key, value in found.items()
        if not key.startswith((TAG_REGISTER, DERIVED_TAG)) and not is_fact(key)
    }


def properties(entity: EntityRecord, snapshot: GraphSnapshot) -> dict[str, object]:
    return properties_of(snapshot.facets(entity)) | snapshot.attributes(entity)


def aliases(entity: EntityRecord, snapshot: GraphSnapshot) -> Sequence[AliasRecord]:
    return snapshot.aliases(entity)


def columns(dataset: EntityRecord, snapshot: GraphSnapshot) -> Sequence[ColumnRecord]:
    return snapshot.columns(dataset)


def versions(dataset: EntityRecord, snapshot: GraphSnapshot) -> Sequence[VersionRecord]:
    return snapshot.versions(dataset)


def schema_fields(dataset: EntityRecord, snapshot: GraphSnapshot) -> Sequence[object]:
    return schema_of(snapshot.facets(dataset).get("schema"))


def dataset_of_column(column: ColumnRecord, snapshot: GraphSnapshot) -> EntityRecord | None:
    return snapshot.entities_by_id((column.dataset_id,)).get(column.dataset_id)


def job_inputs(job: EntityRecord, snapshot: GraphSnapshot) -> Sequence[EntityRecord]:
    return snapshot.job_datasets(job)[0]


def job_outputs(job: EntityRecord, snapshot: GraphSnapshot) -> Sequence[EntityRecord]:
    return snapshot.job_datasets(job)[1]


def run_inputs(run: EntityRecord, snapshot: GraphSnapshot) -> Sequence[EntityRecord]:
    return snapshot.run_datasets(run)[0]


def run_outputs(run: EntityRecord, snapshot: GraphSnapshot) -> Sequence[EntityRecord]:
    return snapshot.run_datasets(run)[1]


def job_of_run(run: RunRecord, snapshot: GraphSnapshot) -> EntityRecord | None:
    return snapshot.entities_by_id((run.job_id,)).get(run.job_id)


def parent(entity: EntityRecord, snapshot: GraphSnapshot) -> EntityRecord | None:
    return snapshot.parent(entity)


def retired(job: EntityRecord, snapshot: GraphSnapshot) -> bool:
    return snapshot.is_retired(job)


def transformations(edge: EdgeRecord, snapshot: GraphSnapshot) -> Sequence[dict[str, object]]:
    """What was inferred is marked, and says how sure it is."""
    found = []
    for it in edge.transformations:
        said: dict[str, object] = {name: getattr(it, name) for name in ("type", "subtype", "description", "masking")}
        found.append(said if it.confidence is None else said | {"inferred": True, "confidence": it.confidence})
    return found


def _relations(root: strawberry.Parent[EntityRecord], info: strawberry.Info, first: int = 20) -> list[Relation]:
    snapshot: GraphSnapshot = info.context.snapshot_below(info._raw_info.path)
    size, ontology = page_size(first), info.context.services.ontology
    found: Any = [answers.Relation(it.relation, True, it.target) for it in snapshot.relations(root)[:size]]
    for it in snapshot.related_from(root, first=size):
        known = ontology.relations.get(it.relation)
        name = it.relation if known is None or known.inverse is None else known.inverse
        found.append(answers.Relation(name, False, it.source))
    relations: list[Relation] = found
    return relations


def stopped(entity: EntityRecord, snapshot: GraphSnapshot) -> StopHere | None:
    return next(iter(snapshot.stops_on(entity)), None)


def stops(entity: EntityRecord, snapshot: GraphSnapshot) -> Sequence[StopHere]:
    return snapshot.stops_on(entity)


@strawberry.type(description="Another name an entity is known by.")
class Alias:
    namespace: str
    name: str
    kind: str | None


@strawberry.type(description="Why a tag is there that nobody said: it travelled along lineage.")
class Derivation:
    propagation: str = about("The propagation's name.")
    origin: str = about("Urn of the place before: it has the tag too, said or derived.")
    path: list[str] = ask(way_of, "Urns from where it is said to the place before.")
    hops: int = about("How many from where it was said.")
    evidence: list[int] = about("Journal positions of what made the last hop hold.")


@strawberry.type
class Tag:
    key: str
    value: str | None
    source: str | None
    field: str | None = about("The column the tag is said of, within its dataset.")
    said: bool = about("Whether somebody says it; else it is only derived.")
    derived: list[Derivation]


@strawberry.type
class Owner:
    name: str
    type: str | None


@strawberry.type(description="What a source or a person says that joins an entity to another.")
class Relation:
    name: str = about("As it reads from the entity asked about: the relation, or its inverse; see `outgoing`.")
    outgoing: bool = about("False where the other entity says it; then `name` is the inverse's, if it has one.")
    entity: Entity = about("The other one.")


@strawberry.type(description="A stop for which an entity stands.")
class Stopped:
    stop: Stop = read("stop.entity")
    policy: str = read("stop.policy", "block, isolate or warn; with warn it may go on.")
    cause: str = read("stop.cause")
    owner: str | None = read("stop.owner", "Who is to end it.")
    since: Instant = read("stop.since")
    via: list[str] = about("Urns from what was stopped down to the entity; of the entity alone where it was stopped.")


@strawberry.interface
class Node:
    id: strawberry.ID = read("urn")


@strawberry.interface(description="A node of the graph; there is one object type for each key class of the ontology.")
class Entity(Node):
    urn: str
    type: str = about("The class in the ontology, perhaps a subclass of the key class.")
    namespace: str
    name: str
    aliases: list[Alias] = ask(aliases)
    description: str | None
    tags: list[Tag]
    owners: list[Owner]
    properties: Json = ask(properties, "Attributes, and what facets say in plain values, by name.")
    facets: Json = ask(facets, "Facet by its key, as it came.")
    created_at: Instant
    updated_at: Instant
    dropped: bool = about("Gone from its system; shown in lineage, left out of lists unless asked for.")
    stopped: Stopped | None = ask(
        stopped, "The strongest of its `stops`; a column's and a run's are its dataset's, its job's."
    )
    stops: list[Stopped] = ask(
        stops, "The stops that hold for it, those from upstream too: the strongest, then the nearest first."
    )
    relations: list[Relation] = strawberry.field(
        resolver=_relations,
        description="What was said to join it to others: at most `first` going out, then coming in.",
    )


@strawberry.type
class SchemaField:
    name: str
    type: str | None
    description: str | None


@strawberry.type
class DatasetVersion:
    version: str
    created_at: Instant
    run_urn: str | None


@strawberry.type
class Column(Entity):
    name: str = read("path")
    dataset: Dataset | None = ask(dataset_of_column)
    data_type: str | None
    ordinal: int | None


@strawberry.type
class Dataset(Entity):
    columns: list[Column] = ask(columns, "Present columns in the schema's order, those only named elsewhere last.")
    versions: list[DatasetVersion] = ask(versions, "Newest first.")
    schema: list[SchemaField] = ask(schema_fields, "The schema facet in force, nested fields as paths.")


def _runs(root: strawberry.Parent[EntityRecord], info: strawberry.Info, first: int = 20) -> list[Run]:
    snapshot: GraphSnapshot = info.context.snapshot_below(info._raw_info.path)
    found: Any = snapshot.runs(root, page_size(first))
    runs: list[Run] = found
    return runs


@strawberry.type
class Job(Entity):
    runs: list[Run] = strawberry.field(resolver=_runs, description="Newest start first.")
    inputs: list[Entity] = ask(job_inputs, "What its present lineage reads.")
    outputs: list[Entity] = ask(job_outputs, "What its present lineage writes.")
    parent: Job | None = ask(parent)
    retired: bool = ask(retired, "A person has said that it is no more; its lineage has ended.")


@strawberry.type
class Run(Entity):
    state: str = about("RUNNING, COMPLETE, FAIL, ABORT or UNKNOWN.")
    started_at: Instant | None
    ended_at: Instant | None
    inputs: list[Entity] = ask(run_inputs)
    outputs: list[Entity] = ask(run_outputs)
    job: Job | None = ask(job_of_run)
    parent: Run | None = ask(parent)


@strawberry.type(description="Somebody pulled the cord on an entity.")
class Stop(Entity):
    pass


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class EntityEdge:
    cursor: str
    node: Entity


@strawberry.type
class EntityConnection:
    edges: list[EntityEdge]
    nodes: list[Entity]
    page_info: PageInfo
    total_count: int


@strawberry.type(description="Data flows from `source` to `target` (urns) in [validFrom, validTo).")
class LineageEdge:
    source: str
    target: str
    via: list[str] = about("Urns of the jobs that say so; at JOB level of the datasets.")
    kind: str
    transformations: list[Json] = ask(transformations)
    valid_from: Instant
    valid_to: Instant | None
    last_confirmed_at: Instant
    evidence: list[int] = about("Positions in the journal of the newest envelopes behind it.")
    evidence_count: int


@strawberry.type
class HiddenCount:
    urn: str
    up: int
    down: int


@strawberry.type
class LineageGraph:
    nodes: list[Entity]
    edges: list[LineageEdge]
    truncated: bool
    total_nodes: int
    position: int
    hidden: list[HiddenCount] = about("Neighbours beyond the answer.")


@strawberry.type
class LineagePath:
    nodes: list[Entity]
    edges: list[LineageEdge]


@strawberry.type
class DiffItem:
    change: str = about("OPENED, CLOSED or ALTERED.")
    urn: str | None
    entity: Entity | None
    edge: LineageEdge | None
    fields: list[str]


@strawberry.type
class GraphDiff:
    items: list[DiffItem]
    total_count: int
    page_info: PageInfo


@strawberry.type
class TypeCount:
    type: str
    count: int


@strawberry.type
class ServiceStatus:
    version: str
    ontology_version: str
    position_received: int
    position_projected: int
    position_rdf: int | None = about("Position that RDF has; null where it is not kept, or nobody has asked it yet.")
    dead_letters: int
    counts: list[TypeCount]
    stops: int = about("How many stops hold.")
    started_at: Instant
    authentication: bool


@strawberry.type
class DeadLetter:
    id: int
    position: int | None
    received_at: Instant
    source: str
    reason: str
    field: str | None
    body: str | None


@strawberry.type
class FiringAction:
    key: str
    kind: str
    target: str
    state: str
    attempts: int
    last_error: str | None
    result: Json | None = about("What its target said came of it, such as the run that it started.")


@strawberry.type
class AwaitedApproval:
    by: list[str] = about("Those who may answer; whoever may write, where there is nobody.")
    until: Instant = about("When it is refused unless somebody has answered.")
    reason: str


@strawberry.type
class GivenAnswer:
    approved: bool
    by: str | None = about("Null where nobody answered in time.")
    at: Instant
    note: str | None


@strawberry.type
class Firing:
    urn: str
    rule: str
    rule_version: str
    position: int
    what: str = about("The change that it is about.")
    subject: str
    fired_at: Instant
    verdict: str = about(
        "fired, no_targets, too_old, loop_cut, shadow, limited, undecided; waiting for an approval, or refused."
    )
    reason: str | None
    cause: str | None = about("The firing that led to the change.")
    actions: list[FiringAction]
    evidence: list[int]
    data: Json | None = about("What the graph answered to the rule's query; null where it asks nothing.")
    awaited: AwaitedApproval | None = about("Whose approval it waits or waited for.")
    answered: GivenAnswer | None = about("What somebody said to it.")


@strawberry.type
class MutationResult:
    position: int
    entity: Entity | None

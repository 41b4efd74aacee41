"""The fields that come from the ontology: one for each attribute, relation and inverse, on the types they are for.

They are added to the schema once that is compiled, so that every ontology gets its own. A field that a shape has
written out by hand stays; so does the first of two terms of one name. A relation that events tell (`LINEAGE`) is read
from lineage, one that the graph tells by other fields (tags, owners, a firing's rule) has no field of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLFloat,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
)

from api.graphql.inputs import page_size
from api.graphql.operation import Operation
from graph.model import Instant, parse_instant
from graph.reader import ColumnRecord, Direction, EntityRecord, GraphSnapshot, Level, LineageQuery, RunRecord
from graph.spending import spent
from ingest.facts import KNOWN_OTHERWISE
from ontology import Attribute, Ontology, Relation

Info: TypeAlias = GraphQLResolveInfo[Operation]
Records = Sequence[EntityRecord]
Read = Callable[[EntityRecord, GraphSnapshot, int], Records]


ROWS = 20
"""How many entities a relation answers unless it is asked for more or fewer."""


class _Make(Protocol):
    """Makes one field, with its definition as the description or without."""

    def __call__(self, *, described: bool) -> GraphQLField: ...


LONG = GraphQLScalarType("Long", serialize=int, description="A whole number of up to 64 bits.")


def _hop(level: Level, direction: Direction, entity: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    """What lies one hop away."""
    query = LineageQuery(
        (entity.urn,), direction, 1, level, with_intervals=False, with_evidence=False, with_hidden=False
    )
    return sorted((it for it in snapshot.lineage(query).nodes if it.urn != entity.urn), key=lambda it: it.urn)


def _one(found: EntityRecord | None) -> Records:
    return () if found is None else (found,)


def _by_id(id: int, snapshot: GraphSnapshot) -> Records:
    return tuple(snapshot.entities_by_id((id,)).values())


def _job_of_run(run: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return _by_id(run.job_id, snapshot) if isinstance(run, RunRecord) else ()


def _dataset_of(column: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return _by_id(column.dataset_id, snapshot) if isinstance(column, ColumnRecord) else ()


def _reads(job: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return snapshot.job_datasets(job)[0]


def _writes(job: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return snapshot.job_datasets(job)[1]


def _readers(dataset: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return snapshot.dataset_jobs(dataset)[0]


def _writers(dataset: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return snapshot.dataset_jobs(dataset)[1]


def _columns(dataset: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return snapshot.columns(dataset)


def _runs(job: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return snapshot.runs(job, first)


def _parent(entity: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return _one(snapshot.parent(entity))


_UP, _DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
LINEAGE: Mapping[str, tuple[Read, Read | None]] = {
    "derivedFrom": (partial(_hop, Level.DATASET, _UP), partial(_hop, Level.DATASET, _DOWN)),
    "columnDerivedFrom": (partial(_hop, Level.COLUMN, _UP), partial(_hop, Level.COLUMN, _DOWN)),
    "feeds": (partial(_hop, Level.JOB, _DOWN), partial(_hop, Level.JOB, _UP)),
    "reads": (_reads, _readers),
    "writes": (_writes, _writers),
    "hasColumn": (_columns, _dataset_of),
    "executes": (_job_of_run, _runs),
    "parentJob": (_parent, None),
    "parentRun": (_parent, None),
}
"""Relations that events tell: how they are read from their source, and from their target."""

_SINGLE_INVERSES = frozenset({"hasColumn"})
"""Relations whose target has one source only."""


def add_fields(schema: GraphQLSchema, ontology: Ontology, names: Mapping[str, str]) -> None:
    """Give each key class its fields; `names` are those of the object types, by urn kind."""
    date_time = schema.type_map["DateTime"]
    assert isinstance(date_time, GraphQLScalarType)
    schema.type_map[LONG.name] = LONG
    fields = _Fields(schema, ontology, names, date_time)
    entity = schema.type_map["Entity"]
    assert isinstance(entity, GraphQLInterfaceType)
    types = {kind: schema.type_map[name] for kind, name in names.items()}
    taken = {name for it in types.values() if isinstance(it, GraphQLObjectType) for name in it.fields}
    every = {name: make for name, make in fields.of_every() if name not in taken}
    entity.fields.update({name: make(described=True) for name, make in every.items()})
    for kind, found in types.items():
        assert isinstance(found, GraphQLObjectType)
        for name, make in (*every.items(), *fields.of(ontology.key_class_for_kind(kind))):
            if name not in found.fields:
                found.fields[name] = make(described=name not in every)
    budget = types.get("budget")
    if isinstance(budget, GraphQLObjectType):
        budget.fields.setdefault("spent", GraphQLField(GraphQLFloat, resolve=_resolve_spent, description=_SPENT))


def rows(ontology: Ontology) -> Mapping[str, int]:
    """How many entities each field that looks others up may answer where it does not say `first`."""
    found: dict[str, int] = {}
    for relation in ontology.relations.values():
        found[relation.name] = ROWS if relation.to_many else 1
        if relation.inverse is not None:
            found[relation.inverse] = 1 if relation.name in _SINGLE_INVERSES else ROWS
    return found


class _Fields:
    """Makes the fields of each term; those of every entity are described at the interface alone."""

    def __init__(
        self, schema: GraphQLSchema, ontology: Ontology, names: Mapping[str, str], date_time: GraphQLScalarType
    ) -> None:
        self._schema = schema
        self._ontology = ontology
        self._names = names
        self._scalars: Mapping[str, GraphQLScalarType] = {
            "boolean": GraphQLBoolean, "integer": LONG, "decimal": GraphQLFloat, "dateTime": date_time,
        }  # fmt: skip
        self._terms = list(self._attributes())
        for relation in ontology.relations.values():
            self._terms += self._relation(relation)

    def of(self, key_class: str) -> Iterator[tuple[str, _Make]]:
        """What entities of a key class may have: its own terms, those above it and those of its subclasses."""
        below = self._ontology.subclasses(key_class)
        for domain, name, make in self._terms:
            if key_class in self._ontology.subclasses(domain) or domain in below:
                yield name, make

    def of_every(self) -> Iterator[tuple[str, _Make]]:
        """What all entities may have."""
        every = frozenset(it.name for it in self._ontology.key_classes)
        for domain, name, make in self._terms:
            if every <= self._ontology.subclasses(domain):
                yield name, make

    def _attributes(self) -> Iterator[tuple[str, str, _Make]]:
        for it in self._ontology.attributes.values():
            if it.name not in KNOWN_OTHERWISE:
                yield it.domain, it.name, partial(self._attribute, it)

    def _attribute(self, attribute: Attribute, *, described: bool) -> GraphQLField:
        scalar = self._scalars.get(attribute.range, GraphQLString)
        many = attribute.cardinality.endswith("*")
        declared: Any = GraphQLNonNull(GraphQLList(GraphQLNonNull(scalar))) if many else scalar
        resolve = partial(
            _resolve_values if many else _resolve_value, attribute.name, _READ.get(attribute.range, _text)
        )
        return GraphQLField(declared, resolve=resolve, description=attribute.definition if described else None)

    def _relation(self, relation: Relation) -> Iterator[tuple[str, str, _Make]]:
        if relation.name in KNOWN_OTHERWISE and relation.name not in LINEAGE:
            return
        there, back = LINEAGE.get(relation.name, (partial(_targets, relation.name), partial(_sources, relation.name)))
        text = relation.definition
        yield relation.domain, relation.name, partial(self._ends, relation.range, relation.to_many, there, text)
        if relation.inverse is not None and back is not None:
            to_many = relation.name not in _SINGLE_INVERSES
            said = f"Read from the other end, {relation.name}: {text}"
            yield relation.range, relation.inverse, partial(self._ends, relation.domain, to_many, back, said)

    def _ends(self, end: str, to_many: bool, read: Read, definition: str, *, described: bool) -> GraphQLField:
        kind = self._ontology.classes[end].kind
        shown: Any = self._schema.type_map[self._names[kind] if kind else "Entity"]
        text = definition if described else None
        if not to_many:
            return GraphQLField(shown, resolve=partial(_resolve_one, read), description=text)
        listed = GraphQLNonNull(GraphQLList(GraphQLNonNull(shown)))
        first = {"first": GraphQLArgument(GraphQLInt)}
        return GraphQLField(listed, first, partial(_resolve_many, read), description=text)


def _targets(relation: str, entity: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return [it.target for it in snapshot.relations(entity, relation)]


def _sources(relation: str, entity: EntityRecord, snapshot: GraphSnapshot, first: int) -> Records:
    return [it.source for it in snapshot.related_from(entity, relation, first)]


def _resolve_one(read: Read, source: Any, info: Info) -> EntityRecord | None:
    return next(iter(read(source, info.context.snapshot_below(info.path), 1)), None)


def _resolve_many(read: Read, source: Any, info: Info, first: int | None = None) -> Records:
    size = page_size(first, ROWS)
    return read(source, info.context.snapshot_below(info.path), size)[:size]


_SPENT = (
    "What was charged to what it is for, a data product's parts included: billed costs in its currency whose period"
    " begins in its time."
)


def _resolve_spent(source: Any, info: Info) -> float:
    return float(spent(source, info.context.snapshot_below(info.path)))


def _resolve_value(name: str, read: Callable[[object], object], source: Any, info: Info) -> object:
    return read(info.context.snapshot_below(info.path).attributes(source).get(name))


def _resolve_values(name: str, read: Callable[[object], object], source: Any, info: Info) -> Iterable[object]:
    said = info.context.snapshot_below(info.path).attributes(source).get(name)
    found = map(read, said if isinstance(said, list) else [said])
    return [it for it in found if it is not None]


# A value that was said under another ontology may be of another type than the field: then there is none.


def _text(said: object) -> str | None:
    return said if isinstance(said, str) else None


def _boolean(said: object) -> bool | None:
    return said if isinstance(said, bool) else None


def _integer(said: object) -> int | None:
    return said if isinstance(said, int) and not isinstance(said, bool) else None


def _number(said: object) -> float | None:
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None


def _instant(said: object) -> Instant | None:
    try:
        return parse_instant(said) if isinstance(said, str) else None
    except ValueError:
        return None


_READ: Mapping[str, Callable[[object], object]] = {
    "boolean": _boolean, "integer": _integer, "decimal": _number, "dateTime": _instant,
}  # fmt: skip

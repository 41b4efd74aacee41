"""Makes the GraphQL schema of an ontology: one object type for each key class, compiled by Strawberry, its
fields bound, and those that come from the ontology added.

Strawberry wraps every field in a resolver that looks for arguments, permissions and extensions. Fields
without arguments need none of that: they are bound to a plain read of the record (`Attribute`) or to their
question (`shapes.ask`), which the executor then runs at the cost of graphql-core or below.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from operator import attrgetter
from typing import Any, TypeAlias

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    Undefined,
    print_schema,
    specified_scalar_types,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField

from api.graphql import shapes
from api.graphql.derived import LONG, add_fields
from api.graphql.mutation import Mutation
from api.graphql.operation import Operation
from api.graphql.query import Query
from api.graphql.scalars import SCALARS
from graph.errors import InvalidInput
from graph.reader import EntityRecord
from ontology import Ontology

Info: TypeAlias = GraphQLResolveInfo[Operation]

TYPE_NAMES = {"Tag": "TagDefinition", "Firing": "FiringEntity"}
"""Key classes whose own name a plain type of the schema has."""

_DECLARED: dict[str, type] = {
    "Dataset": shapes.Dataset,
    "Column": shapes.Column,
    "Job": shapes.Job,
    "Run": shapes.Run,
}


class Attribute:
    """A resolver that reads one attribute; the executor knows it and skips what such a read does not need."""

    __slots__ = ("get",)

    def __init__(self, name: str) -> None:
        self.get: Callable[[Any], Any] = attrgetter(name)

    def __call__(self, source: Any, _info: Info) -> Any:
        return self.get(source)


def build_schema(ontology: Ontology) -> tuple[GraphQLSchema, str]:
    """The executable schema and its SDL.

    Raises `InvalidInput` where an own word would go by a name that something else in the schema has.
    """
    _refuse_taken_names(ontology)
    kinds = {entity.kind: TYPE_NAMES.get(entity.name, entity.name) for entity in ontology.key_classes}
    types = [
        _DECLARED.get(entity.name) or _entity_type(kinds[entity.kind], entity.definition)
        for entity in ontology.key_classes
    ]
    declared = strawberry.Schema(
        query=Query, mutation=Mutation, types=types, config=StrawberryConfig(scalar_map=SCALARS)
    )
    compiled = declared._schema
    _bind(compiled, kinds)
    add_fields(compiled, ontology, kinds)
    return compiled, print_schema(compiled) + "\n"


@cache
def _own_parts() -> GraphQLSchema:
    """What the schema has whatever the ontology says."""
    declared = strawberry.Schema(
        query=Query, mutation=Mutation, types=list(_DECLARED.values()), config=StrawberryConfig(scalar_map=SCALARS)
    )
    return declared._schema


def _refuse_taken_names(ontology: Ontology) -> None:
    types = _own_parts().type_map
    own = {it.name for it in ontology.modules if it.own}
    for entity in ontology.key_classes:
        if entity.module in own and (entity.name in types or entity.name in (LONG.name, *specified_scalar_types)):
            raise InvalidInput(f"the GraphQL schema has a type {entity.name} of its own", field="ontology")
    for ends, name in _own_fields(ontology, own):
        below = ontology.subclasses(ends)
        for declared in ("Entity", *_DECLARED):
            held = types[declared]
            assert isinstance(held, GraphQLInterfaceType | GraphQLObjectType)
            if name in held.fields and (declared in below or ends in ontology.subclasses(declared)):
                raise InvalidInput(f"{declared} has a field {name} of its own", field="ontology")


def _own_fields(ontology: Ontology, own: Collection[str]) -> Iterator[tuple[str, str]]:
    """(class that has it, name) of each field that own words ask for."""
    for attribute in ontology.attributes.values():
        if attribute.module in own:
            yield attribute.domain, attribute.name
    for relation in ontology.relations.values():
        if relation.module in own:
            yield relation.domain, relation.name
            if relation.inverse is not None:
                yield relation.range, relation.inverse


def _entity_type(name: str, definition: str) -> type:
    made = type(name, (shapes.Entity,), {"__annotations__": {}, "__module__": shapes.__name__})
    return strawberry.type(made, description=definition)


def _bind(schema: GraphQLSchema, kinds: dict[str, str]) -> None:
    def type_of(record: EntityRecord, _info: Info, _type: object) -> str:
        return kinds[record.kind]

    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLInterfaceType):
            graphql_type.resolve_type = type_of
        elif isinstance(graphql_type, GraphQLObjectType):
            graphql_type.is_type_of = None
            for field in graphql_type.fields.values():
                _bind_field(field)
                _drop_null_defaults(field.args.values())
        elif isinstance(graphql_type, GraphQLInputObjectType):
            _drop_null_defaults(graphql_type.fields.values())


def _drop_null_defaults(declared: Iterable[GraphQLArgument | GraphQLInputField]) -> None:
    """Strawberry declares `= null` for what may be left out; our functions have that default themselves."""
    for one in declared:
        if one.default_value is None:
            one.default_value = Undefined


def _bind_field(field: GraphQLField) -> None:
    declared = field.extensions.get("strawberry-definition")
    if not isinstance(declared, StrawberryField) or not declared.is_basic_field:
        return
    question = declared.metadata.get("ask")
    if question is not None:
        field.resolve = _asking(question)
    else:
        field.resolve = Attribute(declared.metadata.get("attribute", declared.python_name))


def _asking(question: shapes.Ask) -> Callable[[Any, Info], object]:
    def resolve(source: Any, info: Info) -> object:
        return question(source, info.context.snapshot_below(info.path))

    return resolve

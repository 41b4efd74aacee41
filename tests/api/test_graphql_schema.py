"""The schema as it was reviewed."""

from pathlib import Path

from graphql import GraphQLInterfaceType, build_schema

from api.graphql.schema import TYPE_NAMES
from api.graphql.sdl import sdl
from tests.api.graphql_services import ONTOLOGY, SCHEMA

SNAPSHOT = Path(__file__).parents[2] / "api" / "schema.graphql"


def test_the_schema_is_the_one_that_was_reviewed() -> None:
    assert sdl() == SNAPSHOT.read_text(), "python -m api.graphql.sdl > api/schema.graphql, and note it in CHANGELOG.md"


def test_the_reviewed_schema_is_valid_graphql() -> None:
    assert build_schema(SNAPSHOT.read_text()).query_type is not None


def test_every_key_class_of_the_ontology_has_an_object_type_that_is_an_entity() -> None:
    entity = SCHEMA.type_map["Entity"]
    assert isinstance(entity, GraphQLInterfaceType)

    possible = {type_.name for type_ in SCHEMA.get_possible_types(entity)}

    assert possible == {TYPE_NAMES.get(one.name, one.name) for one in ONTOLOGY.key_classes}


def test_what_may_be_left_out_has_no_default_but_those_that_mean_something() -> None:
    assert "= null" not in sdl()
    assert "depth: Int = 3" in sdl()

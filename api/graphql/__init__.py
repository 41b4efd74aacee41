"""GraphQL: the questions Andon answers and the statements it takes from people.

Strawberry types declare the schema (`shapes`, `inputs`, `query`, `mutation`, `sql`; `schema` makes one type per key
class of the ontology and compiles it), graphql-core runs operations through a faster executor (`executor`)
inside limits (`limits`), `engine` ties one operation together and `door` is its HTTP side. Values are the
frozen records of `graph.reader`; they are never copied into GraphQL objects.
"""

from api.graphql.door import GraphQLDoor
from api.graphql.engine import Engine
from api.graphql.schema import build_schema
from api.graphql.services import Services

__all__ = ["Engine", "GraphQLDoor", "Services", "build_schema"]

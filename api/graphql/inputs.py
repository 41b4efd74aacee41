"""The arguments of GraphQL fields, and what they mean in the graph's terms."""

from __future__ import annotations

from enum import Enum

import strawberry

from api.graphql.values import Json
from graph.errors import InvalidInput
from graph.model import Instant

PAGE_LIMIT = 1_000
DEFAULT_PAGE = 100


@strawberry.input(description="Which state: what was true at `valid`, as far as `known` or `position` had told us.")
class AsOf:
    valid: Instant | None = None
    known: Instant | None = None
    position: int | None = None


@strawberry.input(
    description="What an attribute is; where it has many values, any one will do. Give one comparison or two."
)
class AttributeFilter:
    name: str
    equals: Json | None = None
    in_: list[Json] | None = strawberry.field(name="in", default=None)
    less_than: Json | None = None
    greater_than: Json | None = None


@strawberry.input(description="Each part narrows the list further; inside a part any one value will do.")
class EntityFilter:
    types: list[str] | None = None
    namespaces: list[str] | None = None
    names: list[str] | None = strawberry.field(default=None, description="Exactly as they are written.")
    attributes: list[AttributeFilter] | None = strawberry.field(default=None, description="Each must hold.")
    tags: list[str] | None = None
    owners: list[str] | None = None
    include_dropped: bool | None = None


@strawberry.input(description="What a lineage answer shows; edges bridge over what is not shown.")
class LineageFilter:
    types: list[str] | None = None
    namespaces: list[str] | None = None
    tags: list[str] | None = None
    history: bool | None = strawberry.field(default=None, description="Also what was true earlier, up to asOf.")


@strawberry.input
class OwnerInput:
    name: str
    type: str | None = None


@strawberry.enum
class EntityOrder(Enum):
    NAME = "NAME"
    CREATED_AT_DESC = "CREATED_AT_DESC"
    UPDATED_AT_DESC = "UPDATED_AT_DESC"


@strawberry.enum
class Direction(Enum):
    UPSTREAM = "UPSTREAM"
    DOWNSTREAM = "DOWNSTREAM"
    BOTH = "BOTH"


@strawberry.enum
class LineageLevel(Enum):
    DATASET = "DATASET"
    COLUMN = "COLUMN"
    JOB = "JOB"


def page_size(first: int | None, default: int = DEFAULT_PAGE) -> int:
    """How many to answer; raises `InvalidInput` outside 0 to 1,000."""
    if first is None:
        return default
    if not 0 <= first <= PAGE_LIMIT:
        raise InvalidInput(f"expected 0 to {PAGE_LIMIT}, found {first}", field="first")
    return first


def some(values: list[str] | None) -> frozenset[str] | None:
    """A filter's values; None, which lets all through, where none were given."""
    return frozenset(values) if values is not None else None

"""The two scalars of our own: instants as ISO 8601 text, and JSON as it came."""

from __future__ import annotations

from functools import lru_cache

import strawberry
from strawberry.types.scalar import ScalarDefinition

from api.graphql.values import Json
from graph.model import Instant, isoformat, parse_instant


def _parse(value: object) -> Instant:
    if not isinstance(value, str):
        raise ValueError("expected an ISO 8601 date-time such as 2026-11-23T08:00:00Z")
    return parse_instant(value)


format_instant = lru_cache(maxsize=65_536)(isoformat)
"""Kept, because entities of one event share their instants."""

SCALARS: dict[object, ScalarDefinition] = {
    Instant: strawberry.scalar(
        name="DateTime",
        description="ISO 8601, UTC, with Z.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=format_instant,
        parse_value=_parse,
    ),
    Json: strawberry.scalar(name="JSON", description="Any JSON value.", serialize=lambda value: value),
}

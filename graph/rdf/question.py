"""What callers may ask of RDF, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graph.model import PRESENT, AsOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`seconds` of a query, `workers` at once with `memory` bytes each, `past_states` with `past_triples` together."""

    seconds: float
    max_bytes: int
    workers: int
    memory: int
    past_states: int
    past_triples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A caller's query; `solutions` and `graph` are the formats wanted, as in `worker.Question`."""

    query: str
    as_of: AsOf = PRESENT
    min_position: int = 0
    solutions: str | None = "json"
    graph: str | None = "turtle"
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """Name -> namespace, to write Turtle with."""

"""Read a whole graph over GraphQL: every entity, every edge, runs by name."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from tests.end_to_end.service import Service

Name = tuple[str, str]
ColumnName = tuple[str, str]
"""The urn of a dataset and the path of a column in it."""

LINEAGE_CLASSES = ("Dataset", "Dashboard", "Model")
"""The key classes of what events name as input or output."""

PAGE = """
query($type: String, $after: String, $asOf: AsOf) {
  entities(type: $type, first: 1000, after: $after, filter: {includeDropped: true}, asOf: $asOf) {
    nodes { urn } totalCount pageInfo { hasNextPage endCursor } } }
"""
LINEAGE = """
query($urns: [String!]!, $level: LineageLevel!, $history: Boolean!, $asOf: AsOf) {
  lineage(urns: $urns, direction: BOTH, depth: 1, level: $level, filter: {history: $history}, asOf: $asOf) {
    truncated
    edges {
      source target via kind transformations validFrom validTo lastConfirmedAt evidence evidenceCount } } }
"""
DESCRIPTION = """
query($urn: String!, $asOf: AsOf) {
  entity(urn: $urn, asOf: $asOf) {
    urn type namespace name description dropped facets properties
    aliases { namespace name kind } tags { key value source field } owners { name type }
    ... on Dataset { columns { urn } schema { name type description } }
    ... on Job { inputs { urn } outputs { urn } parent { urn } retired }
    ... on Run { state startedAt endedAt inputs { urn } outputs { urn } job { urn } parent { urn } } } }
"""
ENTITY = """
query($type: String!, $namespace: String!, $name: String!) {
  entity(type: $type, namespace: $namespace, name: $name) {
    urn type namespace name dropped facets aliases { namespace name kind } } }
"""
RUN = """
query($namespace: String!, $name: String!) {
  entity(type: "Run", namespace: $namespace, name: $name) {
    ... on Run { state startedAt endedAt inputs { urn } outputs { urn } job { urn } } } }
"""


AsOf = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edge:
    """One lineage edge with all that was said of it, in a comparable form; evidence stands apart.

    `transformations` are the producers'; `inferred`: no producer says it.
    """

    source: str
    target: str
    transformations: frozenset[str]
    said: str
    evidence: tuple[int, ...]
    inferred: bool


def key_class(namespace: str) -> str:
    """The key class of what events call by this namespace."""
    scheme = namespace.split("://")[0] if "://" in namespace else ""
    if scheme in ("looker", "tableau", "powerbi", "superset", "metabase"):
        return "Dashboard"
    return "Model" if scheme == "mlflow" else "Dataset"


def urn_of(kind: str, *parts: str) -> str:
    """The urn of an entity, each part percent-encoded but for unreserved characters."""
    return ":".join(("urn", "andon", kind, *(quote(part, safe="-._~") for part in parts)))


def column_of(urn: str) -> ColumnName:
    """A column's urn as the urn of its dataset and its path.

    >>> column_of("urn:andon:column:pg%3A%2F%2Fh:a.b:c%20d")
    ('urn:andon:dataset:pg%3A%2F%2Fh:a.b', 'c d')
    """
    prefix = "urn:andon:column:"
    assert urn.startswith(prefix), urn
    dataset, _, path = urn.removeprefix(prefix).rpartition(":")
    return f"urn:andon:dataset:{dataset}", unquote(path)


def transformation_text(transformation: dict[str, Any]) -> str:
    """A transformation in short: `DIRECT/IDENTITY`, `DIRECT/TRANSFORMATION/MASKED`."""
    parts = [transformation.get("type"), transformation.get("subtype")]
    return "/".join([*(part for part in parts if part), *(["MASKED"] if transformation.get("masking") else [])])


def entity_urns(
    service: Service, type_name: str | None, min_position: int | None = None, as_of: AsOf | None = None
) -> list[str]:
    """The urns of all entities of a type, dropped ones too, in the order of the service's pages."""
    urns: list[str] = []
    after: str | None = None
    while True:
        variables = {"type": type_name, "after": after, "asOf": as_of}
        page = service.graphql(PAGE, variables, min_position)["entities"]
        urns += [node["urn"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return urns
        after = page["pageInfo"]["endCursor"]


def edges_around(
    service: Service, urns: Sequence[str], level: str, history: bool, as_of: AsOf | None = None
) -> dict[tuple[str, str], Edge]:
    """All edges that touch one of the urns, by their ends; asked in chunks, each one hop deep."""
    edges: dict[tuple[str, str], Edge] = {}
    for start in range(0, len(urns), 40):
        variables = {"urns": urns[start : start + 40], "level": level, "history": history, "asOf": as_of}
        answer = service.graphql(LINEAGE, variables)["lineage"]
        assert not answer["truncated"], "a lineage answer of one hop was cut"
        for edge in answer["edges"]:
            edges[edge["source"], edge["target"]] = _edge(edge)
    return edges


def find(service: Service, type_name: str, name: Name) -> dict[str, Any] | None:
    """An entity by any of its names."""
    variables = {"type": type_name, "namespace": name[0], "name": name[1]}
    found: dict[str, Any] | None = service.graphql(ENTITY, variables)["entity"]
    return found


def find_run(service: Service, namespace: str, run_id: str) -> dict[str, Any] | None:
    """A run by the namespace of its job and its id."""
    found: dict[str, Any] | None = service.graphql(RUN, {"namespace": namespace, "name": run_id})["entity"]
    return found


def everything(
    service: Service, min_position: int | None = None, as_of: AsOf | None = None, with_evidence: bool = False
) -> dict[str, str]:
    """The whole graph as text by key, to compare two ways to come by it.

    Holds all entities with what is known of them, and all edges at all levels, present and past. Evidence is
    a list of positions: it can be compared only where the events arrived in the same order.
    """
    content: dict[str, str] = {}
    for urn in entity_urns(service, None, min_position, as_of):
        found = service.graphql(DESCRIPTION, {"urn": urn, "asOf": as_of})["entity"]
        assert found is not None, f"{urn} is in a list but cannot be looked up"
        content[urn] = _canonical(found)
    datasets = [urn for name in LINEAGE_CLASSES for urn in entity_urns(service, name, as_of=as_of)]
    jobs = entity_urns(service, "Job", as_of=as_of)
    for level, start in (("DATASET", datasets), ("COLUMN", datasets), ("JOB", jobs)):
        for history in (False, True):
            for ends, edge in edges_around(service, start, level, history, as_of).items():
                key = f"{level} {'history' if history else 'present'} {' -> '.join(ends)}"
                content[key] = f"{edge.said} {edge.evidence}" if with_evidence else edge.said
    return content


def differing(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """What two whole graphs do not have in common, by key."""
    return {key: (one.get(key), other.get(key)) for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _edge(edge: dict[str, Any]) -> Edge:
    guessed = [t for t in edge["transformations"] if t.get("inferred")]
    inferred = bool(guessed) and len(guessed) == len(edge["transformations"])
    transformations = frozenset(transformation_text(t) for t in edge["transformations"] if t not in guessed)
    said = {key: value for key, value in edge.items() if key != "evidence"}
    return Edge(edge["source"], edge["target"], transformations, _canonical(said), tuple(edge["evidence"]), inferred)


def _canonical(value: Any) -> str:
    """JSON in which neither the order of keys nor that of a list of entities matters."""
    return json.dumps(_sorted(value), sort_keys=True)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: item if key in ("facets", "schema", "columns") else _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value

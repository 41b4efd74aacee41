"""Which entity a name belongs to, when: symlinks and renames, as pure functions (design 3a, Identity, RENAME).

A *node* is one occupancy of a name: (name, the instant it began). A name that was never renamed away has one
node. Entities are classes of nodes; which nodes make a class changes over valid time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from .model import BEGINNING, FOREVER, Instant

NameKey = int
Node = tuple[NameKey, Instant]
"""(name, when this occupancy began); BEGINNING for the first."""


@dataclass(frozen=True, slots=True)
class Rename:
    at: Instant
    digest: bytes
    source: NameKey
    target: NameKey


@dataclass(frozen=True, slots=True)
class Symlinks:
    """One symlinks facet of a name: identifiers as (name, type)."""

    at: Instant
    digest: bytes
    identifiers: tuple[tuple[NameKey, str], ...]


@dataclass(frozen=True, slots=True)
class Occupancy:
    """A name is borne by `node` from `start`; `moved_to` and `moved_at` once a rename took the entity away."""

    node: Node
    end: Instant  # when the next occupancy begins, FOREVER if none does
    came_from: Node | None
    moved_at: Instant = FOREVER
    displaced_at: Instant = FOREVER  # another entity was renamed onto the name while this one bore it


def occupancies(
    renames: Iterable[Rename], beginnings: Mapping[NameKey, Sequence[Instant]]
) -> dict[NameKey, list[Occupancy]]:
    """Who bears each name when, for names that renames touch.

    `beginnings`: for each name the instants at which something wrote, created or listed it, sorted. A vacated
    name stays its former bearer's until the first of these after the rename.
    """
    nodes: dict[NameKey, list[Node]] = defaultdict(list)
    came_from: dict[Node, Node] = {}
    moved_at: dict[Node, Instant] = {}
    displaced_at: dict[Node, Instant] = {}

    def left_at(node: Node) -> Instant:
        return min(moved_at.get(node, FOREVER), displaced_at.get(node, FOREVER))

    def bearer(name: NameKey, at: Instant) -> Node | None:
        """The node that bears `name` just before `at`; None if the name is vacant then."""
        if not nodes[name]:
            nodes[name].append((name, BEGINNING))
        node = nodes[name][-1]
        left = left_at(node)
        if left == FOREVER:
            return node
        begun = next((it for it in beginnings.get(name, ()) if it > left), FOREVER)
        if begun >= at:
            return None
        nodes[name].append((name, begun))
        return nodes[name][-1]

    ordered = sorted(renames, key=lambda it: (it.at, it.digest, it.source, it.target))
    for at, together in groupby(ordered, key=lambda it: it.at):
        before: dict[NameKey, Node | None] = {}
        now: dict[NameKey, Node | None] = {}
        passing: dict[NameKey, Node] = {}
        for rename in together:  # a swap may be said within one instant, step by step
            for name in (rename.source, rename.target):
                if name not in before:
                    before[name] = now[name] = bearer(name, at)
            moving, staying = now[rename.source], now[rename.target]
            if moving is None or rename.source == rename.target:
                continue  # said again: the entity is elsewhere by now
            if staying is not None:
                displaced_at[staying] = at
            now[rename.target], now[rename.source] = moving, None
            passing[rename.target] = moving
        for name, node in now.items():
            if node is not None and node != before[name]:
                moved_at[node] = at
                nodes[name].append((name, at))
                came_from[name, at] = node
            elif node is None and name in passing:  # borne for no time at all, but what is said of it follows
                nodes[name].append((name, at))
                came_from[name, at] = passing[name]
                moved_at[name, at] = at
    for name in list(nodes):
        bearer(name, FOREVER)
    return {
        name: [
            Occupancy(
                node,
                borne[index + 1][1] if index + 1 < len(borne) else FOREVER,
                came_from.get(node),
                moved_at.get(node, FOREVER),
                displaced_at.get(node, FOREVER),
            )
            for index, node in enumerate(borne)
        ]
        for name, borne in nodes.items()
    }


@dataclass(frozen=True, slots=True)
class Membership:
    """`node` belongs to the entity whose canonical node is `entity` over [valid_from, valid_to); None: to none."""

    node: Node
    entity: Node | None
    valid_from: Instant
    valid_to: Instant


def memberships(
    symlinks: Mapping[NameKey, Sequence[Symlinks]],
    occupied: Mapping[NameKey, Sequence[Occupancy]],
    name_order: Mapping[NameKey, tuple[str, str]],
) -> list[Membership]:
    """The entity of each node over all of valid time, for a closed set of names (all that could meet).

    `name_order`: (namespace, name) of each name, which decides between equals.
    """
    every = set(name_order)
    borne = {name: occupied.get(name) or [Occupancy((name, BEGINNING), FOREVER, None)] for name in every}
    in_force = {name: _in_force(said) for name, said in symlinks.items() if said}
    instants = {BEGINNING}
    for timeline in in_force.values():
        instants.update(start for start, _ in timeline)
    for places in borne.values():
        for place in places:
            instants.update((place.node[1], place.moved_at, place.displaced_at))
    instants.discard(FOREVER)
    open_spans: dict[Node, tuple[Node | None, Instant]] = {}
    found: list[Membership] = []
    for instant in sorted(instants):
        classes = _classes_at(instant, in_force, borne, name_order)
        for node, entity in classes.items():
            held = open_spans.get(node)
            if held is None:
                open_spans[node] = (entity, instant)
            elif held[0] != entity:
                found.append(Membership(node, held[0], held[1], instant))
                open_spans[node] = (entity, instant)
    found.extend(Membership(node, entity, start, FOREVER) for node, (entity, start) in open_spans.items())
    return found


def _in_force(said: Sequence[Symlinks]) -> list[tuple[Instant, Symlinks]]:
    """(from, facet) in order; the first holds back to the beginning, equal times go to the greater hash."""
    ordered = sorted(said, key=lambda it: (it.at, it.digest))
    timeline = [(BEGINNING, ordered[0])]
    for facet in ordered:
        if timeline[-1][0] == facet.at:
            timeline.pop()
        timeline.append((facet.at, facet))
    return timeline


def _at(timeline: Sequence[tuple[Instant, Symlinks]], instant: Instant) -> Symlinks:
    return next(facet for start, facet in reversed(timeline) if start <= instant)


def _bearer(places: Sequence[Occupancy], instant: Instant) -> Node:
    return next((it.node for it in reversed(places) if it.node[1] <= instant), places[0].node)


def _classes_at(
    instant: Instant,
    in_force: Mapping[NameKey, list[tuple[Instant, Symlinks]]],
    borne: Mapping[NameKey, Sequence[Occupancy]],
    name_order: Mapping[NameKey, tuple[str, str]],
) -> dict[Node, Node | None]:
    alive = [place for places in borne.values() for place in places if place.node[1] <= instant]
    gone = {place.node for place in alive if place.displaced_at <= instant}
    moved = {place.node for place in alive if place.moved_at <= instant}
    facets: dict[Node, Symlinks] = {}
    for name, timeline in in_force.items():
        facet = _at(timeline, instant)
        facets[_bearer(borne[name], max(facet.at, BEGINNING))] = facet
    role: dict[Node, str] = {}
    links: list[tuple[Node, Node, Instant, bytes]] = []
    for node, facet in facets.items():
        for name, kind in facet.identifiers:
            other = _bearer(borne[name], facet.at)
            if kind.upper() == "TABLE":
                role[other] = "TABLE"
            elif kind.upper() == "LOCATION":
                role.setdefault(other, "LOCATION")
                role[node] = "TABLE"
            if other != node:
                links.append((node, other, facet.at, facet.digest))
    parent: dict[Node, Node] = {place.node: place.node for place in alive}

    def root(node: Node) -> Node:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for place in alive:
        if place.came_from is not None:
            parent[root(place.came_from)] = root(place.node)
    for node, other in _symlinked(links, role, name_order):
        parent[root(node)] = root(other)
    members: dict[Node, list[Node]] = defaultdict(list)
    for place in alive:
        members[root(place.node)].append(place.node)
    answer: dict[Node, Node | None] = {}
    for nodes in members.values():
        standing = [node for node in nodes if node not in moved and node not in gone]
        canonical = min(standing, key=lambda it: _canonical_order(it, role, name_order)) if standing else None
        answer.update((node, None if node in gone else canonical) for node in nodes)
    return answer


def _canonical_order(
    node: Node, role: Mapping[Node, str], name_order: Mapping[NameKey, tuple[str, str]]
) -> tuple[int, tuple[str, str], Instant]:
    rank = {"TABLE": 0, "LOCATION": 1}.get(role.get(node, ""), 2)
    return rank, name_order[node[0]], node[1]


def _symlinked(
    links: Iterable[tuple[Node, Node, Instant, bytes]],
    role: Mapping[Node, str],
    name_order: Mapping[NameKey, tuple[str, str]],
) -> list[tuple[Node, Node]]:
    """Pairs that are one entity: all links between non-locations, and one link for each location."""
    pairs: list[tuple[Node, Node]] = []
    claims: dict[Node, list[tuple[bool, Instant, bytes, Node]]] = defaultdict(list)
    for node, other, at, digest in links:
        is_location = role.get(node) == "LOCATION", role.get(other) == "LOCATION"
        if not any(is_location):
            pairs.append((node, other))
        if is_location[0]:
            claims[node].append((not is_location[1], at, digest, other))
        if is_location[1]:
            claims[other].append((not is_location[0], at, digest, node))
    for location, claimed in claims.items():
        best = max(claimed, key=lambda it: it[:3])
        equal = [it[3] for it in claimed if it[:3] == best[:3]]
        pairs.append((location, min(equal, key=lambda it: (name_order[it[0]], it[1]))))
    return pairs

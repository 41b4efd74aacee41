"""Which entity a name belongs to, when: symlinks and renames, as pure functions (docs/meaning.md).

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


def origin_of(node: Node, came_from: Mapping[Node, Node | None]) -> Node:
    """The node an entity began as, before the renames that brought it here."""
    while (before := came_from.get(node)) is not None:
        node = before
    return node


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
    borne = {name: occupied.get(name) or [Occupancy((name, BEGINNING), FOREVER, None)] for name in name_order}
    eras = _eras([place for places in borne.values() for place in places])
    said: dict[Node, list[Symlinks]] = defaultdict(list)
    for name, facets in symlinks.items():
        for facet in facets:
            said[eras.first[_bearer(borne[name], facet.at)]].append(facet)
    in_force = {first: _in_force(facets) for first, facets in said.items()}
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
        classes = _classes_at(instant, in_force, borne, eras, name_order)
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


@dataclass(frozen=True, slots=True)
class _Eras:
    """Renames seen from the entity: it is known by the node it began as, whatever names it went through."""

    first: Mapping[Node, Node]  # node -> the one its entity began as
    places: Mapping[Node, Sequence[Occupancy]]  # by that first node
    gone_at: Mapping[Node, Instant]  # when another entity took its name; FOREVER if none did

    def name_at(self, first: Node, instant: Instant) -> Node:
        """The node whose name the entity bears at an instant at which it is there."""
        places = self.places[first]
        return next((it.node for it in places if it.node[1] <= instant < it.moved_at), first)


def _eras(places: Sequence[Occupancy]) -> _Eras:
    came_from = {place.node: place.came_from for place in places}
    first: dict[Node, Node] = {}
    by_first: dict[Node, list[Occupancy]] = defaultdict(list)
    for place in places:
        node = first[place.node] = origin_of(place.node, came_from)
        by_first[node].append(place)
    gone_at = {node: min(it.displaced_at for it in borne) for node, borne in by_first.items()}
    return _Eras(first, by_first, gone_at)


def _classes_at(
    instant: Instant,
    in_force: Mapping[Node, list[tuple[Instant, Symlinks]]],
    borne: Mapping[NameKey, Sequence[Occupancy]],
    eras: _Eras,
    name_order: Mapping[NameKey, tuple[str, str]],
) -> dict[Node, Node | None]:
    names = {first: eras.name_at(first, instant) for first in eras.places if first[1] <= instant < eras.gone_at[first]}
    role: dict[Node, str] = {}
    links: list[tuple[Node, Node, Instant, bytes]] = []
    for node, timeline in in_force.items():
        if node not in names:
            continue
        facet = _at(timeline, instant)
        for name, kind in facet.identifiers:
            other = eras.first[_bearer(borne[name], facet.at)]
            if kind.upper() == "LOCATION":
                role[node] = "TABLE"
            if other not in names:
                continue
            if kind.upper() == "TABLE":
                role[other] = "TABLE"
            elif kind.upper() == "LOCATION":
                role.setdefault(other, "LOCATION")
            if other != node:
                links.append((node, other, facet.at, facet.digest))
    order = {node: (name_order[name[0]], name[1]) for node, name in names.items()}
    parent: dict[Node, Node] = {node: node for node in names}

    def root(node: Node) -> Node:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for node, other in _symlinked(links, role, order):
        parent[root(node)] = root(other)
    members: dict[Node, list[Node]] = defaultdict(list)
    for node in names:
        members[root(node)].append(node)
    rank = {"TABLE": 0, "LOCATION": 1}
    answer: dict[Node, Node | None] = {}
    for nodes in members.values():
        canonical = names[min(nodes, key=lambda it: (rank.get(role.get(it, ""), 2), order[it]))]
        for node in nodes:
            answer.update((place.node, canonical) for place in eras.places[node])
    for node, gone_at in eras.gone_at.items():
        if gone_at <= instant:
            answer.update((place.node, None) for place in eras.places[node])
    return answer


def _symlinked(
    links: Iterable[tuple[Node, Node, Instant, bytes]],
    role: Mapping[Node, str],
    order: Mapping[Node, tuple[tuple[str, str], Instant]],
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
        pairs.append((location, min(equal, key=order.__getitem__)))
    return pairs

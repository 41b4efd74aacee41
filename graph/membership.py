"""Keeps the bitemporal table of who bore which name and which nodes make one entity.

The rules are `identity`'s; this collects what was said of a closed set of names, asks it, and writes the
difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from .database import Database
from .identity import Membership, Occupancy, Rename, Symlinks, memberships, occupancies, origin_of
from .model import BEGINNING, FOREVER, LATEST, Instant, Name, Position
from .nodes import Nodes
from .registers import FacetSets
from .statements import Identifier, Role

_BEGINS = f"({int(Role.OUTPUT)}, {int(Role.LISTED)})"


class Members:
    """The entity of each node; nodes without a row are entities of their own."""

    def __init__(self, database: Database, nodes: Nodes, sets: FacetSets, before_reading: Callable[[], None]) -> None:
        self._database = database
        self._before_reading = before_reading  # what is said may still be on its way to the table
        self._nodes = nodes
        self._sets = sets
        self._entity_of: dict[int, int] = {}
        self._members_of: dict[int, set[int]] = {}
        self._symlinks: dict[int, list[tuple[Instant, bytes, tuple[Identifier, ...]]]] = {}
        self._claims: dict[int, bool] = {}
        self.vacated: set[int] = set()
        """Names that a rename took an entity from: a write to one may begin a new entity."""
        self.load()

    def load(self) -> None:
        self._entity_of.clear()
        self._members_of.clear()
        self._symlinks.clear()
        self._claims.clear()
        rows = self._database.execute(
            "SELECT node, entity FROM member WHERE known_to = ? AND valid_to = ?", (LATEST, FOREVER)
        )
        for node, entity in rows:
            self._set_present(node, entity)
        self.vacated = {row[0] for row in self._database.execute("SELECT DISTINCT source FROM rename")}

    def _set_present(self, node: int, entity: int | None) -> None:
        held = self._entity_of.pop(node, None)
        if held is not None:
            self._members_of[held].discard(node)
        if entity is not None:
            self._entity_of[node] = entity
            self._members_of.setdefault(entity, set()).add(node)

    def entity(self, node: int) -> int:
        """The canonical node of a node's entity at present; 0 if it is of none any more."""
        return self._entity_of.get(node, node)

    def members(self, entity: int) -> set[int]:
        """The nodes of an entity at present."""
        found = self._members_of.get(entity, set())
        return found if entity in self._entity_of else found | {entity}

    def is_joined(self, node: int) -> bool:
        """Whether a node shares, or shared, its entity with others."""
        return node in self._entity_of or node in self._members_of

    # What is said ------------------------------------------------------------------------------------------

    def symlinks_differ(self, name_id: int, at: Instant, digest: bytes, identifiers: tuple[Identifier, ...]) -> bool:
        """Whether this symlinks facet, not yet among what is said, says anything but what is in force at `at`."""
        said = self._symlinks.get(name_id)
        if said is None:
            if len(self._symlinks) > 50_000:
                self._symlinks.clear()
            said = self._symlinks[name_id] = self._read_symlinks(name_id, distinct=True)
        before = [it for it in said if (it[0], it[1]) <= (at, digest)]
        held = before[-1][2] if before else said[0][2] if said else None
        if held == identifiers and not self._is_contested(name_id, identifiers):
            return False
        del self._symlinks[name_id]
        return True

    def _is_contested(self, name_id: int, identifiers: tuple[Identifier, ...]) -> bool:
        """Whether a LOCATION at stake is claimed by several: then saying it again renews the claim."""
        locations = [self._nodes.existing(it.name) for it in identifiers if it.type.upper() == "LOCATION"]
        for name in (name_id, *locations):
            if name is not None and name not in self._claims:
                rows = self._database.execute("SELECT type FROM symlink_of WHERE name_id = ?", (name,)).fetchall()
                self._claims[name] = len(rows) > 1 and ("LOCATION",) in rows
        return any(name is not None and self._claims[name] for name in (name_id, *locations))

    def _read_symlinks(
        self, name_id: int, distinct: bool = False
    ) -> list[tuple[Instant, bytes, tuple[Identifier, ...]]]:
        self._before_reading()
        rows = self._database.execute(
            "SELECT at, set_id FROM says WHERE name_id = ? AND set_id > 0 ORDER BY at", (name_id,)
        )
        found = []
        for at, set_id in rows:
            known = self._sets.get(set_id)
            if known.identifiers is not None:
                found.append((at, known.facets["symlinks"][0], known.identifiers))
        found.sort(key=lambda it: it[:2])
        if distinct:
            return [it for index, it in enumerate(found) if index == 0 or it[2] != found[index - 1][2]]
        return found

    def note_symlinks(self, name_id: int, identifiers: Iterable[Identifier], at: Instant, position: Position) -> None:
        """Remember which names a facet joins, so that all that could meet are found again."""
        for identifier in identifiers:
            other = self._nodes.name_id(identifier.name, at, position)
            self._link(name_id, other, None)
            self._link(other, name_id, identifier.type.upper() or None)

    def _link(self, name_id: int, other: int, type: str | None) -> None:
        self._claims.pop(name_id, None)
        self._database.execute(
            "INSERT INTO symlink_of (name_id, other, type) VALUES (?, ?, ?)"
            " ON CONFLICT (name_id, other) DO UPDATE SET type = coalesce(excluded.type, symlink_of.type)",
            (name_id, other, type),
        )

    def add_rename(self, source: int, target: int, at: Instant, digest: bytes, position: Position) -> None:
        self._database.execute(
            "INSERT INTO rename (at, position, digest, source, target) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (at, position, digest, source, target),
        )
        self._link(source, target, None)
        self._link(target, source, None)
        self.vacated.add(source)

    # Redrawing ---------------------------------------------------------------------------------------------

    def redraw(self, names: Iterable[int], at: Instant, position: Position) -> tuple[set[int], set[int]]:
        """Work out anew who bears these names and all that could meet them.

        Answers (names whose occupancies differ now, nodes of which something else may be true at present).
        """
        self._before_reading()
        component = self._component(names)
        renames = self._renames(component)
        touched = {it.source for it in renames} | {it.target for it in renames}
        beginnings = {name: self._beginnings(name) for name in touched}
        occupied = occupancies(renames, beginnings)
        node_ids = {
            place.node: self._nodes.occupancy_node(place.node[0], place.node[1], at, position)
            for places in occupied.values()
            for place in places
        }
        moved = self._write_occupancies(component, occupied, node_ids, position)
        symlinks = {
            name: [
                Symlinks(said_at, digest, self._identifier_ids(identifiers))
                for said_at, digest, identifiers in self._read_symlinks(name)
            ]
            for name in component
        }
        name_order = {name: (it.namespace, it.name) for name in component for it in (self._nodes.name(name),)}
        spans = memberships(symlinks, occupied, name_order)

        def node_id(node: tuple[int, Instant]) -> int:
            return node_ids[node] if node in node_ids else node[0]

        rows = {
            (node_id(it.node), node_id(it.entity) if it.entity else 0, it.valid_from, it.valid_to)
            for it in spans
            if not _is_plain(it)
        }
        nodes = {name: self._nodes_of(name) for name in component}
        differ = self._write_members({node for held in nodes.values() for node in held}, rows, position)
        return moved, differ.union(*(nodes[name] for name in moved))

    def _nodes_of(self, name: int) -> set[int]:
        """All nodes a name ever had, also those of occupancies that later renames undid."""
        rows = self._database.execute("SELECT id FROM node WHERE name_id = ? AND name_id <> id", (name,))
        return {name, *(row[0] for row in rows)}

    def _component(self, names: Iterable[int]) -> set[int]:
        found: set[int] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                rows = self._database.execute("SELECT other FROM symlink_of WHERE name_id = ?", (name,))
                waiting.extend(row[0] for row in rows)
        return found

    def _renames(self, names: set[int]) -> list[Rename]:
        return [
            Rename(at, digest, source, target)
            for name in names
            for at, digest, source, target in self._database.execute(
                "SELECT at, digest, source, target FROM rename WHERE source = ?", (name,)
            )
        ]

    def _beginnings(self, name: int) -> list[Instant]:
        rows = self._database.execute(
            f"SELECT DISTINCT at FROM says WHERE name_id = ? AND role IN {_BEGINS} ORDER BY at", (name,)
        )
        return [row[0] for row in rows]

    def _identifier_ids(self, identifiers: tuple[Identifier, ...]) -> tuple[tuple[int, str], ...]:
        return tuple((self._existing(it.name), it.type) for it in identifiers)

    def _existing(self, name: Name) -> int:
        found = self._nodes.existing(name)
        assert found is not None, "identifiers are noted before they are looked up"
        return found

    def _write_occupancies(
        self,
        component: set[int],
        occupied: dict[int, list[Occupancy]],
        node_ids: dict[tuple[int, Instant], int],
        position: Position,
    ) -> set[int]:
        moved: set[int] = set()
        came_from = {it.node: it.came_from for places in occupied.values() for it in places}
        for name in component:
            old = {
                row[:4]: row[4]
                for row in self._database.execute(
                    "SELECT began, ended, node, origin, known_from FROM occupancy WHERE name_id = ? AND known_to = ?",
                    (name, LATEST),
                ).fetchall()
            }
            new = {
                (it.node[1], it.end, node_ids[it.node], node_ids[origin_of(it.node, came_from)])
                for it in occupied.get(name, ())
            }
            for row, known_from in old.items():
                if row not in new:
                    self._close(
                        "occupancy",
                        "name_id = ? AND began = ? AND ended = ?",
                        (name, *row[:2]),
                        known_from,
                        position,
                    )
            for row in new - old.keys():
                self._database.execute(
                    "INSERT INTO occupancy (name_id, began, ended, node, origin, known_from, known_to)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (name, *row, position, LATEST),
                )
            if old.keys() != new:
                moved.add(name)
        if moved:
            self._nodes.load()
        return moved

    def _write_members(
        self, nodes: set[int], rows: set[tuple[int, int, Instant, Instant]], position: Position
    ) -> set[int]:
        """Write the difference; answers the nodes whose present entity differs, and those entities."""
        old: dict[tuple[int, int, int, int], int] = {}
        for node in nodes:
            for row in self._database.execute(
                "SELECT node, entity, valid_from, valid_to, known_from FROM member WHERE node = ? AND known_to = ?",
                (node, LATEST),
            ).fetchall():
                old[row[:4]] = row[4]
        for row, known_from in old.items():
            if row not in rows:
                self._close(
                    "member",
                    "node = ? AND entity = ? AND valid_from = ? AND valid_to = ?",
                    row,
                    known_from,
                    position,
                )
        for row in rows - old.keys():
            self._database.execute(
                "INSERT INTO member (node, entity, valid_from, valid_to, known_from, known_to)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (*row, position, LATEST),
            )
        present: dict[int, int] = defaultdict(int)
        present.update({row[0]: row[1] for row in rows if row[3] == FOREVER})
        differ = set()
        for node in nodes:
            before = self._entity_of.get(node)
            after = present.get(node)
            if before != after:
                self._set_present(node, after)
                differ |= {node, before or node, after or node}  # what lost a member is another one too
        return differ

    def _close(self, table: str, where: str, key: tuple[int, ...], known_from: int, position: Position) -> None:
        if known_from == position:
            self._database.execute(f"DELETE FROM {table} WHERE {where} AND known_from = ?", (*key, known_from))
        else:
            self._database.execute(
                f"UPDATE {table} SET known_to = ? WHERE {where} AND known_from = ?",
                (position, *key, known_from),
            )


def _is_plain(it: Membership) -> bool:
    """A node that is its own entity for all time needs no row."""
    return it.entity == it.node and it.valid_from == BEGINNING and it.valid_to == FOREVER

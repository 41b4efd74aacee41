"""Nodes: the integer behind every name, and who bore a name when."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from .database import Cached, Database, in_chunks
from .model import BEGINNING, FOREVER, LATEST, Instant, Name, Position

_COLUMNS_KEPT = 400_000


class Nodes:
    """Finds and makes nodes for the fold, at the position it is at.

    A name's first node is made when it is first spoken of; its id stands for the name in what is said. Further
    nodes of a name come from renames alone (`identity`).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: Cached = Cached(self._find, 200_000)
        self._columns: dict[int, dict[str, int]] = {}  # dataset -> all of its columns
        self._columns_kept = 0
        self._by_id: Cached = Cached(self._read, 100_000)
        self._paths: Cached = Cached(self._read_path, 400_000)
        self._first: Cached = Cached(self._read_first, 400_000)
        self._next = 0
        self.made: set[int] = set()
        """Names made since the caller last emptied this set: nothing is kept of them yet."""
        self._occupancies: dict[int, tuple[list[Instant], list[int]]] = {}
        self._origins: dict[int, int] = {}
        self.load()

    def load(self) -> None:
        """Read the occupancies of names that renames touched (few) as known now."""
        self._next = self._database.execute("SELECT coalesce(max(id), 0) + 1 FROM node").fetchone()[0]
        self._occupancies.clear()
        self._origins.clear()
        rows = self._database.execute(
            "SELECT name_id, began, node, origin FROM occupancy WHERE known_to = ? ORDER BY name_id, began", (LATEST,)
        )
        for name_id, began, node, origin in rows:
            starts, nodes = self._occupancies.setdefault(name_id, ([], []))
            starts.append(began)
            nodes.append(node)
            self._origins[node] = origin

    def clear(self) -> None:
        for cache in (self._names, self._by_id, self._paths, self._first):
            cache.clear()
        self._forget_columns()
        self.made.clear()
        self.load()

    def name_id(self, name: Name, at: Instant, position: Position) -> int:
        """The id of a dataset, job or other entity's name; makes it if it is new."""
        found: int | None = self._names(name)
        if found is not None:
            return found
        node = self._insert(name.kind, name.namespace, name.name, "", 0, BEGINNING, None, at, position)
        self._names.put(name, node)
        self._by_id.put(node, (name, 0))
        self.made.add(node)
        return node

    def existing(self, name: Name) -> int | None:
        found: int | None = self._names(name)
        return found

    def _find(self, name: Name) -> int | None:
        row = self._database.execute(
            "SELECT id FROM node WHERE name = ? AND kind = ? AND namespace = ? AND path = '' AND parent = 0"
            " AND began = ?",
            (name.name, name.kind, name.namespace, BEGINNING),
        ).fetchone()
        if row is not None:
            self._first.put(row[0], row[0])
        return row[0] if row else None

    def expect(self, names: Iterable[Name]) -> None:
        """Look these names up at once, for those who will ask for them."""
        unknown = [name for name in dict.fromkeys(names) if name not in self._names]
        if len(unknown) < 2:
            return
        found: dict[Name, int] = {}
        for part in in_chunks(unknown, 100):
            marks = ", ".join("?" * len(part))
            rows = self._database.execute(
                f"SELECT id, kind, namespace, name FROM node WHERE name IN ({marks}) AND path = '' AND parent = 0"
                " AND began = ?",
                (*(it.name for it in part), BEGINNING),
            )
            found.update({Name(kind, namespace, name): id for id, kind, namespace, name in rows})
        for name in unknown:
            node = found.get(name)
            self._names.put(name, node)
            if node is not None:
                self._first.put(node, node)
                self._by_id.put(node, (name, 0))

    def column(self, dataset: int, path: str, at: Instant, position: Position) -> int:
        """The node of a column of the dataset with this node."""
        columns = self._columns.get(dataset)
        if columns is None:
            self._read_columns((dataset,))
            columns = self._columns[dataset]
        found = columns.get(path)
        if found is None:
            found = columns[path] = self._insert("column", "", "", path, dataset, BEGINNING, None, at, position)
            self._columns_kept += 1
            self._paths.put(found, (dataset, path))
        return found

    def expect_columns(self, datasets: Iterable[int]) -> None:
        """Look the columns of these datasets up at once, for those who will ask for them."""
        self._read_columns([it for it in dict.fromkeys(datasets) if it not in self._columns])

    def _read_columns(self, datasets: Sequence[int]) -> None:
        """Who names one column of a dataset names others: all are read together."""
        if self._columns_kept > _COLUMNS_KEPT:
            self._forget_columns()
        self._columns.update((it, {}) for it in datasets)
        known = [it for it in datasets if it not in self.made]
        if known:
            rows = self._database.execute(
                "SELECT parent, path, id FROM node WHERE parent IN (SELECT value FROM json_each(?)) AND parent > 0"
                " AND began = ?",
                (json.dumps(known), BEGINNING),
            ).fetchall()
            for parent, path, node in rows:
                self._columns[parent][path] = node
                self._paths.put(node, (parent, path))
            self._columns_kept += len(rows)

    def _forget_columns(self) -> None:
        self._columns.clear()
        self._columns_kept = 0

    def occupancy_node(self, name_id: int, began: Instant, at: Instant, position: Position) -> int:
        """The node of a name's occupancy that began then."""
        if began == BEGINNING:
            return name_id
        row = self._database.execute(
            "SELECT id FROM node WHERE name_id = ? AND name_id <> id AND began = ?", (name_id, began)
        ).fetchone()
        if row:
            found: int = row[0]
            return found
        name = self.name(name_id)
        return self._insert(name.kind, name.namespace, name.name, "", 0, began, name_id, at, position)

    def _insert(
        self, kind: str, namespace: str, name: str, path: str, parent: int, began: Instant, name_id: int | None,
        at: Instant, position: Position,
    ) -> int:  # fmt: skip
        node = self._next
        self._next += 1
        self._database.execute(
            "INSERT INTO node (id, kind, namespace, name, path, parent, began, name_id, first_at, first_position)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (node, kind, namespace, name, path, parent, began, name_id or node, at, position),
        )
        self._first.put(node, name_id or node)
        return node

    def _read(self, node: int) -> tuple[Name, int]:
        row = self._database.execute("SELECT kind, namespace, name, parent FROM node WHERE id = ?", (node,)).fetchone()
        return Name(row[0], row[1], row[2]), row[3]

    def name(self, node: int) -> Name:
        found: tuple[Name, int] = self._by_id(node)
        return found[0]

    def first(self, node: int) -> int:
        """The id of the name that a node is an occupancy of."""
        found: int = self._first(node)
        return found

    def _read_first(self, node: int) -> int:
        found: int = self._database.execute("SELECT name_id FROM node WHERE id = ?", (node,)).fetchone()[0]
        return found

    def column_path(self, node: int) -> tuple[int, str]:
        """(dataset node, path) of a column's node."""
        found: tuple[int, str] = self._paths(node)
        return found

    def _read_path(self, node: int) -> tuple[int, str]:
        row: tuple[int, str] = self._database.execute("SELECT parent, path FROM node WHERE id = ?", (node,)).fetchone()
        return row

    @property
    def has_shared(self) -> bool:
        """Whether there is any such name at all."""
        return bool(self._occupancies)

    def is_shared(self, name_id: int) -> bool:
        """Whether renames touched the name, so that it may mean another entity at another time."""
        return name_id in self._occupancies

    def bearer(self, name_id: int, at: Instant) -> int:
        """The node that bore a name at an instant."""
        places = self._occupancies.get(name_id)
        if places is None:
            return name_id
        return places[1][max(bisect_right(places[0], at) - 1, 0)]

    def origin(self, node: int) -> int:
        """The node an entity began as: what is said of it is kept by that, under whichever name it was said."""
        return self._origins.get(node, node)

    def occupancies(self, name_id: int) -> list[tuple[Instant, Instant, int]]:
        """(began, ended, node) of a name, as known now."""
        places = self._occupancies.get(name_id)
        if places is None:
            return [(BEGINNING, FOREVER, name_id)]
        starts, nodes = places
        return [
            (start, starts[index + 1] if index + 1 < len(starts) else FOREVER, node)
            for index, (start, node) in enumerate(zip(starts, nodes, strict=True))
        ]

"""A reference reading of a set of events, and how a service's graph differs from it.

The form of a truth is that of `truth.json` in the OpenLineage material: names are `[namespace, name]`; an
edge is a pair of names; a column edge is `[source, column, target, column, transformations]`, a
dataset-wide one `[source, column, target, transformations]`. The fields beyond that are described in
`tests/data/make_events.py`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.end_to_end.graph_reading import (
    LINEAGE_CLASSES,
    ColumnName,
    Edge,
    Name,
    column_of,
    edges_around,
    entity_urns,
    find,
    find_run,
    key_class,
    urn_of,
)
from tests.end_to_end.service import Service

Pair = tuple[str, str]
ColumnPair = tuple[ColumnName, ColumnName]


@dataclass(frozen=True, slots=True)
class Truth:
    """What a set of events says; `extras` says that the fields of our own truths are there too."""

    content: Mapping[str, Any]
    extras: bool

    @classmethod
    def read(cls, path: Path) -> "Truth":
        content = json.loads(path.read_text())
        return cls(content["whole"], False) if "whole" in content else cls(content, True)

    def names(self, key: str) -> list[list[Name]]:
        """A field whose rows are lists of names."""
        return [[_name(name) for name in row] for row in self.content[key]]


@dataclass(slots=True)
class Comparison:
    """Compares one service's graph, as it is now, with a truth."""

    service: Service
    truth: Truth
    differences: list[str] = field(default_factory=list)
    _urns: dict[Name, str] = field(default_factory=dict)

    def urn(self, name: Name) -> str:
        """The urn of the entity that a name stands for; a name that resolves to nothing is a difference."""
        if name not in self._urns:
            kind = key_class(name[0])
            found = find(self.service, kind, name)
            if found is None:
                self.differences.append(f"{kind} {name} is unknown")
            self._urns[name] = found["urn"] if found else urn_of(kind.lower(), *name)
        return self._urns[name]

    def run(self) -> list[str]:
        """All differences, as sentences; an empty list is what a test wants."""
        starts = [urn for kind in LINEAGE_CLASSES for urn in entity_urns(self.service, kind)]
        self._identities()
        self._edges("history", edges_around(self.service, starts, "DATASET", True))
        self._column_edges("history", edges_around(self.service, starts, "COLUMN", True))
        self._runs()
        if self.truth.extras:
            self._present(starts)
            self._lifecycles()
            self._facets()
            self._job_edges()
        return self.differences

    def _pairs(self, key: str) -> set[Pair]:
        """Edges with both ends resolved; one between two names of one dataset is none."""
        pairs = {(self.urn(source), self.urn(target)) for source, target in self.truth.names(key)}
        return {(source, target) for source, target in pairs if source != target}

    def _expect(self, what: str, found: Iterable[Any], must: Iterable[Any], may: Iterable[Any] = ()) -> None:
        seen, required = set(found), set(must)
        self.differences += [f"{what}: missing {item}" for item in sorted(required - seen)]
        self.differences += [f"{what}: wrong {item}" for item in sorted(seen - required - set(may))]

    def _identities(self) -> None:
        for names in self.truth.names("identities"):
            urns = {self.urn(name) for name in names}
            if len(urns) > 1:
                self.differences.append(f"one dataset has {len(urns)} urns: {names} -> {sorted(urns)}")

    def _edges(self, what: str, found: Mapping[Pair, Edge]) -> None:
        self._expect(f"{what} edges", found, self._pairs("must_edges"), self._pairs("may_edges"))

    def _columns(self, key: str) -> dict[ColumnPair, set[str]]:
        columns: dict[ColumnPair, set[str]] = defaultdict(set)
        for source, source_column, target, target_column, transformations in self.truth.content.get(key, ()):
            ends = (self.urn(_name(source)), source_column), (self.urn(_name(target)), target_column)
            columns[ends] |= set(transformations)
        return columns

    def _dataset_wide(self) -> dict[tuple[ColumnName, str], set[str]]:
        wide: dict[tuple[ColumnName, str], set[str]] = defaultdict(set)
        for source, column, target, transformations in self.truth.content["dataset_wide_edges"]:
            wide[(self.urn(_name(source)), column), self.urn(_name(target))] |= set(transformations)
        return wide

    def _column_edges(self, what: str, found: Mapping[Pair, Edge]) -> None:
        """A dataset-wide dependency may show as edges to any column of its target."""
        must, wide = self._columns("column_edges"), self._dataset_wide()
        edges = _said(found)
        may = set(self._columns("may_column_edges")) | {ends for ends in edges if (ends[0], ends[1][0]) in wide}
        self._expect(f"{what} column edges", edges, must, may)
        for ends in must.keys() & edges.keys():
            said = edges[ends].transformations
            allowed = must[ends] | wide.get((ends[0], ends[1][0]), set())
            if not must[ends] <= said <= allowed:
                self.differences.append(f"{what} column edge {ends}: {sorted(said)}, not {sorted(must[ends])}")
        for source, target in wide:
            if not any(ends[0] == source and ends[1][0] == target for ends in edges):
                self.differences.append(f"{what} column edges: nothing shows that {source} decides on rows of {target}")

    def _runs(self) -> None:
        for expected in self.truth.content["runs"]:
            job, run_id = _name(expected["job"]), expected["runId"]
            found = find_run(self.service, job[0], run_id)
            if found is None:
                self.differences.append(f"run {run_id} of {job} is unknown")
                continue
            started = expected["start"] or expected["first"]
            reading = {
                "state": (found["state"], expected["state"]),
                "start": (_instant(found["startedAt"]), _instant(started)),
                "end": (_instant(found["endedAt"]), _instant(expected["end"])),
                "inputs": (_urns(found["inputs"]), self._set(expected["inputs"])),
                "outputs": (_urns(found["outputs"]), self._set(expected["outputs"])),
                "job": (found["job"] and found["job"]["urn"], urn_of("job", *job)),
            }
            self.differences += [
                f"run {run_id} of {job}: {key} is {is_}, not {should}"
                for key, (is_, should) in reading.items()
                if is_ != should
            ]

    def _set(self, names: list[list[str]]) -> list[str]:
        return sorted({self.urn(_name(name)) for name in names})

    def _present(self, starts: list[str]) -> None:
        present = edges_around(self.service, starts, "DATASET", False)
        self._expect("present edges", present, self._pairs("present_edges"))
        columns = edges_around(self.service, starts, "COLUMN", False)
        found = _said(columns)
        must = self._columns("present_column_edges")
        self._expect("present column edges", found, must)
        for ends in must.keys() & found.keys():
            said = found[ends].transformations
            if said != must[ends]:
                self.differences.append(f"present column edge {ends}: {sorted(said)}, not {sorted(must[ends])}")

    def _lifecycles(self) -> None:
        dropped = {_name(name) for name in self.truth.content["dropped"]}
        for name in {*dropped, *(name for row in self.truth.names("must_edges") for name in row)}:
            found = find(self.service, key_class(name[0]), name)
            if found is not None and found["dropped"] != (name in dropped):
                self.differences.append(f"{name} is dropped: {found['dropped']}")
        for name, shown in self.truth.names("canonical"):
            found = find(self.service, key_class(name[0]), name)
            if found is not None and (found["namespace"], found["name"]) != shown:
                self.differences.append(f"{name} is shown as {found['namespace'], found['name']}, not {shown}")
        for one, other in self.truth.names("apart"):
            if self.urn(one) == self.urn(other):
                self.differences.append(f"{one} and {other} are one dataset")
        for now, before in self.truth.names("former"):
            found = find(self.service, key_class(now[0]), now)
            aliases = [(alias["namespace"], alias["name"]) for alias in found["aliases"]] if found else []
            if before not in aliases:
                self.differences.append(f"{now} does not know that it was {before}: {aliases}")

    def _facets(self) -> None:
        for key, should in (("facets", True), ("no_facets", False)):
            for kind, name, facet in self.truth.content[key]:
                found = find(self.service, kind, _name(name))
                if found is None:
                    self.differences.append(f"{kind} {name} is unknown")
                elif (facet in found["facets"]) != should:
                    self.differences.append(f"{kind} {name} shows facets {sorted(found['facets'])}: {facet}?")

    def _job_edges(self) -> None:
        expected = {
            (urn_of("job", *source), urn_of("job", *target)) for source, target in self.truth.names("job_edges")
        }
        found = edges_around(self.service, entity_urns(self.service, "Job"), "JOB", False) if expected else {}
        self.differences += [f"job edges: missing {ends}" for ends in sorted(expected - found.keys())]


def _said(found: Mapping[Pair, Edge]) -> dict[ColumnPair, Edge]:
    """The column edges that producers say; what is inferred beside them is not the truth's to judge."""
    edges = {(column_of(source), column_of(target)): edge for (source, target), edge in found.items()}
    return {ends: edge for ends, edge in edges.items() if not edge.inferred}


def _name(pair: Iterable[str]) -> Name:
    namespace, name = pair
    return namespace, name


def _urns(entities: list[dict[str, Any]]) -> list[str]:
    return sorted({entity["urn"] for entity in entities})


def _instant(text: str | None) -> datetime | None:
    """A time of the wire or of a truth; both may have fewer or more digits than microseconds."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

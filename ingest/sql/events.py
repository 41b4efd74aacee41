"""A script's lineage as OpenLineage JobEvents: procedures and scripts are jobs, their statements are child jobs.

A procedure's own job says what lasts: temporary tables are looked behind. Its steps say every hop, temporary tables
included, so that both can be asked for. The specification (core 2-0-2) knows parents of runs only; the child's name
begins with its parent's, and a facet of our own says it outright, which makes it the child's `parent` in the graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from graph.reader import PARENT_JOB
from graph.statements import Transformation
from ingest.sql.reading.names import Catalog, Names
from ingest.sql.reading.relations import STAR
from ingest.sql.result import ColumnEdge, Hop, SqlLineage, Statement, Table

PRODUCER = "urn:andon:sql"
INTEGRATION = "ANDON_SQL"

_SPECIFICATION = "https://openlineage.io/spec"
_CORE = f"{_SPECIFICATION}/2-0-2/OpenLineage.json#/$defs"
_VERSIONS = {
    "columnLineage": ("ColumnLineageDatasetFacet", "1-2-0"),
    "datasetType": ("DatasetTypeDatasetFacet", "1-0-1"),
    "jobType": ("JobTypeJobFacet", "2-0-4"),
    "lineage": ("LineageJobFacet", "1-0-0"),
    "schema": ("SchemaDatasetFacet", "1-2-0"),
    "sql": ("SQLJobFacet", "1-1-0"),
}
_FILES = {"lineage": "LineageFacet"}  # where it is not the facet's own name
_MAKERS = ("CREATE", "SELECT INTO")

Event = dict[str, Any]


class Dataset(NamedTuple):
    namespace: str
    name: str

    @property
    def reference(self) -> dict[str, str]:
        return {"namespace": self.namespace, "name": self.name}


def job_events(
    result: SqlLineage,
    *,
    namespace: str,
    job: str,
    dataset_namespace: str,
    produced_at: datetime,
    schema: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Event]:
    """The JobEvents that declare the script's lineage, each job before its steps. Pure.

    A routine's job is called by the routine's name; what belongs to none is the job `job`. A step is a statement
    that reads or writes, called `<its job>.<number>-<kind>`; DROP is none, since a definition drops nothing yet, and
    neither is what a ROLLBACK surely undoes. Tables are datasets in `dataset_namespace`, those in a bucket in its
    own; a temporary table is `<job that makes it>/<its name>`. `schema` gives the columns that are known of tables.
    """
    steps: dict[str, list[Statement]] = {}
    names = _Names(result, job, dataset_namespace)
    for statement in result.statements:
        if _is_step(statement):
            steps.setdefault(names.job(statement.routine), []).append(statement)
    writer = _Writer(result.dialect, namespace, names, produced_at, schema)
    kinds = {names.job(routine.name): routine.kind for routine in result.routines}
    events = []
    for name, statements in steps.items():
        events.append(writer.whole(name, kinds.get(name, "SCRIPT"), statements))
        events += (writer.step(name, number, statement) for number, statement in enumerate(statements, 1))
    return events


def _is_step(statement: Statement) -> bool:
    moves = statement.hop.inputs or statement.hop.outputs
    return bool(moves) and not statement.rolled_back and not statement.kind.startswith("DROP")


# What things are called --------------------------------------------------------------------------------------


class _Names:
    """Jobs, datasets and columns as the text spells them."""

    def __init__(self, result: SqlLineage, job: str, dataset_namespace: str) -> None:
        self._result = result
        self._script = job
        self._namespace = dataset_namespace
        self._makers: dict[Table, dict[str | None, None]] = {}  # the routines that make a temporary table
        for statement in result.statements:
            if statement.kind.replace("_", " ").startswith(_MAKERS):
                for table in statement.hop.outputs:
                    if table.temporary:
                        self._makers.setdefault(table, {})[statement.routine] = None

    def job(self, routine: str | None) -> str:
        return self._script if routine is None else ".".join(map(self.column, routine.split(".")))

    def column(self, name: str) -> str:
        return self._result.spelling(name)

    def dataset(self, table: Table, routine: str | None) -> Dataset:
        """What the table is called in a statement of the routine."""
        if table.temporary:
            return Dataset(self._namespace, f"{self.job(self._maker(table, routine))}/{self._table(table)}")
        scheme, found, path = table.name.partition("://")
        if len(table.parts) == 1 and found:
            bucket, _, key = path.partition("/")
            return Dataset(f"{scheme}://{bucket}", key or "/")
        return Dataset(self._namespace, self._table(table))

    def _table(self, table: Table) -> str:
        return ".".join(map(self._part, table.parts))

    def _part(self, part: str) -> str:
        spelled = self._result.spelling(part)
        if spelled == part and part.startswith("#"):
            bare = part.lstrip("#")
            return part.removesuffix(bare) + self._result.spelling(bare)
        return spelled

    def _maker(self, table: Table, routine: str | None) -> str | None:
        """Whose table it is: this routine's own, else the script's, else that of the one routine that makes it."""
        makers = self._makers.get(table, {})
        if routine not in makers and not table.parts[-1].startswith("@"):
            if None in makers:
                return None
            if len(makers) == 1:
                return next(iter(makers))
        return routine


# What is said of them ----------------------------------------------------------------------------------------


class _Lineage:
    """What flows within one job: datasets in and out, which feeds which, and by which columns."""

    def __init__(self) -> None:
        self.inputs: dict[Dataset, Table] = {}
        self.outputs: dict[Dataset, Table] = {}
        self.feeds: dict[Dataset, dict[Dataset, None]] = {}
        self.columns: dict[Dataset, dict[str | None, dict[tuple[Dataset, str], dict[str, dict[str, Any]]]]] = {}

    def add(self, hop: Hop, statement: Statement, names: _Names) -> None:
        routine = statement.routine
        inputs = {names.dataset(table, routine): table for table in hop.inputs}
        outputs = {names.dataset(table, routine): table for table in hop.outputs}
        self.inputs.update(inputs)
        self.outputs.update(outputs)
        for target in outputs:
            self.feeds.setdefault(target, {}).update((source, None) for source in inputs if source != target)
        for edge in hop.edges:
            if edge.source is None or edge.target is None or not _is_named(edge, statement):
                continue
            source, target = names.dataset(edge.source, routine), names.dataset(edge.target, routine)
            if source != target:
                self.feeds.setdefault(target, {})[source] = None
            column = names.column(edge.target_column) if edge.target_column is not None else None
            flows = self.columns.setdefault(target, {}).setdefault(column, {})
            said = flows.setdefault((source, names.column(edge.source_column)), {})
            for transformation in _transformations(edge):
                said.setdefault(repr(transformation), transformation)

    def is_told_by_columns(self) -> bool:
        """Column lineage, and all inputs to all outputs that have none, is just what feeds what."""
        for target in self.outputs:
            sources = {source for flows in self.columns.get(target, {}).values() for source, _ in flows}
            if (sources or self.inputs.keys()) - {target} != self.feeds[target].keys():
                return False
        return True

    def column_lineage(self, target: Dataset) -> dict[str, Any] | None:
        columns = self.columns.get(target)
        if columns is None:
            return None
        fields = {
            column: {"inputFields": _input_fields(flows)} for column, flows in columns.items() if column is not None
        }
        whole = _input_fields(columns.get(None, {}))
        return {"fields": fields, "dataset": whole} if whole else {"fields": fields}

    def entries(self) -> list[dict[str, Any]]:
        """The same for the explicit `lineage` facet, which needs no columns to say what feeds what."""
        found = []
        for target, sources in self.feeds.items():
            columns = self.columns.get(target, {})
            if not sources and not columns:
                continue
            flows = [source.reference for source in sources] + _input_fields(columns.get(None, {}))
            fields = {
                column: {"inputs": _as_entities(_input_fields(said))}
                for column, said in columns.items()
                if column is not None
            }
            entry = {**target.reference, "type": "DATASET", "inputs": _as_entities(flows)}
            found.append({**entry, "fields": fields} if fields else entry)
        return found


def _is_named(edge: ColumnEdge, statement: Statement) -> bool:
    """Both ends are columns that have a name of their own."""
    return STAR not in (edge.source_column, edge.target_column) and edge.target_column not in statement.unnamed


def _input_fields(flows: Mapping[tuple[Dataset, str], Mapping[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {**source.reference, "field": column, "transformations": list(said.values())}
        for (source, column), said in flows.items()
    ]


def _as_entities(flows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**flow, "type": "DATASET"} for flow in flows]


def _transformations(edge: ColumnEdge) -> Iterable[dict[str, Any]]:
    for one in edge.transformations or (Transformation("DIRECT" if edge.target_column is not None else "INDIRECT"),):
        said: dict[str, Any] = {"type": one.type}
        if one.subtype is not None:
            said["subtype"] = one.subtype
        if description := _description(edge, one):
            said["description"] = description
        yield {**said, "masking": one.masking}


def _description(edge: ColumnEdge, transformation: Transformation) -> str:
    """The expression, where it says more than a column's name, and how sure it is."""
    expression = edge.expression if transformation.subtype != "IDENTITY" else ""
    doubt = f"confidence {edge.confidence:g}: {edge.reason}" if edge.confidence < 1 else ""
    return f"{expression} ({doubt})" if expression and doubt else expression or doubt


# How it is written -------------------------------------------------------------------------------------------


class _Writer:
    def __init__(
        self,
        dialect: str,
        namespace: str,
        names: _Names,
        produced_at: datetime,
        schema: Mapping[str, Mapping[str, str]] | None,
    ) -> None:
        self._dialect = dialect
        self._namespace = namespace
        self._names = names
        self._time = produced_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        self._spelled = Names(dialect, None, None)
        self._catalog = Catalog(schema, self._spelled)

    def whole(self, name: str, kind: str, statements: Sequence[Statement]) -> Event:
        lineage = _Lineage()
        for statement in statements:
            lineage.add(statement.lasting, statement, self._names)
        return self._event(name, {"jobType": _job_type(kind)}, lineage)

    def step(self, job: str, number: int, statement: Statement) -> Event:
        lineage = _Lineage()
        lineage.add(statement.hop, statement, self._names)
        kind = re.sub(r"[^a-z0-9]+", "-", statement.kind.lower()).strip("-")
        sql = {"query": statement.text, **({"dialect": self._dialect} if self._dialect else {})}
        facets = {
            "jobType": _job_type("STATEMENT"),
            "sql": _facet("sql", sql),
            PARENT_JOB: {
                "_producer": PRODUCER,
                "_schemaURL": f"{_CORE}/JobFacet",
                "job": {"namespace": self._namespace, "name": job},
            },
        }
        return self._event(f"{job}.{number}-{kind}", facets, lineage)

    def _event(self, name: str, facets: dict[str, Any], lineage: _Lineage) -> Event:
        if not lineage.is_told_by_columns():
            facets["lineage"] = _facet("lineage", {"entries": lineage.entries()})
        return {
            "eventTime": self._time,
            "producer": PRODUCER,
            "schemaURL": f"{_CORE}/JobEvent",
            "job": {"namespace": self._namespace, "name": name, "facets": facets},
            "inputs": [self._dataset(dataset, table, None) for dataset, table in lineage.inputs.items()],
            "outputs": [
                self._dataset(dataset, table, lineage.column_lineage(dataset))
                for dataset, table in lineage.outputs.items()
            ],
        }

    def _dataset(self, dataset: Dataset, table: Table, column_lineage: dict[str, Any] | None) -> dict[str, Any]:
        facets: dict[str, Any] = {}
        if table.temporary:
            facets["datasetType"] = _facet("datasetType", {"datasetType": "TABLE", "subType": "TEMPORARY"})
        elif columns := self._catalog.columns(table):
            facets["schema"] = _facet("schema", {"fields": [self._field(*column) for column in columns.items()]})
        if column_lineage is not None:
            facets["columnLineage"] = _facet("columnLineage", column_lineage)
        return {**dataset.reference, "facets": facets}

    def _field(self, column: str, type: str) -> dict[str, str]:
        name = self._spelled.spellings.get(column, self._names.column(column))
        return {"name": name, "type": type} if type else {"name": name}


def _job_type(kind: str) -> dict[str, Any]:
    return _facet("jobType", {"processingType": "BATCH", "integration": INTEGRATION, "jobType": kind})


def _facet(key: str, content: dict[str, Any]) -> dict[str, Any]:
    name, version = _VERSIONS[key]
    url = f"{_SPECIFICATION}/facets/{version}/{_FILES.get(key, name)}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": url, **content}

"""Envelope -> statements, for OpenLineage's three events (docs/meaning.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from graph.attributes import attribute_key, relation_key
from graph.cause import MARK, firing_named
from graph.errors import InvalidInput
from graph.model import Envelope, Name, parse_instant
from graph.statements import (
    Declared,
    Digested,
    FacetSet,
    Flows,
    OutputFlow,
    Rank,
    Renamed,
    Role,
    RunSaid,
    Said,
    Statements,
)
from ingest.characters import without_nul
from ingest.registers import facet_set, lineage, urns_of

from .events import Dataset, Event, Job, kind_of, read_any, read_event
from .facets import facets_in, read_facet_set, schema_fields
from .flows import column_flows, entries, entry_flows, split_flows
from .sql_facet import Columns, Infer, Sql, infer, read_sql

_STREAMING = frozenset({"STREAMING", "SERVICE"})


class Decoder:
    """Decodes OpenLineage envelopes. `kind_for_namespace` tells which key class a dataset's namespace means
    (`looker://shop` holds dashboards); it comes from the ontology. `infer` reads the SQL of `sql` facets;
    `model_versions`: whether the ontology has them, so that a model's `version` facet tells of one;
    `started_by`: whether it has that relation, so that a run's facets tell which firing had it started."""

    def __init__(
        self,
        kind_for_namespace: Callable[[str], str],
        infer: Infer = infer,
        *,
        model_versions: bool = True,
        started_by: bool = True,
    ) -> None:
        self._kind_for_namespace = kind_for_namespace
        self._infer = infer
        self._model_versions = model_versions
        self._started_by = started_by

    def __call__(self, envelope: Envelope) -> Statements:
        """Pure; raises `InvalidInput` for a body that `accept` would have refused."""
        if envelope.body is None:
            raise InvalidInput("the envelope was redacted")
        try:
            event = read_event(without_nul(envelope.body))
            at = parse_instant(event.event_time)
        except (msgspec.DecodeError, ValueError) as error:
            raise InvalidInput(str(error)) from None
        kind = kind_of(event)
        said: list[Said] = []
        renamed: list[Renamed] = []
        trained: list[Name] = []
        for role, datasets in (
            (Role.INPUT, event.inputs),
            (Role.OUTPUT, event.outputs),
            (Role.LISTED, (event.dataset,) if kind == "DatasetEvent" and event.dataset else ()),
        ):
            for dataset in datasets or ():
                name = self._dataset(dataset, role, said, renamed)
                if name.kind == "model" and self._model_versions and b'"version"' in bytes(dataset.facets):
                    trained += _model_version(dataset, name, role, said)
        if kind == "DatasetEvent":
            declared = tuple(self._dataset_lineage(event.dataset)) if event.dataset else ()
            return Statements(at, tuple(said), None, declared, tuple(renamed))
        assert event.job is not None
        job = Name("job", event.job.namespace, event.job.name)
        facets = event.job.facets
        said.append(Said(job, Role.SUBJECT, self._facet_set((facets,), 3)))
        flows = self._flows(event, job)
        if kind == "JobEvent":
            declared = (Declared(job, Rank.PRODUCER, flows),) if flows is not None else ()
            return Statements(at, tuple(said), None, declared, tuple(renamed))
        run = self._run(event, job, flows, said)
        training = tuple(self._training(event, run.run, trained, said)) if trained else ()
        return Statements(at, tuple(said), run, training, tuple(renamed))

    def _name(self, namespace: str, name: str) -> Name:
        return Name(self._kind_for_namespace(namespace), namespace, name)

    def _training(self, event: Event, run: Name, versions: Sequence[Name], said: list[Said]) -> Iterator[Declared]:
        """What a run that writes versions of models says of these: that it made them, and what of."""
        inputs = tuple(dict.fromkeys(self._name(it.namespace, it.name) for it in event.inputs or ()))
        registers: dict[str, object] = {relation_key("trainedIn"): [run.urn]}
        if inputs:
            registers[relation_key("trainedOn")] = urns_of(inputs)
        for version in versions:
            said.append(Said(version, Role.OUTPUT, facet_set(registers)))
            if inputs:
                yield from lineage(version, "trainedOn", inputs, Rank.PRODUCER)

    def _dataset(self, dataset: Dataset, role: Role, said: list[Said], renamed: list[Renamed]) -> Name:
        name = self._name(dataset.namespace, dataset.name)
        if b'"lifecycleStateChange"' in bytes(dataset.facets):
            change, previous = _lifecycle(dataset)
            if change == "DROP":
                said.append(Said(name, Role.DROPPED))
                role = Role.INPUT if role is Role.INPUT else Role.NOTED
            elif change == "RENAME" and previous is not None:
                former = self._name(*previous)
                if former.kind == name.kind and former != name:
                    renamed.append(Renamed(name, former))
                role = Role.INPUT if role is Role.INPUT else Role.NOTED
            elif change == "CREATE" and role is Role.INPUT:
                said.append(Said(name, Role.LISTED))
        raws = (dataset.facets, dataset.input_facets, dataset.output_facets)
        said.append(Said(name, role, self._facet_set(raws, int(role))))
        if role is not Role.OUTPUT and b'"columnLineage"' in bytes(dataset.facets):
            said.extend(self._sources_named(dataset))
        return name

    def _sources_named(self, dataset: Dataset) -> Iterator[Said]:
        """Column lineage on what is no output makes no edges here, but the columns it names are there."""
        text = _one_facet(dataset.facets, "columnLineage")
        columns: dict[Name, dict[str, None]] = {}
        for flow in self._column_flows(text) or () if text else ():
            columns.setdefault(flow.source, {})[flow.column] = None
        for source, named in columns.items():
            found = FacetSet(columns=tuple(named))
            digest = blake2b(msgspec.msgpack.encode(found.columns), digest_size=16, person=b"columns").digest()
            yield Said(source, Role.MENTIONED, Digested(digest, lambda found=found: found))  # type: ignore[misc]

    def _facet_set(self, raws: tuple[msgspec.Raw, ...], salt: int) -> Digested[FacetSet] | None:
        if not any(raws):
            return None
        digest = blake2b(bytes([salt, len(raws)]), digest_size=16)
        for raw in raws:
            digest.update(raw)
            digest.update(b"\0")
        return Digested(digest.digest(), lambda: read_facet_set(raws, self._name))

    def _run(self, event: Event, job: Name, flows: Digested[Flows] | None, said: list[Said]) -> RunSaid:
        assert event.run is not None
        run = Name("run", job.namespace, event.run.run_id)
        if b'"parent' in bytes(event.run.facets):
            said.extend(_parents(event.run.facets))
        said.append(Said(run, Role.SUBJECT, self._facet_set((event.run.facets,), 4)))
        if MARK in bytes(event.run.facets) and self._started_by:
            firing = firing_named(dict(facets_in(event.run.facets)))
            if firing is not None:
                registers = {relation_key("startedBy"): [Name("firing", "andon", firing).urn]}
                said.append(Said(run, Role.SUBJECT, facet_set(registers)))
        streaming = event.job is not None and _is_streaming(event.job)
        return RunSaid(run, job, (event.event_type or "").upper(), streaming, flows)

    def _flows(self, event: Event, job: Name) -> Digested[Flows] | None:
        assert event.job is not None
        inputs, outputs = event.inputs or (), event.outputs or ()
        explicit = _one_facet(event.job.facets, "lineage")
        if not inputs and not outputs and explicit is None:
            return None
        column_lineage = [
            (output, facet) for output in outputs if (facet := _one_facet(output.facets, "columnLineage")) is not None
        ]
        digest = blake2b(digest_size=16)
        for mark, datasets in ((b"<", inputs), (b">", outputs)):
            for dataset in datasets:
                digest.update(f"{dataset.namespace}\0{dataset.name}\0".encode())
            digest.update(mark)
        for output, facet in column_lineage:
            digest.update(f"{output.namespace}\0{output.name}\0".encode())
            digest.update(facet)
        if explicit is not None:
            digest.update(f"={job.namespace}\0{job.name}\0".encode())
            digest.update(explicit)
        sql = self._sql_to_infer_from(event, job, explicit)
        if sql is not None:
            schemas = [_one_facet(it.facets, "schema") for it in (*inputs, *outputs)]
            digest.update(msgspec.msgpack.encode(("sql", *sql, schemas)))

        def load() -> Flows:
            inferred: tuple[OutputFlow, ...] = ()
            if sql is not None:
                silent = {self._name(it.namespace, it.name) for it in outputs if not _says_columns(it)}
                found = self._infer(sql.query, sql.dialect, self._columns(inputs), self._columns(outputs))
                inferred = tuple(it for it in found if it.output in silent)
            return Flows(
                inferred=inferred,
                inputs=tuple(dict.fromkeys(self._name(it.namespace, it.name) for it in inputs)),
                outputs=tuple(dict.fromkeys(self._name(it.namespace, it.name) for it in outputs)),
                column_lineage=tuple(
                    OutputFlow(self._name(output.namespace, output.name), self._column_flows(facet))
                    for output, facet in column_lineage
                ),
                **self._entries(explicit, job),
            )

        return Digested(digest.digest(), load)

    def _sql_to_infer_from(self, event: Event, job: Name, explicit: bytes | None) -> Sql | None:
        """The SQL that is to tell how the columns of an output came about, where the event itself does not."""
        assert event.job is not None
        facet = _one_facet(event.job.facets, "sql")
        if facet is None or all(_says_columns(it) for it in event.outputs or ()) or self._entries(explicit, job):
            return None
        return read_sql(facet)

    def _columns(self, datasets: Sequence[Dataset]) -> Columns:
        """The columns that the event's own schemas give its datasets; in a pure function no other schema counts."""
        found: dict[Name, dict[str, None]] = {}
        for dataset in datasets:
            schema = _one_facet(dataset.facets, "schema")
            value = read_any(schema) if schema is not None else None
            fields = None if _is_deleted(value) else schema_fields(value)
            columns = found.setdefault(self._name(dataset.namespace, dataset.name), {})
            columns.update(dict.fromkeys(path for path, _, _ in fields or ()))
        return tuple((name, tuple(columns)) for name, columns in found.items())

    def _column_flows(self, facet: bytes) -> Any:
        value = read_any(facet)
        return None if _is_deleted(value) else column_flows(value, self._name)

    def _entries(self, explicit: bytes | None, job: Name) -> dict[str, Any]:
        value = read_any(explicit) if explicit is not None else None
        if value is None or _is_deleted(value):
            return {}
        return split_flows(entries(value, job, self._name))

    def _dataset_lineage(self, dataset: Dataset) -> Iterator[Declared]:
        """A DatasetEvent's `lineage` facet declares for an implicit job, whose name is the dataset's own."""
        facet = _one_facet(dataset.facets, "lineage")
        if facet is None:
            return
        name = self._name(dataset.namespace, dataset.name)
        value = read_any(facet)
        if not isinstance(value, dict) or value.get("_deleted") is True:
            yield Declared(name, Rank.PRODUCER, None, register=True)
            return

        def load() -> Flows:
            return Flows(**split_flows(tuple(entry_flows(value, name, name, self._name))))

        salted = blake2b(f"{dataset.namespace}\0{dataset.name}\0".encode() + facet, digest_size=16).digest()
        yield Declared(name, Rank.PRODUCER, Digested(salted, load), register=True)


def _model_version(dataset: Dataset, model: Name, role: Role, said: list[Said]) -> Iterator[Name]:
    """The version of a model that its `version` facet names; yields it where it is an output."""
    text = _one_facet(dataset.facets, "version")
    value = read_any(text) if text is not None else None
    number = value.get("datasetVersion") if isinstance(value, dict) and not _is_deleted(value) else None
    if not isinstance(number, str | int) or not str(number).strip():
        return
    version = Name("modelversion", model.namespace, f"{model.name}/{number}")
    registers = {attribute_key("versionNumber"): str(number), relation_key("versionOf"): [model.urn]}
    said.append(Said(version, Role.MENTIONED if role is Role.INPUT else role, facet_set(registers)))
    if role is Role.OUTPUT:
        yield version


def _one_facet(raw: msgspec.Raw, key: str) -> bytes | None:
    """One facet's JSON, found without reading the others where it is not there at all."""
    if f'"{key}"'.encode() not in bytes(raw):
        return None
    return next((text for found, text in facets_in(raw) if found == key), None)


def _is_deleted(facet: object) -> bool:
    return isinstance(facet, dict) and facet.get("_deleted") is True


def _says_columns(output: Dataset) -> bool:
    """Whether column lineage is given: every flow names the `field` it comes from."""
    return b'"field"' in (_one_facet(output.facets, "columnLineage") or b"")


def _is_streaming(job: Job) -> bool:
    text = _one_facet(job.facets, "jobType")
    value = read_any(text) if text else None
    kind = value.get("processingType") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind.upper() in _STREAMING


def _lifecycle(dataset: Dataset) -> tuple[str, tuple[str, str] | None]:
    text = _one_facet(dataset.facets, "lifecycleStateChange")
    value = read_any(text) if text else None
    if not isinstance(value, dict) or value.get("_deleted") is True:
        return "", None
    previous = value.get("previousIdentifier")
    change = str(value.get("lifecycleStateChange") or "").upper()
    if isinstance(previous, dict):
        namespace, name = previous.get("namespace"), previous.get("name")
        if isinstance(namespace, str) and isinstance(name, str) and namespace and name:
            return change, (namespace, name)
    return change, None


def _parents(raw: msgspec.Raw) -> Iterator[Said]:
    """The parent's job and run: they exist from now on, and carry no lineage."""
    for key in ("parent", "parentRun"):
        text = _one_facet(raw, key)
        value = read_any(text) if text else None
        if not isinstance(value, dict):
            continue
        job, run = value.get("job"), value.get("run")
        if isinstance(job, dict) and _is_name(job.get("namespace")) and _is_name(job.get("name")):
            yield Said(Name("job", job["namespace"], job["name"]), Role.MENTIONED)
            if isinstance(run, dict) and _is_name(run.get("runId")):
                yield Said(Name("run", job["namespace"], run["runId"]), Role.MENTIONED)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)

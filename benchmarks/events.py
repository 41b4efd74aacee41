"""OpenLineage events as bytes, made fast enough that making them is not what is measured.

All that differs from run to run (time, type, run id) stands at the start of a body, so that a body is a small
formatted head and a tail that all runs of a job share.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

PRODUCER = "https://example.com/benchmarks/1.0"
NAMESPACE = "postgres://warehouse:5432"
JOBS = "nightly"
COLUMNS = 20  # of every table
NEW_JOBS = 0.1  # of the runs; the others repeat a job that is known
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_NEW = "@new@"


class Size(StrEnum):
    """LARGE: schema of inputs and outputs, and column lineage. SMALL: the outputs' narrow schema."""

    LARGE = "12 kB"
    SMALL = "1.3 kB"


@dataclass(frozen=True, slots=True)
class Job:
    """A job and the tables it reads and writes, by name."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """All events of one job's runs."""

    head: bytes
    tail: bytes

    @classmethod
    def of(cls, job: Job, size: Size) -> Template:
        tail = msgspec.json.encode(
            {
                "job": {"namespace": JOBS, "name": job.name, "facets": _job_facets(job.name, size)},
                "inputs": [_dataset(table, (), size) for table in job.inputs],
                "outputs": [_dataset(table, job.inputs, size) for table in job.outputs],
                "producer": PRODUCER,
                "schemaURL": _EVENT,
            }
        )
        return cls(_HEAD, b"," + tail[1:])

    def body(self, run_id: str, event_type: str, time: str) -> bytes:
        head = self.head % (time.encode(), event_type.encode(), run_id.encode(), time.encode())
        return head + self.tail

    def renamed(self, name: str) -> Template:
        """The template of a new job, where this one was made with `_NEW` in its names."""
        return Template(self.head, self.tail.replace(_NEW.encode(), name.encode()))


class Run:
    """One run of a job: its START and then its COMPLETE, each as of when it is asked for."""

    __slots__ = ("id", "template")

    def __init__(self, template: Template) -> None:
        self.id = str(uuid.uuid4())
        self.template = template

    def start(self) -> bytes:
        return self.template.body(self.id, "START", now())

    def complete(self) -> bytes:
        return self.template.body(self.id, "COMPLETE", now())


def _facet(name: str, version: str, content: dict[str, Any]) -> dict[str, Any]:
    url = f"{_SPEC}/facets/{version}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": url, **content}


_HEAD = (
    msgspec.json.encode(
        {
            "eventTime": "%s",
            "eventType": "%s",
            "run": {
                "runId": "%s",
                "facets": {
                    "nominalTime": _facet("NominalTimeRunFacet", "1-0-1", {"nominalStartTime": "%s"}),
                },
            },
        }
    )
)[:-1]


def column(table: str, index: int) -> str:
    return f"col_{index:02d}_{table.rpartition('_')[2][-4:]}"


def _job_facets(name: str, size: Size) -> dict[str, Any]:
    if size is Size.SMALL:
        return {}
    kind = {"processingType": "BATCH", "integration": "SPARK", "jobType": "JOB"}
    text = {"description": f"Makes the tables of {name}."}
    return {
        "jobType": _facet("JobTypeJobFacet", "2-0-3", kind),
        "documentation": _facet("DocumentationJobFacet", "1-0-1", text),
    }


def _dataset(table: str, sources: Sequence[str], size: Size) -> dict[str, Any]:
    width = COLUMNS if size is Size.LARGE else 2
    fields = [{"name": column(table, index), "type": "VARCHAR"} for index in range(width)]
    facets = {"schema": _facet("SchemaDatasetFacet", "1-1-1", {"fields": fields})}
    if size is Size.SMALL and not sources:
        return {"namespace": NAMESPACE, "name": table}
    if sources and size is Size.LARGE:
        lineage = {column(table, index): {"inputFields": [_input_field(sources, index)]} for index in range(width)}
        facets["columnLineage"] = _facet("ColumnLineageDatasetFacet", "1-2-0", {"fields": lineage})
    return {"namespace": NAMESPACE, "name": table, "facets": facets}


def _input_field(sources: Sequence[str], index: int) -> dict[str, Any]:
    source = sources[index % len(sources)]
    kind = {"type": "DIRECT", "subtype": "IDENTITY"}
    return {"namespace": NAMESPACE, "name": source, "field": column(source, index), "transformations": [kind]}


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Mix:
    """An endless mix of runs, nine in ten of a known job and one in ten of a new one.

    `seed` makes it repeatable but for times; two mixes with different seeds make different new jobs.
    """

    def __init__(self, known: Sequence[Job], size: Size, seed: int) -> None:
        self._random = random.Random(seed)
        self._known = [Template.of(job, size) for job in known]
        self._prototypes = [
            Template.of(Job(f"{_NEW}", job.inputs, tuple(f"new.{_NEW}_{at}" for at in range(len(job.outputs)))), size)
            for job in known[:50]
        ]
        self._seed = f"{seed}_{uuid.uuid4().hex[:6]}"

    def __iter__(self) -> Iterator[Run]:
        made = 0
        while True:
            if self._random.random() < NEW_JOBS:
                made += 1
                template = self._random.choice(self._prototypes).renamed(f"job_{self._seed}_{made:05d}")
            else:
                template = self._random.choice(self._known)
            yield Run(template)


def first_runs(jobs: Sequence[Job], size: Size) -> Iterator[Run]:
    """One run of each job: what makes an estate known."""
    return (Run(Template.of(job, size)) for job in jobs)


def bodies(runs: Iterable[Run]) -> Iterator[bytes]:
    """Each run's events, one after the other."""
    for run in runs:
        yield run.start()
        yield run.complete()

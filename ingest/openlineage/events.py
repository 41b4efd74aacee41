"""OpenLineage events on the wire (core specification 2-0-2 and all before), as far as Andon must read them.

Facets stay raw bytes here: unknown ones are kept word for word, and known ones are read only when new.
"""

from __future__ import annotations

from typing import Any

import msgspec

NO_BYTES = msgspec.Raw(b"")


class Dataset(msgspec.Struct, frozen=True, gc=False):
    namespace: str
    name: str
    facets: msgspec.Raw = NO_BYTES
    input_facets: msgspec.Raw = msgspec.field(default=NO_BYTES, name="inputFacets")
    output_facets: msgspec.Raw = msgspec.field(default=NO_BYTES, name="outputFacets")


class Job(msgspec.Struct, frozen=True, gc=False):
    namespace: str
    name: str
    facets: msgspec.Raw = NO_BYTES


class Run(msgspec.Struct, frozen=True, gc=False):
    run_id: str = msgspec.field(name="runId")
    facets: msgspec.Raw = NO_BYTES


class Event(msgspec.Struct, frozen=True, gc=False):
    """Any of the three events; which one it is, `kind_of` says."""

    event_time: str = msgspec.field(name="eventTime")
    producer: str
    event_type: str | None = msgspec.field(default=None, name="eventType")
    schema_url: str | None = msgspec.field(default=None, name="schemaURL")
    run: Run | None = None
    job: Job | None = None
    dataset: Dataset | None = None
    inputs: tuple[Dataset, ...] | None = None
    outputs: tuple[Dataset, ...] | None = None


EVENT_TYPES = frozenset({"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"})

read_event = msgspec.json.Decoder(Event).decode
read_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
read_any: Any = msgspec.json.Decoder().decode


def kind_of(event: Event) -> str:
    """RunEvent, JobEvent or DatasetEvent: by `run`, else by schemaURL's last segment, else by what is there."""
    if event.run is not None:
        return "RunEvent"
    named = (event.schema_url or "").rsplit("/", 1)[-1]
    if named == "DatasetEvent" and event.dataset is not None:
        return named
    if named == "JobEvent" and event.job is not None:
        return named
    if named == "RunEvent":
        return named
    return "DatasetEvent" if event.dataset is not None and event.job is None else "JobEvent"

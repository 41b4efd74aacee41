"""A graph that is told events, and the propagations that follow it; all is real but the journal, which is a list."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from graph.model import Envelope, Instant, NewEnvelope, Position
from graph.reader import EntityRecord, Tag
from graph.sqlite import SqliteGraph
from ingest import facts, mutation, propagation
from ingest.openlineage import Decoder
from jobs.propagation import PropagationService
from ontology import load
from rules.document import Document, compose
from rules.propagation import Propagation, read
from rules.sqlite_outbox import SqliteOutbox
from tests.reference.events import kind_of, micros

ONTOLOGY = load()
_DECODERS = {
    "openlineage": Decoder(ONTOLOGY.kind_for_namespace),
    mutation.KIND: mutation.decode,
    facts.KIND: facts.Decoder(ONTOLOGY),
    propagation.KIND: propagation.decode,
}


def declared(text: str) -> Propagation:
    return read(Document("p.yaml", ONTOLOGY, {}), compose(text.encode(), "p.yaml"))


PII = declared(
    "propagate: pii\nversion: 1\ntags: [pii]\nbreakers: {transformations: [AGGREGATION], job_tags: [anonymises]}"
)
    "propagate: pii\nversion: 1\ntags: [pii]\nbreakers: {transformations: [AGGREGATION], job_tags: [anonymises]}"
)


@dataclass
class Board:
    """`journal` is what was appended; `tell` projects, `follow` has the propagations catch up."""

    graph: SqliteGraph
    outbox: SqliteOutbox
    propagations: list[Propagation] = field(default_factory=lambda: [PII])
    journal: list[Envelope] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service = self.serve()

    def serve(self) -> PropagationService:
        """A service as it would be after a restart."""
        return PropagationService(
            lambda: self.propagations,
            snapshot=self.graph.snapshot,
            changes=self.graph.changes,
            received_at=lambda position: self.journal[position - 1].received_at,
            append=self.append,
            last_position=lambda: len(self.journal),
            progress=self.outbox,
        )

    def append(self, envelopes: Sequence[NewEnvelope]) -> None:
        known = {it.digest for it in self.journal}
        for it in envelopes:
            if it.key not in known:
                position = Position(len(self.journal) + 1)
                at = Instant(micros(100_000 + position))
                self.journal.append(Envelope(position, it.kind, it.source, at, it.key, it.body))

    def tell(self, *bodies: dict[str, Any]) -> None:
        self.append(
            [
                NewEnvelope(kind_of(it), "test", f"{len(self.journal)}-{index}".encode(), json.dumps(it).encode())
                for index, it in enumerate(bodies)
            ]
        )
        self.project()

    def project(self) -> None:
        position = self.graph.position()
        for envelope in self.journal[position:]:
            with self.graph.transaction():
                self.graph.fold(envelope, _DECODERS[envelope.kind](envelope))
            self.graph.commit(envelope.position)

    def follow(self) -> int:
        """How many envelopes were said."""
        said = 0
        while self.service.step():
            said += len(self.journal) - self.graph.position()
            self.project()
        return said

    def entity(self, urn: str) -> EntityRecord:
        with self.graph.snapshot() as snapshot:
            found = snapshot.entity(urn)
        assert found is not None, urn
        return found

    def derived(self, urn: str) -> dict[str, tuple[int, str]]:
        """By tag, how far it came and from where."""
        return {_label(it): (it.derived[0].hops, it.derived[0].origin) for it in self.entity(urn).tags if it.derived}

    def everywhere(self) -> dict[str, dict[str, tuple[int, str]]]:
        """`derived` of every column and dataset that has any."""
        from graph.reader import EntityQuery

        found = {}
        with self.graph.snapshot() as snapshot:
            page = snapshot.entities(EntityQuery(include_dropped=True, first=10_000))
            for record in page.records:
                for it in (record, *snapshot.columns(record)):
                    tags = [tag for tag in it.tags if tag.derived and (it is not record or not tag.field)]
                    if tags:
                        found[it.urn] = {_label(tag): (tag.derived[0].hops, tag.derived[0].origin) for tag in tags}
        return found


def _label(tag: Tag) -> str:
    return tag.key if tag.value is None else f"{tag.key}={tag.value}"


@contextmanager
def board(*propagations: Propagation) -> Iterator[Board]:
    with TemporaryDirectory() as folder:
        graph = SqliteGraph(Path(folder) / "graph.db", ONTOLOGY)
        outbox = SqliteOutbox(Path(folder) / "outbox.db")
        try:
            yield Board(graph, outbox, list(propagations) or [PII])
        finally:
            outbox.close()
            graph.close()

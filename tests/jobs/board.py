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
from graph.reader import EntityQuery, EntityRecord, Tag
from graph.snapshot import Snapshot
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
        while self.service.step() or self.graph.position() < len(self.journal):
            said += len(self.journal) - self.graph.position()
            self.project()
        return said

    def rows(self) -> dict[str, str | None]:
        """The tags of each entity as they stand in its present row."""
        with self.graph.snapshot() as snapshot:
            assert isinstance(snapshot, Snapshot)
            rows = snapshot.database.execute("SELECT kind || namespace || name, tags FROM entity").fetchall()
        return dict(rows)

    @contextmanager
    def rebuilt(self) -> Iterator[Board]:
        """The journal read again, all of it at once."""
        with board() as fresh:
            decoded = [(it, _DECODERS[it.kind](it)) for it in self.journal]
            with fresh.graph.transaction():
                fresh.graph.expect(statements for _, statements in decoded)
                for envelope, statements in decoded:
                    fresh.graph.fold(envelope, statements)
            fresh.graph.commit(Position(len(decoded)))
            yield fresh

    def entity(self, urn: str) -> EntityRecord:
        with self.graph.snapshot() as snapshot:
            found = snapshot.entity(urn)
        assert found is not None, urn
        return found

    def derived(self, urn: str, propagation: str = "pii") -> dict[str, tuple[int, str]]:
        """By tag, how far it came and from where."""
        return _derived(self.entity(urn).tags, propagation)

    def everywhere(self, propagation: str = "pii") -> dict[str, dict[str, tuple[int, str]]]:
        """`derived` of every column and entity that has any."""
        found = {}
        with self.graph.snapshot() as snapshot:
            for record in snapshot.entities(EntityQuery(include_dropped=True, first=10_000)).records:
                found[record.urn] = _derived([it for it in record.tags if not it.field], propagation)
                found |= {it.urn: _derived(it.tags, propagation) for it in snapshot.columns(record)}
        return {urn: tags for urn, tags in found.items() if tags}


def _derived(tags: Sequence[Tag], propagation: str) -> dict[str, tuple[int, str]]:
    return {_label(tag): (it.hops, it.origin) for tag in tags for it in tag.derived if it.propagation == propagation}


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

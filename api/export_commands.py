"""What `andon export` does: write the graph as RDF, while the service runs or not."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from api.app import GRAPH_FILE, open_graph, open_vocabulary
from api.journal_commands import STANDARD_OUTPUT
from api.settings import Settings
from graph.database import open_reader
from graph.errors import Conflict, NotFound
from graph.model import AsOf
from graph.rdf.documents import catalogue_text, dump
from graph.rdf.terms import Terms
from graph.schema import SCHEMA_VERSION
from graph.snapshot import Shared, Snapshot
from ontology import Ontology

DCAT = "dcat"
FORMATS = ("trig", "nquads", "jsonld", "turtle", "ntriples", DCAT)


def export(settings: Settings, target: str, format: str, as_of: AsOf) -> None:
    """Write the graph as of then to a new file, or to standard output; `dcat` is a catalogue in Turtle."""
    ontology = open_vocabulary(settings).ontology
    terms = Terms(ontology)
    with snapshot_of(settings, ontology, as_of) as snapshot:
        pieces = catalogue_text(snapshot, terms, "turtle") if format == DCAT else dump(snapshot, terms, format)
        if target == STANDARD_OUTPUT:
            for piece in pieces:
                sys.stdout.buffer.write(piece.encode())
            sys.stdout.buffer.flush()
        else:
            _write(Path(target), pieces)
        sys.stderr.write(f"exported the graph as of position {snapshot.position()}\n")


@contextmanager
def snapshot_of(settings: Settings, ontology: Ontology, as_of: AsOf) -> Iterator[Snapshot]:
    """The graph of an installation, whose service may run meanwhile. Raises `NotFound` and `Conflict`."""
    if settings.postgres_url:
        with closing(open_graph(settings, ontology)) as graph, graph.snapshot(as_of) as snapshot:
            assert isinstance(snapshot, Snapshot)
            yield snapshot
        return
    path = settings.data / GRAPH_FILE
    if not path.is_file():
        raise NotFound(f"there is no graph in {settings.data}")
    with closing(open_reader(path)) as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            raise Conflict("the graph was written by another Andon: start the service once, which folds it anew")
        connection.execute("BEGIN")
        yield Snapshot(connection, Shared(connection), ontology, as_of)


def _write(path: Path, pieces: Iterator[str]) -> None:
    """All or nothing; never over another file."""
    if path.exists():
        raise Conflict(f"there is something at {path} already")
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)  # which does not write over what came meanwhile
    except FileExistsError:
        raise Conflict(f"there is something at {path} already") from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()

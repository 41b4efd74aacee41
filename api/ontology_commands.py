"""What `andon ontology` does: checks Turtle files, writes the reference page, brings in glossaries of others."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from api.app import now
from api.sending import send
from api.settings import Settings
from graph.errors import InvalidInput
from ingest import facts
from ingest.glossary import As, Glossary, read
from ontology import Ontology, OntologyError, load, own_files
from ontology.picture import picture
from ontology.reference import PICTURE, reference

REFERENCE = "reference.md"
_AT_ONCE = 500  # entities of one document: well below what a door takes


def check(settings: Settings, files: Sequence[str]) -> int:
    """Read the shipped ontology with these own files; prints each fault, and returns 1 if there is one."""
    ontology = _loaded(settings, files)
    if ontology is None:
        return 1
    counts = f"{len(ontology.classes)} classes, {len(ontology.relations)} relations"
    _say(f"{ontology.version}: {counts}, {len(ontology.attributes)} attributes")
    return 0


def document(settings: Settings, files: Sequence[str], out: str, *, stale_only: bool) -> int:
    """Write the reference page and its picture; with `stale_only` only tell, by 1, whether they are out of date."""
    ontology = _loaded(settings, files)
    if ontology is None:
        return 1
    pages = {Path(out) / REFERENCE: reference(ontology), Path(out) / PICTURE: picture(ontology)}
    if stale_only:
        stale = [str(path) for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text]
        for path in stale:
            _say(f"{path} is out of date: andon ontology doc writes it anew")
        return 1 if stale else 0
    Path(out).mkdir(parents=True, exist_ok=True)
    for page, text in pages.items():
        page.write_text(text, "utf-8")
        _say(f"wrote {page}")
    return 0


def import_(settings: Settings, file: str, kind: str, url: str | None, *, dry_run: bool) -> None:
    """Bring in the terms of an RDF file as facts; with `dry_run` only print the documents, one a line."""
    content = Path(file).read_bytes()
    name = Path(file).name
    found = read(content, As(kind), f"file:///{name}")
    documents = _documents(found, content, kind, name)
    if found.left_out:
        _complain(
            f"{found.left_out} statements found no place: they are about nothing that became an entity, or too long"
        )
    if dry_run:
        for body in documents:
            _say(body.decode())
        return
    position = send(settings, url, documents)
    glossaries = len(found.entities) - found.terms
    _say(f"imported {found.terms} terms of {glossaries} glossaries, up to position {position}")


def _documents(found: Glossary, content: bytes, kind: str, name: str) -> list[bytes]:
    """The same file makes documents of the same ids, whatever it is called: brought in twice it is known."""
    digest = hashlib.sha256(kind.encode() + b"\n" + content).hexdigest()[:32]
    glossary = next((it for it in found.entities if it["type"] == "Glossary"), None)
    source = "import:" + (glossary["attributes"]["sourceIri"] if glossary is not None else name)
    at = now()
    parts = [found.entities[start : start + _AT_ONCE] for start in range(0, len(found.entities), _AT_ONCE)]
    return [facts.document(f"{digest}-{number}", source, at, part) for number, part in enumerate(parts)]


def _loaded(settings: Settings, files: Sequence[str]) -> Ontology | None:
    """None where there are faults, which are printed."""
    try:
        return load(Path(settings.ontology) if settings.ontology else None, _paths(files))
    except OntologyError as error:
        for fault in sorted((error, *error.others), key=lambda it: (it.file, it.line)):
            _say(f"{fault.file}:{fault.line}: {fault.reason}")
        return None


def _paths(files: Sequence[str]) -> list[Path]:
    """The files, and the Turtle files of the folders among them."""
    found: list[Path] = []
    for file in files:
        path = Path(file)
        if not path.exists():
            raise InvalidInput(f"there is no file or folder {file!r}")
        found += own_files(path) if path.is_dir() else [path]
    return found


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")

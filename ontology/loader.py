"""Reads an ontology from Turtle files, checks that it makes sense, and hands out the typed view of
`ontology.model`.

What counts as what:

- An entity type is an `owl:Class`, a relation an `owl:ObjectProperty`, an attribute an
  `owl:DatatypeProperty`. Each needs one `rdfs:label` and one `skos:definition`; relations and attributes one
  `rdfs:domain` and one `rdfs:range`.
- `andon:keyClass true` with an `andon:kind` makes a key class; everything below it belongs to it.
- A relation may name its `owl:inverseOf`: an object property that has a label and nothing else.
- Cardinality is `andon:cardinality`, or "0..1" for an `owl:FunctionalProperty`, else "0..*".
- An attribute of strings may list its `andon:allowedValue`s.
- A superclass or superproperty from another vocabulary is an alignment, as are the SKOS matches.

The shipped words are one file for the core and one for each module. Own files are read with them as one graph. They
declare terms in namespaces of their own; of a shipped term they may say its label in other languages, more naming
schemes, dataset types and job types, SKOS matches, and whatever Andon doesn't read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from rdflib import OWL, RDF, RDFS, SKOS, Literal, URIRef
from rdflib.term import Node

from ontology.classes import Classes
from ontology.describing import CLAIMS, DESCRIBING
from ontology.errors import Faults
from ontology.model import Module, Ontology
from ontology.properties import Properties
from ontology.turtle import ANDON, Terms, TurtleFile, local_name

_CORE = "andon"
_DECLARING = (OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty)
_FIXED = {
    *(RDF.type, RDFS.subClassOf, RDFS.subPropertyOf, RDFS.domain, RDFS.range, OWL.inverseOf),
    *(ANDON[name] for name in DESCRIBING if ANDON[name] not in CLAIMS),
}
"""What only the file that declares a term may say of it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A Turtle file as bytes; `name` is what faults call it."""

    name: str
    content: bytes

    @classmethod
    def of(cls, file: Path | Source) -> Source:
        return file if isinstance(file, Source) else cls(str(file), file.read_bytes())


def load(path: Path | None = None, own: Sequence[Path | Source] = ()) -> Ontology:
    """Read the ontology that Andon ships, or the one in `path` instead, and with it the `own` files.

    Raises `OntologyError` with file and line where the Turtle does not parse or does not make sense; one fault
    anywhere refuses the whole. `FileNotFoundError` for a file that is not there.
    """
    base = _shipped() if path is None else [Source.of(path)]
    added = [Source.of(file) for file in own]
    faults = Faults()
    files: list[TurtleFile] = []
    for source in (*base, *added):
        with faults.kept():
            files.append(TurtleFile(source.content, source.name))
    faults.raise_if_any()
    return _ontology(files[: len(base)], files[len(base) :], faults)


def own_files(folder: Path) -> tuple[Path, ...]:
    """The Turtle files of a folder by name, hidden ones left out."""
    return tuple(sorted(file for file in folder.glob("*.ttl") if not file.name.startswith(".")))


def _shipped() -> list[Source]:
    package = resources.files("ontology")
    modules = sorted((package / "modules").iterdir(), key=lambda file: file.name)
    files = [("andon.ttl", package / "andon.ttl")]
    files += [(f"modules/{file.name}", file) for file in modules if file.name.endswith(".ttl")]
    return [Source(name, file.read_bytes()) for name, file in files]


def _ontology(base: Sequence[TurtleFile], own: Sequence[TurtleFile], faults: Faults) -> Ontology:
    modules: list[Module] = []
    for number, file in enumerate((*base, *own)):
        with faults.kept():
            found = _module(file, versioned=number == 0 or number >= len(base), own=number >= len(base))
            if any(found.name == it.name for it in modules):
                raise file.fault(
                    URIRef(found.iri), None, f"the file's name is taken: there is a {found.name}.ttl already"
                )
            modules.append(found)
        with faults.kept():
            _check_describing_properties(file)
    _check_own_leave_the_shipped_alone(base, own, faults)
    faults.raise_if_any()
    terms = Terms((*base, *own))
    declared = {iri: _name(file.file) for file in reversed(terms.files) for iri in _declared(file)}
    in_base = frozenset(iri for file in base for iri in _declared(file))
    classes = Classes(terms, faults, declared, lambda iri: iri not in in_base)
    types = classes.read()
    properties = Properties(terms, faults, declared, classes)
    relations, attributes = properties.relations(), properties.attributes()
    faults.raise_if_any()
    return Ontology(
        classes=MappingProxyType(types),
        relations=MappingProxyType(relations),
        attributes=MappingProxyType(attributes),
        version=" + ".join(f"{it.name} {it.version}" if it.own else it.version for it in modules if it.version),
        modules=tuple(modules),
    )


def _name(file: str) -> str:
    return Path(file).stem


def _module(file: TurtleFile, *, versioned: bool, own: bool) -> Module:
    headers = [node for node in file.graph.subjects(RDF.type, OWL.Ontology) if isinstance(node, URIRef)]
    if len(headers) != 1:
        expected = "one owl:Ontology with its version" if versioned else "one owl:Ontology"
        subject = headers[-1] if headers else None
        raise file.fault(subject, None, f"expected {expected}, found {len(headers)}")
    header, terms = headers[0], Terms([file])
    return Module(
        name=_name(file.file),
        iri=str(header),
        label=terms.optional_text(header, RDFS.label) or _name(file.file),
        definition=terms.optional_text(header, SKOS.definition) or "",
        version=terms.text(header, OWL.versionInfo) if versioned else "",
        own=own,
    )


def _declared(file: TurtleFile) -> list[URIRef]:
    found = (node for kind in _DECLARING for node in file.graph.subjects(RDF.type, kind))
    return [node for node in found if isinstance(node, URIRef)]


def _check_describing_properties(file: TurtleFile) -> None:
    """A misspelt `andon:namingSchema` would otherwise be passed over in silence."""
    known = {ANDON[name] for name in DESCRIBING}
    for prop in file.graph.predicates(unique=True):
        if isinstance(prop, URIRef) and prop.startswith(ANDON) and prop not in known:
            subject = next((node for node in file.graph.subjects(prop) if isinstance(node, URIRef)), None)
            reason = f"unknown property andon:{local_name(prop)}; expected one of {', '.join(DESCRIBING)}"
            raise file.fault(subject, prop, reason)


def _check_own_leave_the_shipped_alone(base: Sequence[TurtleFile], own: Sequence[TurtleFile], faults: Faults) -> None:
    shipped = {iri: file for file in reversed(base) for iri in _declared(file)}
    for file in own:
        for iri in _declared(file):
            if iri.startswith(ANDON) and iri not in shipped:
                with faults.kept():
                    reason = f"the namespace of andon:{local_name(iri)} is Andon's; declare it in one of your own"
                    raise file.fault(iri, None, reason)
        for subject, prop in sorted(_spoilt(file, shipped)):
            with faults.kept():
                where = shipped[subject].file
                reason = f"{local_name(subject)} is declared in {where}, which alone says its {local_name(prop)}"
                raise file.fault(subject, prop, reason)


def _spoilt(own: TurtleFile, shipped: Mapping[URIRef, TurtleFile]) -> set[tuple[URIRef, URIRef]]:
    """The shipped terms of which the file says what it may not, and the properties."""
    return {
        (subject, prop)
        for subject, prop, value in own.graph
        if isinstance(subject, URIRef) and isinstance(prop, URIRef) and subject in shipped
        if (subject, prop, value) not in shipped[subject].graph
        if prop in _FIXED or (prop in (RDFS.label, SKOS.definition) and not _translated(value))
    }


def _translated(value: Node) -> bool:
    return isinstance(value, Literal) and value.language not in (None, "en")

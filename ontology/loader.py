"""Reads an ontology from Turtle, checks that it makes sense, and hands out the typed view of
`ontology.model`.

What counts as what:

- An entity type is an `owl:Class`, a relation an `owl:ObjectProperty`, an attribute an
  `owl:DatatypeProperty`. Each needs one `rdfs:label` and one `skos:definition`; relations and attributes one
  `rdfs:domain` and one `rdfs:range`.
- `andon:keyClass true` with an `andon:kind` makes a key class; everything below it belongs to it.
- A relation may name its `owl:inverseOf`: an object property that has a label and nothing else.
- Cardinality is `andon:cardinality`, or "0..1" for an `owl:FunctionalProperty`, else "0..*".
- A superclass or superproperty from another vocabulary is an alignment, as are the SKOS matches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from rdflib import OWL, RDF, RDFS, SKOS, XSD, URIRef

from ontology.model import Alignment, Attribute, EntityType, Ontology, Relation
from ontology.turtle import ANDON, TurtleFile, local_name

CARDINALITIES = ("0..1", "1", "0..*", "1..*")
VALUE_TYPES = ("string", "boolean", "integer", "decimal", "date", "dateTime", "duration", "anyURI")
"""XML Schema types an attribute may have as its range."""

_DESCRIBING = (
    ("keyClass", "kind", "namingScheme", "datasetType", "jobType", "colour", "icon")  # of classes
    + ("carriesLineage", "cardinality")  # of properties
)
_MATCHES = (SKOS.exactMatch, SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch, SKOS.relatedMatch)
_KIND = re.compile(r"[a-z]+")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


def load(path: Path | None = None) -> Ontology:
    """Read the ontology in `path`, or the one Andon ships.

    Raises `OntologyError` with file and line where the Turtle does not parse or does not make sense.
    """
    if path is None:
        shipped = resources.files("ontology") / "andon.ttl"
        return _ontology(TurtleFile(shipped.read_bytes(), "andon.ttl"))
    return _ontology(TurtleFile(path.read_bytes(), str(path)))


def _ontology(file: TurtleFile) -> Ontology:
    _check_describing_properties(file)
    classes = _Classes(file)
    properties = _Properties(file, classes)
    return Ontology(
        classes=MappingProxyType(classes.read()),
        relations=MappingProxyType(properties.relations()),
        attributes=MappingProxyType(properties.attributes()),
        version=_version(file),
    )


def _version(file: TurtleFile) -> str:
    headers = [node for node in file.graph.subjects(RDF.type, OWL.Ontology) if isinstance(node, URIRef)]
    if len(headers) != 1:
        reason = f"expected one owl:Ontology with its version, found {len(headers)}"
        raise file.fault(headers[-1] if headers else None, None, reason)
    return file.text(headers[0], OWL.versionInfo)


def _check_describing_properties(file: TurtleFile) -> None:
    """A misspelt `andon:namingSchema` would otherwise be passed over in silence."""
    known = {ANDON[name] for name in _DESCRIBING}
    for prop in file.graph.predicates(unique=True):
        if isinstance(prop, URIRef) and prop.startswith(ANDON) and prop not in known:
            subject = next((node for node in file.graph.subjects(prop) if isinstance(node, URIRef)), None)
            reason = f"unknown property andon:{local_name(prop)}; expected one of {', '.join(_DESCRIBING)}"
            raise file.fault(subject, prop, reason)


def _alignments(
    file: TurtleFile, iri: URIRef, subsumption: URIRef, own: Callable[[URIRef], bool]
) -> tuple[Alignment, ...]:
    foreign = [Alignment(local_name(subsumption), str(up)) for up in file.iris(iri, subsumption) if not own(up)]
    return *foreign, *(Alignment(local_name(how), str(to)) for how in _MATCHES for to in file.iris(iri, how))


class _Classes:
    """The entity types of a file."""

    def __init__(self, file: TurtleFile) -> None:
        self._file = file
        self.iris = file.declared(OWL.Class)
        self._own_namespaces = {iri.removesuffix(local_name(iri)) for iri in self.iris.values()} | {str(ANDON)}
        self._parents = {name: self._read_parents(iri) for name, iri in self.iris.items()}

    def read(self) -> dict[str, EntityType]:
        key_class_of = self._key_classes()
        kinds = self._kinds(set(key_class_of.values()))
        types = {
            name: self._entity_type(name, key_class_of.get(name), kinds.get(key_class_of.get(name, ""), ""))
            for name in self.iris
        }
        self._check_claims_differ(ANDON.namingScheme, types.values(), lambda entity: entity.naming_schemes)
        self._check_claims_differ(ANDON.datasetType, types.values(), lambda entity: entity.dataset_types)
        self._check_claims_differ(ANDON.jobType, types.values(), lambda entity: entity.job_types)
        return types

    def is_own(self, iri: URIRef) -> bool:
        """Whether an IRI lies in a namespace of the file's classes, or in Andon's."""
        return iri.removesuffix(local_name(iri)) in self._own_namespaces

    def name_at(self, subject: URIRef, prop: URIRef, target: URIRef) -> str:
        """The name of the declared class `target` that a property of a subject points to."""
        name = local_name(target)
        if self.iris.get(name) != target:
            raise self._file.fault(subject, prop, f"{local_name(subject)} names the unknown class <{target}>")
        return name

    def _read_parents(self, iri: URIRef) -> tuple[str, ...]:
        above = (parent for parent in self._file.iris(iri, RDFS.subClassOf) if self.is_own(parent))
        return tuple(sorted(self.name_at(iri, RDFS.subClassOf, parent) for parent in above))

    def _lineage_of(self, name: str, path: tuple[str, ...] = ()) -> frozenset[str]:
        """The class and all classes above it."""
        if name in path:
            cycle = " -> ".join([*path[path.index(name) :], name])
            raise self._file.fault(self.iris[name], RDFS.subClassOf, f"a class cannot be its own superclass: {cycle}")
        above = (self._lineage_of(parent, (*path, name)) for parent in self._parents[name])
        return frozenset({name}).union(*above)

    def _key_classes(self) -> dict[str, str]:
        """The key class of every class that has one; those without must have a key class below them."""
        keys = {name for name, iri in self.iris.items() if self._file.flag(iri, ANDON.keyClass)}
        upward = {name: self._lineage_of(name) for name in self.iris}
        over_keys = frozenset[str]().union(*(upward[name] for name in keys))
        found: dict[str, str] = {}
        for name, above in upward.items():
            under = sorted(above & keys)
            if len(under) > 1:
                reason = f"{name} is under {len(under)} key classes ({', '.join(under)}), expected one"
                raise self._file.fault(self.iris[name], RDFS.subClassOf, reason)
            if not under and name not in over_keys:
                reason = f"{name} is neither a key class nor below or above one"
                raise self._file.fault(self.iris[name], None, reason)
            if under:
                found[name] = under[0]
        return found

    def _kinds(self, keys: Iterable[str]) -> dict[str, str]:
        """The urn kind of each key class."""
        owners: dict[str, str] = {}
        for name, iri in self.iris.items():
            kind = self._file.optional_text(iri, ANDON.kind)
            if (name in keys) != (kind is not None):
                reason = f"{name} is a key class without" if name in keys else f"{name} is no key class but has"
                raise self._file.fault(iri, ANDON.kind, f"{reason} an andon:kind")
            if kind is None:
                continue
            if not _KIND.fullmatch(kind):
                reason = f"expected lower-case letters for andon:kind, found '{kind}'"
                raise self._file.fault(iri, ANDON.kind, reason)
            if kind in owners:
                reason = f"the kind '{kind}' of {name} is taken by {owners[kind]}"
                raise self._file.fault(iri, ANDON.kind, reason)
            owners[kind] = name
        return {name: kind for kind, name in owners.items()}

    def _entity_type(self, name: str, key_class: str | None, kind: str) -> EntityType:
        file, iri = self._file, self.iris[name]
        key_iri = self.iris[key_class] if key_class else None
        return EntityType(
            name=name,
            iri=str(iri),
            kind=kind,
            label=file.text(iri, RDFS.label),
            definition=file.text(iri, SKOS.definition),
            parents=self._parents[name],
            key_class=name == key_class,
            naming_schemes=frozenset(map(str.lower, self._claims(iri, ANDON.namingScheme, kind))),
            dataset_types=frozenset(map(str.upper, self._claims(iri, ANDON.datasetType, kind, "dataset"))),
            job_types=frozenset(map(str.upper, self._claims(iri, ANDON.jobType, kind, "job"))),
            colour=self._colour(iri, key_iri),
            icon=self._inherited(iri, key_iri, ANDON.icon),
            alignments=_alignments(file, iri, RDFS.subClassOf, self.is_own),
        )

    def _claims(self, iri: URIRef, prop: URIRef, kind: str, only: str | None = None) -> frozenset[str]:
        """What OpenLineage data the class claims; `only` names the one kind that may have the property."""
        claims = self._file.texts(iri, prop)
        if claims and (not kind or kind != (only or kind)):
            owner = f"classes of kind '{only}'" if only else "key classes and their subclasses"
            reason = f"andon:{local_name(prop)} is for {owner}, which {local_name(iri)} is not"
            raise self._file.fault(iri, prop, reason)
        return claims

    def _check_claims_differ(
        self, prop: URIRef, types: Iterable[EntityType], claims: Callable[[EntityType], frozenset[str]]
    ) -> None:
        owners: dict[str, str] = {}
        for entity in types:
            for claim in sorted(claims(entity)):
                if claim in owners:
                    reason = f"andon:{local_name(prop)} '{claim}' of {entity.name} is taken by {owners[claim]}"
                    raise self._file.fault(self.iris[entity.name], prop, reason)
                owners[claim] = entity.name

    def _colour(self, iri: URIRef, key_class: URIRef | None) -> str:
        colour = self._inherited(iri, key_class, ANDON.colour)
        if colour and not _COLOUR.fullmatch(colour):
            raise self._file.fault(iri, ANDON.colour, f"expected andon:colour as '#rrggbb', found '{colour}'")
        return colour

    def _inherited(self, iri: URIRef, key_class: URIRef | None, prop: URIRef) -> str:
        if key_class is None:
            return ""
        return self._file.optional_text(iri, prop) or self._file.text(key_class, prop)


class _Properties:
    """The relations and attributes of a file."""

    def __init__(self, file: TurtleFile, classes: _Classes) -> None:
        self._file = file
        self._classes = classes
        self._relation_iris = file.declared(OWL.ObjectProperty)
        self._attribute_iris = file.declared(OWL.DatatypeProperty)
        self._inverse_of = self._read_inverses()

    def relations(self) -> dict[str, Relation]:
        inverses = set(self._inverse_of.values())
        return {name: self._relation(name, iri) for name, iri in self._relation_iris.items() if name not in inverses}

    def attributes(self) -> dict[str, Attribute]:
        for name, iri in self._attribute_iris.items():
            if name in self._relation_iris:
                raise self._file.fault(iri, None, f"{name} cannot be both a relation and an attribute")
        return {name: self._attribute(name, iri) for name, iri in self._attribute_iris.items()}

    def _read_inverses(self) -> dict[str, str]:
        """Relation -> the name of its inverse."""
        found: dict[str, str] = {}
        for name, iri in self._relation_iris.items():
            target = self._file.optional_iri(iri, OWL.inverseOf)
            if target is not None:
                found[name] = self._bare_inverse(name, target, taken=found.values())
        return found

    def _bare_inverse(self, name: str, target: URIRef, taken: Iterable[str]) -> str:
        iri, inverse = self._relation_iris[name], local_name(target)
        if self._relation_iris.get(inverse) != target:
            raise self._file.fault(iri, OWL.inverseOf, f"{name} names the unknown inverse <{target}>")
        if inverse in taken:
            raise self._file.fault(iri, OWL.inverseOf, f"{inverse} is the inverse of another relation already")
        for prop in (RDFS.domain, RDFS.range):
            if self._file.optional_iri(target, prop) is not None:
                reason = f"{inverse} is the inverse of {name} and takes its rdfs:domain and rdfs:range from there"
                raise self._file.fault(target, prop, reason)
        self._file.text(target, RDFS.label)
        return inverse

    def _relation(self, name: str, iri: URIRef) -> Relation:
        file = self._file
        return Relation(
            name=name,
            iri=str(iri),
            label=file.text(iri, RDFS.label),
            definition=file.text(iri, SKOS.definition),
            domain=self._classes.name_at(iri, RDFS.domain, file.iri(iri, RDFS.domain)),
            range=self._classes.name_at(iri, RDFS.range, file.iri(iri, RDFS.range)),
            inverse=self._inverse_of.get(name),
            cardinality=self._cardinality(iri),
            carries_lineage=file.flag(iri, ANDON.carriesLineage),
            alignments=_alignments(file, iri, RDFS.subPropertyOf, self._classes.is_own),
        )

    def _attribute(self, name: str, iri: URIRef) -> Attribute:
        file = self._file
        return Attribute(
            name=name,
            iri=str(iri),
            label=file.text(iri, RDFS.label),
            definition=file.text(iri, SKOS.definition),
            domain=self._classes.name_at(iri, RDFS.domain, file.iri(iri, RDFS.domain)),
            range=self._value_type(iri),
            cardinality=self._cardinality(iri),
            alignments=_alignments(file, iri, RDFS.subPropertyOf, self._classes.is_own),
        )

    def _value_type(self, iri: URIRef) -> str:
        found = self._file.iri(iri, RDFS.range)
        name = local_name(found)
        if name not in VALUE_TYPES or found != XSD[name]:
            reason = f"expected one of {', '.join(VALUE_TYPES)} of xsd: as rdfs:range, found <{found}>"
            raise self._file.fault(iri, RDFS.range, reason)
        return name

    def _cardinality(self, iri: URIRef) -> str:
        functional = (iri, RDF.type, OWL.FunctionalProperty) in self._file.graph
        stated = self._file.optional_text(iri, ANDON.cardinality)
        if stated is not None and stated not in CARDINALITIES:
            reason = f"unknown cardinality '{stated}'; expected one of {', '.join(CARDINALITIES)}"
            raise self._file.fault(iri, ANDON.cardinality, reason)
        if stated is not None and functional and stated.endswith("*"):
            reason = f"cardinality '{stated}' contradicts owl:FunctionalProperty"
            raise self._file.fault(iri, ANDON.cardinality, reason)
        return stated or ("0..1" if functional else "0..*")

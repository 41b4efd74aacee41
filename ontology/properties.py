"""Reads the relations and attributes of an ontology and checks that they make sense."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rdflib import OWL, RDF, RDFS, SKOS, XSD, URIRef

from ontology.classes import Classes
from ontology.describing import CARDINALITIES, FIELDS_OF_ALL, VALUE_TYPES, alignments
from ontology.errors import Faults
from ontology.model import Alignment, Attribute, Relation
from ontology.turtle import ANDON, Terms, local_name


class Properties:
    """The relations and attributes among the terms."""

    def __init__(self, terms: Terms, faults: Faults, modules: Mapping[URIRef, str], classes: Classes) -> None:
        self._terms = terms
        self._faults = faults
        self._modules = modules
        self._classes = classes
        self._relation_iris = terms.declared(OWL.ObjectProperty, faults)
        self._attribute_iris = terms.declared(OWL.DatatypeProperty, faults)
        self._inverse_of = self._read_inverses()

    def relations(self) -> dict[str, Relation]:
        inverses = set(self._inverse_of.values())
        found: dict[str, Relation] = {}
        for name, iri in self._relation_iris.items():
            with self._faults.kept():
                self._check_free(name, iri)
                if name not in inverses:
                    found[name] = self._relation(name, iri)
        return found

    def attributes(self) -> dict[str, Attribute]:
        found: dict[str, Attribute] = {}
        for name, iri in self._attribute_iris.items():
            with self._faults.kept():
                self._check_free(name, iri)
                if name in self._relation_iris:
                    raise self._terms.fault(iri, None, f"{name} cannot be both a relation and an attribute")
                found[name] = self._attribute(name, iri)
        return found

    def _check_free(self, name: str, iri: URIRef) -> None:
        if name in FIELDS_OF_ALL:
            raise self._terms.fault(iri, None, f"the name {name} is taken: every entity has a field of that name")

    def _read_inverses(self) -> dict[str, str]:
        """Relation -> the name of its inverse."""
        found: dict[str, str] = {}
        for name, iri in self._relation_iris.items():
            with self._faults.kept():
                target = self._terms.optional_iri(iri, OWL.inverseOf)
                if target is not None:
                    found[name] = self._bare_inverse(name, target, taken=found.values())
        return found

    def _bare_inverse(self, name: str, target: URIRef, taken: Iterable[str]) -> str:
        terms, iri, inverse = self._terms, self._relation_iris[name], local_name(target)
        if self._relation_iris.get(inverse) != target:
            raise terms.fault(iri, OWL.inverseOf, f"{name} names the unknown inverse <{target}>")
        if inverse in taken:
            raise terms.fault(iri, OWL.inverseOf, f"{inverse} is the inverse of another relation already")
        for prop in (RDFS.domain, RDFS.range):
            if terms.optional_iri(target, prop) is not None:
                reason = f"{inverse} is the inverse of {name} and takes its rdfs:domain and rdfs:range from there"
                raise terms.fault(target, prop, reason)
        terms.text(target, RDFS.label)
        return inverse

    def _relation(self, name: str, iri: URIRef) -> Relation:
        terms = self._terms
        inverse = self._inverse_of.get(name)
        inverse_iri = self._relation_iris[inverse] if inverse is not None else None
        return Relation(
            name=name,
            iri=str(iri),
            label=terms.text(iri, RDFS.label),
            definition=terms.text(iri, SKOS.definition),
            domain=self._classes.name_at(iri, RDFS.domain, terms.iri(iri, RDFS.domain)),
            range=self._classes.name_at(iri, RDFS.range, terms.iri(iri, RDFS.range)),
            inverse=inverse,
            inverse_iri=str(inverse_iri or ""),
            inverse_label=terms.text(inverse_iri, RDFS.label) if inverse_iri is not None else None,
            cardinality=self._cardinality(iri),
            carries_lineage=terms.flag(iri, ANDON.carriesLineage),
            alignments=self._alignments(iri),
            inverse_alignments=self._alignments(inverse_iri) if inverse_iri is not None else (),
            module=self._modules[iri],
        )

    def _attribute(self, name: str, iri: URIRef) -> Attribute:
        terms = self._terms
        value_type = self._value_type(iri)
        return Attribute(
            name=name,
            iri=str(iri),
            label=terms.text(iri, RDFS.label),
            definition=terms.text(iri, SKOS.definition),
            domain=self._classes.name_at(iri, RDFS.domain, terms.iri(iri, RDFS.domain)),
            range=value_type,
            cardinality=self._cardinality(iri),
            allowed_values=self._allowed_values(iri, value_type),
            alignments=self._alignments(iri),
            module=self._modules[iri],
        )

    def _alignments(self, iri: URIRef) -> tuple[Alignment, ...]:
        return alignments(self._terms, iri, RDFS.subPropertyOf, self._classes.is_own)

    def _value_type(self, iri: URIRef) -> str:
        found = self._terms.iri(iri, RDFS.range)
        name = local_name(found)
        if name not in VALUE_TYPES or found != XSD[name]:
            reason = f"expected one of {', '.join(VALUE_TYPES)} of xsd: as rdfs:range, found <{found}>"
            raise self._terms.fault(iri, RDFS.range, reason)
        return name

    def _allowed_values(self, iri: URIRef, value_type: str) -> tuple[str, ...]:
        values = self._terms.texts(iri, ANDON.allowedValue)
        if values and value_type != "string":
            reason = f"andon:allowedValue is for attributes of strings, {local_name(iri)} is a {value_type}"
            raise self._terms.fault(iri, ANDON.allowedValue, reason)
        return tuple(sorted(values))

    def _cardinality(self, iri: URIRef) -> str:
        functional = (iri, RDF.type, OWL.FunctionalProperty) in self._terms.graph
        stated = self._terms.optional_text(iri, ANDON.cardinality)
        if stated is not None and stated not in CARDINALITIES:
            reason = f"unknown cardinality '{stated}'; expected one of {', '.join(CARDINALITIES)}"
            raise self._terms.fault(iri, ANDON.cardinality, reason)
        if stated is not None and functional and stated.endswith("*"):
            reason = f"cardinality '{stated}' contradicts owl:FunctionalProperty"
            raise self._terms.fault(iri, ANDON.cardinality, reason)
        return stated or ("0..1" if functional else "0..*")

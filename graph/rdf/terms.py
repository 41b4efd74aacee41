"""The IRIs of an ontology's terms with all that follows from them, which is said outright in every description.

Sub-class and inverse reasoning is done here, when RDF is made, and so holds in every SPARQL engine: an entity has the
types of all classes above its own and of those they are aligned with as sub-classes; a relation is said by its own
name, by the properties it is aligned with as a sub-property, and from its other end by its inverse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from ontology import Alignment, Ontology

from .syntax import Quad, Shortening, iri

ANDON = "https://andon.dev/ns#"
MAPPING_VERSION = 2
"""Another one wherever the same graph makes other triples than before: stores are then built anew."""

PREFIXES = {
    "andon": ANDON,
    "csvw": "http://www.w3.org/ns/csvw#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "dprod": "https://ekgf.github.io/dprod/",
    "dqv": "http://www.w3.org/ns/dqv#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "mls": "http://www.w3.org/ns/mls#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "org": "http://www.w3.org/ns/org#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

_ENTAILING = {"subClassOf", "subPropertyOf", "exactMatch"}


def term(name: str) -> str:
    """The N-Triples term of a prefixed name: `term("prov:used")`."""
    prefix, _, local = name.partition(":")
    return iri(PREFIXES[prefix] + local)


@dataclass(frozen=True, slots=True)
class Values:
    """How an attribute is said: by these predicates, with values of an XML Schema type."""

    predicates: tuple[str, ...]
    range: str


@dataclass(frozen=True, slots=True)
class Link:
    """How a relation is said: by these predicates from its source, by `inverse` from its target."""

    predicates: tuple[str, ...]
    inverse: str | None


class Terms:
    """What the words of `ontology` are in RDF; everything as N-Triples terms."""

    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self._types = {name: tuple(_types(ontology, name)) for name in ontology.classes}
        self._values = {
            it.name: Values(_predicates(it.iri, it.alignments), it.range) for it in ontology.attributes.values()
        }
        self._links = {
            it.name: Link(
                _predicates(it.iri, it.alignments),
                None if it.inverse is None else iri(it.iri.removesuffix(it.name) + it.inverse),
            )
            for it in ontology.relations.values()
        }
        self.inverses = tuple(sorted({it.inverse for it in self._links.values() if it.inverse is not None}))
        """Predicates whose triples are said by their object's description, not by their subject's."""
        self.prefixes = PREFIXES | _own_prefixes(ontology)
        self.shortening = Shortening(self.prefixes)
        self.context = self._context()
        self.fingerprint = self._fingerprint()
        """Another one for other terms or another mapping."""

    def types(self, name: str) -> tuple[str, ...]:
        """The class, those above it and those of other vocabularies that they are sub-classes of."""
        return self._types.get(name) or (iri(ANDON + name),)

    def values(self, name: str) -> Values:
        """How an attribute is said; the ontology in use may lack one of the core's."""
        return self._values.get(name) or Values((iri(ANDON + name),), "string")

    def link(self, name: str) -> Link:
        return self._links.get(name) or Link((iri(ANDON + name),), None)

    def _context(self) -> dict[str, object]:
        """The JSON-LD context: each attribute with its type, each relation and inverse as a link."""
        context: dict[str, object] = dict(self.prefixes)
        context["label"] = {"@id": "rdfs:label"}
        for name, values in sorted(self._values.items()):
            context[name] = {"@id": self._short(values.predicates[0])}
            if values.range != "string":
                context[name] = {"@id": self._short(values.predicates[0]), "@type": f"xsd:{values.range}"}
        for name, link in sorted(self._links.items()):
            context[name] = {"@id": self._short(link.predicates[0]), "@type": "@id"}
            inverse = self.ontology.relations[name].inverse
            if inverse is not None and link.inverse is not None:
                context[inverse] = {"@id": self._short(link.inverse), "@type": "@id"}
        return context

    def context_of(self, quads: Iterable[Quad]) -> dict[str, object]:
        """What of the context these use."""
        used = {self._short(predicate) for _, predicate, _, _ in quads}
        return {name: told for name, told in self.context.items() if not isinstance(told, dict) or told["@id"] in used}

    def _short(self, predicate: str) -> str:
        return self.shortening.prefixed(predicate[1:-1]) or predicate[1:-1]

    def _fingerprint(self) -> str:
        told = repr(
            (MAPPING_VERSION, sorted(self._types.items()), sorted(self._values.items()), sorted(self._links.items()))
        )
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def _types(ontology: Ontology, name: str) -> Iterable[str]:
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        entity = ontology.classes[waiting.pop(0)]
        found[iri(entity.iri)] = None
        waiting += [it for it in entity.parents if iri(ontology.classes[it].iri) not in found]
    above = [it for it in ontology.classes.values() if iri(it.iri) in found]
    return [*found, *sorted({entailed for it in above for entailed in _entailed(it.alignments)})]


def _entailed(alignments: Iterable[Alignment]) -> list[str]:
    return [iri(it.iri) for it in alignments if it.predicate in _ENTAILING]


def _predicates(own: str, alignments: Iterable[Alignment]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([iri(own), *_entailed(alignments)]))


def _own_prefixes(ontology: Ontology) -> dict[str, str]:
    """Names for the namespaces that are no one's yet: own1, own2, ..."""
    classes, relations, attributes = ontology.classes, ontology.relations, ontology.attributes
    iris = [(it.name, it.iri) for it in classes.values()]
    iris += [(it.name, it.iri) for it in relations.values()]
    iris += [(it.name, it.iri) for it in attributes.values()]
    namespaces = sorted({text.removesuffix(name) for name, text in iris} - set(PREFIXES.values()))
    return {f"own{number}": namespace for number, namespace in enumerate(namespaces, start=1)}

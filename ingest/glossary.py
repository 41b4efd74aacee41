"""Glossaries and ontologies of others, in RDF: SKOS concepts become glossary terms, OWL and RDFS terms reference terms.

A term is named by its IRI: what stands before the last '#' or '/', and what follows. So it is the same term whenever
the file is read again. What has no word in Andon's ontology is kept under `annotations`, nothing is thrown away in
silence: a JSON object by property of lists of values, which are texts, `{"@id": iri}`, `{"@value", "@language"}`,
`{"@value", "@type"}`, or such an object for a node without a name.

Sources: SKOS Reference, W3C Recommendation of 18 August 2009; OWL 2 Mapping to RDF Graphs (11 December 2012).
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any
from xml.sax import SAXException

import msgspec
import rdflib.exceptions
from rdflib import DCTERMS, OWL, RDF, RDFS, SKOS, BNode, Dataset, Graph, Literal, URIRef
from rdflib.plugins.parsers.notation3 import BadSyntax
from rdflib.term import Node

from graph.errors import InvalidInput

MAX_ANNOTATIONS = 60_000
"""Characters that the annotations of one entity may have."""

_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(\?xml|!--|!DOCTYPE|[A-Za-z][\w.-]*:?RDF[\s>])|\xff\xfe<\0|\xfe\xff\0<")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+")
_NESTED = 8  # nodes without a name that are told inside one another


class As(StrEnum):
    """What the terms of a file become."""

    GLOSSARY = "glossary"
    REFERENCE = "reference"


_KINDS: Mapping[URIRef, str] = {
    **dict.fromkeys((OWL.Class, RDFS.Class, RDFS.Datatype), "class"),
    **dict.fromkeys((RDF.Property, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty), "property"),
    **dict.fromkeys((OWL.NamedIndividual, SKOS.Concept), "individual"),
}
"""What a term of an ontology is, by its type; the first that fits."""

_ABOVE = (SKOS.broader, RDFS.subClassOf, RDFS.subPropertyOf)
_BELOW = (SKOS.narrower,)
_IN = (SKOS.inScheme, SKOS.topConceptOf, RDFS.isDefinedBy)
_HAS = (SKOS.hasTopConcept,)
_LABELS = (SKOS.prefLabel, RDFS.label, DCTERMS.title)
_DEFINITIONS = (SKOS.definition, RDFS.comment, DCTERMS.description)
_LISTED = {
    SKOS.altLabel: "altLabel",
    SKOS.notation: "notation",
    SKOS.example: "example",
    SKOS.scopeNote: "scopeNote",
}
_MATCHED = {SKOS.exactMatch: "exactMatch", SKOS.closeMatch: "closeMatch"}

Entity = dict[str, Any]
"""As in a document of facts (`ingest.facts`)."""


@dataclass(frozen=True, slots=True)
class Glossary:
    """What a file says. `left_out` counts the statements that found no place, not even among annotations."""

    entities: tuple[Entity, ...]
    terms: int
    left_out: int


def read(content: bytes, kind: As, base: str = "file:///") -> Glossary:
    """The glossaries and terms of a file, each glossary before its terms. Turtle, RDF/XML and JSON-LD are told apart
    by how they begin; nothing is fetched. Raises `InvalidInput` where it cannot be read or holds no such terms."""
    return _Reading(_parsed(content, base), kind).glossary()


# Parsing ------------------------------------------------------------------------------------------------------------


def _parsed(content: bytes, base: str) -> Graph:
    try:
        text: str | None = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = None  # RDF/XML may name another encoding
    try:
        if _XML.match(content):
            return Graph(bind_namespaces="none").parse(BytesIO(content), format="xml", publicID=base)
        if text is None:
            raise InvalidInput("expected UTF-8")
        if text.lstrip()[:1] in ("{", "["):
            return _json_ld(text, base)
        return Graph(bind_namespaces="none").parse(data=text, format="turtle", publicID=base)
    except BadSyntax as error:
        line = (text or "").count("\n", 0, error._i) + 1
        raise InvalidInput(f"not valid Turtle at line {line}: {error._why}") from None
    except SAXException as error:
        raise InvalidInput(f"not valid RDF/XML: {error}") from None
    except InvalidInput:
        raise
    except (rdflib.exceptions.Error, LookupError, ValueError, RecursionError, TypeError, AttributeError) as error:
        # rdflib's parsers end so on texts that no standard foresees: a ?variable in Turtle, an unknown encoding.
        raise InvalidInput(f"not valid RDF: {error}") from None


def _json_ld(text: str, base: str) -> Graph:
    document = msgspec.json.decode(text)
    remote = next(_remote_contexts(document), None)
    if remote is not None:
        raise InvalidInput(f"its context is at {remote[:200]}, and nothing is fetched: put the context into the file")
    dataset = Dataset(default_union=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's own use of what it deprecates
        dataset.parse(data=text, format="json-ld", publicID=base)
    graph = Graph(bind_namespaces="none")
    for subject, prop, value, _ in dataset.quads():
        graph.add((subject, prop, value))
    return graph


def _remote_contexts(document: object) -> Iterator[str]:
    if isinstance(document, list):
        for one in document:
            yield from _remote_contexts(one)
    elif isinstance(document, dict):
        for key, value in document.items():
            contexts = value if isinstance(value, list) else [value]
            if key in ("@context", "@import"):
                yield from (one for one in contexts if isinstance(one, str))
            yield from _remote_contexts(value)


# Mapping ------------------------------------------------------------------------------------------------------------


class _Reading:
    def __init__(self, graph: Graph, kind: As) -> None:
        self._graph = graph
        self._kind = kind
        self._kinds = self._term_kinds()
        self._schemes = self._named(
            {*graph.subjects(RDF.type, SKOS.ConceptScheme), *graph.subjects(RDF.type, OWL.Ontology)}
        )
        self._schemes = [it for it in self._schemes if it not in self._kinds]
        self._used: set[tuple[Node, Node, Node]] = set()
        self._cut = 0

    def glossary(self) -> Glossary:
        if not self._kinds:
            wanted, other = ("skos:Concept", As.REFERENCE), ("owl:Class, property or individual", As.GLOSSARY)
            expected, instead = wanted if self._kind is As.GLOSSARY else other
            raise InvalidInput(f"the file has no {expected} with a name; is it for --as {instead}?")
        named = self._named(self._kinds)
        # All relations before any annotations: what is said from one end is used up from the other.
        relations = {iri: self._relations(iri) for iri in named}
        terms = [self._term(iri, relations[iri]) for iri in named]
        glossaries = [self._entity(iri, "Glossary", {}) for iri in self._schemes]
        self._keep_strays(glossaries)
        return Glossary((*glossaries, *terms), len(terms), self._cut)

    def _keep_strays(self, glossaries: list[Entity]) -> None:
        """Among the annotations of the first glossary, what is said of nodes that became no entity."""
        strays = self._strays()
        if glossaries:
            annotations = self._annotations_of(self._schemes[0]) | strays
            if annotations:
                glossaries[0]["attributes"]["annotations"] = self._fitted(annotations)
        else:
            self._cut += sum(len(values) for nodes in strays.values() for node in nodes for values in node.values())

    def _term_kinds(self) -> dict[URIRef, str]:
        types = (SKOS.Concept,) if self._kind is As.GLOSSARY else tuple(_KINDS)
        found: dict[URIRef, str] = {}
        for of_type in types:
            for iri in self._graph.subjects(RDF.type, of_type):
                if isinstance(iri, URIRef):
                    found.setdefault(iri, _KINDS[of_type])
        return found

    def _named(self, nodes: Iterable[Node]) -> list[URIRef]:
        return sorted(node for node in nodes if isinstance(node, URIRef))

    def _relations(self, iri: URIRef) -> Mapping[str, list[URIRef]]:
        return {
            "broader": self._related(iri, _ABOVE, _BELOW, self._kinds),
            "related": self._related(iri, (SKOS.related,), (SKOS.related,), self._kinds),
            "inGlossary": self._in_glossary(iri),
        }

    def _term(self, iri: URIRef, relations: Mapping[str, list[URIRef]]) -> Entity:
        attributes: Entity = {}
        if self._kind is As.REFERENCE:
            attributes["termKind"] = self._kinds[iri]
        for prop, name in _LISTED.items():
            values = self._plain_texts(iri, prop)
            if values:
                attributes[name] = values
        for prop, name in _MATCHED.items():
            found = self._take(iri, prop, _is_absolute)
            if found:
                attributes[name] = sorted(map(str, found))
        entity = self._entity(iri, "GlossaryTerm" if self._kind is As.GLOSSARY else "ReferenceTerm", attributes)
        entity["relations"] = {
            name: [self._key(it) for it in targets] for name, targets in relations.items() if targets
        }
        return entity

    def _entity(self, iri: URIRef, type: str, attributes: Entity) -> Entity:
        """The entity with what all have: a label, a definition, where it is from, and what else was said."""
        namespace, name = split(iri)
        label, definition = self._first(iri, _LABELS), self._first(iri, _DEFINITIONS)
        self._take(iri, RDF.type, lambda node: node in _KINDS or node in (SKOS.ConceptScheme, OWL.Ontology))
        attributes["sourceIri"] = str(iri)
        if label is not None:
            attributes["displayName"] = label
        if definition is not None and type != "Glossary":
            attributes["definition"] = definition
        if self._take(iri, OWL.deprecated, lambda node: isinstance(node, Literal) and node.value is True):
            attributes["status"] = "deprecated"
        annotations = self._annotations_of(iri)
        if annotations:
            attributes["annotations"] = self._fitted(annotations)
        entity: Entity = {"type": type, "namespace": namespace, "name": name, "attributes": attributes}
        if definition is not None:
            entity["description"] = definition
        return entity

    def _key(self, iri: URIRef) -> dict[str, str]:
        namespace, name = split(iri)
        if iri in self._kinds:
            return {"type": "GlossaryTerm", "namespace": namespace, "name": name}
        return {"type": "Glossary", "namespace": namespace, "name": name}

    def _take(self, subject: URIRef, prop: URIRef, wanted: Callable[[Node], bool]) -> list[Node]:
        """The wanted values of a property, which are no annotations then."""
        found = [node for node in self._graph.objects(subject, prop) if wanted(node)]
        self._used.update((subject, prop, node) for node in found)
        return found

    def _related(
        self, iri: URIRef, onward: Iterable[URIRef], back: Iterable[URIRef], among: Iterable[URIRef]
    ) -> list[URIRef]:
        """The terms of the file that a term is said to lead to, from either end; never itself."""
        known = set(among)
        found = {node for prop in onward for node in self._take(iri, prop, lambda it: it in known)}
        for prop in back:
            for node in self._graph.subjects(prop, iri):
                if node in known:
                    self._used.add((node, prop, iri))
                    found.add(node)
        return self._named(found - {iri})

    def _in_glossary(self, iri: URIRef) -> list[URIRef]:
        """The glossaries that the term is said to be in, or the only one there is."""
        return self._related(iri, _IN, _HAS, self._schemes) or (self._schemes if len(self._schemes) == 1 else [])

    def _first(self, iri: URIRef, props: Iterable[URIRef]) -> str | None:
        """A text of the first of these properties that has one, in English or no language if there is one."""
        for prop in props:
            texts = sorted(
                (node for node in self._graph.objects(iri, prop) if isinstance(node, Literal)),
                key=lambda it: (not _is_plain(it), str(it.language or ""), str(it)),
            )
            if texts:
                self._used.add((iri, prop, texts[0]))
                return str(texts[0])
        return None

    def _plain_texts(self, iri: URIRef, prop: URIRef) -> list[str]:
        found = self._take(iri, prop, lambda node: isinstance(node, Literal) and _is_plain(node))
        return sorted({str(node) for node in found})

    # What has no word.

    def _annotations_of(self, subject: Node) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for prop, value in sorted(self._graph.predicate_objects(subject), key=str):
            if (subject, prop, value) not in self._used:
                found.setdefault(str(prop), []).append(self._value(value))
        return found

    def _value(self, node: Node, depth: int = 0) -> Any:
        if isinstance(node, Literal):
            if node.language is not None:
                return {"@value": str(node), "@language": node.language}
            return {"@value": str(node), "@type": str(node.datatype)} if node.datatype is not None else str(node)
        if not isinstance(node, BNode):
            return {"@id": str(node)}
        if depth == _NESTED:
            self._cut += 1
            return {}
        if (node, RDF.first, None) in self._graph:
            return {"@list": [self._value(one, depth + 1) for one in self._graph.items(node)]}
        told: dict[str, list[Any]] = {}
        for prop, value in sorted(self._graph.predicate_objects(node), key=str):
            told.setdefault(str(prop), []).append(self._value(value, depth + 1))
        return told

    def _strays(self) -> dict[str, list[Any]]:
        """What is said of nodes that became no entity: of named ones by IRI, of others that nothing leads to under
        "@graph"."""
        entities = {*self._kinds, *self._schemes}
        subjects = set(self._graph.subjects())
        told = {str(iri): [self._annotations_of(iri)] for iri in self._named(subjects - entities)}
        nameless = [node for node in subjects if isinstance(node, BNode) and (None, None, node) not in self._graph]
        if nameless:
            told["@graph"] = sorted(
                (self._value(node) for node in nameless), key=lambda it: json.dumps(it, sort_keys=True)
            )
        return {key: values for key, values in told.items() if values != [{}]}

    def _fitted(self, annotations: dict[str, list[Any]]) -> str:
        """As JSON, without the largest where all would be too long."""
        sizes = {key: len(json.dumps({key: values}, ensure_ascii=False)) + 2 for key, values in annotations.items()}
        total = sum(sizes.values())
        for key in sorted(sizes, key=lambda it: (-sizes[it], it)):
            if total <= MAX_ANNOTATIONS:
                break
            total -= sizes[key]
            self._cut += len(annotations.pop(key))
        return json.dumps(annotations, ensure_ascii=False, sort_keys=True)


def split(iri: str) -> tuple[str, str]:
    """Namespace and name of an IRI: "https://example.org/words#Order" -> ("https://example.org/words#", "Order")."""
    stem = iri.rstrip("#/")
    at = max(stem.rfind("#"), stem.rfind("/"))
    if at < 0:
        at = stem.rfind(":")
    namespace, name = iri[: at + 1], iri[at + 1 :]
    return (namespace, name) if namespace and name else (iri, iri)


def _is_absolute(node: Node) -> bool:
    return isinstance(node, URIRef) and _ABSOLUTE.fullmatch(node) is not None


def _is_plain(text: Literal) -> bool:
    return text.language is None or text.language.lower().partition("-")[0] == "en"

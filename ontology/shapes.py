"""SHACL shapes for the graph as RDF: derived from an ontology, with the hand-written rules of `shapes.ttl`.

Derived are, for each class, a node shape with a property shape for each of its attributes and relations: datatype,
allowed values, class of targets, how many. A key class also says what its IRIs look like: the urns of its kind.
Who has a property must be of the property's class, and a term in the ontology's namespaces must be one of its own;
other vocabularies are nobody's business. The shapes expect an entity to bear the types of all classes above its own,
and a target to bear its own types too: who checks a part of the graph brings those along.

Source: SHACL, W3C Recommendation of 20 July 2017.
"""

from __future__ import annotations

from importlib import resources

from rdflib import RDF, RDFS, SH, XSD, BNode, Graph, Literal, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from ontology.model import Attribute, EntityType, Ontology, Relation
from ontology.turtle import ANDON, local_name

SHAPES = Namespace("https://andon.dev/shapes#")
"""The namespace of the shapes: `SHAPES.Table`, and `SHAPES["Dataset.rowCount"]` for a property of a class."""

_RULES = "shapes.ttl"


def shapes(ontology: Ontology) -> Graph:
    """All shapes: those derived from the ontology, and the rules whose terms the ontology has."""
    graph = derived(ontology)
    known = {URIRef(it.iri) for it in (*ontology.classes.values(), *_properties(ontology))}
    ours = (str(ANDON), *_namespaces(ontology))
    rules = Graph().parse(data=(resources.files("ontology") / _RULES).read_bytes(), format="turtle")
    for prefix, namespace in rules.namespaces():
        graph.bind(prefix, namespace)
    for shape in rules.subjects(RDF.type, SH.NodeShape):
        description = rules.cbd(shape)
        terms = {node for triple in description for node in triple if isinstance(node, URIRef)}
        if {node for node in terms if str(node).startswith(ours)} <= known:
            graph += description
    return graph


def derived(ontology: Ontology) -> Graph:
    """The shapes that follow from the ontology alone."""
    graph = Graph()
    graph.bind("sh", SH)
    graph.bind("shapes", SHAPES)
    for namespace in sorted(_namespaces(ontology)):
        graph.bind("andon" if namespace == str(ANDON) else _prefix(namespace), namespace)
    for entity in ontology.classes.values():
        _add_class(graph, entity)
    for prop in _properties(ontology):
        domain = ontology.classes[prop.domain]
        _add_property(graph, prop, domain, ontology)
        if domain.parents:  # what everything is, needs no check
            _add_domain(graph, prop, domain)
    _add_terms(graph, ontology)
    return graph


def _add_class(graph: Graph, entity: EntityType) -> None:
    shape = SHAPES[entity.name]
    graph.add((shape, RDF.type, SH.NodeShape))
    graph.add((shape, SH.targetClass, URIRef(entity.iri)))
    graph.add((shape, SH.name, Literal(entity.label)))
    graph.add((shape, RDFS.comment, Literal(entity.definition)))
    if entity.key_class:
        graph.add((shape, SH.nodeKind, SH.IRI))
        graph.add((shape, SH.pattern, Literal(f"^urn:andon:{entity.kind}:")))
        message = f"expected a urn of the kind '{entity.kind}'"
        graph.add((shape, SH.message, Literal(message)))


def _add_property(graph: Graph, prop: Attribute | Relation, domain: EntityType, ontology: Ontology) -> None:
    shape = SHAPES[f"{domain.name}.{prop.name}"]
    graph.add((SHAPES[domain.name], SH.property, shape))
    graph.add((shape, RDF.type, SH.PropertyShape))
    graph.add((shape, SH.path, URIRef(prop.iri)))
    graph.add((shape, SH.name, Literal(prop.label)))
    if isinstance(prop, Attribute):
        graph.add((shape, SH.datatype, XSD[prop.range]))
        if prop.allowed_values:
            allowed = BNode()
            values: list[Node] = [Literal(it, datatype=XSD[prop.range]) for it in prop.allowed_values]
            if prop.range == "string":  # rdflib tells "a" from "a"^^xsd:string, which RDF 1.1 does not
                values += [Literal(it) for it in prop.allowed_values]
            Collection(graph, allowed, values)
            graph.add((shape, SH["in"], allowed))
    else:
        graph.add((shape, SH["class"], URIRef(ontology.classes[prop.range].iri)))
        graph.add((shape, SH.nodeKind, SH.IRI))
    if prop.cardinality.startswith("1"):
        graph.add((shape, SH.minCount, Literal(1)))
    if not prop.to_many:
        graph.add((shape, SH.maxCount, Literal(1)))
    graph.add((shape, SH.message, Literal(f"{prop.name}: expected {_expected(prop, ontology)}")))


def _expected(prop: Attribute | Relation, ontology: Ontology) -> str:
    """What a value has to be, in words: "at most one decimal"."""
    many = {"0..1": "at most one", "1": "one", "0..*": "any number of values, each", "1..*": "one or more, each"}
    if isinstance(prop, Relation):
        return f"{many[prop.cardinality]} {ontology.classes[prop.range].label.lower()}"
    if prop.allowed_values:
        return f"{many[prop.cardinality]} of {', '.join(prop.allowed_values)}"
    return f"{many[prop.cardinality]} {prop.range}"


def _add_domain(graph: Graph, prop: Attribute | Relation, domain: EntityType) -> None:
    shape = SHAPES[f"{prop.name}-domain"]
    graph.add((shape, RDF.type, SH.NodeShape))
    graph.add((shape, SH.targetSubjectsOf, URIRef(prop.iri)))
    graph.add((shape, SH["class"], URIRef(domain.iri)))
    graph.add((shape, SH.message, Literal(f"{prop.name} is for the class {domain.name}")))


def _add_terms(graph: Graph, ontology: Ontology) -> None:
    """List what a property in the ontology's namespaces may be, for `ontology.checking`: SHACL's own `sh:closed` would
    refuse the terms of other vocabularies too, and a constraint in SPARQL takes half a second for each entity."""
    inverses = (it.inverse_iri for it in ontology.relations.values())
    for iri in (*(it.iri for it in _properties(ontology)), *inverses):
        if iri:
            graph.add((SHAPES.terms, SHAPES.known, URIRef(iri)))
    for namespace in _namespaces(ontology):
        graph.add((SHAPES.terms, SHAPES.namespace, Literal(namespace)))


def _namespaces(ontology: Ontology) -> frozenset[str]:
    iris = [it.iri for it in (*ontology.classes.values(), *_properties(ontology))]
    return frozenset(iri.removesuffix(local_name(iri)) for iri in iris)


def _properties(ontology: Ontology) -> list[Attribute | Relation]:
    return [*ontology.attributes.values(), *ontology.relations.values()]


def _prefix(namespace: str) -> str:
    """A prefix for an own namespace, from its last word: "https://example.org/shipping#" -> "shipping"."""
    return namespace.rstrip("#/").rsplit("/", 1)[-1].lower()

"""The graph as a DCAT 3 catalogue for harvesters: its datasets with their distributions, and its data products (DPROD).

What is dropped is left out. Sources: DCAT 3 (https://www.w3.org/TR/vocab-dcat-3/), DPROD
(https://ekgf.github.io/dprod/).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graph.model import isoformat
from graph.reader import EntityRecord

from .mapping import Description, agent_urn, tag_label
from .syntax import TYPE, Quad, iri, literal, typed
from .terms import Terms, term

KINDS = frozenset({"dataset", "dataproduct"})
"""Of the entities that may stand in a catalogue."""

CATALOG = "urn:andon:catalog"
"""The catalogue's IRI where it has no address."""

_TITLE, _IDENTIFIER, _DESCRIPTION = term("dcterms:title"), term("dcterms:identifier"), term("dcterms:description")
_ISSUED, _MODIFIED, _PUBLISHER = term("dcterms:issued"), term("dcterms:modified"), term("dcterms:publisher")
_FOAF_AGENT, _FOAF_NAME = term("foaf:Agent"), term("foaf:name")


def catalogue(parts: Iterable[Iterable[Description]], terms: Terms, address: str = CATALOG) -> Iterator[list[Quad]]:
    """The catalogue in parts; every subject's triples follow one another."""
    yield list(_head(address))
    for part in parts:
        found: list[Quad] = []
        for described in part:
            found += _entry(described, terms, address)
        yield found


def _head(address: str) -> Iterator[Quad]:
    catalog, publisher = iri(address), iri(f"{address}#publisher")
    yield catalog, TYPE, term("dcat:Catalog"), ""
    yield catalog, _TITLE, literal("Andon"), ""
    yield catalog, _DESCRIPTION, literal("The datasets and data products that Andon knows of."), ""
    yield catalog, _PUBLISHER, publisher, ""
    yield publisher, TYPE, _FOAF_AGENT, ""
    yield publisher, _FOAF_NAME, literal("Andon"), ""


def _entry(described: Description, terms: Terms, address: str) -> Iterator[Quad]:
    record = described.record
    if record.dropped:
        return
    types = terms.types(record.type)
    if term("dcat:Dataset") in types:
        yield iri(address), term("dcat:dataset"), iri(record.urn), ""
        yield from _dataset(described)
        yield from _offers(described)
    elif record.kind == "dataproduct":
        yield iri(address), term("dcat:resource"), iri(record.urn), ""
        yield from _product(described)


def _dataset(described: Description) -> Iterator[Quad]:
    record = described.record
    subject, distribution = iri(record.urn), iri(f"{record.urn}#distribution")
    yield subject, TYPE, term("dcat:Dataset"), ""
    yield from _common(subject, record)
    if described.version is not None:
        yield subject, term("dcat:version"), literal(described.version), ""
    for said in described.relations:
        if said.relation == "derivedFrom":
            yield subject, term("prov:wasDerivedFrom"), iri(said.target), ""
    yield subject, term("dcat:distribution"), distribution, ""
    yield distribution, TYPE, term("dcat:Distribution"), ""
    yield distribution, _TITLE, literal(record.name), ""
    yield distribution, term("dcat:accessURL"), iri(_access(record)), ""
    yield from _publishers(record)


def _offers(described: Description) -> Iterator[Quad]:
    """The data products that offer the dataset, each by its output port."""
    for said in described.relations:
        if said.relation == "partOfProduct":
            yield iri(f"{said.target}#output"), term("dcat:servesDataset"), iri(described.record.urn), ""


def _product(described: Description) -> Iterator[Quad]:
    record = described.record
    subject = iri(record.urn)
    yield subject, TYPE, term("dprod:DataProduct"), ""
    yield subject, TYPE, term("dcat:Resource"), ""
    yield from _common(subject, record)
    for owner in record.owners:
        yield subject, term("dprod:dataProductOwner"), iri(agent_urn(owner.name)), ""
    for said in described.relations:
        if said.relation == "inDomain":
            yield subject, term("dprod:domain"), iri(said.target), ""
    yield from _port(record, "output", described)
    yield from _port(record, "input", described)
    yield from _publishers(record)


def _port(record: EntityRecord, side: str, described: Description) -> Iterator[Quad]:
    """The service by which a product offers, or takes in, datasets; a product offers something at least."""
    served = [said.target for said in described.relations if said.relation == f"{side}Port"]
    if not served and side == "input":
        return
    port = iri(f"{record.urn}#{side}")
    yield iri(record.urn), term(f"dprod:{side}Port"), port, ""
    yield port, TYPE, term("dcat:DataService"), ""
    yield port, _TITLE, literal(f"{record.name}: {side}"), ""
    for dataset in served:
        yield port, term("dcat:servesDataset"), iri(dataset), ""


def _common(subject: str, record: EntityRecord) -> Iterator[Quad]:
    yield subject, _TITLE, literal(record.name), ""
    yield subject, _IDENTIFIER, literal(record.urn), ""
    yield subject, _DESCRIPTION, literal(record.description or f"{record.name} in {record.namespace}"), ""
    yield subject, _ISSUED, typed(isoformat(record.created_at), "dateTime"), ""
    yield subject, _MODIFIED, typed(isoformat(record.updated_at), "dateTime"), ""
    for tag in record.tags:
        if not tag.field:
            yield subject, term("dcat:keyword"), literal(tag_label(tag)), ""
    for owner in record.owners:
        yield subject, _PUBLISHER, iri(agent_urn(owner.name)), ""


def _publishers(record: EntityRecord) -> Iterator[Quad]:
    for owner in record.owners:
        yield iri(agent_urn(owner.name)), TYPE, _FOAF_AGENT, ""
        yield iri(agent_urn(owner.name)), _FOAF_NAME, literal(owner.name), ""


def _access(record: EntityRecord) -> str:
    """Where the data are: the namespace, if it is an address, else the urn."""
    scheme, colon, _ = record.namespace.partition("://")
    return record.namespace if colon and scheme.replace("+", "").replace("-", "").isalnum() else record.urn

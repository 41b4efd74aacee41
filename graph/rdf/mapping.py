"""From what the graph says of an entity to RDF: the one mapping of stores, past states, dumps and linked data; pure.

A triple is *said by* one entity's description: that of its subject, or of its object where the predicate is an inverse
(`Terms.inverses`). So a description can be taken away again whole. `updating` relies on this.

What stands for a mere word (a tag, an owner's name) has no description of its own: each entity that uses it says
what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from graph.attributes import tag_key
from graph.model import Instant, isoformat, make_urn
from graph.reader import ColumnRecord, EntityRecord, RunRecord, Tag
from graph.statements import Rank

from .syntax import TYPE, Quad, iri, literal, typed
from .terms import Terms, term

PEOPLE = iri("urn:andon:graph:people")
"""What people say; it stands in the default graph too."""

INFERRED = iri("urn:andon:graph:inferred")
"""What is inferred, and no producer or person says; it stands in the default graph too."""

TAGS, AGENTS = "urn:andon:tag::", "urn:andon:agent::"
"""How the IRIs of tags and of owners begin."""

_TRUE, _FALSE = typed("true", "boolean"), typed("false", "boolean")
_LABEL = term("rdfs:label")
_SAME_AS = term("owl:sameAs")
_ATTRIBUTED = term("prov:wasAttributedTo")
_USED, _GENERATED = term("prov:used"), term("prov:generated")
_ASSOCIATION, _HAD_PLAN = term("prov:qualifiedAssociation"), term("prov:hadPlan")
_GENERATED_BY, _GENERATED_AT = term("prov:wasGeneratedBy"), term("prov:generatedAtTime")
_SPECIALIZES, _INFLUENCED = term("prov:specializationOf"), term("prov:wasInfluencedBy")
_HAS_VERSION, _VERSION = term("dcterms:hasVersion"), term("dcat:version")
_PROV_ENTITY, _PROV_ASSOCIATION = term("prov:Entity"), term("prov:Association")

PART_PREDICATES = (_ASSOCIATION, _GENERATED, _HAS_VERSION)
"""By which an entity points to its parts, whose IRIs are its own with a `#`: they are said by it too."""


@dataclass(frozen=True, slots=True)
class Said:
    """A relation to a target's urn; `rank` is that of whoever says it (`graph.statements.Rank`)."""

    relation: str
    target: str
    rank: int = int(Rank.PRODUCER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One entity with all that RDF says of it.

    `ranks` tells who said what, by the register's key: "documentation", "ownership", "tag:pii", "attribute:tier"; what
    is not in it a producer said.
    """

    record: EntityRecord
    names: tuple[str, ...] = ()
    """Urns of the other names that mean it."""
    ranks: Mapping[str, int] = field(default_factory=dict)
    attributes: Mapping[str, object] = field(default_factory=dict)
    """By name; a value, or a list of values."""
    relations: tuple[Said, ...] = ()
    retired: bool = False
    """Of a job."""
    inputs: tuple[str, ...] = ()
    """Of a run, urns; so are `outputs`."""
    outputs: tuple[str, ...] = ()
    version: str | None = None
    """Of a dataset: its present version as its format names it; `version_at`: since when."""
    version_at: Instant = Instant(0)
    shaped_by: tuple[str, ...] = ()
    """Urns of the columns that the whole of a dataset was filtered, joined or sorted by."""
    columns: tuple[Description, ...] = ()
    told: int = 0
    """Another one wherever registers that this is made of are others; not said."""


def entity_quads(described: Description, terms: Terms) -> Iterator[Quad]:
    """What is said of the entity itself, without its columns' own descriptions and without `time_quads`."""
    record = described.record
    subject = iri(record.urn)
    for type in terms.types(record.type):
        yield subject, TYPE, type, ""
    yield subject, _LABEL, literal(record.name), ""
    yield from _values(subject, "name", record.name, terms)
    rank = described.ranks.get("documentation", 0)
    yield from _values(subject, "description", record.description, terms, rank)
    if not isinstance(record, ColumnRecord):  # of which there are most: its dataset says the same
        yield from _values(subject, "namespace", record.namespace, terms)
        yield from _values(subject, "createdAt", isoformat(record.created_at), terms)
        yield from _values(subject, "dropped", record.dropped, terms)
    for name in described.names:
        yield subject, _SAME_AS, iri(name), ""
    for name, value in sorted(described.attributes.items()):
        rank = described.ranks.get(f"attribute:{name}", 0)
        for one in value if isinstance(value, list) else (value,):
            yield from _values(subject, name, one, terms, rank)
    if isinstance(record, ColumnRecord):
        yield from _values(subject, "dataType", record.data_type, terms)
        yield from _values(subject, "ordinal", record.ordinal, terms)
    elif record.kind == "job":
        yield from _values(subject, "retired", described.retired, terms, int(Rank.PERSON) if described.retired else 0)
    elif isinstance(record, RunRecord):
        yield from _run(subject, record, described, terms)
    yield from _version(subject, described)
    for source in described.shaped_by:
        yield subject, _INFLUENCED, iri(source), ""
    for said in described.relations:
        yield from _relation(subject, said, terms)
    for column in described.columns:
        yield from _relation(subject, Said("hasColumn", column.record.urn), terms)
    for tag in record.tags:
        if isinstance(record, ColumnRecord) or not tag.field:
            rank = described.ranks.get(tag_key(tag.key, tag.field or "")) or described.ranks.get("tags", 0)
            rank = rank if tag.said else int(Rank.INFERENCE)
            yield from _tag(subject, tag, rank, terms)
    for owner in record.owners:
        yield from _owner(subject, owner.name, described.ranks.get("ownership", 0), terms)


def time_quads(record: EntityRecord, terms: Terms) -> Iterator[Quad]:
    """When the entity was last spoken of, which every run renews."""
    return _values(iri(record.urn), "updatedAt", isoformat(record.updated_at), terms)


def quads(described: Description, terms: Terms) -> Iterator[Quad]:
    """All that is said of an entity and of its columns."""
    yield from entity_quads(described, terms)
    yield from time_quads(described.record, terms)
    for column in described.columns:
        yield from entity_quads(column, terms)


def tag_urn(tag: Tag) -> str:
    return make_urn("tag", "", tag_label(tag))


def tag_label(tag: Tag) -> str:
    return tag.key if tag.value is None else f"{tag.key}={tag.value}"


def agent_urn(owner: str) -> str:
    return make_urn("agent", "", owner)


def _run(subject: str, record: RunRecord, described: Description, terms: Terms) -> Iterator[Quad]:
    """PROV-O: the run is an Activity, the job its plan, what a complete run has made of a dataset an Entity."""
    yield from _values(subject, "state", record.state, terms)
    started, ended = record.started_at, record.ended_at
    yield from _values(subject, "startedAt", None if started is None else isoformat(started), terms)
    yield from _values(subject, "endedAt", None if ended is None else isoformat(ended), terms)
    for said in described.relations:
        if said.relation == "executes":
            association = iri(f"{record.urn}#association")
            yield subject, _ASSOCIATION, association, ""
            yield association, TYPE, _PROV_ASSOCIATION, ""
            yield association, _HAD_PLAN, iri(said.target), ""
    for dataset in described.inputs:
        yield subject, _USED, iri(dataset), ""
    for dataset in described.outputs:
        yield subject, _GENERATED, iri(dataset), ""
        if record.state == "COMPLETE" and ended is not None:
            made = iri(f"{record.urn}#{dataset}")
            yield subject, _GENERATED, made, ""
            yield made, TYPE, _PROV_ENTITY, ""
            yield made, _SPECIALIZES, iri(dataset), ""
            yield made, _VERSION, literal(record.name), ""
            yield made, _GENERATED_BY, subject, ""
            yield made, _GENERATED_AT, typed(isoformat(ended), "dateTime"), ""


def _version(subject: str, described: Description) -> Iterator[Quad]:
    if described.version is None:
        return
    version = iri(f"{described.record.urn}#version={make_urn('', '', described.version).rpartition(':')[2]}")
    yield subject, _HAS_VERSION, version, ""
    yield version, TYPE, _PROV_ENTITY, ""
    yield version, _SPECIALIZES, subject, ""
    yield version, _VERSION, literal(described.version), ""
    yield version, _GENERATED_AT, typed(isoformat(described.version_at), "dateTime"), ""


def _tag(subject: str, tag: Tag, rank: int, terms: Terms) -> Iterator[Quad]:
    urn = tag_urn(tag)
    yield from _relation(subject, Said("hasTag", urn, rank), terms)
    yield from _word(urn, "Tag", tag_label(tag), terms)


def _owner(subject: str, name: str, rank: int, terms: Terms) -> Iterator[Quad]:
    agent = iri(agent_urn(name))
    link = terms.link("owns")
    for graph in _graphs(rank):
        yield subject, _ATTRIBUTED, agent, graph
        for predicate in link.predicates:
            yield agent, predicate, subject, graph
        if link.inverse is not None:
            yield subject, link.inverse, agent, graph
    yield from _word(agent_urn(name), "Agent", name, terms)


def _word(urn: str, type: str, label: str, terms: Terms) -> Iterator[Quad]:
    for it in terms.types(type):
        yield iri(urn), TYPE, it, ""
    yield iri(urn), _LABEL, literal(label), ""
    yield from _values(iri(urn), "name", label, terms)


def _relation(subject: str, said: Said, terms: Terms) -> Iterator[Quad]:
    link, target = terms.link(said.relation), iri(said.target)
    for graph in _graphs(said.rank):
        for predicate in link.predicates:
            yield subject, predicate, target, graph
        if link.inverse is not None:
            yield target, link.inverse, subject, graph


def _values(subject: str, name: str, value: object, terms: Terms, rank: int = 0) -> Iterator[Quad]:
    if value is None:
        return
    values = terms.values(name)
    said = _literal(value, values.range)
    for graph in _graphs(rank):
        for predicate in values.predicates:
            yield subject, predicate, said, graph


def _graphs(rank: int) -> tuple[str, ...]:
    if rank == Rank.PERSON:
        return "", PEOPLE
    return ("", INFERRED) if rank == Rank.INFERENCE else ("",)


def _literal(value: object, range: str) -> str:
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    text = value if isinstance(value, str) else _number(value) if isinstance(value, int | float) else _json(value)
    return literal(text) if range == "string" else typed(text, range)


def _number(value: int | float) -> str:
    """Without an exponent, which an xsd:decimal does not have."""
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def word_predicates(terms: Terms) -> tuple[str, ...]:
    """By which a word is described."""
    return (TYPE, _LABEL, *terms.values("name").predicates)

"""The properties by which a Turtle file describes a term to Andon, and what they may say."""

from __future__ import annotations

from collections.abc import Callable

from rdflib import SKOS, URIRef

from ontology.model import Alignment
from ontology.turtle import ANDON, Terms, local_name

CLAIMS = (ANDON.namingScheme, ANDON.datasetType, ANDON.jobType)
"""What OpenLineage data a class claims for itself."""

DESCRIBING = (
    *("keyClass", "kind", "namingScheme", "datasetType", "jobType", "colour", "icon"),  # of classes
    *("carriesLineage", "cardinality", "allowedValue"),  # of properties
)
CARDINALITIES = ("0..1", "1", "0..*", "1..*")
VALUE_TYPES = ("string", "boolean", "integer", "decimal", "date", "dateTime", "duration", "anyURI")
"""XML Schema types an attribute may have as its range."""

FIELDS_OF_ALL = frozenset(
    ("aliases", "facets", "id", "owners", "properties", "relations", "tags", "type", "urn"),
)
"""Names that every entity has a field of already in the interfaces."""

MATCHES = (SKOS.exactMatch, SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch, SKOS.relatedMatch)


def alignments(terms: Terms, iri: URIRef, subsumption: URIRef, own: Callable[[URIRef], bool]) -> tuple[Alignment, ...]:
    """The term's ties to other vocabularies: what it is below, then its matches."""
    foreign = [Alignment(local_name(subsumption), str(up)) for up in terms.iris(iri, subsumption) if not own(up)]
    return *foreign, *(Alignment(local_name(how), str(to)) for how in MATCHES for to in terms.iris(iri, how))

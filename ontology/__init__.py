"""The words of the graph: one Turtle file (`andon.ttl`) that defines entity types, relations and attributes,
and the loader that turns it into frozen values.

Imports nothing of the other packages; all of them may import this one. Start with `andon.ttl`, then
`model.py`.
"""

from ontology.errors import OntologyError
from ontology.loader import load
from ontology.model import Alignment, Attribute, EntityType, Ontology, Relation

__all__ = ["Alignment", "Attribute", "EntityType", "Ontology", "OntologyError", "Relation", "load"]

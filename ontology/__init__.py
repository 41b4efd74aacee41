"""The words of the graph: Turtle files (`andon.ttl`, `modules/`) that define entity types, relations and attributes,
and the loader that turns them into frozen values.

Imports nothing of the other packages; all of them may import this one. Start with `andon.ttl`, then
`model.py`.
"""

from ontology.errors import OntologyError
from ontology.loader import Source, load, own_files
from ontology.model import Alignment, Attribute, EntityType, Module, Ontology, Relation

__all__ = [
    "Alignment",
    "Attribute",
    "EntityType",
    "Module",
    "Ontology",
    "OntologyError",
    "Relation",
    "Source",
    "load",
    "own_files",
]

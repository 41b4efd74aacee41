"""The ontology as GraphQL shows it: what the page's legend, icons and entity views are made of.

The records are read from the ontology that the service has at that moment; nothing is kept between requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import strawberry

import ontology
from api.graphql.shapes import about
from graph.errors import InvalidInput
from ontology import Ontology


@strawberry.type(description="A plain value that entities of its domain may have.")
class AttributeType:
    name: str
    label: str
    definition: str
    domain: str
    range: str = about("The local name of an XML Schema type: string, boolean, integer, decimal, date, dateTime, ...")
    cardinality: str = about("How many values: 0..1, 1, 0..* or 1..*.")


@strawberry.type(description="A typed edge from entities of its domain to those of its range, subclasses included.")
class RelationType:
    name: str
    label: str
    definition: str
    inverse: str | None = about("Its name when read from the other end.")
    inverse_label: str | None
    domain: str
    range: str
    cardinality: str = about("How many targets one source may have, as for attributes.")
    carries_lineage: bool = about("Data flows along it.")


@strawberry.type(description="A class of the ontology.")
class EntityType:
    name: str
    label: str
    definition: str
    kind: str | None = about("Of its urns; null for a class above the key classes.")
    key_class: str | None = about("The class that its GraphQL type is named for; null above the key classes.")
    parents: list[str]
    colour: str | None = about("#rrggbb, the key class's where it has none itself; 3:1 on a white and on a dark page.")
    icon: str | None = about("A name of the Tabler icon set, the key class's where it has none itself.")
    own: bool = about("Added to the classes that Andon ships.")
    carries_lineage: bool = about("Data flows to or from its entities.")
    attributes: list[AttributeType] = about("Its own, then those of the classes above it.")
    relations: list[RelationType] = about("Those that go out from it, likewise.")
    relations_to: list[RelationType] = about("Those that end at it, likewise.")


@dataclass(frozen=True, slots=True)
class TypeRecord:
    """A class with what the rest of its ontology says of it."""

    type: ontology.EntityType
    words: Ontology

    @property
    def name(self) -> str:
        return self.type.name

    @property
    def label(self) -> str:
        return self.type.label

    @property
    def definition(self) -> str:
        return self.type.definition

    @property
    def parents(self) -> Sequence[str]:
        return self.type.parents

    @property
    def kind(self) -> str | None:
        return self.type.kind or None

    @property
    def key_class(self) -> str | None:
        return self.words.key_class_of(self.name) if self.type.kind else None

    @property
    def colour(self) -> str | None:
        return self.type.colour or None

    @property
    def icon(self) -> str | None:
        return self.type.icon or None

    @property
    def own(self) -> bool:
        return any(it.own and it.name == self.type.module for it in self.words.modules)

    @property
    def carries_lineage(self) -> bool:
        above = self.words.superclasses(self.name)
        carrying = (it for it in self.words.relations.values() if it.carries_lineage)
        return any(it.domain in above or it.range in above for it in carrying)

    @property
    def attributes(self) -> Sequence[ontology.Attribute]:
        above = self.words.superclasses(self.name)
        found = (it for it in self.words.attributes.values() if it.domain in above)
        return sorted(found, key=lambda it: it.domain != self.name)

    @property
    def relations(self) -> Sequence[ontology.Relation]:
        above = self.words.superclasses(self.name)
        found = (it for it in self.words.relations.values() if it.domain in above)
        return sorted(found, key=lambda it: it.domain != self.name)

    @property
    def relations_to(self) -> Sequence[ontology.Relation]:
        above = self.words.superclasses(self.name)
        found = (it for it in self.words.relations.values() if it.range in above)
        return sorted(found, key=lambda it: it.range != self.name)


def types_of(words: Ontology, names: Sequence[str] | None = None) -> list[TypeRecord]:
    """Every class in the order of the ontology's files, or those that are named. Raises `InvalidInput` for a name that
    the ontology does not have."""
    unknown = next((name for name in names or () if name not in words.classes), None)
    if unknown is not None:
        raise InvalidInput(f"the ontology has no class {unknown[:100]!r}", field="names")
    return [TypeRecord(it, words) for it in words.classes.values() if names is None or it.name in names]

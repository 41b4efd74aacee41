"""Reads the entity types of an ontology and checks that they make sense together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from rdflib import OWL, RDFS, SKOS, Literal, URIRef

from ontology.describing import alignments
from ontology.errors import Faults
from ontology.model import EntityType
from ontology.turtle import ANDON, Terms, local_name

PLAIN_COLOUR, PLAIN_ICON = "#7d8694", "box"
"""Those of a key class of an own file that gives none."""

_KIND = re.compile(r"[a-z]+")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


class Classes:
    """The entity types among the terms; `modules` tells the name of each term's file, `plain` which key classes may do
    without colour and icon."""

    def __init__(
        self, terms: Terms, faults: Faults, modules: Mapping[URIRef, str], plain: Callable[[URIRef], bool]
    ) -> None:
        self._terms = terms
        self._faults = faults
        self._modules = modules
        self._plain = plain
        self.iris = terms.declared(OWL.Class, faults)
        self._own_namespaces = {iri.removesuffix(local_name(iri)) for iri in self.iris.values()} | {str(ANDON)}
        self._parents = self._read_parents()

    def read(self) -> dict[str, EntityType]:
        """The types without fault; what is at fault already causes no further complaint."""
        keys = self._keys()
        key_class_of = self._key_classes(keys)
        kinds = self._kinds(keys)
        types: dict[str, EntityType] = {}
        for name in filter(key_class_of.__contains__, self.iris):
            key_class = key_class_of[name]
            if key_class is None or key_class in kinds:
                with self._faults.kept():
                    types[name] = self._entity_type(name, key_class, kinds.get(key_class or "", ""))
        self._check_claims_differ(ANDON.namingScheme, str.lower)
        self._check_claims_differ(ANDON.datasetType, str.upper)
        self._check_claims_differ(ANDON.jobType, str.upper)
        return types

    def is_own(self, iri: URIRef) -> bool:
        """Whether an IRI lies in a namespace of these classes, or in Andon's."""
        return iri.removesuffix(local_name(iri)) in self._own_namespaces

    def name_at(self, subject: URIRef, prop: URIRef, target: URIRef) -> str:
        """The name of the declared class `target` that a property of a subject points to."""
        name = local_name(target)
        if self.iris.get(name) != target:
            raise self._terms.fault(subject, prop, f"{local_name(subject)} names the unknown class <{target}>")
        return name

    def _read_parents(self) -> dict[str, tuple[str, ...]]:
        """The direct superclasses of each class; a class whose superclasses are at fault is left out of all that
        follows."""
        found: dict[str, tuple[str, ...]] = {}
        for name, iri in self.iris.items():
            with self._faults.kept():
                above = (parent for parent in self._terms.iris(iri, RDFS.subClassOf) if self.is_own(parent))
                found[name] = tuple(sorted(self.name_at(iri, RDFS.subClassOf, parent) for parent in above))
        return found

    def _upward(self) -> dict[str, frozenset[str]]:
        """Each class with all classes above it; those at fault, in a cycle, or below one of these, are left out."""
        found: dict[str, frozenset[str]] = {}
        left_out = self.iris.keys() - self._parents.keys()
        for start in self._parents:
            path = [start]  # from a class to one above it, step by step
            while path:
                name = path[-1]
                if name in found or name in left_out:
                    path.pop()
                    continue
                above = self._parents[name]
                unknown = next((it for it in above if it not in found), None)
                if left_out.intersection(above):
                    left_out.add(name)
                elif unknown is None:
                    found[name] = frozenset({name}).union(*(found[it] for it in above))
                elif unknown in path:
                    cycle = [*path[path.index(unknown) :], unknown]
                    left_out.update(cycle)
                    with self._faults.kept():
                        reason = f"a class cannot be its own superclass: {' -> '.join(cycle)}"
                        raise self._terms.fault(self.iris[cycle[0]], RDFS.subClassOf, reason)
                else:
                    path.append(unknown)
        return found

    def _keys(self) -> set[str]:
        found = set()
        for name, iri in self.iris.items():
            with self._faults.kept():
                if self._terms.flag(iri, ANDON.keyClass):
                    found.add(name)
        return found

    def _key_classes(self, keys: set[str]) -> dict[str, str | None]:
        """The key class of every class, None for those above key classes; classes at fault are left out."""
        upward = self._upward()
        over_keys = frozenset[str]().union(*(upward.get(name, frozenset()) for name in keys))
        found: dict[str, str | None] = {}
        for name, above in upward.items():
            with self._faults.kept():
                found[name] = self._key_class_among(name, sorted(above & keys), name in over_keys)
        return found

    def _key_class_among(self, name: str, keys: list[str], is_above_one: bool) -> str | None:
        if len(keys) > 1:
            reason = f"{name} is under {len(keys)} key classes ({', '.join(keys)}), expected one"
            raise self._terms.fault(self.iris[name], RDFS.subClassOf, reason)
        if not keys and not is_above_one:
            reason = f"{name} is neither a key class nor below or above one"
            raise self._terms.fault(self.iris[name], None, reason)
        return keys[0] if keys else None

    def _kinds(self, keys: Iterable[str]) -> dict[str, str]:
        """The urn kind of each key class."""
        owners: dict[str, str] = {}
        for name, iri in self.iris.items():
            with self._faults.kept():
                kind = self._kind(name, iri, name in keys, owners)
                if kind is not None:
                    owners[kind] = name
        return {name: kind for kind, name in owners.items()}

    def _kind(self, name: str, iri: URIRef, is_key: bool, owners: Mapping[str, str]) -> str | None:
        kind = self._terms.optional_text(iri, ANDON.kind)
        if is_key != (kind is not None):
            reason = f"{name} is a key class without" if is_key else f"{name} is no key class but has"
            raise self._terms.fault(iri, ANDON.kind, f"{reason} an andon:kind")
        if kind is not None and not _KIND.fullmatch(kind):
            raise self._terms.fault(iri, ANDON.kind, f"expected lower-case letters for andon:kind, found '{kind}'")
        if kind is not None and kind in owners:
            raise self._terms.fault(iri, ANDON.kind, f"the kind '{kind}' of {name} is taken by {owners[kind]}")
        return kind

    def _entity_type(self, name: str, key_class: str | None, kind: str) -> EntityType:
        terms, iri = self._terms, self.iris[name]
        key_iri = self.iris[key_class] if key_class else None
        return EntityType(
            name=name,
            iri=str(iri),
            kind=kind,
            label=terms.text(iri, RDFS.label),
            definition=terms.text(iri, SKOS.definition),
            parents=self._parents.get(name, ()),
            key_class=name == key_class,
            naming_schemes=frozenset(map(str.lower, self._claims(iri, ANDON.namingScheme, kind))),
            dataset_types=frozenset(map(str.upper, self._claims(iri, ANDON.datasetType, kind, "dataset"))),
            job_types=frozenset(map(str.upper, self._claims(iri, ANDON.jobType, kind, "job"))),
            colour=self._colour(iri, key_iri),
            icon=self._inherited(iri, key_iri, ANDON.icon, PLAIN_ICON),
            alignments=alignments(terms, iri, RDFS.subClassOf, self.is_own),
            module=self._modules[iri],
        )

    def _claims(self, iri: URIRef, prop: URIRef, kind: str, only: str | None = None) -> frozenset[str]:
        """What OpenLineage data the class claims; `only` names the one kind that may have the property."""
        claims = self._terms.texts(iri, prop)
        if claims and (not kind or kind != (only or kind)):
            owner = f"classes of kind '{only}'" if only else "key classes and their subclasses"
            reason = f"andon:{local_name(prop)} is for {owner}, which {local_name(iri)} is not"
            raise self._terms.fault(iri, prop, reason)
        return claims

    def _check_claims_differ(self, prop: URIRef, fold: Callable[[str], str]) -> None:
        """File by file, so that the one that came last is at fault, whatever it adds the claim to."""
        owners: dict[str, str] = {}
        for file in self._terms.files:
            for name, iri in self.iris.items():
                for claim in sorted({fold(str(it)) for it in file.graph.objects(iri, prop) if isinstance(it, Literal)}):
                    if owners.setdefault(claim, name) != name:
                        reason = f"andon:{local_name(prop)} '{claim}' of {name} is taken by {owners[claim]}"
                        with self._faults.kept():
                            raise file.fault(iri, prop, reason)

    def _colour(self, iri: URIRef, key_class: URIRef | None) -> str:
        colour = self._inherited(iri, key_class, ANDON.colour, PLAIN_COLOUR)
        if colour and not _COLOUR.fullmatch(colour):
            raise self._terms.fault(iri, ANDON.colour, f"expected andon:colour as '#rrggbb', found '{colour}'")
        return colour

    def _inherited(self, iri: URIRef, key_class: URIRef | None, prop: URIRef, plain: str) -> str:
        if key_class is None:
            return ""
        stated = self._terms.optional_text(iri, prop) or self._terms.optional_text(key_class, prop)
        if stated is None and self._plain(key_class):
            return plain
        return stated or self._terms.text(key_class, prop)

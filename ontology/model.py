"""The ontology as the rest of Andon sees it: frozen values, no RDF.

`Ontology` holds entity types, relations and attributes by their local name ("Table", "derivedFrom",
"ordinal"). It is built and checked by `ontology.loader`, so what stands here can be trusted: every name that
is mentioned exists, the subclass tree has no cycle, and no two key classes share a urn kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

DATASET_KIND = "dataset"
"""The urn kind of everything an OpenLineage event calls a dataset, unless its naming scheme says
otherwise."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """A tie to another vocabulary: `predicate` is the local name ("subClassOf", "closeMatch",
    "subPropertyOf", ...), `iri` the foreign term."""

    predicate: str
    iri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityType:
    """A class of entities.

    A *key class* gives a urn kind, a GraphQL type and a place in the legend. Its subclasses share the kind
    and, where they give none themselves, colour and icon. Classes above the key classes ("Entity",
    "DataAsset", "Agent") are there to be the domain or range of relations: their `kind`, `colour` and `icon`
    are empty.
    """

    name: str
    iri: str
    kind: str
    label: str
    definition: str
    parents: tuple[str, ...]
    """Names of the direct superclasses in this ontology, sorted."""
    key_class: bool
    naming_schemes: frozenset[str]
    """Lower-case first parts of dataset namespaces ("kafka"; "arn:aws:glue" where one segment does not
    tell)."""
    dataset_types: frozenset[str]
    """Upper-case values of OpenLineage's datasetType facet: "VIEW", or with the sub-type
    "VIEW/MATERIALIZED"."""
    job_types: frozenset[str]
    """Upper-case values of `jobType` in OpenLineage's jobType facet: "DAG"."""
    colour: str
    """`#rrggbb`; at least 3:1 against a white and against a dark page."""
    icon: str
    """A name of the Tabler icon set: "table"."""
    alignments: tuple[Alignment, ...]
    module: str = ""
    """The file that declares it, without its ending: "andon", "cost"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A typed edge from `domain` to `range` (names of entity types; their subclasses included).

    Edges are kept in this direction only; `inverse` is the name for reading them from the other end.
    """

    name: str
    iri: str
    label: str
    definition: str
    domain: str
    range: str
    inverse: str | None
    cardinality: str
    """How many targets one source may have: "0..1", "1", "0..*" or "1..*"."""
    carries_lineage: bool
    """True where data flows along it, so that impact and upstream walks follow it."""
    alignments: tuple[Alignment, ...]
    inverse_iri: str = ""
    inverse_label: str | None = None
    inverse_alignments: tuple[Alignment, ...] = ()
    """Those of the inverse, which read from `range` to `domain`."""
    module: str = ""

    @property
    def to_many(self) -> bool:
        return self.cardinality.endswith("*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A plain value of an entity: `range` is the local name of an XML Schema type ("string", "dateTime")."""

    name: str
    iri: str
    label: str
    definition: str
    domain: str
    range: str
    cardinality: str
    alignments: tuple[Alignment, ...]
    allowed_values: tuple[str, ...] = ()
    """The only values it may have, sorted; none means any."""
    module: str = ""

    @property
    def to_many(self) -> bool:
        return self.cardinality.endswith("*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One file of the ontology. `version` is the file's own; "" for shipped ones but the core, whose version they
    share."""

    name: str
    """The file's name without its ending."""
    iri: str
    label: str
    definition: str
    version: str
    own: bool
    """True for a file that was added to the shipped ones."""


@dataclass(frozen=True, slots=True)
class _SchemeIndex:
    """Finds the entity type that a dataset namespace belongs to."""

    by_head: Mapping[str, str]
    """By what stands before the first colon."""
    by_prefix: Mapping[str, tuple[tuple[str, str], ...]]
    """By the same, the longer prefixes that begin with it: "arn" -> (("arn:aws:glue:", "Table"),)."""

    @classmethod
    def of(cls, classes: Mapping[str, EntityType]) -> _SchemeIndex:
        by_head: dict[str, str] = {}
        by_prefix: dict[str, tuple[tuple[str, str], ...]] = {}
        for scheme, name in sorted((scheme, it.name) for it in classes.values() for scheme in it.naming_schemes):
            head, colon, _ = scheme.partition(":")
            if colon:
                by_prefix[head] = ((scheme + ":", name), *by_prefix.get(head, ()))
            else:
                by_head[head] = name
        return cls(by_head, by_prefix)

    def find(self, namespace: str) -> str | None:
        head = namespace.partition(":")[0].lower()
        for prefix, name in self.by_prefix.get(head, ()):
            if f"{namespace.lower()}:".startswith(prefix):
                return name
        return self.by_head.get(head)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ontology:
    """Everything the ontology's files say. Look-ups are dictionary reads; unknown names raise `KeyError`."""

    classes: Mapping[str, EntityType]
    """Key classes, their subclasses and the abstract classes above them, in the order of the files."""
    relations: Mapping[str, Relation]
    """By name; the names of inverses are not keys."""
    attributes: Mapping[str, Attribute]
    version: str
    """The core's, with the name and version of each own file: "1.1.0 + shipping 3"."""
    modules: tuple[Module, ...] = ()
    _subclasses: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    _superclasses: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    _key_class_of: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _key_class_for_kind: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _schemes: _SchemeIndex = field(init=False, repr=False, compare=False)
    _by_dataset_type: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _by_job_type: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        classes = self.classes.values()
        by_kind = {entity.kind: entity.name for entity in classes if entity.key_class}
        above = {name: _ancestors(self.classes, name) for name in self.classes}
        derived = {
            "_subclasses": _turned(above),
            "_superclasses": above,
            "_key_class_for_kind": by_kind,
            "_key_class_of": {entity.name: by_kind[entity.kind] for entity in classes if entity.kind},
            "_schemes": _SchemeIndex.of(self.classes),
            "_by_dataset_type": {key: entity.name for entity in classes for key in entity.dataset_types},
            "_by_job_type": {key: entity.name for entity in classes for key in entity.job_types},
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @property
    def fingerprint(self) -> int:
        """62 bits that differ where two ontologies would class one entity differently."""
        claims = sorted(
            (it.name, it.kind, sorted(it.parents), *map(sorted, (it.naming_schemes, it.dataset_types, it.job_types)))
            for it in self.classes.values()
        )
        return int.from_bytes(blake2b(repr(claims).encode(), digest_size=8).digest(), "big") >> 2

    @property
    def key_classes(self) -> tuple[EntityType, ...]:
        """The key classes in the order of the file, which is the order of the legend."""
        return tuple(entity for entity in self.classes.values() if entity.key_class)

    def key_class_of(self, name: str) -> str:
        """The key class a class stands under, itself included: "Table" -> "Dataset"; `KeyError` for abstract
        ones."""
        return self._key_class_of[name]

    def subclasses(self, name: str) -> frozenset[str]:
        """The class itself and all classes below it."""
        return self._subclasses[name]

    def superclasses(self, name: str) -> frozenset[str]:
        """The class itself and all classes above it."""
        return self._superclasses[name]

    def key_class_for_kind(self, kind: str) -> str:
        """The key class whose urns have this kind: "dataset" -> "Dataset"."""
        return self._key_class_for_kind[kind]

    def kind_for_namespace(self, namespace: str) -> str:
        """The urn kind of an OpenLineage dataset in this namespace: "looker://shop" -> "dashboard".

        The scheme is what stands before the first colon, or the whole namespace where it has none
        ("bigquery"); case does not count (RFC 3986, 3.1). A scheme nobody claims is a "dataset".
        """
        name = self._schemes.find(namespace)
        return DATASET_KIND if name is None else self.classes[name].kind

    def type_for(self, kind: str, namespace: str, dataset_type: str | None, sub_type: str | None = None) -> str:
        """The most telling class of an OpenLineage dataset of this urn kind.

        By the datasetType facet (`datasetType` and, if given, `subType`), else by the namespace's scheme,
        else the kind's key class. What would lie outside the kind is passed over, since a urn never changes
        its kind.
        """
        named = self._named_type(dataset_type, sub_type), self._schemes.find(namespace)
        fitting = (name for name in named if name is not None and self.classes[name].kind == kind)
        return next(fitting, None) or self._key_class_for_kind[kind]

    def type_for_job(self, job_type: str | None) -> str:
        """The class of a job by `jobType` of its jobType facet: "DAG" -> "Pipeline"; "Job" where that is
        unknown."""
        return self._by_job_type.get((job_type or "").upper()) or self._key_class_for_kind["job"]

    def _named_type(self, dataset_type: str | None, sub_type: str | None) -> str | None:
        if not dataset_type:
            return None
        plain = dataset_type.upper()
        exact = self._by_dataset_type.get(f"{plain}/{sub_type.upper()}") if sub_type else None
        return exact or self._by_dataset_type.get(plain)


def _ancestors(classes: Mapping[str, EntityType], name: str) -> frozenset[str]:
    """The class and everything above it."""
    found = {name}
    waiting = [name]
    while waiting:
        new = [parent for parent in classes[waiting.pop()].parents if parent not in found]
        found.update(new)
        waiting += new
    return frozenset(found)


def _turned(above: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Each class with itself and everything below it."""
    below: dict[str, set[str]] = {name: set() for name in above}
    for name, upper in above.items():
        for one in upper:
            below[one].add(name)
    return {name: frozenset(names) for name, names in below.items()}

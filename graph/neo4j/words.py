"""Labels, relation types, constraints and indexes of the graph in Neo4j, from the ontology and the kinds of edges."""

from __future__ import annotations

import re
from collections.abc import Mapping

from graph.timeline import COLUMN, DERIVED, FEEDS, READS, WIDE, WRITES
from ontology import Ontology

ENTITY = "Entity"
"""The label of every entity of the graph, columns too."""

COLUMN_LABEL = "Column"
SEARCH_INDEX = "andon_search"
LEFT_OUT = frozenset({"run", "firing"})
"""Kinds that grow with time, not with the estate: they stay in the fold state, a job's last run on the job."""

TYPES: Mapping[int, str] = {
    DERIVED: "DERIVED_FROM", COLUMN: "DERIVED_FROM", WIDE: "DEPENDS_ON", READS: "READS", WRITES: "WRITES",
    FEEDS: "FEEDS",
}  # fmt: skip
"""The relation type of each kind of edge."""

FROM_TARGET = frozenset({DERIVED, COLUMN, WIDE, READS})
"""Kinds whose relation points upstream, as it reads: a table is derived from another, a job reads a table."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def label(name: str) -> str:
    """A class's name as a label in Cypher."""
    return name if _PLAIN.fullmatch(name) else "`" + name.replace("`", "``") + "`"


class Labels:
    """The labels that an entity of each class bears: its class and those above, up to the key class."""

    def __init__(self, ontology: Ontology) -> None:
        self._worn: dict[str, tuple[str, ...]] = {}
        self._others: dict[str, tuple[str, ...]] = {}
        of_kind: dict[str, list[str]] = {}
        for name, entity in ontology.classes.items():
            if entity.kind:
                of_kind.setdefault(entity.kind, []).append(name)
        for name, entity in ontology.classes.items():
            if entity.kind:
                worn = tuple(it for it in of_kind[entity.kind] if name in ontology.subclasses(it))
                self._worn[name] = tuple(map(label, worn))
                self._others[name] = tuple(label(it) for it in of_kind[entity.kind] if it not in worn)

    def worn(self, type: str) -> str:
        """`:Dataset:Table:View` for View."""
        return "".join(f":{it}" for it in self._worn[type])

    def others(self, type: str) -> str:
        """Those of the same kind that it does not bear, since a class can be learnt late; "" for none."""
        return "".join(f":{it}" for it in self._others[type])


def definitions(ontology: Ontology) -> Mapping[str, str]:
    """Constraints and indexes by name, as statements that do nothing where these are there already."""
    keyed = [it for it in ontology.key_classes if it.kind not in LEFT_OUT]
    found = {"andon_key": f"CONSTRAINT andon_key IF NOT EXISTS FOR (n:{ENTITY}) REQUIRE n.key IS UNIQUE"}
    found["andon_state"] = "CONSTRAINT andon_state IF NOT EXISTS FOR (n:Andon) REQUIRE n.name IS UNIQUE"
    for entity in keyed:
        urn, name, worn = f"andon_{entity.kind}_urn", f"andon_{entity.kind}_name", label(entity.name)
        found[urn] = f"CONSTRAINT {urn} IF NOT EXISTS FOR (n:{worn}) REQUIRE n.urn IS UNIQUE"
        found[name] = f"INDEX {name} IF NOT EXISTS FOR (n:{worn}) ON (n.name, n.namespace)"
    for type in sorted(set(TYPES.values())):
        key = f"andon_{type.lower()}_key"
        found[key] = f"INDEX {key} IF NOT EXISTS FOR ()-[r:{type}]-() ON (r.key)"
    searched = "|".join(label(it.name) for it in keyed if it.name != COLUMN_LABEL)
    found[SEARCH_INDEX] = (
        f"FULLTEXT INDEX {SEARCH_INDEX} IF NOT EXISTS FOR (n:{searched})"
        " ON EACH [n.name, n.namespace, n.description]"
        " OPTIONS {indexConfig: {`fulltext.eventually_consistent`: true}}"
    )
    return {name: f"CREATE {statement}" for name, statement in found.items()}

"""The mode that a rule is in: its file's, until somebody switches this version of it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from graph.reader import GraphSnapshot
from rules.rule import Mode, Rule

SWITCH = "switch"
"""Facet of a rule's entity: `{"mode", "version"}`, as somebody said it last."""


def switched(rules: Iterable[Rule], snapshot: GraphSnapshot) -> dict[str, Mode]:
    """By name, the modes that rules were switched to as of the snapshot."""
    found = {}
    for rule in rules:
        entity = snapshot.entity(rule.urn)
        facet = snapshot.facets(entity).get(SWITCH) if entity is not None else None
        said = json.loads(facet) if facet is not None else {}
        if said.get("version") == rule.version_id:
            found[rule.name] = Mode(said["mode"])
    return found

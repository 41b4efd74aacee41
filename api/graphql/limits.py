"""How much an operation may ask for, found out from its text before it runs.

*Depth* is how deep fields nest. *Cost* is the number of fields it names, fragments expanded, plus the look-
ups it may cause: fields that need one of their own (`LOOKUPS`), times the rows of the lists around them
(`ROWS`, or `first` where that is given). Plain fields of a row cost nothing per row, so a page of 1,000
entities with ten of them costs 1,011, and the same page with each one's columns 2,012. Both are computed once
per fragment, so nesting fragments does not help.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode
from graphql.language import FragmentSpreadNode, InlineFragmentNode, IntValueNode, VariableNode

from api.graphql.inputs import DEFAULT_PAGE, PAGE_LIMIT
from graph.errors import InvalidInput

LOOKUPS = frozenset(
    {
        "facets",
        "properties",
        "aliases",
        "columns",
        "versions",
        "schema",
        "dataset",
        "runs",
        "job",
        "parent",
        "retired",
        "relations",
        "stopped",
        "stops",
    }
) | {
    "inputs",
    "outputs",
    "entity",
    "node",
    "entities",
    "lineage",
    "paths",
    "diff",
    "sqlLineage",
    "status",
    "deadLetters",
    "firings",
    "firing",
    "explain",
    "rules",
    "rule",
    "backtest",
}
ROWS = {
    "entities": DEFAULT_PAGE,
    "diff": DEFAULT_PAGE,
    "deadLetters": DEFAULT_PAGE,
    "firings": DEFAULT_PAGE,
    "actions": 5,
    "rules": DEFAULT_PAGE,
    "runs": 20,
    "lineage": 100,
    "paths": 100,
    "columns": 10,
    "inputs": 3,
    "outputs": 3,
    "relations": 20,
    "stops": 3,
}
"""Rows assumed where the operation does not say `first`."""

_INTROSPECTION = frozenset({"__schema", "__type"})
_INTROSPECTION_DEPTH = 15  # what GraphiQL and code generators ask nests 13 deep
_MAX_REPEATED = 30  # times one name in one selection; comparing all pairs of them is what validation does


@dataclass(frozen=True, slots=True)
class Limits:
    depth: int
    cost: int
    aliases: int
    tokens: int


@dataclass(frozen=True, slots=True)
class _Measure:
    """Of a selection: its depth, the fields it names, and its look-ups for one row of what it is of."""

    depth: int = 0
    fields: int = 0
    lookups: int = 0


def check(
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any],
    limits: Limits,
    relations: Mapping[str, int],
) -> None:
    """Raises `InvalidInput` if the operation asks for too much; leaves all else to validation.

    `relations`: the fields that the ontology adds and that look others up, with the rows assumed of each.
    """
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    measuring = _Measuring(fragments, variables, relations)
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            measuring.fragment(definition.name.value)
        elif isinstance(definition, OperationDefinitionNode):
            measure = measuring.selection(definition.selection_set)
            name = definition.name.value if definition.name is not None else None
            if operation_name is None or name == operation_name:
                _compare("depth", measure.depth, limits.depth)
                _compare("cost", measure.fields + measure.lookups, limits.cost)
    _compare("number of aliases", measuring.aliases, limits.aliases)


def _compare(what: str, found: int, allowed: int) -> None:
    if found > allowed:
        raise InvalidInput(f"the operation's {what} is {found}, allowed are {allowed}", field="query")


class _Measuring:
    def __init__(
        self,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
        relations: Mapping[str, int],
    ) -> None:
        self._fragments = fragments
        self._variables = variables
        self._relations = relations
        self._measured: dict[str, _Measure] = {}
        self.aliases = 0

    def fragment(self, name: str) -> _Measure:
        if name not in self._measured:
            self._measured[name] = _Measure()  # a fragment within itself; validation refuses it
            definition = self._fragments.get(name)
            if definition is not None:
                self._measured[name] = self.selection(definition.selection_set)
        return self._measured[name]

    def selection(self, selections: SelectionSetNode | None) -> _Measure:
        depth = fields = lookups = 0
        keys: Counter[str] = Counter()
        for node in selections.selections if selections is not None else ():
            if isinstance(node, FieldNode):
                keys[(node.alias or node.name).value] += 1
                measure = self._field(node)
            elif isinstance(node, FragmentSpreadNode):
                keys["..." + node.name.value] += 1
                measure = self.fragment(node.name.value)
            else:
                assert isinstance(node, InlineFragmentNode)
                measure = self.selection(node.selection_set)
            depth = max(depth, measure.depth)
            fields += measure.fields
            lookups += measure.lookups
        if keys and keys.most_common(1)[0][1] > _MAX_REPEATED:
            raise InvalidInput(f"a selection repeats a name more than {_MAX_REPEATED} times", field="query")
        return _Measure(depth, fields, lookups)

    def _field(self, node: FieldNode) -> _Measure:
        name = node.name.value
        self.aliases += node.alias is not None
        below = self.selection(node.selection_set)
        if name in _INTROSPECTION:
            _compare("depth of introspection", below.depth, _INTROSPECTION_DEPTH)
            return _Measure(1, below.fields + 1, 0)
        paged = name in ROWS and name not in ("lineage", "paths", "columns", "inputs", "outputs", "relations", "stops")
        rows = self._rows(node, name)
        looked_up = name in LOOKUPS or name in self._relations
        lookups = int(looked_up) + (rows if paged else 0) + rows * below.lookups
        return _Measure(below.depth + 1, below.fields + 1, lookups)

    def _rows(self, node: FieldNode, name: str) -> int:
        assumed = ROWS.get(name) or self._relations.get(name, 1)
        for argument in node.arguments or ():
            if argument.name.value == "first":
                value: object = None
                if isinstance(argument.value, IntValueNode):
                    value = int(argument.value.value[:12])
                elif isinstance(argument.value, VariableNode):
                    value = self._variables.get(argument.value.name.value)
                return min(max(value, 0), PAGE_LIMIT) if isinstance(value, int) else assumed
        return assumed

"""Questions of rules: GraphQL as of the position of a change, and nothing that could be answered otherwise later."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any, cast

from graphql import (
    ArgumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)

from api.auth import Caller, Scope
from api.graphql import derived, limits
from api.graphql.engine import Engine, Request
from api.graphql.limits import Limits
from api.graphql.schema import build_schema
from api.graphql.services import Acting, Progress, Services
from graph.errors import InvalidInput, Unavailable
from graph.journal import Journal
from graph.model import AsOf, Instant, Position
from graph.reader import GraphReader
from ontology import Ontology

SECONDS = 5.0
"""For one question."""

_CALLER = Caller("rules", frozenset({Scope.READ}))
_AS_OF = "asOf"


def checker(ontology: Ontology, allowed: Limits) -> Callable[[str], None]:
    """Raises `InvalidInput` unless it is given one valid query, each of whose root fields is of the graph as of an
    instant and leaves that to the rule to say.
    """

    @cache
    def words() -> tuple[GraphQLSchema, frozenset[str], Mapping[str, int]]:
        """The schema, what has an as-of, what looks others up; made when a rule asks, for it takes a while."""
        schema, _ = build_schema(ontology)
        assert schema.query_type is not None
        timed = frozenset(name for name, field in schema.query_type.fields.items() if _AS_OF in field.args)
        return schema, timed, derived.rows(ontology)

    def check(query: str) -> None:
        schema, timed, relations = words()
        try:
            document = parse(query, max_lexical_tokens=allowed.tokens)
            limits.check(document, None, {}, allowed, relations)
            errors = validate(schema, document, specified_rules, max_errors=1, hide_suggestions=True)
        except GraphQLError as error:
            errors = [error]
        except RecursionError:
            raise InvalidInput("nests too deep") from None
        if errors:
            raise InvalidInput(errors[0].message)
        asked = [it for it in document.definitions if not isinstance(it, FragmentDefinitionNode)]
        if len(asked) != 1 or not isinstance(asked[0], OperationDefinitionNode):
            raise InvalidInput("expected one query")
        if asked[0].operation is not OperationType.QUERY:
            raise InvalidInput("a rule asks queries alone")
        for field in asked[0].selection_set.selections:
            if not isinstance(field, FieldNode) or field.name.value not in timed:
                raise InvalidInput(f"a rule asks of {', '.join(sorted(timed))}")
        visit(document, _Timeless())

    return check


class _Timeless(Visitor):
    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        if node.name.value == _AS_OF:
            raise InvalidInput("is asked as of the change: leave asOf out")


class Asker:
    """Answers `query` with `variables` as of a position that is in the graph: the `data`, as JSON values.

    Raises `InvalidInput` where it cannot be answered, `Unavailable` where it could be later.
    """

    def __init__(
        self, reader: GraphReader, ontology: Ontology, allowed: Limits, lineage_max_nodes: int = 10_000
    ) -> None:
        self._reader = reader
        self._ontology = ontology
        self._allowed = allowed
        self._lineage_max_nodes = lineage_max_nodes

    @cached_property
    def _engine(self) -> Engine:
        """Made when a rule asks something, for it takes a while."""
        schema, _ = build_schema(self._ontology)
        services = Services(
            reader=self._reader,
            journal=cast(Journal, None),  # `checker` lets nothing through that would need these
            progress=cast(Progress, None),
            acting=cast(Acting, None),
            ontology=self._ontology,
            authentication=lambda: True,
            now=lambda: Instant(0),
            started_at=Instant(0),
            version="",
            lineage_max_nodes=self._lineage_max_nodes,
            position_wait=0,
        )
        return Engine(schema, services, self._allowed, introspection=False)

    def __call__(self, query: str, variables: Mapping[str, object], position: Position) -> object:
        request = Request(query, variables, None, _CALLER, from_our_page=False)
        answer = json.loads(self._engine.run(request, SECONDS, AsOf(position=position)).body)
        if errors := answer.get("errors"):
            code = errors[0].get("extensions", {}).get("code")
            message = f"the query failed: {errors[0]['message']}"
            if code == "UNAVAILABLE":
                raise Unavailable(message)
            if code == "TIMEOUT":
                raise TimeoutError(message)  # it may do better another time
            raise InvalidInput(message)
        return answer["data"]

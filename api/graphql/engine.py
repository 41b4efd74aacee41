"""Runs one GraphQL operation from its text to the bytes of its answer; used from worker threads."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationType,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from api.auth import Caller, Scope
from api.graphql import derived, limits
from api.graphql.executor import FastExecutor
from api.graphql.limits import Limits
from api.graphql.operation import Operation
from api.graphql.services import Services
from api.problems import INTERNAL, TimedOut, kind_of, log_unforeseen
from graph.errors import AndonError, InvalidInput, NotAllowed
from graph.model import PRESENT, AsOf

_DOCUMENTS_KEPT = 500
_MAX_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """One operation as it came over HTTP; `from_our_page` says that the CSRF header was there."""

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    caller: Caller
    from_our_page: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is 200 if the operation ran, however it ended; else what kept it from running."""

    status: int
    body: bytes
    failed: bool


class Engine:
    """Safe to use from any thread; keeps parsed and validated documents by their text."""

    def __init__(self, schema: GraphQLSchema, services: Services, allowed: Limits, *, introspection: bool) -> None:
        self._schema = schema
        self._services = services
        self._limits = allowed
        self._relations = derived.rows(services.ontology)
        self._rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
        self._documents: OrderedDict[str, DocumentNode] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, request: Request, seconds: float, at: AsOf = PRESENT) -> Outcome:
        """The answer as of `at`, where the request does not say. Never raises: what goes wrong is in the answer, with
        `extensions.code` and without a stack.
        """
        try:
            document = self._checked(request)
            return self._execute(request, document, time.monotonic() + seconds, at)
        except GraphQLErrors as refused:
            return _refusal(400, [_request_error(error) for error in refused.errors])
        except Exception as error:  # the process edge of one operation
            return failure(error)

    def _checked(self, request: Request) -> DocumentNode:
        """The document, within limits, valid and allowed to this caller."""
        document = self._documents.get(request.query)
        known = document is not None
        if document is None:
            document = self._parse(request.query)
        limits.check(document, request.operation_name, request.variables, self._limits, self._relations)
        if not known:
            errors = validate(self._schema, document, self._rules, max_errors=_MAX_ERRORS, hide_suggestions=True)
            if errors:
                raise GraphQLErrors(errors)
            self._keep(request.query, document)
        self._allow(request, document)
        return document

    def _parse(self, query: str) -> DocumentNode:
        try:
            return parse(query, no_location=False, max_lexical_tokens=self._limits.tokens)
        except GraphQLSyntaxError as error:
            raise GraphQLErrors([error]) from None
        except RecursionError:
            raise InvalidInput("the operation nests too deep", field="query") from None

    def _keep(self, query: str, document: DocumentNode) -> None:
        with self._lock:
            self._documents[query] = document
            if len(self._documents) > _DOCUMENTS_KEPT:
                self._documents.popitem(last=False)

    def _allow(self, request: Request, document: DocumentNode) -> None:
        operation = get_operation_ast(document, request.operation_name)
        if operation is None or operation.operation is not OperationType.MUTATION:
            request.caller.require(Scope.READ)
            return
        request.caller.require(Scope.WRITE)
        if not request.from_our_page:
            raise NotAllowed("a mutation needs the header 'X-Andon-Csrf: 1'")

    def _execute(self, request: Request, document: DocumentNode, deadline: float, at: AsOf) -> Outcome:
        with Operation(self._services, request.caller, deadline, at) as operation:
            executor = FastExecutor.build(
                self._schema,
                document,
                context_value=operation,
                raw_variable_values=dict(request.variables),
                operation_name=request.operation_name,
                is_awaitable=_never_awaitable,
                hide_suggestions=True,
            )
            if isinstance(executor, list):
                raise GraphQLErrors(executor)
            result = executor.execute_operation()
            assert isinstance(result, ExecutionResult)
            return _answer(result)


class GraphQLErrors(Exception):
    """Why an operation cannot run, in graphql-core's terms."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__()
        self.errors = errors


def _never_awaitable(_value: Any) -> TypeGuard[Awaitable[Any]]:
    """No resolver of ours is asynchronous; asking each value would take a tenth of the time."""
    return False


def _answer(result: ExecutionResult) -> Outcome:
    if not result.errors:
        return Outcome(200, msgspec.json.encode({"data": result.data}), failed=False)
    errors = [_field_error(error) for error in result.errors]
    return Outcome(200, msgspec.json.encode({"data": result.data, "errors": errors}), failed=True)


def failure(error: Exception) -> Outcome:
    """The answer where an operation was refused or could not be started."""
    kind = kind_of(error)
    return _refusal(kind.status, [{"message": _message(error), "extensions": _extensions(error)}])


def timed_out() -> Outcome:
    return failure(TimedOut("the operation took too long; ask for less of it"))


def _refusal(status: int, errors: list[dict[str, Any]]) -> Outcome:
    return Outcome(status, msgspec.json.encode({"errors": errors}), failed=True)


def _request_error(error: GraphQLError) -> dict[str, Any]:
    return {**_located(error), "extensions": {"code": "BAD_USER_INPUT"}}


def _field_error(error: GraphQLError) -> dict[str, Any]:
    """An error of one field; one that graphql-core raised itself is about the caller's arguments."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return _request_error(error)
    return {**_located(error), "message": _message(cause), "extensions": _extensions(cause)}


def _located(error: GraphQLError) -> dict[str, Any]:
    located: dict[str, Any] = {"message": error.message}
    if error.locations:
        located["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        located["path"] = error.path
    return located


def _message(error: Exception) -> str:
    return (
        str(error) if isinstance(error, AndonError) else "Andon failed; the log has the cause under this request's id"
    )


def _extensions(error: Exception) -> dict[str, Any]:
    kind = kind_of(error)
    extensions: dict[str, Any] = {"code": "BAD_USER_INPUT" if isinstance(error, InvalidInput) else kind.code}
    if kind is INTERNAL:
        extensions["requestId"] = log_unforeseen(error)
    if isinstance(error, InvalidInput) and error.field:
        extensions["field"] = error.field
    return extensions

"""graphql-core's executor with a short way for what most answers consist of: records whose fields are plain
reads.

graphql-core makes a path, an info object and several checks for each field of each record, about 4 us a
field. Where a selection asks for `Attribute` fields only (scalars, and objects or lists of such selections)
this executor compiles it once per operation into closures that make the same answer at a tenth of that.
Whatever else is asked, and any error, goes the long way, so errors keep their paths and nulls travel as the
specification says (October 2021, 6.4.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from graphql import (
    Executor,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    Undefined,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from graphql.type import GraphQLList, is_leaf_type

from api.graphql.schema import Attribute

Complete: TypeAlias = Callable[[Any], Any]
"""From a resolved value to its completed one."""

_AS_IS = frozenset({"String", "ID", "Int", "Boolean", "JSON"})
"""Scalars whose values the records hold in the form that JSON wants; their types are checked before they run.
"""


class _Plan(NamedTuple):
    """How to answer one selection on one object type."""

    names: list[str]
    reads: list[tuple[str, Complete]]
    others: list[tuple[str, FieldDetailsList]]


class FastExecutor(Executor[None]):
    """Used for synchronous operations whose context is an `Operation`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plans: dict[int, tuple[GroupedFieldSet, _Plan]] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: None,
    ) -> dict[str, Any]:
        plan = self._plan(parent_type, grouped_field_set)
        results: dict[str, Any] = dict.fromkeys(plan.names)
        try:
            for name, complete in plan.reads:
                results[name] = complete(source_value)
        except Exception:  # the long way finds out again what is wrong, and says where
            return super().execute_fields(  # type: ignore[return-value]  # no resolver of ours is awaitable
                parent_type, source_value, path, grouped_field_set, position_context
            )
        for name, details in plan.others:
            self.context_value.check_time()
            field_path = Path(path, name, parent_type.name)
            result = self.execute_field(parent_type, source_value, details, field_path, None)
            if result is Undefined:
                del results[name]
            else:
                results[name] = result
        return results

    def _plan(self, parent_type: GraphQLObjectType, fields: GroupedFieldSet) -> _Plan:
        kept = self._plans.get(id(fields))
        if kept is not None:
            return kept[1]
        plan = _Plan(list(fields), [], [])
        for name, details in fields.items():
            complete = self._compile_field(parent_type, details)
            if complete is not None:
                plan.reads.append((name, complete))
            else:
                plan.others.append((name, details))
        self._plans[id(fields)] = (fields, plan)  # holding the fields keeps their id from being used again
        return plan

    def _compile_field(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> Complete | None:
        """From a source to the field's completed value; None if the field needs the long way."""
        name = details[0].node.name.value
        if name == "__typename":
            return lambda _source: parent_type.name
        field = self.schema.get_field(parent_type, name)
        if field is None or not isinstance(field.resolve, Attribute):
            return None
        complete = self._compile_type(field.type, details)
        if complete is None:
            return None
        get = field.resolve.get
        if complete is _as_is:
            return get
        return lambda source: complete(get(source))

    def _compile_type(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Complete | None:
        if isinstance(type_, GraphQLNonNull):
            inner = self._compile_type(type_.of_type, details)
            return inner if inner is None or inner is _as_is else _required(inner)
        complete = self._compile_nullable(type_, details)
        return complete if complete is None or complete is _as_is else _optional(complete)

    def _compile_nullable(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Complete | None:
        if isinstance(type_, GraphQLList):
            item = self._compile_type(type_.of_type, details)
            if item is None or item is _as_is:
                return item
            return _each(item)
        if is_leaf_type(type_):
            as_is = isinstance(type_, GraphQLScalarType) and type_.name in _AS_IS
            return _as_is if as_is else type_.coerce_output_value
        if isinstance(type_, GraphQLObjectType):
            return self._compile_object(type_, details)
        if isinstance(type_, GraphQLInterfaceType):
            return self._compile_interface(type_, details)
        return None

    def _compile_object(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Complete | None:
        fields = self.collect_subfields(type_, details).grouped_field_set
        plan = self._plan(type_, fields)
        if plan.others:
            return None
        reads = plan.reads
        return lambda source: {name: complete(source) for name, complete in reads}

    def _compile_interface(self, type_: GraphQLInterfaceType, details: FieldDetailsList) -> Complete | None:
        resolve_type = type_.resolve_type
        compiled: dict[str, Complete] = {}
        for possible in self.schema.get_possible_types(type_):
            complete = self._compile_object(possible, details)
            if complete is None:
                return None
            compiled[possible.name] = complete
        if resolve_type is None:
            return None
        name_of: Any = resolve_type  # ours looks at the record alone
        return lambda source: compiled[name_of(source, None, type_)](source)


def _as_is(value: Any) -> Any:
    return value


def _each(item: Complete) -> Complete:
    def complete(values: Iterable[Any]) -> list[Any]:
        return [item(value) for value in values]

    return complete


def _optional(complete: Complete) -> Complete:
    return lambda value: None if value is None else complete(value)


def _required(complete: Complete) -> Complete:
    """`complete` gives None for None, which a non-null field must not."""

    def checked(value: Any) -> Any:
        if value is None:
            raise TypeError("null for a field that is never null")
        return complete(value)

    return checked

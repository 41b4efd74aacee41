"""The questions: each root field turns its arguments into a call of the reader's port."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Annotated

import strawberry
from graphql import FieldNode, GraphQLResolveInfo, SelectionSetNode
from graphql.language import FragmentSpreadNode, InlineFragmentNode

from api.graphql import answers, shapes
from api.graphql.acting import ActingQuery
from api.graphql.inputs import (
    PAGE_LIMIT,
    AsOf,
    AttributeFilter,
    Direction,
    EntityFilter,
    EntityOrder,
    LineageFilter,
    LineageLevel,
    page_size,
    some,
)
from api.graphql.operation import Operation, operation
from api.graphql.shapes import answering
from api.graphql.sql import LineageAnswer, Question, SqlConvention, SqlLineage, what_if
from api.graphql.vocabulary import EntityType, TypeRecord, types_of
from graph import reader
from graph.errors import InvalidInput
from graph.model import parse_urn
from graph.reader import AttributeCondition, EntityQuery, EntityRecord, GraphSnapshot, LineageQuery, PathRecord
from ingest import facts
from ontology import Ontology

MAX_STARTS = 1_000
UNBOUNDED_DEPTH = 1_000_000
_ORDERED = {"lessThan": "<", "greaterThan": ">"}
_UNORDERED = frozenset({"boolean", "duration"})
_INTERVALS = frozenset({"validFrom", "validTo"})
_EVIDENCE = frozenset({"evidence", "evidenceCount", "lastConfirmedAt"})


def snapshot_of(info: strawberry.Info, as_of: AsOf | None) -> GraphSnapshot:
    return operation(info).snapshot(as_of, info._raw_info.path)


@strawberry.type
class Query(ActingQuery):
    @answering(shapes.Node | None)
    def node(self, info: strawberry.Info, id: strawberry.ID) -> EntityRecord | None:
        return _by_urn(snapshot_of(info, None), id)

    @answering(
        shapes.Entity | None,
        "One entity, by urn or by namespace and name (and type, where a name is used for several).",
    )
    def entity(
        self,
        info: strawberry.Info,
        urn: str | None = None,
        type: str | None = None,
        namespace: str | None = None,
        name: str | None = None,
        as_of: AsOf | None = None,
    ) -> EntityRecord | None:
        if urn is not None and (namespace is not None or name is not None):
            raise InvalidInput("give a urn, or a namespace and a name, not both", field="urn")
        if urn is None and (namespace is None or name is None):
            raise InvalidInput("give a urn, or a namespace and a name", field="urn")
        ontology = operation(info).services.ontology
        types = _with_subclasses(ontology, [type], "type") if type is not None else None
        snapshot = snapshot_of(info, as_of)
        if urn is not None:
            found = _by_urn(snapshot, urn)
        else:
            assert namespace is not None and name is not None
            found = snapshot.find(_kinds(ontology, types), namespace, name)
        return found if found is None or types is None or found.type in types else None

    @answering(shapes.EntityConnection, "Entities by type, filter and search; at most 1,000 a page.")
    def entities(
        self,
        info: strawberry.Info,
        type: str | None = None,
        filter: EntityFilter | None = None,
        search: str | None = None,
        order_by: EntityOrder | None = None,
        first: int | None = None,
        after: str | None = None,
        as_of: AsOf | None = None,
    ) -> answers.Listing:
        wanted = filter or EntityFilter()
        ontology = operation(info).services.ontology
        query = EntityQuery(
            types=_both(
                _with_subclasses(ontology, [type], "type") if type is not None else None,
                _with_subclasses(ontology, wanted.types, "filter.types") if wanted.types is not None else None,
            ),
            namespaces=some(wanted.namespaces),
            names=some(wanted.names),
            attributes=_conditions(ontology, wanted.attributes or ()),
            tags=some(wanted.tags),
            owners=some(wanted.owners),
            search=search or None,
            include_dropped=bool(wanted.include_dropped),
            order=(order_by or EntityOrder.NAME).value,
            first=page_size(first),
            after=after,
        )
        return answers.Listing(snapshot_of(info, as_of).entities(query), has_previous=after is not None)

    @answering(
        shapes.LineageGraph,
        "What lies up or down the stream of some entities; depth counts hops of the level, null all.",
    )
    def lineage(
        self,
        info: strawberry.Info,
        urns: list[str],
        direction: Direction = Direction.BOTH,
        depth: int | None = 3,
        level: LineageLevel = LineageLevel.DATASET,
        filter: LineageFilter | None = None,
        as_of: AsOf | None = None,
    ) -> answers.LineageGraph:
        if not 1 <= len(urns) <= MAX_STARTS:
            raise InvalidInput(f"expected 1 to {MAX_STARTS} urns, found {len(urns)}", field="urns")
        if depth is not None and depth < 0:
            raise InvalidInput(f"expected 0 or more, found {depth}", field="depth")
        for urn in urns:
            parse_urn(urn)
        shown = filter or LineageFilter()
        services = operation(info).services
        names = _selected(info._raw_info)
        query = LineageQuery(
            urns=tuple(urns),
            direction=reader.Direction(direction.value),
            depth=UNBOUNDED_DEPTH if depth is None else depth,
            level=reader.Level(level.value),
            types=_with_subclasses(services.ontology, shown.types, "filter.types") if shown.types is not None else None,
            namespaces=some(shown.namespaces),
            tags=some(shown.tags),
            history=bool(shown.history),
            limit=services.lineage_max_nodes,
            with_intervals=bool(names & _INTERVALS),
            with_evidence=bool(names & _EVIDENCE),
            with_hidden="hidden" in names,
        )
        return answers.LineageGraph(snapshot_of(info, as_of).lineage(query))

    @answering(list[shapes.LineagePath], "Shortest ways downstream from one entity to another.")
    def paths(
        self,
        info: strawberry.Info,
        from_: Annotated[str, strawberry.argument(name="from")],
        to: str,
        level: LineageLevel = LineageLevel.DATASET,
        as_of: AsOf | None = None,
    ) -> Sequence[PathRecord]:
        for urn in (from_, to):
            parse_urn(urn)
        return snapshot_of(info, as_of).paths(from_, to, reader.Level(level.value))

    @answering(shapes.GraphDiff, "What differs between two states: entities first, then edges.")
    def diff(
        self,
        info: strawberry.Info,
        from_: Annotated[AsOf, strawberry.argument(name="from")],
        to: AsOf,
        urns: list[str] | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> answers.GraphDiff:
        asking = operation(info)
        before, later = asking.resolve(from_), asking.resolve(to)
        start = _offset(after)
        size = page_size(first)
        records = iter(asking.services.reader.diff(before, later, urns))
        skipped = sum(1 for _ in itertools.islice(records, start))
        page = [answers.DiffItem(record) for record in itertools.islice(records, size)]
        rest = 0
        for rest, _ in enumerate(records, 1):
            if rest % 1_000 == 0:
                asking.check_time()

        def snapshot_of_item(keys: list[str | int]) -> GraphSnapshot:
            closed = page[int(keys[2])].change == "CLOSED"
            return asking.open(before if closed else later)

        asking.register(info._raw_info.path, snapshot_of_item)
        ends = answers.PageInfo(
            has_next_page=rest > 0,
            has_previous_page=skipped > 0,
            start_cursor=str(start + 1) if page else None,
            end_cursor=str(start + len(page)) if page else None,
        )
        return answers.GraphDiff(page, skipped + len(page) + rest, ends)

    @answering(
        SqlLineage, "What a SQL text would do; nothing is stored. `namespace`: where its tables are in the graph."
    )
    def sql_lineage(
        self,
        info: strawberry.Info,
        sql: str,
        dialect: str | None = None,
        default_db: str | None = None,
        default_schema: str | None = None,
        convention: SqlConvention = SqlConvention.HOPS,
        namespace: str | None = None,
    ) -> LineageAnswer:
        question = Question(sql, dialect or "", default_db or None, default_schema or None, convention, namespace)
        return what_if(question, operation(info), snapshot_of(info, None))

    @answering(list[shapes.Stop], "The stops that hold, the oldest first; those that ended are in `entities`.")
    def stops(self, info: strawberry.Info, first: int | None = None, as_of: AsOf | None = None) -> list[EntityRecord]:
        return [it.entity for it in snapshot_of(info, as_of).stops()[: page_size(first)]]

    @answering(list[EntityType], "The classes of the ontology in force, or those that are named.")
    def types(self, info: strawberry.Info, names: list[str] | None = None) -> list[TypeRecord]:
        return types_of(operation(info).services.ontology, names)

    @answering(shapes.ServiceStatus)
    def status(self, info: strawberry.Info) -> answers.ServiceStatus:
        services = operation(info).services
        selected = _selected(info._raw_info)
        counts = snapshot_of(info, None).counts() if "counts" in selected else {}
        return answers.ServiceStatus(
            version=services.version,
            ontology_version=services.ontology.version,
            position_received=services.journal.last_position(),
            position_projected=services.progress.position,
            position_rdf=services.rdf_position(),
            dead_letters=services.journal.dead_letter_count(),
            counts=[answers.TypeCount(type, count) for type, count in sorted(counts.items())],
            stops=len(snapshot_of(info, None).stops()) if "stops" in selected else 0,
            started_at=services.started_at,
            authentication=services.authentication(),
        )

    @answering(list[shapes.DeadLetter], "Refused input, newest first; `after` is the last id seen.")
    def dead_letters(
        self, info: strawberry.Info, first: int | None = None, after: int | None = None
    ) -> list[answers.DeadLetter]:
        letters = operation(info).services.journal.dead_letters(page_size(first), after)
        return [answers.DeadLetter(letter) for letter in letters]


def _by_urn(snapshot: GraphSnapshot, urn: str) -> EntityRecord | None:
    parse_urn(urn)
    return snapshot.entity(urn)


def _with_subclasses(ontology: Ontology, types: list[str], field: str) -> frozenset[str]:
    """The classes and all below them; raises `InvalidInput` for one that the ontology does not have."""
    unknown = [name for name in types if name not in ontology.classes]
    if unknown:
        raise InvalidInput(f"the ontology has no class {unknown[0][:100]!r}", field=field)
    return frozenset[str]().union(*(ontology.subclasses(name) for name in types))


def _conditions(ontology: Ontology, filters: Sequence[AttributeFilter]) -> tuple[AttributeCondition, ...]:
    return tuple(
        it for index, one in enumerate(filters) for it in _compared(ontology, one, f"filter.attributes[{index}]")
    )


def _compared(ontology: Ontology, wanted: AttributeFilter, field: str) -> Iterator[AttributeCondition]:
    """The comparisons of one filter; raises `InvalidInput` for values that the attribute cannot have."""
    attribute = ontology.attributes.get(wanted.name)
    if attribute is None or wanted.name in facts.KNOWN_OTHERWISE:
        raise InvalidInput(f"there is no attribute {wanted.name[:100]!r} to filter by", field=f"{field}.name")
    given = [(it, value) for it, value in (("equals", wanted.equals), ("in", wanted.in_)) if value is not None]
    ordered = [(it, value) for it, value in (("lessThan", wanted.less_than), ("greaterThan", wanted.greater_than))]
    given += [(it, value) for it, value in ordered if value is not None]
    if not given:
        raise InvalidInput("expected equals, in, lessThan or greaterThan", field=field)
    for name, value in given:
        where = f"{field}.{name}"
        if name in _ORDERED and attribute.range in _UNORDERED:
            raise InvalidInput(f"a {attribute.range} is neither less nor greater than another", field=where)
        listed = value if name == "in" and isinstance(value, list) else [value]
        if not 1 <= len(listed) <= PAGE_LIMIT:
            raise InvalidInput(f"expected 1 to {PAGE_LIMIT} values, found {len(listed)}", field=where)
        values = tuple(facts.plain_value(it, attribute, where) for it in listed)
        yield AttributeCondition(wanted.name, _ORDERED.get(name, "="), values, attribute.range == "dateTime")


def _kinds(ontology: Ontology, types: frozenset[str] | None) -> frozenset[str]:
    """The urn kinds of some classes, all kinds for None."""
    names = ontology.classes if types is None else types
    return frozenset(kind for name in names if (kind := ontology.classes[name].kind))


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return one if other is None else other
    return one & other


def _offset(after: str | None) -> int:
    if after is None:
        return 0
    if not (after.isascii() and after.isdigit() and len(after) < 12):
        raise InvalidInput("this is no cursor of an earlier page", field="after")
    return int(after)


def _selected(info: GraphQLResolveInfo[Operation]) -> frozenset[str]:
    """Names of the fields asked for below this one, two levels down, whatever their fragments' conditions."""
    names: set[str] = set()
    for node in info.field_nodes:
        _collect(info, node.selection_set, names, levels=2)
    return frozenset(names)


def _collect(
    info: GraphQLResolveInfo[Operation], selections: SelectionSetNode | None, names: set[str], levels: int
) -> None:
    for selection in selections.selections if selections is not None else ():
        if isinstance(selection, FieldNode):
            names.add(selection.name.value)
            if levels > 1:
                _collect(info, selection.selection_set, names, levels - 1)
        elif isinstance(selection, FragmentSpreadNode):
            _collect(info, info.fragments[selection.name.value].selection_set, names, levels)
        elif isinstance(selection, InlineFragmentNode):
            _collect(info, selection.selection_set, names, levels)

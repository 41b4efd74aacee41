"""A whole script by one convention: what parsers differ in, made a choice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ingest.sql.reading.relations import STAR
from ingest.sql.result import ColumnEdge, Edge, Hop, Projection, SqlLineage, Statement, Table


@dataclass(frozen=True, slots=True)
class Convention:
    """The choices. `collapse_temporary`: temporary tables are looked behind. `end_to_end`: so are lasting tables that
    the script itself writes and reads. `definitions`: DROP, ALTER, TRUNCATE, DELETE and RENAME name their table as an
    output. `stars`: `*` stands for the columns of a table without a schema, and COUNT(*) reads it. `open_sources`: an
    edge whose table could not be told is kept. `unnamed_by_text`: a result column without a name goes by its text
    (else by its number: `_0`)."""

    name: str
    collapse_temporary: bool = False
    end_to_end: bool = False
    definitions: bool = True
    stars: bool = False
    open_sources: bool = False
    unnamed_by_text: bool = False
    result_columns: bool = True
    own_target: bool = False


HOPS = Convention("hops")
TEMP_COLLAPSED = Convention("temp_collapsed", collapse_temporary=True)
END_TO_END = Convention(
    "end_to_end",
    collapse_temporary=True,
    end_to_end=True,
    definitions=False,
    stars=True,
    open_sources=True,
    unnamed_by_text=True,
    result_columns=False,
)
CONVENTIONS = {
    "hops": HOPS,
    "temp_collapsed": TEMP_COLLAPSED,
    "hops_temp_collapsed": TEMP_COLLAPSED,
    "end_to_end": END_TO_END,
}


def project(result: SqlLineage, convention: Convention = HOPS) -> Projection:
    """Tables and column edges of the script by `convention`. Edges that decide over a whole target are left out."""
    statements = _counted(result.statements, convention)
    inputs: dict[Table, None] = {}
    outputs: dict[Table, None] = {}
    edges: list[ColumnEdge] = []
    hops: list[Hop] = []
    for statement in statements:
        hop = statement.hop
        reads = [table for table in hop.inputs if not (convention.collapse_temporary and table.temporary)]
        if convention.collapse_temporary:
            reads += [table for table in statement.lasting.inputs if table not in reads]
        writes = [table for table in hop.outputs if not (convention.collapse_temporary and table.temporary)]
        if convention.own_target:
            reads += [table for table in writes if statement.kind in ("UPDATE", "MERGE", "DELETE")]
        inputs.update(dict.fromkeys(reads))
        outputs.update(dict.fromkeys(writes))
        source = statement.lasting if convention.collapse_temporary else hop
        kept = (edge for edge in source.edges if _kept(edge, convention))
        if convention.unnamed_by_text and statement.unnamed:
            kept = (_by_text(edge, statement.unnamed) for edge in kept)
        edges.extend(kept)
        hops.append(Hop(tuple(reads), tuple(writes)))
    if convention.end_to_end:
        return _projection(*_ends(hops), _through(edges))
    return _projection(inputs, outputs, {_edge(edge) for edge in edges})


def _counted(statements: Iterable[Statement], convention: Convention) -> list[Statement]:
    result: list[Statement] = []
    written: set[Table] = set()
    for statement in statements:
        kind = statement.kind
        if statement.rolled_back:
            continue
        if not convention.definitions:
            if kind.startswith(("DROP", "ALTER", "TRUNCATE")) or kind == "CACHE":
                continue
            if kind == "DELETE" and not statement.hop.inputs:
                continue
            if kind == "RENAME" and not written.intersection(statement.hop.inputs):
                continue
        written.update(statement.hop.outputs)
        result.append(statement)
    return result


def _by_text(edge: ColumnEdge, texts: Mapping[str, str]) -> ColumnEdge:
    text = texts.get(edge.target_column or "")
    return edge if not text else replace(edge, target_column=text)


def _kept(edge: ColumnEdge, convention: Convention) -> bool:
    if edge.target_column is None or (edge.target is None and not convention.result_columns):
        return False
    if not convention.open_sources and edge.source is None:
        return False
    if not convention.stars and (edge.source_column == STAR or edge.target_column == STAR):
        return False
    return edge.source is None or not (convention.collapse_temporary and edge.source.temporary)


def _edge(edge: ColumnEdge) -> Edge:
    return Edge(
        edge.source.name if edge.source is not None else "",
        edge.source_column,
        edge.target.name if edge.target is not None else "",
        edge.target_column or "",
    )


def _projection(inputs: Iterable[Table], outputs: Iterable[Table], edges: Iterable[Edge]) -> Projection:
    return Projection(
        tuple(sorted({table.name for table in inputs})),
        tuple(sorted({table.name for table in outputs})),
        tuple(sorted(edges)),
    )


def _ends(hops: list[Hop]) -> tuple[set[Table], set[Table]]:
    """The tables where data enters the script and where it ends; a table that feeds itself is both."""
    reads: set[Table] = set()
    writes: set[Table] = set()
    only_read: set[Table] = set()
    only_written: set[Table] = set()
    into: set[Table] = set()
    out_of: set[Table] = set()
    itself: set[Table] = set()
    for hop in hops:
        reads.update(hop.inputs)
        writes.update(hop.outputs)
        if hop.inputs and hop.outputs:
            into.update(hop.outputs)
            out_of.update(hop.inputs)
            itself.update(set(hop.inputs) & set(hop.outputs))
        elif hop.inputs:
            only_read.update(hop.inputs)
        else:
            only_written.update(hop.outputs)
    sources = (out_of - into) | only_read | itself
    targets = (into - out_of) | only_written | itself
    return sources - (into - only_read - itself), targets - (out_of - only_written - itself)


def _through(edges: list[ColumnEdge]) -> set[Edge]:
    """Edges from the columns that nothing in the script makes to those that nothing in it reads on."""
    upstream: dict[tuple[Table | None, str], set[tuple[Table | None, str]]] = {}
    read: set[tuple[Table | None, str]] = set()
    for edge in edges:
        target = (edge.target, edge.target_column or "")
        source = (edge.source, edge.source_column)
        if source != target:
            upstream.setdefault(target, set()).add(source)
            read.add(source)
    loops = {
        (edge.target, edge.target_column or "")
        for edge in edges
        if (edge.source, edge.source_column) == (edge.target, edge.target_column)
    }
    result: set[Edge] = set()
    for target in upstream.keys() | loops:
        if target in read and target not in loops:
            continue
        seen = {target}
        stack = [target]
        while stack:
            here = stack.pop()
            above = upstream.get(here)
            if here in loops or (not above and here != target):
                result.add(_named(here, target))
            for source in above or ():
                if source not in seen:
                    seen.add(source)
                    stack.append(source)
    return result


def _named(source: tuple[Table | None, str], target: tuple[Table | None, str]) -> Edge:
    return Edge(
        source[0].name if source[0] is not None else "",
        source[1],
        target[0].name if target[0] is not None else "",
        target[1],
    )

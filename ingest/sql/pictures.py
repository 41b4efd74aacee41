"""A script's lineage as text to look at: Mermaid, Graphviz, JSON or a table.

Tables are nodes, a result set is one too; an arrow says from which columns which are made. The same lineage gives
the same text. Names come from foreign SQL: whatever they hold stays a name in every format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from graph.statements import Transformation
from ingest.sql import HOPS, Convention, project
from ingest.sql.result import ColumnEdge, Edge, Hop, Projection, SqlLineage, Statement, Table, Unread

LABELLED = 12
"""Column pairs that one arrow shows; the JSON and the table have all of them."""

_OPEN = "?"
_DIRECTNESS = {"IDENTITY": 0, "TRANSFORMATION": 1, "AGGREGATION": 2}
_INDIRECT = 3
_HEADER = ("SOURCE", "COLUMN", "TARGET", "COLUMN", "HOW", "CONFIDENCE", "REASON")
_SIGN_IN_MERMAID = re.compile(r"[^\w \-.,:/@$=()→]|(?<!\w)_|_(?!\w)|\.(?= )")


class Node(NamedTuple):
    """A table by name; "" is a result set, "?" a table left open. Temporary tables and result sets are their
    script's own, so those of several scripts are told apart by it."""

    name: str
    temporary: bool = False
    script: str = ""


class Flow(NamedTuple):
    """What of `source` goes into `target`, by column; no edges where only the tables are known."""

    source: Node
    target: Node
    edges: tuple[ColumnEdge, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """The lineage of one or more scripts by one convention; everything is sorted, `scripts` is as given."""

    convention: Convention
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    flows: tuple[Flow, ...]
    scripts: tuple[tuple[str, SqlLineage], ...]

    def label(self, node: Node) -> str:
        """The node's name with what else tells it from others of this picture."""
        name = {"": "(result)", _OPEN: "(one of several)"}.get(node.name, node.name)
        notes = ["temporary"] if node.temporary else []
        if node.script and len(self.scripts) > 1:
            notes.append(node.script)
        return f"{name} ({', '.join(notes)})" if notes else name


def shown(convention: Convention) -> Convention:
    """The convention for people to look at: what is not sure, and what a bare SELECT answers, is shown too."""
    return replace(convention, stars=True, open_sources=True, result_columns=True, unnamed_by_text=False)


def drawn(result: SqlLineage, convention: Convention = HOPS, script: str = "") -> Picture:
    """The picture of one script by the convention as `shown`; `script` names it."""
    convention = shown(convention)
    projection = project(result, convention)
    flows: dict[tuple[Node, Node], list[ColumnEdge]] = {
        (_node(source, script), _node(target, script)): []
        for source, target in _table_flows(result, convention, projection)
    }
    for edge in _column_edges(result, convention, projection):
        source = _node(edge.source, script) if edge.source is not None else Node(_OPEN, script=script)
        flows.setdefault((source, _node(edge.target, script)), []).append(edge)
    named = {_node(table, script) for table in _tables(result, convention, projection)}
    return Picture(
        convention,
        projection.inputs,
        projection.outputs,
        tuple(sorted(named.union(*flows))),
        tuple(Flow(*ends, tuple(edges)) for ends, edges in sorted(flows.items(), key=_ends)),
        ((script, result),),
    )


def joined(pictures: Sequence[Picture]) -> Picture:
    """One picture of several scripts: lasting tables of one name are one node."""
    flows: dict[tuple[Node, Node], list[ColumnEdge]] = {}
    for picture in pictures:
        for flow in picture.flows:
            flows.setdefault((flow.source, flow.target), []).extend(flow.edges)
    return Picture(
        pictures[0].convention if pictures else HOPS,
        tuple(sorted({name for picture in pictures for name in picture.inputs})),
        tuple(sorted({name for picture in pictures for name in picture.outputs})),
        tuple(sorted({node for picture in pictures for node in picture.nodes})),
        tuple(Flow(*ends, _once(edges)) for ends, edges in sorted(flows.items(), key=_ends)),
        tuple(script for picture in pictures for script in picture.scripts),
    )


def mermaid(result: SqlLineage | Picture, convention: Convention = HOPS, *, columns: bool = True) -> str:
    """A Mermaid flowchart; `columns` puts the column pairs on the arrows."""
    picture = _picture(result, convention)
    ids = _ids(picture)
    lines = ["flowchart LR"]
    for node, id in ids.items():
        opening, closing = ('(["', '"])') if node.temporary or not node.name else ('["', '"]')
        lines.append(f"  {id}{opening}{_for_mermaid(picture.label(node))}{closing}")
    for flow in picture.flows:
        label = "<br>".join(_for_mermaid(one) for one in _labels(flow, columns))
        arrow = f'-->|"{label}"|' if label else "-->"
        lines.append(f"  {ids[flow.source]} {arrow} {ids[flow.target]}")
    temporary = [id for node, id in ids.items() if node.temporary]
    if temporary:
        lines += ["  classDef temporary stroke-dasharray: 4 3", f"  class {','.join(temporary)} temporary"]
    return "\n".join(lines) + "\n"


def dot(result: SqlLineage | Picture, convention: Convention = HOPS, *, columns: bool = True) -> str:
    """A Graphviz digraph; `columns` puts the column pairs on the arrows."""
    picture = _picture(result, convention)
    ids = _ids(picture)
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    for node, id in ids.items():
        style = ", style=dashed" if node.temporary else ", shape=oval" if not node.name else ""
        lines.append(f'  {id} [label="{_for_dot(picture.label(node))}"{style}];')
    for flow in picture.flows:
        label = "".join(_for_dot(one) + r"\l" for one in _labels(flow, columns))
        lines.append(f"  {ids[flow.source]} -> {ids[flow.target]}" + (f' [label="{label}"];' if label else ";"))
    return "\n".join([*lines, "}"]) + "\n"


def table(result: SqlLineage | Picture, convention: Convention = HOPS, *, columns: bool = True) -> str:
    """Aligned columns of text: a row for each column edge, or for each pair of tables."""
    picture = _picture(result, convention)
    header: tuple[str, ...] = _HEADER if columns else (_HEADER[0], _HEADER[2])
    rows: list[tuple[str, ...]] = []
    for flow in picture.flows:
        ends = (picture.label(flow.source), picture.label(flow.target))
        rows += [_row(*ends, edge) for edge in flow.edges or (None,)] if columns else [ends]
    shown = {node for flow in picture.flows for node in (flow.source, flow.target)}
    for node in picture.nodes:
        if node not in shown:
            ends = ("", picture.label(node)) if node.name in picture.outputs else (picture.label(node), "")
            rows.append(_row(*ends, None) if columns else ends)
    return aligned(header, rows)


def json(result: SqlLineage | Picture, convention: Convention = HOPS, *, columns: bool = True) -> str:
    """One JSON object: the picture's tables and flows, and each script's statements, routines and unread parts."""
    picture = _picture(result, convention)
    content = {
        "convention": picture.convention.name,
        "inputs": picture.inputs,
        "outputs": picture.outputs,
        "temporary": sorted({node.name for node in picture.nodes if node.temporary}),
        "flows": [_flow(flow, columns) for flow in picture.flows],
        "scripts": [_script(name, one, picture.convention, columns) for name, one in picture.scripts],
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def column_edges(
    result: SqlLineage, convention: Convention, projection: Projection | None = None
) -> tuple[ColumnEdge, ...]:
    """The column edges of a projection with all that the statements say of them.

    Where the projection leads through tables that it leaves out, an edge is put together from the steps between: its
    transformation is the least direct of them, its confidence the lowest, its expression the one that writes the
    target. A `projection` that is known already need not be made again.
    """
    return _column_edges(result, convention, projection or project(result, convention))


def unread_parts(result: SqlLineage) -> tuple[Unread, ...]:
    """All that was not understood, in the order of the text, each part once."""
    parts = {*result.unread, *(part for statement in result.statements for part in statement.unread)}
    return tuple(sorted(parts, key=lambda part: (part.place, part.reason, part.text)))


def hop_of(statement: Statement, convention: Convention) -> Hop:
    """What the statement reads and writes in a convention: with temporary tables, or what they were made of."""
    return statement.lasting if convention.collapse_temporary else statement.hop


def how(transformations: Iterable[Transformation]) -> str:
    """Transformations in a few words, such as "AGGREGATION, masked" or "CONDITIONAL"."""
    return " + ".join((one.subtype or one.type) + (", masked" if one.masking else "") for one in transformations)


def as_values(transformations: Iterable[Transformation]) -> list[dict[str, Any]]:
    """Transformations as JSON has them: type, subtype, masking."""
    return [{"type": one.type, "subtype": one.subtype, "masking": one.masking} for one in transformations]


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under a header, in columns; characters that a terminal would act on are escaped."""
    cells = [tuple(header), *(tuple(visible(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in cells
    )


def visible(text: str) -> str:
    """The text on one line, with escapes (`\\n`, `\\u202e`) for what has no shape of its own."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


# --- what is drawn ------------------------------------------------------------------------------------------------


def _picture(result: SqlLineage | Picture, convention: Convention) -> Picture:
    return result if isinstance(result, Picture) else drawn(result, convention)


def _node(table: Table | None, script: str) -> Node:
    if table is None:
        return Node("", script=script)
    return Node(table.name, table.temporary, script if table.temporary else "")


def _ends(item: tuple[tuple[Node, Node], object]) -> tuple[Node, Node]:
    return item[0]


def _lasting(result: SqlLineage) -> list[Statement]:
    return [statement for statement in result.statements if not statement.rolled_back]


def _table_flows(result: SqlLineage, convention: Convention, projection: Projection) -> set[tuple[Table, Table | None]]:
    """Which table feeds which in a projection; None is the result set of a bare SELECT."""
    pairs = {
        (source, target)
        for statement in _lasting(result)
        for hop in (hop_of(statement, convention),)
        for target in hop.outputs or ((None,) if any(edge.target is None for edge in hop.edges) else ())
        for source in hop.inputs
    }
    if convention.end_to_end:
        return _through(pairs, projection)
    inputs, outputs = frozenset(projection.inputs), frozenset(projection.outputs)
    return {
        (source, target)
        for source, target in pairs
        if source.name in inputs and (target is None or target.name in outputs)
    }


def _through(pairs: set[tuple[Table, Table | None]], projection: Projection) -> set[tuple[Table, Table | None]]:
    """From the projection's inputs to its outputs by way of the tables between."""
    above: dict[Table | None, set[Table]] = {}
    for source, target in pairs:
        above.setdefault(target, set()).add(source)
    inputs, outputs = frozenset(projection.inputs), frozenset(projection.outputs)
    found = set()
    for end in above:
        if end is not None and end.name not in outputs:
            continue
        seen: set[Table] = set()
        waiting = list(above[end])
        while waiting:
            table = waiting.pop()
            if table in seen:
                continue
            seen.add(table)
            if table.name in inputs:
                found.add((table, end))
            else:
                waiting += above.get(table, ())
    return found


def _tables(result: SqlLineage, convention: Convention, projection: Projection) -> set[Table]:
    named = {*projection.inputs, *projection.outputs}
    return {
        table
        for statement in _lasting(result)
        for table in (*statement.hop.inputs, *statement.hop.outputs)
        if table.name in named and not (table.temporary and convention.collapse_temporary)
    }


def _column_edges(result: SqlLineage, convention: Convention, projection: Projection) -> tuple[ColumnEdge, ...]:
    said: dict[Edge, list[ColumnEdge]] = {}
    for statement in _lasting(result):
        for edge in hop_of(statement, convention).edges:
            if edge.target_column is not None:
                said.setdefault(_by_name(edge), []).append(edge)
    chains = _Chains(said)
    unsaid = sorted(
        (one for one in projection.edges if one not in said), key=lambda one: (one.target, one.target_column)
    )
    made = {one: chains.edge(one) for one in unsaid}
    return tuple(edge for one in projection.edges for edge in (_once(said[one]) if one in said else (made[one],)))


def _by_name(edge: ColumnEdge) -> Edge:
    return Edge(_name(edge.source), edge.source_column, _name(edge.target), edge.target_column or "")


def _name(table: Table | None) -> str:
    return table.name if table is not None else ""


def _once(edges: Sequence[ColumnEdge]) -> tuple[ColumnEdge, ...]:
    """Each pair of columns once, as the most confident has it, with the transformations of all."""
    best: dict[object, ColumnEdge] = {}
    transformations: dict[object, dict[Transformation, None]] = {}
    for edge in edges:
        key = (edge.source, edge.source_column, edge.target, edge.target_column)
        if key not in best or edge.confidence > best[key].confidence:
            best[key] = edge
        transformations.setdefault(key, {}).update(dict.fromkeys(edge.transformations))
    return tuple(_with(edge, tuple(transformations[key])) for key, edge in best.items())


def _with(edge: ColumnEdge, transformations: tuple[Transformation, ...]) -> ColumnEdge:
    if edge.transformations == transformations:
        return edge
    return replace(edge, transformations=transformations)


class _Chains:
    """Puts edges together from those that lead from one to the next; asked for those of one target in a row, it
    walks up from there once."""

    def __init__(self, said: Mapping[Edge, Sequence[ColumnEdge]]) -> None:
        self._above: dict[tuple[str, str], list[ColumnEdge]] = {}
        for edge, told in said.items():
            self._above.setdefault((edge.target, edge.target_column), []).extend(told)
        self._target: tuple[str, str] | None = None
        self._steps: dict[tuple[str, str], ColumnEdge] = {}

    def edge(self, wanted: Edge) -> ColumnEdge:
        """The shortest chain as one edge; one without particulars where none is found."""
        target = (wanted.target, wanted.target_column)
        if target != self._target:
            self._target, self._steps = target, self._walk(target)
        path: list[ColumnEdge] = []
        at = (wanted.source, wanted.source_column)
        while at in self._steps and (not path or at != target):
            path.append(self._steps[at])
            at = (_name(path[-1].target), path[-1].target_column or "")
        if not path:
            return ColumnEdge(
                _table(wanted.source), wanted.source_column, _table(wanted.target), wanted.target_column, ()
            )
        return _composed(path)

    def _walk(self, target: tuple[str, str]) -> dict[tuple[str, str], ColumnEdge]:
        """By source column, the edge to take from there towards the target; breadth first."""
        steps: dict[tuple[str, str], ColumnEdge] = {}
        level = [target]
        while level:
            following = []
            for at in level:
                for edge in self._above.get(at, ()):
                    source = (_name(edge.source), edge.source_column)
                    if source not in steps:
                        steps[source] = edge
                        following.append(source)
            level = following
        return steps


def _composed(path: Sequence[ColumnEdge]) -> ColumnEdge:
    strongest = max((min(edge.transformations, key=_indirectness, default=None) for edge in path), key=_indirectness)
    masking = any(one.masking for edge in path for one in edge.transformations)
    made = (replace(strongest, masking=masking),) if strongest is not None else ()
    last = path[-1]
    return ColumnEdge(
        path[0].source,
        path[0].source_column,
        last.target,
        last.target_column,
        made,
        min(edge.confidence for edge in path),
        next((edge.reason for edge in path if edge.reason), ""),
        last.place,
        last.expression,
    )


def _indirectness(transformation: Transformation | None) -> int:
    if transformation is None:
        return -1
    if transformation.type != "DIRECT":
        return _INDIRECT
    return _DIRECTNESS.get(transformation.subtype or "", 1)


def _table(name: str) -> Table | None:
    return Table((name,)) if name else None


# --- how it is written --------------------------------------------------------------------------------------------


def _ids(picture: Picture) -> dict[Node, str]:
    """Ids of our own: no name of the SQL becomes one."""
    return {node: f"t{number}" for number, node in enumerate(picture.nodes, 1)}


def _labels(flow: Flow, columns: bool) -> list[str]:
    if not columns:
        return []
    pairs = list(dict.fromkeys(_pair(edge) for edge in flow.edges))
    if len(pairs) > LABELLED:
        return [*pairs[:LABELLED], f"and {len(pairs) - LABELLED} more"]
    return pairs


def _pair(edge: ColumnEdge) -> str:
    if edge.source_column == edge.target_column:
        return edge.source_column
    return f"{edge.source_column} → {edge.target_column}"


def _for_mermaid(text: str) -> str:
    """Inside Mermaid's double quotes, where Markdown counts: all but letters, digits and a few signs as entities."""
    return _SIGN_IN_MERMAID.sub(lambda sign: f"#{ord(sign[0])};", visible(text))


def _for_dot(text: str) -> str:
    """Inside Graphviz's double quotes, where a backslash begins an escape and an ampersand an HTML entity."""
    return visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


def _row(source: str, target: str, edge: ColumnEdge | None) -> tuple[str, ...]:
    if edge is None:
        return (source, "", target, "", "", "", "")
    confidence = f"{edge.confidence:g}"
    made = edge.target_column or ""
    return (source, edge.source_column, target, made, how(edge.transformations), confidence, edge.reason)


def _flow(flow: Flow, columns: bool) -> dict[str, Any]:
    ends = {"source": flow.source.name, "target": flow.target.name}
    return {**ends, "columns": [_edge(edge) for edge in flow.edges]} if columns else ends


def _edge(edge: ColumnEdge) -> dict[str, Any]:
    return {
        "source": _name(edge.source),
        "source_column": edge.source_column,
        "target": _name(edge.target),
        "target_column": edge.target_column,
        "transformations": as_values(edge.transformations),
        "confidence": edge.confidence,
        "reason": edge.reason,
        "line": edge.place.line if edge.place else None,
        "column": edge.place.column if edge.place else None,
        "expression": edge.expression,
    }


def _script(name: str, result: SqlLineage, convention: Convention, columns: bool) -> dict[str, Any]:
    return {
        "name": name,
        "dialect": result.dialect,
        "statements": [_statement(statement, convention, columns) for statement in result.statements],
        "routines": [
            {"name": one.name, "kind": one.kind, "line": one.place.line, "calls": one.calls} for one in result.routines
        ],
        "unread": [
            {"line": part.place.line, "column": part.place.column, "reason": part.reason, "text": part.text}
            for part in unread_parts(result)
        ],
        "notes": [
            {"line": part.place.line, "column": part.place.column, "reason": part.reason} for part in result.notes
        ],
    }


def _statement(statement: Statement, convention: Convention, columns: bool) -> dict[str, Any]:
    hop = hop_of(statement, convention)
    told: dict[str, Any] = {
        "kind": statement.kind,
        "category": statement.category.value,
        "line": statement.place.line,
        "column": statement.place.column,
        "routine": statement.routine,
        "rolled_back": statement.rolled_back,
        "inputs": [table.name for table in hop.inputs],
        "outputs": [table.name for table in hop.outputs],
    }
    return {**told, "edges": [_edge(edge) for edge in hop.edges]} if columns else told

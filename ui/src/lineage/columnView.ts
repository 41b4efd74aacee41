import type { ColumnNode, ColumnSummary, EntitySummary, LineageAnswer, LineageEdge } from '../api/schema';
import { datasetOfColumn, parseUrn } from '../entity/urn';
import { edgeKey } from './merge';
import type { View } from './merge';
import { traceFrom } from './trace';
import { wireKind } from './wireKind';

export type ColumnAnswer = LineageAnswer<ColumnNode>;

export interface ColumnEdge extends LineageEdge {
  sourceDataset: string;
  targetDataset: string;
}

/** Column lineage among the datasets of a view. */
export interface ColumnView {
  edges: ColumnEdge[];
  /** How many of the edges are indirect only, or would be were they shown. */
  indirect: number;
  /** By dataset: its columns that these edges touch, in schema order. */
  touched: Map<string, ColumnSummary[]>;
}

export const NO_COLUMNS: ColumnView = { edges: [], indirect: 0, touched: new Map() };

/** The answer without edges that are indirect only. */
export function directOnly(answer: ColumnAnswer): ColumnAnswer {
  return { ...answer, edges: answer.edges.filter((edge) => wireKind(edge) !== 'indirect') };
}

/** Keep what joins two datasets of the view; count what is only indirect, and keep that too if it is wanted. */
export function columnsAmong(view: View, answers: ColumnAnswer[], withIndirect: boolean): ColumnView {
  const known = new Map<string, ColumnNode>();
  for (const answer of answers) for (const node of answer.nodes) known.set(node.urn, node);
  const datasetOf = (urn: string) => known.get(urn)?.dataset?.urn ?? datasetOfColumn(urn) ?? urn;
  const edges = new Map<string, ColumnEdge>();
  const indirect = new Set<string>();
  for (const edge of answers.flatMap((answer) => answer.edges)) {
    const sourceDataset = datasetOf(edge.source);
    const targetDataset = datasetOf(edge.target);
    if (!view.nodes.has(sourceDataset) || !view.nodes.has(targetDataset)) continue;
    if (wireKind(edge) === 'indirect') indirect.add(edgeKey(edge));
    if (withIndirect || wireKind(edge) !== 'indirect') edges.set(edgeKey(edge), { ...edge, sourceDataset, targetDataset });
  }
  const touched = new Map<string, Map<string, ColumnSummary>>();
  const touch = (dataset: string, urn: string) => {
    const columns = touched.get(dataset) ?? new Map<string, ColumnSummary>();
    columns.set(urn, summaryOf(urn, known.get(urn)));
    touched.set(dataset, columns);
  };
  for (const edge of edges.values()) {
    touch(edge.sourceDataset, edge.source);
    touch(edge.targetDataset, edge.target);
  }
  return {
    edges: [...edges.values()],
    indirect: indirect.size,
    touched: new Map([...touched].map(([urn, columns]) => [urn, [...columns.values()].sort(inSchemaOrder)])),
  };
}

function summaryOf(urn: string, node: ColumnNode | undefined): ColumnSummary {
  return { urn, name: parseUrn(urn)?.path ?? urn, dataType: node?.dataType ?? null, ordinal: node?.ordinal ?? null };
}

export function inSchemaOrder(a: ColumnSummary, b: ColumnSummary): number {
  return (a.ordinal ?? Infinity) - (b.ordinal ?? Infinity) || a.name.localeCompare(b.name);
}

/** The view with the datasets of a column's path added, joined as the columns on that path are. */
export function withPath(view: View, column: string, path: ColumnAnswer): View {
  const trace = traceFrom(column, path.edges);
  const datasets = new Map<string, EntitySummary>();
  const owner = new Map<string, string>();
  for (const { urn, dataset } of path.nodes) {
    if (!dataset || !trace.nodes.has(urn)) continue;
    owner.set(urn, dataset.urn);
    datasets.set(dataset.urn, dataset);
  }
  const nodes = new Map(view.nodes);
  for (const [urn, dataset] of datasets) if (!nodes.has(urn)) nodes.set(urn, dataset);
  const edges = new Map(view.edges.map((edge) => [edgeKey(edge), edge]));
  for (const edge of path.edges) {
    const source = owner.get(edge.source);
    const target = owner.get(edge.target);
    const onPath = trace.edges.has(edgeKey(edge));
    if (!onPath || !source || !target || source === target || edges.has(`${source} ${target}`)) continue;
    edges.set(`${source} ${target}`, { ...edge, source, target, kind: 'DERIVED_FROM', transformations: [] });
  }
  return { ...view, nodes, edges: [...edges.values()] };
}

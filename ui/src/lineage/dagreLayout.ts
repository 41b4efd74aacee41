import { Graph, layout } from '@dagrejs/dagre';
import type { LayoutInput, LayoutResult, Point } from './layoutTypes';

const SPACING = { rankdir: 'LR', ranker: 'tight-tree', nodesep: 26, edgesep: 18 } as const;

/** The fine layout: few crossings, long edges led between the cards. */
export function dagreLayout({ nodes, edges, gap }: LayoutInput): LayoutResult {
  const graph = new Graph();
  graph.setGraph({ ...SPACING, ranksep: gap });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, width, height } of nodes) graph.setNode(id, { width, height });
  for (const { source, target } of edges) if (source !== target) graph.setEdge(source, target);
  layout(graph);
  const positions: LayoutResult['positions'] = {};
  for (const { id, width, height } of nodes) {
    const { x = 0, y = 0 } = graph.node(id) as Partial<Point>;
    positions[id] = { x: x - width / 2, y: y - height / 2 };
  }
  const bends: LayoutResult['bends'] = {};
  for (const edge of graph.edges()) {
    const { points = [] } = graph.edge(edge) as { points?: Point[] };
    const between = betweenLayers(points);
    if (between.length > 0) bends[`${edge.v} ${edge.w}`] = between;
  }
  return { positions, bends, simplified: false };
}

/** dagre gives both ends, a point in each gap and a point in each layer passed: keep those in the layers. */
function betweenLayers(points: Point[]): Point[] {
  const inner = points.slice(1, -1);
  return inner.filter((_, index) => index % 2 === 1);
}

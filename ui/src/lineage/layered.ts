/**
 * A plain layered layout for graphs the fine one cannot do in time: longest-path layers, barycentre sweeps,
 * even spacing. O(sweeps * (V log V + E)); cycles are cut where a depth-first walk closes them.
 */
import type { LayoutInput, LayoutResult, Point } from './layoutTypes';

const SWEEPS = 8;
const CARD_GAP = 24;

export function layeredLayout({ nodes, edges, gap }: LayoutInput): LayoutResult {
  const ids = new Set(nodes.map((node) => node.id));
  const forward = withoutCycles([...ids], edges.filter((e) => ids.has(e.source) && ids.has(e.target) && e.source !== e.target));
  const layers = assignLayers([...ids], forward);
  order(layers, forward);
  return { positions: place(layers, new Map(nodes.map((node) => [node.id, node])), gap), bends: {}, simplified: true };
}

type Arrow = LayoutInput['edges'][number];

/** The edges left after dropping each one that closes a cycle. Iterative: chains may be long. */
function withoutCycles(ids: string[], edges: Arrow[]): Arrow[] {
  const outgoing = groupBy(edges, 'source');
  const state = new Map<string, 'open' | 'done'>();
  const kept: Arrow[] = [];
  for (const root of ids) {
    if (state.has(root)) continue;
    const stack: { id: string; next: number }[] = [{ id: root, next: 0 }];
    state.set(root, 'open');
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const edge = outgoing.get(top.id)?.[top.next];
      top.next += 1;
      if (!edge) {
        state.set(top.id, 'done');
        stack.pop();
      } else if (state.get(edge.target) !== 'open') {
        kept.push(edge);
        if (!state.has(edge.target)) {
          state.set(edge.target, 'open');
          stack.push({ id: edge.target, next: 0 });
        }
      }
    }
  }
  return kept;
}

/** Layers by longest path from the sources; then sources are pulled right, next to what they feed. */
function assignLayers(ids: string[], edges: Arrow[]): string[][] {
  const incoming = new Map(ids.map((id) => [id, 0]));
  for (const { target } of edges) incoming.set(target, (incoming.get(target) ?? 0) + 1);
  const outgoing = groupBy(edges, 'source');
  const layerOf = new Map(ids.map((id) => [id, 0]));
  const queue = ids.filter((id) => incoming.get(id) === 0);
  const isSource = new Set(queue);
  for (const id of queue) {
    for (const { target } of outgoing.get(id) ?? []) {
      layerOf.set(target, Math.max(layerOf.get(target) ?? 0, (layerOf.get(id) ?? 0) + 1));
      const left = (incoming.get(target) ?? 1) - 1;
      incoming.set(target, left);
      if (left === 0) queue.push(target);
    }
  }
  for (const id of isSource) {
    const fed = (outgoing.get(id) ?? []).map((edge) => layerOf.get(edge.target) ?? 0);
    if (fed.length > 0) layerOf.set(id, Math.min(...fed) - 1);
  }
  const layers: string[][] = [];
  for (const id of ids) (layers[layerOf.get(id) ?? 0] ??= []).push(id);
  return Array.from(layers, (layer) => layer ?? []);
}

/** Sort each layer, to and fro, by the mean place of its neighbours in the layers before (or after) it. */
function order(layers: string[][], edges: Arrow[]): void {
  const bySource = groupBy(edges, 'source');
  const byTarget = groupBy(edges, 'target');
  const rank = new Map<string, number>();
  const note = (layer: string[]) => layer.forEach((id, i) => rank.set(id, i / Math.max(1, layer.length)));
  layers.forEach(note);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      const wish = new Map(
        layer.map((id) => {
          const beside = down
            ? (byTarget.get(id) ?? []).map((edge) => edge.source)
            : (bySource.get(id) ?? []).map((edge) => edge.target);
          const sum = beside.reduce((total, other) => total + (rank.get(other) ?? 0), 0);
          return [id, beside.length > 0 ? sum / beside.length : (rank.get(id) ?? 0)];
        }),
      );
      layer.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
      note(layer);
    }
  }
}

/** Top left corners: layers side by side, each centred on the x axis. */
function place(layers: string[][], nodes: Map<string, LayoutInput['nodes'][number]>, gap: number): Record<string, Point> {
  const positions: Record<string, Point> = {};
  let x = 0;
  for (const layer of layers) {
    const heights = layer.map((id) => nodes.get(id)?.height ?? 0);
    let y = -(heights.reduce((sum, height) => sum + height + CARD_GAP, -CARD_GAP) / 2);
    layer.forEach((id, i) => {
      positions[id] = { x, y };
      y += (heights[i] ?? 0) + CARD_GAP;
    });
    x += Math.max(0, ...layer.map((id) => nodes.get(id)?.width ?? 0)) + gap;
  }
  return positions;
}

function groupBy(edges: Arrow[], end: 'source' | 'target'): Map<string, Arrow[]> {
  const groups = new Map<string, Arrow[]>();
  for (const edge of edges) {
    const group = groups.get(edge[end]);
    if (group) group.push(edge);
    else groups.set(edge[end], [edge]);
  }
  return groups;
}

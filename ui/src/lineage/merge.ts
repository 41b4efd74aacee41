import type { EntitySummary, LineageAnswer, LineageEdge } from '../api/schema';

/** Neighbours of an entity that the view does not hold. */
export interface Beyond {
  up: number;
  down: number;
}

/** Several lineage answers as one graph. */
export interface View {
  nodes: Map<string, EntitySummary>;
  edges: LineageEdge[];
  beyond: Map<string, Beyond>;
  /** How many nodes the answers would have held without the server's cap; null where none was cut. */
  cutFrom: number | null;
}

export const MAX_CARDS = 300;

/**
 * One view from all answers. An entity's number of neighbours is what an answer shows of them plus what it hides,
 * the greatest over the answers; what the merged view lacks of that is "beyond".
 */
export function mergeAnswers(answers: LineageAnswer[]): View {
  const nodes = new Map<string, EntitySummary>();
  const edges = new Map<string, LineageEdge>();
  const neighbours = new Map<string, Beyond>();
  for (const answer of answers) {
    for (const node of answer.nodes) nodes.set(node.urn, node);
    for (const edge of answer.edges) edges.set(edgeKey(edge), edge);
    const shown = degrees(answer.edges);
    for (const { urn, up, down } of answer.hidden) {
      const before = neighbours.get(urn) ?? { up: 0, down: 0 };
      const here = shown.get(urn) ?? { up: 0, down: 0 };
      neighbours.set(urn, {
        up: up > 0 ? Math.max(before.up, up + here.up) : before.up,
        down: down > 0 ? Math.max(before.down, down + here.down) : before.down,
      });
    }
  }
  const merged = [...edges.values()].filter((edge) => edge.source !== edge.target);
  const cut = answers.filter((answer) => answer.truncated).map((answer) => answer.totalNodes);
  return { nodes, edges: merged, beyond: lacking(neighbours, merged), cutFrom: cut.length > 0 ? Math.max(...cut) : null };
}

export function edgeKey(edge: Pick<LineageEdge, 'source' | 'target'>): string {
  return `${edge.source} ${edge.target}`;
}

/** How many distinct sources and targets each urn has among these edges; self edges do not count. */
function degrees(edges: Iterable<LineageEdge>): Map<string, Beyond> {
  const counted = new Map<string, Beyond>();
  const of = (urn: string) => {
    const known = counted.get(urn) ?? { up: 0, down: 0 };
    counted.set(urn, known);
    return known;
  };
  const seen = new Set<string>();
  for (const edge of edges) {
    if (edge.source === edge.target || seen.has(edgeKey(edge))) continue;
    seen.add(edgeKey(edge));
    of(edge.source).down += 1;
    of(edge.target).up += 1;
  }
  return counted;
}

function lacking(neighbours: Map<string, Beyond>, edges: LineageEdge[]): Map<string, Beyond> {
  const shown = degrees(edges);
  const beyond = new Map<string, Beyond>();
  for (const [urn, { up, down }] of neighbours) {
    const here = shown.get(urn) ?? { up: 0, down: 0 };
    const rest = { up: Math.max(0, up - here.up), down: Math.max(0, down - here.down) };
    if (rest.up > 0 || rest.down > 0) beyond.set(urn, rest);
  }
  return beyond;
}

/** The `limit` entities nearest to the focus, with the edges among them; the same view if it is small enough. */
export function nearest(view: View, focus: string, limit: number = MAX_CARDS): View {
  if (view.nodes.size <= limit) return view;
  const kept = new Set(breadthFirst(view.edges, focus).slice(0, limit));
  return {
    nodes: new Map([...view.nodes].filter(([urn]) => kept.has(urn))),
    edges: view.edges.filter((edge) => kept.has(edge.source) && kept.has(edge.target)),
    beyond: view.beyond,
    cutFrom: Math.max(view.cutFrom ?? 0, view.nodes.size),
  };
}

function breadthFirst(edges: LineageEdge[], start: string): string[] {
  const beside = new Map<string, string[]>();
  for (const { source, target } of edges) {
    beside.set(source, [...(beside.get(source) ?? []), target]);
    beside.set(target, [...(beside.get(target) ?? []), source]);
  }
  const seen = new Set([start]);
  for (const urn of seen) for (const next of beside.get(urn) ?? []) seen.add(next);
  return [...seen];
}

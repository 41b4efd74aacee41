/** The path of one node: everything that leads to it and everything it leads to. */
export interface Trace {
  nodes: Set<string>;
  /** Keys of the edges on the path, as `edgeKey` writes them. */
  edges: Set<string>;
}

interface Arrow {
  source: string;
  target: string;
}

/** Upstream of the start and downstream of it, each followed to its end; siblings are not on the path. */
export function traceFrom(start: string, edges: readonly Arrow[]): Trace {
  const trace: Trace = { nodes: new Set([start]), edges: new Set() };
  follow(start, edges, 'target', 'source', trace);
  follow(start, edges, 'source', 'target', trace);
  return trace;
}

function follow(start: string, edges: readonly Arrow[], here: keyof Arrow, there: keyof Arrow, trace: Trace): void {
  const byEnd = new Map<string, Arrow[]>();
  for (const edge of edges) {
    const same = byEnd.get(edge[here]);
    if (same) same.push(edge);
    else byEnd.set(edge[here], [edge]);
  }
  const reached = new Set([start]);
  for (const urn of reached) {
    for (const edge of byEnd.get(urn) ?? []) {
      reached.add(edge[there]);
      trace.nodes.add(edge[there]);
      trace.edges.add(`${edge.source} ${edge.target}`);
    }
  }
}

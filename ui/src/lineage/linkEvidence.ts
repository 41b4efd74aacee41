import type { LineageEdge } from '../api/schema';
import type { ColumnView } from './columnView';
import { readLink } from './links';
import type { View } from './merge';

/** What stands behind a clicked wire or chip: the edges it draws, and the jobs they came by. */
export interface Evidence {
  /** Set for a job chip: what the jobs write. */
  target: string | null;
  via: string[];
  edges: LineageEdge[];
}

/** Null if the view holds no such edge (any more). */
export function linkEvidence(text: string, view: View, columns: ColumnView | null): Evidence | null {
  const link = readLink(text);
  if (!link) return null;
  if (link.kind === 'chip') {
    const wanted = [...link.via].sort().join(',');
    const edges = view.edges.filter((e) => e.target === link.target && [...e.via].sort().join(',') === wanted);
    return edges.length > 0 ? { target: link.target, via: link.via, edges } : null;
  }
  const edge = [...view.edges, ...(columns?.edges ?? [])].find(
    (e) => e.source === link.source && e.target === link.target,
  );
  return edge ? { target: null, via: edge.via, edges: [edge] } : null;
}

import type { LineageEdge } from '../api/schema';

export type WireKind = 'identity' | 'transformation' | 'aggregation' | 'indirect' | 'unspecified';

/** How a column edge is drawn: the strongest of what it says; indirect only if nothing direct is said. */
export function wireKind({ kind, transformations }: Pick<LineageEdge, 'kind' | 'transformations'>): WireKind {
  if (kind === 'INDIRECT') return 'indirect';
  const said = new Set(transformations.filter((t) => t.type !== 'INDIRECT').map((t) => t.subtype?.toUpperCase()));
  if (said.has('AGGREGATION')) return 'aggregation';
  if (said.has('TRANSFORMATION')) return 'transformation';
  if (said.has('IDENTITY')) return 'identity';
  return said.size > 0 ? 'transformation' : 'unspecified';
}

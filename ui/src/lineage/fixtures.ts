/** Small graphs for the tests of this folder: entities are single letters, edges two of them. */
import type { EntitySummary, LineageAnswer, LineageEdge } from '../api/schema';

export function entity(urn: string): EntitySummary {
  return {
    __typename: 'Dataset', urn, type: 'Table', namespace: 'test', name: urn, description: null, dropped: false,
    updatedAt: '2026-11-23T12:00:00Z', tags: [], owners: [],
  };
}

export function edge(pair: string, via: string[] = ['job']): LineageEdge {
  const [source = '', target = ''] = pair;
  return {
    source, target, via, kind: 'DERIVED_FROM', transformations: [], validFrom: '2026-11-01T00:00:00Z', validTo: null,
    lastConfirmedAt: '2026-11-23T12:00:00Z', evidence: [1], evidenceCount: 1,
  };
}

/** `answer('ab bc', { a: [2, 0] })`: edges a-b and b-c, and two hidden sources of a. */
export function answer(pairs: string, hidden: Record<string, [number, number]> = {}): LineageAnswer {
  const edges = pairs.split(' ').filter(Boolean).map((pair) => edge(pair));
  const urns = [...new Set(edges.flatMap(({ source, target }) => [source, target]))];
  return {
    nodes: urns.map(entity), edges, truncated: false, totalNodes: urns.length,
    hidden: Object.entries(hidden).map(([urn, [up, down]]) => ({ urn, up, down })),
  };
}

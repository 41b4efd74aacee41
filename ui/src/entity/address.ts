import type { Named } from '../api/schema';
import { writeAt } from './asOf';
import { datasetOfColumn, parseUrn, shortUrn } from './urn';

/** Kinds that the lineage graph is made of: their lineage is what people come for. */
const DRAWN = new Set(['dataset', 'job', 'model', 'dashboard']);

/** Where a click on an entity leads: to its lineage (a column's path in its dataset's), or else to its own page. */
export function addressOf({ urn }: Pick<Named, 'urn'>): string {
  const dataset = datasetOfColumn(urn);
  if (dataset !== null) return `${lineageAddress(dataset)}?cols=1&col=${encodeURIComponent(shortUrn(urn))}`;
  return DRAWN.has(parseUrn(urn)?.kind ?? '') ? lineageAddress(urn) : entityAddress(urn);
}

export function lineageAddress(urn: string, at: string | null = null): string {
  return `/lineage/${encodeURIComponent(urn)}${query(writeAt(at, 'at'))}`;
}

/** The page of an entity, whatever its kind; `GET /id/...` leads browsers here. */
export function entityAddress(urn: string, at: string | null = null): string {
  return `/entity/${encodeURIComponent(urn)}${query(writeAt(at, 'valid'))}`;
}

export function catalogueAddress(type: string): string {
  return `/catalogue${query([['type', type]])}`;
}

/** A class in the legend. */
export function legendAddress(type: string): string {
  return `/legend#${encodeURIComponent(type)}`;
}

function query(pairs: [string, string][]): string {
  return pairs.length > 0 ? `?${new URLSearchParams(pairs).toString()}` : '';
}

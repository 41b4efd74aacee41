import type { Named } from '../api/schema';
import { datasetOfColumn, shortUrn } from './urn';

/** Where a click on an entity leads: columns open their dataset with the column's path traced. */
export function addressOf(entity: Pick<Named, 'urn'>): string {
  const dataset = datasetOfColumn(entity.urn);
  if (dataset === null) return lineageAddress(entity.urn);
  return `${lineageAddress(dataset)}?cols=1&col=${encodeURIComponent(shortUrn(entity.urn))}`;
}

export function lineageAddress(urn: string): string {
  return `/lineage/${encodeURIComponent(urn)}`;
}

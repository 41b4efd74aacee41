/** URNs: `urn:andon:<kind>:<pct namespace>:<pct name>`, a column with its path as fourth part. */

const PREFIX = 'urn:andon:';

export interface UrnParts {
  kind: string;
  namespace: string;
  name: string;
  /** The column's path; only on columns. */
  path: string | null;
}

/** The urn's parts, decoded; null if it is not an Andon urn. */
export function parseUrn(urn: string): UrnParts | null {
  if (!urn.startsWith(PREFIX)) return null;
  const [kind, namespace, name, path, ...rest] = urn.slice(PREFIX.length).split(':');
  if (!kind || namespace === undefined || name === undefined || rest.length > 0) return null;
  if ((kind === 'column') !== (path !== undefined)) return null;
  try {
    return {
      kind,
      namespace: decodeURIComponent(namespace),
      name: decodeURIComponent(name),
      path: path === undefined ? null : decodeURIComponent(path),
    };
  } catch {
    return null;
  }
}

/** The dataset a column urn belongs to; null for any other urn. The parts stay encoded as they came. */
export function datasetOfColumn(urn: string): string | null {
  const [kind, namespace, name] = urn.slice(PREFIX.length).split(':');
  return kind === 'column' && namespace !== undefined && name !== undefined
    ? `${PREFIX}dataset:${namespace}:${name}`
    : null;
}

/** The urn in an address' last path segment; accepts it encoded (as we write it) or bare (as people paste it). */
export function urnFromSegment(segment: string): string {
  if (segment.startsWith(PREFIX) && !segment.includes('/')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Urns in a query string go without their common prefix. */
export function shortUrn(urn: string): string {
  return urn.startsWith(PREFIX) ? urn.slice(PREFIX.length) : urn;
}

export function longUrn(short: string): string {
  return short.startsWith(PREFIX) ? short : PREFIX + short;
}

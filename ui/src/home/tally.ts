import type { Status } from '../api/schema';
import { countsWithin } from '../vocabulary/vocabulary';
import type { Vocabulary } from '../vocabulary/vocabulary';

/** Key classes that the home page counts first; columns are found in their datasets. */
export const TILES = ['Dataset', 'Column', 'Job', 'Run', 'Model', 'Dashboard'] as const;
export type Tile = (typeof TILES)[number];

export interface Tally {
  tiles: Record<Tile, number>;
  /** The other key classes that there are entities of, in the order of the ontology. */
  others: { name: string; label: string; count: number }[];
}

/** The status' counts by key class, subclasses included. */
export function tally(counts: Status['counts'], vocabulary: Vocabulary): Tally {
  const within = countsWithin(vocabulary, counts);
  const isTile = (name: string) => (TILES as readonly string[]).includes(name);
  return {
    tiles: Object.fromEntries(TILES.map((tile) => [tile, within.get(tile) ?? 0])) as Record<Tile, number>,
    others: vocabulary.types.flatMap(({ name, label, keyClass }) => {
      const count = keyClass === name && !isTile(name) ? within.get(name) : undefined;
      return count === undefined ? [] : [{ name, label, count }];
    }),
  };
}

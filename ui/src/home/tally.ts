import type { Status } from '../api/schema';

export type Tile = 'datasets' | 'columns' | 'jobs' | 'runs' | 'models' | 'dashboards';

/** Subclasses count with the key class their tile is named for. */
const TILE_OF: Record<string, Tile> = {
  Dataset: 'datasets', Table: 'datasets', View: 'datasets', MaterializedView: 'datasets', Topic: 'datasets',
  ExternalTable: 'datasets', TemporaryTable: 'datasets', Stream: 'datasets', File: 'datasets', Column: 'columns',
  Job: 'jobs', Pipeline: 'jobs', Task: 'jobs', Query: 'jobs', Transformation: 'jobs', TestJob: 'jobs', Application: 'jobs',
  Run: 'runs', Model: 'models', Dashboard: 'dashboards',
};

/** The status' counts by type, added up into tiles; types without a tile are left out. */
export function tally(counts: Status['counts']): Record<Tile, number> {
  const tiles: Record<Tile, number> = { datasets: 0, columns: 0, jobs: 0, runs: 0, models: 0, dashboards: 0 };
  for (const { type, count } of counts) {
    const tile = TILE_OF[type];
    if (tile) tiles[tile] += count;
  }
  return tiles;
}

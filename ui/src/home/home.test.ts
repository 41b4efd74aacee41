import { expect, test } from 'vitest';
import type { RunState, RunSummary } from '../api/schema';
import { failingJobs } from './failing';
import { tally } from './tally';

function run(job: string, startedAt: string, state: RunState): RunSummary {
  const named = { __typename: 'Job', urn: job, type: 'Job', namespace: 'n', name: job };
  return { urn: `${job} ${startedAt}`, name: 'r', state, startedAt, endedAt: null, updatedAt: startedAt, facets: {}, job: named };
}

test('a job whose newest run failed is failing; one that recovered is not', () => {
  const runs = [
    run('broken', '2026-11-23T10:00:00Z', 'FAIL'), run('broken', '2026-11-22T10:00:00Z', 'COMPLETE'),
    run('mended', '2026-11-22T10:00:00Z', 'FAIL'), run('mended', '2026-11-23T10:00:00Z', 'COMPLETE'),
    run('stopped', '2026-11-23T09:00:00Z', 'ABORT'),
  ];
  expect(failingJobs(runs).map((r) => r.job?.urn)).toEqual(['broken', 'stopped']);
});

test('subclasses count with their key class', () => {
  const tiles = tally([{ type: 'Table', count: 3 }, { type: 'Topic', count: 2 }, { type: 'Job', count: 1 }, { type: 'Task', count: 3 }, { type: 'Person', count: 9 }]);
  expect(tiles).toMatchObject({ datasets: 5, jobs: 4, columns: 0 });
});

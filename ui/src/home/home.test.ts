import { expect, test } from 'vitest';
import type { RunState, RunSummary } from '../api/schema';
import { vocabularyOf } from '../vocabulary/vocabulary';
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

test('entities count with their key class; classes without a tile stand beside the tiles', () => {
  const type = (name: string, keyClass: string | null, parents: string[] = ['Entity']) => ({
    name, label: `${name}s`, definition: '', kind: null, keyClass, parents, colour: null, icon: null, own: false, carriesLineage: false,
  });
  const words = vocabularyOf('1', [
    type('Entity', null, []), type('Dataset', 'Dataset'), type('Table', 'Dataset', ['Dataset']), type('Topic', 'Dataset', ['Dataset']),
    type('Job', 'Job'), type('Task', 'Job', ['Job']), type('Policy', 'Policy'), type('Person', 'Person'),
  ]);
  const counts = [{ type: 'Table', count: 3 }, { type: 'Topic', count: 2 }, { type: 'Job', count: 1 }, { type: 'Task', count: 3 }, { type: 'Person', count: 9 }];
  expect(tally(counts, words)).toEqual({
    tiles: { Dataset: 5, Column: 0, Job: 4, Run: 0, Model: 0, Dashboard: 0 },
    others: [{ name: 'Person', label: 'Persons', count: 9 }],
  });
});

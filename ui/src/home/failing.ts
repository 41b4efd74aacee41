import type { RunSummary } from '../api/schema';

/** The newest run of each job among these runs, where that run failed or was aborted. */
export function failingJobs(runs: RunSummary[]): RunSummary[] {
  const newest = new Map<string, RunSummary>();
  for (const run of runs) {
    if (!run.job) continue;
    const other = newest.get(run.job.urn);
    if (!other || startOf(run) > startOf(other)) newest.set(run.job.urn, run);
  }
  return [...newest.values()].filter((run) => run.state === 'FAIL' || run.state === 'ABORT');
}

function startOf(run: RunSummary): string {
  return run.startedAt ?? run.updatedAt;
}

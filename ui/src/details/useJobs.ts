import { useQuery } from '@tanstack/react-query';
import { gql } from '../api/gql';
import { jobsDocument } from '../api/queries';
import type { JobDetails } from '../api/schema';
import { asOf } from '../entity/asOf';

/** Jobs shown in one panel; more would be a list nobody reads. */
const MOST = 8;

/** Details and runs of these jobs, in one request; what is not a job is left out. */
export function useJobs(urns: string[] | undefined, at: string | null) {
  const asked = (urns ?? []).slice(0, MOST);
  return useQuery({
    queryKey: ['jobs', asked, at],
    queryFn: async ({ signal }) => {
      const variables = { ...Object.fromEntries(asked.map((urn, i) => [`j${i}`, urn])), asOf: asOf(at) };
      const data = await gql<Record<string, JobDetails | null>>(jobsDocument(asked.length), variables, signal);
      return Object.values(data).flatMap((job) => (job ? [{ ...job, runs: job.runs ?? [] }] : []));
    },
    enabled: asked.length > 0,
  });
}

import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { gql } from '../api/gql';
import { PRODUCERS } from '../api/queries';
import type { EntityDetails, JobDetails, LineageEdge } from '../api/schema';
import { lineageAddress } from '../entity/address';
import { asOf } from '../entity/asOf';
import { displayName } from '../entity/naming';
import { FailureNotice } from '../shell/FailureNotice';
import { texts } from '../texts';
import classes from './Details.module.css';
import { RunList } from './RunList';
import { useJobs } from './useJobs';

interface Props {
  entity: EntityDetails;
  at: string | null;
}

/** A job's own runs; for anything else, the runs of the jobs that write it. */
export function RunsTab({ entity, at }: Props) {
  if (entity.runs) return <RunsOf jobs={[{ ...entity, runs: entity.runs, retired: entity.retired ?? false }]} alone />;
  return <ProducerRuns urn={entity.urn} at={at} />;
}

function ProducerRuns({ urn, at }: { urn: string; at: string | null }) {
  const producers = useQuery({
    queryKey: ['producers', urn, at],
    queryFn: ({ signal }) =>
      gql<{ lineage: { edges: Pick<LineageEdge, 'target' | 'via'>[] } }>(PRODUCERS, { urn, asOf: asOf(at) }, signal).then((data) => [
        ...new Set(data.lineage.edges.filter((edge) => edge.target === urn).flatMap((edge) => edge.via)),
      ]),
  });
  const jobs = useJobs(producers.data, at);
  const error = producers.error ?? jobs.error;
  if (error) return <FailureNotice error={error} retry={() => void producers.refetch()} />;
  if (producers.data?.length === 0) return <p className={`${classes.pad} ${classes.dim}`}>{texts.details.noProducers}</p>;
  if (!jobs.data) return <div className={classes.pad}><Skeleton height={120} /></div>;
  return <RunsOf jobs={jobs.data} alone={false} />;
}

function RunsOf({ jobs, alone }: { jobs: JobDetails[]; alone: boolean }) {
  return (
    <div className={classes.pad}>
      {jobs.map((job) => (
        <section key={job.urn}>
          {!alone && (
            <h3>
              {texts.details.runsOf}{' '}
              <Link href={lineageAddress(job.urn)} className={classes.plainLink}>
                {displayName(job).short}
              </Link>
            </h3>
          )}
          <RunList runs={job.runs} />
        </section>
      ))}
    </div>
  );
}

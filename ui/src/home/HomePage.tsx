import { useQuery } from '@tanstack/react-query';
import { gql } from '../api/gql';
import { HOME } from '../api/queries';
import type { DeadLetter, EntitySummary, RunSummary } from '../api/schema';
import { useStatus } from '../api/useStatus';
import { SearchButton } from '../search/SearchButton';
import { FailureNotice } from '../shell/FailureNotice';
import { useTitle } from '../shell/useTitle';
import { texts } from '../texts';
import { Counts } from './Counts';
import { DeadLetters } from './DeadLetters';
import { FirstSteps } from './FirstSteps';
import classes from './Home.module.css';
import { RecentDatasets } from './RecentDatasets';
import { FailingJobs, LatestRuns } from './RecentRuns';

interface HomeAnswer {
  datasets: { totalCount: number; nodes: EntitySummary[] };
  runs: { nodes: RunSummary[] };
  deadLetters: DeadLetter[];
}

export function HomePage() {
  useTitle(null);
  const status = useStatus();
  const home = useQuery({
    queryKey: ['home'],
    queryFn: ({ signal }) => gql<HomeAnswer>(HOME, {}, signal),
  });
  const error = home.data ? null : home.error;
  const empty = home.data?.datasets.totalCount === 0 && home.data.runs.nodes.length === 0;
  return (
    <div className={classes.page}>
      <section className={classes.hero}>
        <h1>{texts.home.title}</h1>
        <p>{texts.home.lead}</p>
        <SearchButton large />
      </section>
      {error ? (
        <FailureNotice error={error} retry={() => void home.refetch()} />
      ) : (
        <>
          <Counts counts={status.data?.counts} />
          {!empty && (
            <div className={classes.columns}>
              <RecentDatasets datasets={home.data?.datasets.nodes} />
              <div className={classes.side}>
                <FailingJobs runs={home.data?.runs.nodes} />
                <LatestRuns runs={home.data?.runs.nodes} />
                <DeadLetters count={status.data?.deadLetters} letters={home.data?.deadLetters} />
              </div>
            </div>
          )}
          {home.data && <FirstSteps datasets={home.data.datasets.nodes} empty={empty} />}
        </>
      )}
    </div>
  );
}

import type { RunSummary } from '../api/schema';
import { ago, duration, moment } from '../entity/times';
import { texts } from '../texts';
import classes from './Details.module.css';
import { errorOf, StateBadge } from './StateBadge';

const IN_LIST = 10;
const LOWEST_BAR = 0.18;

export function RunList({ runs }: { runs: RunSummary[] }) {
  if (runs.length === 0) return <p className={classes.dim}>{texts.details.noRuns}</p>;
  return (
    <>
      {runs.length > 2 && <RunStrip runs={runs} />}
      <ul className={classes.runs}>
        {runs.slice(0, IN_LIST).map((run) => {
          const error = run.state === 'FAIL' || run.state === 'ABORT' ? errorOf(run) : null;
          const at = run.startedAt ?? run.updatedAt;
          return (
            <li key={run.urn}>
              <StateBadge state={run.state} />
              <time dateTime={at} title={moment(at)}>
                {ago(at)}
              </time>
              <span className={classes.took}>{duration(run.startedAt, run.endedAt) ?? '–'}</span>
              {error && <p className={classes.error}>{error}</p>}
            </li>
          );
        })}
      </ul>
    </>
  );
}

/** The runs as bars, oldest first: as high as they were long, coloured by how they ended. */
function RunStrip({ runs }: { runs: RunSummary[] }) {
  const lengths = runs.map(({ startedAt, endedAt }) => (startedAt && endedAt ? Date.parse(endedAt) - Date.parse(startedAt) : 0));
  const longest = Math.max(1, ...lengths);
  return (
    <div className={classes.strip} aria-hidden>
      {runs
        .map((run, i) => (
          <span
            key={run.urn}
            data-state={run.state}
            title={`${texts.runStates[run.state] ?? run.state} · ${duration(run.startedAt, run.endedAt) ?? '–'}`}
            style={{ height: `${100 * Math.max(LOWEST_BAR, (lengths[i] ?? 0) / longest)}%` }}
          />
        ))
        .reverse()}
    </div>
  );
}

import { Skeleton } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { Link } from 'wouter';
import type { RunSummary } from '../api/schema';
import { errorOf, StateBadge } from '../details/StateBadge';
import { lineageAddress } from '../entity/address';
import { displayName, placeOf } from '../entity/naming';
import { ago, duration, moment } from '../entity/times';
import { texts } from '../texts';
import { failingJobs } from './failing';
import classes from './Home.module.css';

const SHOWN_FAILING = 4;
const SHOWN_RUNS = 5;

interface Props {
  runs: RunSummary[] | undefined;
}

export function FailingJobs({ runs }: Props) {
  const failing = runs ? failingJobs(runs) : null;
  return (
    <section className={classes.panel} aria-labelledby="failing">
      <header className={classes.panelHead}>
        <h2 id="failing">{texts.home.failing}</h2>
        {failing && failing.length > 0 && <span className={classes.badCount}>{failing.length}</span>}
      </header>
      {!failing && <Skeleton height={60} m="sm" />}
      {failing?.length === 0 && (
        <p className={classes.good}>
          <IconCircleCheck size={18} stroke={1.7} aria-hidden /> {texts.home.failingNone}
        </p>
      )}
      <ul className={classes.lines}>
        {failing?.slice(0, SHOWN_FAILING).map((run) => (
          <RunLine key={run.urn} run={run} error={errorOf(run)} />
        ))}
      </ul>
    </section>
  );
}

export function LatestRuns({ runs }: Props) {
  return (
    <section className={classes.panel} aria-labelledby="runs">
      <header className={classes.panelHead}>
        <h2 id="runs">{texts.home.runs}</h2>
        <Link href="/catalogue?type=Run">{texts.home.all}</Link>
      </header>
      {!runs && <Skeleton height={120} m="sm" />}
      {runs?.length === 0 && <p className={classes.good}>{texts.home.noRuns}</p>}
      <ul className={classes.lines}>
        {runs?.slice(0, SHOWN_RUNS).map((run) => (
          <RunLine key={run.urn} run={run} error={null} />
        ))}
      </ul>
    </section>
  );
}

function RunLine({ run, error }: { run: RunSummary; error: string | null }) {
  const at = run.endedAt ?? run.startedAt ?? run.updatedAt;
  const took = duration(run.startedAt, run.endedAt);
  return (
    <li className={classes.line}>
      <StateBadge state={run.state} />
      <span className={classes.entityText}>
        <span className="clip">
          {run.job ? <Link href={lineageAddress(run.job.urn)}>{displayName(run.job).short}</Link> : run.name}
        </span>
        <span className={`${classes.dim} clip`}>{error ?? (run.job ? placeOf(run.job) : '')}</span>
      </span>
      <span className={classes.when}>
        <time dateTime={at} title={moment(at)}>
          {ago(at)}
        </time>
        {took && <span className={classes.dim}>{took}</span>}
      </span>
    </li>
  );
}

import type { RunState, RunSummary } from '../api/schema';
import { texts } from '../texts';
import classes from './StateBadge.module.css';

export function StateBadge({ state }: { state: RunState }) {
  return (
    <span className={classes.badge} data-state={state}>
      {texts.runStates[state] ?? state.toLowerCase()}
    </span>
  );
}

/** The first line of what the run's errorMessage facet says; null without one. */
export function errorOf(run: RunSummary): string | null {
  const message = run.facets.errorMessage?.message;
  return typeof message === 'string' ? (message.split('\n')[0] ?? null) : null;
}

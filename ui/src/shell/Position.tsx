import { Tooltip } from '@mantine/core';
import { useStatus } from '../api/useStatus';
import { texts } from '../texts';
import classes from './Shell.module.css';

/** The lamp in the header: green while the graph keeps up, amber while it catches up, red without an answer. */
export function Position() {
  const { data, isError } = useStatus();
  if (!data && !isError) return null;
  const waiting = data ? data.positionReceived - data.positionProjected : 0;
  const state = isError ? 'away' : waiting > 0 ? 'behind' : 'good';
  const label = data && !isError ? texts.shell.position(data.positionProjected) : texts.shell.away;
  const hint = isError ? texts.shell.awayHint : waiting > 0 ? texts.shell.catchingUp(waiting) : texts.shell.positionHint;
  return (
    <Tooltip label={hint}>
      <span className={classes.position} role="status" aria-label={`${label}. ${hint}`}>
        <span className={classes.lamp} data-state={state} />
        <span>{label}</span>
      </span>
    </Tooltip>
  );
}

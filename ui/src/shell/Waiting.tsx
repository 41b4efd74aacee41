import { Loader } from '@mantine/core';
import { texts } from '../texts';
import classes from './Shell.module.css';

export function Waiting() {
  return (
    <div className={classes.notice}>
      <Loader size="sm" aria-label={texts.states.loading} />
    </div>
  );
}

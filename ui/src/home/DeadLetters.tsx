import { Skeleton } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import type { DeadLetter } from '../api/schema';
import { ago, moment } from '../entity/times';
import { texts } from '../texts';
import classes from './Home.module.css';

export function DeadLetters({ count, letters }: { count: number | undefined; letters: DeadLetter[] | undefined }) {
  return (
    <section className={classes.panel} aria-labelledby="dead">
      <header className={classes.panelHead}>
        <h2 id="dead">{texts.home.deadLetters}</h2>
        {!!count && <span className={classes.badCount}>{texts.count(count)}</span>}
      </header>
      {count === undefined && <Skeleton height={40} m="sm" />}
      {count === 0 && (
        <p className={classes.good}>
          <IconCircleCheck size={18} stroke={1.7} aria-hidden /> {texts.home.deadLettersNone}
        </p>
      )}
      {!!count && <p className={classes.note}>{texts.home.deadLettersSome(count)}</p>}
      {!!count && (
        <ul className={classes.lines}>
          {letters?.map((letter) => (
            <li key={letter.id} className={classes.line}>
              <span className={classes.entityText}>
                <span className={classes.reason}>{letter.reason}</span>
                {letter.field && <span className={`${classes.dim} mono clip`}>{letter.field}</span>}
              </span>
              <time className={classes.when} dateTime={letter.receivedAt} title={moment(letter.receivedAt)}>
                {ago(letter.receivedAt)}
              </time>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

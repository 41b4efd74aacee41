import { Skeleton } from '@mantine/core';
import { texts } from '../texts';
import classes from './Lineage.module.css';

const COLUMNS = [[0, 1, 2], [0], [0, 1]];

/** Cards without names, in the places the first answer usually fills; appears only after a moment. */
export function LineageSkeleton({ name }: { name: string }) {
  return (
    <div className={classes.page}>
      <div className={classes.toolbar}>
        <h1 className={classes.title}>{name}</h1>
      </div>
      <CanvasSkeleton />
    </div>
  );
}

export function CanvasSkeleton() {
  return (
    <div className={classes.skeleton} role="status" aria-label={texts.states.loading}>
      {COLUMNS.map((cards, column) => (
        <div key={column}>
          {cards.map((card) => (
            <Skeleton key={card} width={228} height={54} radius={10} />
          ))}
        </div>
      ))}
    </div>
  );
}

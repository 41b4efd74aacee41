import { texts } from '../texts';
import classes from './Wire.module.css';

const KINDS = ['identity', 'transformation', 'aggregation'] as const;

interface Props {
  /** How many edges in the view are indirect only. */
  indirect: number;
  shown: boolean;
  onToggle: () => void;
}

/** What the colours mean. Indirect edges join almost everything with everything, so they are drawn on demand. */
export function Legend({ indirect, shown, onToggle }: Props) {
  return (
    <ul className={classes.legend} aria-label={texts.lineage.legend}>
      {KINDS.map((kind) => (
        <li key={kind}>
          <span className={classes.sample} data-kind={kind} />
          {texts.lineage[kind]}
        </li>
      ))}
      <li>
        <span className={classes.sample} data-kind="indirect" />
        {texts.lineage.indirect}
        {indirect > 0 && (
          <button type="button" className={classes.toggle} aria-pressed={shown} onClick={onToggle}>
            {shown ? texts.lineage.indirectHide(indirect) : texts.lineage.indirectShow(indirect)}
          </button>
        )}
      </li>
    </ul>
  );
}

import { useState } from 'react';
import { Link } from 'wouter';
import type { TypeCount } from '../api/schema';
import { EntityIcon } from '../entity/EntityIcon';
import { texts } from '../texts';
import { branchesOf, countsWithin } from '../vocabulary/vocabulary';
import type { Vocabulary } from '../vocabulary/vocabulary';
import classes from './Catalogue.module.css';

interface Props {
  vocabulary: Vocabulary;
  counts: TypeCount[];
  chosen: string | null;
  onChoose: (type: string | null) => void;
}

/** The classes to choose from, with how many entities each has; the classes below a key class where it is chosen. */
export function TypeList({ vocabulary, counts, chosen, onChoose }: Props) {
  const [every, setEvery] = useState(false);
  const within = countsWithin(vocabulary, counts);
  const branch = chosen === null ? undefined : (vocabulary.byName.get(chosen)?.keyClass ?? undefined);
  const isShown = (type: string) => every || within.has(type) || type === chosen;
  const item = (type: string | null, label: string, count: number | undefined, below = false) => (
    <li key={type ?? ''}>
      <button
        type="button"
        className={classes.type}
        data-below={below || undefined}
        aria-pressed={chosen === type}
        title={type === null ? undefined : vocabulary.byName.get(type)?.definition}
        onClick={() => onChoose(type)}
      >
        {type !== null && <EntityIcon type={type} keyClass={branch ?? type} size={below ? 18 : 22} />}
        <span className="clip">{label}</span>
        <span className={classes.count}>{count === undefined ? '' : texts.count(count)}</span>
      </button>
    </li>
  );
  return (
    <nav className={classes.types} aria-label={texts.catalogue.types}>
      <ul>
        {item(null, texts.catalogue.all, undefined)}
        {branchesOf(vocabulary).map(({ type, below }) => {
          const open = type.name === branch;
          if (!isShown(type.name) && !open) return null;
          return [
            item(type.name, type.label, within.get(type.name) ?? 0),
            ...(open ? below.filter((one) => isShown(one.name)).map((one) => item(one.name, one.label, within.get(one.name) ?? 0, true)) : []),
          ];
        })}
      </ul>
      <div className={classes.typesFoot}>
        <button type="button" className={classes.every} aria-pressed={every} onClick={() => setEvery(!every)}>
          {every ? texts.catalogue.onlyUsed : texts.catalogue.everyType}
        </button>
        <Link href="/legend">{texts.catalogue.legend}</Link>
      </div>
    </nav>
  );
}

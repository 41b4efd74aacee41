import { Skeleton } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Status } from '../api/schema';
import { catalogueAddress } from '../entity/address';
import { EntityIcon } from '../entity/EntityIcon';
import { texts } from '../texts';
import { useVocabulary } from '../vocabulary/useVocabulary';
import { tally, TILES } from './tally';
import classes from './Home.module.css';

export function Counts({ counts }: { counts: Status['counts'] | undefined }) {
  const vocabulary = useVocabulary();
  const found = counts && vocabulary ? tally(counts, vocabulary) : null;
  return (
    <section aria-label={texts.home.counts} className={classes.counts}>
      <ul className={classes.tiles}>
        {TILES.map((tile) => (
          <li key={tile}>
            <TileBox href={tile === 'Column' ? null : catalogueAddress(tile)}>
              <EntityIcon type={tile} keyClass={tile} size={34} />
              <span>
                <span className={classes.number}>
                  {found ? texts.count(found.tiles[tile]) : <Skeleton height={22} width={52} my={3} />}
                </span>
                <span className={classes.tileLabel}>{texts.home.tiles[tile]}</span>
              </span>
            </TileBox>
          </li>
        ))}
      </ul>
      {found && found.others.length > 0 && (
        <ul className={classes.others}>
          {found.others.map(({ name, label, count }) => (
            <li key={name}>
              <Link href={catalogueAddress(name)} className={classes.other}>
                <EntityIcon type={name} keyClass={name} size={22} />
                {label} <span className={classes.dim}>{texts.count(count)}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function TileBox({ href, children }: { href: string | null; children: ReactNode }) {
  if (href === null) return <div className={classes.tile}>{children}</div>;
  return (
    <Link href={href} className={classes.tile}>
      {children}
    </Link>
  );
}

import { Skeleton } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Status } from '../api/schema';
import { EntityIcon } from '../entity/EntityIcon';
import { texts } from '../texts';
import { tally } from './tally';
import type { Tile } from './tally';
import classes from './Home.module.css';

const LOOKS: Record<Tile, string> = {
  datasets: 'Dataset', columns: 'Column', jobs: 'Job', runs: 'Run', models: 'Model', dashboards: 'Dashboard',
};

/** Columns are found in their datasets; the catalogue does not list them. */
const LISTED: ReadonlySet<Tile> = new Set(['datasets', 'jobs', 'runs', 'models', 'dashboards']);

export function Counts({ counts }: { counts: Status['counts'] | undefined }) {
  const tiles = counts ? tally(counts) : null;
  return (
    <section aria-label={texts.home.counts}>
      <ul className={classes.tiles}>
        {(Object.keys(LOOKS) as Tile[]).map((tile) => (
          <li key={tile}>
            <TileBox href={LISTED.has(tile) ? `/catalogue?type=${LOOKS[tile]}` : null}>
              <EntityIcon type={LOOKS[tile]} keyClass={LOOKS[tile]} size={34} />
              <span>
                <span className={classes.number}>
                  {tiles ? texts.count(tiles[tile]) : <Skeleton height={22} width={52} my={3} />}
                </span>
                <span className={classes.tileLabel}>{texts.home.tiles[tile]}</span>
              </span>
            </TileBox>
          </li>
        ))}
      </ul>
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

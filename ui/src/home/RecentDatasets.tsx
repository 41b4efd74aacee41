import { Skeleton } from '@mantine/core';
import { Link } from 'wouter';
import type { EntitySummary } from '../api/schema';
import { lineageAddress } from '../entity/address';
import { EntityIcon } from '../entity/EntityIcon';
import { displayName, placeOf } from '../entity/naming';
import { ago, moment } from '../entity/times';
import { texts } from '../texts';
import classes from './Home.module.css';

export function RecentDatasets({ datasets }: { datasets: EntitySummary[] | undefined }) {
  return (
    <section className={classes.panel} aria-labelledby="recent">
      <header className={classes.panelHead}>
        <h2 id="recent">{texts.home.recent}</h2>
        <Link href="/catalogue?type=Dataset">{texts.home.all}</Link>
      </header>
      <table className={classes.table}>
        <thead>
          <tr>
            <th>{texts.home.name}</th>
            <th>{texts.home.owner}</th>
            <th>{texts.home.updated}</th>
          </tr>
        </thead>
        <tbody>
          {datasets
            ? datasets.map((dataset) => <DatasetRow key={dataset.urn} dataset={dataset} />)
            : [0, 1, 2, 3, 4, 5, 6, 7].map((row) => (
                <tr key={row}>
                  <td colSpan={3}>
                    <Skeleton height={34} />
                  </td>
                </tr>
              ))}
        </tbody>
      </table>
    </section>
  );
}

function DatasetRow({ dataset }: { dataset: EntitySummary }) {
  const owner = dataset.owners[0];
  return (
    <tr>
      <td>
        <Link href={lineageAddress(dataset.urn)} className={classes.entity}>
          <EntityIcon type={dataset.type} keyClass={dataset.__typename} size={30} />
          <span className={classes.entityText}>
            <span className="clip">{displayName(dataset).short}</span>
            <span className={`${classes.dim} clip`}>{placeOf(dataset)}</span>
          </span>
        </Link>
      </td>
      <td className={owner ? undefined : classes.dim}>{owner?.name ?? texts.home.noOwner}</td>
      <td className={classes.when}>
        <time dateTime={dataset.updatedAt} title={moment(dataset.updatedAt)}>
          {ago(dataset.updatedAt)}
        </time>
      </td>
    </tr>
  );
}

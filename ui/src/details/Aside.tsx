import { ActionIcon, Skeleton, Tabs, Tooltip } from '@mantine/core';
import { IconFileDescription, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { gql } from '../api/gql';
import { DETAILS } from '../api/queries';
import type { EntityDetails } from '../api/schema';
import { entityAddress } from '../entity/address';
import { asOf } from '../entity/asOf';
import { EntityIcon } from '../entity/EntityIcon';
import { displayName, placeOf } from '../entity/naming';
import { FailureNotice } from '../shell/FailureNotice';
import { texts } from '../texts';
import { useVocabulary } from '../vocabulary/useVocabulary';
import { labelOf } from '../vocabulary/vocabulary';
import { ColumnsTab } from './ColumnsTab';
import classes from './Details.module.css';
import { FacetsTab } from './FacetsTab';
import { Overview } from './Overview';
import { RunsTab } from './RunsTab';

interface Props {
  urn: string;
  at: string | null;
  /** Over the canvas rather than beside it: on narrow windows. */
  overlay: boolean;
  onClose: () => void;
  onColumn: (column: string) => void;
}

export function Aside({ urn, at, overlay, onClose, onColumn }: Props) {
  const details = useQuery({
    queryKey: ['details', urn, at],
    queryFn: ({ signal }) =>
      gql<{ entity: EntityDetails | null }>(DETAILS, { urn, asOf: asOf(at) }, signal).then((data) => data.entity),
  });
  const entity = details.data;
  return (
    <aside className={classes.aside} data-overlay={overlay || undefined} aria-label={texts.details.panel}>
      {details.error && !entity && <FailureNotice error={details.error} retry={() => void details.refetch()} />}
      {details.isPending && <AsideSkeleton />}
      {entity && (
        <>
          <Header entity={entity} at={at} onClose={overlay ? onClose : null} />
          <DetailTabs entity={entity} at={at} onColumn={onColumn} />
        </>
      )}
    </aside>
  );
}

interface HeaderProps {
  entity: EntityDetails;
  at: string | null;
  onClose: (() => void) | null;
}

function Header({ entity, at, onClose }: HeaderProps) {
  const vocabulary = useVocabulary();
  const { short } = displayName(entity);
  const domainTags = entity.tags.filter((tag) => !tag.field).slice(0, 4);
  return (
    <header className={classes.header}>
      <EntityIcon type={entity.type} keyClass={entity.__typename} size={36} />
      <div className={classes.headerText}>
        <span className={`${classes.dim} clip`}>{[labelOf(vocabulary, entity.type), placeOf(entity)].join(' · ')}</span>
        <h2>{short}</h2>
        {(domainTags.length > 0 || entity.dropped) && (
          <span className={classes.badges}>
            {entity.dropped && <span className={classes.bad}>{texts.lineage.dropped}</span>}
            {domainTags.map((tag) => (
              <span key={tag.key} className={classes.tag} data-alarm={tag.key.toLowerCase() === 'pii' || undefined}>
                {tag.value ? `${tag.key}: ${tag.value}` : tag.key}
              </span>
            ))}
          </span>
        )}
      </div>
      <Tooltip label={texts.entity.page(short)}>
        <ActionIcon component={Link} href={entityAddress(entity.urn, at)} aria-label={texts.entity.page(short)}>
          <IconFileDescription size={18} stroke={1.7} />
        </ActionIcon>
      </Tooltip>
      {onClose && (
        <ActionIcon aria-label={texts.details.close} onClick={onClose}>
          <IconX size={17} stroke={1.8} />
        </ActionIcon>
      )}
    </header>
  );
}

function DetailTabs({ entity, at, onColumn }: { entity: EntityDetails; at: string | null; onColumn: (column: string) => void }) {
  const hasColumns = entity.__typename === 'Dataset';
  return (
    <Tabs defaultValue="overview" keepMounted={false} className={classes.tabs ?? ''}>
      <Tabs.List>
        <Tabs.Tab value="overview">{texts.details.overview}</Tabs.Tab>
        {hasColumns && (
          <Tabs.Tab value="columns">
            {texts.details.columns} <span className={classes.dim}>{entity.columns?.length ?? 0}</span>
          </Tabs.Tab>
        )}
        <Tabs.Tab value="runs">{texts.details.runs}</Tabs.Tab>
        <Tabs.Tab value="facets">{texts.details.facets}</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="overview" tabIndex={0}>
        <Overview entity={entity} at={at} />
      </Tabs.Panel>
      {hasColumns && (
        <Tabs.Panel value="columns" tabIndex={0}>
          <ColumnsTab entity={entity} onColumn={onColumn} />
        </Tabs.Panel>
      )}
      <Tabs.Panel value="runs" tabIndex={0}>
        <RunsTab entity={entity} at={at} />
      </Tabs.Panel>
      <Tabs.Panel value="facets" tabIndex={0}>
        <FacetsTab entity={entity} />
      </Tabs.Panel>
    </Tabs>
  );
}

function AsideSkeleton() {
  return (
    <div className={classes.pad}>
      <Skeleton height={36} mb={18} />
      <Skeleton height={14} mb={10} width="70%" />
      <Skeleton height={14} mb={10} width="90%" />
      <Skeleton height={14} width="50%" />
    </div>
  );
}

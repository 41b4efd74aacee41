import { Button, Skeleton, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch, IconZoomCancel } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { gql } from '../api/gql';
import { CATALOGUE } from '../api/queries';
import type { EntitySummary, Page } from '../api/schema';
import { useStatus } from '../api/useStatus';
import { addressOf } from '../entity/address';
import { EntityIcon } from '../entity/EntityIcon';
import { displayName, placeOf } from '../entity/naming';
import { ago, moment } from '../entity/times';
import { FailureNotice } from '../shell/FailureNotice';
import { Notice } from '../shell/Notice';
import { useTitle } from '../shell/useTitle';
import { texts } from '../texts';
import { useVocabularyQuery } from '../vocabulary/useVocabulary';
import { branchesOf, labelOf } from '../vocabulary/vocabulary';
import type { Vocabulary } from '../vocabulary/vocabulary';
import classes from './Catalogue.module.css';
import { TypeList } from './TypeList';

export default function CataloguePage() {
  useTitle(texts.catalogue.title);
  const params = new URLSearchParams(useSearch());
  const [, navigate] = useLocation();
  const type = params.get('type');
  const asked = params.get('q') ?? '';
  const [typed, setTyped] = useState(asked);
  const words = useVocabularyQuery();
  const vocabulary = words.data;
  const status = useStatus();
  const [search] = useDebouncedValue(typed.trim(), 200);

  const go = (next: { type: string | null; q: string }) => {
    const query = new URLSearchParams();
    if (next.type) query.set('type', next.type);
    if (next.q) query.set('q', next.q);
    navigate(`/catalogue${query.size > 0 ? `?${query}` : ''}`, { replace: true });
  };
  useEffect(() => {
    if (search !== asked) go({ type, q: search });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only what was typed moves the address
  }, [search]);

  const types = useMemo(() => (type === null ? vocabulary && withoutRuns(vocabulary) : [type]), [type, vocabulary]);
  const found = useInfiniteQuery({
    queryKey: ['catalogue', types, asked],
    queryFn: ({ pageParam, signal }) =>
      gql<{ entities: Page<EntitySummary> }>(CATALOGUE, { types, search: asked || null, after: pageParam }, signal).then(
        (data) => data.entities,
      ),
    enabled: types !== undefined,
    initialPageParam: null as string | null,
    getNextPageParam: (last) => (last.pageInfo.hasNextPage ? last.pageInfo.endCursor : undefined),
    placeholderData: keepPreviousData,
  });
  const entities = found.data?.pages.flatMap((page) => page.nodes);
  const failed = found.data ? null : (found.error ?? (types ? null : words.error));
  const total = found.data?.pages[0]?.totalCount;

  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <h1>{type === null ? texts.catalogue.title : texts.catalogue.of(labelOf(vocabulary, type))}</h1>
        {total !== undefined && <span role="status">{texts.catalogue.found(total)}</span>}
      </header>
      <div className={classes.body}>
        {vocabulary && status.data && (
          <TypeList vocabulary={vocabulary} counts={status.data.counts} chosen={type} onChoose={(option) => go({ type: option, q: asked })} />
        )}
        <div className={classes.found}>
          <TextInput
            className={classes.filter}
            aria-label={texts.catalogue.filter}
            placeholder={texts.catalogue.filter}
            leftSection={<IconSearch size={16} stroke={1.7} />}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
          {failed && <FailureNotice error={failed} retry={() => void (types ? found.refetch() : words.refetch())} />}
          {found.isPending && !failed && <Skeleton height={420} radius="lg" />}
          {entities?.length === 0 && (
            <Notice icon={IconZoomCancel} title={texts.catalogue.none} why={texts.catalogue.noneWhy} />
          )}
          {entities && entities.length > 0 && (
            <table className={classes.table}>
              <thead>
                <tr>
                  <th>{texts.home.name}</th>
                  <th>{texts.catalogue.place}</th>
                  <th>{texts.catalogue.type}</th>
                  <th>{texts.home.owner}</th>
                  <th>{texts.home.updated}</th>
                </tr>
              </thead>
              <tbody>
                {entities.map((entity) => (
                  <CatalogueRow key={entity.urn} entity={entity} vocabulary={vocabulary} />
                ))}
              </tbody>
            </table>
          )}
          {found.hasNextPage && (
            <Button variant="default" size="sm" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
              {texts.catalogue.more}
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}

/** Runs come by the thousand and have no names to look for: they are listed when they are asked for. */
function withoutRuns(vocabulary: Vocabulary): string[] {
  return branchesOf(vocabulary).flatMap(({ type }) => (type.kind === 'run' ? [] : [type.name]));
}

function CatalogueRow({ entity, vocabulary }: { entity: EntitySummary; vocabulary: Vocabulary | undefined }) {
  return (
    <tr>
      <td>
        <Link href={addressOf(entity)} className={classes.entity}>
          <EntityIcon type={entity.type} keyClass={entity.__typename} size={26} />
          <span className="clip">{displayName(entity).short}</span>
        </Link>
      </td>
      <td className={classes.dim}>{placeOf(entity)}</td>
      <td>{labelOf(vocabulary, entity.type)}</td>
      <td className={entity.owners[0] ? undefined : classes.dim}>{entity.owners[0]?.name ?? texts.home.noOwner}</td>
      <td>
        <time dateTime={entity.updatedAt} title={moment(entity.updatedAt)}>
          {ago(entity.updatedAt)}
        </time>
      </td>
    </tr>
  );
}

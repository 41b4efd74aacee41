import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { gql } from '../api/gql';
import { ENTITY } from '../api/queries';
import type { EntityWithRelations } from '../api/schema';
import { rememberOpened } from '../search/recent';
import { FailureNotice } from '../shell/FailureNotice';
import { Unknown } from '../shell/Unknown';
import { useTitle } from '../shell/useTitle';
import { texts } from '../texts';
import { useTerms } from '../vocabulary/useVocabulary';
import type { Terms } from '../vocabulary/useVocabulary';
import { asOf } from './asOf';
import classes from './Entity.module.css';
import { EntityView, RELATED } from './EntityView';
import { nameOfUrn } from './naming';
import { neighboursDocument, neighboursOf } from './neighbours';
import type { Neighbours, NeighboursAnswer } from './neighbours';
import { useEntityAddress } from './useEntityAddress';

const NONE: Neighbours[] = [];

/** Everything known about one entity of whatever class, now or as of a moment. */
export default function EntityPage() {
  const { urn, at, setAt } = useEntityAddress();
  const entity = useQuery({
    queryKey: ['entity', urn, at],
    queryFn: ({ signal }) =>
      gql<{ entity: EntityWithRelations | null }>(ENTITY, { urn, asOf: asOf(at), related: RELATED }, signal).then((data) => data.entity),
    placeholderData: (previous, query) => (query?.queryKey[1] === urn ? previous : undefined),
  });
  const found = entity.data;
  const terms = useTerms(found?.type);
  const neighbours = useNeighbours(found, terms.data, at);
  useTitle(nameOfUrn(found?.urn ?? urn));
  useEffect(() => {
    if (found) rememberOpened(found);
  }, [found]);

  // Labels come with the terms: better to wait for them than to show names that turn into labels.
  if (found && !terms.isPending) return <EntityView entity={found} terms={terms.data} neighbours={neighbours} at={at} onAt={setAt} />;
  if (entity.error) return <FailureNotice error={entity.error} retry={() => void entity.refetch()} heading="h1" />;
  if (found || entity.isPending) return <EntitySkeleton />;
  return <Unknown urn={urn} at={at} onNow={() => setAt(null)} />;
}

/** What the graph works out; none of it until it has come, or where the server does not tell. */
function useNeighbours(entity: EntityWithRelations | null | undefined, terms: Terms | null | undefined, at: string | null): Neighbours[] {
  const document = entity && terms ? neighboursDocument(entity, terms) : null;
  const { data } = useQuery({
    queryKey: ['neighbours', entity?.urn, document, at],
    queryFn: ({ signal }) =>
      gql<NeighboursAnswer>(document ?? '', { urn: entity?.urn, name: entity?.name, first: RELATED, asOf: asOf(at) }, signal),
    enabled: document !== null,
  });
  return entity && terms && data ? neighboursOf(entity, terms, data) : NONE;
}

function EntitySkeleton() {
  return (
    <div className={classes.page} aria-busy aria-label={texts.states.loading}>
      <Skeleton height={64} radius="lg" />
      <Skeleton height={180} radius="lg" />
      <Skeleton height={240} radius="lg" />
    </div>
  );
}

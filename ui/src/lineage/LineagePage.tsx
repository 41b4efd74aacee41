import '@xyflow/react/dist/base.css';
import { ReactFlowProvider } from '@xyflow/react';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Redirect } from 'wouter';
import { gql } from '../api/gql';
import { DETAILS } from '../api/queries';
import type { EntityDetails } from '../api/schema';
import { addressOf, lineageAddress } from '../entity/address';
import { asOf } from '../entity/asOf';
import { displayName, nameOfUrn } from '../entity/naming';
import { datasetOfColumn } from '../entity/urn';
import { rememberOpened } from '../search/recent';
import { FailureNotice } from '../shell/FailureNotice';
import { Unknown } from '../shell/Unknown';
import { useTitle } from '../shell/useTitle';
import { LineageSkeleton } from './LineageSkeleton';
import { LineageView } from './LineageView';
import { useViewState } from './useViewState';

/** Finds out what the urn is, and shows its lineage; columns open their dataset, runs their job. */
export default function LineagePage() {
  const { focus, state, change } = useViewState();
  const column = datasetOfColumn(focus) !== null;
  const entity = useQuery({
    queryKey: ['details', focus, state.at],
    queryFn: ({ signal }) =>
      gql<{ entity: EntityDetails | null }>(DETAILS, { urn: focus, asOf: asOf(state.at) }, signal).then((d) => d.entity),
    enabled: !column,
    placeholderData: (previous, query) => (query?.queryKey[1] === focus ? previous : undefined),
  });
  const found = entity.data;
  const name = found ? displayName(found).short : nameOfUrn(focus);
  useTitle(name);
  useEffect(() => {
    if (found) rememberOpened(found);
  }, [found]);

  if (column) return <Redirect to={addressOf({ urn: focus })} replace />;
  if (found?.job) return <Redirect to={lineageAddress(found.job.urn)} replace />;
  if (found) {
    return (
      <ReactFlowProvider key={found.urn}>
        <LineageView entity={found} focus={found.urn} state={state} change={change} />
      </ReactFlowProvider>
    );
  }
  if (entity.error) return <FailureNotice error={entity.error} retry={() => void entity.refetch()} heading="h1" />;
  if (entity.isPending) return <LineageSkeleton name={name} />;
  return <Unknown urn={focus} at={state.at} onNow={() => change({ at: null })} />;
}

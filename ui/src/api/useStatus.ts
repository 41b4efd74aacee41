import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { OF_THE_ONTOLOGY, useVocabularyQuery } from '../vocabulary/useVocabulary';
import { gql } from './gql';
import { STATUS } from './queries';
import type { Status } from './schema';

const POLL_MS = 8_000;

/**
 * The server's status, polled. When its position moves, whatever is on screen is asked for again; what hangs on the
 * ontology alone, when that is another.
 */
export function useStatus() {
  const client = useQueryClient();
  const status = useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => gql<{ status: Status }>(STATUS, {}, signal).then((data) => data.status),
    refetchInterval: POLL_MS,
    staleTime: POLL_MS / 2,
  });
  const position = status.data?.positionProjected;
  const known = useRef(position);
  useEffect(() => {
    if (position === undefined) return;
    const moved = known.current !== undefined && known.current !== position;
    known.current = position;
    if (moved) void client.invalidateQueries({ predicate: ({ queryKey: [of] }) => of !== 'status' && of !== OF_THE_ONTOLOGY });
  }, [client, position]);
  const { data: vocabulary } = useVocabularyQuery();
  const ontology = status.data?.ontologyVersion;
  useEffect(() => {
    if (ontology === undefined || !vocabulary || ontology === vocabulary.version) return;
    void client.invalidateQueries({ queryKey: [OF_THE_ONTOLOGY] });
  }, [client, ontology, vocabulary]);
  return status;
}

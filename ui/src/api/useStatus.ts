import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { gql } from './gql';
import { STATUS } from './queries';
import type { Status } from './schema';

const POLL_MS = 8_000;

/** The server's status, polled; when its position moves, whatever is on screen is asked for again. */
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
    if (moved) void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'status' });
  }, [client, position]);
  return status;
}

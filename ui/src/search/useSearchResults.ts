import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { gql } from '../api/gql';
import { SEARCH } from '../api/queries';
import type { EntitySummary } from '../api/schema';

const WAIT_MS = 120;
const FIRST = 20;

export interface SearchResults {
  totalCount: number;
  nodes: EntitySummary[];
}

export function useSearchResults(typed: string) {
  const [search] = useDebouncedValue(typed.trim(), WAIT_MS);
  return useQuery<SearchResults>({
    queryKey: ['search', search],
    queryFn: ({ signal }) =>
      gql<{ entities: SearchResults }>(SEARCH, { search, first: FIRST }, signal).then((data) => data.entities),
    enabled: search !== '',
    placeholderData: keepPreviousData,
  });
}

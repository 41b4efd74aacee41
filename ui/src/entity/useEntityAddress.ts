import { useCallback, useMemo } from 'react';
import { useLocation } from 'wouter';
import { useSearch } from 'wouter/use-browser-location';
import { entityAddress } from './address';
import { readAt } from './asOf';
import { urnFromSegment } from './urn';

const BASE = '/ui/entity/';

/** Which entity, and as of when: both from the address, which `setAt` moves. */
export function useEntityAddress(): { urn: string; at: string | null; setAt: (at: string | null) => void } {
  const [, navigate] = useLocation();
  const search = useSearch();
  const urn = urnFromSegment(window.location.pathname.slice(BASE.length));
  const at = useMemo(() => readAt(new URLSearchParams(search)), [search]);
  const setAt = useCallback((to: string | null) => navigate(entityAddress(urn, to)), [navigate, urn]);
  return { urn, at, setAt };
}

import { useCallback, useMemo } from 'react';
import { useLocation } from 'wouter';
import { useSearch } from 'wouter/use-browser-location';
import { lineageAddress } from '../entity/address';
import { urnFromSegment } from '../entity/urn';
import { readViewState, writeViewState } from './viewState';
import type { ViewState } from './viewState';

export type Change = (patch: Partial<ViewState>, how?: { replace?: boolean }) => void;

const BASE = '/ui/lineage/';

/** The urn in focus and the rest of the view's state, both from the address; `change` moves the address. */
export function useViewState(): { focus: string; state: ViewState; change: Change } {
  const [, navigate] = useLocation();
  // The browser's own query string: wouter's `useSearch` decodes it once too often for urns.
  const search = useSearch();
  const focus = urnFromSegment(window.location.pathname.slice(BASE.length));
  const state = useMemo(() => readViewState(search), [search]);
  const change = useCallback<Change>(
    (patch, how) => {
      const query = writeViewState({ ...readViewState(window.location.search), ...patch });
      navigate(lineageAddress(focus) + (query ? `?${query}` : ''), { replace: how?.replace ?? false });
    },
    [focus, navigate],
  );
  return { focus, state, change };
}

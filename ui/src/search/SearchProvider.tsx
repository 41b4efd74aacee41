import { useHotkeys } from '@mantine/hooks';
import { createContext, useContext, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import { SearchPalette } from './SearchPalette';

const OpenSearch = createContext<() => void>(() => undefined);

/** Opens the search from anywhere: by `/`, by Ctrl K, or by what `useOpenSearch` hands out. */
export function SearchProvider({ children }: { children: ReactNode }) {
  const [opened, setOpened] = useState(false);
  const open = useMemo(() => () => setOpened(true), []);
  useHotkeys([['/', open]]);
  useHotkeys([['mod+K', open]], []);
  return (
    <OpenSearch.Provider value={open}>
      {children}
      <SearchPalette opened={opened} onClose={() => setOpened(false)} />
    </OpenSearch.Provider>
  );
}

export function useOpenSearch(): () => void {
  return useContext(OpenSearch);
}

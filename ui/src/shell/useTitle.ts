import { useEffect } from 'react';
import { texts } from '../texts';

export function useTitle(page: string | null): void {
  useEffect(() => {
    document.title = texts.title(page);
  }, [page]);
}

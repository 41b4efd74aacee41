import type { Named } from '../api/schema';

const STORED_AS = 'andon.recent';
const KEPT = 7;

/** The entities opened last in this browser, newest first. */
export function recentlyOpened(): Named[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED_AS) ?? '[]');
    return Array.isArray(stored) ? (stored as Named[]).filter((e) => typeof e.urn === 'string') : [];
  } catch {
    return [];
  }
}

export function rememberOpened({ __typename, urn, type, namespace, name }: Named): void {
  const others = recentlyOpened().filter((e) => e.urn !== urn);
  localStorage.setItem(STORED_AS, JSON.stringify([{ __typename, urn, type, namespace, name }, ...others].slice(0, KEPT)));
}

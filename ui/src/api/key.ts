/** The caller's API key, kept in this browser. Servers without authentication never ask for one. */
const STORED_AS = 'andon.key';

export function readKey(): string | null {
  return localStorage.getItem(STORED_AS);
}

export function keepKey(key: string): void {
  localStorage.setItem(STORED_AS, key);
}

export function forgetKey(): void {
  localStorage.removeItem(STORED_AS);
}

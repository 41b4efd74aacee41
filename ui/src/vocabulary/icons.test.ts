import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NEUTRAL, REST, SHIPPED } from 'virtual:icons';

const ONTOLOGY = '../ontology';

test('every icon that the shipped ontology names is in the bundle', () => {
  const files = readdirSync(ONTOLOGY, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ttl'));
  const named = files.flatMap((file) => [...readFileSync(join(ONTOLOGY, file), 'utf8').matchAll(/:icon "([^"]+)"/g)].map((match) => match[1] ?? ''));
  expect(named.length).toBeGreaterThan(20);
  expect(Object.keys(SHIPPED).sort()).toEqual([...new Set(named)].sort());
  expect(Object.values(SHIPPED).every((paths) => paths.length > 0 && paths.every(Boolean))).toBe(true);
});

test('any other icon of the set is a file away', async () => {
  const icons = (await REST.t?.())?.default;
  expect(icons?.['truck-delivery']?.length).toBeGreaterThan(2);
  expect(icons?.['no-such-icon']).toBeUndefined();
  expect(NEUTRAL.length).toBeGreaterThan(0);
});

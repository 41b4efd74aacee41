import { expect, test } from 'vitest';
import { ago, duration } from './times';

const NOON = Date.parse('2026-11-23T12:00:00Z');

test.each([
  ['2026-11-23T11:59:30Z', 'just now'],
  ['2026-11-23T11:46:00Z', '14m ago'],
  ['2026-11-22T12:00:00Z', 'yesterday'],
])('%s seen at noon is "%s"', (iso, text) => {
  expect(ago(iso, NOON)).toBe(text);
});

test.each([
  ['2026-11-23T12:00:00Z', '2026-11-23T12:00:00.340Z', '340ms'],
  ['2026-11-23T12:00:00Z', '2026-11-23T12:02:04Z', '2m 04s'],
  ['2026-11-23T12:00:00Z', '2026-11-23T13:03:00Z', '1h 03m'],
])('from %s to %s it took %s', (start, end, text) => {
  expect(duration(start, end)).toBe(text);
});

test('a run that has not ended took no time yet', () => {
  expect(duration('2026-11-23T12:00:00Z', null)).toBeNull();
});

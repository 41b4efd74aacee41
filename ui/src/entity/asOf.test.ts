import { expect, test } from 'vitest';
import { asOf, readAt, whenOf, writeAt } from './asOf';

test.each([
  ['at=2026-11-01T00:00Z', '2026-11-01T00:00Z', { valid: '2026-11-01T00:00Z' }],
  ['valid=2026-11-01T00:00Z', '2026-11-01T00:00Z', { valid: '2026-11-01T00:00Z' }],
  ['position=1842', '@1842', { position: 1842 }],
  ['position=0', '@0', { position: 0 }],
  ['valid=2026-11-01T00:00Z&position=7', '2026-11-01T00:00Z@7', { valid: '2026-11-01T00:00Z', position: 7 }],
  ['known=2026-11-02T00:00Z', '@2026-11-02T00:00Z', { known: '2026-11-02T00:00Z' }],
  ['known=2026-11-02T00:00Z&position=7', '@7', { position: 7 }],
  ['valid=soon&position=-3&known=later', null, null],
  ['', null, null],
])('the address %s is as of %s', (query, at, variables) => {
  expect(readAt(new URLSearchParams(query))).toBe(at);
  expect(asOf(at)).toEqual(variables);
});

test.each([null, '2026-11-01T00:00Z', '@1842', '2026-11-01T00:00Z@7', '@2026-11-02T00:00Z'])('%s survives the way through an address', (at) => {
  expect(readAt(new URLSearchParams(writeAt(at, 'at')))).toBe(at);
  expect(readAt(new URLSearchParams(writeAt(at, 'valid')))).toBe(at);
});

test('a position is told as one', () => {
  expect(whenOf('@1842')).toBe('journal position 1,842');
});

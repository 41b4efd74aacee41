import { expect, test } from 'vitest';
import { wireKind } from './wireKind';

const direct = (...subtypes: string[]) => ({
  kind: 'DIRECT',
  transformations: subtypes.map((subtype) => ({ type: 'DIRECT', subtype })),
});

test('the strongest of several transformations gives the colour', () => {
  expect(wireKind(direct('IDENTITY', 'AGGREGATION'))).toBe('aggregation');
  expect(wireKind(direct('IDENTITY', 'TRANSFORMATION'))).toBe('transformation');
  expect(wireKind(direct('IDENTITY'))).toBe('identity');
});

test('an indirect influence beside a direct one does not hide it', () => {
  const both = { kind: 'DIRECT', transformations: [{ type: 'INDIRECT', subtype: 'JOIN' }, { type: 'DIRECT', subtype: 'IDENTITY' }] };
  expect(wireKind(both)).toBe('identity');
});

test('indirect only is indirect; nothing said is unspecified', () => {
  expect(wireKind({ kind: 'INDIRECT', transformations: [{ type: 'INDIRECT', subtype: 'FILTER' }] })).toBe('indirect');
  expect(wireKind({ kind: 'DIRECT', transformations: [] })).toBe('unspecified');
});

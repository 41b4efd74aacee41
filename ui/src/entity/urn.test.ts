import { expect, test } from 'vitest';
import { datasetOfColumn, longUrn, parseUrn, shortUrn, urnFromSegment } from './urn';

const ORDERS = 'urn:andon:dataset:postgres%3A%2F%2Fdb.example%3A5432:shop.public.orders';
const AMOUNT = 'urn:andon:column:postgres%3A%2F%2Fdb.example%3A5432:shop.public.orders:amount';

test('a dataset urn is read into its decoded parts', () => {
  expect(parseUrn(ORDERS)).toEqual({
    kind: 'dataset', namespace: 'postgres://db.example:5432', name: 'shop.public.orders', path: null,
  });
});

test('a column urn has a path, and leads to its dataset without touching the encoding', () => {
  expect(parseUrn(AMOUNT)?.path).toBe('amount');
  expect(datasetOfColumn(AMOUNT)).toBe(ORDERS);
  expect(datasetOfColumn(ORDERS)).toBeNull();
});

test.each([
  ['another scheme', 'urn:li:dataset:x:y'],
  ['too few parts', 'urn:andon:dataset:x'],
  ['too many parts', 'urn:andon:dataset:x:y:z'],
  ['a column without a path', 'urn:andon:column:x:y'],
  ['broken percent encoding', 'urn:andon:dataset:%zz:y'],
])('%s is no urn', (_, text) => {
  expect(parseUrn(text)).toBeNull();
});

test('an address segment gives the urn whether it was encoded or pasted bare', () => {
  expect(urnFromSegment(encodeURIComponent(ORDERS))).toBe(ORDERS);
  expect(urnFromSegment(ORDERS)).toBe(ORDERS);
});

test('a segment that cannot be decoded is kept as it came', () => {
  expect(urnFromSegment('%E0%A4%A')).toBe('%E0%A4%A');
});

test('shortening a urn loses nothing', () => {
  expect(longUrn(shortUrn(AMOUNT))).toBe(AMOUNT);
});

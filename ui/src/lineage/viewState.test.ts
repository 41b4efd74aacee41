import { expect, test } from 'vitest';
import { INITIAL, MAX_DEPTH, readViewState, writeViewState } from './viewState';
import type { ViewState } from './viewState';

const ORDERS = 'urn:andon:dataset:postgres%3A%2F%2Fdb%3A5432:shop.orders';
const ITEMS = 'urn:andon:dataset:s3%3A%2F%2Flake:items%2Cold';
const AMOUNT = 'urn:andon:column:postgres%3A%2F%2Fdb%3A5432:shop.orders:amount';

test('the first view of an asset has no query at all', () => {
  expect(writeViewState(INITIAL)).toBe('');
  expect(readViewState('')).toEqual(INITIAL);
});

test('every part of a view survives the way through an address', () => {
  const state: ViewState = {
    up: 3, down: 0, columns: true, indirect: true, wide: [ORDERS, ITEMS], column: AMOUNT, wholePath: true,
    expanded: [{ urn: ORDERS, side: 'up' }, { urn: ITEMS, side: 'down' }], selected: ITEMS,
    at: '2026-11-01T00:00Z@1842', table: true, link: ',dataset:a:b,job:c:d',
  };
  expect(readViewState(writeViewState(state))).toEqual(state);
  expect(readViewState(`?${writeViewState(state)}`)).toEqual(state);
});

test('a traced column switches the columns on', () => {
  expect(readViewState('col=column:a:b:c').columns).toBe(true);
});

test('a view cannot hide both directions', () => {
  expect(readViewState('up=0&down=0')).toMatchObject({ up: 1, down: 1 });
});

test.each(['up=-1', 'up=x', 'up=1.5', 'up='])('%s falls back to one step', (query) => {
  expect(readViewState(query).up).toBe(1);
});

test('depth is bounded', () => {
  expect(readViewState('down=4000').down).toBe(MAX_DEPTH);
});

test('a moment that is none is the present', () => {
  expect(readViewState('at=yesterday-ish').at).toBeNull();
});

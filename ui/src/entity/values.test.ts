import { expect, test } from 'vitest';
import { currencyOf, showValue } from './values';

test.each([
  ['dateTime', '2026-11-23T12:00:00Z', { as: 'text', text: '23 Nov 2026, 12:00', title: '2026-11-23T12:00:00Z' }],
  ['date', '2026-11-23', { as: 'text', text: '23 Nov 2026', title: '2026-11-23' }],
  ['dateTime', 'soon', { as: 'text', text: 'soon' }],
  ['duration', 'P30D', { as: 'text', text: '30 days', title: 'P30D' }],
  ['duration', 'PT1H30M', { as: 'text', text: '1 hour, 30 minutes', title: 'PT1H30M' }],
  ['duration', 'P', { as: 'text', text: 'P', title: 'P' }],
  ['integer', 1234567, { as: 'text', text: '1,234,567', title: '1234567' }],
  ['decimal', 0.1, { as: 'text', text: '0.1', title: '0.1' }],
  ['decimal', '12345678901234567890.12', { as: 'text', text: '12,345,678,901,234,567,890.12', title: '12345678901234567890.12' }],
  ['decimal', 'a lot', { as: 'text', text: 'a lot', title: 'a lot' }],
  ['boolean', false, { as: 'text', text: 'no' }],
  ['anyURI', 'https://example.com/a?b=c', { as: 'link', text: 'https://example.com/a?b=c', href: 'https://example.com/a?b=c' }],
  ['anyURI', 's3://lake/models/churn', { as: 'text', text: 's3://lake/models/churn' }],
  ['anyURI', 'javascript:alert(1)', { as: 'text', text: 'javascript:alert(1)' }],
  ['anyURI', 'urn:andon:person:people:jane', { as: 'entity', urn: 'urn:andon:person:people:jane' }],
  ['string', 'plain', { as: 'text', text: 'plain' }],
  ['string', '{"auc":0.93}', { as: 'json', text: '{\n  "auc": 0.93\n}' }],
  ['string', '{not json', { as: 'text', text: '{not json' }],
  ['string', { a: 1 }, { as: 'json', text: '{\n  "a": 1\n}' }],
])('a %s %j is shown as people read it', (range, value, shown) => {
  expect(showValue(value, range)).toEqual(shown);
});

test('an amount of money has its currency and at least two digits after the point', () => {
  expect(showValue(1234.5, 'decimal', 'EUR')).toMatchObject({ text: '1,234.50 EUR' });
  expect(showValue('0.00412', 'decimal', 'USD')).toMatchObject({ text: '0.00412 USD' });
});

test('the currency is the one that the entity names', () => {
  const said = { billedCost: 3, billingCurrency: 'EUR', pricingQuantity: 4 };
  expect(currencyOf('billedCost', said)).toBe('EUR');
  expect(currencyOf('budgetAmount', { budgetAmount: 1, budgetCurrency: 'CHF' })).toBe('CHF');
  expect(currencyOf('pricingQuantity', said)).toBeNull();
  expect(currencyOf('billedCost', { ...said, pricingCurrency: 'USD' })).toBeNull();
});

import { expect, test } from 'vitest';
import { addressOf, entityAddress, lineageAddress } from './address';

test.each([
  ['a table to its lineage', 'urn:andon:dataset:pg:shop.orders', '/lineage/urn%3Aandon%3Adataset%3Apg%3Ashop.orders'],
  ['a job to its lineage', 'urn:andon:job:airflow:load', '/lineage/urn%3Aandon%3Ajob%3Aairflow%3Aload'],
  [
    'a column to its path in its dataset',
    'urn:andon:column:pg:shop.orders:id',
    '/lineage/urn%3Aandon%3Adataset%3Apg%3Ashop.orders?cols=1&col=column%3Apg%3Ashop.orders%3Aid',
  ],
  ['a policy to its page', 'urn:andon:policy:gov:gdpr', '/entity/urn%3Aandon%3Apolicy%3Agov%3Agdpr'],
  ['a version to its page', 'urn:andon:modelversion:mlflow:churn%2F3', '/entity/urn%3Aandon%3Amodelversion%3Amlflow%3Achurn%252F3'],
  ['a kind of one’s own to its page', 'urn:andon:shipment:dock:42', '/entity/urn%3Aandon%3Ashipment%3Adock%3A42'],
])('a click leads %s', (_, urn, address) => {
  expect(addressOf({ urn })).toBe(address);
});

test('the moment goes along under the name that the page knows it by', () => {
  const urn = 'urn:andon:policy:gov:gdpr';
  expect(entityAddress(urn, '2026-11-01T00:00Z@7')).toMatch(/\?valid=2026-11-01T00%3A00Z&position=7$/);
  expect(lineageAddress(urn, '2026-11-01T00:00Z')).toMatch(/\?at=2026-11-01T00%3A00Z$/);
});

import { expect, test } from 'vitest';
import { displayName, nameOfUrn, placeOf } from './naming';

test.each([
  ['snowflake://shop', 'ANALYTICS.CORE.ORDERS', 'Snowflake', 'ANALYTICS.CORE', 'ORDERS'],
  ['s3://lake', 'core/orders/part.parquet', 'S3', 'core/orders', 'part.parquet'],
  ['kafka://broker:9092', 'web.clicks', 'Kafka', 'broker:9092', 'web.clicks'],
  ['looker://shop', 'Executive/Revenue v1.2', 'Looker', 'Executive', 'Revenue v1.2'],
  ['default', 'nightly', null, 'default', 'nightly'],
  ['exotic://x', 'a.b', 'exotic', 'a', 'b'],
])('%s %s is shown as its system writes names', (namespace, name, platform, container, short) => {
  expect(displayName({ namespace, name })).toEqual({ short, container, platform });
});

test('a trailing slash does not leave a name empty', () => {
  expect(displayName({ namespace: 's3://lake', name: 'core/orders/' }).short).toBe('orders');
});

test('a column is placed in its dataset', () => {
  const urn = 'urn:andon:column:snowflake%3A%2F%2Fshop:A.B.C:amount';
  expect(placeOf({ urn, namespace: 'snowflake://shop', name: 'A.B.C.amount' })).toBe('Snowflake · A.B.C');
  expect(nameOfUrn(urn)).toBe('amount');
});

test.each([
  ['urn:andon:person:people:jane.doe', 'jane.doe'],
  ['urn:andon:policy:governance:retention%2Forders', 'retention/orders'],
  ['urn:andon:modelversion:mlflow%3A%2F%2Fshop:churn%2F3', 'churn/3'],
  ['urn:andon:job:airflow:shop.load_orders', 'load_orders'],
])('%s is called %s: only kinds with paths for names are cut', (urn, short) => {
  expect(nameOfUrn(urn)).toBe(short);
});

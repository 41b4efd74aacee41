import { expect, test } from 'vitest';
import { readLink, writeLink } from './links';
import type { Link } from './links';

test.each<[string, Link]>([
  ['an edge', { kind: 'edge', source: 'urn:andon:dataset:a:b', target: 'urn:andon:dataset:c:d' }],
  ['an edge between columns', { kind: 'edge', source: 'urn:andon:column:a:b:c', target: 'urn:andon:column:d:e:f' }],
  ['an edge whose names hold a tilde', { kind: 'edge', source: 'urn:andon:dataset:a:~x~y', target: 'urn:andon:dataset:c:~d' }],
  ['a chip of two jobs', { kind: 'chip', target: 'urn:andon:dataset:a:b', via: ['urn:andon:job:c:d', 'urn:andon:job:e:f'] }],
])('%s is read back as it was written', (_, link) => {
  expect(readLink(writeLink(link))).toEqual(link);
});

test.each(['', ',', 'nonsense', '~dataset:a:b'])('%j links nothing', (text) => {
  expect(readLink(text)).toBeNull();
});

import { expect, test } from 'vitest';
import type { EntityWithRelations, RelationType } from '../api/schema';
import type { Terms } from '../vocabulary/useVocabulary';
import { attributeRows, relationGroups } from './about';

function relation(name: string, label: string, inverse: string | null, inverseLabel: string | null): RelationType {
  return { name, label, inverse, inverseLabel, definition: `What ${name} means.`, domain: 'Entity', range: 'Entity' };
}

const TERMS: Terms = {
  attributes: [
    { name: 'billedCost', label: 'billed cost', definition: 'What is charged.', domain: 'CostItem', range: 'decimal' },
    { name: 'billingCurrency', label: 'billing currency', definition: 'Of which.', domain: 'CostItem', range: 'string' },
  ],
  relations: [relation('chargedTo', 'charged to', 'hasCost', 'has cost'), relation('inDomain', 'in domain', 'domainOf', 'domain of')],
  relationsTo: [relation('governs', 'governs', 'governedBy', 'governed by'), relation('mentions', 'mentions', null, null)],
};

function named(name: string) {
  return { __typename: 'Job', urn: `urn:andon:job:n:${name}`, type: 'Job', namespace: 'n', name, dropped: false };
}

const ITEM: EntityWithRelations = {
  __typename: 'CostItem', urn: 'urn:andon:costitem:aws:1', type: 'CostItem', namespace: 'aws', name: '1', description: null,
  dropped: false, updatedAt: '', createdAt: '', tags: [], owners: [], aliases: [], properties: {}, facets: {}, relations: [],
};

test('attributes stand in the order of the ontology, other properties after them by name', () => {
  const rows = attributeRows({ zone: 'a', billingCurrency: 'EUR', nothing: null, none: [], engineName: 'Spark', billedCost: 12.5 }, TERMS);
  expect(rows.map((row) => [row.label, row.definition])).toEqual([
    ['Billed cost', 'What is charged.'], ['Billing currency', 'Of which.'], ['Engine name', null], ['Zone', null],
  ]);
  expect(rows[0]?.values).toEqual([{ as: 'text', text: '12.50 EUR', title: '12.5' }]);
});

test('an attribute with many values has a line for each', () => {
  const [row] = attributeRows({ altLabel: ['net sales', 'turnover'] }, null);
  expect(row?.values.map((value) => 'text' in value && value.text)).toEqual(['net sales', 'turnover']);
});

test('relations are grouped as they read from here, those it says itself first', () => {
  const groups = relationGroups(
    {
      ...ITEM,
      relations: [
        { name: 'governedBy', outgoing: false, entity: named('a') },
        { name: 'inDomain', outgoing: true, entity: named('b') },
        { name: 'chargedTo', outgoing: true, entity: named('c') },
        { name: 'chargedTo', outgoing: true, entity: named('d') },
        { name: 'mentions', outgoing: false, entity: named('e') },
        { name: 'heldAt', outgoing: false, entity: named('f') },
      ],
    },
    TERMS,
  );
  expect(groups.map((group) => [group.outgoing, group.label, group.targets.map((target) => target.name)])).toEqual([
    [true, 'Charged to', ['c', 'd']],
    [true, 'In domain', ['b']],
    [false, 'Governed by', ['a']],
    [false, 'Mentions', ['e']],
    [false, 'Held at', ['f']],
  ]);
  expect(groups[2]?.definition).toBe('What governs means.');
});

test('what the graph works out itself stands beside what was said, once', () => {
  const job = { ...ITEM, inputs: [named('in')], outputs: [], parent: named('p'), relations: [{ name: 'reads', outgoing: true, entity: named('in') }] };
  expect(relationGroups(job, null).map((group) => [group.name, group.targets.length])).toEqual([['parentJob', 1], ['reads', 1]]);
});

import { expect, test } from 'vitest';
import type { RelationType } from '../api/schema';
import { fieldsOf, neighboursDocument, neighboursOf } from './neighbours';

function relation(name: string, inverse: string | null): RelationType {
  return { name, label: name, definition: '', inverse, inverseLabel: inverse, domain: 'DataAsset', range: 'DataAsset' };
}

const DATASET = {
  attributes: [],
  relations: [relation('derivedFrom', 'derives'), relation('servedBy', 'serves')],
  relationsTo: [relation('derivedFrom', 'derives'), relation('reads', 'readBy'), relation('governs', 'governedBy')],
};
const NOTHING = { attributes: [], relations: [], relationsTo: [] };

function named(__typename: string, urn: string) {
  return { __typename, urn, type: __typename, namespace: 'n', name: 'x' };
}

test('only what the ontology in force has of them is asked for', () => {
  expect(fieldsOf(DATASET).map(({ name, outgoing }) => [name, outgoing])).toEqual([['derivedFrom', true], ['derives', false], ['readBy', false]]);
  expect(neighboursDocument(named('Policy', 'urn:andon:policy:n:x'), NOTHING)).toBeNull();
});

test('one question has a field for each', () => {
  const asked = neighboursDocument(named('Dataset', 'urn:andon:dataset:n:x'), DATASET);
  expect(asked).toContain('... on Dataset { derivedFrom(first: $first) { ...Target } derives(first: $first) { ...Target } readBy(first: $first) { ...Target } }');
  expect(asked).not.toContain('$name');
});

test('what a person owns is found by the owners', () => {
  const person = named('Person', 'urn:andon:person:n:x');
  const asked = neighboursDocument(person, NOTHING);
  expect(asked).toContain('entities(filter: {owners: [$name]}');
  expect(asked).not.toContain('$urn');
  const table = { ...named('Dataset', 'urn:andon:dataset:n:y'), dropped: false };
  expect(neighboursOf(person, NOTHING, { listed: { nodes: [table] } })).toEqual([{ name: 'owns', outgoing: true, targets: [table] }]);
});

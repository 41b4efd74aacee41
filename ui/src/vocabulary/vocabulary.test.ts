import { expect, test } from 'vitest';
import type { EntityType } from '../api/schema';
import { above, branchesOf, countsWithin, labelOf, lookOf, vocabularyOf } from './vocabulary';

function type(name: string, keyClass: string | null, parents: string[], look: Partial<EntityType> = {}): EntityType {
  const kind = keyClass?.toLowerCase() ?? null;
  return { name, label: name, definition: '', kind, keyClass, parents, colour: null, icon: null, own: false, carriesLineage: false, ...look };
}

const WORDS = vocabularyOf('1', [
  type('Entity', null, []),
  type('DataAsset', null, ['Entity']),
  type('Dataset', 'Dataset', ['DataAsset'], { colour: '#2f82e1', icon: 'database' }),
  type('Table', 'Dataset', ['Dataset'], { colour: '#2f82e1', icon: 'table' }),
  type('View', 'Dataset', ['Dataset'], { label: 'View of a table' }),
  type('Person', 'Person', ['Entity'], { colour: '#80899b', icon: 'user' }),
]);

test.each([
  ['a class with its own', 'Table', 'Dataset', '#2f82e1', 'table'],
  ['a class without its own', 'View', 'Dataset', '#2f82e1', 'database'],
  ['a class that is gone from the ontology', 'OldTable', 'Dataset', '#2f82e1', 'database'],
  ['nothing that is known', 'Spaceship', 'Spaceship', null, null],
])('%s looks as its key class where it must', (_, name, keyClass, colour, icon) => {
  expect(lookOf(WORDS, name, keyClass)).toEqual({ colour, icon });
});

test('a class is called by its label, an unknown one by its name', () => {
  expect(labelOf(WORDS, 'View')).toBe('View of a table');
  expect(labelOf(WORDS, 'Spaceship')).toBe('Spaceship');
  expect(labelOf(undefined, 'View')).toBe('View');
});

test('the legend has a branch for each key class', () => {
  expect(branchesOf(WORDS).map(({ type: key, below }) => [key.name, below.map((one) => one.name)])).toEqual([
    ['Dataset', ['Table', 'View']],
    ['Person', []],
  ]);
});

test('what is above a class is found through all its parents', () => {
  expect([...above(WORDS, 'Table')].sort()).toEqual(['DataAsset', 'Dataset', 'Entity', 'Table']);
});

test('entities count with the classes above theirs', () => {
  const counts = countsWithin(WORDS, [{ type: 'Table', count: 3 }, { type: 'Dataset', count: 1 }, { type: 'Person', count: 2 }]);
  expect(counts).toEqual(new Map([['Table', 3], ['Dataset', 4], ['DataAsset', 4], ['Entity', 6], ['Person', 2]]));
});

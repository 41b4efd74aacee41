import { expect, test } from 'vitest';
import type { EntityType } from '../api/schema';
import { answersTo, groupsOf } from './groups';
import { vocabularyOf } from './vocabulary';

function type(name: string, keyClass: string | null, parents: string[]): EntityType {
  return {
    name, label: name, definition: `What a ${name} is.`, kind: keyClass?.toLowerCase() ?? null, keyClass, parents,
    colour: null, icon: null, own: false, carriesLineage: false,
  };
}

test('key classes are grouped under the classes below the topmost one, those without such a class last', () => {
  const words = vocabularyOf('1', [
    type('Entity', null, []),
    type('Data', null, ['Entity']),
    type('DataAsset', null, ['Data']),
    type('Agent', null, ['Entity']),
    type('Unused', null, ['Entity']),
    type('Tag', 'Tag', ['Entity']),
    type('Dataset', 'Dataset', ['DataAsset']),
    type('Table', 'Dataset', ['Dataset']),
    type('Person', 'Person', ['Agent']),
  ]);
  expect(groupsOf(words).map((group) => [group.type?.name, group.branches.map((branch) => branch.type.name)])).toEqual([
    ['Data', ['Dataset']],
    ['Agent', ['Person']],
    [undefined, ['Tag']],
  ]);
});

test.each([
  ['dat', true], ['what dataset', true], ['dataset person', false], ['', true],
])('"%s" finds a dataset: %s', (typed, found) => {
  expect(answersTo(type('Dataset', 'Dataset', []), typed)).toBe(found);
});

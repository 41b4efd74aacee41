import { expect, test } from 'vitest';
import { answer } from './fixtures';
import { mergeAnswers, nearest } from './merge';

test('an edge that two answers give is drawn once', () => {
  const view = mergeAnswers([answer('ab'), answer('ab bc')]);
  expect(view.edges.map(({ source, target }) => source + target)).toEqual(['ab', 'bc']);
  expect([...view.nodes.keys()].sort()).toEqual(['a', 'b', 'c']);
});

test('what one answer hides and another shows is not beyond the view', () => {
  const upstream = answer('ab', { b: [0, 2], a: [3, 0] });
  const downstream = answer('bc bd', { b: [1, 0] });
  const { beyond } = mergeAnswers([upstream, downstream]);
  expect(beyond.get('b')).toBeUndefined();
  expect(beyond.get('a')).toEqual({ up: 3, down: 0 });
});

test('expanding one side lowers its count by what came', () => {
  const first = answer('ab', { a: [3, 0] });
  const more = answer('xa ya', { a: [1, 1] });
  expect(mergeAnswers([first, more]).beyond.get('a')).toEqual({ up: 1, down: 0 });
});

test('a self edge joins nothing', () => {
  expect(mergeAnswers([answer('aa ab')]).edges).toHaveLength(1);
});

test('a cut answer says how much there was', () => {
  const cut = { ...answer('ab'), truncated: true, totalNodes: 9000 };
  expect(mergeAnswers([answer('bc'), cut]).cutFrom).toBe(9000);
  expect(mergeAnswers([answer('bc')]).cutFrom).toBeNull();
});

test('too large a view keeps what is nearest to the focus, and says so', () => {
  const view = nearest(mergeAnswers([answer('ab bc cd de')]), 'b', 3);
  expect([...view.nodes.keys()].sort()).toEqual(['a', 'b', 'c']);
  expect(view.edges.map(({ source, target }) => source + target)).toEqual(['ab', 'bc']);
  expect(view.cutFrom).toBe(5);
});

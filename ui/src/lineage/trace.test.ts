import { expect, test } from 'vitest';
import { traceFrom } from './trace';

const edges = ['ab', 'bc', 'xc', 'by', 'cd'].map(([source = '', target = '']) => ({ source, target }));

test('a path goes up to every source and down to every end', () => {
  expect([...traceFrom('b', edges).nodes].sort()).toEqual(['a', 'b', 'c', 'd', 'y']);
});

test('what only shares a target is not on the path', () => {
  const path = traceFrom('b', edges);
  expect(path.nodes.has('x')).toBe(false);
  expect(path.edges.has('x c')).toBe(false);
  expect(path.edges.has('b c')).toBe(true);
});

test('a cycle ends', () => {
  const circle = ['ab', 'ba'].map(([source = '', target = '']) => ({ source, target }));
  expect([...traceFrom('a', circle).nodes].sort()).toEqual(['a', 'b']);
});

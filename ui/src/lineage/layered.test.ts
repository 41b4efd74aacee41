import { expect, test } from 'vitest';
import { dagreLayout } from './dagreLayout';
import { layeredLayout } from './layered';
import type { LayoutInput, LayoutResult } from './layoutTypes';

function graph(pairs: string[], height = 54): LayoutInput {
  const edges = pairs.map((pair) => {
    const [source = '', target = ''] = pair.split('>');
    return { source, target };
  });
  const ids = [...new Set(edges.flatMap(({ source, target }) => [source, target]))];
  return { nodes: ids.map((id) => ({ id, width: 228, height })), edges, gap: 100 };
}

function overlapping(input: LayoutInput, { positions }: LayoutResult): string[] {
  const boxes = input.nodes.map((node) => ({ ...node, ...(positions[node.id] ?? { x: NaN, y: NaN }) }));
  return boxes.flatMap((a, i) =>
    boxes.slice(i + 1).flatMap((b) => {
      const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      return apart ? [] : [`${a.id} and ${b.id}`];
    }),
  );
}

const DIAMOND = graph(['a>b', 'a>c', 'b>d', 'c>d', 'a>d']);

test.each([
  ['the plain layout', layeredLayout],
  ['the fine layout', dagreLayout],
])('%s puts every source left of what it feeds, and no card on another', (_, layout) => {
  const result = layout(DIAMOND);
  for (const { source, target } of DIAMOND.edges) {
    expect(result.positions[source]?.x).toBeLessThan(result.positions[target]?.x ?? NaN);
  }
  expect(overlapping(DIAMOND, result)).toEqual([]);
});

test('the fine layout leads an edge over a layer through one bend', () => {
  expect(dagreLayout(DIAMOND).bends).toEqual({ 'a d': [expect.objectContaining({ x: expect.any(Number) as number })] });
});

test('the plain layout places a cycle and a self edge', () => {
  const input = graph(['a>b', 'b>c', 'c>a', 'c>c']);
  const result = layeredLayout(input);
  expect(Object.keys(result.positions).sort()).toEqual(['a', 'b', 'c']);
  expect(overlapping(input, result)).toEqual([]);
  expect(result.simplified).toBe(true);
});

test('the plain layout untangles two crossed pairs', () => {
  const { positions } = layeredLayout(graph(['a>y', 'b>x', 'a>y', 'b>x']));
  expect(Math.sign((positions.a?.y ?? 0) - (positions.b?.y ?? 0))).toBe(
    Math.sign((positions.y?.y ?? 0) - (positions.x?.y ?? 0)),
  );
});

test('the plain layout takes a chain longer than the call stack and thousands of cards', () => {
  const chain = Array.from({ length: 20_000 }, (_, i) => `n${i}>n${i + 1}`);
  expect(Object.keys(layeredLayout(graph(chain)).positions)).toHaveLength(20_001);
});

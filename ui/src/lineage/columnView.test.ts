import { expect, test } from 'vitest';
import type { ColumnNode, LineageEdge } from '../api/schema';
import { columnsAmong, withPath } from './columnView';
import type { ColumnAnswer } from './columnView';
import { answer, edge, entity } from './fixtures';
import { mergeAnswers } from './merge';

/** `columnAnswer('a.x>b.x b.x~c.y')`: `>` is direct, `~` indirect; datasets are the letters before the dots. */
function columnAnswer(pairs: string): ColumnAnswer {
  const edges = pairs.split(' ').map<LineageEdge>((pair) => {
    const [source = '', target = ''] = pair.split(/[>~]/);
    return { ...edge('ab'), source, target, kind: pair.includes('~') ? 'INDIRECT' : 'DIRECT' };
  });
  const urns = [...new Set(edges.flatMap(({ source, target }) => [source, target]))];
  const nodes = urns.map<ColumnNode>((urn, i) => ({
    __typename: 'Column', urn, type: 'Column', namespace: 'test', name: urn, dataType: 'int', ordinal: 100 - i,
    dataset: entity(urn.slice(0, 1)),
  }));
  return { nodes, edges, truncated: false, totalNodes: nodes.length, hidden: [] };
}

const VIEW = mergeAnswers([answer('ab')]);

test('only column edges between datasets of the view are kept', () => {
  const view = columnsAmong(VIEW, [columnAnswer('a.x>b.x b.x>c.x')], true);
  expect(view.edges.map(({ source, target }) => [source, target])).toEqual([['a.x', 'b.x']]);
  expect([...view.touched.keys()].sort()).toEqual(['a', 'b']);
});

test('indirect edges are counted, and drawn only if wanted', () => {
  const columns = columnAnswer('a.x>b.x a.y~b.x');
  expect(columnsAmong(VIEW, [columns], false)).toMatchObject({ indirect: 1, edges: [{ source: 'a.x' }] });
  expect(columnsAmong(VIEW, [columns], true).edges).toHaveLength(2);
});

test('columns come in schema order', () => {
  const view = columnsAmong(VIEW, [columnAnswer('a.x>b.x a.y>b.x')], true);
  expect(view.touched.get('a')?.map((column) => column.urn)).toEqual(['a.y', 'a.x']);
});

test('a path adds the datasets it leaves the view for, and none that only touch it', () => {
  const wider = withPath(VIEW, 'a.x', columnAnswer('a.x>b.x b.x>c.x d.x>c.x'));
  expect([...wider.nodes.keys()].sort()).toEqual(['a', 'b', 'c']);
  expect(wider.edges.map(({ source, target }) => source + target)).toEqual(['ab', 'bc']);
});

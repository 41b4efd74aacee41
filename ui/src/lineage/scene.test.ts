import { expect, test } from 'vitest';
import { dagreLayout } from './dagreLayout';
import { answer, edge, entity } from './fixtures';
import { mergeAnswers } from './merge';
import { CARD, CHIP, cardsOf, chipsOf, layoutInput, wiresOf, wirePath } from './scene';

function sceneOf(view: ReturnType<typeof mergeAnswers>) {
  const cards = cardsOf(view, null, []);
  const layout = dagreLayout(layoutInput(cards, view, null));
  const chips = chipsOf(view, layout);
  return { cards, layout, chips, wires: wiresOf(view, null, cards, chips, layout) };
}

test('one job that reads two datasets is one chip, left of what it writes', () => {
  const { chips, layout } = sceneOf(mergeAnswers([answer('ac bc')]));
  expect(chips.map((chip) => chip.sources)).toEqual([['a', 'b']]);
  expect(chips[0]?.position.x).toBeLessThan(layout.positions.c?.x ?? NaN);
});

test('two jobs that write one dataset are two chips that do not cover each other', () => {
  const view = mergeAnswers([{ ...answer('ac bc'), edges: [edge('ac', ['j1']), edge('bc', ['j2'])] }]);
  const [first, second] = sceneOf(view).chips;
  expect(Math.abs((first?.position.y ?? 0) - (second?.position.y ?? 0))).toBeGreaterThanOrEqual(CHIP.height);
});

test('an edge without a job goes straight to its target with an arrow', () => {
  const view = mergeAnswers([{ ...answer('ab'), edges: [edge('ab', [])] }]);
  const { chips, wires } = sceneOf(view);
  expect(chips).toEqual([]);
  expect(wires.map((wire) => wire.arrow)).toEqual([true]);
});

test('columns without lineage make a card one line higher, shown columns one line each', () => {
  const column = (name: string) => ({ urn: `urn:andon:column:n:a:${name}`, name, dataType: 'int', ordinal: 0 });
  const view = mergeAnswers([answer('ab')]);
  view.nodes.set('a', { ...entity('a'), columns: [column('x'), column('y')] });
  const columns = { edges: [], indirect: 0, touched: new Map([['a', [column('x')]]]) };
  expect(cardsOf(view, columns, [])[0]).toMatchObject({ rest: 1, height: CARD.head + 2 * CARD.row + CARD.foot });
  expect(cardsOf(view, columns, ['a'])[0]).toMatchObject({ rest: 0, height: CARD.head + 3 * CARD.row + CARD.foot });
});

test('a wire passes level through its bends and ends where it is told', () => {
  const path = wirePath({ x: 0, y: 0 }, [{ x: 400, y: 50 }], { x: 800, y: 10 });
  expect(path).toContain('272,50L528,50');
  expect(path.endsWith('800,10')).toBe(true);
});

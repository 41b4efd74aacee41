import { useEffect, useMemo, useState } from 'react';
import type { ColumnView } from './columnView';
import { layOut } from './layout';
import type { LayoutResult } from './layoutTypes';
import type { View } from './merge';
import { cardsOf, chipsOf, layoutInput, wiresOf } from './scene';
import type { Card, Chip, Wire } from './scene';

export interface Scene {
  cards: Card[];
  chips: Chip[];
  wires: Wire[];
  positions: LayoutResult['positions'];
  simplified: boolean;
}

interface Source {
  view: View;
  columns: ColumnView | null;
  cards: Card[];
}

/** The last scene that was laid out; null before the first. A newer view replaces one still being laid out. */
export function useScene(view: View | null, columns: ColumnView | null, wide: string[], wait: boolean): Scene | null {
  const wideKey = wide.join(',');
  const source = useMemo<Source | null>(
    () => (view && !wait ? { view, columns, cards: cardsOf(view, columns, wideKey ? wideKey.split(',') : []) } : null),
    [view, columns, wideKey, wait],
  );
  const [laid, setLaid] = useState<{ source: Source; layout: LayoutResult } | null>(null);
  useEffect(() => {
    if (!source) return;
    let wanted = true;
    void layOut(layoutInput(source.cards, source.view, source.columns)).then((layout) => {
      if (wanted) setLaid({ source, layout });
    });
    return () => {
      wanted = false;
    };
  }, [source]);
  return useMemo(() => {
    if (!laid) return null;
    const { view: drawn, columns: drawnColumns, cards } = laid.source;
    const chips = chipsOf(drawn, laid.layout);
    const wires = wiresOf(drawn, drawnColumns, cards, chips, laid.layout);
    return { cards, chips, wires, positions: laid.layout.positions, simplified: laid.layout.simplified };
  }, [laid]);
}

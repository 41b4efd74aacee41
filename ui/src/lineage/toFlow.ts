import type { Edge, Node } from '@xyflow/react';
import { CARD, CHIP } from './scene';
import type { Card, Chip, Wire } from './scene';
import type { Scene } from './useScene';

export type CardNode = Node<{ card: Card }, 'card'>;
export type ChipNode = Node<{ chip: Chip }, 'chip'>;
export type Wired = Edge<{ wire: Wire }, 'wire'>;

/** Cards and chips hold buttons of their own; React Flow would switch a node that it cannot drag to "none". */
const TOUCHABLE = { pointerEvents: 'all' } as const;

/** The scene in React Flow's words. Wires carry their own path: React Flow only needs to know what they join. */
export function toFlow(scene: Scene, focus: string): { nodes: (CardNode | ChipNode)[]; edges: Wired[] } {
  const cards = scene.cards.map<CardNode>((card) => ({
    id: card.urn,
    type: 'card',
    position: scene.positions[card.urn] ?? { x: 0, y: 0 },
    data: { card },
    width: CARD.width,
    height: card.height,
    style: TOUCHABLE,
    zIndex: card.urn === focus ? 2 : 1,
  }));
  const chips = scene.chips.map<ChipNode>((chip) => ({
    id: chip.id,
    type: 'chip',
    position: chip.position,
    data: { chip },
    width: chip.width,
    height: CHIP.height,
    style: TOUCHABLE,
    zIndex: 1,
  }));
  const edges = scene.wires.map<Wired>((wire) => ({
    id: wire.id,
    type: 'wire',
    source: wire.ends.source,
    target: wire.ends.target,
    data: { wire },
  }));
  return { nodes: [...cards, ...chips], edges };
}

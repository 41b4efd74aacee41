/** From a view to what is drawn: cards with sizes, then (once laid out) job chips and wires. */
import type { ColumnSummary, EntitySummary, LineageEdge } from '../api/schema';
import { nameOfUrn } from '../entity/naming';
import { inSchemaOrder } from './columnView';
import type { ColumnEdge, ColumnView } from './columnView';
import type { LayoutInput, LayoutResult, Point } from './layoutTypes';
import { writeLink } from './links';
import { edgeKey } from './merge';
import type { Beyond, View } from './merge';
import { wireKind } from './wireKind';
import type { WireKind } from './wireKind';

export const CARD = { width: 228, head: 54, row: 22, foot: 7 };
export const CHIP = { width: 112, small: 24, height: 24, gap: 24, stack: 28 };

/** Room between two layers of cards: for a named chip with its wires, and for one that is only a sign. */
const GAP = { named: 172, small: 104 };

export interface Card {
  urn: string;
  entity: EntitySummary;
  rows: ColumnSummary[];
  /** Columns without lineage in this view that are not among the rows. */
  rest: number;
  wide: boolean;
  beyond: Beyond;
  height: number;
}

export interface Chip {
  id: string;
  target: string;
  via: string[];
  sources: string[];
  /** Its name says more than the target's. */
  named: boolean;
  width: number;
  position: Point;
}

export interface Wire {
  id: string;
  path: string;
  kind: WireKind;
  arrow: boolean;
  /** Cards it joins; for column wires also the columns. */
  ends: { source: string; target: string };
  columns: { source: string; target: string } | null;
  /** What a click on it opens. */
  link: string;
}

const NONE: Beyond = { up: 0, down: 0 };

export function cardsOf(view: View, columns: ColumnView | null, wide: string[]): Card[] {
  return [...view.nodes.values()].map((entity) => {
    const touched = columns?.touched.get(entity.urn) ?? [];
    const all = columns ? (entity.columns ?? []) : [];
    const isWide = wide.includes(entity.urn);
    const rows = isWide ? union(touched, all) : touched;
    const rest = isWide ? 0 : union(touched, all).length - touched.length;
    return { urn: entity.urn, entity, rows, rest, wide: isWide, beyond: view.beyond.get(entity.urn) ?? NONE, height: heightOf(rows.length, rest > 0 || (isWide && rows.length > touched.length)) };
  });
}

function union(touched: ColumnSummary[], all: ColumnSummary[]): ColumnSummary[] {
  return [...new Map([...touched, ...all].map((column) => [column.urn, column])).values()].sort(inSchemaOrder);
}

function heightOf(rows: number, foot: boolean): number {
  const lines = rows + (foot ? 1 : 0);
  return CARD.head + (lines > 0 ? lines * CARD.row + CARD.foot : 0);
}

export function layoutInput(cards: Card[], view: View, columns: ColumnView | null): LayoutInput {
  const pairs = new Map<string, { source: string; target: string }>();
  for (const { source, target } of view.edges) pairs.set(`${source} ${target}`, { source, target });
  for (const { sourceDataset: source, targetDataset: target } of columns?.edges ?? []) {
    if (source !== target) pairs.set(`${source} ${target}`, { source, target });
  }
  const named = view.edges.some(({ target, via }) => via.length > 0 && isTelling(target, via));
  return {
    nodes: cards.map(({ urn, height }) => ({ id: urn, width: CARD.width, height })),
    edges: [...pairs.values()],
    gap: named ? GAP.named : GAP.small,
  };
}

/** One chip for each set of jobs that writes a target, left of it. */
export function chipsOf(view: View, layout: LayoutResult): Chip[] {
  const chips = new Map<string, Chip>();
  const perTarget = new Map<string, number>();
  const stacked = chipsPerTarget(view);
  for (const { source, target, via } of view.edges) {
    const corner = layout.positions[target];
    if (via.length === 0 || !corner || !layout.positions[source]) continue;
    const id = chipId(target, via);
    const known = chips.get(id);
    if (known) {
      known.sources.push(source);
      continue;
    }
    const place = perTarget.get(target) ?? 0;
    perTarget.set(target, place + 1);
    const named = isTelling(target, via);
    const width = named ? CHIP.width : CHIP.small;
    const position = {
      x: corner.x - CHIP.gap - width,
      y: corner.y + CARD.head / 2 - CHIP.height / 2 + (place - ((stacked.get(target) ?? 1) - 1) / 2) * CHIP.stack,
    };
    chips.set(id, { id, target, via: [...via].sort(), sources: [source], named, width, position });
  }
  return [...chips.values()];
}

function chipsPerTarget(view: View): Map<string, number> {
  const ids = new Map<string, Set<string>>();
  for (const { target, via } of view.edges) {
    if (via.length > 0) ids.set(target, (ids.get(target) ?? new Set()).add(chipId(target, via)));
  }
  return new Map([...ids].map(([target, chips]) => [target, chips.size]));
}

/** False where one job is called like what it writes, as dbt models are: the chip then needs no words. */
function isTelling(target: string, via: string[]): boolean {
  return via.length !== 1 || bare(nameOfUrn(via[0] ?? '')) !== bare(nameOfUrn(target));
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function chipId(target: string, via: string[]): string {
  return writeLink({ kind: 'chip', target, via: [...via].sort() });
}

export function wiresOf(view: View, columns: ColumnView | null, cards: Card[], chips: Chip[], layout: LayoutResult): Wire[] {
  const detailed = new Set(columns?.edges.map((edge) => `${edge.sourceDataset} ${edge.targetDataset}`) ?? []);
  const chipById = new Map(chips.map((chip) => [chip.id, chip]));
  const drawn = view.edges.filter((edge) => !detailed.has(edgeKey(edge)));
  return [
    ...drawn.flatMap((edge) => assetWire(edge, chipById.get(chipId(edge.target, edge.via)), layout)),
    ...chips.map((chip) => chipWire(chip, layout)),
    ...columnWires(columns?.edges ?? [], cards, layout),
  ];
}

/** From a card to the chip of the job that reads it, or straight to the target where no job is known. */
function assetWire(edge: LineageEdge, chip: Chip | undefined, layout: LayoutResult): Wire[] {
  const from = layout.positions[edge.source];
  const to = layout.positions[edge.target];
  if (!from || !to) return [];
  const start = { x: from.x + CARD.width, y: from.y + CARD.head / 2 };
  const end = chip ? { x: chip.position.x, y: chip.position.y + CHIP.height / 2 } : { x: to.x - 7, y: to.y + CARD.head / 2 };
  const link = { kind: 'edge', source: edge.source, target: edge.target } as const;
  const path = wirePath(start, layout.bends[edgeKey(edge)] ?? [], end);
  return [{ id: `a ${edgeKey(edge)}`, path, kind: 'unspecified', arrow: !chip, ends: link, columns: null, link: writeLink(link) }];
}

function chipWire(chip: Chip, layout: LayoutResult): Wire {
  const to = layout.positions[chip.target] ?? { x: 0, y: 0 };
  const start = { x: chip.position.x + chip.width, y: chip.position.y + CHIP.height / 2 };
  const path = wirePath(start, [], { x: to.x - 7, y: to.y + CARD.head / 2 });
  return { id: `c ${chip.id}`, path, kind: 'unspecified', arrow: true, ends: { source: chip.target, target: chip.target }, columns: null, link: chip.id };
}

function columnWires(edges: ColumnEdge[], cards: Card[], layout: LayoutResult): Wire[] {
  const anchor = new Map<string, Point>();
  for (const card of cards) {
    const corner = layout.positions[card.urn];
    if (!corner) continue;
    card.rows.forEach((row, i) => anchor.set(row.urn, { x: corner.x, y: corner.y + CARD.head + (i + 0.5) * CARD.row }));
  }
  const lanes = new Map<string, number>();
  return edges.flatMap((edge) => {
    const from = anchor.get(edge.source);
    const to = anchor.get(edge.target);
    if (!from || !to) return [];
    const pair = `${edge.sourceDataset} ${edge.targetDataset}`;
    const lane = lanes.get(pair) ?? 0;
    lanes.set(pair, lane + 1);
    const bends = (layout.bends[pair] ?? []).map(({ x, y }) => ({ x, y: y + (lane - 1) * 5 }));
    const start = { x: from.x + CARD.width, y: from.y };
    const self = edge.sourceDataset === edge.targetDataset;
    const path = self ? loopPath(start, { x: to.x + CARD.width + 7, y: to.y }) : wirePath(start, bends, { x: to.x - 7, y: to.y });
    return [{
      id: `k ${edgeKey(edge)}`, path, kind: wireKind(edge), arrow: true,
      ends: { source: edge.sourceDataset, target: edge.targetDataset },
      columns: { source: edge.source, target: edge.target },
      link: writeLink({ kind: 'edge', source: edge.source, target: edge.target }),
    }];
  });
}

/** A smooth line that leaves and arrives level, and passes level through each layer it crosses. */
export function wirePath(start: Point, bends: Point[], end: Point): string {
  const half = CARD.width / 2 + 14;
  const forward = end.x >= start.x;
  const stops = forward ? bends.filter(({ x }) => x - half > start.x && x + half < end.x) : [];
  let path = `M${xy(start)}`;
  let at = start;
  for (const bend of stops) {
    path += curve(at, { x: bend.x - half, y: bend.y }) + `L${xy({ x: bend.x + half, y: bend.y })}`;
    at = { x: bend.x + half, y: bend.y };
  }
  return path + curve(at, end);
}

function curve(from: Point, to: Point): string {
  const reach = Math.max(24, Math.abs(to.x - from.x) / 2);
  return `C${xy({ x: from.x + reach, y: from.y })} ${xy({ x: to.x - reach, y: to.y })} ${xy(to)}`;
}

function loopPath(start: Point, end: Point): string {
  return `M${xy(start)}C${xy({ x: start.x + 44, y: start.y })} ${xy({ x: end.x + 40, y: end.y })} ${xy(end)}`;
}

function xy({ x, y }: Point): string {
  return `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`;
}

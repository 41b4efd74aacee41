/** What a lineage page shows, kept whole in the address' query so that a link is a view. */
import { readAt, writeAt } from '../entity/asOf';
import { longUrn, shortUrn } from '../entity/urn';

export type Side = 'up' | 'down';

export interface Expansion {
  urn: string;
  side: Side;
}

export interface ViewState {
  /** Steps upstream and downstream; 0 hides that side, never both. */
  up: number;
  down: number;
  columns: boolean;
  /** Also draw column edges that only say: filtered, joined or sorted by. */
  indirect: boolean;
  /** Datasets whose columns without lineage are shown too. */
  wide: string[];
  /** The column whose path is traced. */
  column: string | null;
  /** Also show assets on that path which the steps do not reach. */
  wholePath: boolean;
  expanded: Expansion[];
  selected: string | null;
  /** As of when, as entity/asOf.ts has it; null is now. */
  at: string | null;
  table: boolean;
  /** The edge or job chip whose evidence is open: see links.ts. */
  link: string | null;
}

export const MAX_DEPTH = 10;

export const INITIAL: ViewState = {
  up: 1, down: 1, columns: false, indirect: false, wide: [], column: null, wholePath: false, expanded: [], selected: null, at: null,
  table: false, link: null,
};

/** The state a query string says; whatever it does not say, or says wrongly, is as in `INITIAL`. */
export function readViewState(search: string): ViewState {
  const params = new URLSearchParams(search);
  const up = steps(params.get('up'));
  const down = steps(params.get('down'));
  const neither = up === 0 && down === 0;
  const column = params.get('col');
  return {
    up: neither ? 1 : up,
    down: neither ? 1 : down,
    columns: params.get('cols') === '1' || column !== null,
    indirect: params.get('indirect') === '1',
    wide: list(params.get('wide')).map(longUrn),
    column: column ? longUrn(column) : null,
    wholePath: params.get('path') === 'whole',
    expanded: list(params.get('x')).flatMap(readExpansion),
    selected: params.get('sel') ? longUrn(params.get('sel') ?? '') : null,
    at: readAt(params),
    table: params.get('view') === 'table',
    link: params.get('link'),
  };
}

/** The query string (without `?`) that `readViewState` reads back; what is as in `INITIAL` is left out. */
export function writeViewState(state: ViewState): string {
  const pairs: [string, string | false | null][] = [
    ['up', state.up !== INITIAL.up && String(state.up)],
    ['down', state.down !== INITIAL.down && String(state.down)],
    ['cols', state.columns && !state.column && '1'],
    ['col', state.column && shortUrn(state.column)],
    ['indirect', state.indirect && '1'],
    ['path', state.column !== null && state.wholePath && 'whole'],
    ['wide', state.wide.map(shortUrn).join(',')],
    ['x', state.expanded.map(({ urn, side }) => `${side === 'up' ? 'u' : 'd'}.${shortUrn(urn)}`).join(',')],
    ['sel', state.selected && shortUrn(state.selected)],
    ...writeAt(state.at, 'at'),
    ['view', state.table && 'table'],
    ['link', state.link],
  ];
  return pairs
    .filter((pair): pair is [string, string] => Boolean(pair[1]))
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll('%3A', ':').replaceAll('%2C', ',')}`)
    .join('&');
}

function steps(value: string | null): number {
  const n = value === null || value === '' ? NaN : Number(value);
  return Number.isInteger(n) && n >= 0 ? Math.min(n, MAX_DEPTH) : 1;
}

function list(value: string | null): string[] {
  return value ? value.split(',').filter(Boolean) : [];
}

function readExpansion(item: string): Expansion[] {
  const side = item.startsWith('u.') ? 'up' : item.startsWith('d.') ? 'down' : null;
  return side ? [{ urn: longUrn(item.slice(2)), side }] : [];
}

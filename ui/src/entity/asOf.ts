/**
 * As of when a page shows things, as one text: a moment of the producers' time ("2026-11-01T00:00Z"), how much had
 * been received ("@1842", a journal position, or "@2026-11-01T00:00Z"), or both, in this order. Null is the present.
 */
import type { AsOf } from '../api/schema';
import { texts } from '../texts';
import { moment } from './times';

const POSITION = /^\d{1,15}$/;

/** What an address says: `at` or `valid`, and `position` or `known`; what is no such thing is left out. */
export function readAt(params: URLSearchParams): string | null {
  const valid = params.get('at') ?? params.get('valid') ?? '';
  const position = params.get('position') ?? '';
  const known = params.get('known') ?? '';
  const received = POSITION.test(position) ? position : isMoment(known) ? known : '';
  return (isMoment(valid) ? valid : '') + (received && `@${received}`) || null;
}

/** The address' parameters that `readAt` reads back; the moment goes under the name that the page gives it. */
export function writeAt(at: string | null, name: 'at' | 'valid'): [string, string][] {
  const { valid, position, known } = asOf(at) ?? {};
  const pairs: [string, string | undefined][] = [[name, valid], ['position', position?.toString()], ['known', known]];
  return pairs.filter((pair): pair is [string, string] => pair[1] !== undefined);
}

/** As GraphQL takes it. */
export function asOf(at: string | null): AsOf | null {
  const [valid, received] = (at ?? '').split('@');
  if (!valid && !received) return null;
  return {
    ...(valid ? { valid } : {}),
    ...(received ? (POSITION.test(received) ? { position: Number(received) } : { known: received }) : {}),
  };
}

/** "1 Nov 2026, 00:00", "journal position 1,842", or both. */
export function whenOf(at: string): string {
  const { valid, position, known } = asOf(at) ?? {};
  const parts = [valid && moment(valid), position !== undefined && texts.asOf.position(position), known && texts.asOf.known(moment(known))];
  return parts.filter(Boolean).join(', ');
}

function isMoment(text: string): boolean {
  return !text.includes('@') && !Number.isNaN(Date.parse(text));
}

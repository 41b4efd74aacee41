/** Names for what can be clicked between two cards, short enough for an address. */
import { longUrn, shortUrn } from '../entity/urn';

export type Link = { kind: 'edge'; source: string; target: string } | { kind: 'chip'; target: string; via: string[] };

export function writeLink(link: Link): string {
  return link.kind === 'edge'
    ? `${shortUrn(link.source)}~${shortUrn(link.target)}`
    : ['', link.target, ...link.via].map((urn) => shortUrn(urn)).join(',');
}

/** The link that `writeLink` wrote; null for anything else. Urns hold no comma, but may hold a tilde. */
export function readLink(text: string): Link | null {
  if (text.startsWith(',')) {
    const [target, ...via] = text.slice(1).split(',').filter(Boolean).map(longUrn);
    return target ? { kind: 'chip', target, via } : null;
  }
  const at = [...text.matchAll(/~/g)].map((match) => match.index).find((i) => looksLikeUrn(text.slice(i + 1)));
  if (at === undefined || at === 0) return null;
  return { kind: 'edge', source: longUrn(text.slice(0, at)), target: longUrn(text.slice(at + 1)) };
}

function looksLikeUrn(text: string): boolean {
  return /^[a-z]+:[^:]*:[^:]+(:[^:]+)?$/.test(text);
}

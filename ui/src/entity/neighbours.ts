/**
 * Relations that the graph works out itself, from lineage, owners and tags. They are not among an entity's
 * `relations`, which are what was said; each has a field of its own in GraphQL, or a filter.
 */
import type { Named } from '../api/schema';
import type { Terms } from '../vocabulary/useVocabulary';
import type { Target } from './about';
import { parseUrn } from './urn';

export interface Neighbours {
  name: string;
  outgoing: boolean;
  targets: Target[];
}

/** Relations of the ontology with such a field; those that a hand-written field tells of this type are left out. */
const WORKED_OUT = new Set(['derivedFrom', 'reads', 'writes', 'feeds', 'columnDerivedFrom']);
const IN_DETAILS = new Set(['reads', 'writes']);

interface Field {
  name: string;
  outgoing: boolean;
}

/** Which of these relations the ontology gives to entities of the class. */
export function fieldsOf(terms: Terms): Field[] {
  const from = terms.relations.filter(({ name }) => WORKED_OUT.has(name) && !IN_DETAILS.has(name));
  const to = terms.relationsTo.flatMap(({ name, inverse }) => (WORKED_OUT.has(name) && inverse ? [inverse] : []));
  return [...from.map(({ name }) => ({ name, outgoing: true })), ...to.map((name) => ({ name, outgoing: false }))];
}

/** Entities that name this one in a list of theirs, not by relation: what somebody owns, what has a tag. */
function listing({ urn }: Pick<Named, 'urn'>): (Field & { filter: string }) | null {
  const kind = parseUrn(urn)?.kind ?? '';
  if (kind === 'person' || kind === 'team') return { name: 'owns', outgoing: true, filter: 'owners' };
  return kind === 'tag' ? { name: 'tagOf', outgoing: false, filter: 'tags' } : null;
}

/** One question for all of them; null where there is nothing to ask. */
export function neighboursDocument(entity: Named, terms: Terms): string | null {
  const fields = fieldsOf(terms).map(({ name }) => `${name}(first: $first) { ...Target }`);
  const list = listing(entity);
  const listed = list && `listed: entities(filter: {${list.filter}: [$name]}, first: $first, asOf: $asOf) { nodes { ...Target } }`;
  if (fields.length === 0 && !listed) return null;
  const own = fields.length > 0 && `entity(urn: $urn, asOf: $asOf) { ... on ${entity.__typename} { ${fields.join(' ')} } }`;
  const variables = [own && '$urn: String!', listed && '$name: String!', '$first: Int!', '$asOf: AsOf'].filter(Boolean).join(', ');
  return `query Neighbours(${variables}) { ${[own, listed].filter(Boolean).join(' ')} }
  fragment Target on Entity { __typename urn type namespace name dropped }`;
}

export interface NeighboursAnswer {
  entity?: Record<string, Target[]> | null;
  listed?: { nodes: Target[] };
}

export function neighboursOf(entity: Named, terms: Terms, answer: NeighboursAnswer): Neighbours[] {
  const list = listing(entity);
  return [
    ...fieldsOf(terms).map((field) => ({ ...field, targets: answer.entity?.[field.name] ?? [] })),
    ...(list ? [{ name: list.name, outgoing: list.outgoing, targets: answer.listed?.nodes ?? [] }] : []),
  ];
}

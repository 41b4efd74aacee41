/** What an entity's page says of it: its attributes and relations in the words and the order of the ontology. */
import type { AttributeType, EntityWithRelations, Named, RelationType } from '../api/schema';
import type { Terms } from '../vocabulary/useVocabulary';
import type { Neighbours } from './neighbours';
import { currencyOf, showValue } from './values';
import type { Shown } from './values';

export interface AttributeRow {
  name: string;
  label: string;
  /** Null for a property that is no attribute of the ontology. */
  definition: string | null;
  values: Shown[];
}

export interface Target extends Named {
  dropped?: boolean;
}

export interface RelationGroup {
  name: string;
  label: string;
  definition: string | null;
  outgoing: boolean;
  targets: Target[];
}

/** The attributes that the class has, in the ontology's order; then what else is known in plain values, by name. */
export function attributeRows(properties: Record<string, unknown>, terms: Terms | null | undefined): AttributeRow[] {
  const order = new Map((terms?.attributes ?? []).map((attribute, i) => [attribute.name, i]));
  const place = (name: string) => order.get(name) ?? order.size;
  const names = Object.keys(properties).filter((name) => !isNothing(properties[name]));
  names.sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  return names.map((name) => attributeRow(name, properties, terms?.attributes[place(name)]));
}

function attributeRow(name: string, properties: Record<string, unknown>, attribute: AttributeType | undefined): AttributeRow {
  const said = properties[name];
  const currency = currencyOf(name, properties);
  return {
    name,
    label: sentence(attribute?.label ?? spelled(name)),
    definition: attribute?.definition ?? null,
    values: (Array.isArray(said) ? said : [said]).map((value) => showValue(value, attribute?.range ?? 'string', currency)),
  };
}

function isNothing(value: unknown): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

/** What joins it to others, by relation: those it says itself first, each side in the ontology's order. */
export function relationGroups(
  entity: EntityWithRelations,
  terms: Terms | null | undefined,
  neighbours: Neighbours[] = [],
): RelationGroup[] {
  const groups = new Map<string, RelationGroup>();
  const add = (name: string, outgoing: boolean, targets: (Target | null | undefined)[]) => {
    const known = targets.filter((target): target is Target => target != null);
    if (known.length === 0) return;
    const key = `${outgoing} ${name}`;
    const group = groups.get(key) ?? { name, outgoing, targets: [], ...wordsOf(name, outgoing, terms) };
    const urns = new Set(group.targets.map((target) => target.urn));
    groups.set(key, { ...group, targets: [...group.targets, ...known.filter((target) => !urns.has(target.urn))] });
  };
  // What the graph works out itself comes in fields of its own; here it stands beside what was said.
  add('reads', true, entity.inputs ?? []);
  add('writes', true, entity.outputs ?? []);
  add('parentJob', true, [entity.parent]);
  add('executes', true, [entity.job]);
  add('columnOf', false, [entity.dataset]);
  for (const { name, outgoing, targets } of neighbours) add(name, outgoing, targets);
  for (const { name, outgoing, entity: target } of entity.relations) add(name, outgoing, [target]);
  const order = (outgoing: boolean) =>
    new Map((outgoing ? terms?.relations : terms?.relationsTo)?.map((relation, i) => [nameOf(relation, outgoing), i]));
  const orders = { out: order(true), in: order(false) };
  const place = ({ name, outgoing }: RelationGroup) => (outgoing ? orders.out : orders.in).get(name) ?? Infinity;
  return [...groups.values()].sort(
    (a, b) => Number(b.outgoing) - Number(a.outgoing) || compare(place(a), place(b)) || a.label.localeCompare(b.label),
  );
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function nameOf({ name, inverse }: RelationType, outgoing: boolean): string {
  return outgoing ? name : (inverse ?? name);
}

function wordsOf(name: string, outgoing: boolean, terms: Terms | null | undefined): Pick<RelationGroup, 'label' | 'definition'> {
  const relation = (outgoing ? terms?.relations : terms?.relationsTo)?.find((one) => nameOf(one, outgoing) === name);
  const label = outgoing ? relation?.label : (relation?.inverseLabel ?? relation?.label);
  return { label: sentence(label ?? spelled(name)), definition: relation?.definition ?? null };
}

/** "billedCost" -> "billed cost". */
function spelled(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
}

function sentence(label: string): string {
  return label.charAt(0).toUpperCase() + label.slice(1);
}

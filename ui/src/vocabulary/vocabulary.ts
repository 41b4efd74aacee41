/** The ontology's classes as the page uses them: pure look-ups over what `types` answers. */
import type { EntityType, TypeCount } from '../api/schema';

export interface Vocabulary {
  version: string;
  /** In the order of the ontology's files. */
  types: EntityType[];
  byName: ReadonlyMap<string, EntityType>;
}

/** A key class with the classes below it, each after its parents. */
export interface Branch {
  type: EntityType;
  below: EntityType[];
}

export interface Look {
  /** `#rrggbb`; null where the vocabulary does not tell. */
  colour: string | null;
  icon: string | null;
}

export function vocabularyOf(version: string, types: EntityType[]): Vocabulary {
  return { version, types, byName: new Map(types.map((type) => [type.name, type])) };
}

/** A class's colour and icon, else its key class's: an entity may be of a class that is gone from the ontology. */
export function lookOf({ byName }: Vocabulary, type: string, keyClass: string): Look {
  const named = byName.get(type);
  const key = byName.get(named?.keyClass ?? keyClass);
  return { colour: named?.colour ?? key?.colour ?? null, icon: named?.icon ?? key?.icon ?? null };
}

/** "Cost item"; a class that the vocabulary does not know is called by its name. */
export function labelOf(vocabulary: Vocabulary | undefined, type: string): string {
  return vocabulary?.byName.get(type)?.label ?? type;
}

export function branchesOf({ types }: Vocabulary): Branch[] {
  const keys = types.filter((type) => type.keyClass === type.name);
  return keys.map((key) => ({ type: key, below: types.filter((type) => type.keyClass === key.name && type !== key) }));
}

/** Every class above a class, itself included. */
export function above({ byName }: Vocabulary, name: string): Set<string> {
  const found = new Set([name]);
  // A set hands out what is added to it while it is walked.
  for (const one of found) for (const parent of byName.get(one)?.parents ?? []) found.add(parent);
  return found;
}

/** How many entities there are of each class, those of the classes below it included; classes with none are left out. */
export function countsWithin(vocabulary: Vocabulary, counts: TypeCount[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { type, count } of counts) {
    for (const name of above(vocabulary, type)) found.set(name, (found.get(name) ?? 0) + count);
  }
  return found;
}

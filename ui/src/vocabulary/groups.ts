import type { EntityType } from '../api/schema';
import { above, branchesOf } from './vocabulary';
import type { Branch, Vocabulary } from './vocabulary';

/** Key classes that stand under one class above them: "Data", "Agent". */
export interface Group {
  /** Null for those that stand directly under the topmost class. */
  type: EntityType | null;
  branches: Branch[];
}

/** The legend's groups in the order of the ontology, those without one last. */
export function groupsOf(vocabulary: Vocabulary): Group[] {
  const tops = vocabulary.types.filter((type) => type.parents.length === 0);
  const heads = vocabulary.types.filter((type) => type.keyClass === null && type.parents.some((parent) => tops.some((top) => top.name === parent)));
  const groups: Group[] = [...heads.map((type) => ({ type, branches: [] })), { type: null, branches: [] }];
  for (const branch of branchesOf(vocabulary)) {
    const over = above(vocabulary, branch.type.name);
    groups.find(({ type }) => type === null || over.has(type.name))?.branches.push(branch);
  }
  return groups.filter((group) => group.branches.length > 0);
}

/** Whether a class answers to what was typed: by name, label or definition. */
export function answersTo(type: EntityType, typed: string): boolean {
  const text = `${type.name} ${type.label} ${type.definition}`.toLowerCase();
  return typed.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

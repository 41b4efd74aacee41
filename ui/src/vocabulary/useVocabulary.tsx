import { useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import type { ReactNode } from 'react';
import { gql } from '../api/gql';
import { TERMS, TYPES } from '../api/queries';
import type { AttributeType, EntityType, RelationType } from '../api/schema';
import { vocabularyOf } from './vocabulary';
import type { Vocabulary } from './vocabulary';

/** Queries that hang on the ontology alone: asked again when `useStatus` sees another version of it, and not before. */
export const OF_THE_ONTOLOGY = 'ontology';

const Words = createContext<Vocabulary | undefined>(undefined);

/** Asks once for all: a page has hundreds of icons. */
export function VocabularyProvider({ children }: { children: ReactNode }) {
  const { data } = useVocabularyQuery();
  return <Words.Provider value={data}>{children}</Words.Provider>;
}

/** The classes of the ontology in force; undefined until they have come. */
export function useVocabulary(): Vocabulary | undefined {
  return useContext(Words);
}

export function useVocabularyQuery() {
  return useQuery({
    queryKey: [OF_THE_ONTOLOGY, 'types'],
    queryFn: ({ signal }) =>
      gql<{ status: { ontologyVersion: string }; types: EntityType[] }>(TYPES, {}, signal).then((data) =>
        vocabularyOf(data.status.ontologyVersion, data.types),
      ),
    staleTime: Infinity,
    gcTime: Infinity,
  });
}

export interface Terms {
  attributes: AttributeType[];
  relations: RelationType[];
  /** Those that end at them. */
  relationsTo: RelationType[];
}

/** What may be said of entities of a class, in the ontology's order; asked for once the class is known. */
export function useTerms(type: string | undefined) {
  return useQuery({
    queryKey: [OF_THE_ONTOLOGY, 'terms', type],
    queryFn: ({ signal }) => gql<{ types: Terms[] }>(TERMS, { name: type }, signal).then((data) => data.types[0] ?? null),
    enabled: type !== undefined,
    staleTime: Infinity,
  });
}

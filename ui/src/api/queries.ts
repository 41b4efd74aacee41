/** Every GraphQL document this page sends, and nothing else. */

const NAMED = `fragment Named on Entity { __typename urn type namespace name }`;

const SUMMARY = `
fragment Summary on Entity {
  ...Named description dropped updatedAt
  tags { key value source field }
  owners { name type }
}`;

const EDGE = `
fragment Edge on LineageEdge {
  source target via kind transformations validFrom validTo lastConfirmedAt evidence evidenceCount
}`;

const RUN = `fragment RunLine on Run { urn name state startedAt endedAt updatedAt facets }`;

export const STATUS = `query Status {
  status { version ontologyVersion positionReceived positionProjected deadLetters authentication counts { type count } }
}`;

export const TYPES = `query Types {
  status { ontologyVersion }
  types { name label definition kind keyClass parents colour icon own carriesLineage }
}`;

export const TERMS = `query Terms($name: String!) {
  types(names: [$name]) {
    attributes { name label definition domain range }
    relations { ...Term }
    relationsTo { ...Term }
  }
}
fragment Term on RelationType { name label definition inverse inverseLabel domain range }`;

export const HOME = `query Home {
  datasets: entities(type: "Dataset", orderBy: UPDATED_AT_DESC, first: 8) { totalCount nodes { ...Summary } }
  runs: entities(type: "Run", orderBy: UPDATED_AT_DESC, first: 60) {
    nodes { ... on Run { ...RunLine job { ...Named } } }
  }
  deadLetters(first: 3) { id receivedAt source reason field }
} ${NAMED} ${SUMMARY} ${RUN}`;

export const SEARCH = `query Search($search: String!, $first: Int!) {
  entities(search: $search, first: $first) { totalCount nodes { ...Summary } }
} ${NAMED} ${SUMMARY}`;

export const CATALOGUE = `query Catalogue($types: [String!], $search: String, $after: String) {
  entities(filter: {types: $types}, search: $search, orderBy: NAME, first: 50, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { ...Summary }
  }
} ${NAMED} ${SUMMARY}`;

export const LINEAGE = `query Lineage(
  $urns: [String!]!, $direction: Direction!, $depth: Int!, $level: LineageLevel!, $columns: Boolean!, $asOf: AsOf
) {
  lineage(urns: $urns, direction: $direction, depth: $depth, level: $level, asOf: $asOf) {
    truncated totalNodes
    nodes { ...Summary ... on Dataset @include(if: $columns) { columns { urn name dataType ordinal } } }
    edges { ...Edge }
    hidden { urn up down }
  }
} ${NAMED} ${SUMMARY} ${EDGE}`;

export const COLUMN_LINEAGE = `query ColumnLineage($urns: [String!]!, $direction: Direction!, $depth: Int!, $asOf: AsOf) {
  lineage(urns: $urns, direction: $direction, depth: $depth, level: COLUMN, asOf: $asOf) {
    truncated totalNodes
    nodes { ...Named ... on Column { dataType ordinal dataset { ...Summary } } }
    edges { ...Edge }
    hidden { urn up down }
  }
} ${NAMED} ${SUMMARY} ${EDGE}`;

const DETAILS_OF = `
fragment Details on Entity {
  ...Summary createdAt properties facets aliases { namespace name kind }
  ... on Dataset {
    columns { urn name dataType ordinal description tags { key value source field } }
    schema { name type description }
    versions { version createdAt runUrn }
  }
  ... on Column { dataType dataset { ...Named } }
  ... on Job { retired parent { ...Named } inputs { ...Named } outputs { ...Named } runs(first: 20) { ...RunLine } }
  ... on Run { state startedAt endedAt job { ...Named } inputs { ...Named } outputs { ...Named } }
}
${NAMED} ${SUMMARY} ${RUN}`;

export const DETAILS = `query Details($urn: String!, $asOf: AsOf) {
  entity(urn: $urn, asOf: $asOf) { ...Details }
} ${DETAILS_OF}`;

export const ENTITY = `query Entity($urn: String!, $asOf: AsOf, $related: Int!) {
  entity(urn: $urn, asOf: $asOf) {
    ...Details
    relations(first: $related) { name outgoing entity { ...Named dropped } }
  }
} ${DETAILS_OF}`;

export const PRODUCERS = `query Producers($urn: String!, $asOf: AsOf) {
  lineage(urns: [$urn], direction: UPSTREAM, depth: 1, asOf: $asOf) { edges { target via } }
}`;

/** One request for several jobs: the urns become variables j0, j1, ... */
export function jobsDocument(count: number): string {
  const indexes = Array.from({ length: count }, (_, i) => i);
  const variables = indexes.map((i) => `$j${i}: String!`).join(', ');
  const fields = indexes.map((i) => `j${i}: entity(urn: $j${i}, asOf: $asOf) { ...JobCard }`).join('\n');
  return `query Jobs(${variables}, $asOf: AsOf) { ${fields} }
  fragment JobCard on Entity { ...Named description facets ... on Job { retired runs(first: 20) { ...RunLine } } }
  ${NAMED} ${RUN}`;
}

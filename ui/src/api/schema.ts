/** The part of the GraphQL schema this page asks for. Times are ISO 8601 with Z. */

export interface Tag {
  key: string;
  value: string | null;
  source: string | null;
  field: string | null;
}

export interface Owner {
  name: string;
  type: string | null;
}

export interface Named {
  __typename: string;
  urn: string;
  type: string;
  namespace: string;
  name: string;
}

export interface ColumnSummary {
  urn: string;
  name: string;
  dataType: string | null;
  ordinal: number | null;
}

/** An entity as a card shows it; `columns` only on datasets and only where they were asked for. */
export interface EntitySummary extends Named {
  description: string | null;
  dropped: boolean;
  updatedAt: string;
  tags: Tag[];
  owners: Owner[];
  columns?: ColumnSummary[];
}

export interface LineageEdge {
  source: string;
  target: string;
  via: string[];
  kind: string;
  transformations: Transformation[];
  validFrom: string;
  validTo: string | null;
  lastConfirmedAt: string;
  evidence: number[];
  evidenceCount: number;
}

export interface Transformation {
  type?: string;
  subtype?: string;
  description?: string;
  masking?: boolean;
}

export interface HiddenCount {
  urn: string;
  up: number;
  down: number;
}

export interface LineageAnswer<N = EntitySummary> {
  nodes: N[];
  edges: LineageEdge[];
  truncated: boolean;
  totalNodes: number;
  hidden: HiddenCount[];
}

export interface ColumnNode extends Named {
  dataType: string | null;
  ordinal: number | null;
  dataset: EntitySummary | null;
}

export type RunState = 'RUNNING' | 'COMPLETE' | 'FAIL' | 'ABORT' | 'UNKNOWN';

export interface RunSummary {
  urn: string;
  name: string;
  state: RunState;
  startedAt: string | null;
  endedAt: string | null;
  updatedAt: string;
  facets: Facets;
  job?: Named | null;
}

export type Facets = Record<string, Record<string, unknown> | null | undefined>;

export interface EntityDetails extends EntitySummary {
  createdAt: string;
  aliases: { namespace: string; name: string; kind: string | null }[];
  properties: Record<string, unknown>;
  facets: Facets;
  columns?: (ColumnSummary & { description: string | null; tags: Tag[] })[];
  schema?: { name: string; type: string | null; description: string | null }[];
  versions?: { version: string; createdAt: string; runUrn: string | null }[];
  runs?: RunSummary[];
  inputs?: Named[];
  outputs?: Named[];
  parent?: Named | null;
  retired?: boolean;
  state?: RunState;
  startedAt?: string | null;
  endedAt?: string | null;
  job?: Named | null;
  dataset?: Named | null;
  dataType?: string | null;
}

/** As it reads from the entity that was asked about: `name` is the inverse's where the other entity says it. */
export interface Relation {
  name: string;
  outgoing: boolean;
  entity: Named & { dropped: boolean };
}

export interface EntityWithRelations extends EntityDetails {
  relations: Relation[];
}

export interface JobDetails extends Named {
  description: string | null;
  facets: Facets;
  retired: boolean;
  runs: RunSummary[];
}

export interface TypeCount {
  type: string;
  count: number;
}

export interface Status {
  version: string;
  ontologyVersion: string;
  positionReceived: number;
  positionProjected: number;
  deadLetters: number;
  authentication: boolean;
  counts: TypeCount[];
}

/** A class of the ontology; `kind`, `keyClass`, `colour` and `icon` are null above the key classes. */
export interface EntityType {
  name: string;
  label: string;
  definition: string;
  kind: string | null;
  keyClass: string | null;
  parents: string[];
  colour: string | null;
  icon: string | null;
  own: boolean;
  carriesLineage: boolean;
}

export interface AttributeType {
  name: string;
  label: string;
  definition: string;
  domain: string;
  range: string;
}

export interface RelationType {
  name: string;
  label: string;
  definition: string;
  inverse: string | null;
  inverseLabel: string | null;
  domain: string;
  range: string;
}

export interface DeadLetter {
  id: number;
  receivedAt: string;
  source: string;
  reason: string;
  field: string | null;
}

export interface Page<N> {
  nodes: N[];
  totalCount: number;
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

export interface AsOf {
  valid?: string;
  position?: number;
  known?: string;
}

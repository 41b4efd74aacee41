import type { Named } from '../api/schema';
import { parseUrn } from './urn';

/** How people write the systems behind a namespace's scheme; any other scheme is shown as it is. */
const PLATFORMS: Record<string, string> = {
  abfss: 'Azure Storage', athena: 'Athena', awsathena: 'Athena', azurecosmos: 'Cosmos DB', bigquery: 'BigQuery',
  cassandra: 'Cassandra', clickhouse: 'ClickHouse', databricks: 'Databricks', db2: 'Db2', dbt: 'dbt',
  airflow: 'Airflow', dagster: 'Dagster', file: 'File', gs: 'Cloud Storage', hdfs: 'HDFS', hive: 'Hive',
  kafka: 'Kafka', looker: 'Looker', metabase: 'Metabase', mlflow: 'MLflow', mssql: 'SQL Server', mysql: 'MySQL',
  oracle: 'Oracle', postgres: 'Postgres', postgresql: 'Postgres', powerbi: 'Power BI', presto: 'Presto',
  redshift: 'Redshift', s3: 'S3', salesforce: 'Salesforce', snowflake: 'Snowflake', spark: 'Spark', sqlite: 'SQLite',
  superset: 'Superset', tableau: 'Tableau', teradata: 'Teradata', trino: 'Trino', wasbs: 'Azure Storage',
  flink: 'Flink', duckdb: 'DuckDB',
};

const PATH_LIKE = new Set(['s3', 'gs', 'file', 'hdfs', 'abfss', 'wasbs', 'looker', 'tableau', 'powerbi', 'superset', 'metabase']);
const WHOLE = new Set(['kafka', 'mlflow']);
/** Kinds whose names are paths of some form. All others have plain names, dots and slashes included. */
const WITH_PATHS = new Set(['dataset', 'job', 'model', 'dashboard', 'chart', 'schema']);

export interface DisplayName {
  /** The last, telling part of the name. */
  short: string;
  /** What stands before it; may be empty. */
  container: string;
  /** The system, from the namespace's scheme; null where the namespace has none. */
  platform: string | null;
}

function schemeOf(namespace: string): string | null {
  const match = /^([a-z][a-z0-9+.-]*):\/\//i.exec(namespace);
  return match?.[1]?.toLowerCase() ?? (PLATFORMS[namespace.toLowerCase()] ? namespace.toLowerCase() : null);
}

export function platformOf(namespace: string): string | null {
  const scheme = schemeOf(namespace);
  return scheme === null ? null : (PLATFORMS[scheme] ?? scheme);
}

/** A name as it may be shown: control characters, and those that turn the direction of text around, become visible. */
export function shown(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** Split a name the way its system writes names: paths at '/', tables and jobs at '.', topics and people not at all. */
export function displayName(entity: Pick<Named, 'namespace' | 'name'> & { urn?: string }): DisplayName {
  const scheme = schemeOf(entity.namespace) ?? '';
  const platform = platformOf(entity.namespace);
  const kind = entity.urn === undefined ? 'dataset' : (parseUrn(entity.urn)?.kind ?? 'dataset');
  const separator = !WITH_PATHS.has(kind) || WHOLE.has(scheme) ? null : PATH_LIKE.has(scheme) || entity.name.startsWith('/') ? '/' : '.';
  const name = shown(entity.name.replace(/\/+$/, ''));
  const at = separator === null ? -1 : name.lastIndexOf(separator);
  if (at < 0) return { short: name || shown(entity.name), container: shown(hostOf(entity.namespace)), platform };
  return { short: name.slice(at + 1), container: name.slice(0, at), platform };
}

function hostOf(namespace: string): string {
  return namespace.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
}

/** "Snowflake · ANALYTICS.CORE": where an entity lives, in one line. */
export function placeOf(entity: Pick<Named, 'urn' | 'namespace' | 'name'>): string {
  const parts = parseUrn(entity.urn);
  if (parts?.path) return [platformOf(parts.namespace), parts.name].filter(Boolean).join(' · ');
  const { platform, container } = displayName(entity);
  return [platform, container].filter(Boolean).join(' · ');
}

/** A readable name for an urn whose entity was not fetched. */
export function nameOfUrn(urn: string): string {
  const parts = parseUrn(urn);
  if (!parts) return urn;
  return parts.path ?? displayName({ urn, ...parts }).short;
}

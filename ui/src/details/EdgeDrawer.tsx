import { ActionIcon } from '@mantine/core';
import { IconArrowRight, IconX } from '@tabler/icons-react';
import { Link } from 'wouter';
import type { JobDetails, LineageEdge, Transformation } from '../api/schema';
import { lineageAddress } from '../entity/address';
import { EntityIcon } from '../entity/EntityIcon';
import { displayName, nameOfUrn, placeOf } from '../entity/naming';
import { ago, moment } from '../entity/times';
import { datasetOfColumn, parseUrn } from '../entity/urn';
import type { Evidence } from '../lineage/linkEvidence';
import { edgeKey } from '../lineage/merge';
import type { View } from '../lineage/merge';
import { texts } from '../texts';
import classes from './Details.module.css';
import { Related } from './Overview';
import { RunList } from './RunList';
import { useJobs } from './useJobs';

interface Props {
  evidence: Evidence | null;
  view: View;
  at: string | null;
  onClose: () => void;
}

/** Why an edge is there: the jobs that moved the data, since when, last confirmed when, and by which envelopes. */
export default function EdgeDrawer({ evidence, view, at, onClose }: Props) {
  const first = evidence?.edges[0];
  const title = evidence?.target
    ? texts.details.feeds(evidence.edges.length, nameOfUrn(evidence.target))
    : first
      ? texts.details.edgeTitle
      : texts.details.gone;
  return (
    <aside className={classes.drawer} aria-label={texts.details.edgeTitle}>
      <header className={classes.header}>
        <h2>{title}</h2>
        <ActionIcon aria-label={texts.details.close} onClick={onClose} autoFocus>
          <IconX size={17} stroke={1.8} />
        </ActionIcon>
      </header>
      <div className={classes.scroll}>
        {evidence && <Jobs via={evidence.via} at={at} view={view} />}
        {evidence?.edges.map((edge) => (
          <EdgeFacts key={edgeKey(edge)} edge={edge} />
        ))}
      </div>
    </aside>
  );
}

function Jobs({ via, at, view }: { via: string[]; at: string | null; view: View }) {
  const areJobs = via.length > 0 && via.every((urn) => parseUrn(urn)?.kind === 'job');
  const jobs = useJobs(areJobs ? via : undefined, at);
  if (via.length === 0) return <p className={`${classes.pad} ${classes.dim}`}>{texts.details.noJob}</p>;
  if (!areJobs) {
    const datasets = via.map((urn) => view.nodes.get(urn) ?? { urn, ...named(urn) });
    return <div className={classes.pad}><Related title={texts.details.edgeJobs} entities={datasets} /></div>;
  }
  return (
    <section className={classes.pad}>
      <h3>{texts.details.edgeJobs}</h3>
      {jobs.data?.map((job) => <JobCard key={job.urn} job={job} />)}
      {!jobs.data && via.map((urn) => <p key={urn}>{nameOfUrn(urn)}</p>)}
    </section>
  );
}

function named(urn: string) {
  const parts = parseUrn(urn);
  return { __typename: 'Dataset', type: 'Dataset', namespace: parts?.namespace ?? '', name: parts?.name ?? urn };
}

function JobCard({ job }: { job: JobDetails }) {
  const sql = job.facets.sql?.query;
  return (
    <article className={classes.job}>
      <Link href={lineageAddress(job.urn)} className={classes.jobName}>
        <EntityIcon type={job.type} keyClass={job.__typename} size={28} />
        <span>
          {displayName(job).short}
          <span className={`${classes.dim} clip`}>{placeOf(job)}</span>
        </span>
      </Link>
      {job.description && <p className={classes.prose}>{job.description}</p>}
      <RunList runs={job.runs.slice(0, 20)} />
      {typeof sql === 'string' && (
        <details className={classes.facet}>
          <summary>{texts.details.sql}</summary>
          <pre className="mono" tabIndex={0}>{sql}</pre>
        </details>
      )}
    </article>
  );
}

function EdgeFacts({ edge }: { edge: LineageEdge }) {
  return (
    <section className={classes.edge}>
      <h3 className={classes.edgeEnds}>
        <span className="clip">{endName(edge.source)}</span>
        <IconArrowRight size={14} stroke={2} aria-label={texts.lineage.to} />
        <span className="clip">{endName(edge.target)}</span>
      </h3>
      <dl className={classes.facts}>
        <dt>{texts.details.validFrom}</dt>
        <dd>
          <time dateTime={edge.validFrom}>{moment(edge.validFrom)}</time>
        </dd>
        {edge.validTo && (
          <>
            <dt>{texts.details.validTo}</dt>
            <dd>
              <time dateTime={edge.validTo}>{moment(edge.validTo)}</time>
            </dd>
          </>
        )}
        <dt>{texts.details.lastConfirmed}</dt>
        <dd>
          <time dateTime={edge.lastConfirmedAt}>
            {moment(edge.lastConfirmedAt)} <span className={classes.dim}>{ago(edge.lastConfirmedAt)}</span>
          </time>
        </dd>
        <dt>{texts.details.evidence}</dt>
        <dd>
          <span className={classes.positions}>
            {edge.evidence.map((position) => (
              <span key={position} className="mono">
                {position}
              </span>
            ))}
          </span>
          <span className={classes.dim}>{texts.details.evidenceOf(edge.evidence.length, edge.evidenceCount)}</span>
        </dd>
        {edge.transformations.length > 0 && (
          <>
            <dt>{texts.details.transformations}</dt>
            <dd>
              {edge.transformations.map((transformation, i) => (
                <div key={i}>{describe(transformation)}</div>
              ))}
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function endName(urn: string): string {
  const dataset = datasetOfColumn(urn);
  return dataset ? `${nameOfUrn(dataset)}.${nameOfUrn(urn)}` : nameOfUrn(urn);
}

function describe({ type, subtype, description, masking }: Transformation): string {
  const kind = [type, subtype].filter(Boolean).join(' ').toLowerCase().replaceAll('_', ' ');
  return [kind, masking ? texts.details.masking : null, description].filter(Boolean).join(', ');
}

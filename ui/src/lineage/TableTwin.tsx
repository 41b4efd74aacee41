import { Link } from 'wouter';
import type { LineageEdge } from '../api/schema';
import { lineageAddress } from '../entity/address';
import { EntityIcon } from '../entity/EntityIcon';
import { displayName, nameOfUrn, placeOf } from '../entity/naming';
import { ago, moment } from '../entity/times';
import { datasetOfColumn } from '../entity/urn';
import { texts } from '../texts';
import { useVocabulary } from '../vocabulary/useVocabulary';
import { labelOf } from '../vocabulary/vocabulary';
import type { ColumnView } from './columnView';
import classes from './Lineage.module.css';
import { writeLink } from './links';
import { edgeKey } from './merge';
import type { View } from './merge';
import { wireKind } from './wireKind';

interface Props {
  focus: string;
  view: View;
  columns: ColumnView | null;
  onLink: (link: string) => void;
}

/** The same view as tables: for those who do not see the graph, and for those who would rather read. */
export function TableTwin({ focus, view, columns, onLink }: Props) {
  const vocabulary = useVocabulary();
  const sides = sidesOf(focus, view.edges);
  return (
    <div className={classes.tables}>
      <h2>{texts.lineage.tableAssets}</h2>
      <table>
        <thead>
          <tr>
            <th>{texts.home.name}</th>
            <th>{texts.catalogue.place}</th>
            <th>{texts.catalogue.type}</th>
            <th>{texts.lineage.side}</th>
            <th>{texts.home.owner}</th>
          </tr>
        </thead>
        <tbody>
          {[...view.nodes.values()].map((entity) => (
            <tr key={entity.urn} data-focus={entity.urn === focus || undefined}>
              <td>
                <Link href={lineageAddress(entity.urn)} className={classes.tableName}>
                  <EntityIcon type={entity.type} keyClass={entity.__typename} size={22} />
                  {displayName(entity).short}
                </Link>
              </td>
              <td>{placeOf(entity)}</td>
              <td>{[labelOf(vocabulary, entity.type), entity.dropped && texts.lineage.dropped].filter(Boolean).join(', ')}</td>
              <td>{sides(entity.urn)}</td>
              <td>{entity.owners.map((owner) => owner.name).join(', ') || texts.home.noOwner}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h2>{texts.lineage.tableEdges}</h2>
      <EdgeTable edges={view.edges} nameOf={nameOfUrn} onLink={onLink} kinds={false} />
      {columns && (
        <>
          <h2>{texts.lineage.tableColumns}</h2>
          <EdgeTable edges={columns.edges} nameOf={columnName} onLink={onLink} kinds />
        </>
      )}
    </div>
  );
}

interface EdgeTableProps {
  edges: LineageEdge[];
  nameOf: (urn: string) => string;
  kinds: boolean;
  onLink: (link: string) => void;
}

function EdgeTable({ edges, nameOf, kinds, onLink }: EdgeTableProps) {
  if (edges.length === 0) return <p>{texts.lineage.noEdges}</p>;
  return (
    <table>
      <thead>
        <tr>
          <th>{texts.lineage.from}</th>
          <th>{texts.lineage.to}</th>
          {kinds && <th>{texts.lineage.kind}</th>}
          <th>{texts.lineage.by}</th>
          <th>{texts.lineage.since}</th>
          <th>{texts.lineage.confirmed}</th>
          <th>{texts.lineage.evidence}</th>
        </tr>
      </thead>
      <tbody>
        {edges.map((edge) => (
          <tr key={edgeKey(edge)}>
            <td>{nameOf(edge.source)}</td>
            <td>{nameOf(edge.target)}</td>
            {kinds && <td>{wireKind(edge)}</td>}
            <td>{edge.via.map(nameOfUrn).join(', ') || texts.details.noJob}</td>
            <td>
              <time dateTime={edge.validFrom}>{moment(edge.validFrom)}</time>
            </td>
            <td>
              <time dateTime={edge.lastConfirmedAt} title={moment(edge.lastConfirmedAt)}>
                {ago(edge.lastConfirmedAt)}
              </time>
            </td>
            <td>
              <button
                type="button"
                className={classes.textButton}
                aria-label={texts.lineage.seeEdge(texts.plural(edge.evidenceCount, 'envelope'), nameOf(edge.source), nameOf(edge.target))}
                onClick={() => onLink(writeLink({ kind: 'edge', source: edge.source, target: edge.target }))}
              >
                {texts.plural(edge.evidenceCount, 'envelope')}
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function columnName(urn: string): string {
  const dataset = datasetOfColumn(urn);
  return dataset ? `${nameOfUrn(dataset)}.${nameOfUrn(urn)}` : nameOfUrn(urn);
}

function sidesOf(focus: string, edges: LineageEdge[]): (urn: string) => string {
  const reach = (here: 'source' | 'target', there: 'source' | 'target') => {
    const seen = new Set([focus]);
    for (const urn of seen) for (const edge of edges) if (edge[here] === urn) seen.add(edge[there]);
    return seen;
  };
  const up = reach('target', 'source');
  const down = reach('source', 'target');
  return (urn) => {
    if (urn === focus) return texts.lineage.focus;
    if (up.has(urn) && down.has(urn)) return texts.lineage.sideBoth;
    if (up.has(urn)) return texts.lineage.sideUp;
    return down.has(urn) ? texts.lineage.sideDown : texts.lineage.sideBeside;
  };
}

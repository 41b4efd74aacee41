import { ActionIcon, Button } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { nameOfUrn } from '../entity/naming';
import { datasetOfColumn } from '../entity/urn';
import { texts } from '../texts';
import type { ColumnAnswer } from './columnView';
import classes from './Lineage.module.css';
import type { View } from './merge';
import { traceFrom } from './trace';
import type { Change } from './useViewState';

interface Props {
  column: string;
  path: ColumnAnswer | null;
  shown: View | null;
  whole: boolean;
  change: Change;
}

/** Says whose path is lit, how long it really is, and offers the part that lies outside the view. */
export function PathPill({ column, path, shown, whole, change }: Props) {
  const dataset = datasetOfColumn(column);
  const columns = path ? [...traceFrom(column, path.edges).nodes] : [];
  const owner = new Map(path?.nodes.map((node) => [node.urn, node.dataset?.urn]));
  const assets = new Set(columns.map((urn) => owner.get(urn) ?? datasetOfColumn(urn) ?? urn));
  const outside = [...assets].filter((urn) => shown && !shown.nodes.has(urn)).length;
  return (
    <div className={classes.pill} role="status">
      <span className="clip">
        {texts.lineage.pathOf} <strong>{dataset ? `${nameOfUrn(dataset)}.${nameOfUrn(column)}` : nameOfUrn(column)}</strong>
      </span>
      {path && <span className={classes.pillCount}>{columns.length > 1 ? texts.lineage.pathSize(columns.length, assets.size) : texts.lineage.noPath}</span>}
      {outside > 0 && !whole && (
        <Button variant="default" radius="xl" size="compact-xs" onClick={() => change({ wholePath: true })}>
          {texts.lineage.showPath(outside)}
        </Button>
      )}
      {whole && (
        <Button variant="default" radius="xl" size="compact-xs" onClick={() => change({ wholePath: false })}>
          {texts.lineage.hidePath}
        </Button>
      )}
      <ActionIcon size={22} aria-label={texts.lineage.clearPath} onClick={() => change({ column: null, wholePath: false, columns: true })}>
        <IconX size={14} stroke={2} />
      </ActionIcon>
    </div>
  );
}

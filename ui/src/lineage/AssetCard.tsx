import { IconBinaryTree2, IconPlus } from '@tabler/icons-react';
import { Handle, Position } from '@xyflow/react';
import type { NodeProps } from '@xyflow/react';
import { memo } from 'react';
import type { ColumnSummary } from '../api/schema';
import { EntityIcon } from '../entity/EntityIcon';
import { displayName, placeOf } from '../entity/naming';
import { texts } from '../texts';
import classes from './Card.module.css';
import { useCanvas } from './canvasContext';
import type { Card } from './scene';
import type { CardNode } from './toFlow';
import type { Side } from './viewState';

export const AssetCard = memo(function AssetCard({ data: { card } }: NodeProps<CardNode>) {
  const { focus, selected, trace, actions } = useCanvas();
  const { entity, urn } = card;
  const { short } = displayName(entity);
  const faded = trace !== null && !card.rows.some((row) => trace.nodes.has(row.urn));
  const pii = entity.tags.some((tag) => !tag.field && tag.key.toLowerCase() === 'pii');
  return (
    <article
      className={classes.card}
      data-focus={urn === focus || undefined}
      data-selected={urn === selected || undefined}
      data-faded={faded || undefined}
      data-dropped={entity.dropped || undefined}
      aria-label={short}
    >
      <Handle type="target" position={Position.Left} className={classes.handle ?? ''} isConnectable={false} />
      <Handle type="source" position={Position.Right} className={classes.handle ?? ''} isConnectable={false} />
      <div className={classes.head}>
        <button type="button" className={classes.main} onClick={() => actions.select(urn)} title={`${entity.namespace} ${entity.name}`}>
          <EntityIcon type={entity.type} keyClass={entity.__typename} size={30} />
          <span className={classes.text}>
            <span className={`${classes.place} clip`}>{placeOf(entity)}</span>
            <span className={`${classes.name} clip`}>{short}</span>
          </span>
          {pii && <span className={classes.pii}>PII</span>}
          {entity.dropped && <span className={classes.dropped}>{texts.lineage.dropped}</span>}
        </button>
        {urn !== focus && (
          <button
            type="button"
            className={classes.open}
            onClick={() => actions.open(urn)}
            aria-label={texts.lineage.open(short)}
            title={texts.lineage.open(short)}
          >
            <IconBinaryTree2 size={15} stroke={1.8} aria-hidden />
          </button>
        )}
      </div>
      {card.rows.length > 0 && <ColumnRows card={card} />}
      {(card.rest > 0 || card.wide) && (
        <button type="button" className={classes.rest} onClick={() => actions.widen(urn)}>
          {card.wide ? texts.lineage.fewerColumns : texts.lineage.withoutLineage(card.rest)}
        </button>
      )}
      <Expander card={card} side="up" />
      <Expander card={card} side="down" />
    </article>
  );
});

function ColumnRows({ card }: { card: Card }) {
  const pii = new Set(card.entity.tags.filter((tag) => tag.key.toLowerCase() === 'pii').map((tag) => tag.field));
  return (
    <ul className={classes.rows} aria-label={texts.lineage.columns}>
      {card.rows.map((column) => (
        <ColumnRow key={column.urn} column={column} pii={pii.has(column.name)} />
      ))}
    </ul>
  );
}

function ColumnRow({ column, pii }: { column: ColumnSummary; pii: boolean }) {
  const { trace, column: traced, actions } = useCanvas();
  const state = column.urn === traced ? 'start' : trace?.nodes.has(column.urn) ? 'on' : trace ? 'off' : undefined;
  return (
    <li>
      <button
        type="button"
        className={classes.row}
        data-trace={state}
        aria-pressed={column.urn === traced}
        onClick={() => actions.trace(column.urn)}
        title={column.name}
      >
        <span className="clip">{column.name}</span>
        {pii && <span className={classes.pii}>PII</span>}
        <span className={`${classes.type} mono clip`}>{column.dataType}</span>
      </button>
    </li>
  );
}

function Expander({ card, side }: { card: Card; side: Side }) {
  const { actions } = useCanvas();
  const count = card.beyond[side];
  if (count === 0) return null;
  const label = side === 'up' ? texts.lineage.expandUp(count) : texts.lineage.expandDown(count);
  return (
    <button
      type="button"
      className={classes.expander}
      data-side={side}
      aria-label={`${label}: ${displayName(card.entity).short}`}
      title={label}
      onClick={() => actions.expand(card.urn, side)}
    >
      <IconPlus size={10} stroke={3} aria-hidden />
      {count}
    </button>
  );
}

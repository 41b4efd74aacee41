import { Handle, Position } from '@xyflow/react';
import type { NodeProps } from '@xyflow/react';
import { memo } from 'react';
import { KindGlyph } from '../entity/EntityIcon';
import { nameOfUrn } from '../entity/naming';
import { parseUrn } from '../entity/urn';
import { texts } from '../texts';
import classes from './Card.module.css';
import { useCanvas } from './canvasContext';
import type { ChipNode } from './toFlow';

/** What moves data into the card right of it: a job, or between jobs a dataset. */
export const JobChip = memo(function JobChip({ data: { chip } }: NodeProps<ChipNode>) {
  const { link, trace, actions } = useCanvas();
  const names = chip.via.map(nameOfUrn);
  return (
    <button
      type="button"
      className={classes.chip}
      data-small={!chip.named || undefined}
      data-open={link === chip.id || undefined}
      data-faded={trace !== null || undefined}
      aria-label={texts.lineage.jobs(names)}
      title={names.join(', ')}
      onClick={() => actions.link(chip.id)}
    >
      <Handle type="target" position={Position.Left} className={classes.handle ?? ''} isConnectable={false} />
      <Handle type="source" position={Position.Right} className={classes.handle ?? ''} isConnectable={false} />
      <KindGlyph kind={parseUrn(chip.via[0] ?? '')?.kind} size={13} />
      {chip.named && <span className="clip">{names.length === 1 ? names[0] : texts.lineage.manyJobs(names.length)}</span>}
    </button>
  );
});

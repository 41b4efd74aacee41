import { IconDatabase, IconSettings } from '@tabler/icons-react';
import { Handle, Position } from '@xyflow/react';
import type { NodeProps } from '@xyflow/react';
import { memo } from 'react';
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
  const first = chip.via[0] ?? '';
  const Glyph = parseUrn(first)?.kind === 'job' ? IconSettings : IconDatabase;
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
      <Glyph size={13} stroke={1.9} aria-hidden />
      {chip.named && <span className="clip">{names.length === 1 ? names[0] : texts.lineage.manyJobs(names.length)}</span>}
    </button>
  );
});

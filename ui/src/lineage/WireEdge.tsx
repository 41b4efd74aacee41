import type { EdgeProps } from '@xyflow/react';
import { memo } from 'react';
import { useCanvas } from './canvasContext';
import type { Wired } from './toFlow';
import classes from './Wire.module.css';

export const WireEdge = memo(function WireEdge({ data }: EdgeProps<Wired>) {
  const { trace, link, actions } = useCanvas();
  if (!data) return null;
  const { wire } = data;
  const on = trace && wire.columns ? trace.edges.has(`${wire.columns.source} ${wire.columns.target}`) : false;
  const state = trace ? (on ? 'on' : 'off') : undefined;
  return (
    <g className={classes.wire} data-kind={wire.kind} data-trace={state} data-open={link === wire.link || undefined}>
      <path className={classes.line} d={wire.path} />
      {wire.arrow && <path className={classes.tip} d={tip(wire.path)} />}
      <path className={classes.touch} d={wire.path} onClick={() => actions.link(wire.link)} />
    </g>
  );
});

/** An arrow head of 7 by 8 at the path's end; every path arrives level, from the left unless it loops. */
function tip(path: string): string {
  const [x = 0, y = 0] = (path.split(/[ CL]/).at(-1) ?? '').split(',').map(Number);
  const loops = Number(path.slice(1).split(/[,C]/)[0]) < x && x - Number(path.slice(1).split(/[,C]/)[0]) < 10;
  const point = loops ? -7 : 7;
  return `M${x},${y - 4}L${x + point},${y}L${x},${y + 4}Z`;
}

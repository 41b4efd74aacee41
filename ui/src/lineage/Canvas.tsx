import { ActionIcon, Tooltip } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconFocusCentered, IconMaximize, IconMinus, IconPlus } from '@tabler/icons-react';
import { Background, MiniMap, Panel, ReactFlow, useReactFlow, useStore } from '@xyflow/react';
import { useEffect, useMemo, useRef } from 'react';
import { texts } from '../texts';
import { AssetCard } from './AssetCard';
import type { ColumnView } from './columnView';
import { CanvasContext } from './canvasContext';
import { JobChip } from './JobChip';
import { Legend } from './Legend';
import classes from './Lineage.module.css';
import type { CanvasActions } from './LineageView';
import { CARD } from './scene';
import type { Trace } from './trace';
import { toFlow } from './toFlow';
import type { Scene } from './useScene';
import { WireEdge } from './WireEdge';

const NODE_TYPES = { card: AssetCard, chip: JobChip };
const EDGE_TYPES = { wire: WireEdge };
/** Below this a card cannot be read; a first view never starts there. */
const READABLE = 0.64;
/** The zoom of a first view that is too large to be shown whole. */
const UNFITTED = 0.85;
const MANY_CARDS = 150;

interface Props {
  scene: Scene;
  focus: string;
  selected: string | null;
  link: string | null;
  column: string | null;
  trace: Trace | null;
  actions: CanvasActions;
  columns: ColumnView | null;
  indirect: boolean;
}

export function Canvas({ scene, focus, selected, link, column, trace, actions, columns, indirect }: Props) {
  const { nodes, edges } = useMemo(() => toFlow(scene, focus), [scene, focus]);
  const context = useMemo(
    () => ({ focus, selected: selected ?? focus, link, column, trace, actions }),
    [focus, selected, link, column, trace, actions],
  );
  useStartingView(scene, focus);
  return (
    <CanvasContext value={context}>
      <div className={classes.canvas} data-traced={trace !== null || undefined} role="region" aria-label={texts.lineage.graph}>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={NODE_TYPES}
          edgeTypes={EDGE_TYPES}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          zoomOnDoubleClick={false}
          onlyRenderVisibleElements={scene.cards.length > MANY_CARDS}
          minZoom={0.08}
          maxZoom={1.8}
          onPaneClick={actions.clear}
          onNodeDoubleClick={(_, node) => {
            if (node.type === 'card') actions.open(node.id);
          }}
        >
          <Background gap={22} size={1.2} color="var(--andon-border)" />
          <MiniMap
            pannable
            zoomable
            className={classes.minimap ?? ''}
            ariaLabel={texts.lineage.minimap}
            nodeColor={(node) => (node.id === focus ? 'var(--andon-accent)' : node.type === 'chip' ? 'transparent' : 'var(--andon-border-strong)')}
            nodeBorderRadius={6}
            maskColor="color-mix(in srgb, var(--andon-ground) 70%, transparent)"
            bgColor="var(--andon-surface)"
            style={{ width: 152, height: 92 }}
          />
          <ZoomPanel focus={focus} />
          {columns && (
            <Panel position="bottom-center">
              <Legend indirect={columns.indirect} shown={indirect} onToggle={actions.toggleIndirect} />
            </Panel>
          )}
        </ReactFlow>
      </div>
    </CanvasContext>
  );
}

/**
 * The first view of a focus fits the graph if that can be read, else starts at the focus. Later layouts of the
 * same focus keep its card where it was on the screen, so that a graph grows around the reader.
 */
function useStartingView(scene: Scene, focus: string): void {
  const flow = useReactFlow();
  const width = useStore((store) => store.width);
  const height = useStore((store) => store.height);
  const last = useRef<{ x: number; y: number } | null>(null);
  const at = scene.positions[focus];
  useEffect(() => {
    if (!at || width === 0) return;
    if (last.current) {
      const { x, y, zoom } = flow.getViewport();
      const moved = { x: (last.current.x - at.x) * zoom, y: (last.current.y - at.y) * zoom };
      if (moved.x !== 0 || moved.y !== 0) void flow.setViewport({ x: x + moved.x, y: y + moved.y, zoom });
    } else {
      void flow.setViewport(startingViewport(scene, at, { width, height }));
    }
    last.current = at;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a resized window does not move the graph
  }, [scene, at, width > 0, flow]);
}

function startingViewport(scene: Scene, focus: { x: number; y: number }, window: { width: number; height: number }) {
  const corners = scene.cards.flatMap(({ urn, height }) => {
    const corner = scene.positions[urn];
    return corner ? [{ ...corner, right: corner.x + CARD.width, bottom: corner.y + height }] : [];
  });
  const left = Math.min(...corners.map(({ x }) => x), ...scene.chips.map(({ position }) => position.x));
  const right = Math.max(...corners.map((corner) => corner.right));
  const top = Math.min(...corners.map(({ y }) => y));
  const bottom = Math.max(...corners.map((corner) => corner.bottom));
  const fit = Math.min((window.width - 72) / (right - left), (window.height - 150) / (bottom - top), 1);
  if (fit >= READABLE) {
    return { x: window.width / 2 - ((left + right) / 2) * fit, y: (window.height - 40) / 2 - ((top + bottom) / 2) * fit, zoom: fit };
  }
  const zoom = UNFITTED;
  const whole = (bottom - top) * zoom < window.height - 120;
  const middle = whole ? (top + bottom) / 2 : focus.y + CARD.head;
  return { x: window.width / 2 - (focus.x + CARD.width / 2) * zoom, y: window.height / 2 - middle * zoom, zoom };
}

function ZoomPanel({ focus }: { focus: string }) {
  const flow = useReactFlow();
  const toFit = () => void flow.fitView({ padding: 0.12, maxZoom: 1.1, duration: 180 });
  const toFocus = () => void flow.fitView({ nodes: [{ id: focus }], maxZoom: 1, minZoom: 1, duration: 180 });
  const zoomIn = () => void flow.zoomIn({ duration: 120 });
  const zoomOut = () => void flow.zoomOut({ duration: 120 });
  useHotkeys([['F', toFit], ['0', toFocus], ['+', zoomIn], ['shift++', zoomIn], ['=', zoomIn], ['-', zoomOut]]);
  const buttons = [
    [texts.lineage.zoomIn, IconPlus, zoomIn],
    [texts.lineage.zoomOut, IconMinus, zoomOut],
    [texts.lineage.fit, IconMaximize, toFit],
    [texts.lineage.toFocus, IconFocusCentered, toFocus],
  ] as const;
  return (
    <Panel position="bottom-left" className={classes.zoom ?? ''}>
      {buttons.map(([label, Glyph, act]) => (
        <Tooltip key={label} label={label} position="right">
          <ActionIcon size={32} radius={0} aria-label={label} onClick={act}>
            <Glyph size={16} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
      ))}
    </Panel>
  );
}

import { useHotkeys, useMediaQuery } from '@mantine/hooks';
import { lazy, Suspense, useCallback, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import type { EntityDetails } from '../api/schema';
import { Aside } from '../details/Aside';
import { lineageAddress } from '../entity/address';
import { writeAt } from '../entity/asOf';
import { displayName } from '../entity/naming';
import { FailureNotice } from '../shell/FailureNotice';
import { texts } from '../texts';
import { Banners } from './Banners';
import { Canvas } from './Canvas';
import type { ColumnView } from './columnView';
import { EmptyLineage } from './EmptyLineage';
import classes from './Lineage.module.css';
import { CanvasSkeleton } from './LineageSkeleton';
import { linkEvidence } from './linkEvidence';
import { PathPill } from './PathPill';
import { TableTwin } from './TableTwin';
import { Toolbar } from './Toolbar';
import { traceFrom } from './trace';
import { useLineage } from './useLineage';
import { useScene } from './useScene';
import type { Change } from './useViewState';
import type { Side, ViewState } from './viewState';

const EdgeDrawer = lazy(() => import('../details/EdgeDrawer'));
const NARROW = '(max-width: 1120px)';

interface Props {
  entity: EntityDetails;
  focus: string;
  state: ViewState;
  change: Change;
}

export function LineageView({ entity, focus, state, change }: Props) {
  const lineage = useLineage(focus, state);
  const { view, columnView } = lineage;
  const scene = useScene(view, columnView, state.wide, lineage.columnsPending);
  const narrow = useMediaQuery(NARROW, false, { getInitialValueInEffect: false }) ?? false;
  const [panel, setPanel] = useState<boolean | null>(null);
  const panelOpen = panel ?? !narrow;
  const actions = useActions(focus, state, change, () => narrow && setPanel(true));
  const trace = useMemo(
    () => (state.column && columnView && hasEdge(columnView, state.column) ? traceFrom(state.column, columnView.edges) : null),
    [state.column, columnView],
  );
  const evidence = useMemo(
    () => (state.link && view ? linkEvidence(state.link, view, columnView) : null),
    [state.link, view, columnView],
  );
  const dismiss = () => {
    if (state.link) change({ link: null });
    else if (state.column) change({ column: null, wholePath: false, columns: true });
    else if (state.selected) change({ selected: null });
    else if (narrow) setPanel(false);
  };
  useHotkeys([
    ['C', () => change({ columns: !state.columns, column: null, wholePath: false })],
    ['I', () => state.columns && change({ indirect: !state.indirect })],
    ['T', () => change({ table: !state.table })],
    ['Escape', dismiss],
  ]);
  const alone = view !== null && view.nodes.size <= 1 && (columnView === null || columnView.edges.length === 0);

  return (
    <div className={classes.page}>
      <Toolbar entity={entity} state={state} change={change} panelOpen={panelOpen} onPanel={() => setPanel(!panelOpen)} />
      <div className={classes.body}>
        <div className={classes.stage} aria-busy={lineage.fetching}>
          {lineage.fetching && view && <div className={classes.progress} aria-hidden />}
          <Banners view={view} state={state} columnsCut={lineage.columnsCut} simplified={scene?.simplified ?? false} change={change} />
          {state.column && (
            <PathPill column={state.column} path={lineage.path} shown={view} whole={state.wholePath} change={change} />
          )}
          {lineage.error && !view ? (
            <FailureNotice error={lineage.error} retry={() => void lineage.retry()} />
          ) : alone && !lineage.fetching ? (
            <EmptyLineage entity={entity} state={state} change={change} />
          ) : state.table && view ? (
            <TableTwin focus={focus} view={view} columns={columnView} onLink={(link) => change({ link })} />
          ) : scene ? (
            <Canvas
              scene={scene}
              focus={focus}
              selected={state.selected}
              link={state.link}
              column={state.column}
              trace={trace}
              actions={actions}
              columns={columnView}
              indirect={state.indirect}
            />
          ) : (
            <CanvasSkeleton />
          )}
        </div>
        {panelOpen && (
          <Aside
            key={state.selected ?? focus}
            urn={state.selected ?? focus}
            at={state.at}
            overlay={narrow}
            onClose={() => setPanel(false)}
            onColumn={(column) => change({ column, columns: true })}
          />
        )}
        {state.link && view && (
          <Suspense fallback={null}>
            <EdgeDrawer evidence={evidence} view={view} at={state.at} onClose={() => change({ link: null })} />
          </Suspense>
        )}
      </div>
      <p className="unseen" role="status">
        {scene ? `${texts.lineage.title(displayName(entity).short)}: ${texts.plural(scene.cards.length, 'asset')}` : ''}
      </p>
    </div>
  );
}

function hasEdge({ edges }: ColumnView, column: string): boolean {
  return edges.some(({ source, target }) => source === column || target === column);
}

export interface CanvasActions {
  select: (urn: string) => void;
  open: (urn: string) => void;
  expand: (urn: string, side: Side) => void;
  widen: (urn: string) => void;
  trace: (column: string) => void;
  link: (link: string) => void;
  toggleIndirect: () => void;
  clear: () => void;
}

function useActions(focus: string, state: ViewState, change: Change, onSelect: () => void): CanvasActions {
  const [, navigate] = useLocation();
  const select = useCallback(
    (urn: string) => {
      change({ selected: urn === focus ? null : urn, link: null });
      onSelect();
    },
    [change, focus, onSelect],
  );
  return useMemo(
    () => ({
      select,
      open: (urn) => navigate(lineageAddress(urn) + keptAcross(state)),
      expand: (urn, side) => change({ expanded: [...state.expanded, { urn, side }] }),
      widen: (urn) =>
        change({ wide: state.wide.includes(urn) ? state.wide.filter((w) => w !== urn) : [...state.wide, urn] }),
      trace: (column) =>
        change(column === state.column ? { column: null, wholePath: false, columns: true } : { column, columns: true, link: null }),
      link: (link) => change({ link: link === state.link ? null : link }),
      toggleIndirect: () => change({ indirect: !state.indirect }),
      clear: () => {
        if (state.column || state.link) change({ column: null, wholePath: false, columns: state.columns, link: null });
      },
    }),
    [select, navigate, change, state],
  );
}

/** What stays when another asset comes into focus: the moment, the columns, the table. */
function keptAcross({ at, columns, indirect, table }: ViewState): string {
  const when = new URLSearchParams(writeAt(at, 'at')).toString();
  const kept = [when, columns && 'cols=1', indirect && 'indirect=1', table && 'view=table'].filter(Boolean);
  return kept.length > 0 ? `?${kept.join('&')}` : '';
}

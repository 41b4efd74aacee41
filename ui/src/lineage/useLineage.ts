import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { gql } from '../api/gql';
import { COLUMN_LINEAGE, LINEAGE } from '../api/queries';
import type { LineageAnswer } from '../api/schema';
import { asOf } from '../entity/asOf';
import { parseUrn } from '../entity/urn';
import { columnsAmong, directOnly, NO_COLUMNS, withPath } from './columnView';
import type { ColumnAnswer, ColumnView } from './columnView';
import { mergeAnswers, nearest } from './merge';
import type { View } from './merge';
import type { Expansion, ViewState } from './viewState';

/** As deep as a path is followed when a column is traced. */
const TRACE_DEPTH = 50;

type Direction = 'UPSTREAM' | 'DOWNSTREAM' | 'BOTH';

interface Ask {
  urn: string;
  direction: Direction;
  depth: number;
  columns: boolean;
  at: string | null;
}

/** Jobs are shown among jobs, everything else among datasets and what is like them. */
export function levelOf(urn: string): 'JOB' | 'DATASET' {
  return parseUrn(urn)?.kind === 'job' ? 'JOB' : 'DATASET';
}

function askLineage({ urn, direction, depth, columns, at }: Ask, signal: AbortSignal): Promise<LineageAnswer> {
  const variables = { urns: [urn], direction, depth, level: levelOf(urn), columns, asOf: asOf(at) };
  return gql<{ lineage: LineageAnswer }>(LINEAGE, variables, signal).then((data) => data.lineage);
}

/** Both sides in one question where they are equally deep, else one each. */
function sidesOf({ up, down }: Pick<ViewState, 'up' | 'down'>): { direction: Direction; depth: number }[] {
  if (up === down) return [{ direction: 'BOTH', depth: up }];
  const sides = [{ direction: 'UPSTREAM', depth: up }, { direction: 'DOWNSTREAM', depth: down }] as const;
  return sides.filter(({ depth }) => depth > 0);
}

/** Everything the canvas and its table twin draw, from as few questions as will do. */
export function useLineage(focus: string, state: ViewState) {
  const { up, down, at, column, wholePath, expanded } = state;
  const columns = state.columns && levelOf(focus) === 'DATASET';
  const main = useQuery({
    queryKey: ['lineage', focus, at, up, down, columns],
    queryFn: ({ signal }) =>
      Promise.all(sidesOf({ up, down }).map((side) => askLineage({ urn: focus, ...side, columns, at }, signal))),
    placeholderData: (previous, query) =>
      query?.queryKey[1] === focus && query.queryKey[2] === at ? previous : undefined,
  });
  const further = useQueries({
    queries: expanded.map(({ urn, side }: Expansion) => ({
      queryKey: ['lineage', urn, at, side, columns],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        askLineage({ urn, direction: side === 'up' ? 'UPSTREAM' : 'DOWNSTREAM', depth: 1, columns, at }, signal),
    })),
    combine: (results) => ({
      answers: results.flatMap((result) => (result.data ? [result.data] : [])),
      fetching: results.some((result) => result.isFetching),
    }),
  });
  const path = useColumnPath(column, at, state.indirect);
  const near = useMemo<View | null>(
    () => (main.data ? nearest(mergeAnswers([...main.data, ...further.answers]), focus) : null),
    [main.data, further.answers, focus],
  );
  const view = useMemo(
    () => (near && wholePath && column && path.data ? withPath(near, column, path.data) : near),
    [near, wholePath, column, path.data],
  );
  const columnAnswer = useColumnsOf(view, columns, at);
  const columnView = useMemo<ColumnView | null>(() => {
    if (!columns || !view) return null;
    const answers = [columnAnswer.data, wholePath ? path.data : undefined].filter((answer) => answer !== undefined);
    return answers.length > 0 ? columnsAmong(view, answers, state.indirect) : NO_COLUMNS;
  }, [columns, view, columnAnswer.data, wholePath, path.data, state.indirect]);
  return {
    view,
    columnView,
    path: path.data ?? null,
    columnsCut: columns && (columnAnswer.data?.truncated ?? false),
    /** Columns are asked for but not here yet: better to wait than to lay out twice. */
    columnsPending: columns && view !== null && columnAnswer.isPending && columnAnswer.fetchStatus !== 'idle',
    error: main.error,
    fetching: main.isFetching || further.fetching || columnAnswer.isFetching,
    retry: main.refetch,
  };
}

function useColumnsOf(view: View | null, columns: boolean, at: string | null) {
  const urns = useMemo(
    () => [...(view?.nodes.keys() ?? [])].filter((urn) => parseUrn(urn)?.kind === 'dataset').sort(),
    [view],
  );
  return useQuery({
    queryKey: ['columns', at, urns],
    queryFn: ({ signal }) => askColumns({ urns, depth: 1, at }, signal),
    enabled: columns && urns.length > 0,
    placeholderData: keepPreviousData,
  });
}

function useColumnPath(column: string | null, at: string | null, withIndirect: boolean) {
  return useQuery({
    queryKey: ['path', column, at],
    queryFn: ({ signal }) => askColumns({ urns: [column ?? ''], depth: TRACE_DEPTH, at }, signal),
    enabled: column !== null,
    select: withIndirect ? undefined : directOnly,
  });
}

function askColumns(ask: { urns: string[]; depth: number; at: string | null }, signal: AbortSignal): Promise<ColumnAnswer> {
  const variables = { urns: ask.urns, direction: 'BOTH', depth: ask.depth, asOf: asOf(ask.at) };
  return gql<{ lineage: ColumnAnswer }>(COLUMN_LINEAGE, variables, signal).then((data) => data.lineage);
}

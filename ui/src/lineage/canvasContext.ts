import { createContext, useContext } from 'react';
import type { CanvasActions } from './LineageView';
import type { Trace } from './trace';

/** What cards, chips and wires need to know beyond their own data. */
export interface CanvasState {
  focus: string;
  selected: string;
  link: string | null;
  column: string | null;
  trace: Trace | null;
  actions: CanvasActions;
}

export const CanvasContext = createContext<CanvasState | null>(null);

export function useCanvas(): CanvasState {
  const state = useContext(CanvasContext);
  if (!state) throw new Error('used outside the canvas');
  return state;
}

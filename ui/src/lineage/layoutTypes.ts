export interface Point {
  x: number;
  y: number;
}

export interface LayoutInput {
  nodes: { id: string; width: number; height: number }[];
  edges: { source: string; target: string }[];
  /** Room between two layers. */
  gap: number;
}

export interface LayoutResult {
  /** Top left corners by node id. */
  positions: Record<string, Point>;
  /** Where an edge over several layers passes between cards, by `source target`; one point a layer. */
  bends: Record<string, Point[]>;
  /** True where the fine layout did not finish in time. */
  simplified: boolean;
}

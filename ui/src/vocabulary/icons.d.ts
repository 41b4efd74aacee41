/** Made by `icons.ts` beside vite.config.ts. */
declare module 'virtual:icons' {
  /** The paths of an icon, in a box of 24 by 24. */
  export type Drawing = string[];
  /** What stands where there is no icon: Tabler's "box". */
  export const NEUTRAL: Drawing;
  export const SHIPPED: Record<string, Drawing>;
  export const REST: Record<string, () => Promise<{ default: Record<string, Drawing> }>>;
}

import { layeredLayout } from './layered';
import type { LayoutInput, LayoutResult } from './layoutTypes';

const DEADLINE_MS = 5_000;

let worker: Worker | null = null;
let lastId = 0;

/** Lay out in the worker; past the deadline, or where the fine layout fails, the plain one is used. Never rejects. */
export function layOut(input: LayoutInput): Promise<LayoutResult> {
  const id = (lastId += 1);
  const current = (worker ??= new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' }));
  return new Promise((resolve) => {
    const finish = (result: LayoutResult | null) => {
      clearTimeout(deadline);
      current.removeEventListener('message', onMessage);
      current.removeEventListener('error', giveUp);
      resolve(result ?? layeredLayout(input));
    };
    const giveUp = () => {
      current.terminate();
      if (worker === current) worker = null;
      finish(null);
    };
    const onMessage = ({ data }: MessageEvent<{ id: number; result: LayoutResult | null }>) => {
      if (data.id === id) finish(data.result);
    };
    const deadline = setTimeout(giveUp, DEADLINE_MS);
    current.addEventListener('message', onMessage);
    current.addEventListener('error', giveUp);
    current.postMessage({ id, input });
  });
}

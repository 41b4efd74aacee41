import { dagreLayout } from './dagreLayout';
import type { LayoutInput } from './layoutTypes';

interface Job {
  id: number;
  input: LayoutInput;
}

addEventListener('message', ({ data }: MessageEvent<Job>) => {
  try {
    postMessage({ id: data.id, result: dagreLayout(data.input) });
  } catch {
    postMessage({ id: data.id, result: null });
  }
});

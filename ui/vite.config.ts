import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv } from 'vite';
import { icons } from './icons.ts';

/** Where `npm run dev` finds a running Andon; set ANDON_URL when it is not on the default port. */
export default defineConfig(({ mode }) => {
  const andon = loadEnv(mode, '.', 'ANDON_').ANDON_URL ?? 'http://127.0.0.1:8080';
  return {
    base: '/ui/',
    plugins: [react(), icons('../ontology')],
    build: { outDir: '../api/static', emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
    worker: { format: 'es' },
    server: { proxy: { '/graphql': andon, '/readyz': andon } },
  };
});

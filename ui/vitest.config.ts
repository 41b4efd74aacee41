import { defineConfig } from 'vitest/config';
import { icons } from './icons.ts';

export default defineConfig({ plugins: [icons('../ontology')], test: { env: { TZ: 'UTC' }, include: ['src/**/*.test.ts'], environment: 'node' } });

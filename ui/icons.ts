/// <reference types="node" />
/**
 * The icons that types may have, as a build-time module.
 *
 * `virtual:icons` has the drawings of those that the shipped ontology names, and a loader for the rest of the Tabler
 * set by first letter: an own type's icon costs one small file, and only where there is such a type.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const ID = 'virtual:icons';
// Its package.json exports no JSON, so the file is read from where it lies.
const NODES = join(import.meta.dirname, 'node_modules/@tabler/icons/tabler-nodes-outline.json');

type Nodes = Record<string, [tag: string, attributes: Record<string, string>][]>;

export function icons(ontology: string): Plugin {
  const nodes = JSON.parse(readFileSync(NODES, 'utf8')) as Nodes;
  const letters = [...new Set(Object.keys(nodes).map((name) => name.charAt(0)))].sort();
  const files = turtleFiles(ontology);
  return {
    name: 'andon-icons',
    resolveId: (id) => (id === ID || id.startsWith(`${ID}/`) ? `\0${id}` : null),
    load(id) {
      if (id === `\0${ID}`) {
        files.forEach((file) => this.addWatchFile(file));
        const named = [...new Set(files.flatMap((file) => iconsIn(readFileSync(file, 'utf8'))))].sort();
        const unknown = named.filter((name) => !(name in nodes));
        if (unknown.length > 0) this.error(`the ontology names icons that Tabler does not have: ${unknown.join(', ')}`);
        const loaders = letters.map((letter) => `  ${letter}: () => import('${ID}/icons-${letter}')`).join(',\n');
        const neutral = JSON.stringify(drawing(nodes, 'box'));
        return `export const NEUTRAL = ${neutral};\nexport const SHIPPED = ${drawings(nodes, named)};\nexport const REST = {\n${loaders}\n};\n`;
      }
      if (!id.startsWith(`\0${ID}/icons-`)) return null;
      const letter = id.slice(-1);
      return `export default ${drawings(nodes, Object.keys(nodes).filter((name) => name.startsWith(letter)))};\n`;
    },
  };
}

/** The paths of an icon; the few that are filled are drawn as outlines too. */
function drawing(nodes: Nodes, name: string): string[] {
  return (nodes[name] ?? []).map(([, attributes]) => attributes.d ?? '');
}

function drawings(nodes: Nodes, names: string[]): string {
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, drawing(nodes, name)])));
}

function turtleFiles(folder: string): string[] {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ttl'));
  if (found.length === 0) throw new Error(`there is no ontology in ${folder}`);
  return found.map((file) => join(folder, file)).sort();
}

function iconsIn(turtle: string): string[] {
  return [...turtle.matchAll(/andon:icon\s+"([a-z0-9-]+)"/g)].map((match) => match[1] ?? '');
}

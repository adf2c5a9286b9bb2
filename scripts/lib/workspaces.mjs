// Where things are in this repository.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** A program that npm installed here, by path. */
export const bin = (name) => join(ROOT, 'node_modules/.bin', name);

export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

function foldersBelow(group) {
  const folder = join(ROOT, group);
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return entries.map((entry) => join(folder, entry.name)).filter((path) => existsSync(join(path, 'package.json')));
}

/** Every workspace: `packages/*`, `examples/*`, `bench`. */
export function workspaces() {
  return [...foldersBelow('packages'), ...foldersBelow('examples'), join(ROOT, 'bench')];
}

const described = (group) => foldersBelow(group).map((folder) => ({ folder, manifest: readJson(join(folder, 'package.json')) }));

/** The packages that are published, each with its folder and its manifest. */
export function publishedPackages() {
  return described('packages').filter(({ manifest }) => manifest.private !== true);
}

/** The examples, likewise. */
export function examples() {
  return described('examples');
}

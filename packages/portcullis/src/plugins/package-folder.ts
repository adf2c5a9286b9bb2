import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { PortcullisError } from '@portcullis/core';
import { exports as exported } from 'resolve.exports';

const MOST_BYTES = 1 << 20;

/** What of a `package.json` matters here. */
export interface Manifest {
  readonly name?: unknown;
  readonly exports?: unknown;
  readonly main?: unknown;
  readonly dependencies?: unknown;
  readonly optionalDependencies?: unknown;
  readonly peerDependencies?: unknown;
}

/** The nearest folder that has a `package.json`, from `folder` upwards. */
export function packageAbove(folder: string): string | undefined {
  return upwards(folder).find((one) => existsSync(join(one, 'package.json')));
}

/** Where Node finds a package of that name for a module in `from`: below `node_modules` of this folder, or of one above. */
export function installedPackage(name: string, from: string): string | undefined {
  return upwards(from).map((folder) => join(folder, 'node_modules', name)).find((folder) => existsSync(join(folder, 'package.json')));
}

/** A folder, and all above it. */
export function upwards(from: string): readonly string[] {
  const folders = [resolve(from)];
  for (;;) {
    const last = folders[folders.length - 1] ?? '/';
    if (dirname(last) === last) return folders;
    folders.push(dirname(last));
  }
}

/** @throws PortcullisError `PLUGIN_INVALID` */
export function readManifest(folder: string): Manifest {
  const path = join(folder, 'package.json');
  try {
    const { size } = statSync(path);
    if (size > MOST_BYTES) throw new RangeError(`more than ${String(MOST_BYTES)} bytes`);
    const manifest: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof manifest !== 'object' || manifest === null || Array.isArray(manifest)) throw new TypeError('not an object');
    return manifest;
  } catch (cause) {
    throw new PortcullisError('PLUGIN_INVALID', `cannot use \`${path}\``, { cause, facts: { path } });
  }
}

/** The file that `import` of the package loads. @throws PortcullisError `PLUGIN_INVALID` where it names none of its own */
export function entryOf(folder: string, manifest: Manifest): string {
  const entry = join(folder, relativeEntry(folder, manifest));
  if (entry.startsWith(`${folder}${sep}`)) return entry;
  throw new PortcullisError('PLUGIN_INVALID', `the entry of \`${folder}\` lies outside of it`, { facts: { path: entry } });
}

function relativeEntry(folder: string, manifest: Manifest): string {
  try {
    if (manifest.exports !== undefined) return exported(manifest, '.')?.[0] ?? 'index.js';
    return typeof manifest.main === 'string' && manifest.main !== '' ? manifest.main : 'index.js';
  } catch (cause) {
    throw new PortcullisError('PLUGIN_INVALID', `\`${join(folder, 'package.json')}\` exports nothing that can be imported`, { cause, facts: { path: folder } });
  }
}

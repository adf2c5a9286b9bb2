import { realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PortcullisError } from '@portcullis/core';
import { entryOf, installedPackage, packageAbove, readManifest } from './package-folder.js';
import { isPackageName, isPath, type PluginRequest } from './plugin-request.js';

/** Where a plugin lies. Nothing of it was loaded yet. */
export interface FoundPlugin {
  /** Its package's folder; of a file without one, the folder that the file is in. As it was reached: links are not followed. */
  readonly folder: string;
  /** A file was named, and no package's folder: its package's entry does not matter. */
  readonly file?: string;
}

/** Beside this package: where `npm install -g` puts plugins. */
const OWN_FOLDER = dirname(fileURLToPath(import.meta.url));

/** @throws PortcullisError `PLUGIN_NOT_FOUND` */
export function findPlugin({ use, from }: PluginRequest): FoundPlugin {
  if (isPath(use)) return atPath(resolve(from, use));
  if (!isPackageName(use)) throw notFound(use, 'is neither the name of a package nor a path, which begins with `./`, `../` or `/`');
  const folder = installedPackage(use, from) ?? installedPackage(use, OWN_FOLDER);
  if (folder === undefined) throw notFound(use, `is not installed: no \`node_modules\` from \`${resolve(from)}\` upwards has it, nor one beside portcullis`);
  return { folder };
}

/** The file to import. To be asked for once the plugin is trusted: its `package.json` decides. @throws PortcullisError `PLUGIN_INVALID`, `PLUGIN_NOT_FOUND` */
export function fileOf({ folder, file }: FoundPlugin): string {
  const path = file ?? entryOf(folder, readManifest(folder));
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new PortcullisError('PLUGIN_NOT_FOUND', `the entry of \`${folder}\` is not there; is it built?`, { cause, facts: { path } });
  }
}

function atPath(path: string): FoundPlugin {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() === true) return { folder: packageAbove(dirname(path)) ?? dirname(path), file: path };
  if (stat?.isDirectory() !== true) throw notFound(path, 'is not there');
  if (packageAbove(path) !== path) throw notFound(path, 'is a folder without a `package.json`');
  return { folder: path };
}

function notFound(use: string, why: string): PortcullisError {
  return new PortcullisError('PLUGIN_NOT_FOUND', `\`${use}\` ${why}`, { facts: { plugin: use } });
}

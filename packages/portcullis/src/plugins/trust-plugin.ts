import { existsSync, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { PortcullisError } from '@portcullis/core';
import { assertTrusted, rootAndUs } from '@portcullis/core/platform';
import { installedPackage, readManifest, upwards, type Manifest } from './package-folder.js';

/** Looked at before a plugin is too large to be looked through. */
const MOST_FILES = 100_000;
const OTHERS_WRITE = 0o022;

/**
 * A plugin runs with all that the gateway may do, so nobody but root and us may be able to change what is loaded: every file
 * of its package, and of the packages that it says it depends on, with every folder above them and every link on the way.
 * @throws PortcullisError `PROGRAM_UNTRUSTED`, `PROGRAM_FAILED`
 */
export function assertTrustedPlugin(folder: string): void {
  new TrustedPackages().add(folder);
}

class TrustedPackages {
  readonly #owners = rootAndUs();
  readonly #seen = new Set<string>();
  #files = 0;

  /** @param path a folder or a file, by any name */
  add(path: string): void {
    assertTrusted(path, { owners: this.#owners, belowSticky: true });
    const real = realpathSync(path);
    this.#assertModulesAbove(real);
    this.#visit(real);
  }

  /** What a module imports and no manifest says, Node looks for in all of these. One in a sticky folder may be anybody's. */
  #assertModulesAbove(path: string): void {
    for (const folder of upwards(path)) {
      const modules = join(folder, 'node_modules');
      if (lstatSync(modules, { throwIfNoEntry: false }) !== undefined) assertTrusted(modules, { owners: this.#owners, belowSticky: true });
    }
  }

  /** @param path without links, in a folder that is trusted */
  #visit(path: string): void {
    if (this.#seen.has(path)) return;
    this.#seen.add(path);
    const stat = lstatSync(path);
    this.#assertOurs(path, stat.uid, stat.mode);
    if (!stat.isDirectory()) return;
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const inner = join(path, entry.name);
      if (entry.isSymbolicLink()) this.#addLink(inner);
      else this.#visit(inner);
      if (entry.isFile() && entry.name === 'package.json') this.#addDependencies(path);
    }
  }

  /** One that leads nowhere loads nothing; who could make it lead somewhere is a matter of the folders. */
  #addLink(path: string): void {
    if (existsSync(path)) this.add(path);
  }

  /** What Node would find for it. What is not installed, it cannot load. */
  #addDependencies(folder: string): void {
    for (const name of dependenciesOf(folder)) {
      const found = installedPackage(name, folder);
      if (found !== undefined) this.add(found);
    }
  }

  #assertOurs(path: string, uid: number, mode: number): void {
    if ((this.#files += 1) > MOST_FILES) throw new PortcullisError('PROGRAM_UNTRUSTED', `\`${path}\` is one of more than ${String(MOST_FILES)} files of a plugin, which are too many to look at`, { facts: { path } });
    if (this.#owners.has(uid) && (mode & OTHERS_WRITE) === 0) return;
    throw new PortcullisError('PROGRAM_UNTRUSTED', `\`${path}\` may be changed by someone other than root and us`, { facts: { path, step: path, uid, mode: mode.toString(8) } });
  }
}

/** None where the manifest cannot be read: Node cannot either, and some packages bring such ones for their tests. */
function dependenciesOf(folder: string): readonly string[] {
  let manifest: Manifest;
  try {
    manifest = readManifest(folder);
  } catch {
    return [];
  }
  const { dependencies, optionalDependencies, peerDependencies } = manifest;
  return [dependencies, optionalDependencies, peerDependencies].flatMap((some) => (typeof some === 'object' && some !== null ? Object.keys(some) : []));
}

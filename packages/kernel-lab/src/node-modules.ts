import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

/**
 * The folders of installed packages and of all that they depend on, found as node finds them: in the `node_modules` of the
 * asking package's folder, then of each folder above. Packages for another system are left out, as those that are not there.
 */
export function installedClosure(names: readonly string[], from: string): readonly string[] {
  const found = new Set<string>();
  const visit = (name: string, asking: string): void => {
    const folder = findPackage(name, asking);
    if (folder === undefined || found.has(folder)) return;
    const { dependencies, optionalDependencies, os, cpu } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    if (os?.includes(process.platform) === false || cpu?.includes(process.arch) === false) return;
    found.add(folder);
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) visit(needed, folder);
  };
  for (const name of names) visit(name, from);
  return [...found];
}

function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

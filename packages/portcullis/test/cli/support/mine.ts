import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where a package of this repository is. */
export function sourceFolder(name: string): string {
  return fileURLToPath(new URL(`../../../../${name}`, import.meta.url));
}

/** What a plugin has to be: only ours and root's to change, and all folders above it. */
export function mine(path: string): boolean {
  const { uid, mode } = statSync(path);
  return [0, process.geteuid?.()].includes(uid) && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0) && (path === '/' || mine(dirname(path)));
}

import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Context } from 'mocha';
import { requireFeature } from './skip.js';

const OTHERS_MAY_ENTER = 0o001;

/** The folder on the way to `file` that other users may not enter, such as root's own home; undefined where there is none. */
export function closedFolder(file: string): string | undefined {
  const folder = dirname(file);
  const above = folder === '/' ? undefined : closedFolder(folder);
  return above ?? ((statSync(folder).mode & OTHERS_MAY_ENTER) === 0 ? folder : undefined);
}

/** Skips the running test unless this is root, and other users, whom it plays, can start programs of this checkout. */
export function requireRoot(ctx: Context, reason: string): void {
  requireFeature(ctx, 'root', process.geteuid?.() === 0, reason);
  const closed = closedFolder(import.meta.filename);
  requireFeature(ctx, 'root', closed === undefined, `other users may not enter ${String(closed)}, where these tests are: \`chmod o+x\` it, or clone elsewhere`);
}

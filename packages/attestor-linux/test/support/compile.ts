import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const sources = join(import.meta.dirname, '../../test/peers');
let folder: string | undefined;

/** Names a folder with the programs of `test/peers`, compiled: for machines that have no compiler. */
export const PEERS_VARIABLE = 'PORTCULLIS_PEERS';

type Kind = 'program' | 'library';

/**
 * A program of `test/peers/<name>.c`, compiled once a run: root's, mode 0755, in a folder that every user can enter. Static
 * unless a library is asked for, so that its own file is all the code there is.
 */
export function compiled(name: string, kind: Kind = 'program'): string {
  folder ??= process.env[PEERS_VARIABLE] ?? newFolder();
  const made = pathOf(folder, name, kind);
  return existsSync(made) ? made : compileInto(folder, name, kind);
}

/** Compiles it, whether it is there or not. */
export function compileInto(into: string, name: string, kind: Kind): string {
  const made = pathOf(into, name, kind);
  const how = kind === 'library' ? ['-shared', '-fPIC'] : ['-static', '-pthread'];
  const { status, stderr } = spawnSync('/usr/bin/gcc', ['-Wall', '-Wextra', '-Werror', '-O1', ...how, '-o', made, join(sources, `${name}.c`)], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  chmodSync(made, 0o755);
  return made;
}

function pathOf(into: string, name: string, kind: Kind): string {
  return join(into, kind === 'library' ? `${name}.so` : name);
}

function newFolder(): string {
  const made = mkdtempSync('/tmp/portcullis-programs-');
  chmodSync(made, 0o755);
  process.on('exit', () => { rmSync(made, { recursive: true, force: true }); });
  return made;
}

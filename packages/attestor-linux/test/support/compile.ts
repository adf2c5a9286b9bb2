import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const sources = join(import.meta.dirname, '../../test/peers');
let folder: string | undefined;

/**
 * A program of `test/peers/<name>.c`, compiled once a run: root's, mode 0755, in a folder that every user can enter. Static
 * unless a library is asked for, so that its own file is all the code there is.
 */
export function compiled(name: string, kind: 'program' | 'library' = 'program'): string {
  folder ??= newFolder();
  const made = join(folder, kind === 'library' ? `${name}.so` : name);
  if (existsSync(made)) return made;
  const how = kind === 'library' ? ['-shared', '-fPIC'] : ['-static'];
  const { status, stderr } = spawnSync('/usr/bin/gcc', ['-Wall', '-Wextra', '-Werror', '-O1', ...how, '-o', made, join(sources, `${name}.c`)], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  chmodSync(made, 0o755);
  return made;
}

function newFolder(): string {
  const made = mkdtempSync('/tmp/portcullis-programs-');
  chmodSync(made, 0o755);
  process.on('exit', () => { rmSync(made, { recursive: true, force: true }); });
  return made;
}

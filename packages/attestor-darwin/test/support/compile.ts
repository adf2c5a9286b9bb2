import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const sources = join(import.meta.dirname, '../../test');
let folder: string | undefined;

/** `test/<source>.c`, compiled once a run with these further arguments, as `name` in a folder that every user can enter. */
export function compiled(source: string, name: string, args: readonly string[] = []): string {
  folder ??= newFolder();
  const made = join(folder, name);
  if (existsSync(made)) return made;
  const compiler = process.platform === 'darwin' ? '/usr/bin/cc' : '/usr/bin/gcc';
  const { status, stderr } = spawnSync(compiler, ['-Wall', '-Wextra', '-Werror', '-O1', ...args, '-o', made, join(sources, `${source}.c`)], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  chmodSync(made, 0o755);
  return made;
}

/** The peer that does as it is told. Another `name` makes another program: the linker makes the UUID from the content. */
export function puppet(name = 'puppet'): string {
  return compiled('peers/puppet', name, [`-DPUPPET_NAME="${name}"`]);
}

function newFolder(): string {
  const made = realpathSync(mkdtempSync('/tmp/portcullis-darwin-'));
  chmodSync(made, 0o755);
  process.on('exit', () => { rmSync(made, { recursive: true, force: true }); });
  return made;
}

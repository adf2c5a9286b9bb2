import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { compiled } from './compile.js';

/** Kills a process and waits, without a turn of the event loop, until its parent has reaped it. */
export function killAndReap(pid: number): void {
  process.kill(pid, 'SIGKILL');
  while (existsSync(`/proc/${String(pid)}`));
}

/** Gives `pid` to a new process of `uid` that runs `program hold`. Kill it when done. */
export function recyclePid(pid: number, uid: number, program: string, gid = uid): void {
  const { status } = spawnSync(compiled('recycle'), [String(pid), String(uid), String(gid), program, 'hold']);
  assert.equal(status, 0, 'the pid cannot be given again');
}

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Evidence, Evidenced, SelectorKey } from '@portcullis/core';

/** All places where systemd's own hierarchy may be mounted. */
const ROOTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd'].filter((path) => existsSync(join(path, 'cgroup.procs')));

/** A process in a group of its own, where units of the system are. */
export class PeerInUnit {
  readonly unit: string;
  readonly cgroup: string;
  readonly process: ChildProcess;
  readonly #made: string[] = [];

  constructor(name: string) {
    this.unit = `portcullis-${name}-${String(process.pid)}.service`;
    this.cgroup = `/system.slice/${this.unit}`;
    this.process = spawn('/bin/sleep', ['600'], { stdio: 'ignore' });
    for (const root of ROOTS) {
      for (const folder of [join(root, 'system.slice'), join(root, this.cgroup)]) {
        if (existsSync(folder)) continue;
        mkdirSync(folder);
        this.#made.push(folder);
      }
      writeFileSync(join(root, this.cgroup, 'cgroup.procs'), String(this.pid));
    }
  }

  /** What the platform would have found. */
  get given(): Evidence {
    return new Map<SelectorKey, Evidenced>([
      ['linux:cgroup', { state: 'present', values: [this.cgroup], tier: 'derived' }],
      ['systemd:unit', { state: 'present', values: [this.unit], tier: 'derived' }],
    ]);
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGKILL');
    await gone;
    for (const folder of this.#made.reverse()) {
      if (folder.endsWith('.service') || readFileSync(join(folder, 'cgroup.procs'), 'utf8') === '') {
        try {
          rmdirSync(folder);
        } catch { /* another test is in it */ }
      }
    }
  }
}

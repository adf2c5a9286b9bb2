import { existsSync, mkdirSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { requireFeature } from '@portcullis/testkit';
import { needRoot } from './features.js';

const BASE = '/sys/fs/cgroup';
/** Version 2 alone, or beside version 1. */
const UNIFIED = [BASE, `${BASE}/unified`].find((path) => existsSync(join(path, 'cgroup.controllers')));
/** A hierarchy of version 1 whose groups need no set-up before a process may enter. */
const V1 = `${BASE}/pids`;

/** That groups can be made here whose names mean to the gateway what they mean to the host. */
export function needCgroups(ctx: Context): void {
  needRoot(ctx);
  const initial = readlinkSync('/proc/self/ns/cgroup') === 'cgroup:[4026531835]';
  requireFeature(ctx, 'cgroup2', initial && UNIFIED !== undefined && canMake(UNIFIED), 'no group of version 2 can be made here (a container?)');
}

export function needCgroupsV1(ctx: Context): void {
  needCgroups(ctx);
  requireFeature(ctx, 'cgroup1', existsSync(join(V1, 'tasks')) && canMake(V1), `no version 1 hierarchy at ${V1}`);
}

function canMake(root: string): boolean {
  const folder = join(root, `portcullis-try-${String(process.pid)}`);
  try {
    mkdirSync(folder);
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** Groups of one test, removed when it ends: its processes have to be gone by then. */
export class Cgroups {
  readonly #made: string[] = [];

  /** Makes a group of version 2 and what is missing above it, as root; returns its folder. */
  make(path: string): string {
    return this.#make(UNIFIED ?? BASE, path);
  }

  makeV1(path: string): string {
    return this.#make(V1, path);
  }

  /** That somebody else made it, so that it is removed. */
  adopt(folder: string): string {
    this.#made.push(folder);
    return folder;
  }

  close(): void {
    for (const folder of this.#made.splice(0).reverse()) rmdirSync(folder);
  }

  #make(root: string, path: string): string {
    let folder = root;
    for (const name of path.split('/')) {
      folder = join(folder, name);
      if (existsSync(folder)) continue;
      mkdirSync(folder, { mode: 0o755 });
      this.#made.push(folder);
    }
    return folder;
  }
}

/** `cgroup.procs`, as root. */
export function enter(folder: string, pid: number): void {
  writeFileSync(join(folder, 'cgroup.procs'), String(pid));
}

import { existsSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.js';
import { NotHere, reasonOf } from './not-here.js';

/** Version 2 alone, version 2 beside version 1, and systemd's own hierarchy of version 1. */
const ROOTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd'];
/** PROC_CGROUP_INIT_INO, linux/proc_ns.h. */
const INITIAL = 'cgroup:[4026531835]';
const CONTAINER_LIKE = /[0-9a-f]{64}/;

/** Control groups like those of containers, made and removed by the demo. */
export class Cgroups {
  readonly #cleanup: Cleanup;

  constructor(cleanup: Cleanup) {
    this.#cleanup = cleanup;
  }

  /** Makes a group and all above it that is missing. @throws NotHere */
  make(...names: readonly string[]): string {
    const root = rootHere();
    let at = root;
    for (const name of names) {
      at = join(at, name);
      if (existsSync(at)) continue;
      const made = at;
      try {
        mkdirSync(made);
      } catch (error) {
        throw new NotHere(`no control group can be made here: ${reasonOf(error)}`);
      }
      this.#cleanup.add(() => { rmdirSync(made); });
    }
    return at;
  }
}

/** Moves a process. @throws NotHere */
export function move(pid: number, group: string): void {
  try {
    writeFileSync(join(group, 'cgroup.procs'), String(pid));
  } catch (error) {
    throw new NotHere(`no process can be moved into a control group: ${reasonOf(error)}`);
  }
}

/** Where groups can be made whose names mean to the gateway what they mean to the host. @throws NotHere */
function rootHere(): string {
  if (readlinkSync('/proc/self/ns/cgroup') !== INITIAL) throw new NotHere('the gateway itself is in a control group namespace, most likely in a container');
  if (CONTAINER_LIKE.test(readFileSync('/proc/self/cgroup', 'utf8'))) throw new NotHere('the gateway itself is in a container');
  const root = ROOTS.find((path) => existsSync(join(path, 'cgroup.procs')));
  if (root === undefined) throw new NotHere('there is no control group hierarchy below /sys/fs/cgroup');
  return root;
}

import { readdirSync } from 'node:fs';

/** What a process holds that it must let go. */
export interface Leftovers {
  /** Undefined where the system does not list them. */
  readonly descriptors: number | undefined;
  /** Timers that keep the process alive. */
  readonly timers: number;
}

export function leftovers(): Leftovers {
  return { descriptors: descriptors(), timers: process.getActiveResourcesInfo().filter((one) => one === 'Timeout' || one === 'Immediate').length };
}

/** Whether no more is held than before, but for so many of each. */
export function isWithin(after: Leftovers, before: Leftovers, more: number): boolean {
  return (after.descriptors ?? 0) <= (before.descriptors ?? 0) + more && after.timers <= before.timers + more;
}

function descriptors(): number | undefined {
  for (const folder of ['/proc/self/fd', '/dev/fd']) {
    try {
      return readdirSync(folder).length;
    } catch {
      // not on this system
    }
  }
  return undefined;
}

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

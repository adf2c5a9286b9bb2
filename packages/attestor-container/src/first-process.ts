import { readFileSync } from 'node:fs';
import type { Pid } from '@portcullis/core';

/**
 * When a container's first process began: clock ticks after boot, field 22 of `/proc/PID/stat`. As long as that is the
 * same, the container was not started anew. Undefined where it cannot be seen: gone, or in a pid namespace of the daemon's.
 */
export function beganAt(pid: Pid): string | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    // comm, the second field, may have spaces and parentheses: what follows the last one is the kernel's.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

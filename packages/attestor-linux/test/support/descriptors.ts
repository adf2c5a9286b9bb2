import { readdirSync, readlinkSync } from 'node:fs';

/** How many descriptors this process holds, but for the one that looks. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length - 1;
}

/** What they lead to, for a message. */
export function descriptorLinks(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

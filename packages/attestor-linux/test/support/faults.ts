import { closeSync } from 'node:fs';
import { SO_PEERPIDFD } from '../../dist/ffi/constants.js';
import { libc, type Libc } from '../../dist/ffi/libc.js';

/** What is done to one call. */
export type Fault =
  /** It fails with this errno, undone; but for what the kernel does even where it fails: `close` and `munmap`. */
  | { readonly errno: number }
  /** A read that gets this share of the bytes it could have had, and one at least. */
  | { readonly share: number }
  /** A socket option whose length is this much off. */
  | { readonly lengthOff: number }
  /** Something that happens just before it. */
  | { readonly act: () => void };

/** One call, as it is about to be made; `count` begins with 1. */
export interface DoorCall {
  readonly count: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

type Call = (...args: unknown[]) => unknown;

const DONE_THOUGH_FAILED: ReadonlySet<string> = new Set(['close', 'munmap']);
const NOT_CALLS: ReadonlySet<string> = new Set<keyof Libc>(['errno', 'addressOf']);
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/**
 * Stands in the door to the C library, which is one object in this very process, until what it returns is called. Nothing
 * in the package knows of it: there is no switch that production could find.
 */
export function injectFaults(choose: (call: DoorCall) => Fault | undefined): () => void {
  const door = libc() as unknown as Record<string, Call>;
  const real = { ...door };
  let count = 0;
  let inside = false;
  /** The errno of the call that failed last, until the next one. */
  let failed: number | undefined;
  for (const [name, call] of Object.entries(real)) {
    if (NOT_CALLS.has(name)) continue;
    door[name] = (...args) => {
      if (inside) return call(...args);
      failed = undefined;
      count += 1;
      inside = true;
      try {
        const fault = choose({ count, name, args });
        if (fault !== undefined && 'errno' in fault) failed = fault.errno;
        return fault === undefined ? call(...args) : perform(name, call, args, fault);
      } finally {
        inside = false;
      }
    };
  }
  door['errno'] = () => failed ?? real['errno']?.();
  return () => { Object.assign(door, real); };
}

function perform(name: string, call: Call, args: unknown[], fault: Fault): unknown {
  if ('errno' in fault) {
    if (DONE_THOUGH_FAILED.has(name)) call(...args);
    return name === 'mmap' ? MAP_FAILED : -1;
  }
  if ('share' in fault) {
    if (name !== 'pread') return call(...args);
    const [fd, memory, room, offset] = args;
    const could = call(fd, memory, room, offset) as number;
    return could <= 1 ? could : call(fd, memory, Math.max(1, Math.floor(could * fault.share)), offset);
  }
  if ('lengthOff' in fault) {
    const result = call(...args);
    if (name !== 'getsockopt' || result !== 0) return result;
    const [, , option, value, length] = args as [number, number, number, Int32Array, Int32Array];
    if (option === SO_PEERPIDFD) closeSync(value[0] ?? -1); // what has another length is no descriptor
    length[0] = (length[0] ?? 0) + fault.lengthOff;
    return result;
  }
  fault.act();
  return call(...args);
}

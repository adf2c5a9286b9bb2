import { latin1Text, MAX_U32, parseUint } from './decode.js';

/** An executable mapping: one line of `/proc/PID/maps` that has `x`. */
export interface ExecutableMapping {
  /** First byte, and the byte after the last. An address needs 64 bits. */
  readonly start: bigint;
  readonly end: bigint;
  /** `r-xp`, `rwxs` … */
  readonly perms: string;
  /** Into the file. */
  readonly offset: bigint;
  readonly devMajor: number;
  readonly devMinor: number;
  /** 0: no file behind it. A bigint, as `fs.Stats` has it with `{ bigint: true }`. */
  readonly inode: bigint;
  /**
   * One char a byte, since it need not be UTF-8 (`latin1Text`). As the kernel spells it, empty where it has none: `/usr/bin/node`, `/memfd:jit (deleted)`, `[vdso]`, `[anon:name]`.
   * A newline is spelled `\012` while a backslash is spelled as itself, and ` (deleted)` may be part of a name: two files may
   * have one spelling, so identify by device and inode, and take this as a hint for people.
   */
  readonly name: string;
}

/** A node process has 500 lines of 100 bytes; the mappings of vm.max_map_count (65530) fit at 128 bytes each. */
const MAX_MAPS_BYTES = 8 << 20;

/** Numbers as show_vma_header_prefix prints them (fs/proc/task_mmu.c), then blanks, then the name. */
const LINE =
  /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-][ps]) ([0-9a-f]{1,16}) ([0-9a-f]{1,8}):([0-9a-f]{1,8}) ([0-9]{1,20})(?: +([^ ].*)?)?$/s;

/**
 * The executable mappings of `/proc/PID/maps` (proc_pid_maps(5)) in ascending order, or `undefined` when the text has not
 * that shape. The fallback where PROCMAP_QUERY is missing (before Linux 6.11), which has names as bytes too.
 */
export function parseExecutableMaps(bytes: Uint8Array): readonly ExecutableMapping[] | undefined {
  const text = latin1Text(bytes, MAX_MAPS_BYTES);
  if (text === undefined) return undefined;
  // A kernel thread, or a process past its exit, has no memory and an empty file.
  if (text === '') return [];
  if (!text.endsWith('\n')) return undefined;
  const mappings: ExecutableMapping[] = [];
  let last = 0n;
  for (const line of text.slice(0, -1).split('\n')) {
    const fields = LINE.exec(line);
    if (fields === null) return undefined;
    const start = BigInt(`0x${fields[1] ?? ''}`);
    const end = BigInt(`0x${fields[2] ?? ''}`);
    // Ascending and disjoint, as the kernel walks them: what is not so is not the kernel's.
    if (start < last || end <= start) return undefined;
    last = end;
    if (fields[3]?.[2] !== 'x') continue;
    const mapping = mappingOf(start, end, fields);
    if (mapping === undefined) return undefined;
    mappings.push(mapping);
  }
  return mappings;
}

function mappingOf(start: bigint, end: bigint, fields: RegExpExecArray): ExecutableMapping | undefined {
  const devMajor = parseUint(String(Number.parseInt(fields[5] ?? '', 16)), MAX_U32);
  const devMinor = parseUint(String(Number.parseInt(fields[6] ?? '', 16)), MAX_U32);
  if (devMajor === undefined || devMinor === undefined) return undefined;
  const offset = BigInt(`0x${fields[4] ?? ''}`);
  return { start, end, perms: fields[3] ?? '', offset, devMajor, devMinor, inode: BigInt(fields[7] ?? ''), name: fields[8] ?? '' };
}

import { asBuffer } from './decode.js';

/** Entries of the auxiliary vector: the words that the kernel put on the stack at exec, and keeps in `mm->saved_auxv`. */
export interface Auxv {
  /** Address of the program's entry point (AT_ENTRY, 9). */
  readonly entry: bigint | undefined;
  /** Address of 16 random bytes on the stack (AT_RANDOM, 25): a new exec has a new one, mostly. */
  readonly random: bigint | undefined;
  /** Whether the exec gained privileges: set-uid, file capabilities or a security module (AT_SECURE, 23). */
  readonly secure: boolean | undefined;
}

/** linux/auxvec.h, Linux 6.18. */
export const AT_NULL = 0n;
export const AT_ENTRY = 9n;
export const AT_SECURE = 23n;
export const AT_RANDOM = 25n;

const WORD_BYTES = 8;
const PAIR_BYTES = 2 * WORD_BYTES;

/** AT_VECTOR_SIZE is about 50 words: linux/mm_types.h. */
const MAX_AUXV_BYTES = 4096;

/**
 * `/proc/PID/auxv` (proc_pid_auxv(5), auxv_read in fs/proc/base.c) of a 64-bit process, up to AT_NULL, or `undefined` when
 * it has not that shape: a 32-bit process, whose words are half as long, is one that we say nothing of. `littleEndian` is the
 * machine's order (`os.endianness() === 'LE'`).
 */
export function parseAuxv(bytes: Uint8Array, littleEndian = true): Auxv | undefined {
  const pairs = parseAuxvPairs(bytes, littleEndian);
  if (pairs === undefined) return undefined;
  const secure = pairs.get(AT_SECURE);
  if (secure !== undefined && secure > 1n) return undefined;
  return {
    entry: pairs.get(AT_ENTRY),
    random: pairs.get(AT_RANDOM),
    secure: secure === undefined ? undefined : secure === 1n,
  };
}

/** All pairs by type; a type that comes twice makes it `undefined`, but for AT_IGNORE (1). */
export function parseAuxvPairs(bytes: Uint8Array, littleEndian = true): ReadonlyMap<bigint, bigint> | undefined {
  if (bytes.byteLength > MAX_AUXV_BYTES || bytes.byteLength % PAIR_BYTES !== 0) return undefined;
  const buffer = asBuffer(bytes);
  const word = (at: number): bigint => (littleEndian ? buffer.readBigUInt64LE(at) : buffer.readBigUInt64BE(at));
  const pairs = new Map<bigint, bigint>();
  for (let at = 0; at < buffer.length; at += PAIR_BYTES) {
    const type = word(at);
    if (type === AT_NULL) return pairs;
    // Types are small numbers: two 32-bit words read as one are not, and neither is noise.
    if (type > 0xffffn || (pairs.has(type) && type !== 1n)) return undefined;
    pairs.set(type, word(at + WORD_BYTES));
  }
  return undefined;
}

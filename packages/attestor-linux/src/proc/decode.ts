import { Buffer } from 'node:buffer';

/**
 * How the kernel's text becomes ours (I11): bounded, then decoded strictly, and refused whole where either fails.
 * A replaced byte would be a guess, and two different paths would read as the same one.
 */

/** Past this many bytes no file that we read is believed: a status with 65536 groups fits. */
export const MAX_TEXT_BYTES = 1 << 20;

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The same memory as a Buffer, whose searches and slices are faster; nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Strict UTF-8, or `undefined`: malformed, or longer than `maxBytes`. A NUL inside is text; callers that split on it do so before. */
export function decodeText(bytes: Uint8Array, maxBytes = MAX_TEXT_BYTES): string | undefined {
  if (bytes.byteLength > maxBytes) return undefined;
  try {
    return STRICT.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A label or a link as the kernel returns it: the NUL or the newline at its end is no part of it, one inside makes it undecodable. */
export function decodeLine(bytes: Uint8Array, maxBytes = MAX_TEXT_BYTES): string | undefined {
  const text = decodeText(trimEnd(bytes), maxBytes);
  return text === undefined || text.includes('\0') || text.includes('\n') ? undefined : text;
}

/**
 * One char per byte, for files whose structure is ASCII while one field of them is anybody's bytes (comm, a mapped file's
 * name): such a field cannot make the rest undecodable. Never show what comes out of here; decode the field with `fieldText`.
 */
export function latin1Text(bytes: Uint8Array, maxBytes = MAX_TEXT_BYTES): string | undefined {
  return bytes.byteLength > maxBytes ? undefined : asBuffer(bytes).toString('latin1');
}

/** A field of a `latin1Text`, decoded strictly. */
export function fieldText(field: string): string | undefined {
  return isAscii(field) ? field : decodeText(Buffer.from(field, 'latin1'));
}

/** Decimal digits of a number that a double holds exactly; anything else, a sign or a space included, is `undefined`. */
export function parseUint(text: string | undefined, max = Number.MAX_SAFE_INTEGER): number | undefined {
  if (text === undefined || !/^[0-9]{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

/** The largest uid, gid and 32-bit field. 4294967295 is `(uid_t) -1`, which the kernel does print. */
export const MAX_U32 = 0xffff_ffff;

/** Who is in more groups than these is not asked which: anybody can be in 65,536 by newgidmap, and each look would take long (T20). */
export const MOST_GROUPS = 1024;

/** PID_MAX_LIMIT is 2^22, but pid_t is an int: linux/threads.h. */
export const MAX_PID = 0x7fff_ffff;

function trimEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.byteLength;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  if (end > 0 && bytes[end - 1] === 0x0a) end -= 1;
  return bytes.subarray(0, end);
}

function isAscii(text: string): boolean {
  return /^[\x00-\x7f]*$/.test(text);
}
